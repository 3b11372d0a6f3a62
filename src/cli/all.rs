//! `crossfade run --proxy all`: the same cases on every proxy that is there, and one page of what they come to.

use std::path::PathBuf;

use super::args::{OutputArgs, ProxyArgs, RunArgs};
use super::files::Place;
use super::{Failure, print, proxy, report, run};
use crate::baseline::Baseline;
use crate::proxy::{Bundle, Wanted};
use crate::runner::Exit;

/// The name that stands for all of them.
pub(super) const NAME: &str = "all";
/// The file beside a profile that says what it is known to fail in the bundled suite. That of one version has the version
/// in front: `1.2.3.baseline.yaml`.
const BASELINE: &str = "baseline.yaml";
/// The page, unless told otherwise.
const PAGE: &str = "crossfade.html";

/// Runs the cases on one proxy after the other, each against the baseline of its profile.
pub(super) fn run(place: &Place, args: &RunArgs, quiet: bool, verbose: u8) -> Result<Exit, Failure> {
    check(args)?;
    let (there, missing) = proxies(place)?;
    for why in missing {
        log::warn!("left out: {why}");
    }
    let own = std::env::temp_dir().join(format!("crossfade-all-{}", std::process::id()));
    let folder = args.output.json.as_ref().unwrap_or(&own);
    std::fs::create_dir_all(folder).map_err(|error| Failure::file(&folder.display().to_string(), error))?;
    let (mut exits, mut reports) = (Vec::new(), Vec::new());
    for Proxy { name, known } in there {
        let json = folder.join(format!("{name}.json"));
        let one = RunArgs {
            proxy: ProxyArgs { proxy: Some(name), ..ProxyArgs::default() },
            output: OutputArgs { json: Some(json.clone()), ..OutputArgs::default() },
            known,
            ..args.clone()
        };
        exits.push(run::one(place, &one, quiet, verbose)?);
        reports.push(json);
        if exits.last() == Some(&Exit::Interrupted) {
            break;
        }
        print("\n");
    }
    let page = args.output.html.clone().unwrap_or_else(|| PathBuf::from(PAGE));
    let written = report::page(&reports, &page);
    // Of the user's folder nothing is removed.
    let _ = std::fs::remove_dir_all(own);
    written.map(|_| together(&exits))
}

/// What the runs came to. That one proxy can play none of the cases is no failure, as long as another does.
fn together(exits: &[Exit]) -> Exit {
    let judged = exits.iter().copied().filter(|exit| *exit != Exit::NothingJudged);
    judged.reduce(Exit::and).unwrap_or(Exit::NothingJudged)
}

/// Refuses what is about one proxy.
fn check(args: &RunArgs) -> Result<(), Failure> {
    let one = ProxyArgs { proxy: None, ..args.proxy.clone() };
    let mut options = run::proxy_options(&one);
    let given = [
        ("--baseline", args.baseline.is_some()),
        ("--update-baseline", args.update_baseline),
        ("--new-only", args.new_only.is_some()),
        ("--junit", args.output.junit.is_some()),
        ("--markdown", args.output.markdown.is_some()),
        ("--record", args.recording.record.is_some()),
        ("--json -", args.output.takes_stdout()),
    ];
    options.extend(given.iter().filter(|(_, given)| *given).map(|(name, _)| (*name).to_owned()));
    match options.first() {
        Some(option) => Err(Failure::usage(format!("`{option}` is for one proxy, not for `--proxy {NAME}`"))),
        None => Ok(()),
    }
}

/// A proxy that can be started.
struct Proxy {
    name: String,
    /// What its profile knows to fail.
    known: Option<Baseline>,
}

/// The proxies that can be started, and why others cannot.
fn proxies(place: &Place) -> Result<(Vec<Proxy>, Vec<String>), Failure> {
    let (catalogue, host) = (proxy::catalogue(place)?, proxy::host()?);
    let (mut there, mut missing) = (Vec::new(), Vec::new());
    for bundle in catalogue.all() {
        let profile = &bundle.profile;
        let versions: Vec<Option<&String>> = match profile.versions.len() {
            0 => vec![None],
            _ => profile.versions.keys().map(Some).collect(),
        };
        for version in versions {
            let name =
                version.map_or_else(|| profile.profile.clone(), |version| format!("{}@{version}", profile.profile));
            let wanted: Wanted = name.parse().map_err(Failure::from)?;
            match catalogue.resolve(&wanted, &host) {
                Ok(_) => there.push(Proxy { name, known: baseline(bundle, version)? }),
                Err(why) => missing.push(why.to_string()),
            }
        }
    }
    Ok((there, missing))
}

fn baseline(bundle: &Bundle, version: Option<&String>) -> Result<Option<Baseline>, Failure> {
    let of_version = version.map(|version| format!("{version}.{BASELINE}"));
    let files = of_version.into_iter().chain([BASELINE.to_owned()]);
    let mut found =
        files.filter_map(|file| Some((format!("{}/{file}", bundle.profile.profile), bundle.files.get(&file)?)));
    let baseline = found.next().map(|(name, text)| Baseline::load_text(&name, text)).transpose();
    baseline.map_err(|error| Failure::load(&[error], false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::Catalogue;

    #[test]
    fn a_proxy_that_can_play_nothing_does_not_decide() {
        use Exit::{AsExpected, Failed, NothingJudged};
        assert_eq!(together(&[AsExpected, NothingJudged]), AsExpected);
        assert_eq!(together(&[NothingJudged, Failed, AsExpected]), Failed);
        assert_eq!(together(&[NothingJudged]), NothingJudged);
    }

    #[test]
    fn every_bundled_baseline_loads_and_a_version_has_its_own() {
        let catalogue = Catalogue::bundled();
        let known = |name: &str, version: Option<&str>| {
            let bundle = catalogue.all().find(|bundle| bundle.profile.profile == name).unwrap();
            baseline(bundle, version.map(str::to_owned).as_ref()).unwrap()
        };
        for bundle in catalogue.all() {
            for version in bundle.profile.versions.keys().map(Some).chain([None]) {
                baseline(bundle, version).unwrap_or_else(|error| panic!("{error:?}"));
            }
        }
        assert!(known("builtin", None).is_none());
        assert!(known("nginx", None).is_some() && known("portkey", Some("1.15.2")).is_some());
        assert_ne!(known("litellm", Some("1.84.0")), known("litellm", Some("1.106.2")));
        assert!(known("litellm", None).is_none());
    }
}
