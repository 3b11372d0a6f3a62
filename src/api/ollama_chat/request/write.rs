//! Writing requests of Ollama's chat.

use serde_json::{Map, Value, json};

use super::OPTIONS;
use crate::api::body::{has_below, is_own, put_rest, text_at};
use crate::api::calls::{given, name_of};
use crate::api::openai_chat::request::write_tool;
use crate::api::{ApiId, Conversation, Part, Role, Turn};

/// Writes a request body.
pub(in crate::api) fn write(conversation: &Conversation, model: &str) -> Value {
    let own = is_own(conversation, ApiId::OllamaChat);
    let mut body = Map::new();
    body.insert("model".to_owned(), model.into());
    let messages: Vec<Value> = conversation.turns.iter().flat_map(|turn| write_turn(turn, conversation, own)).collect();
    body.insert("messages".to_owned(), messages.into());
    // No choice says that nothing is to be called: it is said by offering nothing.
    let forbids = conversation.tool_choice == Some("none".into());
    let tools: Vec<Value> = conversation.tools.iter().filter_map(|tool| write_tool(tool, own)).collect();
    if !tools.is_empty() && !forbids {
        body.insert("tools".to_owned(), tools.into());
    }
    let options = write_options(conversation, own);
    if !options.is_empty() || (own && has_below(&conversation.rest, "/options")) {
        body.insert("options".to_owned(), options.into());
    }
    if let Some(think) = conversation.params.get("thinking").and_then(write_thinking) {
        body.insert("think".to_owned(), think.into());
    }
    if let Some(format) = conversation.format.as_ref().filter(|_| own) {
        let schema = format.get("schema").cloned();
        body.insert("format".to_owned(), schema.unwrap_or_else(|| "json".into()));
    }
    // What is not said is taken for `true`.
    body.insert("stream".to_owned(), conversation.stream.into());
    let mut body = Value::Object(body);
    if own {
        put_rest(&mut body, &conversation.rest);
    }
    body
}

fn write_options(conversation: &Conversation, own: bool) -> Map<String, Value> {
    let mut options = Map::new();
    for (name, value) in conversation.params.iter().filter(|(name, _)| *name != "thinking") {
        let key = OPTIONS.iter().find(|(_, neutral)| neutral == name).map(|(key, _)| *key);
        if let Some(key) = key.or(own.then_some(name.as_str())) {
            options.insert(key.to_owned(), value.clone());
        }
    }
    options
}

fn write_thinking(thinking: &Value) -> Option<bool> {
    match text_at(thinking, "type")? {
        "enabled" | "adaptive" => Some(true),
        "disabled" => Some(false),
        _ => None,
    }
}

fn write_turn(turn: &Turn, conversation: &Conversation, own: bool) -> Vec<Value> {
    let role = match (turn.role, turn.parts.as_slice()) {
        (Role::Tool, parts) => return parts.iter().filter_map(|part| write_result(part, conversation)).collect(),
        // A message that was no object.
        (Role::User, [Part::Other(odd)]) if own => return vec![odd.clone()],
        (Role::System, _) => "system",
        (Role::User, _) => "user",
        (Role::Assistant, _) => "assistant",
    };
    vec![write_message(role, &turn.parts, own)]
}

fn write_result(part: &Part, conversation: &Conversation) -> Option<Value> {
    let Part::ToolResult { id, parts, .. } = part else { return None };
    let mut message = json!({"role": "tool", "content": text_of(parts)});
    let name = name_of(conversation, id);
    if !name.is_empty() {
        message["tool_name"] = name.into();
    }
    if let Some(id) = given(id) {
        message["tool_call_id"] = id.into();
    }
    Some(message)
}

fn text_of(parts: &[Part]) -> String {
    let said = parts.iter().filter_map(|part| match part {
        Part::Text { text, .. } | Part::Refusal { text } => Some(text.as_str()),
        _ => None,
    });
    said.collect()
}

fn write_message(role: &str, parts: &[Part], own: bool) -> Value {
    let mut message = json!({"role": role, "content": text_of(parts)});
    let (mut images, mut calls) = (Vec::<&str>::new(), Vec::<Value>::new());
    for part in parts {
        match part {
            // An image that stands elsewhere cannot be named here.
            Part::Image { url, .. } => images.extend(url.split_once(";base64,").map(|(_, data)| data)),
            Part::ToolCall { id, name, arguments } => {
                let function = json!({"name": name, "arguments": arguments});
                calls.push(match given(id) {
                    Some(id) => json!({"id": id, "function": function}),
                    None => json!({ "function": function }),
                });
            }
            Part::Thinking { text, .. } if own => message["thinking"] = text.as_str().into(),
            Part::Other(value) if own => calls.push(value.clone()),
            _ => {}
        }
    }
    if !images.is_empty() {
        message["images"] = images.into();
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    message
}
