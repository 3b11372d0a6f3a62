//! What Anthropic answers beside generations.

use serde_json::{Value, json};

use crate::api::{ApiError, SideCall, Wrong};

/// Models, and the tokens of a request.
pub(super) fn side(call: &SideCall<'_>) -> Option<Value> {
    if (call.method, call.path) == ("POST", "/v1/messages/count_tokens") {
        return Some(json!({ "input_tokens": call.tokens }));
    }
    let each = |name: &str| {
        // Official SDKs take `lifecycle` for given.
        json!({
            "type": "model", "id": name, "display_name": name, "created_at": "2025-01-01T00:00:00Z",
            "lifecycle": "active", "deprecated_at": null, "retires_at": null,
        })
    };
    let list = |models| {
        json!({
            "data": models,
            "has_more": false,
            "first_id": call.models.first(),
            "last_id": call.models.last(),
        })
    };
    call.models("/v1/models", each, list)
}

/// What Anthropic says to what it does not have.
pub(super) fn refuse(wrong: Wrong<'_>) -> ApiError {
    match wrong {
        Wrong::Path { .. } => ApiError::new(404, "not_found_error", "Not Found"),
        Wrong::Method => ApiError::new(405, "invalid_request_error", "Method Not Allowed"),
        Wrong::Size => ApiError::new(413, "request_too_large", "Request exceeds the maximum size"),
    }
}
