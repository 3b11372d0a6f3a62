//! Bodies, in whatever wrapping recorders put them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// A piece of an answer's body.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Piece {
    /// Milliseconds since the piece before, where they were kept.
    pub(crate) after: Option<u64>,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
}

/// The body of a recorded response: in HTTP chunks where the recorder kept them, else in one piece.
pub(crate) fn pieces(response: &Value) -> Vec<Piece> {
    let whole = |bytes: Vec<u8>| vec![Piece { after: None, bytes }];
    let chunks = response["chunks"].as_array().filter(|chunks| !chunks.is_empty());
    if let Some(chunks) = chunks {
        let after = |at: usize| response["chunkTimings"][at].as_u64();
        return chunks
            .iter()
            .enumerate()
            .map(|(at, chunk)| Piece { after: after(at), bytes: bytes_of(chunk) })
            .collect();
    }
    match &response["hex"] {
        Value::String(text) => return whole(unhex(text)),
        Value::Array(texts) => {
            let texts = texts.iter().filter_map(Value::as_str);
            return texts.map(|text| Piece { after: None, bytes: unhex(text) }).collect();
        }
        _ => {}
    }
    let content = &response["content"];
    if content["encoding"] == "base64" {
        // The bodies of compressed answers, piece by piece.
        let texts: Vec<String> = serde_json::from_str(content["text"].as_str().unwrap_or_default()).unwrap_or_default();
        return texts.iter().map(|text| Piece { after: None, bytes: decode(text) }).collect();
    }
    if response["bodyEncoding"] == "base64" {
        return whole(decode(response["body"].as_str().unwrap_or_default()));
    }
    let answered = [&response["body"], &response["parsed_body"], content];
    whole(answered.into_iter().find(|body| !body.is_null()).map(bytes_of).unwrap_or_default())
}

fn decode(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64.split_whitespace().collect::<String>()).unwrap_or_default()
}

fn unhex(text: &str) -> Vec<u8> {
    let byte = |at: usize| text.get(at..at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
    (0..text.len() / 2).filter_map(|at| byte(at * 2)).collect()
}

/// The JSON of a request's body, in whatever wrapping.
pub(crate) fn json_of(body: &Value) -> Option<Value> {
    match body {
        Value::String(text) => serde_json::from_str(text).ok().filter(Value::is_object),
        Value::Array(items) => items.iter().find_map(json_of),
        Value::Object(fields) => match wrapped(fields, &["canonical_json", "string", "text", "equalToJson"]) {
            Some(inner) => json_of(inner),
            None if fields.contains_key("base64_string") || fields.contains_key("b64") => {
                serde_json::from_slice(&bytes_of(body)).ok()
            }
            None => (!fields.is_empty()).then(|| body.clone()),
        },
        _ => None,
    }
}

/// The bytes of an answer's body, in whatever wrapping.
fn bytes_of(body: &Value) -> Vec<u8> {
    match body {
        Value::String(text) => text.strip_prefix("base64:").map_or_else(|| text.clone().into_bytes(), decode),
        Value::Object(fields) => {
            let encoded = ["base64_string", "b64"].iter().find_map(|key| fields.get(*key)?.as_str());
            match (encoded, wrapped(fields, &["string", "text"])) {
                (Some(encoded), _) => decode(encoded),
                (None, Some(plain)) => bytes_of(plain),
                (None, None) => body.to_string().into_bytes(),
            }
        }
        // Line by line, each with its end.
        Value::Array(lines) if lines.iter().all(Value::is_string) && !lines.is_empty() => {
            lines.iter().filter_map(Value::as_str).collect::<String>().into_bytes()
        }
        other => other.to_string().into_bytes(),
    }
}

/// What a wrapper holds. A body of JSON may itself have a `text`, but that is no string.
fn wrapped<'v>(fields: &'v Map<String, Value>, keys: &[&str]) -> Option<&'v Value> {
    keys.iter().find_map(|key| fields.get(*key).filter(|inner| *key != "text" || inner.is_string()))
}
