//! What Bedrock answers beside generations.

use serde_json::{Value, json};

use crate::api::{ApiError, SideCall, Wrong};

/// What AWS says of a path that no operation has.
const NO_OPERATION: &str = "Unable to determine service/operation name to be authorized";

/// The tokens of a request.
pub(in crate::api) fn side(call: &SideCall<'_>) -> Option<Value> {
    let model = call.path.strip_prefix("/model/")?.strip_suffix("/count-tokens")?;
    let counts = call.method == "POST" && !model.is_empty() && !model.contains('/');
    counts.then(|| json!({ "inputTokens": call.tokens }))
}

/// What Bedrock says to what it does not have.
pub(in crate::api) fn refuse(wrong: Wrong<'_>) -> ApiError {
    match wrong {
        Wrong::Path { .. } => ApiError::new(404, "UnknownOperationException", NO_OPERATION),
        Wrong::Method => ApiError::new(405, "UnknownOperationException", NO_OPERATION),
        Wrong::Size => ApiError::new(413, "ValidationException", "Input is too long for requested model."),
    }
}
