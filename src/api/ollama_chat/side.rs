//! What Ollama answers beside generations.

use serde_json::{Value, json};

use crate::api::{ApiError, SideCall, Wrong};

/// The version, and the models that are there.
pub(super) fn side(call: &SideCall<'_>) -> Option<Value> {
    match (call.method, call.path) {
        ("GET", "/api/version") => Some(json!({"version": "0.12.6"})),
        ("GET", "/api/ps") => Some(json!({"models": []})),
        ("POST", "/api/show") => Some(json!({
            "details": details(), "model_info": {}, "capabilities": ["completion", "tools", "thinking"],
        })),
        _ => {
            let each = |name: &str| {
                json!({
                    "name": name, "model": name, "modified_at": "2025-01-01T00:00:00Z", "size": 4_920_753_328_u64,
                    "digest": "46e0c10c039e019119339687c3c1757cc81b9da49709a3b3924863ba87ca666e", "details": details(),
                })
            };
            call.models("/api/tags", each, |models| json!({ "models": models }))
        }
    }
}

fn details() -> Value {
    json!({
        "parent_model": "", "format": "gguf", "family": "llama", "families": ["llama"], "parameter_size": "8.0B",
        "quantization_level": "Q4_K_M",
    })
}

/// What Ollama says to what it does not have.
pub(super) fn refuse(wrong: Wrong<'_>) -> ApiError {
    match wrong {
        Wrong::Path { .. } => ApiError::new(404, "not_found", "404 page not found"),
        Wrong::Method => ApiError::new(405, "bad_request", "405 method not allowed"),
        Wrong::Size => ApiError::new(413, "bad_request", "http: request body too large"),
    }
}
