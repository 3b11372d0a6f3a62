//! `crossfade explore`: silent on the clean reference proxy, it finds its defects, and what it writes fails again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crossfade::builtin::Defect;
use serde_json::Value;

use crate::support::{alone, crossfade, scratch, thorough};

/// Defects that the default tests look for: of a seam, of a request, of an error, and of the proxy's own request.
const QUICK: [Defect; 4] =
    [Defect::TextDoubled, Defect::SystemPromptEdited, Defect::PrimaryKeyOnFallback, Defect::RouteMapLeaked];
/// Cases in which every defect shows.
const ALL: usize = 2_000;

struct Explored {
    folder: PathBuf,
    code: i32,
    stdout: String,
    stderr: String,
    report: Value,
}

impl Explored {
    fn findings(&self) -> &[Value] {
        self.report["findings"].as_array().map_or(&[], Vec::as_slice)
    }

    fn told(&self) -> String {
        format!("exit {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }

    /// The first finding in which a check fails.
    fn of(&self, checks: &[&str]) -> Option<&Value> {
        let fails = |finding: &&Value| {
            let failed = finding["checks"].as_array().into_iter().flatten();
            failed.filter_map(Value::as_str).any(|check| checks.contains(&check))
        };
        self.findings().iter().find(fails)
    }
}

fn explore(name: &str, args: &[&str], cases: usize, seed: &str) -> Explored {
    let folder = scratch(name);
    let report = folder.join("report.json");
    let output = crossfade(&folder)
        .args(["explore", "--proxy", "builtin", "--strict", "--seed", seed, "--cases", &cases.to_string()])
        .args(args)
        .arg("--json")
        .arg(&report)
        .output()
        .expect("the binary starts");
    Explored {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        report: std::fs::read(&report).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default(),
        folder,
    }
}

/// The files of the findings, by name.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder.join("found")).into_iter().flatten().flatten();
    entries
        .map(|entry| {
            let text = std::fs::read_to_string(entry.path()).expect("a scenario is text");
            (entry.file_name().to_string_lossy().into_owned(), text)
        })
        .collect()
}

#[test]
fn the_clean_reference_proxy_has_no_findings() {
    let _alone = alone();
    let cases = if thorough() { 200 } else { 30 };
    for policy in ["error", "continue_user", "continue_prefill", "buffer_all"] {
        let explored = explore(&format!("explore-clean-{policy}"), &["--policy", policy], cases, "5");
        assert_eq!(explored.code, 0, "{policy}: {}", explored.told());
        assert!(explored.findings().is_empty() && files(&explored.folder).is_empty(), "{}", explored.told());
        assert_eq!(explored.report["played"], cases);
        let refused = explored.report["refused"].as_u64().unwrap_or(u64::MAX);
        assert!(refused < cases as u64 / 4, "{policy}: {}", explored.told());
    }
}

/// Asserts that a defect is found, and that the scenario which is written for it fails on the same check.
#[track_caller]
fn found(defect: Defect, cases: usize) {
    let args = ["--policy", defect.policy(), "--defect", defect.name()];
    let explored = explore(&format!("explore-{defect}"), &[&args[..], &["--max-fail", "2"]].concat(), cases, "3");
    assert_eq!(explored.code, 1, "{defect}: {}", explored.told());
    let finding = explored.of(defect.fails()).unwrap_or_else(|| panic!("{defect}: {}", explored.told()));
    let file = finding["file"].as_str().expect("it is written");
    let text = std::fs::read_to_string(explored.folder.join(file)).expect("it is there");
    assert!(text.lines().count() < 80, "{defect}: {text}");

    let report = explored.folder.join("again.json");
    let again = crossfade(&explored.folder)
        .args(["run", file, "--proxy", "builtin", "--strict"])
        .args(args)
        .arg("--json")
        .arg(&report)
        .output()
        .expect("the binary starts");
    assert_eq!(again.status.code(), Some(1), "{defect}: {text}\n{}", String::from_utf8_lossy(&again.stdout));
    let report: Value = serde_json::from_slice(&std::fs::read(report).expect("a report")).expect("JSON");
    let verdicts = report["cases"][0]["verdicts"].as_array().into_iter().flatten();
    let failed: Vec<&str> = verdicts
        .filter(|verdict| verdict["verdict"] == "fail")
        .filter_map(|verdict| verdict["check"].as_str())
        .collect();
    let told: Vec<&str> = finding["checks"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert_eq!(failed, told, "{defect}: {text}");
}

#[test]
fn defects_are_found_and_what_is_written_fails_again() {
    let _alone = alone();
    for defect in QUICK {
        found(defect, 60);
    }
}

#[test]
#[ignore = "takes an hour, and draws do not show every defect yet: cargo test -- --ignored"]
fn every_defect_that_breaks_what_always_holds_is_found() {
    let _alone = alone();
    for defect in Defect::ALL.iter().copied() {
        if defect.fails().iter().any(|check| crossfade::explore::always_holds(check)) {
            found(defect, ALL);
        }
    }
}

#[test]
fn the_same_seed_finds_the_same_and_writes_the_same() {
    let _alone = alone();
    let defect = ["--policy", "continue_user", "--defect", "text-doubled"];
    let with_jobs = |jobs: &'static str| [&defect[..], &["--jobs", jobs]].concat();
    let one = explore("explore-same-1", &with_jobs("8"), 40, "9");
    let two = explore("explore-same-2", &with_jobs("1"), 40, "9");
    let findings = |explored: &Explored| {
        let mut findings = explored.findings().to_vec();
        for finding in &mut findings {
            // Reasons quote words of a leg.
            finding["reasons"] = Value::Null;
        }
        findings
    };
    assert!(!one.findings().is_empty(), "{}", one.told());
    assert_eq!(findings(&one), findings(&two), "{}\n{}", one.told(), two.told());
    assert_eq!(files(&one.folder), files(&two.folder));
}

#[test]
fn it_needs_a_proxy() {
    let folder = scratch("explore-no-proxy");
    let output = crossfade(&folder).args(["explore", "--cases", "5"]).output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--proxy builtin"));
}

/// What explorations of real proxies found is kept as scenarios that load.
#[test]
fn what_was_found_on_real_proxies_loads() {
    let folders = crate::support::root().join("tests/it/explored");
    for proxy in ["portkey@1.15.2", "litellm@1.106.2"] {
        let output = crossfade(&scratch("explored")).arg("lint").arg(folders.join(proxy)).output().expect("it starts");
        assert!(output.status.success(), "{proxy}: {}", String::from_utf8_lossy(&output.stderr));
        let listed = std::fs::read_to_string(folders.join("README.md")).expect("the list is there");
        for entry in std::fs::read_dir(folders.join(proxy)).expect("the folder is there").flatten() {
            let file = format!("{proxy}/{}", entry.file_name().to_string_lossy());
            assert!(listed.contains(&file), "{file} is not listed");
        }
    }
}
