//! Writing requests of Gemini.

use serde_json::{Map, Value, json};

use super::{CONFIG, THINKING};
use crate::api::body::{has_below, is_own, put_rest, text_at};
use crate::api::calls::{given, name_of};
use crate::api::{ApiId, Conversation, Part, Role, ToolDefinition, Turn};

/// What Google names for calls that its models did not make: Gemini 3 refuses calls without a signature.
const SKIP_SIGNATURE: &str = "skip_thought_signature_validator";

/// Neutral parameters without a counterpart here.
const UNKNOWN: [&str; 3] = ["thinking", "parallel_tool_calls", "reasoning_effort"];

/// Writes a request body; model and stream stand in the path.
pub(in crate::api) fn write(conversation: &Conversation) -> Value {
    let own = is_own(conversation, ApiId::Gemini);
    let mut body = Map::new();
    let (system, contents) = write_turns(conversation, own);
    if let Some(system) = system {
        body.insert("systemInstruction".to_owned(), json!({ "parts": system }));
    }
    body.insert("contents".to_owned(), contents.into());
    let tools = write_tools(&conversation.tools, own);
    if !tools.is_empty() {
        body.insert("tools".to_owned(), tools.into());
    }
    let choice = conversation.tool_choice.as_ref().map(|choice| json!({"functionCallingConfig": write_choice(choice)}));
    if choice.is_some() || own && has_below(&conversation.rest, "/toolConfig") {
        body.insert("toolConfig".to_owned(), choice.unwrap_or_else(|| json!({})));
    }
    let config = write_config(conversation, own);
    if !config.is_empty() || own && has_below(&conversation.rest, "/generationConfig") {
        body.insert("generationConfig".to_owned(), config.into());
    }
    let mut body = Value::Object(body);
    if own {
        put_rest(&mut body, &conversation.rest);
    }
    body
}

fn write_config(conversation: &Conversation, own: bool) -> Map<String, Value> {
    let mut config = Map::new();
    for (name, value) in &conversation.params {
        match CONFIG.iter().find(|(_, neutral)| neutral == name) {
            Some((key, _)) => {
                config.insert((*key).to_owned(), value.clone());
            }
            // Nearly every parameter of this API stands here, and so does what has no neutral name.
            None if own && !UNKNOWN.contains(&name.as_str()) => {
                config.insert(name.clone(), value.clone());
            }
            None => {}
        }
    }
    if let Some(thinking) = conversation.params.get("thinking").filter(|_| !conversation.rest.contains_key(THINKING)) {
        config.extend(write_thinking(thinking).map(|thinking| ("thinkingConfig".to_owned(), thinking)));
    }
    if let Some(Value::Object(format)) = conversation.format.as_ref().filter(|_| own) {
        config.extend(format.clone());
    }
    config
}

fn write_thinking(thinking: &Value) -> Option<Value> {
    match text_at(thinking, "type")? {
        "enabled" => Some(json!({"thinkingBudget": thinking.get("budget_tokens")?, "includeThoughts": true})),
        "disabled" => Some(json!({"thinkingBudget": 0})),
        _ => None,
    }
}

fn write_choice(choice: &Value) -> Value {
    match choice.as_str() {
        Some("none") => json!({"mode": "NONE"}),
        Some("required") => json!({"mode": "ANY"}),
        Some(_) => json!({"mode": "AUTO"}),
        None => json!({"mode": "ANY", "allowedFunctionNames": [text_at(choice, "tool").unwrap_or_default()]}),
    }
}

fn write_tools(tools: &[ToolDefinition], own: bool) -> Vec<Value> {
    let mut entries: Vec<Value> = Vec::new();
    for tool in tools {
        let vendors_own = tool.parameters.is_null() && tool.rest.len() == 1 && tool.rest.contains_key(&tool.name);
        if vendors_own {
            if own {
                entries.push(tool.rest.iter().map(|(key, value)| (key.clone(), value.clone())).collect());
            }
            continue;
        }
        // What another API calls a tool without a schema is a tool of that vendor's.
        if !own && tool.parameters.is_null() && tool.rest.contains_key("type") {
            continue;
        }
        let declared = write_tool(tool, own);
        match entries.last_mut().and_then(|entry| entry.get_mut("functionDeclarations")).and_then(Value::as_array_mut) {
            Some(list) => list.push(declared),
            None => entries.push(json!({"functionDeclarations": [declared]})),
        }
    }
    entries
}

fn write_tool(tool: &ToolDefinition, own: bool) -> Value {
    let mut fields = Map::new();
    fields.insert("name".to_owned(), tool.name.as_str().into());
    if let Some(description) = &tool.description {
        fields.insert("description".to_owned(), description.as_str().into());
    }
    let stands_in_rest = own && tool.rest.contains_key("parametersJsonSchema");
    if !tool.parameters.is_null() && !stands_in_rest {
        // `parameters` takes a part of JSON Schema alone.
        let key = if own { "parameters" } else { "parametersJsonSchema" };
        fields.insert(key.to_owned(), tool.parameters.clone());
    }
    if own {
        fields.extend(tool.rest.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    Value::Object(fields)
}

/// The parts of the system instruction and the contents.
fn write_turns(conversation: &Conversation, own: bool) -> (Option<Vec<Value>>, Vec<Value>) {
    let mut system: Option<Vec<Value>> = None;
    let mut contents: Vec<Content<'_>> = Vec::new();
    for turn in &conversation.turns {
        if turn.role == Role::System {
            // There is one instruction: system turns from further down join it.
            system.get_or_insert_default().extend(write_parts(&turn.parts, conversation, own));
            continue;
        }
        let role = if turn.role == Role::Assistant { "model" } else { "user" };
        let parts = write_parts(&turn.parts, conversation, own);
        match contents.last_mut().filter(|last| last.role == role && last.joins(turn)) {
            Some(last) => {
                last.tool = turn.role == Role::Tool;
                last.parts.extend(parts);
            }
            None => contents.push(Content { role, place: &turn.place, tool: turn.role == Role::Tool, parts }),
        }
    }
    let write = |content: Content<'_>| {
        let mut parts = content.parts;
        if parts.is_empty() && !own {
            // No parts at all are refused.
            parts.push(json!({"text": ""}));
        }
        json!({"role": content.role, "parts": parts})
    };
    (system, contents.into_iter().map(write).collect())
}

/// A content while its turns are gathered.
struct Content<'a> {
    role: &'static str,
    place: &'a str,
    /// Its last turn is a tool turn.
    tool: bool,
    parts: Vec<Value>,
}

impl Content<'_> {
    /// Turns of one content of the body belong together, and so do all results that follow one another: there have to be
    /// as many as there were calls.
    fn joins(&self, turn: &Turn) -> bool {
        (!turn.place.is_empty() && turn.place == self.place) || (self.tool && turn.role == Role::Tool)
    }
}

fn write_parts(parts: &[Part], conversation: &Conversation, own: bool) -> Vec<Value> {
    let mut written: Vec<Value> = Vec::new();
    let mut signature: Option<&str> = None;
    let mut called = false;
    for part in parts {
        if let Part::Thinking { text, signature: signed } = part {
            if !own {
                // Another vendor's thoughts are no thoughts of this one.
                continue;
            }
            if text.is_empty() {
                signature = signed.as_deref();
            } else {
                let mut thought = json!({"text": text, "thought": true});
                thought_signature(&mut thought, signed.as_deref());
                written.push(thought);
            }
            continue;
        }
        let Some(mut value) = write_part(part, conversation, own) else { continue };
        if value.is_object() {
            thought_signature(&mut value, signature.take());
        }
        if !own && matches!(part, Part::ToolCall { .. }) && !std::mem::replace(&mut called, true) {
            thought_signature(&mut value, Some(SKIP_SIGNATURE));
        }
        written.push(value);
    }
    if signature.is_some() {
        let mut last = json!({"text": ""});
        thought_signature(&mut last, signature);
        written.push(last);
    }
    written
}

fn thought_signature(part: &mut Value, signature: Option<&str>) {
    if let Some(signature) = signature {
        part["thoughtSignature"] = signature.into();
    }
}

fn write_part(part: &Part, conversation: &Conversation, own: bool) -> Option<Value> {
    Some(match part {
        Part::Text { text, .. } | Part::Refusal { text } => json!({ "text": text }),
        Part::Image { url, media_type, .. } => {
            match url.strip_prefix("data:").and_then(|data| data.split_once(";base64,")) {
                Some((kind, data)) => json!({"inlineData": {"mimeType": kind, "data": data}}),
                None if media_type.is_empty() => json!({"fileData": {"fileUri": url}}),
                None => json!({"fileData": {"mimeType": media_type, "fileUri": url}}),
            }
        }
        Part::ToolCall { id, name, arguments } => {
            let mut call = json!({"name": name, "args": arguments});
            put_id(&mut call, id);
            json!({ "functionCall": call })
        }
        Part::ToolResult { id, .. } => {
            let mut result = json!({"name": name_of(conversation, id), "response": response(part)?});
            put_id(&mut result, id);
            json!({ "functionResponse": result })
        }
        Part::Other(value) if own => value.clone(),
        Part::Other(_) | Part::Thinking { .. } => return None,
    })
}

fn put_id(fields: &mut Value, id: &str) {
    if let Some(id) = given(id) {
        fields["id"] = id.into();
    }
}

/// A result as the object that the API wants.
pub(super) fn response(part: &Part) -> Option<Value> {
    let Part::ToolResult { parts, error, .. } = part else { return None };
    let said = parts.iter().filter_map(|part| match part {
        Part::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let text: String = said.collect();
    if *error {
        return Some(json!({ "error": text }));
    }
    Some(match serde_json::from_str(&text) {
        Ok(Value::Object(fields)) => Value::Object(fields),
        _ => json!({ "result": text }),
    })
}
