//! What a condition is asked about, and what it finds.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ModelLimits;
use crate::wire::Headers;

/// Values for the `${...}` of an error, found by the condition; `at` is the place in the request.
pub(super) type Captures = BTreeMap<&'static str, String>;

/// What a condition is asked about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    /// The leg's model without its vendor.
    pub(super) model: &'a str,
    /// Spellings under which it may be asked for; empty: any.
    pub(super) models: &'a [String],
    /// The model as the request spells it.
    pub(super) asked: Option<&'a str>,
    /// Path and query.
    pub(super) target: &'a str,
    /// Headers.
    pub(super) headers: &'a Headers,
    /// The body, or why it is no JSON.
    pub(super) body: Result<&'a Value, &'a serde_json::Error>,
    /// Its bytes.
    pub(super) raw: &'a [u8],
    /// The key that is presented.
    pub(super) presented: Option<&'a str>,
    /// The key that is asked for.
    pub(super) expected: Option<&'a str>,
    /// Limits of the model.
    pub(super) limits: Option<&'a ModelLimits>,
}

impl<'a> Subject<'a> {
    /// The body; null where it is no JSON.
    pub(super) fn json(&self) -> &'a Value {
        static NOTHING: Value = Value::Null;
        self.body.unwrap_or(&NOTHING)
    }

    pub(super) fn output_limit(&self) -> Option<u64> {
        self.limits.and_then(|limits| limits.output)
    }
}

pub(super) fn key_wrong(subject: &Subject<'_>, captures: &mut Captures) -> bool {
    let (Some(expected), Some(presented)) = (subject.expected, subject.presented) else { return false };
    if presented.is_empty() || presented == expected {
        return false;
    }
    captures.insert("masked_key", masked(presented));
    captures.insert("hidden_key", "*".repeat(presented.chars().count()));
    captures.insert("key_end", presented.chars().skip(presented.chars().count().saturating_sub(4)).collect());
    true
}

/// A key as OpenAI's error repeats it: the first eight and the last four characters; of a short one all.
fn masked(key: &str) -> String {
    let characters: Vec<char> = key.chars().collect();
    let length = characters.len();
    if length <= 12 {
        return key.to_owned();
    }
    let (head, tail): (String, String) = (characters[..8].iter().collect(), characters[length - 4..].iter().collect());
    format!("{head}{}{tail}", "*".repeat(length - 12))
}

pub(super) fn content_type_other(subject: &Subject<'_>, captures: &mut Captures) -> bool {
    let Some(told) = subject.headers.get("content-type") else { return false };
    captures.insert("content_type", told.to_owned());
    let media_type = told.split(';').next().unwrap_or_default();
    !media_type.trim().eq_ignore_ascii_case("application/json")
}

pub(super) fn body_not_json(subject: &Subject<'_>, captures: &mut Captures) -> bool {
    let Err(error) = subject.body else { return false };
    let detail = error.to_string();
    let detail = detail.rsplit_once(" at line ").map_or(detail.as_str(), |(detail, _)| detail);
    let lines = subject.raw.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    let before: usize = lines.map(<[u8]>::len).sum();
    captures.insert("detail", detail.to_owned());
    captures.insert("line", error.line().to_string());
    captures.insert("column", error.column().to_string());
    captures.insert("character", (before + error.column()).saturating_sub(1).to_string());
    true
}
