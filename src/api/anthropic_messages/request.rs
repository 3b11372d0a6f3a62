//! Anthropic Messages requests, read and written.

use serde_json::{Map, Value, json};

use crate::api::body::{Rest, has_below, image, is_own, keep_unknown, pointer, put_rest, text_at};
use crate::api::{ApiId, Conversation, Part, Role, ToolDefinition, Turn};

/// Parameters whose names here are the neutral ones.
const PARAMS: [&str; 5] = ["max_tokens", "temperature", "top_p", "top_k", "thinking"];
/// What a request without a limit gets: this API demands one.
const DEFAULT_MAX_TOKENS: u64 = 4096;

/// Reads a request body.
pub(super) fn read(body: &Value) -> Conversation {
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
    let known = ["name", "description", "input_schema"];
    ToolDefinition {
        name: text_at(tool, "name").unwrap_or_default().to_owned(),
        description: text_at(tool, "description").map(str::to_owned),
        parameters: tool.get("input_schema").cloned().unwrap_or(Value::Null),
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
            let mark = fields.get("cache_control").filter(|mark| !mark.is_null());
            let plain = mark == Some(&json!({"type": "ephemeral"}));
            let known: &[&str] = if plain { &["type", "text", "cache_control"] } else { &["type", "text"] };
            (Part::Text { text: text.to_owned(), cache: mark.is_some() }, known)
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
            let known: &[&str] = if block.get("is_error").is_none_or(Value::is_boolean) {
                &["type", "tool_use_id", "content", "is_error"]
            } else {
                &["type", "tool_use_id", "content"]
            };
            (Part::ToolResult { id: take("tool_use_id"), parts, error }, known)
        }
        _ => return other(),
    };
    keep_unknown(rest, place, fields, known);
    part
}

/// Writes a request body.
pub(super) fn write(conversation: &Conversation, model: &str) -> Value {
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
        [] => json!([]),
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
                block["cache_control"] = json!({"type": "ephemeral"});
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
        Part::ToolResult { id, parts, error } => {
            let mut block = json!({"type": "tool_result", "tool_use_id": id});
            if !parts.is_empty() {
                let parts: Vec<&Part> = parts.iter().collect();
                block["content"] = write_content(&parts, listed, own);
            }
            if *error {
                block["is_error"] = true.into();
            }
            block
        }
        Part::Other(value) if own => value.clone(),
        Part::Other(_) => return None,
    })
}
