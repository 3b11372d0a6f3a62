//! OpenAI Responses.

mod grammar;
mod items;
mod object;
mod request;
#[cfg(test)]
mod tests;
mod unary;
mod writer;

use std::ops::Range;

use serde_json::{Value, json};

use super::reading::{Reader, marks};
use super::{
    Api, ApiError, ApiId, Completion, Conversation, EncodeContext, Features, SideCall, StreamReader, StreamWriter,
    Wrong, openai_errors,
};
use crate::answer::{Mark, Rendition, Spoken};
use crate::wire::Headers;

/// OpenAI Responses.
#[derive(Debug)]
pub(super) struct OpenaiResponses;

impl Api for OpenaiResponses {
    fn id(&self) -> ApiId {
        ApiId::OpenaiResponses
    }

    fn features(&self) -> Features {
        Features {
            params: &["max_tokens", "temperature", "top_p", "reasoning_effort", "parallel_tool_calls"],
            user: true,
            plain_json: true,
            images_in_results: true,
            ..Features::LEAST
        }
    }

    fn usual_model(&self) -> &'static str {
        "openai/gpt-4o-mini"
    }

    fn path(&self) -> &'static str {
        "/v1/responses"
    }

    fn request_headers(&self, key: &str) -> Headers {
        [
            ("accept", "application/json"),
            ("content-type", "application/json"),
            ("authorization", &format!("Bearer {key}")),
        ]
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
        Box::new(Reader::<grammar::ResponsesGrammar>::default())
    }

    fn stream_writer(&self, context: &EncodeContext) -> Box<dyn StreamWriter> {
        Box::new(writer::ResponsesWriter::new(context))
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
        marks::<grammar::ResponsesGrammar>(body)
    }

    fn error_body(&self, error: &ApiError, _seed: u64) -> Vec<u8> {
        openai_errors::body(error)
    }

    fn error_headers(&self, error: &ApiError, seed: u64) -> Headers {
        openai_errors::error_headers(error, seed)
    }

    fn error_event(&self, error: &ApiError, _seed: u64, behind: &[u8]) -> Vec<u8> {
        writer::error_event(error, behind)
    }

    fn unknown_event(&self, next: &[u8]) -> Option<Vec<u8>> {
        let number = std::str::from_utf8(&next[self.number_in(next)?]).ok()?;
        let data = format!("{{\"type\":\"response.heartbeat\",\"sequence_number\":{number}}}");
        Some(format!("event: response.heartbeat\ndata: {data}\n\n").into_bytes())
    }

    fn number_in(&self, event: &[u8]) -> Option<Range<usize>> {
        // A quote inside a text is escaped: this is the key itself.
        const KEY: &[u8] = b"\"sequence_number\":";
        let key = event.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
        let start = key + event[key..].iter().take_while(|byte| **byte == b' ').count();
        let digits = event[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        (digits > 0).then(|| start..start + digits)
    }

    fn read_error(&self, status: u16, body: &[u8]) -> Option<ApiError> {
        openai_errors::read(status, body)
    }

    fn status_error(&self, status: u16) -> ApiError {
        openai_errors::of_status(status)
    }

    fn side(&self, call: &SideCall<'_>) -> Option<Value> {
        super::openai_side::side(call)
    }

    fn refuse(&self, wrong: Wrong<'_>) -> ApiError {
        super::openai_side::refuse(wrong)
    }

    fn ask_for_json(&self, body: &mut Value, schema: Option<&Value>) {
        if let Some(schema) = schema {
            let format = json!({"type": "json_schema", "name": "answer", "schema": schema, "strict": true});
            body["text"] = json!({ "format": format });
        }
    }

    fn prefill(&self, _conversation: &Conversation) -> Option<String> {
        // A trailing assistant item is history here.
        None
    }
}
