//! Small tools for request bodies: JSON pointers into `rest`, and images as URLs.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{ApiId, Conversation, Part};

/// Keys without a neutral name, by JSON pointer.
pub(super) type Rest = BTreeMap<String, Value>;

/// The pointer of a key below `place`.
pub(super) fn pointer(place: &str, key: &str) -> String {
    format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Keeps every key of `fields` that is not in `known`.
pub(super) fn keep_unknown(rest: &mut Rest, place: &str, fields: &Map<String, Value>, known: &[&str]) {
    for (key, value) in fields {
        if !known.contains(&key.as_str()) {
            rest.insert(pointer(place, key), value.clone());
        }
    }
}

/// Whether `rest` says something about a place below `place`.
pub(super) fn has_below(rest: &Rest, place: &str) -> bool {
    let prefix = format!("{place}/");
    rest.range(prefix.clone()..).next().is_some_and(|(key, _)| key.starts_with(&prefix))
}

/// Writes what `rest` keeps into a body of its own API; places that are gone are left out.
pub(super) fn put_rest(body: &mut Value, rest: &Rest) {
    for (pointer, value) in rest {
        let Some((parent, key)) = pointer.rsplit_once('/') else { continue };
        let key = key.replace("~1", "/").replace("~0", "~");
        let parent = if parent.is_empty() { Some(&mut *body) } else { body.pointer_mut(parent) };
        match parent {
            Some(Value::Object(fields)) => {
                fields.insert(key, value.clone());
            }
            Some(Value::Array(items)) => {
                if let Some(item) = key.parse().ok().and_then(|at: usize| items.get_mut(at)) {
                    *item = value.clone();
                }
            }
            _ => {}
        }
    }
}

/// Whether what was read from a body of another API has to be left out.
pub(super) fn is_own(conversation: &Conversation, api: ApiId) -> bool {
    conversation.api.is_none_or(|from| from == api)
}

/// An image from its URL; a `data:` URL is known by its bytes.
pub(crate) fn image(url: &str) -> Part {
    let data = url.strip_prefix("data:").and_then(|data| data.split_once(";base64,"));
    match data {
        Some((media_type, data)) => {
            let bytes = STANDARD.decode(data).unwrap_or_else(|_| data.as_bytes().to_vec());
            let hex = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0'));
            let digest = Sha256::digest(&bytes).iter().flat_map(hex).collect();
            Part::Image { digest, media_type: media_type.to_owned(), url: url.to_owned() }
        }
        None => Part::Image { digest: url.to_owned(), media_type: String::new(), url: url.to_owned() },
    }
}

/// Whether something carries a cache mark, and whether that is the plain one, which needs no place in `rest`.
pub(super) fn cache_mark(value: &Value) -> (bool, bool) {
    let mark = value.get("cache_control").filter(|mark| !mark.is_null());
    (mark.is_some(), mark.is_some_and(|mark| *mark == plain_cache_mark()))
}

/// The cache mark that says nothing but that it is one.
pub(super) fn plain_cache_mark() -> Value {
    json!({"type": "ephemeral"})
}

/// Makes every number 0.
pub(super) fn zero(value: &mut Value) {
    match value {
        Value::Number(_) => *value = 0.into(),
        Value::Array(items) => items.iter_mut().for_each(zero),
        Value::Object(fields) => fields.values_mut().for_each(zero),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Takes keys away.
pub(super) fn without(value: &mut Value, keys: &[&str]) {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|key, _| !keys.contains(&key.as_str()));
    }
}

/// The text under a key.
pub(super) fn text_at<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// Arguments as an API writes them, as JSON; a string where they do not parse.
pub(super) fn parse_arguments(text: &str) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Map::new());
    }
    // A string alone is no arguments either, and is kept as it was written.
    let parsed = serde_json::from_str(text).ok().filter(|value: &Value| !value.is_string());
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Arguments as JSON text; what did not parse is given back as it was.
pub(super) fn arguments_text(arguments: &Value) -> String {
    match arguments {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
