//! The form in which requests are compared.

use std::collections::BTreeMap;

use serde_json::Value;

use super::decimal::canonical;
use crate::api::{Conversation, Part, Turn};

/// The form in which requests are compared.
pub fn normal(conversation: &Conversation) -> Conversation {
    let mut turns = join_turns(&conversation.turns);
    let mut ids = BTreeMap::new();
    for turn in &mut turns {
        turn.place.clear();
        for part in &mut turn.parts {
            normalise_part(part, &mut ids);
        }
    }
    by_value(&Conversation { turns, ..conversation.clone() })
}

/// The same turns and parts, with JSON and numbers in the form in which they are compared.
pub(crate) fn by_value(conversation: &Conversation) -> Conversation {
    let mut out = conversation.clone();
    out.turns.iter_mut().flat_map(|turn| &mut turn.parts).for_each(normalise_values);
    for tool in &mut out.tools {
        normalise_value(&mut tool.parameters);
        tool.rest.values_mut().for_each(normalise_value);
    }
    out.tool_choice.iter_mut().chain(&mut out.format).for_each(normalise_value);
    out.params.values_mut().chain(out.rest.values_mut()).for_each(normalise_value);
    out
}

/// Joins neighbouring turns of one role and neighbouring parts of text; a joined turn has the place of its first.
pub(crate) fn join_turns(turns: &[Turn]) -> Vec<Turn> {
    let mut out: Vec<Turn> = Vec::new();
    for turn in turns {
        match out.last_mut() {
            Some(last) if last.role == turn.role => last.parts.extend(turn.parts.iter().cloned()),
            _ => out.push(turn.clone()),
        }
    }
    for turn in &mut out {
        turn.parts = join_parts(std::mem::take(&mut turn.parts));
    }
    out
}

pub(super) fn join_parts(parts: Vec<Part>) -> Vec<Part> {
    let mut out: Vec<Part> = Vec::with_capacity(parts.len());
    for part in parts {
        match (out.last_mut(), part) {
            (Some(Part::Text { text: joined, cache: marked }), Part::Text { text, cache }) => {
                joined.push_str(&text);
                *marked |= cache;
            }
            (_, part) => out.push(part),
        }
    }
    out
}

pub(super) fn normalise_part(part: &mut Part, ids: &mut BTreeMap<String, String>) {
    let mut rename = |id: &mut String| {
        let next = format!("id-{}", ids.len() + 1);
        ids.entry(std::mem::take(id)).or_insert(next).clone_into(id);
    };
    match part {
        Part::ToolCall { id, .. } => rename(id),
        Part::ToolResult { id, parts, .. } => {
            rename(id);
            *parts = join_parts(std::mem::take(parts));
            for part in parts {
                normalise_part(part, ids);
            }
        }
        Part::Other(_) | Part::Text { .. } | Part::Image { .. } | Part::Thinking { .. } | Part::Refusal { .. } => {}
    }
}

pub(super) fn normalise_values(part: &mut Part) {
    match part {
        Part::ToolCall { arguments, .. } => normalise_value(arguments),
        Part::ToolResult { parts, .. } => parts.iter_mut().for_each(normalise_values),
        Part::Other(value) => normalise_value(value),
        Part::Text { .. } | Part::Image { .. } | Part::Thinking { .. } | Part::Refusal { .. } => {}
    }
}

/// Numbers by value: `1.0` and `1` are one. The order of keys never counts in [`Value`]'s equality.
fn normalise_value(value: &mut Value) {
    match value {
        Value::Number(number) => *number = canonical(number),
        Value::Array(items) => items.iter_mut().for_each(normalise_value),
        Value::Object(map) => map.values_mut().for_each(normalise_value),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
