//! Errors and headers as Ollama sends them: an error is a text, and nothing else.

use serde_json::{Value, json};

use super::message::line;
use crate::api::ApiError;
use crate::wire::Headers;

/// Headers of every response.
pub(super) fn headers(content_type: &str) -> Headers {
    [("content-type", content_type)].into_iter().collect()
}

/// The body of an error.
pub(super) fn body(error: &ApiError) -> Vec<u8> {
    json!({ "error": error.message }).to_string().into_bytes()
}

/// An error inside a stream: a line like any other.
pub(super) fn event(error: &ApiError) -> Vec<u8> {
    line(&json!({ "error": error.message }))
}

/// Reads an error body of this shape. What stands beside the text would be another vendor's.
pub(super) fn read(status: u16, body: &[u8]) -> Option<ApiError> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    let message = fields.get("error")?.as_str()?;
    Some(ApiError::new(status, kind(status), message))
}

/// Nothing tells the kind of an error but its status.
fn kind(status: u16) -> &'static str {
    match status {
        401 | 403 => "unauthorized",
        404 => "not_found",
        429 => "rate_limited",
        503 | 529 => "overloaded",
        400..500 => "bad_request",
        _ => "server_error",
    }
}

/// What Ollama says with a bare status.
pub(super) fn of_status(status: u16) -> ApiError {
    let message = match status {
        401 => "unauthorized",
        403 => "forbidden",
        404 => "model not found",
        429 => "too many requests",
        503 | 529 => "server busy, please try again.  maximum pending requests exceeded",
        502 => "bad gateway",
        504 => "gateway timeout",
        400..500 => "invalid request",
        _ => {
            "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error, check \
              ollama server logs for details"
        }
    };
    ApiError::new(status, kind(status), message)
}
