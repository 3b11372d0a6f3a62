//! OpenAI Chat Completions.

use serde_json::Value;

use super::{Api, ApiError, ApiId, Completion, Conversation, EncodeContext, StreamReader, StreamWriter};
use crate::answer::{Mark, Rendition, Spoken};
use crate::wire::Headers;

/// OpenAI Chat Completions.
#[derive(Debug)]
pub(super) struct OpenaiChat;

impl Api for OpenaiChat {
    fn id(&self) -> ApiId {
        ApiId::OpenaiChat
    }

    fn path(&self) -> &'static str {
        "/v1/chat/completions"
    }

    fn request_headers(&self, _key: &str) -> Headers {
        unimplemented!()
    }

    fn presented_key(&self, _headers: &Headers) -> Option<String> {
        unimplemented!()
    }

    fn read_request(&self, _body: &Value) -> Conversation {
        unimplemented!()
    }

    fn write_request(&self, _conversation: &Conversation, _model: &str) -> Value {
        unimplemented!()
    }

    fn stream_reader(&self) -> Box<dyn StreamReader> {
        unimplemented!()
    }

    fn stream_writer(&self, _context: &EncodeContext) -> Box<dyn StreamWriter> {
        unimplemented!()
    }

    fn read_unary(&self, _body: &[u8]) -> Result<Completion, String> {
        unimplemented!()
    }

    fn render_stream(&self, _spoken: &Spoken, _context: &EncodeContext) -> Rendition {
        unimplemented!()
    }

    fn render_unary(&self, _spoken: &Spoken, _context: &EncodeContext) -> Rendition {
        unimplemented!()
    }

    fn marks(&self, _body: &[u8]) -> Vec<Mark> {
        unimplemented!()
    }

    fn error_body(&self, _error: &ApiError, _seed: u64) -> Vec<u8> {
        unimplemented!()
    }

    fn error_headers(&self, _error: &ApiError, _seed: u64) -> Headers {
        unimplemented!()
    }

    fn error_event(&self, _error: &ApiError, _seed: u64) -> Vec<u8> {
        unimplemented!()
    }

    fn read_error(&self, _status: u16, _body: &[u8]) -> Option<ApiError> {
        unimplemented!()
    }

    fn status_error(&self, _status: u16) -> ApiError {
        unimplemented!()
    }

    fn prefill(&self, _conversation: &Conversation) -> Option<String> {
        unimplemented!()
    }
}
