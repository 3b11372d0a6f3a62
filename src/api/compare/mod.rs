//! Comparing two requests in neutral form.
//!
//! Neighbouring text parts and turns of one role are joined, ids of tool calls count by first use, JSON and numbers
//! by value. How the model is spelled is no matter of this comparison, and neither is a turn's place in the body.

mod additions;
mod align;
mod decimal;
mod list;
mod normal;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use additions::continuation_additions;
pub use normal::normal;
pub(crate) use normal::{by_value, join_turns};
pub use words::without_words;

use super::{Conversation, Part, Role, Turn};
pub(crate) use list::{List, lists};

/// What became of a part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// It is gone.
    Lost,
    /// It was not there before.
    Added,
    /// It says something else.
    Changed,
    /// It stands elsewhere.
    Reordered,
}

impl fmt::Display for DifferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost",
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Reordered => "reordered",
        })
    }
}

/// One difference between two requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// Where: `system`, `turns[2].text`, `turns[2].parts[1].arguments`, `tools[0].parameters`, `params.max_tokens`,
    /// `rest/stream_options`. Turns count in the joined form; what was added, in the request that has it.
    pub path: String,
    /// What became of it.
    pub kind: DifferenceKind,
    /// What was expected there.
    pub expected: Option<Value>,
    /// What is there.
    pub got: Option<Value>,
}

/// Every difference between two requests, in the order of the request. Nothing but an empty list means equal.
pub fn differences(expected: &Conversation, got: &Conversation) -> Vec<Difference> {
    let (expected, got) = (normal(expected), normal(got));
    let mut out = Vec::new();
    turns(&mut out, &expected.turns, &got.turns);
    tools(&mut out, &expected, &got);
    optional(&mut out, "tool_choice", expected.tool_choice.as_ref(), got.tool_choice.as_ref());
    optional(&mut out, "format", expected.format.as_ref(), got.format.as_ref());
    map(&mut out, "params.", &expected.params, &got.params);
    if expected.stream != got.stream {
        changed(&mut out, "stream".to_owned(), json!(expected.stream), json!(got.stream));
    }
    let user = |conversation: &Conversation| conversation.user.clone().map(Value::from);
    optional(&mut out, "user", user(&expected).as_ref(), user(&got).as_ref());
    map(&mut out, "rest", &expected.rest, &got.rest);
    out
}

fn changed(out: &mut Vec<Difference>, path: String, expected: Value, got: Value) {
    out.push(Difference { path, kind: DifferenceKind::Changed, expected: Some(expected), got: Some(got) });
}

fn optional(out: &mut Vec<Difference>, path: &str, expected: Option<&Value>, got: Option<&Value>) {
    let kind = match (expected, got) {
        (Some(expected), Some(got)) if expected != got => DifferenceKind::Changed,
        (Some(_), None) => DifferenceKind::Lost,
        (None, Some(_)) => DifferenceKind::Added,
        _ => return,
    };
    out.push(Difference { path: path.to_owned(), kind, expected: expected.cloned(), got: got.cloned() });
}

fn map(out: &mut Vec<Difference>, prefix: &str, expected: &BTreeMap<String, Value>, got: &BTreeMap<String, Value>) {
    let keys: std::collections::BTreeSet<_> = expected.keys().chain(got.keys()).collect();
    for key in keys {
        optional(out, &format!("{prefix}{key}"), expected.get(key), got.get(key));
    }
}

fn value_of(item: &impl Serialize) -> Value {
    serde_json::to_value(item).unwrap_or_default()
}

fn tools(out: &mut Vec<Difference>, expected: &Conversation, got: &Conversation) {
    let names = |conversation: &Conversation| -> Vec<String> {
        conversation.tools.iter().map(|tool| tool.name.clone()).collect()
    };
    for (index, tool) in expected.tools.iter().enumerate() {
        let path = format!("tools[{index}]");
        let Some(other) = got.tools.iter().find(|other| other.name == tool.name) else {
            out.push(Difference { path, kind: DifferenceKind::Lost, expected: Some(value_of(tool)), got: None });
            continue;
        };
        let description = |text: &Option<String>| text.clone().map(Value::from);
        let (before, after) = (description(&tool.description), description(&other.description));
        optional(out, &format!("{path}.description"), before.as_ref(), after.as_ref());
        optional(out, &format!("{path}.parameters"), Some(&tool.parameters), Some(&other.parameters));
        if tool.cache != other.cache {
            changed(out, format!("{path}.cache"), json!(tool.cache), json!(other.cache));
        }
        map(out, &format!("{path}.rest."), &tool.rest, &other.rest);
    }
    for (index, tool) in got.tools.iter().enumerate() {
        if !expected.tools.iter().any(|other| other.name == tool.name) {
            let path = format!("tools[{index}]");
            out.push(Difference { path, kind: DifferenceKind::Added, expected: None, got: Some(value_of(tool)) });
        }
    }
    let (before, after) = (names(expected), names(got));
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names
    };
    if before != after && sorted(&before) == sorted(&after) {
        out.push(Difference {
            path: "tools".to_owned(),
            kind: DifferenceKind::Reordered,
            expected: Some(json!(before)),
            got: Some(json!(after)),
        });
    }
}

/// `system` for a leading system turn, else `turns[n]`.
fn turn_path(turns: &[Turn], index: usize) -> String {
    if index == 0 && turns[0].role == Role::System { "system".to_owned() } else { format!("turns[{index}]") }
}

fn turns(out: &mut Vec<Difference>, expected: &[Turn], got: &[Turn]) {
    let list =
        List { path: &turn_path, alike: &|a: &Turn, b: &Turn| a.role == b.role, value: &turn_value, changed: &turn };
    lists(out, expected, got, &list);
}

fn turn_value(turn: &Turn) -> Value {
    match turn.parts.as_slice() {
        [Part::Text { text, cache: false }] => json!({ turn_role(turn): text }),
        parts => json!({ turn_role(turn): parts }),
    }
}

fn turn_role(turn: &Turn) -> &'static str {
    match turn.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

fn turn(out: &mut Vec<Difference>, path: &str, expected: &Turn, got: &Turn) {
    if let ([Part::Text { .. }], [Part::Text { .. }]) = (expected.parts.as_slice(), got.parts.as_slice()) {
        part(out, path, &expected.parts[0], &got.parts[0]);
        return;
    }
    parts(out, path, &expected.parts, &got.parts);
}

fn parts(out: &mut Vec<Difference>, path: &str, expected: &[Part], got: &[Part]) {
    let list = List {
        path: &|_: &[Part], at| format!("{path}.parts[{at}]"),
        alike: &same_kind,
        value: &|part| value_of(part),
        changed: &part,
    };
    lists(out, expected, got, &list);
}

fn same_kind(a: &Part, b: &Part) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

fn part(out: &mut Vec<Difference>, path: &str, expected: &Part, got: &Part) {
    let mut field = |name: &str, expected: Value, got: Value| {
        if expected != got {
            changed(out, format!("{path}.{name}"), expected, got);
        }
    };
    match (expected, got) {
        (Part::Text { text, cache }, Part::Text { text: other, cache: other_cache }) => {
            field("text", json!(text), json!(other));
            field("cache", json!(cache), json!(other_cache));
        }
        (Part::Image { digest, media_type, .. }, Part::Image { digest: other, media_type: other_type, .. }) => {
            field("image", json!(digest), json!(other));
            field("media_type", json!(media_type), json!(other_type));
        }
        (Part::Thinking { text, signature }, Part::Thinking { text: other, signature: other_signature }) => {
            field("thinking", json!(text), json!(other));
            field("signature", json!(signature), json!(other_signature));
        }
        (
            Part::ToolCall { id, name, arguments },
            Part::ToolCall { id: other_id, name: other_name, arguments: other_arguments },
        ) => {
            field("id", json!(id), json!(other_id));
            field("name", json!(name), json!(other_name));
            field("arguments", arguments.clone(), other_arguments.clone());
        }
        (
            Part::ToolResult { id, parts: inner, error, cache },
            Part::ToolResult { id: other_id, parts: other_inner, error: other_error, cache: other_cache },
        ) => {
            field("id", json!(id), json!(other_id));
            field("error", json!(error), json!(other_error));
            field("cache", json!(cache), json!(other_cache));
            parts(out, path, inner, other_inner);
        }
        (Part::Refusal { text }, Part::Refusal { text: other }) => field("refusal", json!(text), json!(other)),
        (expected, got) => {
            if expected != got {
                changed(out, path.to_owned(), value_of(expected), value_of(got));
            }
        }
    }
}
