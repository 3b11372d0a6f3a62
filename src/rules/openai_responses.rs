//! Structure of the input items of OpenAI's Responses, as its errors speak of it.

use serde_json::Value;

use super::condition::Captures;

/// The items of the input; none where one stands for an item that is stored, so that what is missing here is there.
fn items(body: &Value) -> &[Value] {
    let items = body["input"].as_array().map_or(&[][..], Vec::as_slice);
    let stored = items.iter().any(|item| item["type"] == "item_reference");
    if stored { &[] } else { items }
}

/// Ids of the calls, or of the outputs, among items.
fn call_ids<'a>(items: &'a [Value], kind: &str) -> impl Iterator<Item = &'a str> {
    items.iter().filter(move |item| item["type"] == kind).filter_map(|item| item["call_id"].as_str())
}

pub(super) fn call_item_unanswered(body: &Value, captures: &mut Captures) -> bool {
    let items = items(body);
    let open = call_ids(items, "function_call").find(|id| !call_ids(items, "function_call_output").any(|of| of == *id));
    open.is_some_and(|id| captures.insert("id", id.to_owned()).is_none())
}

pub(super) fn output_item_orphan(body: &Value, captures: &mut Captures) -> bool {
    let items = items(body);
    let orphan =
        call_ids(items, "function_call_output").find(|id| !call_ids(items, "function_call").any(|of| of == *id));
    orphan.is_some_and(|id| captures.insert("id", id.to_owned()).is_none())
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
    let Some(id) = orphan.and_then(|(_, item)| item["id"].as_str()) else { return false };
    captures.insert("id", id.to_owned());
    true
}
