//! Errors and headers as Cohere sends them.

use serde_json::{Value, json};

use crate::api::ApiError;
use crate::api::body::text_at;
use crate::api::seeded::Seeded;
use crate::wire::Headers;

/// An id of the form that answers and errors have.
pub(super) fn uuid(seed: u64, purpose: &str) -> String {
    let mut hex = Seeded::new(seed, purpose);
    [8, 4, 4, 4, 12].map(|length| hex.hex(length)).join("-")
}

/// Headers of every response.
pub(super) fn headers(content_type: &str, seed: u64) -> Headers {
    let mut seeded = Seeded::new(seed, "headers");
    [
        ("access-control-expose-headers", "X-Debug-Trace-ID".to_owned()),
        ("cache-control", "no-cache, no-store, no-transform, must-revalidate, private, max-age=0".to_owned()),
        ("content-type", content_type.to_owned()),
        ("expires", "Thu, 01 Jan 1970 00:00:00 GMT".to_owned()),
        ("pragma", "no-cache".to_owned()),
        ("vary", "Origin,Accept-Encoding".to_owned()),
        ("x-accel-expires", "0".to_owned()),
        ("x-debug-trace-id", seeded.hex(32)),
        ("x-envoy-upstream-service-time", (120 + seeded.below(400)).to_string()),
        ("server", "envoy".to_owned()),
        ("via", "1.1 google".to_owned()),
        ("alt-svc", "h3=\":443\"; ma=2592000".to_owned()),
    ]
    .into_iter()
    .collect()
}

/// The type that stands beside the text, where there is one: such types are written in capitals.
fn told_type(error: &ApiError) -> Option<&str> {
    let is_told = error.kind.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    Some(error.kind.as_str()).filter(|kind| is_told && !kind.is_empty())
}

/// The body of an error.
pub(super) fn body(error: &ApiError, seed: u64) -> Vec<u8> {
    let mut body = json!({"id": uuid(seed, "error"), "message": error.message});
    if let Some(kind) = told_type(error) {
        body["error_type"] = kind.into();
    }
    body.to_string().into_bytes()
}

/// An error inside a stream: an end whose reason it is, with the mark that follows every end.
pub(super) fn event(error: &ApiError) -> Vec<u8> {
    let mut delta = json!({"finish_reason": "ERROR", "usage": {}, "error": error.message});
    if let Some(kind) = told_type(error) {
        delta["error_type"] = kind.into();
    }
    let end = json!({"type": "message-end", "delta": delta});
    format!("event: message-end\ndata: {end}\n\ndata: [DONE]\n\n").into_bytes()
}

/// Reads an error body of this shape. A text under `error` would be another vendor's.
pub(super) fn read(status: u16, body: &[u8]) -> Option<ApiError> {
    let value: Value = serde_json::from_slice(body).ok()?;
    if value.get("error").is_some() || value.get("object").is_some() || value.get("type").is_some() {
        return None;
    }
    text_at(&value, "id")?;
    let kind = text_at(&value, "error_type").unwrap_or(of_kind(status));
    Some(ApiError::new(status, kind, text_at(&value, "message")?))
}

/// The kind of an error that tells none.
fn of_kind(status: u16) -> &'static str {
    match status {
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not_found",
        422 => "unprocessable_entity",
        429 => "too_many_requests",
        503 | 529 => "service_unavailable",
        504 => "gateway_timeout",
        400..500 => "bad_request",
        _ => "internal_server_error",
    }
}

/// What Cohere says with a bare status.
pub(super) fn of_status(status: u16) -> ApiError {
    let message = match status {
        401 => "invalid api token",
        403 => "this API key is not allowed to use this endpoint",
        404 => "the requested resource was not found",
        429 => {
            "You are past the per minute request limit, please wait and try again later. Contact us on the Discord channel \
             or email support@cohere.com if you have questions or require more assistance."
        }
        503 | 529 => "the service is currently unavailable, please try again later",
        504 => "the request timed out",
        400..500 => "invalid request: all elements in the request must be valid",
        _ => "internal server error, this has been reported to our developers",
    };
    ApiError::new(status, of_kind(status), message)
}
