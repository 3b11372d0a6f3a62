//! Unique words in request bodies.

use std::collections::HashSet;

use serde_json::Value;

/// Every run of letters and digits in the strings of a body; of the whole text if it is no JSON.
pub(super) fn words(body: &[u8]) -> HashSet<String> {
    let mut words = HashSet::new();
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => collect(&value, &mut words),
        Err(_) => split(&String::from_utf8_lossy(body), &mut words),
    }
    words
}

/// The part of a unique word by which it is found: its longest run of letters and digits.
pub(super) fn key(unique: &str) -> &str {
    unique.split(|c: char| !c.is_alphanumeric()).max_by_key(|run| run.len()).unwrap_or_default()
}

fn collect(value: &Value, words: &mut HashSet<String>) {
    match value {
        Value::String(text) => split(text, words),
        Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
        Value::Object(map) => map.values().for_each(|item| collect(item, words)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn split(text: &str, words: &mut HashSet<String>) {
    words.extend(text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_behind_escapes() {
        let found = words(br#"{"messages":[{"content":"Say it.\nkalomexu7"}],"n":5}"#);
        assert!(found.contains("kalomexu7"), "{found:?}");
        assert!(words(b"not json: kalomexu7!").contains("kalomexu7"));
        assert_eq!(key("[id kalomexu7]"), "kalomexu7");
    }
}
