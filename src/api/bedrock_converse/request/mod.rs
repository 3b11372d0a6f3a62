//! Requests of Converse.

mod read;
mod write;

pub(super) use read::read;
pub(super) use write::write;

/// Keys of `inferenceConfig`, with their neutral names.
const CONFIG: [(&str, &str); 4] =
    [("maxTokens", "max_tokens"), ("temperature", "temperature"), ("topP", "top_p"), ("stopSequences", "stop")];

/// What the models behind this API have of their own, and other APIs too.
const FIELDS: [&str; 2] = ["thinking", "top_k"];

/// Where those stand.
const ADDITIONAL: &str = "/additionalModelRequestFields";

/// A cache mark that says nothing but that it is one.
fn plain_cache_point() -> serde_json::Value {
    serde_json::json!({"cachePoint": {"type": "default"}})
}
