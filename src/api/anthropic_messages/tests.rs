use serde_json::{Value, json};

use crate::api::{Api, ApiError, ApiId, Conversation, FinishReason, Part, Reading, Role, Say};

use Role::{Assistant, System, Tool, User};

fn api() -> &'static dyn Api {
    ApiId::AnthropicMessages.spoken().expect("spoken")
}

/// A stream of these events; a string is sent as it is.
fn stream(events: &[Value]) -> String {
    let event = |event: &Value| match event {
        Value::String(raw) => format!("{raw}\n\n"),
        data => format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or_default()),
    };
    events.iter().map(event).collect()
}

fn read(body: &str) -> Reading {
    let mut reader = api().stream_reader();
    reader.feed(body.as_bytes());
    reader.finish()
}

/// Findings as `rule LEVEL`.
#[track_caller]
fn check(events: &[&Value], findings: &[&str]) {
    let events: Vec<Value> = events.iter().map(|event| (*event).clone()).collect();
    let body = stream(&events);
    let reading = read(&body);
    let got: Vec<String> = reading.findings.iter().map(|f| format!("{} {:?}", f.rule, f.level)).collect();
    assert_eq!(got, findings, "{body}\n{:#?}", reading.findings);
    for finding in &reading.findings {
        assert!(
            body[finding.offset..].starts_with("event:") || body[finding.offset..].starts_with("data:"),
            "{finding:?}"
        );
    }
}

fn start() -> Value {
    json!({"type": "message_start", "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": {"input_tokens": 1}
    }})
}

fn block(index: u64, block: &Value) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": block})
}

fn delta(index: u64, delta: &Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

fn stop(index: u64) -> Value {
    json!({"type": "content_block_stop", "index": index})
}

fn ended(reason: &str) -> Value {
    json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null}, "usage": {"output_tokens": 3}})
}

#[test]
fn an_empty_signature_signs_nothing() {
    let thinking = block(0, &json!({"type": "thinking", "thinking": ""}));
    let thought = delta(0, &json!({"type": "thinking_delta", "thinking": "hm"}));
    let signature = delta(0, &json!({"type": "signature_delta", "signature": ""}));
    let mut reader = api().stream_reader();
    let said = reader.feed(stream(&[start(), thinking, thought, signature, stop(0)]).as_bytes());
    assert_eq!(said, [Say::Thinking("hm".to_owned())]);
    let reading = reader.finish();
    assert_eq!(reading.completion.parts, [Part::Thinking { text: "hm".to_owned(), signature: None }]);
}

#[test]
fn grammar() {
    let start = &start();
    let text = &block(0, &json!({"type": "text", "text": ""}));
    let a = &delta(0, &json!({"type": "text_delta", "text": "a"}));
    let stop0 = &stop(0);
    let end = &ended("end_turn");
    let over = &json!({"type": "message_stop"});
    let ping = &json!({"type": "ping"});
    let tool = &block(0, &json!({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}));
    let input = |text: &str| delta(0, &json!({"type": "input_json_delta", "partial_json": text}));
    let thinking = &block(0, &json!({"type": "thinking", "thinking": "", "signature": ""}));
    let thought = &delta(0, &json!({"type": "thinking_delta", "thinking": "hm"}));
    let signature = &delta(0, &json!({"type": "signature_delta", "signature": "s"}));
    let error = &json!(
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}"
    );

    check(&[start, text, ping, a, a, stop0, end, over], &[]);
    check(&[start, end, over], &[]);
    check(&[start, ping, text, a, ping, stop0, ping, end, ping, over], &[]);
    check(&[start, tool, &input(""), &input("{\"a\":"), &input("1}"), stop0, &ended("tool_use"), over], &[]);
    check(&[start, tool, stop0, &ended("tool_use"), over], &[]);
    check(&[start, thinking, thought, signature, stop0, end, over], &[]);
    let search = &block(0, &json!({"type": "web_search_tool_result", "content": []}));
    check(&[start, search, stop0, end, over], &[]);
    check(&[start, text, &delta(0, &json!({"type": "citations_delta", "citation": {}})), stop0, end, over], &[]);
    // Truncation is judged by the ending.
    check(&[start, text, a], &[]);
    check(&[start, text, error], &[]);
    check(&[start, &block(0, &json!({"type": "redacted_thinking", "data": "zz"})), stop0, end, over], &[]);
    let compaction = &block(0, &json!({"type": "compaction", "content": null}));
    check(&[start, compaction, &delta(0, &json!({"type": "compaction_delta", "content": "a"})), stop0, end, over], &[]);

    check(
        &[
            start,
            &json!(
                "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}"
            ),
        ],
        &["A02 Must"],
    );
    check(&[start, &json!("event: other\ndata: {\"type\":\"ping\"}")], &["A02 Should"]);
    check(&[start, &json!("event: content_block_delta\ndata: {\"type\":")], &["A03 Must"]);
    check(&[start, &json!("event: ping\ndata: null")], &["A04 Must"]);
    check(&[start, &json!("data: {\"a\":1}"), end, over], &["A05 Should"]);
    check(&[start, &json!({"type": "vendor_event"}), end, over], &["A05 Should"]);
    check(
        &[&json!({"type": "message_start", "message": {"content": []}})],
        &["A06 Must", "A06 Should", "A06 Should", "A06 Should", "A06 Should"],
    );
    check(&[text, a, stop0, end, over], &["A07 Must"]);
    check(&[ping, start, end, over], &["A08 Should"]);
    check(&[start, text, a, start, end, over], &["A09 Must"]);
    check(&[start, end, over, start], &["A09 Must"]);
    check(&[start, &block(1, &json!({"type": "text", "text": ""}))], &["A11 Must"]);
    check(&[start, text, stop0, text], &["A11 Must"]);
    check(&[start, a], &["A13 Must"]);
    check(&[start, text, stop0, a], &["A13 Should"]);
    check(&[start, stop0], &["A13 Must"]);
    check(&[start, text, stop0, stop0], &["A13 Should"]);
    check(&[start, text, thought], &["A14 Must"]);
    check(&[start, text, &block(1, &json!({"type": "text", "text": ""}))], &["A15 Should"]);
    check(&[start, &block(0, &json!({"type": "picture"})), stop0], &["A16 Should"]);
    check(&[start, &block(0, &json!({"type": "tool_use", "input": {}}))], &["A16 Must"]);
    check(&[start, &block(0, &json!({"type": "tool_use", "id": "toolu_1", "input": {}}))], &["A16 Must"]);
    check(&[start, thinking, thought, signature, thought], &["A17 Should"]);
    check(&[start, tool, &input("{\"a\":"), stop0, &ended("tool_use"), over], &["A19 Must"]);
    check(&[start, tool, &input("{\"a\":"), stop0, &ended("max_tokens"), over], &[]);
    check(&[start, &json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}), over], &["A20 Must"]);
    check(&[start, text, a, end, over], &["A21 Should"]);
    check(&[start, end, end, over], &["A22 Should"]);
    check(&[start, &ended("stop"), over], &["A23 Should"]);
    check(&[start, over], &["A24 Should"]);
    check(&[start, end, over, end], &["A25 Should"]);
    check(&[start, end, over, error], &["A25 Should"]);
    check(&[start, error, text], &["A25 Should"]);
    check(&[start, end, over, &json!("data: [DONE]")], &["A26 Should"]);
    check(&[start, &json!("event: ping"), end, over], &["S11 Should"]);
    check(&[start, &json!("event: ping\ndata:"), end, over], &["S12 Should"]);
}

#[test]
fn what_a_block_says_is_said_in_its_kind() {
    let text = [
        start(),
        block(0, &json!({"type": "text", "text": "a"})),
        delta(0, &json!({"type": "text_delta", "text": "b"})),
    ];
    assert_eq!(read(&stream(&text)).completion.text, "ab");
    // What the vendor's own tools are asked is no call of the client's tools.
    let search = json!({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}});
    let asked = [start(), block(0, &search), delta(0, &json!({"type": "input_json_delta", "partial_json": "{}"}))];
    assert_eq!(read(&stream(&asked)).completion.deltas, []);
}

#[test]
fn of_many_findings_the_first_are_kept() {
    let pings = vec![json!({"type": "ping"}); 300];
    let reading = read(&format!("retry: 3\n\n{}", stream(&pings)));
    let rules: Vec<&str> = reading.findings.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!((rules.len(), &rules[..3]), (200, ["S07", "S11", "A08"].as_slice()));
}

#[test]
fn only_a_named_error_is_visible() {
    let data = r#"data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    for (body, visible) in [
        (format!("event: error\n{data}\n\n"), true),
        (format!("{data}\n\n"), false),
        ("data: {\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n".to_owned(), false),
    ] {
        let errors = read(&body).completion.errors;
        assert_eq!(errors.len(), 1, "{body}");
        assert_eq!((errors[0].visible, errors[0].message.as_str()), (visible, "Overloaded"), "{body}");
        assert_eq!(errors[0].kind.as_deref(), Some("overloaded_error"));
    }
    let plain = read("event: error\ndata: upstream failed\n\n").completion.errors;
    assert_eq!((plain[0].visible, plain[0].message.as_str()), (true, "upstream failed"));
}

#[test]
fn the_last_event_is_lost_without_its_blank_line() {
    let body = stream(&[start(), ended("end_turn"), json!({"type": "message_stop"})]);
    let reading = read(body.trim_end());
    assert_eq!((reading.completion.terminator, reading.findings), (None, vec![]));
}

#[test]
fn usage_is_cumulative() {
    let body = stream(&[start(), ended("end_turn"), json!({"type": "message_stop"})]);
    assert_eq!(read(&body).completion.usage, Some(json!({"input_tokens": 1, "output_tokens": 3})));
    assert_eq!(read(&body).completion.finishes[0].reason, FinishReason::Stop);
}

#[track_caller]
fn round_trip(body: &Value) -> Conversation {
    let conversation = api().read_request(body);
    let written = api().write_request(&conversation, body["model"].as_str().unwrap_or_default());
    assert_eq!(&written, body, "{conversation:#?}");
    conversation
}

#[test]
fn requests() {
    let conversation = round_trip(&json!({
        "model": "claude-sonnet-4-5",
        "max_tokens": 64,
        "system": [
            {"type": "text", "text": "Be terse.", "cache_control": {"type": "ephemeral"}},
            {"type": "text", "text": "And kind.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
        ],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
                {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}, "cache_control": {"type": "ephemeral"}},
                {"type": "document", "source": {"type": "text", "data": "x"}}
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "sig"},
                {"type": "redacted_thinking", "data": "zzz"},
                {"type": "text", "text": "Looking."},
                {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": 1}},
                {"type": "tool_use", "id": "toolu_2", "name": "look", "input": {}}
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a cat"},
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}], "is_error": true},
                {"type": "text", "text": "Go on."}
            ]},
            {"role": "user", "content": "And now?"},
            {"role": "assistant", "content": "Once"}
        ],
        "temperature": 0.5, "top_k": 5, "stream": true,
        "stop_sequences": ["a"],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "metadata": {"user_id": "u-1", "trace": "t"},
        "tools": [
            {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}},
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}
        ],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
        "output_config": {"format": {"type": "json_schema"}, "effort": "low"},
        "service_tier": "auto"
    }));
    let turns: Vec<(Role, &str)> = conversation.turns.iter().map(|turn| (turn.role, turn.place.as_str())).collect();
    assert_eq!(
        turns,
        [
            (System, "/system"),
            (User, "/messages/0"),
            (Assistant, "/messages/1"),
            (Tool, "/messages/2"),
            (User, "/messages/2"),
            (User, "/messages/3"),
            (Assistant, "/messages/4"),
        ]
    );
    assert_eq!(conversation.user.as_deref(), Some("u-1"));
    assert_eq!(conversation.params["stop"], json!(["a"]));
    assert_eq!(conversation.params["parallel_tool_calls"], false);
    assert_eq!(conversation.tool_choice, Some(json!("required")));
    assert_eq!(conversation.rest["/system/1/cache_control"]["ttl"], "1h");
    assert_eq!(conversation.rest["/service_tier"], "auto");
    assert!(matches!(conversation.turns[0].parts[0], Part::Text { cache: true, .. }));
    assert_eq!(api().prefill(&conversation).as_deref(), Some("Once"));

    round_trip(&json!({"model": "m", "max_tokens": 1, "system": "s", "messages": [{"role": "user", "content": "x"}]}));
    round_trip(
        &json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "x", "citations": []}]}]}),
    );
    round_trip(&json!({"model": "m", "messages": [
        {"role": "user", "content": "x"}, {"role": "system", "content": "later"}, {"role": "user", "content": "y"}
    ]}));
}

#[test]
fn prefill_is_a_trailing_text_turn() {
    let prefill = |messages: Value| api().prefill(&api().read_request(&json!({"messages": messages})));
    assert_eq!(prefill(json!([{"role": "user", "content": "x"}])), None);
    assert_eq!(prefill(json!([])), None);
    let call = json!({"type": "tool_use", "id": "t", "name": "f", "input": {}});
    assert_eq!(prefill(json!([{"role": "assistant", "content": [call]}])), None);
    let texts =
        json!([{"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": " b"}]}]);
    assert_eq!(prefill(texts).as_deref(), Some("a b"));
    assert_eq!(prefill(json!([{"role": "assistant", "content": ""}])).as_deref(), Some(""));
}

#[test]
fn any_json_is_read() {
    for body in [
        json!(null),
        json!([]),
        json!({"system": 5, "messages": null, "model": 5, "stream": "yes", "tools": {}, "tool_choice": 3, "metadata": 4}),
        json!({"messages": [null, 5, {}, {"role": 5, "content": 7}, {"role": "user", "content": [{"type": "tool_result"}]}]}),
        json!({"messages": [{"role": "user", "content": [null, {}, {"type": "text"}, {"type": "image", "source": 5}]}]}),
        json!({"tools": [null, 5, {}], "output_config": {"format": null}, "metadata": {}}),
    ] {
        let conversation = api().read_request(&body);
        api().write_request(&conversation, "m");
    }
}

#[test]
fn error_bodies_stand_as_the_vendor_writes_them() {
    let error = ApiError {
        status: 400,
        kind: "invalid_request_error".to_owned(),
        message:
            "This model does not support assistant message prefill. The conversation must end with a user message."
                .to_owned(),
        code: None,
        param: None,
    };
    let body = String::from_utf8(api().error_body(&error, 1)).expect("text");
    let headers = api().error_headers(&error, 1);
    let id = headers.get("request-id").expect("an id");
    assert!(id.starts_with("req_011C") && id.len() == 28, "{id}");
    assert_eq!(
        body,
        format!(
            r#"{{"type":"error","error":{{"type":"invalid_request_error","message":"{}"}},"request_id":"{id}"}}"#,
            error.message
        )
    );
    assert_eq!(headers.get("x-should-retry"), Some("false"));
    assert_eq!(headers.get("content-type"), Some("application/json"));
    assert_eq!(api().error_headers(&api().status_error(529), 1).get("x-should-retry"), None);
    assert_eq!(
        String::from_utf8(api().error_event(&api().status_error(529), 1, b"")).expect("text"),
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"
    );
}
