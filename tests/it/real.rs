//! Real proxies, installed by `crossfade proxy install`.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use crate::support::{Cell, Run, alone, assert_same, proxies, real_alone, root, run};

const PREFILL: &str = "continue-on-a-model-without-prefill";
const SILENCE: &str = "silence-on-a-model-without-prefill";

fn real(name: &str, scenario: &str, proxy: &str, snapshots: &str) -> Option<Run> {
    real_with(name, &[scenario], proxy, snapshots, &[])
}

fn real_with(name: &str, scenarios: &[&str], proxy: &str, snapshots: &str, more: &[&str]) -> Option<Run> {
    proxies()?;
    let files: Vec<_> = scenarios.iter().map(|name| root().join("scenarios").join(name)).collect();
    let mut args: Vec<_> = files.iter().map(|file| file.to_str().expect("a plain path")).collect();
    args.extend(["--proxy", proxy, "--snapshots", snapshots]);
    args.extend(more);
    let run = run(name, &args);
    assert!(run.len() > 0, "{}", run.told());
    assert_ne!(run.code, 6, "{}", run.told());
    assert_eq!(run.report["snapshots"].as_array().map(|all| changed(all)), Some(0), "{}", run.told());
    Some(run)
}

/// Snapshots that are not what was accepted.
fn changed(snapshots: &[serde_json::Value]) -> usize {
    snapshots.iter().filter(|snapshot| snapshot["state"] == "changed").count()
}

#[test]
fn litellm_1_84_prefills_and_shows_the_refusal() {
    let _alone = real_alone();
    let Some(run) = real("litellm-1.84.0", "prefill", "litellm@1.84.0", "litellm-1.84.0") else {
        return;
    };
    let expect = |parts: &[&str], check: &str, verdict: &str| run.expect(PREFILL, parts, check, verdict);
    for check in ["fallback.accepted", "error.not-self-inflicted"] {
        for model in ["claude-sonnet-4-6", "claude-opus-4-7"] {
            expect(&["openai-chat", "error_event", model], check, "fail");
        }
        run.expect(SILENCE, &["openai-chat"], check, "fail");
    }
    let capable = ["openai-chat", "error_event", "claude-sonnet-4-5"];
    expect(&capable, "fallback.accepted", "pass");
    expect(&capable, "error.not-self-inflicted", "pass");
    expect(&capable, "fallback.same-as-control", "fail");
    for by in ["close", "eof", "reset"] {
        expect(&["openai-chat", by], "stream.truncation-visible", "fail");
        expect(&["openai-chat", by], "fallback.accepted", "not-exercised");
        assert_eq!(run.requests(PREFILL, &["openai-chat", by]), BTreeSet::from([1]), "{by}");
    }
    expect(&["anthropic-messages"], "fallback.accepted", "not-exercised");
    run.expect(SILENCE, &["anthropic-messages"], "fallback.accepted", "not-exercised");
    assert_eq!(run.outcomes(SILENCE, &["anthropic-messages"]), BTreeSet::from(["hung".to_owned()]));
    let unsure = |cell: &Cell| cell.verdict == "inconclusive" && cell.scenario == PREFILL;
    assert!(!run.cells().iter().any(unsure), "{}", run.told());
}

#[test]
fn litellm_1_106_asks_no_fallback_in_mid_stream() {
    let _alone = real_alone();
    let Some(run) = real("litellm-1.106.2", "prefill", "litellm@1.106.2", "litellm-1.106.2") else {
        return;
    };
    run.expect(PREFILL, &["openai-chat"], "fallback.accepted", "not-exercised");
    run.expect(PREFILL, &["openai-chat", "eof"], "stream.truncation-visible", "fail");
}

#[test]
fn portkey_hides_a_broken_stream() {
    let _alone = real_alone();
    let Some(run) = real("portkey", "truncation/truncation.yaml", "portkey@1.15.2", "portkey") else { return };
    for by in ["close", "reset", "eof"] {
        run.expect("truncation", &[by], "stream.truncation-visible", "fail");
    }
}

#[test]
fn nginx_shows_a_broken_stream_and_hands_on_a_clean_end() {
    let _alone = real_alone();
    let Some(run) = real("nginx", "truncation/truncation.yaml", "nginx", "nginx") else { return };
    for by in ["close", "reset"] {
        run.expect("truncation", &[by], "stream.truncation-visible", "pass");
    }
    run.expect("truncation", &["eof"], "stream.truncation-visible", "warn");
}

#[test]
fn what_a_proxy_cannot_do_is_skipped_with_a_sentence() {
    let _alone = real_alone();
    let Some(run) = real("nginx-models", "prefill/continue-on-a-model-without-prefill.yaml", "nginx", "nginx") else {
        return;
    };
    assert_eq!(run.code, 4, "nothing was judged: {}", run.told());
    assert_eq!(run.skips().len(), run.len(), "{}", run.told());
    assert!(run.skips().iter().all(|why| why.contains("cannot have models of their own")), "{}", run.told());
}

/// The proxies that run the whole suite, the baselines beside their profiles, and how it exits then. LiteLLM 1.84 asks
/// OpenAI's models to go on in a way of which nobody says what it means: what became of the text is left open.
const WHOLE: [(&str, &str, i32); 4] = [
    ("litellm@1.84.0", "litellm/1.84.0.baseline.yaml", 5),
    ("litellm@1.106.2", "litellm/1.106.2.baseline.yaml", 0),
    ("portkey@1.15.2", "portkey/baseline.yaml", 0),
    ("nginx", "nginx/baseline.yaml", 0),
];

/// Their runs, for all tests that look at them: one beside the other, since most of a run is waiting.
pub(crate) fn whole() -> Option<&'static [(&'static str, Run)]> {
    static RUNS: OnceLock<Option<Vec<(&str, Run)>>> = OnceLock::new();
    let run = |(proxy, baseline, _): (&'static str, &str, i32)| {
        let name = format!("whole-{}", proxy.replace('@', "-"));
        let baseline = root().join("src/profiles").join(baseline);
        let run = real_with(&name, &[""], proxy, &name, &["--baseline", baseline.to_str().expect("a plain path")]);
        Some((proxy, run?))
    };
    let all = || {
        // Whether a proxy leaves its upstream in time is a matter of how busy the machine is.
        let _alone = alone();
        std::thread::scope(|scope| {
            let runs = WHOLE.map(|proxy| scope.spawn(move || run(proxy)));
            runs.into_iter().map(|run| run.join().expect("it is told above")).collect()
        })
    };
    RUNS.get_or_init(all).as_deref()
}

#[test]
fn they_fail_what_their_baselines_know_and_nothing_else() {
    let _alone = real_alone();
    for ((proxy, run), (_, _, code)) in whole().into_iter().flatten().zip(WHOLE) {
        assert_eq!(run.code, code, "{proxy}: {}", run.told());
    }
}

#[test]
fn nothing_that_the_suite_names_is_not_yet_there() {
    let _alone = real_alone();
    for (proxy, run) in whole().into_iter().flatten() {
        let late: Vec<_> = run.skips().into_iter().filter(|why| why.contains("not yet")).collect();
        assert!(late.is_empty(), "{proxy}: {late:#?}");
    }
}

/// What is repeated on real proxies: breaks of every kind, and what waits for nothing.
const REPEATED: [&str; 4] = [
    "truncation/truncation.yaml",
    "fallback/before-content.yaml",
    "tools/half-sent-tool-call.yaml",
    "errors/every-leg-fails.yaml",
];

#[test]
fn repeated_runs_at_eight_in_parallel_give_the_same_verdicts() {
    let _alone = real_alone();
    let runs = if std::env::var_os("CI").is_some() { 5 } else { 2 };
    for (name, proxy) in [("repeat-litellm", "litellm@1.84.0"), ("repeat-portkey", "portkey@1.15.2")] {
        let once = || real_with(name, &REPEATED, proxy, name, &["--jobs", "8"]);
        let Some(first) = once() else { return };
        for n in 1..runs {
            let Some(again) = once() else { return };
            assert_same(&first.verdicts(), &again.verdicts(), &format!("{proxy}, run {n}"));
        }
    }
}
