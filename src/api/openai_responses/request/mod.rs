//! Requests of OpenAI Responses.

mod read;
mod write;

pub(super) use read::read;
pub(super) use write::write;

use serde_json::Value;

/// Parameters whose names here are the neutral ones.
const PARAMS: [&str; 3] = ["temperature", "top_p", "parallel_tool_calls"];
/// Where the newer name of the end user is kept.
const SAFETY_ID: &str = "/safety_identifier";

/// Whether something is an item of a conversation, and no part of a message.
fn is_item(value: &Value) -> bool {
    let kind = value.get("type").and_then(Value::as_str);
    kind.is_some_and(|kind| {
        !kind.starts_with("input_") && !kind.starts_with("output_") && !matches!(kind, "text" | "refusal" | "image_url")
    })
}
