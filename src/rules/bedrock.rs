//! Structure of Converse's messages, as its errors speak of it.

use serde_json::Value;

use super::condition::Captures;

fn messages(body: &Value) -> &[Value] {
    body["messages"].as_array().map_or(&[], Vec::as_slice)
}

fn blocks(message: &Value) -> &[Value] {
    message["content"].as_array().map_or(&[], Vec::as_slice)
}

fn count(message: &Value, key: &str) -> usize {
    blocks(message).iter().filter(|block| block.get(key).is_some()).count()
}

pub(super) fn same_role_twice(body: &Value) -> bool {
    messages(body).windows(2).any(|pair| pair[0]["role"].is_string() && pair[0]["role"] == pair[1]["role"])
}

pub(super) fn content_text_blank(body: &Value, captures: &mut Captures) -> bool {
    let blank = |block: &Value| block["text"].as_str().is_some_and(|text| text.trim().is_empty());
    let found = messages(body).iter().enumerate().find_map(|(number, message)| {
        let block = blocks(message).iter().position(blank)?;
        Some((number, block))
    });
    let Some((number, block)) = found else { return false };
    captures.insert("pos", number.to_string());
    captures.insert("block", block.to_string());
    true
}

pub(super) fn tool_results_exceed(body: &Value, captures: &mut Captures) -> bool {
    let messages = messages(body);
    let exceeds = |number: &usize| {
        let calls = number.checked_sub(1).map_or(0, |before| count(&messages[before], "toolUse"));
        count(&messages[*number], "toolResult") > calls
    };
    let Some(number) = (0..messages.len()).find(exceeds) else { return false };
    captures.insert("pos", number.to_string());
    true
}
