//! Writing requests of OpenAI Chat Completions.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{MAX_COMPLETION, PARAMS};
use crate::api::body::{arguments_text, has_below, is_own, plain_cache_mark, put_rest, text_at};
use crate::api::{ApiId, Conversation, Part, Role, ToolDefinition, Turn};

/// Writes a request body.
pub(in crate::api) fn write(conversation: &Conversation, model: &str) -> Value {
    let own = is_own(conversation, ApiId::OpenaiChat);
    let mut body = Map::new();
    body.insert("model".to_owned(), model.into());
    let messages: Vec<Value> = conversation.turns.iter().flat_map(|turn| write_turn(turn, conversation, own)).collect();
    body.insert("messages".to_owned(), messages.into());
    let newer = conversation.rest.get(MAX_COMPLETION);
    let renamed = own && newer.is_some_and(|limit| conversation.params.get("max_tokens") == Some(limit));
    for (name, value) in &conversation.params {
        let said = PARAMS.contains(&name.as_str()) || name == "stop";
        // What another API's vendor understands alone is not said here.
        let foreign = matches!(name.as_str(), "thinking" | "top_k");
        if (name == "max_tokens" && renamed) || (!own && (!said || foreign)) {
            continue;
        }
        body.insert(name.clone(), value.clone());
    }
    if !conversation.tools.is_empty() {
        let tools: Vec<Value> = conversation.tools.iter().filter_map(|tool| write_tool(tool, own)).collect();
        body.insert("tools".to_owned(), tools.into());
    }
    if let Some(choice) = &conversation.tool_choice {
        let named = text_at(choice, "tool").map(|name| json!({"type": "function", "function": {"name": name}}));
        body.insert("tool_choice".to_owned(), named.unwrap_or_else(|| choice.clone()));
    }
    if let Some(format) = conversation.format.as_ref().filter(|_| own) {
        body.insert("response_format".to_owned(), format.clone());
    }
    if let Some(user) = &conversation.user {
        body.insert("user".to_owned(), user.as_str().into());
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

/// Writes a tool, as other APIs have it, too.
pub(in crate::api) fn write_tool(tool: &ToolDefinition, own: bool) -> Option<Value> {
    let rest: BTreeMap<&String, &Value> = if own { tool.rest.iter().collect() } else { BTreeMap::new() };
    let vendors_own = tool.parameters.is_null() && tool.rest.contains_key("type");
    if vendors_own {
        return own.then(|| tool.rest.iter().map(|(key, value)| (key.clone(), value.clone())).collect());
    }
    let mut function = Map::new();
    function.insert("name".to_owned(), tool.name.as_str().into());
    if let Some(description) = &tool.description {
        function.insert("description".to_owned(), description.as_str().into());
    }
    if !tool.parameters.is_null() {
        function.insert("parameters".to_owned(), tool.parameters.clone());
    }
    function.extend(rest.into_iter().map(|(key, value)| (key.clone(), value.clone())));
    let mut tool_fields = json!({"type": "function", "function": function});
    if tool.cache && own {
        tool_fields["cache_control"] = plain_cache_mark();
    }
    Some(tool_fields)
}

fn write_turn(turn: &Turn, conversation: &Conversation, own: bool) -> Vec<Value> {
    // Keys that are kept below single parts need the parts as a list.
    let listed = own && has_below(&conversation.rest, &format!("{}/content", turn.place));
    match turn.role {
        Role::System => vec![json!({"role": "system", "content": write_content(&turn.parts, listed, own)})],
        Role::User => vec![json!({"role": "user", "content": write_content(&turn.parts, listed, own)})],
        Role::Assistant => vec![write_assistant(turn, listed, own)],
        Role::Tool => turn
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::ToolResult { id, parts, cache, .. } => {
                    let content = write_content(parts, listed, own);
                    let mut message = json!({"role": "tool", "tool_call_id": id, "content": content});
                    if *cache && own {
                        message["cache_control"] = plain_cache_mark();
                    }
                    Some(message)
                }
                _ => None,
            })
            .collect(),
    }
}

fn write_assistant(turn: &Turn, listed: bool, own: bool) -> Value {
    let mut message = json!({"role": "assistant"});
    let is_content =
        |part: &&Part| !matches!(part, Part::ToolCall { .. } | Part::Thinking { .. } | Part::Refusal { .. });
    let content: Vec<Part> = turn.parts.iter().filter(is_content).cloned().collect();
    let calls: Vec<Value> = turn
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::ToolCall { id, name, arguments } => Some(json!({
                "id": id, "type": "function", "function": {"name": name, "arguments": arguments_text(arguments)}
            })),
            _ => None,
        })
        .collect();
    let refusal = turn.parts.iter().find_map(|part| match part {
        Part::Refusal { text } => Some(text.clone()),
        _ => None,
    });
    let nothing = content.is_empty() && (!calls.is_empty() || refusal.is_some());
    message["content"] = if nothing { Value::Null } else { write_content(&content, listed, own) };
    if let Some(refusal) = refusal {
        message["refusal"] = refusal.into();
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    message
}

fn write_content(parts: &[Part], listed: bool, own: bool) -> Value {
    match parts {
        [] => "".into(),
        [Part::Text { text, cache }] if !(listed || own && *cache) => text.as_str().into(),
        [Part::Other(other)] if own && !other.is_object() => other.clone(),
        _ => parts.iter().filter_map(|part| write_part(part, own)).collect(),
    }
}

fn write_part(part: &Part, own: bool) -> Option<Value> {
    Some(match part {
        Part::Text { text, cache: true } if own => {
            json!({"type": "text", "text": text, "cache_control": plain_cache_mark()})
        }
        Part::Text { text, .. } => json!({"type": "text", "text": text}),
        Part::Refusal { text } => json!({"type": "refusal", "refusal": text}),
        Part::Image { url, .. } => json!({"type": "image_url", "image_url": {"url": url}}),
        Part::Other(value) if own => value.clone(),
        Part::Other(_) | Part::Thinking { .. } | Part::ToolCall { .. } | Part::ToolResult { .. } => return None,
    })
}
