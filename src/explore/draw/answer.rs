//! What a leg says: texts of odd lengths and deltas, tool calls, thinking, refusals, the token limit.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::super::draft::{Answer, Said, Text};
use super::or;

/// What stands between words.
const BETWEEN: [&str; 12] = [
    " ",
    "  ",
    ", ",
    ".\n\n",
    "\n- ",
    " \u{1f44d}\u{1f3fd} ",
    " \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{1f1e9}\u{1f1ea} ",
    " \u{fc}ber e\u{301} ",
    " \u{4f60}\u{597d}",
    "\": \"",
    " <b>&amp;\\ ",
    "\t\u{a0}",
];

fn literal() -> BoxedStrategy<Text> {
    let ends = select(&["", "", " ", "\n", "\u{1f642}"][..]);
    (vec(select(&BETWEEN[..]), 1..30), ends)
        .prop_map(|(between, end)| {
            let words: String = between.iter().flat_map(|between| ["{word}", between]).collect();
            Text::Literal(words + "{word}" + end)
        })
        .boxed()
}

fn text() -> BoxedStrategy<Text> {
    prop_oneof![4 => (1_u32..60).prop_map(Text::Words), 3 => literal(), 1 => (60_u32..200).prop_map(Text::Words)]
        .boxed()
}

fn arguments() -> BoxedStrategy<Value> {
    select(vec![
        json!({"query": "{word} {word}"}),
        json!({}),
        json!({"query": "{word} \"{word}\" \u{e9}t\u{e9} \u{1f44d}\u{1f3fd}\n", "limit": 3, "deep": {"at": [1.5, null, "{word}"]}}),
        json!({"path": "C:\\{word}\\{word}", "ratio": 0.10, "big": 1e21}),
    ])
    .boxed()
}

fn said() -> BoxedStrategy<Answer> {
    (
        or((0, false), 15, (1_u32..16, any::<bool>())),
        text(),
        or(Vec::new(), 25, vec(arguments(), 1..=3)),
        prop_oneof![1 => Just(0_u8), 1 => 1_u8..12],
        or(false, 10, Just(true)),
    )
        .prop_map(|(thinking, text, calls, chunk, length)| Answer::Said(Said { thinking, text, calls, chunk, length }))
        .boxed()
}

/// What a leg says.
pub(super) fn answer() -> BoxedStrategy<Answer> {
    let named = select(&["short-text", "one-word", "json", "refusal", "tool-call", "parallel-tools", "empty"][..]);
    prop_oneof![3 => Just(Answer::Plain), 1 => named.prop_map(Answer::Named), 4 => said()].boxed()
}
