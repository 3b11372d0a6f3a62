//! What a CI system asks of a run: shards, baselines, only what is new, annotations.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{crossfade, scratch};

const BUG: &str = "client: openai-chat\nlegs: {primary: {cut: {at: {texts: 5}, by: close}}, fallback: {}}\n\
                   vary: {legs.primary.cut.by: [close, eof, reset]}\n";

/// A folder with four scenarios.
fn folder(name: &str) -> PathBuf {
    let folder = scratch(name);
    for each in ["a", "b", "c", "d"] {
        std::fs::write(folder.join(format!("{each}.yaml")), BUG).expect("the scratch folder can be used");
    }
    folder
}

/// Runs the program and gives its exit code and all that it says.
fn told(folder: &Path, args: &[&str]) -> (i32, String) {
    let output = crossfade(folder).args(args).output().expect("the program starts");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.code().unwrap_or(-1), said.concat())
}

/// Every verdict of a report by its address.
fn verdicts(folder: &Path, report: &str) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(folder.join(report)).expect("the report was written");
    let report: Value = serde_json::from_str(&text).expect("the report is JSON");
    let mut found = BTreeMap::new();
    for case in report["cases"].as_array().into_iter().flatten() {
        for verdict in case["verdicts"].as_array().into_iter().flatten() {
            let address = format!("{}[{}]/{}", case["scenario"], case["case"], verdict["check"]);
            found.insert(address, verdict["verdict"].to_string());
        }
    }
    found
}

#[test]
fn shards_joined_are_the_whole_run() {
    let folder = folder("shards");
    let run = |args: &[&str]| {
        told(
            &folder,
            &[
                &[
                    "run",
                    ".",
                    "--proxy",
                    "builtin",
                    "--seed",
                    "7",
                    "--policy",
                    "error",
                    "--defect",
                    "truncation-silent",
                ],
                args,
            ]
            .concat(),
        )
    };
    let (whole, said) = run(&["--json", "whole.json"]);
    assert_eq!(whole, 1, "{said}");
    for shard in 1..=4 {
        let (report, part) = (format!("{shard}.json"), format!("slice:{shard}/4"));
        let (code, said) = run(&["--json", &report, "--partition", &part]);
        assert_eq!(code, 1, "{said}");
        assert_eq!(verdicts(&folder, &report).len() * 4, verdicts(&folder, "whole.json").len());
    }
    let merge = ["report", "merge", "1.json", "2.json", "3.json", "4.json", "--json", "all.json", "--junit", "all.xml"];
    let (code, said) = told(&folder, &merge);
    assert_eq!(code, whole, "{said}");
    assert!(said.starts_with("4 reports on builtin: 12 cases: "), "{said}");
    assert_eq!(verdicts(&folder, "all.json"), verdicts(&folder, "whole.json"));
    let junit = std::fs::read_to_string(folder.join("all.xml")).expect("it was written");
    assert!(junit.contains(r#"tests="12""#), "{junit}");
    let (code, said) = told(&folder, &["report", "merge", "1.json", "1.json"]);
    assert!(code == 2 && said.contains("is in two of the reports"), "{said}");
    let (code, said) = run(&["--partition", "slice:5/4"]);
    assert!(code == 2 && said.contains("there is no shard 5 of 4"), "{said}");
}

#[test]
fn only_what_is_new_fails() {
    let folder = folder("new-only");
    let run = |args: &[&str]| told(&folder, &[&["run", ".", "--proxy", "builtin", "--policy", "error"], args].concat());
    assert_eq!(run(&["--defect", "truncation-silent", "--json", "before.json"]).0, 1);
    let (code, said) = run(&["--defect", "truncation-silent", "--new-only", "before.json"]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = run(&["--new-only", "before.json"]);
    assert_eq!(code, 0, "what an earlier report has is never stale: {said}");
    let (code, said) = run(&["--defect", "answers-by-itself", "--new-only", "before.json"]);
    assert!(code == 1 && said.contains("route.reached"), "{said}");
}

#[test]
fn a_baseline_is_brought_up_to_the_run() {
    let folder = folder("update-baseline");
    let run = |args: &[&str]| {
        told(
            &folder,
            &[&["run", ".", "--proxy", "builtin", "--policy", "error", "--baseline", "known.yaml"], args].concat(),
        )
    };
    let (code, said) = run(&["--defect", "truncation-silent", "--update-baseline"]);
    assert_eq!(code, 0, "{said}");
    let read = || std::fs::read_to_string(folder.join("known.yaml")).expect("the baseline");
    let first = read();
    assert!(first.contains("not looked into yet; fails with builtin"), "{first}");
    assert_eq!(run(&["--defect", "truncation-silent"]).0, 0);
    let reason = first.replacen("not looked into yet; fails with builtin", "filed as 7", 1);
    std::fs::write(folder.join("known.yaml"), &reason).expect("the scratch folder can be used");
    assert_eq!(run(&["--defect", "truncation-silent", "--update-baseline"]).0, 0);
    assert_eq!(read(), reason, "reasons stay");
    let (code, said) = run(&[]);
    assert!(code == 1 && said.contains("stale baseline entry"), "{said}");
    assert_eq!(run(&["--update-baseline"]).0, 0);
    assert!(!read().contains("filed as 7"), "{}", read());
}

#[test]
fn github_is_told_where_it_fails() {
    let folder = folder("github");
    let mut command = crossfade(&folder);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", folder.join("summary.md"));
    let output = command
        .args(["run", "a.yaml", "--proxy", "builtin", "--policy", "error", "--defect", "truncation-silent"])
        .output();
    let said = String::from_utf8_lossy(&output.expect("the program starts").stdout).into_owned();
    assert!(said.contains("\n::error file=a.yaml,line="), "{said}");
    let summary = std::fs::read_to_string(folder.join("summary.md")).expect("the summary was written");
    assert!(summary.starts_with("### Crossfade on builtin: "), "{summary}");
}
