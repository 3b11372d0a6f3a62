//! Reading requests of Gemini.

use serde_json::{Map, Value, json};

use super::schema::{camel, plain};
use super::{CONFIG, FORMAT, THINKING};
use crate::api::body::{Rest, image, keep_unknown, pointer, text_at};
use crate::api::calls::Calls;
use crate::api::{ApiId, Conversation, Part, Role, ToolDefinition, Turn};

/// Reads a request body; model and stream stand in the path.
pub(in crate::api) fn read(body: &Value) -> Conversation {
    let mut conversation = Conversation { api: Some(ApiId::Gemini), ..Conversation::default() };
    let Some(fields) = body.as_object() else {
        conversation.rest.insert(String::new(), body.clone());
        return conversation;
    };
    let fields = camel(fields);
    if let Some(system) = fields.get("systemInstruction") {
        let place = "/systemInstruction";
        let parts = read_instruction(system, place, &mut conversation.rest);
        conversation.turns.push(Turn { role: Role::System, parts, place: place.to_owned() });
    }
    let mut calls = Calls::default();
    for (key, value) in &fields {
        let rest = &mut conversation.rest;
        match (key.as_str(), value) {
            ("systemInstruction", _) => {}
            ("contents", Value::Array(contents)) => {
                for (at, content) in contents.iter().enumerate() {
                    conversation.turns.extend(read_content(content, &format!("/contents/{at}"), rest, &mut calls));
                }
            }
            ("tools", Value::Array(tools)) => {
                conversation.tools = tools.iter().flat_map(read_tools).collect();
            }
            ("toolConfig", Value::Object(config)) => conversation.tool_choice = read_tool_config(config, rest),
            ("generationConfig", Value::Object(config)) => read_config(&camel(config), &mut conversation),
            _ => {
                rest.insert(pointer("", key), value.clone());
            }
        }
    }
    conversation
}

fn read_instruction(system: &Value, place: &str, rest: &mut Rest) -> Vec<Part> {
    if let Value::String(text) = system {
        return vec![Part::text(text.as_str())];
    }
    let Some(fields) = system.as_object().map(camel) else { return vec![Part::Other(system.clone())] };
    keep_unknown(rest, place, &fields, &["parts"]);
    read_parts(&fields, place, rest, &mut Calls::default())
}

/// Reads a content: a user's that brings results of tools is a tool turn, and what it says beside them a user turn of
/// the same place.
fn read_content(content: &Value, place: &str, rest: &mut Rest, calls: &mut Calls) -> Vec<Turn> {
    let turn = |role, parts| Turn { role, parts, place: place.to_owned() };
    let Some(fields) = content.as_object().map(camel) else {
        return vec![turn(Role::User, vec![Part::Other(content.clone())])];
    };
    let raw_role = fields.get("role").and_then(Value::as_str);
    if !matches!(raw_role, Some("user" | "model")) {
        // Without a role the user speaks.
        rest.extend(fields.get("role").map(|role| (pointer(place, "role"), role.clone())));
    }
    keep_unknown(rest, place, &fields, &["role", "parts"]);
    let parts = read_parts(&fields, place, rest, calls);
    if raw_role == Some("model") {
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

fn read_parts(fields: &Map<String, Value>, place: &str, rest: &mut Rest, calls: &mut Calls) -> Vec<Part> {
    let Some(Value::Array(items)) = fields.get("parts") else {
        return fields.get("parts").map(|other| Part::Other(other.clone())).into_iter().collect();
    };
    let mut parts = Vec::new();
    for (at, item) in items.iter().enumerate() {
        read_part(item, &format!("{place}/parts/{at}"), rest, calls, &mut parts);
    }
    parts
}

fn read_part(item: &Value, place: &str, rest: &mut Rest, calls: &mut Calls, parts: &mut Vec<Part>) {
    let Some(fields) = item.as_object().map(camel) else {
        parts.push(Part::Other(item.clone()));
        return;
    };
    let text = |key: &str| fields.get(key).and_then(Value::as_str);
    let signature = text("thoughtSignature");
    let thought = fields.get("thought") == Some(&Value::Bool(true));
    let (part, key) = match text("text") {
        Some(text) if thought => {
            keep_unknown(rest, place, &fields, &["text", "thought", "thoughtSignature"]);
            parts.push(Part::Thinking { text: text.to_owned(), signature: signature.map(str::to_owned) });
            return;
        }
        Some(text) => (Part::text(text), "text"),
        None => {
            let Some(found) = read_data(&fields, place, rest, calls) else {
                parts.push(Part::Other(item.clone()));
                return;
            };
            found
        }
    };
    keep_unknown(rest, place, &fields, &[key, "thoughtSignature"]);
    // The signature of what was thought before this part.
    let signed = |signature: &str| Part::Thinking { text: String::new(), signature: Some(signature.to_owned()) };
    parts.extend(signature.map(signed));
    parts.push(part);
}

/// A part that is no text, and its key; `None` where it has no neutral form.
fn read_data(
    fields: &Map<String, Value>,
    place: &str,
    rest: &mut Rest,
    calls: &mut Calls,
) -> Option<(Part, &'static str)> {
    let inner = |key: &str| fields.get(key).and_then(Value::as_object).map(camel);
    let is_image =
        |fields: &Map<String, Value>| text_of(fields, "mimeType").is_some_and(|kind| kind.starts_with("image/"));
    if let Some(data) = inner("inlineData").filter(is_image) {
        let url = format!("data:{};base64,{}", text_of(&data, "mimeType")?, text_of(&data, "data")?);
        keep_unknown(rest, &pointer(place, "inlineData"), &data, &["mimeType", "data"]);
        return Some((image(&url), "inlineData"));
    }
    if let Some(file) = inner("fileData").filter(is_image) {
        let url = text_of(&file, "fileUri")?.to_owned();
        let media_type = text_of(&file, "mimeType")?.to_owned();
        keep_unknown(rest, &pointer(place, "fileData"), &file, &["mimeType", "fileUri"]);
        return Some((Part::Image { digest: url.clone(), media_type, url }, "fileData"));
    }
    if let Some(call) = inner("functionCall") {
        let name = text_of(&call, "name")?.to_owned();
        let id = calls.call(text_of(&call, "id"), &name);
        keep_unknown(rest, &pointer(place, "functionCall"), &call, &["id", "name", "args"]);
        let arguments = call.get("args").cloned().unwrap_or_else(|| json!({}));
        return Some((Part::ToolCall { id, name, arguments }, "functionCall"));
    }
    let result = inner("functionResponse")?;
    let name = text_of(&result, "name")?;
    let (id, is_named) = calls.result(text_of(&result, "id"), name);
    let place = pointer(place, "functionResponse");
    let known: &[&str] = if is_named { &["id", "name", "response"] } else { &["id", "response"] };
    keep_unknown(rest, &place, &result, known);
    let response = result.get("response").cloned().unwrap_or_else(|| json!({}));
    let (text, error) = said_in(&response);
    let part = Part::ToolResult { id, parts: vec![Part::text(text)], error, cache: false };
    if super::write::response(&part) != Some(response.clone()) {
        rest.insert(pointer(&place, "response"), response);
    }
    Some((part, "functionResponse"))
}

fn text_of<'f>(fields: &'f Map<String, Value>, key: &str) -> Option<&'f str> {
    fields.get(key).and_then(Value::as_str)
}

/// What a result says, and whether it is an error: the API wants an object, in which clients put `result` or `error`.
fn said_in(response: &Value) -> (String, bool) {
    let only = response.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.iter().next());
    match only {
        Some((key, Value::String(text))) if matches!(key.as_str(), "result" | "output" | "content" | "response") => {
            (text.clone(), false)
        }
        Some((key, Value::String(text))) if key == "error" => (text.clone(), true),
        _ => (response.to_string(), false),
    }
}

/// One entry may declare many functions; other keys are tools of the vendor's own.
fn read_tools(entry: &Value) -> Vec<ToolDefinition> {
    let Some(fields) = entry.as_object().map(camel) else { return Vec::new() };
    let mut tools = Vec::new();
    for (key, value) in &fields {
        match value {
            Value::Array(declared) if key == "functionDeclarations" => tools.extend(declared.iter().map(read_tool)),
            _ => tools.push(ToolDefinition {
                name: key.clone(),
                rest: [(key.clone(), value.clone())].into(),
                ..ToolDefinition::default()
            }),
        }
    }
    tools
}

fn read_tool(tool: &Value) -> ToolDefinition {
    let fields = tool.as_object().map(camel).unwrap_or_default();
    let known = ["name", "description", "parameters"];
    let schema = fields.get("parameters").or_else(|| fields.get("parametersJsonSchema"));
    ToolDefinition {
        name: text_at(tool, "name").unwrap_or_default().to_owned(),
        description: text_at(tool, "description").map(str::to_owned),
        parameters: schema.map_or(Value::Null, plain),
        rest: fields.into_iter().filter(|(key, _)| !known.contains(&key.as_str())).collect(),
        ..ToolDefinition::default()
    }
}

fn read_tool_config(config: &Map<String, Value>, rest: &mut Rest) -> Option<Value> {
    let config = camel(config);
    keep_unknown(rest, "/toolConfig", &config, &["functionCallingConfig"]);
    let calling = config.get("functionCallingConfig")?.as_object().map(camel).unwrap_or_default();
    let allowed = calling.get("allowedFunctionNames").and_then(Value::as_array).map(Vec::as_slice);
    let choice = match (text_of(&calling, "mode"), allowed) {
        (Some("AUTO"), None) => Some("auto".into()),
        (Some("NONE"), None) => Some("none".into()),
        (Some("ANY"), None) => Some("required".into()),
        (Some("ANY"), Some([Value::String(name)])) => Some(json!({ "tool": name })),
        _ => None,
    };
    if choice.is_none() {
        rest.insert("/toolConfig/functionCallingConfig".to_owned(), Value::Object(calling));
    }
    choice
}

fn read_config(config: &Map<String, Value>, conversation: &mut Conversation) {
    let mut format = Map::new();
    for (key, value) in config {
        if let Some((_, name)) = CONFIG.iter().find(|(own, _)| own == key) {
            conversation.params.insert((*name).to_owned(), value.clone());
        } else if FORMAT.contains(&key.as_str()) {
            format.insert(key.clone(), value.clone());
        } else {
            conversation.rest.insert(pointer("/generationConfig", key), value.clone());
        }
    }
    let budget = conversation.rest.get(THINKING).and_then(Value::as_object).map(camel);
    let budget = budget.and_then(|thinking| thinking.get("thinkingBudget").cloned());
    let budget = budget.and_then(|budget| budget.as_u64());
    if let Some(budget) = budget.filter(|budget| *budget > 0) {
        // As the other vendor that counts it says it; it stands in `rest` too, and is written back from there.
        conversation.params.insert("thinking".to_owned(), json!({"type": "enabled", "budget_tokens": budget}));
    }
    if config.is_empty() {
        conversation.rest.insert("/generationConfig".to_owned(), json!({}));
    }
    if !format.is_empty() {
        conversation.format = Some(Value::Object(format));
    }
}
