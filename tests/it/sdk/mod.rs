//! The official SDKs, pointed at `crossfade serve`: they cannot tell it from the real provider, and what they make of
//! each fault is written down in `tests/sdk/FAULTS.md`.

mod faults;
mod page;
mod probes;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::root;
pub(crate) use probes::ask_python;
use probes::{Key, Seen, seen};

/// The SDKs: language and API.
const SDKS: [(&str, &str); 8] = [
    ("python", "openai-chat"),
    ("js", "openai-chat"),
    ("python", "openai-responses"),
    ("js", "openai-responses"),
    ("python", "anthropic-messages"),
    ("js", "anthropic-messages"),
    ("python", "gemini"),
    ("python", "bedrock-converse"),
];

/// The answers that are asked for, each in every way.
const ANSWERS: [&str; 13] = [
    "text",
    "one-word",
    "empty",
    "letters",
    "paragraphs-emoji",
    "json",
    "max-tokens",
    "refusal",
    "tool-call",
    "parallel-tools",
    "text-and-tool",
    "thinking",
    "thinking-and-tool",
];

/// Error statuses.
const STATUSES: [u16; 15] = [400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529];

/// Ways to get the same answer.
const WAYS: [&str; 3] = ["unary", "stream", "final"];

/// Ways to read a stream: AWS's SDK has no accumulator.
fn readers(api: &str) -> &'static [&'static str] {
    if api == "bedrock-converse" { &["stream"] } else { &["stream", "final"] }
}

/// Fields that real providers send and the SDKs' types do not know; `index` is an accumulator's own.
const BEYOND_THE_TYPES: [&str; 6] =
    ["obfuscation", "reasoning_content", "frequency_penalty", "presence_penalty", "store", "index"];

/// The SDK's word for how an answer ends.
fn finish(api: &str, answer: &str) -> &'static str {
    let calls = answer.contains("tool");
    match (api, answer) {
        ("openai-chat", "max-tokens") => "length",
        ("openai-chat", _) if calls => "tool_calls",
        ("openai-chat", _) => "stop",
        ("openai-responses", "max-tokens") => "max_output_tokens",
        ("openai-responses", _) => "completed",
        ("anthropic-messages", "max-tokens") => "max_tokens",
        ("anthropic-messages", "refusal") => "refusal",
        ("bedrock-converse", "max-tokens") => "max_tokens",
        ("bedrock-converse", "refusal") => "content_filtered",
        ("anthropic-messages" | "bedrock-converse", _) if calls => "tool_use",
        ("anthropic-messages" | "bedrock-converse", _) => "end_turn",
        (_, "max-tokens") => "MAX_TOKENS",
        (_, "refusal") => "SAFETY",
        _ => "STOP",
    }
}

fn text<'a>(got: &'a Value, key: &str) -> &'a str {
    got[key].as_str().unwrap_or_default()
}

/// What was called: names and arguments.
fn calls(got: &Value) -> Vec<(String, Value)> {
    let read = |call: &Value| {
        let arguments = serde_json::from_str(text(call, "arguments")).expect("the arguments are JSON");
        (text(call, "name").to_owned(), arguments)
    };
    got["tools"].as_array().into_iter().flatten().map(read).collect()
}

/// Each SDK's every answer that came in one of `ways`.
fn answers<'a>(seen: &'a Seen, ways: &'a [&str]) -> impl Iterator<Item = (Key, &'static str, &'a Value)> {
    SDKS.into_iter().flat_map(move |(language, api)| {
        ANSWERS.into_iter().flat_map(move |answer| {
            ways.iter().filter(move |way| **way == "unary" || readers(api).contains(way)).map(move |way| {
                let key = Key::new(language, api, way, answer);
                (key.clone(), answer, seen.get(&key))
            })
        })
    })
}

#[test]
fn good_answers_are_what_the_sdks_types_promise() {
    let Some(seen) = seen() else { return };
    let mut ids = BTreeSet::new();
    for (key, answer, got) in answers(seen, &["unary", "stream"]) {
        assert_eq!(text(got, "end"), "whole", "{key}: {got}");
        assert_eq!(got["requests"], 1, "{key}: {got}");
        assert_eq!(got["invalid"], Value::Null, "{key}");
        let beyond = got["unknown"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let beyond: Vec<_> =
            beyond.filter(|path| !BEYOND_THE_TYPES.iter().any(|known| path.ends_with(&format!(".{known}")))).collect();
        assert!(beyond.is_empty(), "{key}: {beyond:?}");
        assert_eq!(text(got, "finish"), finish(&key.api, answer), "{key}");
        let role = match key.api.as_str() {
            // Only messages have one here, and not each answer has a message.
            "openai-responses" => text(got, "role"),
            "gemini" => "model",
            _ => "assistant",
        };
        assert_eq!(text(got, "role"), role, "{key}");
        let (id, request, length) = match key.api.as_str() {
            "openai-chat" => ("chatcmpl-", "req_", 36),
            "openai-responses" => ("resp_", "req_", 36),
            "anthropic-messages" => ("msg_01", "req_011C", 28),
            "bedrock-converse" => ("", "", 36),
            _ => ("", "", 0),
        };
        let has_id = key.api != "bedrock-converse";
        assert!(text(got, "id").starts_with(id) && text(got, "id").is_empty() != has_id, "{key}: {got}");
        assert!(text(got, "request_id").starts_with(request), "{key}: {got}");
        assert_eq!(text(got, "request_id").len(), length, "{key}: {got}");
        assert!(!has_id || ids.insert(text(got, "id")), "{key}: an id came twice");
        assert!(length == 0 || ids.insert(text(got, "request_id")), "{key}: an id of a request came twice");
        let tokens: Vec<_> = got["usage"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
        assert!(tokens.len() == 2 && !tokens.contains(&0), "{key}: {got}");
    }
}

#[test]
fn every_sdk_gets_the_same_words_in_every_way() {
    let Some(seen) = seen() else { return };
    for (key, answer, got) in answers(seen, &WAYS).filter(|(.., got)| text(got, "end") == "whole") {
        let first = seen.get(&Key::new("python", &key.api, "unary", answer));
        for part in ["text", "thinking", "refusal"] {
            // This accumulator keeps the last delta only of a field that its types do not know.
            let forgets = key.is("js", "openai-chat", "final") && part == "thinking";
            assert!(forgets || text(got, part) == text(first, part), "{key}: {part}: {got}");
        }
        assert_eq!(calls(got), calls(first), "{key}");
        let calls_expected = answer.matches("tool").count() * if answer == "parallel-tools" { 2 } else { 1 };
        assert_eq!(calls(got).len(), calls_expected, "{key}");
        assert!(calls(got).iter().all(|(name, _)| name == "look_up"), "{key}: {got}");
        let signed = answer.contains("thinking") && key.api != "openai-chat";
        assert_eq!(signed, !text(got, "signature").is_empty(), "{key}: {got}");
    }
    for (api, word) in [("openai-chat", 24), ("gemini", 24)] {
        let got = seen.get(&Key::new("python", api, "stream", "text"));
        assert_eq!(text(got, "text").split(' ').count(), word, "{api}");
    }
}

#[test]
fn calls_beside_the_generations_are_answered() {
    let Some(seen) = seen() else { return };
    for (language, api) in SDKS.into_iter().filter(|(_, api)| *api != "bedrock-converse") {
        let models = seen.get(&Key::new(language, api, "models", "text"));
        assert_eq!((text(models, "end"), &models["invalid"]), ("whole", &Value::Null), "{language} {api}: {models}");
        assert_eq!(models["requests"], 2, "{language} {api}");
        if ["anthropic-messages", "gemini"].contains(&api) {
            let count = seen.get(&Key::new(language, api, "count", "text"));
            assert_eq!(text(count, "end"), "whole", "{language} {api}: {count}");
            assert!(count["usage"][0].as_u64() > Some(0), "{language} {api}: {count}");
        }
    }
}

#[test]
fn errors_become_the_sdks_own() {
    let Some(seen) = seen() else { return };
    for (language, api) in SDKS {
        for status in STATUSES {
            let key = Key::new(language, api, "retry", &format!("text/status:{status}"));
            let error = &seen.get(&key)["error"];
            assert_eq!(error["status"], status, "{key}: {error}");
            assert_ne!(text(error, "message"), "", "{key}");
            assert_eq!(text(error, "request_id").is_empty(), api == "gemini", "{key}: {error}");
            assert_ne!(text(error, "type"), "", "{key}: {error}");
        }
        let key = Key::new(language, api, "refused", "text");
        let (got, message) = (
            seen.get(&key),
            match api {
                "openai-chat" => "'temperature' does not support 0.2 with this model",
                "openai-responses" => "'temperature' is not supported with this model",
                "anthropic-messages" | "bedrock-converse" => "This model does not support assistant message prefill.",
                _ => "Requests ending with a model turn are not supported.",
            },
        );
        assert_eq!((&got["error"]["status"], &got["requests"]), (&400.into(), &1.into()), "{key}: {got}");
        assert!(text(&got["error"], "message").contains(message), "{key}: {got}");
        let named = if api.starts_with("openai") { "temperature" } else { "" };
        assert_eq!(text(&got["error"], "param"), named, "{key}: {got}");
    }
}

#[test]
fn retries_come_through() {
    let Some(seen) = seen() else { return };
    for (language, api) in SDKS {
        let key = Key::new(language, api, "retry", "recovers");
        let got = seen.get(&key);
        assert_eq!((text(got, "end"), &got["requests"]), ("whole", &3.into()), "{key}: {got}");
    }
}

#[test]
fn no_sdk_asks_again_in_mid_stream() {
    let Some(seen) = seen() else { return };
    for (key, got) in seen.all().filter(|(key, _)| ["stream", "final"].contains(&key.way.as_str())) {
        assert_eq!(got["requests"], 1, "{key}: {got}");
    }
}

#[test]
fn the_page_of_faults_is_fresh() {
    let Some(seen) = seen() else { return };
    let (path, page) = (root().join("tests/sdk/FAULTS.md"), page::page(seen));
    if std::env::var_os("CROSSFADE_UPDATE").is_some() {
        std::fs::write(&path, &page).expect("it is written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let differ: Vec<_> = page.lines().filter(|line| !found.lines().any(|known| known == *line)).collect();
    assert!(found == page, "tests/sdk/FAULTS.md is stale, run with CROSSFADE_UPDATE=1: {differ:#?}");
}
