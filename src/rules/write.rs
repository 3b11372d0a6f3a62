//! The words and the bytes of a refusal.

use serde_json::Value;

use super::ErrorForm;
use super::subject::Captures;
use crate::api::ApiError;
use crate::api::seeded::Seeded;

/// An error as its vendor writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorBody {
    /// The body.
    pub text: String,
    /// Its type, if not the API's usual one.
    pub content_type: Option<String>,
}

impl ErrorForm {
    /// Writes an error; the ids in it hang on the request alone.
    pub(super) fn write(&self, error: &ApiError, captures: &Captures, request: &[u8]) -> ErrorBody {
        let seed = request.iter().fold(0_u64, |seed, byte| seed.wrapping_mul(0x0100_0000_01b3) ^ u64::from(*byte));
        let json = |text: &str| Value::from(text).to_string();
        let text = replace(&self.body, |name| {
            Some(match name {
                "status" => error.status.to_string(),
                "message" => json(&error.message),
                "kind" => json(&error.kind),
                "code" => error.code.as_deref().map_or_else(|| "null".to_owned(), json),
                "param" => error.param.as_deref().map_or_else(|| "null".to_owned(), json),
                "id" => Seeded::new(seed, "refusal").base62(27),
                "uuid" => uuid(seed),
                other => json(captures.get(other)?),
            })
        });
        ErrorBody { text, content_type: self.content_type.clone() }
    }
}

fn uuid(seed: u64) -> String {
    let hex = Seeded::new(seed, "refusal").hex(32);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// Replaces each `${name}`: by what the condition found, else by the value at that path of the body.
pub(super) fn fill(template: &str, captures: &Captures, body: Option<&Value>) -> String {
    replace(template, |name| {
        if let Some(found) = captures.get(name) {
            return Some(found.clone());
        }
        match body?.pointer(&format!("/{}", name.replace('.', "/")))? {
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    })
}

/// Replaces each `${name}` by its value; what has none is left out.
fn replace(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
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
