//! Requests: those of Anthropic Messages, with the version in the body, and model and stream in the path.

use serde_json::Value;

use crate::api::anthropic_messages::request;
use crate::api::{ApiId, Conversation};

const VERSION: (&str, &str) = ("anthropic_version", "bedrock-2023-05-31");
/// What stands in the path here, and in the body there.
const IN_PATH: [&str; 2] = ["model", "stream"];

/// Reads a request body.
pub(super) fn read(body: &Value) -> Conversation {
    let mut conversation = request::read(body);
    conversation.api = Some(ApiId::BedrockInvoke);
    // In the body these are nothing that this API knows.
    for key in IN_PATH {
        conversation.rest.extend(body.get(key).map(|value| (format!("/{key}"), value.clone())));
    }
    conversation
}

/// Writes a request body.
pub(super) fn write(conversation: &Conversation, model: &str) -> Value {
    let own = conversation.api == Some(ApiId::BedrockInvoke);
    let mut inner = conversation.clone();
    if own {
        inner.api = Some(ApiId::AnthropicMessages);
    }
    let mut body = request::write(&inner, model);
    let Some(fields) = body.as_object_mut() else { return body };
    for key in IN_PATH {
        if !(own && conversation.rest.contains_key(&format!("/{key}"))) {
            fields.shift_remove(key);
        }
    }
    if !own {
        fields.insert(VERSION.0.to_owned(), VERSION.1.into());
    }
    body
}
