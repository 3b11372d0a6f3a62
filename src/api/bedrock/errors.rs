//! Errors and headers as Bedrock sends them.
//!
//! The type of an error stands in a header alone, in a stream in the header of its message: a body says nothing but the
//! text.

use serde_json::{Value, json};

use crate::api::ApiError;
use crate::api::seeded::Seeded;
use crate::eventstream;
use crate::wire::Headers;

/// The header that tells the type.
pub(in crate::api) const TYPE: &str = "x-amzn-errortype";
/// What follows the type in it.
const NAMESPACE: &str = "http://internal.amazon.com/coral/com.amazon.bedrock/";

/// Headers of every response.
pub(in crate::api) fn headers(content_type: &str, seed: u64) -> Headers {
    let mut hex = Seeded::new(seed, "request");
    let id = [8, 4, 4, 4, 12].map(|length| hex.hex(length)).join("-");
    [("content-type", content_type.to_owned()), ("x-amzn-requestid", id)].into_iter().collect()
}

/// Type and namespace, as the header tells them.
pub(in crate::api) fn type_value(error: &ApiError) -> String {
    // In a stream types begin with a small letter.
    let mut letters = error.kind.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    let kind: String = first.into_iter().chain(letters).collect();
    format!("{kind}:{NAMESPACE}")
}

/// What AWS says of a path or a method that no operation has, in XML whatever the service speaks.
pub(super) const UNKNOWN_OPERATION: &str = "UnknownOperationException";

/// The body of an error.
pub(in crate::api) fn body(error: &ApiError) -> Vec<u8> {
    if error.kind == UNKNOWN_OPERATION {
        return format!("<{UNKNOWN_OPERATION}/>\n").into_bytes();
    }
    json!({ "message": error.message }).to_string().into_bytes()
}

/// An error inside a stream; `more` are exceptions that only this API's streams may end in.
pub(in crate::api) fn event(error: &ApiError, more: &[&'static str]) -> Vec<u8> {
    let named = more.iter().find(|name| name.eq_ignore_ascii_case(&error.kind));
    let name = named.copied().unwrap_or_else(|| exception(error));
    eventstream::json("exception", name, &body(error))
}

/// The exceptions that a stream may end in.
fn exception(error: &ApiError) -> &'static str {
    const NAMES: [&str; 5] = [
        "internalServerException",
        "modelStreamErrorException",
        "validationException",
        "throttlingException",
        "serviceUnavailableException",
    ];
    let named = NAMES.into_iter().find(|name| name.eq_ignore_ascii_case(&error.kind));
    named.unwrap_or(match error.status {
        424 => "modelStreamErrorException",
        429 => "throttlingException",
        503 | 529 => "serviceUnavailableException",
        400..500 => "validationException",
        _ => "internalServerException",
    })
}

/// The text of an error, in whichever case its key is.
pub(in crate::api) fn message(value: &Value) -> Option<&str> {
    ["message", "Message"].into_iter().find_map(|key| value.get(key)?.as_str())
}

/// Reads an error body of this shape. Other services of AWS name the type in the body.
pub(in crate::api) fn read(status: u16, body: &[u8]) -> Option<ApiError> {
    let value: Value = serde_json::from_slice(body).ok()?;
    if ["error", "object", "id"].iter().any(|key| value.get(key).is_some()) {
        // A text beside one of these is another vendor's.
        return None;
    }
    let message = message(&value)?.to_owned();
    let named = value.get("__type").and_then(Value::as_str).map(|name| name.rsplit('#').next().unwrap_or(name));
    let kind = named.unwrap_or(of_status(status).0).to_owned();
    Some(ApiError { status, kind, message, code: None, param: None })
}

/// What Bedrock says with a bare status.
pub(in crate::api) fn status_error(status: u16) -> ApiError {
    let (kind, message) = of_status(status);
    ApiError { status, kind: kind.to_owned(), message: message.to_owned(), code: None, param: None }
}

fn of_status(status: u16) -> (&'static str, &'static str) {
    match status {
        // This API has no 401: what it cannot trust it forbids.
        401 => ("UnrecognizedClientException", "The security token included in the request is invalid."),
        403 => ("AccessDeniedException", "You don't have access to the model with the specified model ID."),
        404 => {
            ("ResourceNotFoundException", "Could not resolve the foundation model from the provided model identifier.")
        }
        408 => ("ModelTimeoutException", "Model has timed out in processing the request. Try your request again."),
        409 => ("ConflictException", "The request conflicts with another one."),
        424 => ("ModelErrorException", "The model returned an error while processing the request."),
        429 => ("ThrottlingException", "Too many requests, please wait before trying again."),
        503 | 529 => ("ServiceUnavailableException", "Bedrock is unable to process your request."),
        400..500 => ("ValidationException", "Malformed input request, please reformat your input and try again."),
        _ => (
            "InternalServerException",
            "The system encountered an unexpected error during processing. Try your request again.",
        ),
    }
}
