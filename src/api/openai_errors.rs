//! Errors and headers as OpenAI sends them, in each of its APIs.

use serde_json::{Value, json};

use crate::api::ApiError;
use crate::api::body::text_at;
use crate::api::seeded::Seeded;
use crate::wire::Headers;

/// Headers of a response with an answer.
pub(in crate::api) fn headers(content_type: &str, seed: u64) -> Headers {
    let mut headers = common(content_type, seed);
    let millis = 180 + Seeded::new(seed, "millis").below(700);
    for (name, value) in [
        ("openai-organization", "org-crossfade"),
        ("openai-processing-ms", &millis.to_string()),
        ("openai-project", "proj_crossfade"),
        ("openai-version", "2020-10-01"),
        ("x-envoy-upstream-service-time", &(millis + 24).to_string()),
        ("x-ratelimit-limit-requests", "30000"),
        ("x-ratelimit-limit-tokens", "150000000"),
        ("x-ratelimit-remaining-requests", "29999"),
        ("x-ratelimit-remaining-tokens", "149999990"),
        ("x-ratelimit-reset-requests", "2ms"),
        ("x-ratelimit-reset-tokens", "0s"),
    ] {
        headers.push(name, value);
    }
    headers
}

/// Headers of every response, those of the gateway too.
fn common(content_type: &str, seed: u64) -> Headers {
    let mut seeded = Seeded::new(seed, "headers");
    [
        ("content-type", content_type.to_owned()),
        ("access-control-expose-headers", "X-Request-ID".to_owned()),
        ("x-request-id", format!("req_{}", seeded.hex(32))),
        ("x-openai-proxy-wasm", "v0.1".to_owned()),
        ("cf-cache-status", "DYNAMIC".to_owned()),
        ("strict-transport-security", "max-age=31536000; includeSubDomains; preload".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
        ("server", "cloudflare".to_owned()),
        ("cf-ray", format!("{}-SJC", seeded.hex(16))),
        ("alt-svc", "h3=\":443\"; ma=86400".to_owned()),
    ]
    .into_iter()
    .collect()
}

pub(in crate::api) fn object(error: &ApiError) -> Value {
    json!({"error": {"message": error.message, "type": error.kind, "param": error.param, "code": error.code}})
}

/// The body: indented by two blanks, no line end behind it; for credentials and unknown models by four, with one.
pub(in crate::api) fn body(error: &ApiError) -> Vec<u8> {
    if is_gateway(error) { indented(&object(error)) } else { format!("{:#}", object(error)).into_bytes() }
}

/// Errors that come from the gateway in front, which has another serialiser.
fn is_gateway(error: &ApiError) -> bool {
    matches!((error.status, error.code.as_deref()), (401, Some("invalid_api_key")) | (404, Some("model_not_found")))
}

fn indented(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    if serde::Serialize::serialize(value, &mut serializer).is_err() {
        return format!("{value:#}").into_bytes();
    }
    bytes.push(b'\n');
    bytes
}

/// Headers of an error response.
pub(in crate::api) fn error_headers(error: &ApiError, seed: u64) -> Headers {
    if !is_gateway(error) {
        return headers("application/json", seed);
    }
    let mut headers = common("application/json; charset=utf-8", seed);
    headers.push("vary", "Origin");
    if error.status == 401 {
        headers.push("www-authenticate", "Bearer realm=\"OpenAI API\"");
    }
    headers
}

/// Reads an error body of this shape.
pub(in crate::api) fn read(status: u16, body: &[u8]) -> Option<ApiError> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let error = value.get("error")?.as_object()?;
    // `"type": "error"` beside it is Anthropic's shape, as is its gateway's type; a status in words is Google's.
    let of_anthropic = value.get("type").is_some() || text_at(&value["error"], "type") == Some("request_too_large");
    if of_anthropic || error.get("status").is_some_and(Value::is_string) {
        return None;
    }
    let text = |key: &str| match error.get(key) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    Some(ApiError {
        status,
        kind: text_at(&value["error"], "type").unwrap_or_default().to_owned(),
        message: text("message")?,
        code: text("code"),
        param: text("param"),
    })
}

/// What OpenAI says with a bare status.
pub(in crate::api) fn of_status(status: u16) -> ApiError {
    let (kind, message, code) = match status {
        401 => (
            "invalid_request_error",
            "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.",
            Some("invalid_api_key"),
        ),
        403 => ("invalid_request_error", "You are not allowed to sample from this model", None),
        404 => ("invalid_request_error", "The requested resource was not found.", None),
        408 => ("server_error", "Request timed out.", None),
        429 => (
            "requests",
            "Rate limit reached for requests. Please try again in 2ms. Visit https://platform.openai.com/account/rate-limits to learn more.",
            Some("rate_limit_exceeded"),
        ),
        502 => ("server_error", "Bad gateway.", None),
        503 => ("server_error", "The engine is currently overloaded, please try again later", None),
        504 => ("server_error", "Gateway timeout.", None),
        529 => ("server_error", "The server is overloaded, please try again later", None),
        400..500 => ("invalid_request_error", "Invalid request.", None),
        _ => ("server_error", "The server had an error while processing your request. Sorry about that!", None),
    };
    ApiError { status, kind: kind.to_owned(), message: message.to_owned(), code: code.map(str::to_owned), param: None }
}
