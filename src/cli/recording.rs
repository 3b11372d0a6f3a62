//! `crossfade run --record`: cassettes of what real providers answer behind a proxy.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::args::{RecordingArgs, RunArgs};
use super::files::{Chosen, Place};
use super::run::prepare;
use super::signals::signals;
use super::{Failure, block_on, clock, print, variable};
use crate::config::FILE_NAME;
use crate::record::{Mode, News};
use crate::redact::Redactor;
use crate::runner::{self, Exit, LegUpstream, Plan, Recorded, Recording, Secret, Told, Upstreams};
use crate::scenario::Case;
use crate::wire::bad_header;

/// Shortest key that is told from other text.
const LEAST_KEY: usize = 8;

/// Runs cases with real providers in the place of legs.
pub(super) fn record(place: &Place, args: &RunArgs, chosen: Chosen) -> Result<Exit, Failure> {
    if chosen.bundled {
        return Err(Failure::usage(
            "which scenarios? `--record` sends every request of a case to real providers, so give PATH",
        ));
    }
    known(&args.recording, &chosen.cases)?;
    let recording = recording(place, &args.recording)?;
    if let Some(path) = recording.in_the_way(&chosen.cases) {
        return Err(Failure::usage(format!(
            "{} holds recordings already; `--record-mode missing` plays what is there and records the rest, \
             `--record-mode all` records all anew",
            path.display()
        )));
    }
    let (plan, _, folder) = prepare(place, args, chosen, None, false)?;
    if plan.target.is_attached() {
        folder.remove();
        return Err(Failure::usage(
            "`--record` is for a proxy that we start: one that runs already has its own base URLs. Start \
             `crossfade record` for each provider, and give the proxy the base URLs that it prints",
        ));
    }
    print(&greeting(&plan, args, &recording));
    let recorded = block_on(async {
        let stop = signals();
        runner::record(&plan, &recording, stop, &mut |told| print(&text(&told))).await
    })?;
    if !recorded.down {
        folder.remove();
    }
    print(&summary(recorded));
    Ok(recorded.exit())
}

/// Legs that no case has are misspelt.
fn known(args: &RecordingArgs, cases: &[Case]) -> Result<(), Failure> {
    let legs = || cases.iter().flat_map(|case| &case.shape.legs).map(|leg| leg.name.as_str());
    for (leg, _) in &args.upstream {
        if !legs().any(|name| name == leg) {
            let mut names: Vec<&str> = legs().collect();
            names.sort_unstable();
            names.dedup();
            return Err(Failure::usage(format!("no case has a leg `{leg}`; there are {}", names.join(", "))));
        }
    }
    for (leg, variable) in &args.upstream_key {
        if !args.upstream.iter().any(|(name, _)| name == leg) {
            return Err(Failure::usage(format!("`--upstream-key {leg}={variable}`: `{leg}` has no `--upstream`")));
        }
    }
    Ok(())
}

fn recording(place: &Place, args: &RecordingArgs) -> Result<Recording, Failure> {
    let mut keys = BTreeMap::new();
    let mut rules = place.config.redact.clone();
    for (leg, name) in &args.upstream_key {
        let key = key(name)?;
        // Whatever its shape, no file gets it.
        rules.hide(&key);
        keys.insert(leg.clone(), Secret(key));
    }
    let redactor =
        Redactor::new(&rules).map_err(|wrong| Failure::file(FILE_NAME, format!("`redact.{}`: {wrong}", wrong.list)))?;
    let legs = args
        .upstream
        .iter()
        .map(|(leg, upstream)| (leg.clone(), LegUpstream { upstream: upstream.clone(), key: keys.get(leg).cloned() }));
    Ok(Recording {
        upstreams: Upstreams { legs: legs.collect(), ca: args.upstream_ca.clone() },
        out: args.record.clone().unwrap_or_default(),
        mode: args.record_mode.map_or(Mode::New, Mode::from),
        redactor,
        date: clock::date(),
    })
}

/// The key in an environment variable. It is never said what it holds.
fn key(name: &str) -> Result<String, Failure> {
    let key = variable(name).map(|key| key.trim().to_owned());
    match key {
        None => Err(Failure::usage(format!("the environment variable {name} is not set"))),
        Some(key) if key.len() < LEAST_KEY => {
            Err(Failure::usage(format!("{name} is shorter than {LEAST_KEY} characters: it could not be kept secret")))
        }
        Some(key) if bad_header("authorization", &key).is_some() => {
            Err(Failure::usage(format!("{name} holds characters that stand in no header")))
        }
        Some(key) => Ok(key),
    }
}

fn greeting(plan: &Plan, args: &RunArgs, recording: &Recording) -> String {
    let mut text = format!(
        "recording on {} into {}; a run that records judges nothing\n",
        plan.line.label(),
        recording.out.display()
    );
    for (leg, real) in &recording.upstreams.legs {
        let variable = args.recording.upstream_key.iter().rev().find(|(name, _)| name == leg);
        let key = match variable {
            Some((_, variable)) => format!("with the key in {variable}"),
            None => "with a key made up for this run".to_owned(),
        };
        let _ = writeln!(text, "  {leg} is {}, {key}", real.upstream);
    }
    text
}

fn text(told: &Told) -> String {
    match told {
        Told::Skipped { case, why } => format!("{case} is not recorded: {why}\n"),
        Told::Down(why) => format!("the proxy is down: {why}\n"),
        Told::Case { case, client, news } => {
            let mut text = format!("{case}: {client}\n");
            for (leg, news) in news {
                let _ = match news {
                    News::Kept { file, what } => writeln!(text, "  {}  {what}", file.display()),
                    News::Played { asked } => writeln!(text, "  {leg}: {asked} was played from a recording"),
                    News::Passed { asked } => {
                        writeln!(text, "  {leg}: {asked} passed and is not recorded: no API that Crossfade speaks")
                    }
                    News::NotKept { asked, why } => writeln!(text, "  {leg}: {asked} is NOT recorded: {why}"),
                };
            }
            if news.is_empty() {
                text.push_str("  no leg with an upstream was asked\n");
            }
            text
        }
    }
}

fn summary(recorded: Recorded) -> String {
    let Recorded { written, played, lost, .. } = recorded;
    let s = |n: usize| if n == 1 { "" } else { "s" };
    let mut text = format!("{written} exchange{} recorded", s(written));
    if played > 0 {
        let _ = write!(text, ", {played} played");
    }
    if lost > 0 {
        let _ = write!(text, ", {lost} NOT recorded");
    }
    text.push_str("; nothing was judged\n");
    text
}
