//! Structure of OpenAI's messages, as its errors speak of it.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::subject::Captures;

fn messages(body: &Value) -> &[Value] {
    body["messages"].as_array().map_or(&[], Vec::as_slice)
}

fn tool_calls(message: &Value) -> &[Value] {
    message["tool_calls"].as_array().map_or(&[], Vec::as_slice)
}

pub(super) fn tool_message_orphan(body: &Value, captures: &mut Captures) -> bool {
    let orphan = messages(body).iter().enumerate().find(|(index, message)| {
        let before = messages(body)[..*index].iter().rev().find(|before| before["role"] != "tool");
        message["role"] == "tool" && before.is_none_or(|before| tool_calls(before).is_empty())
    });
    let Some((index, _)) = orphan else { return false };
    captures.insert("i", index.to_string());
    true
}

pub(super) fn tool_calls_unanswered(body: &Value, captures: &mut Captures) -> bool {
    for (index, message) in messages(body).iter().enumerate() {
        let answered: BTreeSet<&str> = messages(body)[index + 1..]
            .iter()
            .take_while(|next| next["role"] == "tool")
            .filter_map(|next| next["tool_call_id"].as_str())
            .collect();
        let open: Vec<&str> = tool_calls(message)
            .iter()
            .map(|call| call["id"].as_str().unwrap_or_default())
            .filter(|id| !answered.contains(id))
            .collect();
        if !open.is_empty() {
            captures.insert("ids", open.join(", "));
            captures.insert("at", format!("messages[{index}].tool_calls"));
            return true;
        }
    }
    false
}

pub(super) fn strict_tool_open(body: &Value, captures: &mut Captures) -> bool {
    let tools = body["tools"].as_array().into_iter().flatten();
    let open = tools
        .map(|tool| &tool["function"])
        .enumerate()
        .find(|(_, function)| function["strict"] == true && function["parameters"]["additionalProperties"] != false);
    let Some((index, function)) = open else { return false };
    captures.insert("i", index.to_string());
    captures.insert("name", function["name"].as_str().unwrap_or_default().to_owned());
    captures.insert("at", format!("tools[{index}].function.parameters"));
    true
}

pub(super) fn content_block_unknown(body: &Value, captures: &mut Captures) -> bool {
    let found = messages(body).iter().enumerate().find(|(_, message)| {
        let blocks = message["content"].as_array().into_iter().flatten();
        message["role"] == "user"
            && blocks.into_iter().any(|block| !matches!(block["type"].as_str(), Some("text" | "image_url" | "file")))
    });
    let Some((index, _)) = found else { return false };
    captures.insert("i", index.to_string());
    true
}

pub(super) fn image_format_unknown(body: &Value, captures: &mut Captures) -> bool {
    for (index, message) in messages(body).iter().enumerate() {
        let blocks = message["content"].as_array().into_iter().flatten();
        let unknown = blocks.map(|block| &block["image_url"]["url"]).position(|url| {
            url.as_str().and_then(|url| url.strip_prefix("data:")?.split_once(";base64,")).is_some_and(is_no_image)
        });
        if let Some(position) = unknown {
            captures.insert("i", index.to_string());
            captures.insert("j", position.to_string());
            return true;
        }
    }
    false
}

/// Whether a data URL's bytes begin like no image that is taken.
fn is_no_image((_, data): (&str, &str)) -> bool {
    // The first twelve bytes.
    let head = data.get(..16).and_then(|head| STANDARD.decode(head).ok()).unwrap_or_default();
    let known: [&[u8]; 3] = [b"\x89PNG", b"\xff\xd8\xff", b"GIF8"];
    let webp = head.starts_with(b"RIFF") && head.ends_with(b"WEBP");
    !webp && !known.iter().any(|magic| head.starts_with(magic))
}

pub(super) fn no_message_holds(body: &Value, text: &str) -> bool {
    let text = text.to_lowercase();
    !messages(body).iter().any(|message| message["content"].to_string().to_lowercase().contains(&text))
}
