//! Bedrock `InvokeModel` and `InvokeModelWithResponseStream` for Claude: requests and answers of Anthropic Messages,
//! in the paths, frames and errors of Bedrock.

mod chunks;
mod request;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::anthropic_messages::{FEATURES, unary, writer};
use super::bedrock::{self, Operation, errors, side};
use super::reading::{Reader, marks};
use super::{
    Api, ApiError, ApiId, Completion, Conversation, EncodeContext, Features, SideCall, StreamReader, StreamWriter,
    Wrong, render,
};
use crate::answer::{Mark, Rendition, Spoken};
use crate::eventstream;
use crate::framing::Framing;
use crate::wire::Headers;

/// Bedrock invoke.
#[derive(Debug)]
pub(super) struct BedrockInvoke;

const INVOKE: Operation = Operation { unary: "invoke", stream: "invoke-with-response-stream" };

/// Ids of what Bedrock serves are marked.
const MARK: &str = "bdrk_";

/// The context with the name that the model itself goes by in its answers: without region, maker and version.
fn inner(context: &EncodeContext) -> EncodeContext {
    let name = context.model.rsplit_once("anthropic.").map_or(context.model.as_str(), |(_, name)| name);
    let bare = name.rsplit_once("-v").filter(|(_, version)| version.bytes().all(|b| b.is_ascii_digit() || b == b':'));
    EncodeContext { model: bare.map_or(name, |(bare, _)| bare).to_owned(), ..context.clone() }
}

impl Api for BedrockInvoke {
    fn id(&self) -> ApiId {
        ApiId::BedrockInvoke
    }

    fn features(&self) -> Features {
        FEATURES
    }

    fn usual_model(&self) -> &'static str {
        "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0"
    }

    fn framing(&self) -> Framing {
        Framing::EventStream
    }

    fn path(&self) -> &'static str {
        bedrock::PATH
    }

    fn fill(&self, path: &str, model: &str, stream: bool) -> String {
        INVOKE.fill(path, model, stream)
    }

    fn own_path<'p>(&self, path: &'p str) -> Option<&'p str> {
        INVOKE.own_path(path)
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
        INVOKE.read_target(target, conversation);
    }

    fn write_request(&self, conversation: &Conversation, model: &str) -> Value {
        request::write(conversation, model)
    }

    fn stream_reader(&self) -> Box<dyn StreamReader> {
        Box::new(Reader::<chunks::InvokeGrammar>::default())
    }

    fn stream_writer(&self, context: &EncodeContext) -> Box<dyn StreamWriter> {
        Box::new(writer::MessagesWriter::new(&inner(context), chunks::Chunks::new(context.seed)))
    }

    fn read_unary(&self, body: &[u8]) -> Result<Completion, String> {
        unary::read(body)
    }

    fn render_stream(&self, spoken: &Spoken, context: &EncodeContext) -> Rendition {
        let written = writer::write(spoken, &inner(context), chunks::Chunks::new(context.seed));
        let mut headers = errors::headers(eventstream::MEDIA_TYPE, context.seed);
        headers.push("x-amzn-bedrock-content-type", "application/json");
        render::stream_rendition(written, headers)
    }

    fn render_unary(&self, spoken: &Spoken, context: &EncodeContext) -> Rendition {
        let mut headers = errors::headers("application/json", context.seed);
        headers.push("x-amzn-bedrock-input-token-count", context.input_tokens.to_string());
        headers.push("x-amzn-bedrock-output-token-count", spoken.output_tokens.to_string());
        headers.push("x-amzn-bedrock-invocation-latency", bedrock::latency(context.seed).to_string());
        render::unary_rendition(unary::write(spoken, &inner(context), MARK), headers)
    }

    fn marks(&self, body: &[u8]) -> Vec<Mark> {
        marks::<chunks::InvokeGrammar>(body)
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
        errors::event(error, chunks::EXCEPTIONS)
    }

    fn unknown_event(&self, next: &[u8]) -> Option<Vec<u8>> {
        // "New event types may be added": https://docs.claude.com/en/docs/build-with-claude/streaming
        (next.first() == Some(&0)).then(chunks::heartbeat)
    }

    fn read_error(&self, status: u16, body: &[u8]) -> Option<ApiError> {
        errors::read(status, body)
    }

    fn status_error(&self, status: u16) -> ApiError {
        errors::status_error(status)
    }

    fn side(&self, call: &SideCall<'_>) -> Option<Value> {
        side::side(call)
    }

    fn refuse(&self, wrong: Wrong<'_>) -> ApiError {
        side::refuse(wrong)
    }

    fn shows(&self, _headers: &Headers, path: &str) -> bool {
        path.ends_with("/invoke") || path.ends_with("/invoke-with-response-stream")
    }

    fn ask_for_json(&self, body: &mut Value, schema: Option<&Value>) {
        super::anthropic_messages::AnthropicMessages.ask_for_json(body, schema);
    }

    fn prefill(&self, conversation: &Conversation) -> Option<String> {
        super::last_words(conversation)
    }
}
