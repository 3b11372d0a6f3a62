//! Structure of Converse's messages, as Bedrock's errors speak of it.

use serde_json::Value;

use super::subject::Captures;

fn messages(body: &Value) -> &[Value] {
    body["messages"].as_array().map_or(&[], Vec::as_slice)
}

fn blocks(message: &Value) -> &[Value] {
    message["content"].as_array().map_or(&[], Vec::as_slice)
}

fn count(message: &Value, key: &str) -> usize {
    blocks(message).iter().filter(|block| block[key].is_object()).count()
}

pub(super) fn tool_results_over_calls(body: &Value, captures: &mut Captures) -> bool {
    let messages = messages(body);
    let over = messages.iter().enumerate().find(|(index, message)| {
        let before = index.checked_sub(1).map_or(0, |before| count(&messages[before], "toolUse"));
        count(message, "toolResult") > before
    });
    captures.extend(over.map(|(index, _)| ("i", index.to_string())));
    over.is_some()
}

pub(super) fn tool_result_error_empty(body: &Value, captures: &mut Captures) -> bool {
    first_block(body, captures, |block| {
        let result = &block["toolResult"];
        result["status"] == "error" && result["content"].as_array().is_some_and(Vec::is_empty)
    })
}

pub(super) fn text_blank(body: &Value, captures: &mut Captures) -> bool {
    first_block(body, captures, |block| block["text"].as_str().is_some_and(|text| text.trim().is_empty()))
}

/// The first block of which something is true.
fn first_block(body: &Value, captures: &mut Captures, is_so: impl Fn(&Value) -> bool) -> bool {
    for (index, message) in messages(body).iter().enumerate() {
        if let Some(position) = blocks(message).iter().position(&is_so) {
            captures.insert("i", index.to_string());
            captures.insert("j", position.to_string());
            return true;
        }
    }
    false
}
