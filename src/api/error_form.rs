//! How a vendor writes an error, where it does not write as its API does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ApiError;
use super::seeded::Seeded;

/// How an error is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorForm {
    /// The body. `${message}`, `${kind}`, `${code}`, `${param}` and `${status}` stand for the error's own as JSON,
    /// `${id}` for an id, and every other name for what the condition found, as JSON too.
    pub body: String,
    /// Its type, if not the API's usual one.
    #[serde(default)]
    pub content_type: Option<String>,
}

impl ErrorForm {
    /// Writes an error. `other` gives what else can stand in the body; the ids hang on the seed.
    pub(crate) fn write<'o>(&self, error: &ApiError, seed: u64, other: impl Fn(&str) -> Option<&'o str>) -> String {
        let json = |text: &str| Value::from(text).to_string();
        replace(&self.body, |name| {
            Some(match name {
                "status" => error.status.to_string(),
                "message" => json(&error.message),
                "kind" => json(&error.kind),
                "code" => error.code.as_deref().map_or_else(|| "null".to_owned(), json),
                "param" => error.param.as_deref().map_or_else(|| "null".to_owned(), json),
                "id" => Seeded::new(seed, "refusal").base62(27),
                "uuid" => Seeded::new(seed, "refusal").uuid(),
                other_name => json(other(other_name)?),
            })
        })
    }
}

/// Replaces each `${name}` by its value; what has none is left out.
pub(crate) fn replace(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            out.push_str("${");
            rest = after;
            continue;
        };
        out.push_str(&value(name).unwrap_or_default());
        rest = behind;
    }
    out.push_str(rest);
    out
}
