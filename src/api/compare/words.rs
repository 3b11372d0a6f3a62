//! Taking words out of a request.

use serde_json::Value;

use crate::api::{Conversation, Part};

/// The request without some words, each taken out with the blank before it, wherever it stands.
pub fn without_words(conversation: &Conversation, words: &[String]) -> Conversation {
    let mut out = conversation.clone();
    let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return out;
    }
    for turn in &mut out.turns {
        for part in &mut turn.parts {
            strip_part(part, &words);
        }
    }
    for tool in &mut out.tools {
        tool.description.iter_mut().for_each(|text| strip_text(text, &words));
        strip_value(&mut tool.parameters, &words);
        tool.rest.values_mut().for_each(|value| strip_value(value, &words));
    }
    out.tool_choice.iter_mut().chain(&mut out.format).for_each(|value| strip_value(value, &words));
    out.params.values_mut().chain(out.rest.values_mut()).for_each(|value| strip_value(value, &words));
    out.user.iter_mut().for_each(|user| strip_text(user, &words));
    out
}

fn strip_part(part: &mut Part, words: &[&str]) {
    match part {
        Part::Text { text, .. } | Part::Thinking { text, .. } | Part::Refusal { text } => strip_text(text, words),
        Part::ToolCall { arguments, .. } => strip_value(arguments, words),
        Part::ToolResult { parts, .. } => parts.iter_mut().for_each(|part| strip_part(part, words)),
        Part::Other(value) => strip_value(value, words),
        Part::Image { .. } => {}
    }
}

fn strip_value(value: &mut Value, words: &[&str]) {
    match value {
        Value::String(text) => strip_text(text, words),
        Value::Array(items) => items.iter_mut().for_each(|item| strip_value(item, words)),
        Value::Object(map) => map.values_mut().for_each(|item| strip_value(item, words)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Takes words out of a text until none is left, so that doing it twice changes nothing.
fn strip_text(text: &mut String, words: &[&str]) {
    while let Some((start, length)) = words.iter().find_map(|word| text.find(word).map(|start| (start, word.len()))) {
        let blank = text[..start].chars().next_back().filter(|c| c.is_whitespace()).map_or(0, char::len_utf8);
        text.replace_range(start - blank..start + length, "");
    }
}
