//! Reading requests of Converse.

use serde_json::{Map, Value, json};

use super::{ADDITIONAL, CONFIG, FIELDS, plain_cache_point};
use crate::api::body::{Rest, image, keep_unknown, pointer, text_at};
use crate::api::{ApiId, Conversation, Part, Role, ToolDefinition, Turn};

/// Reads a request body; model and stream stand in the path.
pub(in crate::api) fn read(body: &Value) -> Conversation {
    let mut conversation = Conversation { api: Some(ApiId::BedrockConverse), ..Conversation::default() };
    let Some(fields) = body.as_object() else {
        conversation.rest.insert(String::new(), body.clone());
        return conversation;
    };
    if let Some(Value::Array(blocks)) = fields.get("system") {
        let place = "/system";
        let parts = read_blocks(blocks, place, &mut conversation.rest);
        if parts.is_empty() {
            conversation.rest.insert(place.to_owned(), json!([]));
        } else {
            conversation.turns.push(Turn { role: Role::System, parts, place: place.to_owned() });
        }
    }
    for (key, value) in fields {
        let place = pointer("", key);
        match (key.as_str(), value) {
            ("system", Value::Array(_)) => {}
            ("messages", Value::Array(messages)) => {
                for (at, message) in messages.iter().enumerate() {
                    let turns = read_message(message, &format!("/messages/{at}"), &mut conversation.rest);
                    conversation.turns.extend(turns);
                }
            }
            ("toolConfig", Value::Object(config)) => read_tool_config(config, &place, &mut conversation),
            ("inferenceConfig", Value::Object(config)) => {
                let known = |own: &str| CONFIG.iter().find(|(key, _)| *key == own).map(|(_, name)| *name);
                read_params(config, &place, known, &mut conversation);
            }
            ("additionalModelRequestFields", Value::Object(more)) => {
                let known = |own: &str| FIELDS.into_iter().find(|key| *key == own);
                read_params(more, ADDITIONAL, known, &mut conversation);
            }
            _ => {
                conversation.rest.insert(place, value.clone());
            }
        }
    }
    conversation
}

fn read_params<'n>(
    fields: &Map<String, Value>,
    place: &str,
    known: impl Fn(&str) -> Option<&'n str>,
    conversation: &mut Conversation,
) {
    if fields.is_empty() {
        conversation.rest.insert(place.to_owned(), json!({}));
    }
    for (key, value) in fields {
        match known(key) {
            // A list of stop texts is one.
            Some("stop") if !value.is_array() => drop(conversation.rest.insert(pointer(place, key), value.clone())),
            Some(name) => drop(conversation.params.insert(name.to_owned(), value.clone())),
            None => drop(conversation.rest.insert(pointer(place, key), value.clone())),
        }
    }
}

/// Reads a message: a user's that brings results of tools is a tool turn, and what it says beside them a user turn of
/// the same place.
fn read_message(message: &Value, place: &str, rest: &mut Rest) -> Vec<Turn> {
    let turn = |role, parts| Turn { role, parts, place: place.to_owned() };
    let Some(fields) = message.as_object() else {
        rest.insert(place.to_owned(), message.clone());
        return vec![turn(Role::User, Vec::new())];
    };
    let raw_role = fields.get("role").and_then(Value::as_str);
    if !matches!(raw_role, Some("user" | "assistant")) {
        rest.extend(fields.get("role").map(|role| (pointer(place, "role"), role.clone())));
    }
    keep_unknown(rest, place, fields, &["role", "content"]);
    let parts = match fields.get("content") {
        Some(Value::Array(blocks)) if !blocks.is_empty() => read_blocks(blocks, &pointer(place, "content"), rest),
        Some(other) => {
            rest.insert(pointer(place, "content"), other.clone());
            Vec::new()
        }
        None => Vec::new(),
    };
    if raw_role == Some("assistant") {
        return vec![turn(Role::Assistant, parts)];
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

fn read_blocks(blocks: &[Value], place: &str, rest: &mut Rest) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (at, block) in blocks.iter().enumerate() {
        let place = format!("{place}/{at}");
        let marks = block.get("cachePoint").is_some() && block.as_object().is_some_and(|fields| fields.len() == 1);
        // A mark stands behind what it marks.
        if let Some(Part::Text { cache, .. } | Part::ToolResult { cache, .. }) = parts.last_mut()
            && marks
            && !*cache
        {
            *cache = true;
            if *block != plain_cache_point() {
                rest.insert(place, block.clone());
            }
            continue;
        }
        parts.push(read_block(block, &place, rest).unwrap_or_else(|| Part::Other(block.clone())));
    }
    parts
}

/// A block; `None` where it has no neutral form. Each has one key.
fn read_block(block: &Value, place: &str, rest: &mut Rest) -> Option<Part> {
    let (key, value) = block.as_object().filter(|fields| fields.len() == 1)?.iter().next()?;
    let below = pointer(place, key);
    match (key.as_str(), value) {
        ("text", Value::String(text)) => Some(Part::text(text.as_str())),
        ("image", Value::Object(fields)) => {
            let (format, bytes) = (text_at(value, "format")?, value.pointer("/source/bytes")?.as_str()?);
            if fields.len() != 2 || value["source"].as_object()?.len() != 1 {
                return None;
            }
            Some(image(&format!("data:image/{format};base64,{bytes}")))
        }
        ("toolUse", Value::Object(fields)) => {
            keep_unknown(rest, &below, fields, &["toolUseId", "name", "input"]);
            let take = |key: &str| text_at(value, key).map(str::to_owned);
            let arguments = value.get("input").cloned()?;
            Some(Part::ToolCall { id: take("toolUseId")?, name: take("name")?, arguments })
        }
        ("toolResult", Value::Object(fields)) => read_result(fields, &below, rest),
        ("reasoningContent", Value::Object(fields)) => {
            let reasoning = fields.get("reasoningText").filter(|_| fields.len() == 1)?;
            let text = text_at(reasoning, "text")?.to_owned();
            keep_unknown(rest, &pointer(&below, "reasoningText"), reasoning.as_object()?, &["text", "signature"]);
            Some(Part::Thinking { text, signature: text_at(reasoning, "signature").map(str::to_owned) })
        }
        _ => None,
    }
}

fn read_result(fields: &Map<String, Value>, place: &str, rest: &mut Rest) -> Option<Part> {
    let id = fields.get("toolUseId")?.as_str()?.to_owned();
    let Some(Value::Array(content)) = fields.get("content") else { return None };
    let error = fields.get("status").is_some_and(|status| status == "error");
    let known: &[&str] = if error { &["toolUseId", "content", "status"] } else { &["toolUseId", "content"] };
    keep_unknown(rest, place, fields, known);
    let mut parts = Vec::new();
    for (at, block) in content.iter().enumerate() {
        let place = format!("{place}/content/{at}");
        parts.push(match block.get("json") {
            // What a tool gave back as JSON is what it said, in other words.
            Some(said) => {
                rest.insert(place, block.clone());
                Part::text(said.to_string())
            }
            None => read_block(block, &place, rest).unwrap_or_else(|| Part::Other(block.clone())),
        });
    }
    Some(Part::ToolResult { id, parts, error, cache: false })
}

fn read_tool_config(config: &Map<String, Value>, place: &str, conversation: &mut Conversation) {
    if config.is_empty() {
        conversation.rest.insert(place.to_owned(), json!({}));
    }
    for (key, value) in config {
        match (key.as_str(), value) {
            ("tools", Value::Array(tools)) if !tools.is_empty() => {
                for tool in tools {
                    match conversation.tools.last_mut().filter(|last| *tool == plain_cache_point() && !last.cache) {
                        Some(last) => last.cache = true,
                        None => conversation.tools.push(read_tool(tool)),
                    }
                }
            }
            ("toolChoice", _) if read_choice(value).is_some() => conversation.tool_choice = read_choice(value),
            _ => {
                conversation.rest.insert(pointer(place, key), value.clone());
            }
        }
    }
}

/// A tool of one's own is a `toolSpec`; other keys are tools of the vendor's.
fn read_tool(tool: &Value) -> ToolDefinition {
    let only = tool.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.iter().next());
    match only {
        Some((key, Value::Object(spec))) if key == "toolSpec" => ToolDefinition {
            name: spec.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
            description: spec.get("description").and_then(Value::as_str).map(str::to_owned),
            parameters: spec.get("inputSchema").and_then(|schema| schema.get("json")).cloned().unwrap_or(Value::Null),
            rest: spec
                .iter()
                .filter(|(key, value)| match key.as_str() {
                    "name" | "description" => !value.is_string(),
                    "inputSchema" => {
                        !value.as_object().is_some_and(|schema| schema.len() == 1 && !value["json"].is_null())
                    }
                    _ => true,
                })
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            ..ToolDefinition::default()
        },
        Some((key, value)) => ToolDefinition {
            name: key.clone(),
            rest: [(key.clone(), value.clone())].into(),
            ..ToolDefinition::default()
        },
        None => ToolDefinition { rest: [(String::new(), tool.clone())].into(), ..ToolDefinition::default() },
    }
}

fn read_choice(choice: &Value) -> Option<Value> {
    let (key, value) = choice.as_object().filter(|fields| fields.len() == 1)?.iter().next()?;
    let fields = value.as_object()?;
    match key.as_str() {
        "auto" if fields.is_empty() => Some("auto".into()),
        "any" if fields.is_empty() => Some("required".into()),
        "tool" if fields.len() == 1 => Some(json!({"tool": text_at(value, "name")?})),
        _ => None,
    }
}
