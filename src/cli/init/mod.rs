//! `crossfade init`: what a proxy's repository needs to be tested by Crossfade in CI.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::args::{Ci, InitArgs, SketchArgs};
use super::files::Place;
use super::new::{SCHEMA, schema, template, write_new};
use super::{Failure, print, proxy};
use crate::config::FILE_NAME;
use crate::proxy::{Bundle, GetBy, Profile};
use crate::runner::Exit;

const CONFIG: &str = include_str!("crossfade.yaml");
const BASELINE: &str = include_str!("baseline.yaml");
const GITHUB: &str = include_str!("github.yml");
const GITLAB: &str = include_str!("gitlab.yml");

/// Where the baseline is written: beside `crossfade.yaml`, for what lies among scenarios is taken for one.
const BASELINE_FILE: &str = "crossfade-baseline.yaml";
/// What stands where nobody knows how the proxy is built.
const UNKNOWN_BUILD: &str = "echo 'write here what builds and installs your proxy'";
/// What stands before a run of the reference proxy, where another is meant.
const CHOICE: [&str; 2] = [
    "# The reference proxy stands in for yours: `--proxy NAME --from .` (`crossfade show proxies` lists names), or",
    "# `--proxy http://127.0.0.1:4000 --listen 127.0.0.1:9100` for one that was started above.",
];
const SCENARIOS: &str = "scenarios";
const EXAMPLE: &str = "example";

/// The program under test, as the files name it.
#[derive(Debug)]
struct Subject {
    /// What stands behind `proxy:` in `crossfade.yaml`.
    config: String,
    /// The options of `run`.
    options: String,
    /// Whether it is only the reference proxy, for want of a better one.
    stands_in: bool,
    /// What builds it in its checkout.
    build: Vec<String>,
}

/// Sets up the working folder.
pub(super) fn init(args: &InitArgs) -> Result<Exit, Failure> {
    let here = Path::new("");
    let catalogue = proxy::catalogue(&Place::here()?)?;
    let profile = match &args.proxy {
        Some(name) => Some(catalogue.find(name)?),
        None => catalogue.all().find(|bundle| is_checkout_of(here, &bundle.profile)).cloned(),
    };
    let subject = Subject::of(profile.as_deref().map(|bundle: &Bundle| &bundle.profile));
    let (mut wrote, mut left) = (Vec::new(), Vec::new());
    for (path, text) in files(&subject, args.ci, has_scenarios(here)) {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Failure::file(&folder.display().to_string(), error))?;
        }
        if path.exists() {
            left.push(path);
        } else {
            write_new(&path, &text)?;
            wrote.push(path);
        }
    }
    print(&told(&subject, args.ci, &wrote, &left));
    Ok(Exit::AsExpected)
}

/// Whether the folder is the repository of this proxy.
fn is_checkout_of(folder: &Path, profile: &Profile) -> bool {
    let Some(repository) = &profile.repository else { return false };
    std::fs::read_to_string(folder.join(&repository.file)).is_ok_and(|text| text.contains(&repository.says))
}

/// Whether there are scenarios already: an example among them would be one more thing to delete.
fn has_scenarios(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder.join(SCENARIOS)).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.path().extension().is_some_and(|extension| extension == "yaml"))
}

impl Subject {
    fn of(profile: Option<&Profile>) -> Self {
        let Some(profile) = profile.filter(|profile| profile.get != GetBy::Builtin) else {
            return Self {
                config: "builtin".to_owned(),
                options: "--proxy builtin".to_owned(),
                stands_in: true,
                build: Vec::new(),
            };
        };
        let name = &profile.profile;
        let (config, options) = if profile.from.is_empty() {
            (name.clone(), format!("--proxy {name}"))
        } else {
            (format!("{{name: {name}, from: .}}"), format!("--proxy {name} --from ."))
        };
        let build = profile.repository.as_ref().map(|repository| repository.build.clone()).unwrap_or_default();
        Self { config, options, stands_in: false, build }
    }

    /// A workflow, with what it says of the proxy; `bullet` stands before each line that builds it.
    fn fill(&self, text: &str, bullet: &str) -> String {
        let unknown = [UNKNOWN_BUILD.to_owned()];
        let build = if self.build.is_empty() { &unknown[..] } else { &self.build };
        let build: Vec<String> = build.iter().map(|line| format!("{bullet}{line}")).collect();
        let choice = if self.stands_in { CHOICE.map(str::to_owned).to_vec() } else { Vec::new() };
        let mut filled = String::new();
        for line in text.lines() {
            let indent = &line[..line.len() - line.trim_start().len()];
            let lines = match line.trim() {
                "@BUILD@" => &build,
                "@CHOICE@" => &choice,
                _ => {
                    let _ = writeln!(filled, "{line}");
                    continue;
                }
            };
            for line in lines {
                let _ = writeln!(filled, "{indent}{line}");
            }
        }
        filled.replace("@RUN@", &self.options).replace("@VERSION@", env!("CARGO_PKG_VERSION"))
    }
}

/// Every file that is set up, with its text.
fn files(subject: &Subject, ci: Ci, has_scenarios: bool) -> Vec<(PathBuf, String)> {
    let config = CONFIG
        .replace("@SCENARIOS@", SCENARIOS)
        .replace("@PROXY@", &subject.config)
        .replace("@BASELINE@", BASELINE_FILE);
    let mut files = vec![(PathBuf::from(FILE_NAME), config), (BASELINE_FILE.into(), BASELINE.to_owned())];
    if !has_scenarios {
        files.push((format!("{SCENARIOS}/{EXAMPLE}.yaml").into(), template(EXAMPLE, &SketchArgs::default())));
        files.push((format!("{SCENARIOS}/{SCHEMA}").into(), schema()));
    }
    match ci {
        Ci::Github => {
            files.push((".github/workflows/crossfade.yml".into(), subject.fill(GITHUB, "")));
        }
        Ci::Gitlab => files.push((".gitlab/crossfade.yml".into(), subject.fill(GITLAB, "- "))),
        Ci::None => {}
    }
    files
}

/// What was done, and what comes next.
fn told(subject: &Subject, ci: Ci, wrote: &[PathBuf], left: &[PathBuf]) -> String {
    let mut text = String::new();
    for path in wrote {
        let _ = writeln!(text, "wrote {}", path.display());
    }
    for path in left {
        let _ = writeln!(text, "left {} as it is", path.display());
    }
    let mut steps = vec![("crossfade run --proxy builtin".to_owned(), "the scenarios on the reference proxy")];
    if subject.stands_in {
        steps.push((format!("edit `proxy:` in {FILE_NAME}"), "which proxy is yours"));
    } else {
        steps.push((format!("crossfade run {}", subject.options), "on yours, once it is built"));
        steps.push((
            format!("crossfade run {} --update-baseline", subject.options),
            "what fails today is known; then write the reasons",
        ));
    }
    steps.push(("crossfade new my-bug".to_owned(), "a scenario for a bug that you met"));
    match ci {
        Ci::Github => {
            let why = if subject.build.is_empty() {
                "where Crossfade comes from, and how your proxy is built and run"
            } else {
                "where Crossfade comes from"
            };
            steps.push(("edit .github/workflows/crossfade.yml".to_owned(), why));
        }
        Ci::Gitlab => steps.push((
            "include .gitlab/crossfade.yml in .gitlab-ci.yml".to_owned(),
            "and edit it: where Crossfade comes from",
        )),
        Ci::None => {}
    }
    text.push_str("\nnext:\n");
    let width = steps.iter().map(|(step, _)| step.chars().count()).max().unwrap_or(0);
    for (step, why) in steps {
        let _ = writeln!(text, "  {step:width$}  {why}");
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::args::Cli;
    use super::*;
    use crate::answer::Library;
    use crate::baseline::Baseline;
    use crate::config::Config;
    use crate::proxy::Catalogue;
    use crate::scenario;

    fn subjects() -> Vec<Subject> {
        let catalogue = Catalogue::bundled();
        let known = catalogue.all().map(|bundle| Subject::of(Some(&bundle.profile)));
        known.chain([Subject::of(None)]).collect()
    }

    #[test]
    fn what_is_written_loads() {
        for subject in subjects() {
            for (path, text) in files(&subject, Ci::None, false) {
                let name = path.display().to_string();
                match name.as_str() {
                    FILE_NAME => {
                        let config = Config::load_text(&name, &text).unwrap_or_else(|error| panic!("{error}"));
                        assert_eq!(config.baseline.as_deref(), Some(Path::new(BASELINE_FILE)));
                    }
                    BASELINE_FILE => assert_eq!(Baseline::load_text(&name, &text), Ok(Baseline::default())),
                    _ if Path::new(&name).extension().is_some_and(|extension| extension == "yaml") => {
                        assert_eq!(scenario::load_text(&name, &text, &Library::bundled()).unwrap().len(), 4);
                    }
                    _ => assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{name}"),
                }
            }
        }
    }

    /// The commands of a workflow that are ours, those of comments among them.
    fn commands(workflow: &str) -> Vec<String> {
        let line = |line: &str| {
            let line = line.trim_start_matches([' ', '#', '-']).trim_start_matches("run: ");
            let known = line.replace(r#""${known[@]}""#, "--new-only main.json");
            line.starts_with("crossfade ").then_some(known)
        };
        workflow.lines().filter_map(line).collect()
    }

    #[test]
    fn a_workflow_is_yaml_and_its_commands_parse() {
        for subject in subjects() {
            for (ci, count) in [(Ci::Github, 2), (Ci::Gitlab, 2)] {
                let (path, text) = files(&subject, ci, true).pop().expect("a workflow");
                for left in ["@BUILD@", "@CHOICE@", "@RUN@", "@VERSION@"] {
                    assert!(!text.contains(left), "{left}: {text}");
                }
                if let Err(error) = serde_yaml::from_str::<serde_yaml::Value>(&text) {
                    panic!("{}: {error}\n{text}", path.display());
                }
                let commands = commands(&text);
                assert_eq!(commands.len(), count, "{text}");
                for command in commands {
                    if let Err(error) = Cli::try_parse_from(command.split_whitespace()) {
                        panic!("{command}: {error}");
                    }
                }
                let sharded = "crossfade run --partition slice:1/4";
                assert!(text.contains("--partition slice:") && Cli::try_parse_from(sharded.split(' ')).is_ok());
            }
        }
    }

    #[test]
    fn a_proxy_is_told_by_its_repository() {
        let folder = std::env::temp_dir().join(format!("crossfade-init-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let catalogue = Catalogue::bundled();
        let found = || {
            let mut all = catalogue.all().filter(|bundle| is_checkout_of(&folder, &bundle.profile));
            (all.next().map(|bundle| bundle.profile.profile.clone()), all.next().is_some())
        };
        assert_eq!(found(), (None, false));
        for bundle in catalogue.all() {
            let Some(repository) = &bundle.profile.repository else { continue };
            std::fs::write(folder.join(&repository.file), format!("x\n{}\n", repository.says)).unwrap();
            assert_eq!(found(), (Some(bundle.profile.profile.clone()), false));
            std::fs::remove_file(folder.join(&repository.file)).unwrap();
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
