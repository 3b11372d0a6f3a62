//! What Cohere answers beside generations.

use serde_json::{Value, json};

use crate::api::{ApiError, SideCall, Wrong};

/// Models.
pub(super) fn side(call: &SideCall<'_>) -> Option<Value> {
    let each = |name: &str| {
        json!({
            "name": name, "endpoints": ["chat"], "finetuned": false, "context_length": 288_000, "tokenizer_url": null,
            "supports_vision": false, "default_endpoints": [], "features": ["json_mode", "json_schema", "tools"],
        })
    };
    call.models("/v1/models", each, |models| json!({ "models": models }))
}

/// What Cohere says to what it does not have.
pub(super) fn refuse(wrong: Wrong<'_>) -> ApiError {
    match wrong {
        Wrong::Path { .. } => ApiError::new(404, "not_found", "page not found"),
        Wrong::Method => ApiError::new(405, "bad_request", "method not allowed"),
        Wrong::Size => ApiError::new(413, "bad_request", "request body is too large"),
    }
}
