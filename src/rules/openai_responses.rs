//! Structure of the input items of OpenAI's Responses, as its errors speak of it.

use serde_json::Value;

use super::subject::Captures;

/// The items of the input; none where one stands for an item that is stored, so that what is missing here is there.
fn items(body: &Value) -> &[Value] {
    let items = body["input"].as_array().map_or(&[][..], Vec::as_slice);
    let stored = items.iter().any(|item| item["type"] == "item_reference");
    if stored { &[] } else { items }
}

/// The first item of a kind whose call id no item of the other kind has.
fn alone(items: &[Value], kind: &str, other: &str, captures: &mut Captures) -> bool {
    let id = |item: &Value| item["call_id"].as_str().map(str::to_owned);
    let has_other = |id: &str| items.iter().any(|item| item["type"] == other && item["call_id"] == id);
    let found = items.iter().enumerate().filter(|(_, item)| item["type"] == kind);
    let alone = found.filter_map(|(index, item)| Some((index, id(item)?))).find(|(_, id)| !has_other(id));
    let Some((index, id)) = alone else { return false };
    captures.insert("id", id);
    captures.insert("at", format!("input[{index}]"));
    true
}

pub(super) fn call_item_unanswered(body: &Value, captures: &mut Captures) -> bool {
    alone(items(body), "function_call", "function_call_output", captures)
}

pub(super) fn output_item_orphan(body: &Value, captures: &mut Captures) -> bool {
    alone(items(body), "function_call_output", "function_call", captures)
}

/// Reasoning is kept together with what it led to: a message of the model or a call.
pub(super) fn reasoning_item_orphan(body: &Value, captures: &mut Captures) -> bool {
    let items = items(body);
    let led_to = |item: &Value| {
        let kind = item["type"].as_str().unwrap_or_default();
        kind.ends_with("_call") || kind == "reasoning" || item["role"] == "assistant"
    };
    let orphan = items.iter().enumerate().find(|(index, item)| {
        item["type"] == "reasoning" && item["id"].is_string() && !items.get(index + 1).is_some_and(led_to)
    });
    let Some((index, id)) = orphan.and_then(|(index, item)| Some((index, item["id"].as_str()?))) else { return false };
    captures.insert("id", id.to_owned());
    captures.insert("at", format!("input[{index}]"));
    true
}
