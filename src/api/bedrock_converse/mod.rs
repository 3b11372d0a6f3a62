//! Bedrock `Converse` and `ConverseStream`.
//!
//! Model and method stand in the path, the stream is framed as an AWS event stream, and its last event is `metadata`.

mod blocks;
mod grammar;
mod request;
#[cfg(test)]
mod tests;
mod unary;
mod writer;

use serde_json::Value;

use super::bedrock::{self, Operation, errors};
use super::reading::{Reader, marks};
use super::{
    Api, ApiError, ApiId, Completion, Conversation, EncodeContext, Features, SideCall, StreamReader, StreamWriter,
    Wrong,
};
use crate::answer::{Mark, Rendition, Spoken};
use crate::eventstream;
use crate::framing::Framing;
use crate::wire::Headers;

/// Bedrock Converse.
#[derive(Debug)]
pub(super) struct BedrockConverse;

const CONVERSE: Operation = Operation { unary: "converse", stream: "converse-stream" };

impl Api for BedrockConverse {
    fn id(&self) -> ApiId {
        ApiId::BedrockConverse
    }

    fn features(&self) -> Features {
        Features {
            params: &["max_tokens", "temperature", "top_p", "stop"],
            prefill: true,
            one_system_field: true,
            object_arguments: true,
            failed_results: true,
            cache_marks: true,
            images_in_results: true,
            ..Features::LEAST
        }
    }

    fn usual_model(&self) -> &'static str {
        "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0"
    }

    fn model_key(&self) -> Option<&'static str> {
        None
    }

    fn framing(&self) -> Framing {
        Framing::EventStream
    }

    fn path(&self) -> &'static str {
        bedrock::PATH
    }

    fn fill(&self, path: &str, model: &str, stream: bool) -> String {
        CONVERSE.fill(path, model, stream)
    }

    fn own_path<'p>(&self, path: &'p str) -> Option<&'p str> {
        CONVERSE.own_path(path)
    }

    fn request_headers(&self, key: &str) -> Headers {
        bedrock::request_headers(key)
    }

    fn presented_key(&self, target: &str, headers: &Headers) -> Option<String> {
        bedrock::presented_key(target, headers)
    }

    fn read_request(&self, body: &Value) -> Conversation {
        request::read(body)
    }

    fn read_target(&self, target: &str, conversation: &mut Conversation) {
        CONVERSE.read_target(target, conversation);
    }

    fn write_request(&self, conversation: &Conversation, model: &str) -> Value {
        request::write(conversation, model)
    }

    fn stream_reader(&self) -> Box<dyn StreamReader> {
        Box::new(Reader::<grammar::ConverseGrammar>::default())
    }

    fn stream_writer(&self, context: &EncodeContext) -> Box<dyn StreamWriter> {
        Box::new(writer::ConverseWriter::new(context))
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
        marks::<grammar::ConverseGrammar>(body)
    }

    fn error_body(&self, error: &ApiError, _seed: u64) -> Vec<u8> {
        errors::body(error)
    }

    fn error_headers(&self, error: &ApiError, seed: u64) -> Headers {
        bedrock::error_headers(error, seed)
    }

    fn error_type(&self, error: &ApiError) -> Option<(String, String)> {
        Some(bedrock::error_type(error))
    }

    fn error_event(&self, error: &ApiError, _seed: u64, _behind: &[u8]) -> Vec<u8> {
        errors::event(error, &[])
    }

    fn unknown_event(&self, next: &[u8]) -> Option<Vec<u8>> {
        // A member of the union that a client's SDK does not know yet.
        (next.first() == Some(&0)).then(|| eventstream::json("event", "heartbeat", b"{}"))
    }

    fn read_error(&self, status: u16, body: &[u8]) -> Option<ApiError> {
        errors::read(status, body)
    }

    fn status_error(&self, status: u16) -> ApiError {
        errors::status_error(status)
    }

    fn side(&self, call: &SideCall<'_>) -> Option<Value> {
        bedrock::side::side(call)
    }

    fn refuse(&self, wrong: Wrong<'_>) -> ApiError {
        bedrock::side::refuse(wrong)
    }

    fn shows(&self, _headers: &Headers, path: &str) -> bool {
        ["/converse", "/converse-stream", "/count-tokens"].iter().any(|end| path.ends_with(end))
    }

    fn prefill(&self, conversation: &Conversation) -> Option<String> {
        super::last_words(conversation)
    }
}
