//! The bundled suite against the reference proxy under each single value that a policy can have: whatever a proxy may
//! declare, one that keeps it passes. The four values of `after_content` stand in `bundled`, with more to say of them.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossfade::builtin::{Promise, chosen, every_value};

use crate::support::{Run, alone, run, thorough};

/// Runs at a time: most of a run is waiting.
const BESIDE: usize = 8;

/// What a policy decides most about. A debug build takes a quarter of an hour for the whole suite under each value, so
/// that is left to CI, and to whoever names a release build in `CROSSFADE_TEST_BIN`.
const SLICE: [&str; 16] = [
    "asked-to-wait[",
    "break-at-a-blank[",
    "chain[",
    "client-prefill[",
    "error-as-first-event[",
    "every-leg-is-put-aside[",
    "failed-leg-is-put-aside[",
    "healthy-then-broken",
    "legal-but-odd[anthropic-messages,crlf",
    "pinned-leg-fails[",
    "rate-limited[",
    "refused-key[openai-chat",
    "third-time",
    "thoughts[",
    "truncation[",
    "usage[",
];

#[test]
fn the_clean_proxy_passes_under_every_single_value() {
    let _alone = alone();
    let slice: Vec<&str> = SLICE.iter().flat_map(|pattern| ["--filter", *pattern]).collect();
    let values: Vec<String> = every_value().into_iter().filter(|word| makes_a_difference(word)).collect();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..BESIDE {
            scope.spawn(|| {
                while let Some(word) = values.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut args = vec!["--policy", word.as_str()];
                    args.extend(slice.iter().filter(|_| !thorough()));
                    let run = run(&format!("policy-{}", word.replace('=', "-")), &args);
                    wrong.lock().expect("no run panics").extend(amiss(word, &run));
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no run panics");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether it is not what the proxy promises anyway.
fn makes_a_difference(word: &str) -> bool {
    let promise: Promise = serde_json::from_value(chosen([word]).expect("a policy")).expect("a promise");
    promise != Promise::default() && !word.starts_with("after_content=")
}

/// What is not as it shall be: an exit code, a verdict, a sentence of what was left out.
fn amiss(word: &str, run: &Run) -> Vec<String> {
    let bad = ["fail", "warn", "inconclusive"];
    let cells: Vec<_> = run.cells().into_iter().filter(|cell| bad.contains(&cell.verdict.as_str())).collect();
    let mut amiss: Vec<String> = cells
        .iter()
        .map(|cell| {
            let place = format!("{}[{}]/{}", cell.scenario, cell.case, cell.check);
            format!("{word}: {} {place}: {}", cell.verdict, cell.reason)
        })
        .collect();
    if run.code != 0 && amiss.is_empty() || run.len() == 0 {
        amiss.push(format!("{word}: {}", run.told()));
    }
    // What a case was left out for is the reason of each of its checks, too.
    let cases: BTreeSet<String> = run.skips().into_iter().collect();
    let skipped = run.cells().into_iter().filter(|cell| cell.verdict == "skip").map(|cell| cell.reason);
    let reasons: BTreeSet<String> = skipped.chain(cases).filter(|reason| !is_right(word, reason)).collect();
    amiss.extend(reasons.into_iter().map(|reason| format!("{word}: skipped: {reason}")));
    amiss
}

/// What may be left out: what the target refuses from any client, and what the declaration itself makes impossible.
fn is_right(word: &str, reason: &str) -> bool {
    reason.starts_with("control: 400")
        || (word == "model=same" && reason.starts_with("builtin gives every leg the client's model"))
        || (word == "answer_edits=strip_reasoning" && reason == "the proxy declares to edit answers: strip_reasoning")
        || (word == "answer_edits=mask" && reason == "the proxy declares to edit answers: mask")
}
