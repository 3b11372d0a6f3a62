//! Errors and headers as Anthropic sends them.

use serde_json::{Value, json};

use crate::api::ApiError;
use crate::api::body::text_at;
use crate::api::seeded::Seeded;
use crate::wire::Headers;

/// The id of a response, in the body of an error too.
fn request_id(seed: u64) -> String {
    format!("req_011C{}", Seeded::new(seed, "request").base58(20))
}

/// Headers of every response.
pub(super) fn headers(content_type: &str, seed: u64) -> Headers {
    // Some time of day: the fake has no clock.
    let reset = "2026-01-01T00:00:00Z";
    [
        ("content-type", content_type.to_owned()),
        ("anthropic-ratelimit-requests-limit", "4000".to_owned()),
        ("anthropic-ratelimit-requests-remaining", "3999".to_owned()),
        ("anthropic-ratelimit-requests-reset", reset.to_owned()),
        ("anthropic-ratelimit-input-tokens-limit", "2000000".to_owned()),
        ("anthropic-ratelimit-input-tokens-remaining", "2000000".to_owned()),
        ("anthropic-ratelimit-input-tokens-reset", reset.to_owned()),
        ("anthropic-ratelimit-output-tokens-limit", "400000".to_owned()),
        ("anthropic-ratelimit-output-tokens-remaining", "400000".to_owned()),
        ("anthropic-ratelimit-output-tokens-reset", reset.to_owned()),
        ("anthropic-ratelimit-tokens-limit", "2400000".to_owned()),
        ("anthropic-ratelimit-tokens-remaining", "2400000".to_owned()),
        ("anthropic-ratelimit-tokens-reset", reset.to_owned()),
        ("request-id", request_id(seed)),
        ("strict-transport-security", "max-age=31536000; includeSubDomains; preload".to_owned()),
        ("anthropic-organization-id", "00000000-0000-4000-8000-000000000000".to_owned()),
        ("server", "cloudflare".to_owned()),
        ("x-robots-tag", "none".to_owned()),
    ]
    .into_iter()
    .collect()
}

/// The body: compact, with the id of the request.
pub(super) fn body(error: &ApiError, seed: u64) -> Vec<u8> {
    let error = json!({"type": error.kind, "message": error.message});
    json!({"type": "error", "error": error, "request_id": request_id(seed)}).to_string().into_bytes()
}

/// Headers of an error response.
pub(super) fn error_headers(error: &ApiError, seed: u64) -> Headers {
    let mut headers = headers("application/json", seed);
    // Errors that come again say so; overload and rate limits ask for a retry.
    let again = error.status >= 500 || error.status == 429 || error.status == 408;
    headers.push("x-should-retry", if again { "true" } else { "false" });
    headers
}

/// An error inside a stream.
pub(super) fn event(error: &ApiError) -> Vec<u8> {
    let error = json!({"type": "error", "error": {"type": error.kind, "message": error.message}});
    format!("event: error\ndata: {error}\n\n").into_bytes()
}

/// Reads an error body of this shape.
pub(super) fn read(status: u16, body: &[u8]) -> Option<ApiError> {
    let value: Value = serde_json::from_slice(body).ok()?;
    if text_at(&value, "type") != Some("error") {
        return None;
    }
    let error = value.get("error")?;
    Some(ApiError {
        status,
        kind: text_at(error, "type").unwrap_or_default().to_owned(),
        message: text_at(error, "message")?.to_owned(),
        code: None,
        param: None,
    })
}

/// What Anthropic says with a bare status.
pub(super) fn of_status(status: u16) -> ApiError {
    let (kind, message) = match status {
        400 => ("invalid_request_error", "Invalid request"),
        401 => ("authentication_error", "invalid x-api-key"),
        402 => ("billing_error", "There is an issue with your billing or payment information."),
        403 => ("permission_error", "Your API key does not have permission to use the specified resource."),
        404 => ("not_found_error", "Not found"),
        409 => ("conflict_error", "The request conflicts with the current state of the resource."),
        413 => ("request_too_large", "Request exceeds the maximum size"),
        429 => {
            ("rate_limit_error", "This request would exceed your organization's rate limit. Please try again later.")
        }
        504 => ("timeout_error", "Request timed out"),
        529 => ("overloaded_error", "Overloaded"),
        400..500 => ("invalid_request_error", "Invalid request"),
        _ => ("api_error", "Internal server error"),
    };
    ApiError { status, kind: kind.to_owned(), message: message.to_owned(), code: None, param: None }
}
