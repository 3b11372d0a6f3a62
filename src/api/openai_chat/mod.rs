//! OpenAI Chat Completions.

mod choice;
mod grammar;
pub(super) mod request;
#[cfg(test)]
mod tests;
mod unary;
mod writer;

use serde_json::{Value, json};

use super::reading::{Reader, event_json, marks};
use super::{
    Api, ApiError, ApiId, Completion, Conversation, EncodeContext, Features, SideCall, StreamReader, StreamWriter,
    Wrong, openai_errors,
};
use crate::answer::{Mark, Rendition, Spoken};
use crate::wire::Headers;

/// OpenAI Chat Completions.
#[derive(Debug)]
pub(super) struct OpenaiChat;

impl Api for OpenaiChat {
    fn id(&self) -> ApiId {
        ApiId::OpenaiChat
    }

    fn features(&self) -> Features {
        Features {
            params: &[
                "max_tokens",
                "temperature",
                "top_p",
                "stop",
                "seed",
                "presence_penalty",
                "frequency_penalty",
                "reasoning_effort",
                "parallel_tool_calls",
            ],
            user: true,
            plain_json: true,
            ..Features::LEAST
        }
    }

    fn usual_model(&self) -> &'static str {
        "openai/gpt-4o-mini"
    }

    fn path(&self) -> &'static str {
        "/v1/chat/completions"
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
        Box::new(Reader::<grammar::ChatGrammar>::default())
    }

    fn stream_writer(&self, context: &EncodeContext) -> Box<dyn StreamWriter> {
        Box::new(writer::ChatWriter::new(context))
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
        marks::<grammar::ChatGrammar>(body)
    }

    fn error_body(&self, error: &ApiError, _seed: u64) -> Vec<u8> {
        openai_errors::body(error)
    }

    fn error_headers(&self, error: &ApiError, seed: u64) -> Headers {
        openai_errors::error_headers(error, seed)
    }

    fn error_event(&self, error: &ApiError, _seed: u64, _behind: &[u8]) -> Vec<u8> {
        writer::error_event(error)
    }

    fn unknown_event(&self, next: &[u8]) -> Option<Vec<u8>> {
        // Events have no kinds here, but chunks without choices that carry something else are known from Azure
        // (`prompt_filter_results`), and objects may get new properties.
        let mut chunk = event_json(next)?;
        for key in ["obfuscation", "usage"] {
            if chunk.get(key).is_some_and(|value| !value.is_null()) {
                chunk.remove(key);
            }
        }
        chunk.insert("choices".to_owned(), Value::Array(Vec::new()));
        chunk.insert("heartbeat".to_owned(), Value::Object(serde_json::Map::new()));
        Some(format!("data: {}\n\n", Value::Object(chunk)).into_bytes())
    }

    fn read_error(&self, status: u16, body: &[u8]) -> Option<ApiError> {
        openai_errors::read(status, body)
    }

    fn status_error(&self, status: u16) -> ApiError {
        openai_errors::of_status(status)
    }

    fn tells_usage(&self, request: &Value) -> bool {
        let streams = request.get("stream").and_then(Value::as_bool).unwrap_or_default();
        let asked = request.pointer("/stream_options/include_usage").and_then(Value::as_bool);
        !streams || asked.unwrap_or_default()
    }

    fn side(&self, call: &SideCall<'_>) -> Option<Value> {
        super::openai_side::side(call)
    }

    fn refuse(&self, wrong: Wrong<'_>) -> ApiError {
        super::openai_side::refuse(wrong)
    }

    fn ask_for_json(&self, body: &mut Value, schema: Option<&Value>) {
        if let Some(schema) = schema {
            let schema = json!({"name": "answer", "schema": schema, "strict": true});
            body["response_format"] = json!({"type": "json_schema", "json_schema": schema});
        }
    }

    fn forget_usage(&self, body: &mut Value) {
        super::body::without(body, &["usage"]);
    }

    fn prefill(&self, _conversation: &Conversation) -> Option<String> {
        // A trailing assistant turn is history here, whatever dialects do with `prefix`.
        None
    }
}
