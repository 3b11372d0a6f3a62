//! Gemini `generateContent` and `streamGenerateContent`.
//!
//! Model and method stand in the path. The stream has no end mark: the chunk with the finish reason is the end, and is
//! read and marked as such.

mod array;
mod errors;
mod grammar;
mod parts;
mod reader;
mod request;
mod side;
mod spacing;
#[cfg(test)]
mod tests;
mod unary;
mod writer;

use std::time::Duration;

use serde_json::Value;

use super::reading::event_json;
use super::{
    Api, ApiError, ApiId, Completion, Conversation, EncodeContext, Features, SideCall, StreamReader, StreamWriter,
    Wrong,
};
use crate::answer::{Mark, Rendition, Spoken};
use crate::api::target;
use crate::wire::Headers;

/// Gemini.
#[derive(Debug)]
pub(super) struct Gemini;

/// Versions with which a path of this API begins.
const VERSIONS: [&str; 3] = ["v1beta", "v1", "v1alpha"];
const UNARY: &str = "generateContent";
const STREAM: &str = "streamGenerateContent";

impl Api for Gemini {
    fn id(&self) -> ApiId {
        ApiId::Gemini
    }

    fn features(&self) -> Features {
        Features {
            params: &[
                "max_tokens",
                "temperature",
                "top_p",
                "stop",
                "top_k",
                "seed",
                "presence_penalty",
                "frequency_penalty",
                "thinking",
            ],
            prefill: true,
            one_system_field: true,
            object_arguments: true,
            plain_json: true,
            images_in_results: true,
            ..Features::LEAST
        }
    }

    fn usual_model(&self) -> &'static str {
        "gemini/gemini-2.5-flash"
    }

    fn model_key(&self) -> Option<&'static str> {
        Some("modelVersion")
    }

    fn path(&self) -> &'static str {
        "/v1beta/models/{model}:{method}"
    }

    fn fill(&self, path: &str, model: &str, stream: bool) -> String {
        let method = if stream { "streamGenerateContent?alt=sse" } else { UNARY };
        path.replace("{model}", &target::encode(model)).replace("{method}", method)
    }

    fn own_path<'p>(&self, path: &'p str) -> Option<&'p str> {
        let (_, method) = path.rsplit_once(':')?;
        if method != UNARY && method != STREAM {
            return None;
        }
        // `/<version>/models/<model>:<method>`
        let model = path.rfind('/')?;
        let models = path[..model].rfind('/')?;
        let version = path[..models].rfind('/')?;
        let fits = &path[models..model] == "/models" && VERSIONS.contains(&&path[version + 1..models]);
        fits.then(|| &path[version..])
    }

    fn request_headers(&self, key: &str) -> Headers {
        [("accept", "*/*"), ("content-type", "application/json"), ("x-goog-api-key", key)].into_iter().collect()
    }

    fn presented_key(&self, target: &str, headers: &Headers) -> Option<String> {
        let (_, query) = target::split(target);
        let in_query = || query.split('&').find_map(|pair| pair.strip_prefix("key=")).map(str::to_owned);
        headers.get("x-goog-api-key").map(str::to_owned).or_else(in_query)
    }

    fn read_request(&self, body: &Value) -> Conversation {
        request::read(body)
    }

    fn read_target(&self, target: &str, conversation: &mut Conversation) {
        let (path, _) = target::split(target);
        let Some((before, method)) = path.rsplit_once(':') else { return };
        let model = before.rsplit('/').next().unwrap_or_default();
        conversation.model = target::decode(model);
        conversation.stream = method == STREAM;
    }

    fn write_request(&self, conversation: &Conversation, _model: &str) -> Value {
        request::write(conversation)
    }

    fn stream_reader(&self) -> Box<dyn StreamReader> {
        Box::new(reader::GeminiReader::default())
    }

    fn stream_writer(&self, context: &EncodeContext) -> Box<dyn StreamWriter> {
        Box::new(writer::GeminiWriter::new(context))
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

    fn as_asked(&self, target: &str, rendition: Rendition) -> Rendition {
        if rendition.stream && !asks_for_events(target) { array::of_events(&rendition) } else { rendition }
    }

    fn marks(&self, body: &[u8]) -> Vec<Mark> {
        reader::marks(body)
    }

    fn error_body(&self, error: &ApiError, _seed: u64) -> Vec<u8> {
        errors::body(error)
    }

    fn error_headers(&self, error: &ApiError, seed: u64) -> Headers {
        let mut headers = errors::headers("application/json; charset=UTF-8", seed);
        if error.message.is_empty() {
            // No body, and not the type of one.
            headers.0.retain(|(name, _)| name != "content-type");
        }
        headers
    }

    fn error_headers_for(&self, target: &str, error: &ApiError, seed: u64) -> Headers {
        // The type is that of the stream, the body a bare object all the same.
        if asks_for_events(target) && !error.message.is_empty() {
            return errors::headers("text/event-stream", seed);
        }
        self.error_headers(error, seed)
    }

    fn error_event(&self, error: &ApiError, _seed: u64, _behind: &[u8]) -> Vec<u8> {
        errors::event(error)
    }

    fn unknown_event(&self, next: &[u8]) -> Option<Vec<u8>> {
        // Events have no kinds here; a response may get new fields, and has chunks without candidates as it is.
        let mut chunk = event_json(next)?;
        chunk.remove("candidates");
        chunk.remove("usageMetadata");
        chunk.insert("heartbeat".to_owned(), Value::Object(serde_json::Map::new()));
        Some(spacing::event(&Value::Object(chunk)))
    }

    fn read_error(&self, status: u16, body: &[u8]) -> Option<ApiError> {
        errors::read(status, body)
    }

    fn ask_to_wait(&self, error: &mut ApiError, after: Duration) {
        errors::ask_to_wait(error, after);
    }

    fn wait_of(&self, _headers: &Headers, body: &[u8]) -> Option<Duration> {
        errors::wait_of(body)
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
        headers.get("x-goog-api-key").is_some() || path.contains("/v1beta/") || path.contains(":generateContent")
    }

    fn ask_for_json(&self, body: &mut Value, schema: Option<&Value>) {
        let config = &mut body["generationConfig"];
        config["responseMimeType"] = "application/json".into();
        if let Some(schema) = schema {
            config["responseJsonSchema"] = schema.clone();
        }
    }

    fn forget_usage(&self, body: &mut Value) {
        super::body::without(body, &["usageMetadata"]);
    }

    fn prefill(&self, conversation: &Conversation) -> Option<String> {
        super::last_words(conversation)
    }
}

/// Whether a stream of events is asked for, and not of items of one JSON array.
fn asks_for_events(target: &str) -> bool {
    let (_, query) = target::split(target);
    query.split('&').any(|pair| pair == "alt=sse" || pair == "%24alt=sse" || pair == "$alt=sse")
}
