//! Reading requests of OpenAI Chat Completions.

use serde_json::{Value, json};

use super::{MAX_COMPLETION, PARAMS};
use crate::api::body::{Rest, cache_mark, image, keep_unknown, parse_arguments, pointer, text_at};
use crate::api::{ApiId, Conversation, Part, Role, ToolDefinition, Turn};

/// Reads a request body.
pub(in crate::api) fn read(body: &Value) -> Conversation {
    let mut conversation = Conversation { api: Some(ApiId::OpenaiChat), ..Conversation::default() };
    let Some(fields) = body.as_object() else {
        conversation.rest.insert(String::new(), body.clone());
        return conversation;
    };
    let rest = &mut conversation.rest;
    for (key, value) in fields {
        match key.as_str() {
            "model" if value.is_string() => value.as_str().unwrap_or_default().clone_into(&mut conversation.model),
            "stream" if value.is_boolean() => conversation.stream = value == true,
            "user" if value.is_string() => conversation.user = value.as_str().map(str::to_owned),
            "response_format" => conversation.format = Some(value.clone()),
            "stop" if value.is_string() => {
                conversation.params.insert("stop".to_owned(), json!([value]));
            }
            "stop" => {
                conversation.params.insert("stop".to_owned(), value.clone());
            }
            "max_completion_tokens" => {
                if !fields.contains_key("max_tokens") {
                    conversation.params.insert("max_tokens".to_owned(), value.clone());
                }
                rest.insert(MAX_COMPLETION.to_owned(), value.clone());
            }
            "tool_choice" => match read_tool_choice(value) {
                Some(choice) => conversation.tool_choice = Some(choice),
                None => {
                    rest.insert("/tool_choice".to_owned(), value.clone());
                }
            },
            "tools" if value.is_array() => {
                let tools = value.as_array().into_iter().flatten().enumerate();
                conversation.tools = tools.map(|(at, tool)| read_tool(tool, &format!("/tools/{at}"), rest)).collect();
            }
            "messages" if value.is_array() => {
                let messages = value.as_array().into_iter().flatten().enumerate();
                conversation.turns =
                    messages.map(|(at, message)| read_message(message, format!("/messages/{at}"), rest)).collect();
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
    match value.as_str() {
        Some("auto" | "none" | "required") => return Some(value.clone()),
        Some(_) => return None,
        None => {}
    }
    let function = value.get("function").filter(|_| text_at(value, "type") == Some("function"))?;
    text_at(function, "name").map(|name| json!({"tool": name}))
}

/// Reads a tool, as other APIs have it, too.
pub(in crate::api) fn read_tool(tool: &Value, place: &str, rest: &mut Rest) -> ToolDefinition {
    let outer = tool.as_object().cloned().unwrap_or_default();
    let function = outer.get("function").and_then(Value::as_object);
    let Some(function) = function.filter(|_| text_at(tool, "type").is_none_or(|kind| kind == "function")) else {
        // A tool of the vendor's own: it has a type, but no schema.
        let name = text_at(tool, "name").or(text_at(tool, "type")).unwrap_or_default().to_owned();
        let rest = outer.into_iter().collect();
        return ToolDefinition { name, rest, ..ToolDefinition::default() };
    };
    let (cache, plain) = cache_mark(tool);
    let known: &[&str] = if plain { &["type", "function", "cache_control"] } else { &["type", "function"] };
    keep_unknown(rest, place, &outer, known);
    let known = ["name", "description", "parameters"];
    ToolDefinition {
        name: function.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
        description: function.get("description").and_then(Value::as_str).map(str::to_owned),
        parameters: function.get("parameters").cloned().unwrap_or(Value::Null),
        cache,
        rest: function
            .iter()
            .filter(|(key, _)| !known.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    }
}

fn read_message(message: &Value, place: String, rest: &mut Rest) -> Turn {
    let Some(fields) = message.as_object() else {
        return Turn { role: Role::User, parts: vec![Part::Other(message.clone())], place };
    };
    let raw_role = text_at(message, "role").unwrap_or_default();
    let role = match raw_role {
        "system" | "developer" => Role::System,
        "assistant" => Role::Assistant,
        "tool" | "function" => Role::Tool,
        _ => Role::User,
    };
    if !matches!(raw_role, "system" | "user" | "assistant" | "tool") {
        let raw = fields.get("role").cloned().unwrap_or(Value::Null);
        rest.insert(pointer(&place, "role"), raw);
    }
    let mut known = vec!["role", "content"];
    let mut parts = read_content(fields.get("content"), &place, rest);
    match role {
        Role::Assistant => {
            known.extend(["refusal", "tool_calls"]);
            if let Some(text) = text_at(message, "refusal") {
                parts.push(Part::Refusal { text: text.to_owned() });
            }
            let calls = fields.get("tool_calls").and_then(Value::as_array);
            for (at, call) in calls.into_iter().flatten().enumerate() {
                parts.push(read_call(call, &format!("{place}/tool_calls/{at}"), rest));
            }
        }
        Role::Tool => {
            known.push("tool_call_id");
            let id = text_at(message, "tool_call_id").unwrap_or_default().to_owned();
            let (cache, plain) = cache_mark(message);
            known.extend(plain.then_some("cache_control"));
            parts = vec![Part::ToolResult { id, parts, error: false, cache }];
        }
        Role::System | Role::User => {}
    }
    keep_unknown(rest, &place, fields, &known);
    Turn { role, parts, place }
}

fn read_content(content: Option<&Value>, place: &str, rest: &mut Rest) -> Vec<Part> {
    match content {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => vec![Part::text(text.as_str())],
        Some(Value::Array(items)) => {
            let place = |at| format!("{place}/content/{at}");
            items.iter().enumerate().map(|(at, item)| read_part(item, &place(at), rest)).collect()
        }
        Some(other) => vec![Part::Other(other.clone())],
    }
}

fn read_part(item: &Value, place: &str, rest: &mut Rest) -> Part {
    let other = || Part::Other(item.clone());
    let Some(fields) = item.as_object() else { return other() };
    let (part, known): (_, &[&str]) = match text_at(item, "type") {
        Some("text") => {
            let Some(text) = text_at(item, "text") else { return other() };
            let (cache, plain) = cache_mark(item);
            let known: &[&str] = if plain { &["type", "text", "cache_control"] } else { &["type", "text"] };
            (Part::Text { text: text.to_owned(), cache }, known)
        }
        Some("refusal") => {
            let Some(text) = text_at(item, "refusal") else { return other() };
            (Part::Refusal { text: text.to_owned() }, &["type", "refusal"])
        }
        Some("image_url") => {
            let Some(url) = item.pointer("/image_url/url").and_then(Value::as_str) else { return other() };
            if let Some(inner) = item["image_url"].as_object() {
                keep_unknown(rest, &pointer(place, "image_url"), inner, &["url"]);
            }
            (image(url), &["type", "image_url"])
        }
        _ => return other(),
    };
    keep_unknown(rest, place, fields, known);
    part
}

fn read_call(call: &Value, place: &str, rest: &mut Rest) -> Part {
    let function = call.get("function").filter(|_| text_at(call, "type").is_none_or(|kind| kind == "function"));
    let (Some(fields), Some(function)) = (call.as_object(), function.and_then(Value::as_object)) else {
        return Part::Other(call.clone());
    };
    keep_unknown(rest, place, fields, &["id", "type", "function"]);
    keep_unknown(rest, &pointer(place, "function"), function, &["name", "arguments"]);
    Part::ToolCall {
        id: text_at(call, "id").unwrap_or_default().to_owned(),
        name: function.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
        arguments: parse_arguments(function.get("arguments").and_then(Value::as_str).unwrap_or_default()),
    }
}
