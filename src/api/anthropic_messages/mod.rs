//! Anthropic Messages.

mod blocks;
mod errors;
mod grammar;
mod request;
#[cfg(test)]
mod tests;
mod unary;
mod writer;

use serde_json::Value;

use super::reading::{SseReader, marks};
use super::{Api, ApiError, ApiId, Completion, Conversation, EncodeContext, Part, Role, StreamReader, StreamWriter};
use crate::answer::{Mark, Rendition, Spoken};
use crate::wire::Headers;

/// Anthropic Messages.
#[derive(Debug)]
pub(super) struct AnthropicMessages;

impl Api for AnthropicMessages {
    fn id(&self) -> ApiId {
        ApiId::AnthropicMessages
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
        Box::new(SseReader::<grammar::MessagesGrammar>::default())
    }

    fn stream_writer(&self, context: &EncodeContext) -> Box<dyn StreamWriter> {
        Box::new(writer::MessagesWriter::new(context))
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

    fn prefill(&self, conversation: &Conversation) -> Option<String> {
        let last = conversation.last().filter(|turn| turn.role == Role::Assistant)?;
        // A turn that ends in a call waits for its result: nothing is to be gone on from.
        let calls = last.parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
        (!calls).then(|| last.text())
    }
}
