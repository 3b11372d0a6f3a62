//! Reading requests of Anthropic Messages.

use serde_json::{Map, Value, json};

use super::PARAMS;
use crate::api::body::{Rest, cache_mark, image, keep_unknown, pointer, text_at};
use crate::api::{ApiId, Conversation, Part, Role, ToolDefinition, Turn};

/// Reads a request body.
pub(in crate::api) fn read(body: &Value) -> Conversation {
    let mut conversation = Conversation { api: Some(ApiId::AnthropicMessages), ..Conversation::default() };
    let Some(fields) = body.as_object() else {
        conversation.rest.insert(String::new(), body.clone());
        return conversation;
    };
    let rest = &mut conversation.rest;
    if let Some(system) = fields.get("system").filter(|system| !system.is_null()) {
        let parts = read_content(system, "/system", rest);
        conversation.turns.push(Turn { role: Role::System, parts, place: "/system".to_owned() });
    }
    for (key, value) in fields {
        match key.as_str() {
            "model" if value.is_string() => value.as_str().unwrap_or_default().clone_into(&mut conversation.model),
            "stream" if value.is_boolean() => conversation.stream = value == true,
            "system" if !value.is_null() => {}
            "stop_sequences" => {
                conversation.params.insert("stop".to_owned(), value.clone());
            }
            "output_config" if value.get("format").is_some() => {
                conversation.format = value.get("format").cloned();
                let known = ["format"];
                keep_unknown(rest, "/output_config", value.as_object().unwrap_or(&Map::new()), &known);
            }
            "metadata" if value.is_object() => {
                conversation.user = text_at(value, "user_id").map(str::to_owned);
                let known: &[&str] = if conversation.user.is_some() { &["user_id"] } else { &[] };
                keep_unknown(rest, "/metadata", value.as_object().unwrap_or(&Map::new()), known);
            }
            "tool_choice" => match read_tool_choice(value) {
                Some(choice) => {
                    conversation.tool_choice = Some(choice);
                    if let Some(one) = value.get("disable_parallel_tool_use").and_then(Value::as_bool) {
                        conversation.params.insert("parallel_tool_calls".to_owned(), (!one).into());
                    }
                }
                None => {
                    rest.insert("/tool_choice".to_owned(), value.clone());
                }
            },
            "tools" if value.is_array() => {
                conversation.tools = value.as_array().into_iter().flatten().map(read_tool).collect();
            }
            "messages" if value.is_array() => {
                for (at, message) in value.as_array().into_iter().flatten().enumerate() {
                    conversation.turns.extend(read_message(message, &format!("/messages/{at}"), rest));
                }
            }
            _ if PARAMS.contains(&key.as_str()) => {
                conversation.params.insert(key.clone(), value.clone());
            }
            _ => {
                rest.insert(pointer("", key), value.clone());
            }
        }
    }
    conversation
}

fn read_tool_choice(value: &Value) -> Option<Value> {
    Some(match text_at(value, "type")? {
        "auto" => "auto".into(),
        "none" => "none".into(),
        "any" => "required".into(),
        "tool" => json!({"tool": text_at(value, "name")?}),
        _ => return None,
    })
}

fn read_tool(tool: &Value) -> ToolDefinition {
    let fields = tool.as_object().cloned().unwrap_or_default();
    let (cache, plain) = cache_mark(tool);
    let mut known = vec!["name", "description", "input_schema"];
    known.extend(plain.then_some("cache_control"));
    ToolDefinition {
        name: text_at(tool, "name").unwrap_or_default().to_owned(),
        description: text_at(tool, "description").map(str::to_owned),
        parameters: tool.get("input_schema").cloned().unwrap_or(Value::Null),
        cache,
        rest: fields.into_iter().filter(|(key, _)| !known.contains(&key.as_str())).collect(),
    }
}

/// Reads a message: a user's message that brings results of tools is a tool turn, and what it says beside them
/// a user turn of the same place.
fn read_message(message: &Value, place: &str, rest: &mut Rest) -> Vec<Turn> {
    let turn = |role, parts| Turn { role, parts, place: place.to_owned() };
    let Some(fields) = message.as_object() else {
        return vec![turn(Role::User, vec![Part::Other(message.clone())])];
    };
    let raw_role = text_at(message, "role").unwrap_or_default();
    let role = match raw_role {
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => Role::User,
    };
    if !matches!(raw_role, "assistant" | "system" | "user") {
        rest.insert(pointer(place, "role"), fields.get("role").cloned().unwrap_or(Value::Null));
    }
    keep_unknown(rest, place, fields, &["role", "content"]);
    let parts = fields.get("content").map(|content| read_content(content, &format!("{place}/content"), rest));
    let parts = parts.unwrap_or_default();
    if role != Role::User {
        return vec![turn(role, parts)];
    }
    let mut turns: Vec<Turn> = Vec::new();
    for part in parts {
        let role = if matches!(part, Part::ToolResult { .. }) { Role::Tool } else { Role::User };
        match turns.last_mut() {
            Some(last) if last.role == role => last.parts.push(part),
            _ => turns.push(turn(role, vec![part])),
        }
    }
    if turns.is_empty() {
        turns.push(turn(Role::User, Vec::new()));
    }
    turns
}

/// Reads content: a text, or a list of blocks. `place` is that of the content itself.
fn read_content(content: &Value, place: &str, rest: &mut Rest) -> Vec<Part> {
    match content {
        Value::Null => Vec::new(),
        Value::String(text) => vec![Part::text(text.as_str())],
        Value::Array(items) => {
            items.iter().enumerate().map(|(at, item)| read_block(item, &format!("{place}/{at}"), rest)).collect()
        }
        other => vec![Part::Other(other.clone())],
    }
}

fn read_block(block: &Value, place: &str, rest: &mut Rest) -> Part {
    let other = || Part::Other(block.clone());
    let Some(fields) = block.as_object() else { return other() };
    let take = |key: &str| text_at(block, key).unwrap_or_default().to_owned();
    let (part, known): (_, &[&str]) = match take("type").as_str() {
        "text" => {
            let Some(text) = text_at(block, "text") else { return other() };
            let (cache, plain) = cache_mark(block);
            let known: &[&str] = if plain { &["type", "text", "cache_control"] } else { &["type", "text"] };
            (Part::Text { text: text.to_owned(), cache }, known)
        }
        "image" => {
            let source = &block["source"];
            let url = match text_at(source, "type") {
                Some("base64") => format!(
                    "data:{};base64,{}",
                    text_at(source, "media_type").unwrap_or_default(),
                    text_at(source, "data").unwrap_or_default()
                ),
                Some("url") => text_at(source, "url").unwrap_or_default().to_owned(),
                _ => return other(),
            };
            (image(&url), &["type", "source"])
        }
        "thinking" => (
            Part::Thinking { text: take("thinking"), signature: text_at(block, "signature").map(str::to_owned) },
            &["type", "thinking", "signature"],
        ),
        "tool_use" => {
            let arguments = block.get("input").cloned().unwrap_or_else(|| json!({}));
            (Part::ToolCall { id: take("id"), name: take("name"), arguments }, &["type", "id", "name", "input"])
        }
        "tool_result" => {
            let content = block.get("content").unwrap_or(&Value::Null);
            let parts = read_content(content, &pointer(place, "content"), rest);
            let error = block.get("is_error") == Some(&Value::Bool(true));
            let (cache, plain) = cache_mark(block);
            let known: &[&str] = match (block.get("is_error").is_none_or(Value::is_boolean), plain) {
                (true, true) => &["type", "tool_use_id", "content", "is_error", "cache_control"],
                (true, false) => &["type", "tool_use_id", "content", "is_error"],
                (false, true) => &["type", "tool_use_id", "content", "cache_control"],
                (false, false) => &["type", "tool_use_id", "content"],
            };
            (Part::ToolResult { id: take("tool_use_id"), parts, error, cache }, known)
        }
        _ => return other(),
    };
    keep_unknown(rest, place, fields, known);
    part
}
