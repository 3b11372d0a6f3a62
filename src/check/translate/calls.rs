//! `translate.calls`: calls of tools and what the tools gave back.

use serde_json::{Value, json};

use super::pair::Pair;
use super::talk::{Call, Outcome};
use super::tools::is_valid_name;
use super::{Translation, judge};
use crate::api::compare::{Difference, DifferenceKind, List, lists};
use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};

/// `translate.calls`.
pub(in crate::check) const CALLS: Check = Check {
    judge: Judge::Step(|step| judge(step, "the client's conversation has no tool call", compare)),
    info: CheckInfo {
        id: "translate.calls",
        level: Level::Should,
        requirement: "Calls of tools and their results reach each leg: names, arguments by value, results, and which \
                      result answers which call.",
        rationale: "A model that does not see what a tool gave back calls it again, or makes the result up.",
        passes: "The same calls and results in their order, under ids that may be others as long as they pair.",
        fails: "A result lost or given to another call, `0.2` that became `0.20000000298`, two calls merged.",
        sources: &[],
    },
};

fn compare(pair: &Pair<'_>) -> Translation {
    let mut out = Translation::of(!pair.asked.calls.is_empty() || !pair.asked.results.is_empty());
    calls(pair, &mut out);
    results(pair, &mut out);
    out
}

fn changed(path: String, expected: Value, got: Value) -> Difference {
    Difference { path, kind: DifferenceKind::Changed, expected: Some(expected), got: Some(got) }
}

fn calls(pair: &Pair<'_>, out: &mut Translation) {
    let (expected, mut got) = (pair.asked.calls.clone(), pair.told.calls.clone());
    let mut excuses = Vec::new();
    for (asked, told) in expected.iter().zip(&mut got) {
        if asked.name != told.name && !is_valid_name(&asked.name) {
            told.name.clone_from(&asked.name);
            excuses.push("a name that the API does not take is written in another way");
        }
        // Arguments that are no JSON, or no object, cannot be said in an API that wants an object.
        if !asked.arguments.is_object() && told.arguments != asked.arguments && wants_object(pair) {
            told.arguments.clone_from(&asked.arguments);
            excuses.push("arguments that are no object cannot be said in this API");
        }
    }
    for why in excuses {
        out.excuse(why);
    }
    let value = |call: &Call| json!({"name": call.name, "arguments": call.arguments});
    let before = out.differences.len();
    // Where they stand counts only if they are all there.
    let placeless =
        |calls: &[Call]| -> Vec<Call> { calls.iter().cloned().map(|call| Call { after: 0, ..call }).collect() };
    lists(
        &mut out.differences,
        &placeless(&expected),
        &placeless(&got),
        &List {
            path: &|_, at| format!("calls[{at}]"),
            alike: &|a, b| a.name == b.name || a.arguments == b.arguments,
            value: &value,
            changed: &|out, path, a, b| {
                if a.name != b.name {
                    out.push(changed(format!("{path}.name"), json!(a.name), json!(b.name)));
                }
                if a.arguments != b.arguments {
                    out.push(changed(format!("{path}.arguments"), a.arguments.clone(), b.arguments.clone()));
                }
            },
        },
    );
    let complete = out.differences.len() == before && pair.asked.said == pair.told.said;
    for (at, (asked, told)) in expected.iter().zip(&got).enumerate() {
        if complete && asked.after != told.after {
            let path = format!("calls[{at}]");
            let (expected, got) = (Some(value(asked)), Some(json!(place(told.after))));
            out.differences.push(Difference { path, kind: DifferenceKind::Reordered, expected, got });
        }
    }
}

fn place(after: usize) -> String {
    format!("behind {after} characters of the user")
}

/// Whether the leg's API takes nothing but an object for arguments.
fn wants_object(pair: &Pair<'_>) -> bool {
    pair.to.features().object_arguments
}

/// Whether the leg's API can say that a tool failed.
fn says_failure(pair: &Pair<'_>) -> bool {
    pair.to.features().failed_results
}

fn results(pair: &Pair<'_>, out: &mut Translation) {
    let (expected, mut got) = (pair.asked.results.clone(), pair.told.results.clone());
    let mut excuses = Vec::new();
    for told in &mut got {
        let Some(asked) = expected.iter().find(|asked| asked.call == told.call) else { continue };
        if asked.text != told.text && says_the_same(asked, told) {
            told.text.clone_from(&asked.text);
            excuses.push("a result stands in an object, as the API wants it");
        }
        if asked.error && !told.error && !says_failure(pair) {
            told.error = true;
            excuses.push("the leg's API cannot say that a tool failed");
        }
    }
    for why in excuses {
        out.excuse(why);
    }
    lists(
        &mut out.differences,
        &expected,
        &got,
        &List {
            path: &|_, at| format!("results[{at}]"),
            alike: &|a, b| a.call == b.call || a.text == b.text && !a.text.bare().is_empty(),
            value: &|result| json!({"call": result.call, "text": result.text.joined(), "error": result.error}),
            changed: &|out, path, a, b| {
                if a.call != b.call {
                    out.push(changed(format!("{path}.call"), json!(a.call), json!(b.call)));
                }
                if a.text != b.text {
                    out.push(changed(format!("{path}.text"), json!(a.text.joined()), json!(b.text.joined())));
                }
                if a.error != b.error {
                    out.push(changed(format!("{path}.error"), json!(a.error), json!(b.error)));
                }
            },
        },
    );
}

/// Whether a result says the same in another dress: nothing at all, JSON by value, or the one field of an object.
fn says_the_same(asked: &Outcome, told: &Outcome) -> bool {
    if asked.text.bare().is_empty() {
        return true;
    }
    let text = asked.text.joined();
    let as_json = |text: &str| serde_json::from_str::<Value>(text).ok();
    let Some(got) = as_json(&told.text.joined()) else { return false };
    let expected = as_json(&text);
    let same = |value: &Value| Some(value) == expected.as_ref() || value.as_str() == Some(text.as_str());
    same(&got) || got.as_object().is_some_and(|fields| fields.len() == 1 && fields.values().all(same))
}
