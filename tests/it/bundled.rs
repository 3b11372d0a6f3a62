//! The bundled suite against the reference proxy: clean under every policy, and the same in every run.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Run, alone, assert_same, run, scratch};

const POLICIES: [&str; 4] = ["error", "continue_user", "continue_prefill", "buffer_all"];

#[test]
fn clean_under_every_policy_and_every_case_is_exercised() {
    let _alone = alone();
    for policy in POLICIES {
        let run = run(&format!("clean-{policy}"), &["--policy", policy]);
        assert_eq!(run.code, 0, "{policy}: {}", run.told());
        for verdict in ["fail", "warn", "skip", "inconclusive"] {
            // A check may say that it does not apply; no case may be left out.
            let found = run.cells().into_iter().filter(|cell| cell.verdict == verdict && !applies_not(&cell.reason));
            let found: Vec<_> = found.collect();
            assert!(found.is_empty(), "{policy}: {verdict}: {found:#?}");
        }
        assert_eq!(run.skips(), Vec::<String>::new(), "{policy}");
        assert!(scenarios(&run).len() >= 8, "{policy}: {:?}", scenarios(&run));
    }
}

/// Single checks may say that they do not apply: the request is one that the target refuses, or the policy holds back.
fn applies_not(reason: &str) -> bool {
    reason.starts_with("control: 400") || reason.contains("declares to hold answers back")
}

#[test]
fn every_check_that_a_file_is_named_for_is_judged() {
    let _alone = alone();
    let run = run("named-checks", &[]);
    let mut judged: BTreeSet<(String, String)> = run
        .cells()
        .into_iter()
        .filter(|cell| cell.verdict == "pass" || cell.verdict == "fail")
        .map(|cell| (cell.scenario, cell.check))
        .collect();
    judged.extend(run.swept());
    let cases = crossfade::scenario::load_bundled().expect("the bundled suite loads");
    for case in cases {
        assert!(!case.checks.is_empty(), "{} names no check", case.scenario);
        for check in &case.checks {
            assert!(
                judged.contains(&(case.scenario.clone(), check.clone())),
                "{}/{check} is never judged",
                case.scenario
            );
        }
    }
}

fn scenarios(run: &Run) -> BTreeSet<String> {
    run.cells().into_iter().map(|cell| cell.scenario).collect()
}

/// As many runs are compared as `CROSSFADE_SOAK` says, else some.
#[test]
fn every_run_of_the_suite_gives_the_same_verdicts() {
    let runs = if std::env::var_os("CI").is_some() { 10 } else { 3 };
    soak("suite", &[], asked_for().unwrap_or(runs));
}

/// Some eighty cases that touch every family of checks and wait for little, so that they can be run very often.
const CORE: [&str; 8] = [
    "truncation[",
    "before-content[*",
    "half-sent-tool-call[",
    "every-leg-fails[",
    "replayed-",
    "key-on-the-fallback[",
    "healthy-then-broken",
    "error-as-first-event[",
];

#[test]
fn every_run_of_the_core_gives_the_same_verdicts() {
    let runs = if std::env::var_os("CI").is_some() { 30 } else { 3 };
    let filters: Vec<&str> = CORE.iter().flat_map(|pattern| ["--filter", *pattern]).collect();
    soak("core", &filters, asked_for().unwrap_or(runs));
}

fn asked_for() -> Option<usize> {
    std::env::var("CROSSFADE_SOAK").ok()?.parse().ok()
}

/// Runs several times, some runs beside each other: a loaded machine must change nothing.
fn soak(name: &str, args: &[&str], runs: usize) {
    const BESIDE: usize = 5;
    let _alone = alone();
    let first = run(&format!("soak-{name}"), args).verdicts();
    assert!(!first.is_empty());
    let next = AtomicUsize::new(1);
    std::thread::scope(|scope| {
        for lane in 0..BESIDE {
            let (next, first) = (&next, &first);
            scope.spawn(move || {
                while next.fetch_add(1, Ordering::Relaxed) < runs {
                    let again = run(&format!("soak-{name}-{lane}"), args);
                    assert_same(first, &again.verdicts(), name);
                }
            });
        }
    });
}

/// Every effect of a cut that no bundled scenario has: what the clean proxy makes of it is right.
#[test]
fn the_clean_proxy_is_right_about_every_effect() {
    let file = scratch("every-effect").join("effects.yaml");
    let text = "summary: Every effect\n\
                legs:\n\
                \x20 primary: {cut: {at: {texts: 5}, by: close}, answer: paragraphs-emoji}\n\
                \x20 fallback: {answer: paragraphs-emoji}\n\
                vary:\n\
                \x20 client.api: [openai-chat, anthropic-messages, openai-responses, gemini]\n\
                \x20 legs.primary.cut.by: [cut_event, cut_utf8, bad_chunk, content_length, no_terminator, after_terminator, \
                duplicate, drop, oversize, slow]\n";
    std::fs::write(&file, text).expect("it is written");
    for policy in ["error", "continue_user", "buffer_all"] {
        let args = ["--proxy", "builtin", "--policy", policy, file.to_str().expect("the path is text")];
        let run = run(&format!("effects-{policy}"), &args);
        assert_eq!(run.code, 0, "{policy}: {}", run.told());
        assert_eq!(run.report["cases"].as_array().map(Vec::len), Some(40));
    }
}
