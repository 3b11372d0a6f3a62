//! `translate.thinking`: reasoning that the client gives back.

use serde_json::json;

use super::pair::Pair;
use super::talk::Thought;
use super::{Translation, judge};
use crate::api::compare::{Difference, DifferenceKind, List, lists};
use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};

/// `translate.thinking`.
pub(in crate::check) const THINKING: Check = Check {
    judge: Judge::Step(|step| judge(step, "the client gave no reasoning back", compare)),
    info: CheckInfo {
        id: "translate.thinking",
        level: Level::Should,
        requirement: "Reasoning with its signature reaches a leg of the same API as it was given back, and no other.",
        rationale: "A vendor signs its own reasoning: changed by one character it is refused, and in the middle of \
                    tool calls a model without it starts over.",
        passes: "The same reasoning and signature; to a leg of another API, none.",
        fails: "Reasoning or its signature lost or changed on the way to a leg of the same API.",
        sources: &["https://github.com/BerriAI/litellm/issues/27967"],
    },
};

fn compare(pair: &Pair<'_>) -> Translation {
    let mut out = Translation::of(!pair.asked.thoughts.is_empty());
    let mut expected = pair.asked.thoughts.clone();
    if !pair.same_api() {
        if pair.told.thoughts.len() < expected.len() {
            out.excuse("another vendor does not take this reasoning");
        }
        expected.retain(|thought| pair.told.thoughts.contains(thought));
    } else if pair.told.thoughts.len() < expected.len() {
        // Reasoning that nobody signed is refused by a vendor that signs.
        let signed = |thought: &Thought| thought.signature.as_ref().is_some_and(|signature| !signature.is_empty());
        let signs = expected.iter().any(signed);
        expected.retain(|thought| signed(thought) || !signs || pair.told.thoughts.contains(thought));
        // It is shown only where nothing else is lost.
        out.excuse("reasoning without a signature is not taken");
    }
    lists(
        &mut out.differences,
        &expected,
        &pair.told.thoughts,
        &List {
            path: &|_, at| format!("thinking[{at}]"),
            alike: &|_, _| true,
            value: &|thought| json!({"text": thought.text, "signature": thought.signature}),
            changed: &|out, path, a, b| {
                let mut field = |name: &str, expected, got| {
                    if expected != got {
                        let path = format!("{path}.{name}");
                        let kind = DifferenceKind::Changed;
                        out.push(Difference { path, kind, expected: Some(expected), got: Some(got) });
                    }
                };
                field("text", json!(a.text), json!(b.text));
                field("signature", json!(a.signature), json!(b.signature));
            },
        },
    );
    out
}
