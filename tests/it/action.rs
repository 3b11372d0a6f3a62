//! The shell steps of the GitHub action, run as a runner runs them; the release that they fetch is served here.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{program, read_request, root, scratch, server};

const BUG: &str = "scenario: my-bug\nlegs: {primary: {cut: {at: {texts: 5}, by: close}}, fallback: {}}\n\
                   vary: {legs.primary.cut.by: [close, reset]}\n";

/// What a job is left with.
struct Job {
    /// Exit code of the step that failed, or 0.
    code: i32,
    told: String,
    outputs: String,
    summary: String,
    folder: PathBuf,
}

/// Runs the action's own steps with these inputs, until one fails.
fn job(name: &str, inputs: &[(&str, &str)], releases: &str) -> Job {
    let folder = scratch(name);
    fs::write(folder.join("my-bug.yaml"), BUG).expect("the scratch folder can be used");
    let temp = folder.join("temp");
    fs::create_dir(&temp).expect("the scratch folder can be used");
    let text = fs::read_to_string(root().join(".github/actions/crossfade/action.yml")).expect("the action is there");
    let action: Value = serde_yaml::from_str(&text).expect("the action is YAML");
    let known = action["inputs"].as_object().expect("it has inputs");
    assert!(inputs.iter().all(|(name, _)| known.contains_key(*name)), "no such input: {inputs:?}");
    let input = |name: &str| {
        let given = inputs.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        given.or_else(|| known[name]["default"].as_str()).expect("an input").to_owned()
    };
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_default();
    let mut job =
        Job { code: 0, told: String::new(), outputs: String::new(), summary: String::new(), folder: folder.clone() };
    for step in action["runs"]["steps"].as_array().expect("it has steps").iter().filter(|step| step["run"].is_string())
    {
        let added = read("path").lines().map(PathBuf::from).collect::<Vec<_>>();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(added.into_iter().chain(std::env::split_paths(&path))).expect("a path");
        let mut shell = Command::new("bash");
        shell.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"].as_str().expect("a script")]);
        shell.current_dir(&folder).env("PATH", path).env("RUNNER_TEMP", &temp).stdin(Stdio::null());
        let runner = [("GITHUB_ACTIONS", "true"), ("RUNNER_OS", "Linux"), ("RUNNER_ARCH", "X64"), ("NO_COLOR", "1")];
        shell.envs(runner).env("GITHUB_SERVER_URL", releases).env("GITHUB_ACTION_REPOSITORY", "some/where");
        for (name, file) in [("GITHUB_OUTPUT", "output"), ("GITHUB_PATH", "path"), ("GITHUB_STEP_SUMMARY", "summary")] {
            shell.env(name, folder.join(file));
        }
        for (name, value) in step["env"].as_object().into_iter().flatten() {
            let value = value.as_str().and_then(|value| value.strip_prefix("${{ inputs.")?.strip_suffix(" }}"));
            shell.env(name, input(value.expect("an input")));
        }
        let output = shell.output().expect("there is a bash");
        job.told += &String::from_utf8_lossy(&[output.stdout, output.stderr].concat());
        job.code = output.status.code().unwrap_or(-1);
        if job.code != 0 {
            break;
        }
    }
    (job.outputs, job.summary) = (read("output"), read("summary"));
    job
}

/// The program under test, small enough to be packed.
fn stand_in(folder: &Path) -> PathBuf {
    let path = folder.join("crossfade");
    fs::write(&path, format!("#!/bin/sh\nexec '{}' \"$@\"\n", program().display())).expect("it is written");
    let made = Command::new("chmod").arg("+x").arg(&path).status();
    assert!(made.is_ok_and(|status| status.success()), "it can be run");
    path
}

fn packed(folder: &Path) -> PathBuf {
    stand_in(folder);
    let archive = folder.join("crossfade-x86_64-unknown-linux-musl.tar.gz");
    let made = Command::new("tar").arg("-czf").arg(&archive).arg("-C").arg(folder).arg("crossfade").status();
    assert!(made.is_ok_and(|status| status.success()), "it is packed");
    archive
}

#[test]
fn a_program_is_run_with_what_the_inputs_say() {
    let file = stand_in(&scratch("action-program-file")).display().to_string();
    let args = "--filter '*[close]'  --strict\n--seed 7";
    let good =
        job("action-program", &[("file", &file), ("paths", "my-bug.yaml"), ("proxy", "builtin"), ("args", args)], "");
    assert_eq!(good.code, 0, "{}", good.told);
    assert!(good.told.contains("on builtin: 1 case, seed 7"), "{}", good.told);
    assert!(good.outputs.contains("exit-code=0\n"), "{}", good.outputs);
    assert!(good.summary.contains("Crossfade on builtin"), "{}", good.summary);
    for report in ["report.json", "report.html", "report.xml", "report.md"] {
        let path = good.folder.join("temp/crossfade-report").join(report);
        assert!(fs::metadata(&path).is_ok_and(|file| file.len() > 0), "{report}");
    }
}

#[test]
fn a_failure_fails_the_job_and_keeps_the_report() {
    let file = packed(&scratch("action-failure-file")).display().to_string();
    let bad = job(
        "action-failure",
        &[("file", &file), ("paths", "my-bug.yaml"), ("proxy", "builtin"), ("args", "--defect text-doubled")],
        "",
    );
    assert_eq!(bad.code, 1, "{}", bad.told);
    assert!(bad.outputs.contains("exit-code=1\n") && bad.outputs.contains("report="), "{}", bad.outputs);
    assert!(bad.told.contains("::error file=my-bug.yaml,line=2"), "{}", bad.told);
    assert!(bad.folder.join("temp/crossfade-report/report.json").is_file());
}

#[test]
fn inputs_are_words_never_commands() {
    let file = stand_in(&scratch("action-words-file")).display().to_string();
    let args = "--filter '$(touch made)' --filter `touch made` ; touch made";
    let job =
        job("action-words", &[("file", &file), ("paths", "my-bug.yaml"), ("proxy", "builtin"), ("args", args)], "");
    assert_ne!(job.code, 0, "{}", job.told);
    assert!(!job.folder.join("made").exists());
}

#[test]
fn a_release_is_fetched_and_its_checksum_held_to() {
    let archive = packed(&scratch("action-release-files"));
    let name = archive.file_name().expect("a name").to_string_lossy().into_owned();
    let sum = Command::new("sha256sum").arg(&archive).output().expect("there is sha256sum").stdout;
    let digest = String::from_utf8_lossy(&sum).split(' ').next().unwrap_or_default().to_owned();
    let serve = move |digest: &str| {
        let (archive, name) = (fs::read(&archive).expect("it is there"), name.clone());
        let sums = format!("{digest}  {name}\n");
        let address = server(move |mut stream| {
            let Some((head, _)) = read_request(&mut stream) else { return };
            let path = format!("/some/where/releases/download/v1.2.3/{name}");
            let body = match head.split(' ').nth(1) {
                Some(asked) if asked == path => &archive[..],
                Some(asked) if asked == format!("{path}.sha256") => sums.as_bytes(),
                _ => return,
            };
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        });
        format!("http://{address}")
    };
    let inputs = [("version", "1.2.3"), ("paths", "my-bug.yaml"), ("proxy", "builtin")];
    let good = job("action-release", &inputs, &serve(&digest));
    assert_eq!(good.code, 0, "{}", good.told);
    assert!(good.told.contains("2 cases: 2 pass"), "{}", good.told);
    let wrong = job("action-release-wrong", &inputs, &serve(&digest.replace(|_: char| true, "0")));
    assert_ne!(wrong.code, 0, "{}", wrong.told);
    assert!(!wrong.told.contains("2 cases"), "{}", wrong.told);
}

#[test]
fn without_a_version_or_a_file_it_says_so() {
    let job = job("action-nothing", &[], "");
    assert_eq!(job.code, 2, "{}", job.told);
    assert!(job.told.contains("::error::give crossfade a `version` or a `file`"), "{}", job.told);
}

/// Ids of steps that outputs name are there, and every input is used.
#[test]
fn the_action_holds_together() {
    let text = fs::read_to_string(root().join(".github/actions/crossfade/action.yml")).expect("the action is there");
    let action: Value = serde_yaml::from_str(&text).expect("the action is YAML");
    let ids: BTreeMap<_, _> = action["runs"]["steps"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|step| Some((step["id"].as_str()?, step["run"].as_str()?)))
        .collect();
    for (name, output) in action["outputs"].as_object().expect("it has outputs") {
        let value = output["value"].as_str().expect("a value");
        let id = value.strip_prefix("${{ steps.").and_then(|value| value.split('.').next()).expect("of a step");
        assert!(ids.get(id).is_some_and(|run| run.contains(&format!("\"{name}="))), "{name}");
    }
    for (name, input) in action["inputs"].as_object().expect("it has inputs") {
        assert!(text.contains(&format!("inputs.{name} ")), "{name} is not used");
        assert!(input["description"].as_str().is_some_and(|about| !about.is_empty()), "{name}");
    }
}
