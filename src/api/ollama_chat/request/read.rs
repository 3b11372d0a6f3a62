//! Reading requests of Ollama's chat.

use serde_json::{Value, json};

use super::OPTIONS;
use crate::api::body::{Rest, image, keep_unknown, pointer, text_at};
use crate::api::calls::Calls;
use crate::api::openai_chat::request::read_tool;
use crate::api::{ApiId, Conversation, Part, Role, Turn};

/// Reads a request body.
pub(in crate::api) fn read(body: &Value) -> Conversation {
    // Streams are what a request gets that asks for nothing else.
    let mut conversation = Conversation { api: Some(ApiId::OllamaChat), stream: true, ..Conversation::default() };
    let Some(fields) = body.as_object() else {
        conversation.rest.insert(String::new(), body.clone());
        return conversation;
    };
    let mut calls = Calls::default();
    for (key, value) in fields {
        let rest = &mut conversation.rest;
        match (key.as_str(), value) {
            ("model", Value::String(name)) => conversation.model.clone_from(name),
            ("stream", Value::Bool(stream)) => conversation.stream = *stream,
            ("think", _) if thinking(value).is_some() => {
                conversation.params.extend(thinking(value).map(|thinking| ("thinking".to_owned(), thinking)));
            }
            ("format", _) if format(value).is_some() => conversation.format = format(value),
            ("options", Value::Object(options)) => {
                for (key, value) in options {
                    match OPTIONS.iter().find(|(own, _)| own == key) {
                        Some((_, name)) => conversation.params.insert((*name).to_owned(), value.clone()),
                        None => rest.insert(pointer("/options", key), value.clone()),
                    };
                }
            }
            ("tools", Value::Array(tools)) => {
                let tools = tools.iter().enumerate();
                conversation.tools = tools.map(|(at, tool)| read_tool(tool, &format!("/tools/{at}"), rest)).collect();
            }
            ("messages", Value::Array(messages)) => {
                let each = |(at, message)| read_message(message, format!("/messages/{at}"), rest, &mut calls);
                conversation.turns = messages.iter().enumerate().map(each).collect();
            }
            _ => {
                rest.insert(pointer("", key), value.clone());
            }
        }
    }
    conversation
}

/// Whether the model is to think, as other APIs say it; how much is a word that they do not have.
fn thinking(think: &Value) -> Option<Value> {
    match think {
        Value::Bool(true) => Some(json!({"type": "enabled"})),
        Value::Bool(false) => Some(json!({"type": "disabled"})),
        _ => None,
    }
}

/// A format as other APIs say it.
fn format(format: &Value) -> Option<Value> {
    match format {
        Value::String(text) if text == "json" => Some(json!({"type": "json_object"})),
        Value::Object(_) => Some(json!({"type": "json_schema", "schema": format})),
        _ => None,
    }
}

fn read_message(message: &Value, place: String, rest: &mut Rest, calls: &mut Calls) -> Turn {
    let Some(fields) = message.as_object() else {
        return Turn { role: Role::User, parts: vec![Part::Other(message.clone())], place };
    };
    let role = match text_at(message, "role") {
        Some("system") => Role::System,
        Some("assistant") => Role::Assistant,
        Some("tool") => Role::Tool,
        Some("user") => Role::User,
        _ => {
            rest.insert(pointer(&place, "role"), fields.get("role").cloned().unwrap_or(Value::Null));
            Role::User
        }
    };
    let mut known = vec!["role"];
    let content = text_at(message, "content");
    known.extend(content.map(|_| "content"));
    let mut parts = Vec::new();
    if let Some(text) = text_at(message, "thinking") {
        known.push("thinking");
        parts.push(Part::Thinking { text: text.to_owned(), signature: None });
    }
    parts.extend(content.filter(|text| !text.is_empty()).map(Part::text));
    if role == Role::Tool {
        return tool_turn(fields, parts, known, place, rest, calls);
    }
    if let Some(images) = texts(fields.get("images")) {
        known.push("images");
        parts.extend(images.into_iter().map(|data| image(&format!("data:{};base64,{data}", media_type(data)))));
    }
    if let Some(Value::Array(items)) = fields.get("tool_calls").filter(|_| role == Role::Assistant) {
        known.push("tool_calls");
        for (at, item) in items.iter().enumerate() {
            parts.push(read_call(item, &format!("{place}/tool_calls/{at}"), rest, calls));
        }
    }
    keep_unknown(rest, &place, fields, &known);
    Turn { role, parts, place }
}

/// A result names its tool, and the call where that has an id.
fn tool_turn(
    fields: &serde_json::Map<String, Value>,
    parts: Vec<Part>,
    mut known: Vec<&str>,
    place: String,
    rest: &mut Rest,
    calls: &mut Calls,
) -> Turn {
    let text = |key: &str| fields.get(key).and_then(Value::as_str);
    let name = text("tool_name");
    let (id, is_named) = calls.result(text("tool_call_id"), name.unwrap_or_default());
    known.extend(text("tool_call_id").map(|_| "tool_call_id"));
    known.extend(name.filter(|_| is_named).map(|_| "tool_name"));
    keep_unknown(rest, &place, fields, &known);
    Turn { role: Role::Tool, parts: vec![Part::ToolResult { id, parts, error: false, cache: false }], place }
}

fn read_call(call: &Value, place: &str, rest: &mut Rest, calls: &mut Calls) -> Part {
    let function = call.get("function").and_then(Value::as_object);
    let (Some(fields), Some(function)) = (call.as_object(), function) else { return Part::Other(call.clone()) };
    keep_unknown(rest, place, fields, &["id", "function"]);
    keep_unknown(rest, &pointer(place, "function"), function, &["name", "arguments"]);
    let name = function.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let id = calls.call(text_at(call, "id").filter(|id| !id.is_empty()), &name);
    Part::ToolCall { id, name, arguments: function.get("arguments").cloned().unwrap_or_else(|| json!({})) }
}

/// A list of texts and nothing else.
fn texts(value: Option<&Value>) -> Option<Vec<&str>> {
    value?.as_array()?.iter().map(Value::as_str).collect()
}

/// The type of an image by how it begins: this API names none.
fn media_type(base64: &str) -> &'static str {
    const BEGINNINGS: [(&str, &str); 3] = [("/9j/", "image/jpeg"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp")];
    BEGINNINGS.iter().find(|(beginning, _)| base64.starts_with(beginning)).map_or("image/png", |(_, kind)| kind)
}
