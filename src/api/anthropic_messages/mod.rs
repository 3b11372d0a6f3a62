//! Anthropic Messages.

mod blocks;
mod errors;
pub(super) mod grammar;
pub(super) mod request;
mod side;
#[cfg(test)]
mod tests;
pub(super) mod unary;
pub(super) mod writer;

use serde_json::{Value, json};

use super::reading::{Reader, marks};
use super::{
    Api, ApiError, ApiId, Completion, Conversation, EncodeContext, Features, SideCall, StreamReader, StreamWriter,
    Wrong,
};
use crate::answer::{Mark, Rendition, Spoken};
use crate::wire::Headers;

/// Anthropic Messages.
#[derive(Debug)]
pub(super) struct AnthropicMessages;

/// What requests of this API can say, on Bedrock too.
pub(super) const FEATURES: Features = Features {
    params: &["max_tokens", "temperature", "top_p", "stop", "top_k", "thinking", "parallel_tool_calls"],
    user: true,
    short_temperature: true,
    demands_limit: true,
    prefill: true,
    trimmed_prefill: true,
    one_system_field: true,
    object_arguments: true,
    failed_results: true,
    cache_marks: true,
    images_in_results: true,
    ..Features::LEAST
};

impl Api for AnthropicMessages {
    fn id(&self) -> ApiId {
        ApiId::AnthropicMessages
    }

    fn features(&self) -> Features {
        FEATURES
    }

    fn usual_model(&self) -> &'static str {
        "anthropic/claude-sonnet-4-5"
    }

    fn path(&self) -> &'static str {
        "/v1/messages"
    }

    fn request_headers(&self, key: &str) -> Headers {
        [
            ("accept", "application/json"),
            ("content-type", "application/json"),
            ("x-api-key", key),
            ("anthropic-version", "2023-06-01"),
        ]
        .into_iter()
        .collect()
    }

    fn presented_key(&self, _target: &str, headers: &Headers) -> Option<String> {
        headers.get("x-api-key").map(str::to_owned).or_else(|| super::bearer(headers))
    }

    fn read_request(&self, body: &Value) -> Conversation {
        request::read(body)
    }

    fn write_request(&self, conversation: &Conversation, model: &str) -> Value {
        request::write(conversation, model)
    }

    fn stream_reader(&self) -> Box<dyn StreamReader> {
        Box::new(Reader::<grammar::MessagesGrammar>::default())
    }

    fn stream_writer(&self, context: &EncodeContext) -> Box<dyn StreamWriter> {
        Box::new(writer::MessagesWriter::new(context, writer::Events::default()))
    }

    fn read_unary(&self, body: &[u8]) -> Result<Completion, String> {
        unary::read(body)
    }

    fn render_stream(&self, spoken: &Spoken, context: &EncodeContext) -> Rendition {
        writer::render_stream(spoken, context)
    }

    fn render_unary(&self, spoken: &Spoken, context: &EncodeContext) -> Rendition {
        unary::render(spoken, context)
    }

    fn marks(&self, body: &[u8]) -> Vec<Mark> {
        marks::<grammar::MessagesGrammar>(body)
    }

    fn error_body(&self, error: &ApiError, seed: u64) -> Vec<u8> {
        errors::body(error, seed)
    }

    fn error_headers(&self, error: &ApiError, seed: u64) -> Headers {
        errors::error_headers(error, seed)
    }

    fn error_event(&self, error: &ApiError, _seed: u64, _behind: &[u8]) -> Vec<u8> {
        errors::event(error)
    }

    fn unknown_event(&self, next: &[u8]) -> Option<Vec<u8>> {
        // "New event types may be added": https://docs.claude.com/en/docs/build-with-claude/streaming
        next.starts_with(b"event: ").then(|| b"event: heartbeat\ndata: {\"type\": \"heartbeat\"}\n\n".to_vec())
    }

    fn read_error(&self, status: u16, body: &[u8]) -> Option<ApiError> {
        errors::read(status, body)
    }

    fn status_error(&self, status: u16) -> ApiError {
        errors::of_status(status)
    }

    fn side(&self, call: &SideCall<'_>) -> Option<Value> {
        side::side(call)
    }

    fn refuse(&self, wrong: Wrong<'_>) -> ApiError {
        side::refuse(wrong)
    }

    fn shows(&self, headers: &Headers, path: &str) -> bool {
        let named = headers.get("anthropic-version").is_some() || headers.get("x-api-key").is_some();
        named || path.ends_with("/messages")
    }

    fn ask_for_json(&self, body: &mut Value, schema: Option<&Value>) {
        if let Some(schema) = schema {
            body["output_config"] = json!({"format": {"type": "json_schema", "schema": schema}});
        }
    }

    fn prefill(&self, conversation: &Conversation) -> Option<String> {
        super::last_words(conversation)
    }
}
