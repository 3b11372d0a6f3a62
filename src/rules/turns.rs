//! The order of messages in chat-like requests, as the errors of several vendors speak of it.

use serde_json::Value;

use super::subject::Captures;

fn messages(body: &Value) -> &[Value] {
    body["messages"].as_array().map_or(&[], Vec::as_slice)
}

fn role(message: &Value) -> &str {
    message["role"].as_str().unwrap_or_default()
}

/// Neighbouring messages, with the place of the second.
fn pairs(body: &Value) -> impl Iterator<Item = (usize, &Value, &Value)> {
    messages(body).windows(2).enumerate().map(|(index, pair)| (index + 1, &pair[0], &pair[1]))
}

pub(super) fn same_role_twice(body: &Value, captures: &mut Captures) -> bool {
    let twice = pairs(body).find(|(_, one, two)| role(one) == role(two) && matches!(role(two), "user" | "assistant"));
    let Some((index, _, message)) = twice else { return false };
    captures.insert("role", role(message).to_owned());
    captures.insert("i", (index - 1).to_string());
    captures.insert("j", index.to_string());
    captures.insert("at", format!("messages[{index}]"));
    true
}

pub(super) fn two_assistants_at_end(body: &Value, captures: &mut Captures) -> bool {
    let last = pairs(body).last().filter(|(_, one, two)| role(one) == "assistant" && role(two) == "assistant");
    captures.extend(last.map(|(index, ..)| ("at", format!("messages[{index}]"))));
    last.is_some()
}

/// Only orders that were seen to be refused: the user behind a tool, a tool behind the user.
pub(super) fn mistral_role_order(body: &Value, captures: &mut Captures) -> bool {
    let wrong = pairs(body).find(|(_, one, two)| matches!((role(one), role(two)), ("tool", "user") | ("user", "tool")));
    let Some((index, before, message)) = wrong else { return false };
    captures.insert("role", role(message).to_owned());
    captures.insert("prev", role(before).to_owned());
    captures.insert("at", format!("messages[{index}]"));
    true
}

pub(super) fn mistral_call_id(body: &Value, captures: &mut Captures) -> bool {
    let good = |id: &str| id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    for (index, message) in messages(body).iter().enumerate() {
        for (number, call) in message["tool_calls"].as_array().into_iter().flatten().enumerate() {
            if let Some(id) = call["id"].as_str().filter(|id| !good(id)) {
                captures.insert("id", id.to_owned());
                captures.insert("at", format!("messages[{index}].tool_calls[{number}].id"));
                return true;
            }
        }
    }
    false
}

/// Reasoning of turns before the last user message may be left out.
pub(super) fn reasoning_content_missing(body: &Value, captures: &mut Captures) -> bool {
    let messages = messages(body);
    let since = messages.iter().rposition(|message| role(message) == "user").map_or(0, |last| last + 1);
    let lacks = |message: &Value| {
        let calls = message["tool_calls"].as_array().is_some_and(|calls| !calls.is_empty());
        role(message) == "assistant" && calls && message["reasoning_content"].is_null()
    };
    let missing = messages.iter().enumerate().skip(since).find(|(_, message)| lacks(message));
    captures.extend(missing.map(|(index, _)| ("at", format!("messages[{index}]"))));
    missing.is_some()
}
