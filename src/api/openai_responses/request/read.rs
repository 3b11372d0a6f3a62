//! Reading requests of OpenAI Responses.
//!
//! The input is a list of items; what the model said in one go (reasoning, a message, calls) is one turn here.

use serde_json::{Value, json};

use super::{PARAMS, is_item};
use crate::api::body::{Rest, image, keep_unknown, parse_arguments, pointer, text_at};
use crate::api::{ApiId, Conversation, Part, Role, ToolDefinition, Turn};

/// Reads a request body.
pub(in crate::api) fn read(body: &Value) -> Conversation {
    let mut conversation = Conversation { api: Some(ApiId::OpenaiResponses), ..Conversation::default() };
    let Some(fields) = body.as_object() else {
        conversation.rest.insert(String::new(), body.clone());
        return conversation;
    };
    for (key, value) in fields {
        let rest = &mut conversation.rest;
        let mut keep = || {
            rest.insert(pointer("", key), value.clone());
        };
        match (key.as_str(), value) {
            ("model", Value::String(model)) => conversation.model.clone_from(model),
            ("stream", Value::Bool(stream)) => conversation.stream = *stream,
            ("user", Value::String(user)) => conversation.user = Some(user.clone()),
            ("safety_identifier", Value::String(user)) => {
                keep();
                if !fields.contains_key("user") {
                    conversation.user = Some(user.clone());
                }
            }
            ("max_output_tokens", _) => {
                conversation.params.insert("max_tokens".to_owned(), value.clone());
            }
            ("reasoning", Value::Object(reasoning)) if !reasoning.is_empty() => {
                keep_unknown(rest, "/reasoning", reasoning, &["effort"]);
                if let Some(effort) = reasoning.get("effort") {
                    conversation.params.insert("reasoning_effort".to_owned(), effort.clone());
                }
            }
            ("text", Value::Object(text)) if !text.is_empty() => {
                // Plain text is no format that is asked for.
                let format = text.get("format").filter(|format| text_at(format, "type") != Some("text"));
                conversation.format = format.cloned();
                keep_unknown(rest, "/text", text, if format.is_some() { &["format"] } else { &[] });
            }
            ("tool_choice", _) => match read_tool_choice(value) {
                Some(choice) => conversation.tool_choice = Some(choice),
                None => keep(),
            },
            ("tools", Value::Array(tools)) => conversation.tools = tools.iter().map(read_tool).collect(),
            ("instructions", Value::String(text)) => {
                let place = "/instructions".to_owned();
                let turn = Turn { role: Role::System, parts: vec![Part::text(text.as_str())], place };
                conversation.turns.insert(0, turn);
            }
            ("input", Value::String(text)) => {
                let place = "/input".to_owned();
                conversation.turns.push(Turn { role: Role::User, parts: vec![Part::text(text.as_str())], place });
            }
            ("input", Value::Array(items)) if !items.is_empty() => {
                for (at, item) in items.iter().enumerate() {
                    read_item(item, format!("/input/{at}"), &mut conversation.turns, rest);
                }
            }
            (key, _) if PARAMS.contains(&key) => {
                conversation.params.insert(key.to_owned(), value.clone());
            }
            _ => keep(),
        }
    }
    conversation
}

fn read_tool_choice(value: &Value) -> Option<Value> {
    match value.as_str() {
        Some("auto" | "none" | "required") => Some(value.clone()),
        Some(_) => None,
        None if text_at(value, "type") == Some("function") => text_at(value, "name").map(|name| json!({"tool": name})),
        None => None,
    }
}

fn read_tool(tool: &Value) -> ToolDefinition {
    let fields = tool.as_object().cloned().unwrap_or_default();
    if text_at(tool, "type").is_some_and(|kind| kind != "function") {
        // A tool of the vendor's own: it has a type, but no schema.
        let name = text_at(tool, "name").or(text_at(tool, "type")).unwrap_or_default().to_owned();
        return ToolDefinition { name, rest: fields.into_iter().collect(), ..ToolDefinition::default() };
    }
    let known = ["type", "name", "description", "parameters"];
    ToolDefinition {
        name: text_at(tool, "name").unwrap_or_default().to_owned(),
        description: text_at(tool, "description").map(str::to_owned),
        parameters: fields.get("parameters").cloned().unwrap_or(Value::Null),
        rest: fields.into_iter().filter(|(key, _)| !known.contains(&key.as_str())).collect(),
        ..ToolDefinition::default()
    }
}

fn read_item(item: &Value, place: String, turns: &mut Vec<Turn>, rest: &mut Rest) {
    let fields = item.as_object();
    match (text_at(item, "type"), fields) {
        (None | Some("message"), Some(fields)) if fields.contains_key("role") => {
            let (role, parts) = read_message(item, &place, rest);
            // A message goes on the turn in which the model has thought or called, never another message.
            let goes_on = role == Role::Assistant && !parts.is_empty();
            let last = turns.last_mut().filter(|last| goes_on && last.role == role);
            match last.filter(|last| last.parts.last().is_some_and(is_own_item)) {
                Some(last) => last.parts.extend(parts),
                None => turns.push(Turn { role, parts, place }),
            }
        }
        (Some("function_call"), Some(fields)) => {
            keep_unknown(rest, &place, fields, &["type", "call_id", "name", "arguments"]);
            let part = Part::ToolCall {
                id: text_at(item, "call_id").unwrap_or_default().to_owned(),
                name: text_at(item, "name").unwrap_or_default().to_owned(),
                arguments: parse_arguments(text_at(item, "arguments").unwrap_or_default()),
            };
            said_by_model(turns, part, place);
        }
        (Some("reasoning"), Some(_)) => {
            let part = read_reasoning(item, &place, rest);
            said_by_model(turns, part, place);
        }
        (Some("function_call_output"), Some(fields)) => {
            keep_unknown(rest, &place, fields, &["type", "call_id", "output"]);
            let parts = read_content(fields.get("output"), &pointer(&place, "output"), "input_text", rest);
            let id = text_at(item, "call_id").unwrap_or_default().to_owned();
            turns.push(Turn {
                role: Role::Tool,
                parts: vec![Part::ToolResult { id, parts, error: false, cache: false }],
                place,
            });
        }
        // Calls of the vendor's own tools; other items have no speaker that is known here.
        (Some(kind), _) if kind.ends_with("_call") => said_by_model(turns, Part::Other(item.clone()), place),
        _ => turns.push(Turn { role: Role::User, parts: vec![Part::Other(item.clone())], place }),
    }
}

/// Adds to the turn of the model that is under way, or begins one.
fn said_by_model(turns: &mut Vec<Turn>, part: Part, place: String) {
    match turns.last_mut().filter(|last| last.role == Role::Assistant && !last.parts.is_empty()) {
        Some(last) => last.parts.push(part),
        None => turns.push(Turn { role: Role::Assistant, parts: vec![part], place }),
    }
}

/// Whether a part is an item of its own.
fn is_own_item(part: &Part) -> bool {
    match part {
        Part::ToolCall { .. } | Part::Thinking { .. } => true,
        Part::Other(value) => is_item(value),
        _ => false,
    }
}

fn read_message(item: &Value, place: &str, rest: &mut Rest) -> (Role, Vec<Part>) {
    let raw_role = text_at(item, "role").unwrap_or_default();
    let role = match raw_role {
        "system" | "developer" => Role::System,
        "assistant" => Role::Assistant,
        _ => Role::User,
    };
    let Some(fields) = item.as_object() else { return (role, Vec::new()) };
    if !matches!(raw_role, "system" | "user" | "assistant") {
        rest.insert(pointer(place, "role"), fields.get("role").cloned().unwrap_or(Value::Null));
    }
    let usual = if role == Role::Assistant { "output_text" } else { "input_text" };
    let parts = read_content(fields.get("content"), &pointer(place, "content"), usual, rest);
    keep_unknown(rest, place, fields, &["role", "content"]);
    (role, parts)
}

/// The parts of a message or of a tool's result; `usual` is the type that a text has there.
fn read_content(content: Option<&Value>, place: &str, usual: &str, rest: &mut Rest) -> Vec<Part> {
    match content {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => vec![Part::text(text.as_str())],
        Some(Value::Array(items)) => {
            let place = |at: usize| format!("{place}/{at}");
            let parts: Vec<Part> =
                items.iter().enumerate().map(|(at, item)| read_part(item, &place(at), usual, rest)).collect();
            // So that a list of one text stays one, and a part that nobody knows becomes no item.
            if let [part] = &parts[..]
                && (is_own_item(part) || matches!(part, Part::Text { .. }))
            {
                rest.insert(pointer(&place(0), "type"), items[0]["type"].clone());
            }
            parts
        }
        Some(other) => vec![Part::Other(other.clone())],
    }
}

fn read_part(item: &Value, place: &str, usual: &str, rest: &mut Rest) -> Part {
    let other = || Part::Other(item.clone());
    let Some(fields) = item.as_object() else { return other() };
    let (part, known): (_, &[&str]) = match text_at(item, "type") {
        Some(kind @ ("input_text" | "output_text")) => {
            let Some(text) = text_at(item, "text") else { return other() };
            (Part::text(text), if kind == usual { &["type", "text"] } else { &["text"] })
        }
        Some("refusal") => {
            let Some(text) = text_at(item, "refusal") else { return other() };
            (Part::Refusal { text: text.to_owned() }, &["type", "refusal"])
        }
        Some("input_image") => {
            let Some(url) = text_at(item, "image_url") else { return other() };
            (image(url), &["type", "image_url"])
        }
        _ => return other(),
    };
    keep_unknown(rest, place, fields, known);
    part
}

fn read_reasoning(item: &Value, place: &str, rest: &mut Rest) -> Part {
    let Some(fields) = item.as_object() else { return Part::Other(item.clone()) };
    let texts = |key: &str| -> Vec<&str> {
        let parts = item.get(key).and_then(Value::as_array).into_iter().flatten();
        parts.filter_map(|part| text_at(part, "text")).collect()
    };
    let (summary, content) = (texts("summary"), texts("content"));
    let text = if summary.is_empty() { content.concat() } else { summary.concat() };
    let signature = text_at(item, "encrypted_content").map(str::to_owned);
    let mut known = vec!["type"];
    // A summary in several parts is kept as it is told.
    let plain = |text: &str| json!([{"type": "summary_text", "text": text}]);
    if fields.get("summary").is_some_and(|summary| *summary == json!([]) && text.is_empty() || *summary == plain(&text))
    {
        known.push("summary");
    }
    if signature.is_some() {
        known.push("encrypted_content");
    }
    keep_unknown(rest, place, fields, &known);
    Part::Thinking { text, signature }
}
