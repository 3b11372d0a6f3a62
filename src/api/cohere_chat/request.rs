//! Requests: those of OpenAI's chat, with other names for some keys.

use serde_json::{Map, Value, json};

use crate::api::body::{Rest, is_own, text_at};
use crate::api::openai_chat::request;
use crate::api::{ApiId, Conversation, Part, Role};

/// Keys here, and what they are called there.
const RENAMED: [(&str, &str); 3] = [("p", "top_p"), ("k", "top_k"), ("stop_sequences", "stop")];
/// Keys that mean something there, and nothing here.
const FOREIGN: [&str; 7] =
    ["top_p", "top_k", "stop", "user", "max_completion_tokens", "parallel_tool_calls", "reasoning_effort"];

/// Reads a request body.
pub(super) fn read(body: &Value) -> Conversation {
    let mut theirs = body.clone();
    let mut kept = Rest::new();
    if let Some(fields) = theirs.as_object_mut() {
        for key in FOREIGN {
            kept.extend(fields.shift_remove(key).map(|value| (format!("/{key}"), value)));
        }
        rename(fields, |(here, there)| (here, there));
        replace(fields, "tool_choice", |choice| match choice.as_str() {
            Some("REQUIRED") => "required".into(),
            Some("NONE") => "none".into(),
            // Whatever else is none of this API's.
            _ => json!([choice]),
        });
        replace(fields, "thinking", |thinking| swap(thinking, "token_budget", "budget_tokens"));
    }
    let mut conversation = request::read(&theirs);
    conversation.api = Some(ApiId::CohereChat);
    conversation.format = conversation.format.map(|format| swap(format, "json_schema", "schema"));
    if let Some(choice) = conversation.rest.get_mut("/tool_choice") {
        *choice = choice.get(0).cloned().unwrap_or(Value::Null);
    }
    conversation.rest.extend(kept);
    read_documents(&mut conversation);
    conversation
}

/// Writes a request body.
pub(super) fn write(conversation: &Conversation, model: &str) -> Value {
    let own = is_own(conversation, ApiId::CohereChat);
    let mut theirs = conversation.clone();
    let mut kept = Vec::new();
    if own {
        theirs.api = theirs.api.map(|_| ApiId::OpenaiChat);
        theirs.format = theirs.format.map(|format| swap(format, "schema", "json_schema"));
        for key in FOREIGN {
            kept.extend(theirs.rest.remove(&format!("/{key}")).map(|value| (key, value)));
        }
    } else {
        // What only one vendor has is told to no other, OpenAI's no less.
        theirs.api = Some(ApiId::CohereChat);
        theirs.user = None;
        theirs.params.retain(|name, _| !FOREIGN.contains(&name.as_str()) || RENAMED.iter().any(|(_, own)| own == name));
    }
    let odd_choice = theirs.rest.remove("/tool_choice").filter(|_| own);
    let choice = theirs.tool_choice.take();
    let mut body = request::write(&theirs, model);
    let Some(fields) = body.as_object_mut() else { return body };
    for name in ["top_k", "thinking"] {
        // What the other API leaves out for fear of being refused is known here.
        if let Some(value) = conversation.params.get(name) {
            fields.insert(name.to_owned(), value.clone());
        }
    }
    rename(fields, |(here, there)| (there, here));
    replace(fields, "thinking", |thinking| swap(thinking, "budget_tokens", "token_budget"));
    let said = choice.as_ref().and_then(write_choice).or(odd_choice);
    fields.extend(said.map(|choice| ("tool_choice".to_owned(), choice)));
    fields.extend(kept.into_iter().map(|(key, value)| (key.to_owned(), value)));
    body
}

/// What the model chooses itself is not said; a tool cannot be named.
fn write_choice(choice: &Value) -> Option<Value> {
    match choice.as_str() {
        Some("auto") => None,
        Some("none") => Some("NONE".into()),
        _ => Some("REQUIRED".into()),
    }
}

fn rename(fields: &mut Map<String, Value>, way: impl Fn((&'static str, &'static str)) -> (&'static str, &'static str)) {
    for (from, to) in RENAMED.into_iter().map(way) {
        let value = fields.shift_remove(from);
        fields.extend(value.map(|value| (to.to_owned(), value)));
    }
}

fn replace(fields: &mut Map<String, Value>, key: &str, with: impl FnOnce(Value) -> Value) {
    if let Some(value) = fields.get_mut(key) {
        *value = with(value.take());
    }
}

/// An object with a key by another name, where it has not that one, too.
fn swap(mut value: Value, from: &str, to: &str) -> Value {
    if let Some(fields) = value.as_object_mut().filter(|fields| !fields.contains_key(to)) {
        let found = fields.shift_remove(from);
        fields.extend(found.map(|found| (to.to_owned(), found)));
    }
    value
}

/// Results of tools may stand in documents: what such a one says is text.
fn read_documents(conversation: &mut Conversation) {
    for turn in conversation.turns.iter_mut().filter(|turn| turn.role == Role::Tool) {
        let place = turn.place.clone();
        for part in &mut turn.parts {
            let Part::ToolResult { parts, .. } = part else { continue };
            for (at, part) in parts.iter_mut().enumerate() {
                let Part::Other(raw) = &*part else { continue };
                let Some(data) = raw.pointer("/document/data").filter(|_| text_at(raw, "type") == Some("document"))
                else {
                    continue;
                };
                let text = data.as_str().map_or_else(|| data.to_string(), str::to_owned);
                conversation.rest.insert(format!("{place}/content/{at}"), raw.clone());
                *part = Part::text(text);
            }
        }
    }
}
