//! Writing requests of OpenAI Responses.

use serde_json::{Map, Value, json};

use super::{PARAMS, SAFETY_ID, is_item};
use crate::api::body::{arguments_text, has_below, is_own, put_rest, text_at};
use crate::api::{ApiId, Conversation, Part, Role, ToolDefinition, Turn};

/// Writes a request body.
pub(in crate::api) fn write(conversation: &Conversation, model: &str) -> Value {
    let own = is_own(conversation, ApiId::OpenaiResponses);
    let mut body = Map::new();
    body.insert("model".to_owned(), model.into());
    write_turns(conversation, own, &mut body);
    write_params(conversation, own, &mut body);
    if !conversation.tools.is_empty() {
        let tools: Vec<Value> = conversation.tools.iter().filter_map(|tool| write_tool(tool, own)).collect();
        body.insert("tools".to_owned(), tools.into());
    }
    if let Some(choice) = &conversation.tool_choice {
        let named = text_at(choice, "tool").map(|name| json!({"type": "function", "name": name}));
        body.insert("tool_choice".to_owned(), named.unwrap_or_else(|| choice.clone()));
    }
    let format = conversation.format.as_ref().filter(|_| own);
    if format.is_some() || own && has_below(&conversation.rest, "/text") {
        let format = format.map(|format| ("format".to_owned(), format.clone()));
        body.insert("text".to_owned(), Value::Object(format.into_iter().collect()));
    }
    let renamed = own && conversation.rest.get(SAFETY_ID).and_then(Value::as_str) == conversation.user.as_deref();
    if let Some(user) = conversation.user.as_ref().filter(|_| !renamed) {
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

fn write_params(conversation: &Conversation, own: bool, body: &mut Map<String, Value>) {
    let mut reasoning = Map::new();
    for (name, value) in &conversation.params {
        match name.as_str() {
            "max_tokens" => {
                body.insert("max_output_tokens".to_owned(), value.clone());
            }
            "reasoning_effort" => {
                reasoning.insert("effort".to_owned(), value.clone());
            }
            // What this API does not know, it refuses.
            _ if own || PARAMS.contains(&name.as_str()) => {
                body.insert(name.clone(), value.clone());
            }
            _ => {}
        }
    }
    if !reasoning.is_empty() || own && has_below(&conversation.rest, "/reasoning") {
        body.insert("reasoning".to_owned(), reasoning.into());
    }
}

fn write_tool(tool: &ToolDefinition, own: bool) -> Option<Value> {
    let vendors_own = tool.parameters.is_null() && tool.rest.contains_key("type");
    let rest = tool.rest.iter().filter(|_| own).map(|(key, value)| (key.clone(), value.clone()));
    if vendors_own {
        return own.then(|| rest.collect());
    }
    let mut fields = Map::new();
    fields.insert("type".to_owned(), "function".into());
    fields.insert("name".to_owned(), tool.name.as_str().into());
    if let Some(description) = &tool.description {
        fields.insert("description".to_owned(), description.as_str().into());
    }
    if !tool.parameters.is_null() {
        fields.insert("parameters".to_owned(), tool.parameters.clone());
    }
    fields.extend(rest);
    Some(Value::Object(fields))
}

/// The instructions and the input.
fn write_turns(conversation: &Conversation, own: bool, body: &mut Map<String, Value>) {
    let mut turns = conversation.turns.as_slice();
    if let [first, rest @ ..] = turns
        && let Some(text) = instructions(first, conversation)
    {
        body.insert("instructions".to_owned(), text.into());
        turns = rest;
    }
    if let [turn] = turns
        && let (Role::User, "/input", [Part::Text { text, .. }]) = (turn.role, turn.place.as_str(), &turn.parts[..])
    {
        body.insert("input".to_owned(), text.as_str().into());
        return;
    }
    let mut input = Input { items: Vec::new(), conversation, own };
    for turn in turns {
        input.turn(turn);
    }
    if !input.items.is_empty() {
        body.insert("input".to_owned(), input.items.into());
    }
}

/// A leading system turn is said as the instructions, unless it was read from an item of this API.
fn instructions<'a>(turn: &'a Turn, conversation: &Conversation) -> Option<&'a str> {
    let said_so = turn.place == "/instructions" || conversation.api != Some(ApiId::OpenaiResponses);
    match &turn.parts[..] {
        [Part::Text { text, .. }] if said_so && turn.role == Role::System => Some(text),
        _ => None,
    }
}

/// The items of the input in the making.
struct Input<'a> {
    items: Vec<Value>,
    conversation: &'a Conversation,
    own: bool,
}

impl Input<'_> {
    fn turn(&mut self, turn: &Turn) {
        match turn.role {
            Role::System => self.message("system", &turn.parts),
            Role::User => match &turn.parts[..] {
                [Part::Other(item)]
                    if self.own && !self.is_listed("content") && (is_item(item) || !item.is_object()) =>
                {
                    self.items.push(item.clone());
                }
                parts => self.message("user", parts),
            },
            Role::Tool => {
                for part in &turn.parts {
                    if let Part::ToolResult { id, parts, .. } = part {
                        let output = self.content("output", "input_text", parts);
                        self.items.push(json!({"type": "function_call_output", "call_id": id, "output": output}));
                    }
                }
            }
            Role::Assistant => self.assistant(&turn.parts),
        }
    }

    /// What the model said: each run of texts is a message, all else an item of its own.
    fn assistant(&mut self, parts: &[Part]) {
        if parts.is_empty() {
            self.message("assistant", parts);
        }
        let mut rest = parts;
        while let [part, behind @ ..] = rest {
            let texts = rest.iter().take_while(|part| !self.is_own_item(part)).count();
            if texts > 0 {
                self.message("assistant", &rest[..texts]);
                rest = &rest[texts..];
                continue;
            }
            rest = behind;
            match part {
                Part::ToolCall { id, name, arguments } => self.items.push(json!({
                    "type": "function_call", "call_id": id, "name": name, "arguments": arguments_text(arguments),
                })),
                // Another vendor's reasoning is not accepted here.
                Part::Thinking { text, signature } if self.own => {
                    let mut item = json!({"type": "reasoning", "summary": []});
                    if !text.is_empty() {
                        item["summary"] = json!([{"type": "summary_text", "text": text}]);
                    }
                    if let Some(signature) = signature {
                        item["encrypted_content"] = signature.as_str().into();
                    }
                    self.items.push(item);
                }
                Part::Other(item) if self.own => self.items.push(item.clone()),
                _ => {}
            }
        }
    }

    fn is_own_item(&self, part: &Part) -> bool {
        match part {
            Part::ToolCall { .. } | Part::Thinking { .. } => true,
            Part::Other(value) => !self.own || is_item(value),
            _ => false,
        }
    }

    fn message(&mut self, role: &str, parts: &[Part]) {
        let usual = if role == "assistant" { "output_text" } else { "input_text" };
        let content = self.content("content", usual, parts);
        self.items.push(json!({"role": role, "content": content}));
    }

    /// Whether the content of the item that comes next is a list: keys that are kept below single parts need one.
    fn is_listed(&self, key: &str) -> bool {
        self.own && has_below(&self.conversation.rest, &format!("/input/{}/{key}", self.items.len()))
    }

    /// The content of the item that comes next.
    fn content(&self, key: &str, usual: &str, parts: &[Part]) -> Value {
        let listed = self.is_listed(key);
        match parts {
            [] => "".into(),
            [Part::Text { text, .. }] if !listed => text.as_str().into(),
            [Part::Other(other)] if self.own && !other.is_object() => other.clone(),
            _ => parts.iter().filter_map(|part| self.part(part, usual)).collect(),
        }
    }

    fn part(&self, part: &Part, usual: &str) -> Option<Value> {
        Some(match part {
            Part::Text { text, .. } => json!({"type": usual, "text": text}),
            Part::Refusal { text } => json!({"type": "refusal", "refusal": text}),
            Part::Image { url, .. } => json!({"type": "input_image", "image_url": url}),
            Part::Other(value) if self.own => value.clone(),
            Part::Other(_) | Part::Thinking { .. } | Part::ToolCall { .. } | Part::ToolResult { .. } => return None,
        })
    }
}
