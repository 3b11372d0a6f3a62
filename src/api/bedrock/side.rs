//! What Bedrock answers beside generations.

use serde_json::{Value, json};

use super::errors::UNKNOWN_OPERATION;
use crate::api::{ApiError, SideCall, Wrong};

/// The tokens of a request.
pub(in crate::api) fn side(call: &SideCall<'_>) -> Option<Value> {
    let model = call.path.strip_prefix("/model/")?.strip_suffix("/count-tokens")?;
    let counts = call.method == "POST" && !model.is_empty() && !model.contains('/');
    counts.then(|| json!({ "inputTokens": call.tokens }))
}

/// What Bedrock says to what it does not have.
pub(in crate::api) fn refuse(wrong: Wrong<'_>) -> ApiError {
    match wrong {
        // Path and method are looked for at once.
        Wrong::Path { .. } | Wrong::Method => ApiError::new(404, UNKNOWN_OPERATION, ""),
        // Its words were not seen; these stand in its form.
        Wrong::Size => ApiError::new(413, "ValidationException", "Input is too long for requested model."),
    }
}
