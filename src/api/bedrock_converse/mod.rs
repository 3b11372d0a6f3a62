//! Bedrock `Converse` and `ConverseStream`.
//!
//! Model and method stand in the path, the stream is framed as an AWS event stream, and its last event is `metadata`.

mod blocks;
mod errors;
mod grammar;
mod reader;
mod request;
#[cfg(test)]
mod tests;
mod unary;
mod writer;

use serde_json::Value;

use super::{Api, ApiError, ApiId, Completion, Conversation, EncodeContext, Part, Role, StreamReader, StreamWriter};
use crate::answer::{Mark, Rendition, Spoken};
use crate::api::target;
use crate::eventstream;
use crate::framing::Framing;
use crate::wire::Headers;

/// Bedrock Converse.
#[derive(Debug)]
pub(super) struct BedrockConverse;

const UNARY: &str = "converse";
const STREAM: &str = "converse-stream";

impl Api for BedrockConverse {
    fn id(&self) -> ApiId {
        ApiId::BedrockConverse
    }

    fn framing(&self) -> Framing {
        Framing::EventStream
    }

    fn path(&self) -> &'static str {
        "/model/{model}/{method}"
    }

    fn method(&self, stream: bool) -> &'static str {
        if stream { STREAM } else { UNARY }
    }

    fn fill(&self, path: &str, model: &str, stream: bool) -> String {
        // The SDKs escape the colon of a version, too.
        path.replace("{model}", &target::encode(model).replace(':', "%3A")).replace("{method}", self.method(stream))
    }

    fn own_path<'p>(&self, path: &'p str) -> Option<&'p str> {
        let (before, method) = path.rsplit_once('/')?;
        let (base, model) = before.rsplit_once('/')?;
        let start = base.strip_suffix("/model")?.len();
        let fits = matches!(method, UNARY | STREAM) && !model.is_empty();
        fits.then(|| &path[start..])
    }

    fn request_headers(&self, key: &str) -> Headers {
        let bearer = format!("Bearer {key}");
        [("accept", "*/*"), ("content-type", "application/json"), ("authorization", bearer.as_str())]
            .into_iter()
            .collect()
    }

    fn presented_key(&self, target: &str, headers: &Headers) -> Option<String> {
        let signed = || signer(headers.get("authorization")?.strip_prefix("AWS4-")?, "Credential=", '/');
        let in_query = || signer(target::split(target).1, "X-Amz-Credential=", '%');
        super::bearer(headers).or_else(signed).or_else(in_query)
    }

    fn read_request(&self, body: &Value) -> Conversation {
        request::read(body)
    }

    fn read_target(&self, target: &str, conversation: &mut Conversation) {
        let (path, _) = target::split(target);
        let Some((before, method)) = path.rsplit_once('/') else { return };
        conversation.model = target::decode(before.rsplit('/').next().unwrap_or_default());
        conversation.stream = method == STREAM;
    }

    fn write_request(&self, conversation: &Conversation, model: &str) -> Value {
        request::write(conversation, model)
    }

    fn stream_reader(&self) -> Box<dyn StreamReader> {
        Box::new(reader::ConverseReader::default())
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
        reader::marks(body)
    }

    fn error_body(&self, error: &ApiError, _seed: u64) -> Vec<u8> {
        errors::body(error)
    }

    fn error_headers(&self, error: &ApiError, seed: u64) -> Headers {
        let mut headers = errors::headers("application/json", seed);
        headers.0.extend(self.error_type(error));
        headers
    }

    fn error_type(&self, error: &ApiError) -> Option<(String, String)> {
        Some((errors::TYPE.to_owned(), errors::type_value(error)))
    }

    fn error_event(&self, error: &ApiError, _seed: u64, _behind: &[u8]) -> Vec<u8> {
        errors::event(error)
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

    fn prefill(&self, conversation: &Conversation) -> Option<String> {
        let last = conversation.last().filter(|turn| turn.role == Role::Assistant)?;
        let calls = last.parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
        (!calls).then(|| last.text())
    }
}

/// Who signed a request: the access key id, which stands first in the credential. The signature is not looked at.
fn signer(text: &str, name: &str, end: char) -> Option<String> {
    let (_, credential) = text.split_once(name)?;
    // In a query the slash is escaped, or not.
    let id = credential.split(['/', end]).next().unwrap_or_default();
    (!id.is_empty()).then(|| id.to_owned())
}
