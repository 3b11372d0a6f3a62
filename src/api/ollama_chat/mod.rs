//! Ollama's own chat, `/api/chat`.
//!
//! A stream is lines of JSON; the line that is `done` tells why and how much, and is the end: there is no other mark.

mod errors;
mod grammar;
mod message;
mod request;
mod side;
#[cfg(test)]
mod tests;
mod unary;
mod writer;

use serde_json::Value;

use super::reading::{Reader, marks};
use super::{
    Api, ApiError, ApiId, Completion, Conversation, EncodeContext, Features, SideCall, StreamReader, StreamWriter,
    Wrong,
};
use crate::answer::{Mark, Rendition, Spoken};
use crate::framing::Framing;
use crate::wire::Headers;

/// Ollama's chat.
#[derive(Debug)]
pub(super) struct OllamaChat;

impl Api for OllamaChat {
    fn id(&self) -> ApiId {
        ApiId::OllamaChat
    }

    fn features(&self) -> Features {
        Features {
            params: &[
                "max_tokens",
                "temperature",
                "top_p",
                "top_k",
                "stop",
                "seed",
                "presence_penalty",
                "frequency_penalty",
                "thinking",
            ],
            // Templates leave the last turn open where it is the model's.
            prefill: true,
            object_arguments: true,
            plain_json: true,
            tells_refusals: false,
            ..Features::LEAST
        }
    }

    fn usual_model(&self) -> &'static str {
        "ollama/llama3.1:8b"
    }

    fn framing(&self) -> Framing {
        Framing::Ndjson
    }

    fn path(&self) -> &'static str {
        "/api/chat"
    }

    fn request_headers(&self, key: &str) -> Headers {
        // A server at home asks for no key; whoever stands before it does.
        let bearer = format!("Bearer {key}");
        [("accept", "application/x-ndjson"), ("content-type", "application/json"), ("authorization", bearer.as_str())]
            .into_iter()
            .collect()
    }

    fn presented_key(&self, _target: &str, headers: &Headers) -> Option<String> {
        super::bearer(headers)
    }

    fn read_request(&self, body: &Value) -> Conversation {
        request::read(body)
    }

    fn write_request(&self, conversation: &Conversation, model: &str) -> Value {
        request::write(conversation, model)
    }

    fn stream_reader(&self) -> Box<dyn StreamReader> {
        Box::new(Reader::<grammar::OllamaGrammar>::default())
    }

    fn stream_writer(&self, context: &EncodeContext) -> Box<dyn StreamWriter> {
        Box::new(writer::OllamaWriter::new(context))
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
        marks::<grammar::OllamaGrammar>(body)
    }

    fn error_body(&self, error: &ApiError, _seed: u64) -> Vec<u8> {
        errors::body(error)
    }

    fn error_headers(&self, _error: &ApiError, _seed: u64) -> Headers {
        errors::headers("application/json; charset=utf-8")
    }

    fn error_event(&self, error: &ApiError, _seed: u64, _behind: &[u8]) -> Vec<u8> {
        errors::event(error)
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

    fn shows(&self, _headers: &Headers, path: &str) -> bool {
        path.starts_with("/api/") && !path.starts_with("/api/v1/")
    }

    fn ask_for_json(&self, body: &mut Value, schema: Option<&Value>) {
        body["format"] = schema.cloned().unwrap_or_else(|| "json".into());
    }

    fn forget_usage(&self, body: &mut Value) {
        super::body::without(body, &["prompt_eval_count", "eval_count"]);
    }

    fn prefill(&self, conversation: &Conversation) -> Option<String> {
        super::last_words(conversation)
    }
}
