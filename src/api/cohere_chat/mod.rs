//! Cohere's own chat, `/v2/chat`.
//!
//! Requests are those of OpenAI's chat, but for some names; the stream has events of its own, and an error in it stands
//! where an end would.

mod blocks;
mod errors;
mod grammar;
mod request;
mod side;
#[cfg(test)]
mod tests;
mod unary;
mod writer;

use serde_json::{Value, json};

use super::reading::{Reader, marks};
use super::{
    Api, ApiError, ApiId, Completion, Conversation, EncodeContext, Features, SideCall, StreamReader, StreamWriter,
    Wrong,
};
use crate::answer::{Mark, Rendition, Spoken};
use crate::wire::Headers;

/// Cohere's chat.
#[derive(Debug)]
pub(super) struct CohereChat;

impl Api for CohereChat {
    fn id(&self) -> ApiId {
        ApiId::CohereChat
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
            short_temperature: true,
            plain_json: true,
            ..Features::LEAST
        }
    }

    fn usual_model(&self) -> &'static str {
        "cohere/command-a-03-2025"
    }

    fn model_key(&self) -> Option<&'static str> {
        // Answers of this API name no model.
        None
    }

    fn path(&self) -> &'static str {
        "/v2/chat"
    }

    fn request_headers(&self, key: &str) -> Headers {
        let bearer = format!("Bearer {key}");
        [("accept", "*/*"), ("content-type", "application/json"), ("authorization", bearer.as_str())]
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
        Box::new(Reader::<grammar::CohereGrammar>::default())
    }

    fn stream_writer(&self, context: &EncodeContext) -> Box<dyn StreamWriter> {
        Box::new(writer::CohereWriter::new(context))
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
        marks::<grammar::CohereGrammar>(body)
    }

    fn error_body(&self, error: &ApiError, seed: u64) -> Vec<u8> {
        errors::body(error, seed)
    }

    fn error_headers(&self, _error: &ApiError, seed: u64) -> Headers {
        errors::headers("application/json", seed)
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
        path.starts_with("/v2/")
    }

    fn ask_for_json(&self, body: &mut Value, schema: Option<&Value>) {
        body["response_format"] = json!({"type": "json_object"});
        if let Some(schema) = schema {
            body["response_format"]["json_schema"] = schema.clone();
        }
    }

    fn prefill(&self, _conversation: &Conversation) -> Option<String> {
        // A trailing assistant turn is taken, and answered by a turn of its own.
        None
    }
}
