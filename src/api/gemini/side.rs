//! What Gemini answers beside generations.

use serde_json::{Value, json};

use crate::api::{ApiError, SideCall, Wrong};

/// Models, and the tokens of a request.
pub(super) fn side(call: &SideCall<'_>) -> Option<Value> {
    if call.method == "POST" && call.path.ends_with(":countTokens") {
        let details = json!([{"modality": "TEXT", "tokenCount": call.tokens}]);
        return Some(json!({"totalTokens": call.tokens, "promptTokensDetails": details}));
    }
    let each = |name: &str| {
        json!({
            "name": format!("models/{name}"), "version": "001", "displayName": name,
            "inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
        })
    };
    let list = |models| json!({ "models": models });
    ["/v1beta/models", "/v1/models"].into_iter().find_map(|base| call.models(base, each, list))
}

/// What Gemini says to what it does not have.
pub(super) fn refuse(wrong: Wrong<'_>) -> ApiError {
    match wrong {
        // Path and method are looked for at once, and no words are lost on them.
        Wrong::Path { .. } | Wrong::Method => ApiError::new(404, "NOT_FOUND", ""),
        Wrong::Size => {
            ApiError::new(400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes.")
        }
    }
}
