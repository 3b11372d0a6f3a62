//! What OpenAI answers beside generations, in either of its APIs.

use serde_json::{Value, json};

use super::{ApiError, SideCall, Wrong};

/// The list of models, or one of them.
pub(super) fn side(call: &SideCall<'_>) -> Option<Value> {
    let each = |name: &str| json!({ "id": name, "object": "model", "created": 1_735_689_600, "owned_by": "system" });
    call.models("/v1/models", each, |models| json!({ "object": "list", "data": models }))
}

/// What OpenAI says to what it does not have.
pub(super) fn refuse(wrong: Wrong<'_>) -> ApiError {
    let (status, message, code) = match wrong {
        Wrong::Path { method, path } => (404, format!("Invalid URL ({method} {path})"), None),
        // Quoted in openai/openai-python#2703.
        Wrong::Method => (405, "Only POST requests are accepted.".to_owned(), Some("method_not_supported")),
        // Its words were not seen; these stand in OpenAI's form.
        Wrong::Size => (413, "Request body is too large.".to_owned(), None),
    };
    ApiError { code: code.map(str::to_owned), ..ApiError::new(status, "invalid_request_error", message) }
}
