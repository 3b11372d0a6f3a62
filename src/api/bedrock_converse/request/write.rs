//! Writing requests of Converse.

use serde_json::{Map, Value, json};

use super::{ADDITIONAL, CONFIG, FIELDS, plain_cache_point};
use crate::api::body::{has_below, is_own, put_rest, text_at};
use crate::api::{ApiId, Conversation, Part, Role, ToolDefinition, Turn};

/// Neutral parameters without a counterpart here.
const UNKNOWN: [&str; 5] = ["seed", "presence_penalty", "frequency_penalty", "parallel_tool_calls", "reasoning_effort"];

/// Writes a request body for a model; model and stream stand in the path.
pub(in crate::api) fn write(conversation: &Conversation, model: &str) -> Value {
    let own = is_own(conversation, ApiId::BedrockConverse);
    let says = |place: &str| own && (conversation.rest.contains_key(place) || has_below(&conversation.rest, place));
    let mut body = Map::new();
    let (system, messages) = write_turns(conversation, own);
    if let Some(system) = system {
        body.insert("system".to_owned(), system.into());
    }
    if !messages.is_empty() || !says("/messages") {
        body.insert("messages".to_owned(), messages.into());
    }
    let config = write_config(conversation);
    if !config.is_empty() || says("/inferenceConfig") {
        body.insert("inferenceConfig".to_owned(), config.into());
    }
    let tools = write_tool_config(conversation, own);
    if !tools.is_empty() || says("/toolConfig") {
        body.insert("toolConfig".to_owned(), tools.into());
    }
    let more = write_additional(conversation, own, model);
    if !more.is_empty() || says(ADDITIONAL) {
        body.insert("additionalModelRequestFields".to_owned(), more.into());
    }
    let mut body = Value::Object(body);
    if own {
        put_rest(&mut body, &conversation.rest);
    }
    body
}

fn write_config(conversation: &Conversation) -> Map<String, Value> {
    let named = |(key, name): &(&str, &str)| Some(((*key).to_owned(), conversation.params.get(*name)?.clone()));
    CONFIG.iter().filter_map(named).collect()
}

/// What only some of the models take: Claude's own parameters go to Claude alone.
fn write_additional(conversation: &Conversation, own: bool, model: &str) -> Map<String, Value> {
    let mut fields = Map::new();
    for (name, value) in &conversation.params {
        let config = CONFIG.iter().any(|(_, neutral)| neutral == name);
        let fits = if FIELDS.contains(&name.as_str()) {
            own || model.contains("anthropic.claude")
        } else {
            own && !config && !UNKNOWN.contains(&name.as_str())
        };
        if fits {
            fields.insert(name.clone(), value.clone());
        }
    }
    fields
}

fn write_tool_config(conversation: &Conversation, own: bool) -> Map<String, Value> {
    let mut config = Map::new();
    let called =
        |turn: &Turn| turn.parts.iter().any(|part| matches!(part, Part::ToolCall { .. } | Part::ToolResult { .. }));
    let forbids = conversation.tool_choice == Some("none".into());
    if forbids && !conversation.turns.iter().any(called) {
        // No choice says that nothing is to be called: it is said by offering nothing.
        return config;
    }
    let tools: Vec<Value> =
        conversation.tools.iter().flat_map(|tool| write_tool(tool, own, as_it_stood(conversation))).collect();
    if !tools.is_empty() {
        config.insert("tools".to_owned(), tools.into());
    }
    if let Some(choice) = conversation.tool_choice.as_ref().filter(|_| !forbids) {
        config.insert("toolChoice".to_owned(), write_choice(choice));
    }
    config
}

fn write_choice(choice: &Value) -> Value {
    match choice.as_str() {
        Some("required") => json!({"any": {}}),
        Some(_) => json!({"auto": {}}),
        None => json!({"tool": {"name": text_at(choice, "tool").unwrap_or_default()}}),
    }
}

/// A tool, and its cache mark.
fn write_tool(tool: &ToolDefinition, own: bool, stood: bool) -> Vec<Value> {
    let vendors_own = tool.parameters.is_null() && tool.rest.len() == 1 && tool.rest.contains_key(&tool.name);
    let mut written = Vec::new();
    if vendors_own {
        match tool.rest.get("").or_else(|| tool.rest.get(&tool.name)).filter(|_| own) {
            Some(odd) if tool.name.is_empty() => written.push(odd.clone()),
            Some(value) => {
                let fields: Map<String, Value> = [(tool.name.clone(), value.clone())].into_iter().collect();
                written.push(fields.into());
            }
            None => return written,
        }
    } else if !own && tool.parameters.is_null() && tool.rest.contains_key("type") {
        // What another API calls a tool without a schema is a tool of that vendor's.
        return written;
    } else {
        written.push(json!({"toolSpec": write_spec(tool, own, stood)}));
    }
    if tool.cache {
        written.push(plain_cache_point());
    }
    written
}

fn write_spec(tool: &ToolDefinition, own: bool, stood: bool) -> Map<String, Value> {
    let mut fields = Map::new();
    if !tool.name.is_empty() || !stood {
        fields.insert("name".to_owned(), tool.name.as_str().into());
    }
    if let Some(description) = &tool.description {
        fields.insert("description".to_owned(), description.as_str().into());
    }
    let schema = if tool.parameters.is_null() && !stood {
        // A tool without parameters still needs a schema here.
        json!({"type": "object", "properties": {}})
    } else {
        tool.parameters.clone()
    };
    if !schema.is_null() {
        fields.insert("inputSchema".to_owned(), json!({ "json": schema }));
    }
    if own {
        fields.extend(tool.rest.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    fields
}

/// The system field and the messages.
fn write_turns(conversation: &Conversation, own: bool) -> (Option<Vec<Value>>, Vec<Value>) {
    let stood = as_it_stood(conversation);
    let mut system: Option<Vec<Value>> = None;
    let mut messages: Vec<Message<'_>> = Vec::new();
    for turn in &conversation.turns {
        let blocks = write_blocks(&turn.parts, own);
        if turn.role == Role::System {
            // There is one system field: system turns from further down join it.
            system.get_or_insert_default().extend(blocks);
            continue;
        }
        let role = if turn.role == Role::Assistant { "assistant" } else { "user" };
        match messages.last_mut().filter(|last| last.role == role && last.joins(turn, stood)) {
            Some(last) => last.blocks.extend(blocks),
            None => messages.push(Message { role, place: &turn.place, blocks }),
        }
    }
    let write = |message: Message<'_>| {
        let mut written = json!({"role": message.role, "content": message.blocks});
        if let Some(fields) = written.as_object_mut().filter(|_| stood && message.blocks.is_empty()) {
            // What stood there, if anything, stands in `rest`.
            fields.shift_remove("content");
        }
        written
    };
    (system, messages.into_iter().map(write).collect())
}

/// Whether this is a body that was read, of this API.
fn as_it_stood(conversation: &Conversation) -> bool {
    conversation.api == Some(ApiId::BedrockConverse)
}

/// A message while its turns are gathered.
struct Message<'a> {
    role: &'static str,
    place: &'a str,
    blocks: Vec<Value>,
}

impl Message<'_> {
    /// Two messages of one role in a row are refused: turns join, unless they stood in two messages.
    fn joins(&self, turn: &Turn, stood: bool) -> bool {
        !stood || self.place.is_empty() || turn.place.is_empty() || self.place == turn.place
    }
}

fn write_blocks(parts: &[Part], own: bool) -> Vec<Value> {
    let mut blocks = Vec::new();
    for part in parts {
        // Blank text is refused.
        if matches!(part, Part::Text { text, .. } if !own && text.trim().is_empty()) {
            continue;
        }
        blocks.extend(write_block(part, own));
        if let Part::Text { cache: true, .. } | Part::ToolResult { cache: true, .. } = part {
            blocks.push(plain_cache_point());
        }
    }
    blocks
}

fn write_block(part: &Part, own: bool) -> Option<Value> {
    Some(match part {
        Part::Text { text, .. } | Part::Refusal { text } => json!({ "text": text }),
        Part::Image { url, .. } => {
            // An image that stands elsewhere cannot be named here.
            let (kind, bytes) = url.strip_prefix("data:image/")?.split_once(";base64,")?;
            json!({"image": {"format": kind, "source": {"bytes": bytes}}})
        }
        Part::Thinking { text, signature } if own => {
            let mut said = json!({ "text": text });
            if let Some(signature) = signature {
                said["signature"] = signature.as_str().into();
            }
            json!({"reasoningContent": {"reasoningText": said}})
        }
        Part::ToolCall { id, name, arguments } => {
            json!({"toolUse": {"toolUseId": id, "name": name, "input": arguments}})
        }
        Part::ToolResult { id, parts, error, .. } => {
            let content: Vec<Value> = parts.iter().filter_map(|part| write_block(part, own)).collect();
            let mut result = json!({"toolUseId": id, "content": content});
            if *error {
                result["status"] = "error".into();
            }
            json!({ "toolResult": result })
        }
        Part::Other(value) if own => value.clone(),
        Part::Other(_) | Part::Thinking { .. } => return None,
    })
}
