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

/// Headers of a response with an answer.
pub(super) fn headers(content_type: &str, seed: u64) -> Headers {
    // The fake has no clock: any time will do.
    let reset = "2026-01-01T00:00:00Z";
    let mut headers = Headers::default();
    for (what, limit, remaining) in [
        ("input-tokens", "10000000", "10000000"),
        ("output-tokens", "2000000", "2000000"),
        ("requests", "20000", "19999"),
        ("tokens", "12000000", "12000000"),
    ] {
        headers.push(format!("anthropic-ratelimit-{what}-limit"), limit);
        headers.push(format!("anthropic-ratelimit-{what}-remaining"), remaining);
        headers.push(format!("anthropic-ratelimit-{what}-reset"), reset);
    }
    headers.0.extend(common(content_type, seed).0);
    headers.push("anthropic-organization-id", "00000000-0000-4000-8000-000000000000");
    headers
}

/// Headers of every response.
fn common(content_type: &str, seed: u64) -> Headers {
    let mut seeded = Seeded::new(seed, "headers");
    [
        ("cf-cache-status", "DYNAMIC".to_owned()),
        ("cf-ray", format!("{}-SJC", seeded.hex(16))),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'".to_owned()),
        ("content-type", content_type.to_owned()),
        ("request-id", request_id(seed)),
        ("server", "cloudflare".to_owned()),
        ("strict-transport-security", "max-age=31536000; includeSubDomains; preload".to_owned()),
        ("traceresponse", format!("00-{}-{}-01", seeded.hex(32), seeded.hex(16))),
        ("vary", "Accept-Encoding".to_owned()),
        ("x-robots-tag", "none".to_owned()),
    ]
    .into_iter()
    .collect()
}

/// What the gateway in front says of a body that it does not let through.
const TOO_LARGE: &str = "request_too_large";

/// The body: compact, with the id of the request. The gateway's own names neither an id nor its own type
/// (anthropics/anthropic-sdk-python#938, anthropics/claude-code#14567).
pub(super) fn body(error: &ApiError, seed: u64) -> Vec<u8> {
    let is_gateway = error.kind == TOO_LARGE;
    let error = json!({"type": error.kind, "message": error.message});
    if is_gateway {
        return json!({ "error": error }).to_string().into_bytes();
    }
    json!({"type": "error", "error": error, "request_id": request_id(seed)}).to_string().into_bytes()
}

/// Headers of an error response: no rate limits, and a word to SDKs not to try again.
pub(super) fn error_headers(error: &ApiError, seed: u64) -> Headers {
    let mut headers = common("application/json", seed);
    // Seen on every recorded 4xx; what overload and rate limits say was not recorded.
    let final_answer = (400..500).contains(&error.status) && !matches!(error.status, 408 | 409 | 429);
    if final_answer {
        headers.push("x-should-retry", "false");
    }
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
    let error = value.get("error")?;
    let is_gateway = value.get("type").is_none() && text_at(error, "type") == Some(TOO_LARGE);
    if text_at(&value, "type") != Some("error") && !is_gateway {
        return None;
    }
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
        401 => ("authentication_error", "invalid x-api-key"),
        402 => ("billing_error", "There is an issue with your billing or payment information."),
        403 => ("permission_error", "Your API key does not have permission to use the specified resource."),
        404 => ("not_found_error", "Not found"),
        409 => ("conflict_error", "The request conflicts with the current state of the resource."),
        413 => (TOO_LARGE, "Request exceeds the maximum size"),
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
