use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::answer::{AnswerScript, Lexicon, ScriptPart, Spoken, SpokenPart, speak};
use crate::api::{Api, ApiError, ApiId, EncodeContext, Reading};
use crate::eventstream;
use crate::framing::Framing;
use crate::wire::{Headers, Request};

fn api() -> &'static dyn Api {
    ApiId::BedrockInvoke.spoken().expect("spoken")
}

fn chunk(event: &Value) -> Vec<u8> {
    raw(&json!({"bytes": STANDARD.encode(event.to_string()), "p": "abc"}))
}

fn raw(payload: &Value) -> Vec<u8> {
    eventstream::json("event", "chunk", payload.to_string().as_bytes())
}

fn start() -> Vec<u8> {
    let message = json!({
        "id": "msg_bdrk_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": {}
    });
    chunk(&json!({"type": "message_start", "message": message}))
}

fn text(text: &str) -> Vec<u8> {
    let block = json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
    let delta = json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
    [chunk(&block), chunk(&delta), chunk(&json!({"type": "content_block_stop", "index": 0}))].concat()
}

fn end() -> Vec<u8> {
    let delta = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}});
    [chunk(&delta), chunk(&json!({"type": "message_stop"}))].concat()
}

/// Findings as `rule LEVEL`.
#[track_caller]
fn check(events: &[Vec<u8>], findings: &[&str]) -> Reading {
    let mut reader = api().stream_reader();
    for piece in events.concat().chunks(11) {
        reader.feed(piece);
    }
    let reading = reader.finish();
    let got: Vec<String> = reading.findings.iter().map(|f| format!("{} {:?}", f.rule, f.level)).collect();
    assert_eq!(got, findings, "{:#?}", reading.findings);
    reading
}

#[test]
fn an_event_that_nobody_knows_is_passed_over() {
    let next = start();
    let unknown = api().unknown_event(&next).unwrap();
    let reading = check(&[next, unknown, text("ab"), end()], &["A05 Should"]);
    assert_eq!(reading.completion.text, "ab");
    assert!(api().unknown_event(b"event: ping\n\n").is_none(), "another framing");
}

#[test]
fn grammar() {
    let reading = check(&[start(), text("ab"), end()], &[]);
    assert_eq!((reading.completion.text.as_str(), reading.completion.terminator.is_some()), ("ab", true));
    check(&[start(), text("a")], &[]);
    // Of the frame.
    check(&[start(), eventstream::json("event", "chunk", b"{\"by")], &["B01 Must"]);
    check(&[start(), eventstream::json("event", "other", b"{}")], &["B04 Should"]);
    check(&[start(), raw(&json!({"p": "a"}))], &["B20 Must"]);
    check(&[start(), raw(&json!({"bytes": "{}"}))], &["B20 Must"]);
    check(&[start(), raw(&json!({"bytes": STANDARD.encode(b"\xff")}))], &["B20 Must"]);
    // Of what it carries.
    check(&[text("a"), end()], &["A07 Must"]);
    check(&[start(), raw(&json!({"bytes": STANDARD.encode("no")}))], &["A03 Must"]);
    check(&[start(), chunk(&json!({"type": "unheard_of"}))], &["A05 Should"]);
    check(&[start(), end(), chunk(&json!({"type": "ping"}))], &["A25 Should"]);
    let mut torn = text("a");
    *torn.last_mut().expect("bytes") ^= 1;
    check(&[start(), torn], &["F02 Must"]);
}

#[test]
fn an_exception_is_seen_and_an_error_in_a_chunk_is_not() {
    let error = |kind: &str| ApiError { kind: kind.to_owned(), ..api().status_error(500) };
    for (kind, name) in [("ModelTimeoutException", "modelTimeoutException"), ("odd", "internalServerException")] {
        let event = api().error_event(&error(kind), 1, b"");
        let reading = check(&[start(), text("a"), event], &[]);
        let seen = reading.completion.visible_error().expect("an error");
        assert_eq!(seen.kind.as_deref(), Some(name));
    }
    let inside = chunk(&json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}));
    let reading = check(&[start(), inside], &["B21 Must"]);
    assert_eq!((reading.completion.errors.len(), reading.completion.visible_error()), (1, None));
}

#[test]
fn events_are_those_of_anthropic_without_pings() {
    let part = ScriptPart::Text { words: Some(3), literal: None };
    let script = AnswerScript {
        summary: None,
        parts: vec![part],
        repeat: None,
        chunk: None,
        finish: None,
        output_tokens: Some(9),
    };
    let spoken = speak(&script, Lexicon::new(3).voice(1), &[], 5);
    let context = EncodeContext {
        model: "us.anthropic.claude-sonnet-4-5-20250929-v1:0".to_owned(),
        include_usage: false,
        seed: 11,
        created: 0,
        input_tokens: 12,
    };
    let rendition = api().render_stream(&spoken, &context);
    assert_eq!(rendition.headers.get("x-amzn-bedrock-content-type"), Some("application/json"));
    let events: Vec<Value> = Framing::EventStream
        .events(&rendition.body())
        .iter()
        .map(|event| {
            let payload: Value = serde_json::from_str(&event.data).expect("JSON");
            let bytes = STANDARD.decode(payload["bytes"].as_str().expect("text")).expect("base64");
            serde_json::from_slice(&bytes).expect("JSON")
        })
        .collect();
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    let delta = "content_block_delta";
    assert_eq!(
        kinds,
        [
            "message_start",
            "content_block_start",
            delta,
            delta,
            delta,
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
    assert_eq!(events[0]["message"]["model"], "claude-sonnet-4-5-20250929");
    assert!(events[0]["message"]["id"].as_str().is_some_and(|id| id.starts_with("msg_bdrk_01")));
    let metrics = &events[7]["amazon-bedrock-invocationMetrics"];
    assert_eq!((&metrics["inputTokenCount"], &metrics["outputTokenCount"]), (&json!(12), &json!(9)));
    let unary = api().render_unary(&spoken, &context);
    assert_eq!(unary.headers.get("x-amzn-bedrock-output-token-count"), Some("9"));
    // Chunks hide how long they are.
    let long = Spoken { parts: vec![SpokenPart::Text((0..600).map(|n| format!("w{n} ")).collect())], ..spoken };
    let chunks = Framing::EventStream.events(&api().render_stream(&long, &context).body());
    let padding = |data: &str| serde_json::from_str::<Value>(data).expect("JSON")["p"].as_str().map(str::len);
    let lengths: BTreeSet<usize> = chunks.iter().filter_map(|event| padding(&event.data)).collect();
    assert_eq!(lengths, (1..=62).collect());
}

#[test]
fn requests_say_the_version_and_neither_model_nor_stream() {
    let body = json!({
        "anthropic_version": "bedrock-2023-05-31", "anthropic_beta": ["x"], "max_tokens": 9,
        "messages": [{"role": "user", "content": "Hi"}],
    });
    let request = Request {
        method: "POST".to_owned(),
        target: "/model/anthropic.claude-opus-4-1-v1%3A0/invoke-with-response-stream".to_owned(),
        headers: Headers::default(),
        body: body.to_string().into_bytes().into(),
    };
    let conversation = api().read(&request).expect("JSON");
    assert_eq!((conversation.model.as_str(), conversation.stream), ("anthropic.claude-opus-4-1-v1:0", true));
    assert_eq!(api().write_request(&conversation, "m"), body);
    assert_eq!(api().target("a:0", false), "/model/a%3A0/invoke");
    // What a client says to Anthropic, its cache marks among it, is said to the same model here.
    let messages = ApiId::AnthropicMessages.spoken().expect("spoken");
    let mark = json!([{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]);
    let asked = messages.read_request(
        &json!({"model": "m", "stream": true, "max_tokens": 9, "messages": [{"role": "user", "content": mark}]}),
    );
    assert_eq!(
        api().write_request(&asked, "m"),
        json!({
            "messages": [{"role": "user", "content": mark}], "max_tokens": 9, "anthropic_version": "bedrock-2023-05-31"
        })
    );
}
