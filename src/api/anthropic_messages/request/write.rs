//! Writing requests of Anthropic Messages.

use serde_json::{Map, Value, json};

use super::PARAMS;
use crate::api::body::{has_below, is_own, plain_cache_mark, put_rest, text_at};
use crate::api::{ApiId, Conversation, Part, Role, ToolDefinition, Turn};

/// What a request without a limit gets: this API demands one.
const DEFAULT_MAX_TOKENS: u64 = 4096;

/// Writes a request body.
pub(in crate::api) fn write(conversation: &Conversation, model: &str) -> Value {
    let own = is_own(conversation, ApiId::AnthropicMessages);
    let mut body = Map::new();
    body.insert("model".to_owned(), model.into());
    let (system, messages) = write_turns(conversation, own);
    if let Some(system) = system {
        body.insert("system".to_owned(), system);
    }
    body.insert("messages".to_owned(), messages.into());
    let params = &conversation.params;
    if !params.contains_key("max_tokens") && conversation.api != Some(ApiId::AnthropicMessages) {
        body.insert("max_tokens".to_owned(), DEFAULT_MAX_TOKENS.into());
    }
    for (name, value) in params {
        match name.as_str() {
            "parallel_tool_calls" => {}
            "stop" => {
                body.insert("stop_sequences".to_owned(), value.clone());
            }
            _ if own || PARAMS.contains(&name.as_str()) => {
                body.insert(name.clone(), value.clone());
            }
            // What this API does not know, it refuses.
            _ => {}
        }
    }
    if !conversation.tools.is_empty() {
        let tools: Vec<Value> = conversation.tools.iter().filter_map(|tool| write_tool(tool, own)).collect();
        body.insert("tools".to_owned(), tools.into());
    }
    if let Some(choice) = write_tool_choice(conversation) {
        body.insert("tool_choice".to_owned(), choice);
    }
    if let Some(format) = conversation.format.as_ref().filter(|_| own) {
        body.insert("output_config".to_owned(), json!({"format": format}));
    }
    let below_metadata = own && has_below(&conversation.rest, "/metadata");
    if conversation.user.is_some() || below_metadata {
        let mut metadata = Map::new();
        metadata.extend(conversation.user.iter().map(|user| ("user_id".to_owned(), user.as_str().into())));
        body.insert("metadata".to_owned(), metadata.into());
    }
    if conversation.stream {
        body.insert("stream".to_owned(), true.into());
    }
    let mut body = Value::Object(body);
    if own {
        put_rest(&mut body, &conversation.rest);
    }
    body
}

fn write_tool(tool: &ToolDefinition, own: bool) -> Option<Value> {
    let vendors_own = tool.parameters.is_null() && tool.rest.contains_key("type");
    if vendors_own && !own {
        return None;
    }
    let mut fields = Map::new();
    fields.insert("name".to_owned(), tool.name.as_str().into());
    if let Some(description) = &tool.description {
        fields.insert("description".to_owned(), description.as_str().into());
    }
    if !tool.parameters.is_null() {
        fields.insert("input_schema".to_owned(), tool.parameters.clone());
    } else if !vendors_own {
        // A tool without parameters still needs a schema here.
        fields.insert("input_schema".to_owned(), json!({"type": "object", "properties": {}}));
    }
    if tool.cache {
        fields.insert("cache_control".to_owned(), plain_cache_mark());
    }
    if own {
        fields.extend(tool.rest.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    Some(Value::Object(fields))
}

fn write_tool_choice(conversation: &Conversation) -> Option<Value> {
    let parallel = conversation.params.get("parallel_tool_calls").and_then(Value::as_bool);
    let mut choice = match &conversation.tool_choice {
        Some(choice) => match choice.as_str() {
            Some("required") => json!({"type": "any"}),
            Some(other) => json!({"type": other}),
            None => json!({"type": "tool", "name": text_at(choice, "tool").unwrap_or_default()}),
        },
        None if parallel == Some(false) && !conversation.tools.is_empty() => json!({"type": "auto"}),
        None => return None,
    };
    if let Some(parallel) = parallel.filter(|_| choice["type"] != "none") {
        choice["disable_parallel_tool_use"] = (!parallel).into();
    }
    Some(choice)
}

/// The system field and the messages.
fn write_turns(conversation: &Conversation, own: bool) -> (Option<Value>, Vec<Value>) {
    let mut system: Vec<Part> = Vec::new();
    let mut system_listed = false;
    let mut messages: Vec<Message<'_>> = Vec::new();
    for turn in &conversation.turns {
        let content = if turn.place == "/system" { "" } else { "/content" };
        let listed = own && has_below(&conversation.rest, &format!("{}{content}", turn.place));
        let in_messages = own && turn.place.starts_with("/messages");
        if turn.role == Role::System && !in_messages {
            // There is one system field: system turns from further down join it.
            system.extend(turn.parts.iter().cloned());
            system_listed |= listed;
            continue;
        }
        let role = match turn.role {
            Role::System => "system",
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        };
        match messages.last_mut().filter(|last| role == "user" && last.role == role && last.joins(turn)) {
            Some(last) => {
                last.tool = turn.role == Role::Tool;
                last.parts.extend(turn.parts.iter());
            }
            None => messages.push(Message {
                role,
                listed,
                place: &turn.place,
                tool: turn.role == Role::Tool,
                parts: turn.parts.iter().collect(),
            }),
        }
    }
    let parts: Vec<&Part> = system.iter().collect();
    let system = (!parts.is_empty()).then(|| write_content(&parts, system_listed, own));
    let messages = messages
        .into_iter()
        .map(|message| json!({"role": message.role, "content": write_content(&message.parts, message.listed, own)}))
        .collect();
    (system, messages)
}

/// A message while its turns are gathered.
struct Message<'a> {
    role: &'static str,
    listed: bool,
    place: &'a str,
    /// Its last turn is a tool turn.
    tool: bool,
    parts: Vec<&'a Part>,
}

impl Message<'_> {
    /// Turns of one message of the body belong together, and so do all results that follow one another: this API wants
    /// them in one message.
    fn joins(&self, turn: &Turn) -> bool {
        (!turn.place.is_empty() && turn.place == self.place) || (self.tool && turn.role == Role::Tool)
    }
}

fn write_content(parts: &[&Part], listed: bool, own: bool) -> Value {
    match parts {
        [Part::Text { text, cache: false }] if !listed => text.as_str().into(),
        [Part::Other(other)] if own && !other.is_object() => other.clone(),
        _ => parts.iter().filter_map(|part| write_block(part, listed, own)).collect(),
    }
}

fn write_block(part: &Part, listed: bool, own: bool) -> Option<Value> {
    Some(match part {
        Part::Text { text, cache } => {
            let mut block = json!({"type": "text", "text": text});
            if *cache {
                block["cache_control"] = plain_cache_mark();
            }
            block
        }
        Part::Refusal { text } => json!({"type": "text", "text": text}),
        Part::Image { url, .. } => {
            let data = url.strip_prefix("data:").and_then(|data| data.split_once(";base64,"));
            let source = match data {
                Some((media_type, data)) => json!({"type": "base64", "media_type": media_type, "data": data}),
                None => json!({"type": "url", "url": url}),
            };
            json!({"type": "image", "source": source})
        }
        Part::Thinking { text, signature } => {
            // Reasoning without a signature is refused.
            let signature = signature.as_deref().or(own.then_some(""))?;
            json!({"type": "thinking", "thinking": text, "signature": signature})
        }
        Part::ToolCall { id, name, arguments } => {
            json!({"type": "tool_use", "id": id, "name": name, "input": arguments})
        }
        Part::ToolResult { id, parts, error, cache } => {
            let mut block = json!({"type": "tool_result", "tool_use_id": id});
            if !parts.is_empty() {
                let parts: Vec<&Part> = parts.iter().collect();
                block["content"] = write_content(&parts, listed, own);
            }
            if *error {
                block["is_error"] = true.into();
            }
            if *cache {
                block["cache_control"] = plain_cache_mark();
            }
            block
        }
        Part::Other(value) if own => value.clone(),
        Part::Other(_) => return None,
    })
}
