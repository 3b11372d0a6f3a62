//! Errors and headers as Gemini sends them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::ApiError;
use crate::api::body::text_at;
use crate::api::seeded::Seeded;
use crate::wire::Headers;

const ERROR_INFO: &str = "type.googleapis.com/google.rpc.ErrorInfo";
const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// Headers of every response; no id of the request is among them.
pub(super) fn headers(content_type: &str, seed: u64) -> Headers {
    let millis = 120 + Seeded::new(seed, "millis").below(900);
    [
        ("content-type", content_type.to_owned()),
        ("vary", "Origin".to_owned()),
        ("vary", "X-Origin".to_owned()),
        ("vary", "Referer".to_owned()),
        ("server", "scaffolding on HTTPServer2".to_owned()),
        ("x-xss-protection", "0".to_owned()),
        ("x-frame-options", "SAMEORIGIN".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
        ("server-timing", format!("gfet4t7; dur={millis}")),
        ("alt-svc", "h3=\":443\"; ma=2592000,h3-29=\":443\"; ma=2592000".to_owned()),
    ]
    .into_iter()
    .collect()
}

/// Headers of a stream of events.
pub(super) fn stream_headers(seed: u64) -> Headers {
    let mut headers = headers("text/event-stream", seed);
    headers.push("content-disposition", "attachment");
    headers
}

fn object(error: &ApiError) -> Value {
    let mut fields = json!({"code": error.status, "message": error.message, "status": error.kind});
    let mut details = Vec::new();
    if let Some(reason) = &error.code {
        details.push(json!({
            "@type": ERROR_INFO, "reason": reason, "domain": "googleapis.com",
            "metadata": {"service": "generativelanguage.googleapis.com"}
        }));
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "en-US", "message": error.message
        }));
    }
    if let Some(seconds) = said_wait(&error.message) {
        details.push(json!({"@type": RETRY_INFO, "retryDelay": format!("{seconds}s")}));
    }
    if !details.is_empty() {
        fields["details"] = details.into();
    }
    json!({ "error": fields })
}

/// The body: indented by two blanks, with a line end behind it, whatever the content type says. Google's front has no
/// words for a path that it does not know, and no body (proma-ai/Proma#1745, googleapis/js-genai#930).
pub(super) fn body(error: &ApiError) -> Vec<u8> {
    if error.message.is_empty() {
        return Vec::new();
    }
    format!("{:#}\n", object(error)).into_bytes()
}

/// An error inside a stream.
pub(super) fn event(error: &ApiError) -> Vec<u8> {
    super::spacing::event(&object(error))
}

/// Reads an error body of this shape; some servers put it into an array.
pub(super) fn read(status: u16, body: &[u8]) -> Option<ApiError> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let error = value.get("error").or_else(|| value.get(0)?.get("error"))?;
    Some(ApiError {
        status,
        kind: text_at(error, "status")?.to_owned(),
        message: text_at(error, "message")?.to_owned(),
        code: detail(error, ERROR_INFO).and_then(|info| text_at(info, "reason")).map(str::to_owned),
        param: None,
    })
}

fn detail<'v>(error: &'v Value, kind: &str) -> Option<&'v Value> {
    error.get("details")?.as_array()?.iter().find(|detail| text_at(detail, "@type") == Some(kind))
}

/// The text asks for the wait, and a detail of the body repeats it: this API has no header for it.
pub(super) fn ask_to_wait(error: &mut ApiError, after: Duration) {
    if let Some((before, _)) = error.message.split_once("\nPlease retry in ") {
        error.message.truncate(before.len());
    }
    error.message = format!("{}\nPlease retry in {}s.", error.message, after.as_secs_f64());
}

/// `Please retry in 48.9s.`
fn said_wait(message: &str) -> Option<&str> {
    let (_, rest) = message.rsplit_once("Please retry in ")?;
    let (seconds, _) = rest.split_once('s')?;
    seconds.parse::<f64>().is_ok().then_some(seconds)
}

/// How long a body asks to wait.
pub(super) fn wait_of(body: &[u8]) -> Option<Duration> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let error = value.get("error").or_else(|| value.get(0)?.get("error"))?;
    let delay = text_at(detail(error, RETRY_INFO)?, "retryDelay")?;
    let seconds: f64 = delay.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// What Gemini says with a bare status.
pub(super) fn of_status(status: u16) -> ApiError {
    let (kind, message, code) = match status {
        // This API has no 401 for a bad key: it says 400.
        401 => (
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid \
             authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
            None,
        ),
        403 => (
            "PERMISSION_DENIED",
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or \
             other form of API consumer identity to call this API.",
            None,
        ),
        404 => ("NOT_FOUND", "Requested entity was not found.", None),
        409 => ("ABORTED", "The operation was aborted.", None),
        429 => (
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota, please check your plan and billing details. For more information on this \
             error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.",
            None,
        ),
        500 => (
            "INTERNAL",
            "An internal error has occurred. Please retry or report in \
             https://developers.generativeai.google/guide/troubleshooting",
            None,
        ),
        503 | 529 => ("UNAVAILABLE", "The model is overloaded. Please try again later.", None),
        504 => ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete.", None),
        400..500 => ("INVALID_ARGUMENT", "Request contains an invalid argument.", None),
        _ => ("UNAVAILABLE", "The service is currently unavailable.", None),
    };
    ApiError { status, kind: kind.to_owned(), message: message.to_owned(), code: code.map(str::to_owned), param: None }
}
