//! The words and the bytes of a refusal.

use serde_json::Value;

use super::subject::Captures;
use crate::api::{ApiError, ErrorForm, replace};

/// An error as its vendor writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorBody {
    /// The body.
    pub text: String,
    /// Its type, if not the API's usual one.
    pub content_type: Option<String>,
}

/// Writes an error; the ids in it hang on the request alone.
pub(super) fn write(form: &ErrorForm, error: &ApiError, captures: &Captures, request: &[u8]) -> ErrorBody {
    let seed = request.iter().fold(0_u64, |seed, byte| seed.wrapping_mul(0x0100_0000_01b3) ^ u64::from(*byte));
    let text = form.write(error, seed, |name| captures.get(name).map(String::as_str));
    ErrorBody { text, content_type: form.content_type.clone() }
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
