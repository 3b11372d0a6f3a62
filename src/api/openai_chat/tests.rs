use serde_json::{Value, json};

use crate::api::{Api, ApiError, ApiId, Conversation, FinishReason, Part, Reading, Role, Say};

use Role::{Assistant, System, Tool, User};

fn api() -> &'static dyn Api {
    ApiId::OpenaiChat.spoken().expect("spoken")
}

/// A stream of these chunks' choices, in the shape that the API gives them.
fn stream(events: &[Value]) -> String {
    let event = |event: &Value| match event {
        Value::String(raw) => format!("{raw}\n\n"),
        Value::Array(choices) => {
            let chunk =
                json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices});
            format!("data: {chunk}\n\n")
        }
        chunk => format!("data: {chunk}\n\n"),
    };
    events.iter().map(event).collect()
}

fn read(body: &str) -> (Vec<Say>, Reading) {
    let mut reader = api().stream_reader();
    let said = reader.feed(body.as_bytes());
    (said, reader.finish())
}

fn delta(delta: &Value) -> Value {
    json!([{"index": 0, "delta": delta, "finish_reason": null}])
}

fn finish(reason: &str) -> Value {
    json!([{"index": 0, "delta": {}, "finish_reason": reason}])
}

/// Findings as `rule LEVEL`.
#[track_caller]
fn check(events: &[Value], findings: &[&str]) {
    let body = stream(events);
    let (_, reading) = read(&body);
    let got: Vec<String> = reading.findings.iter().map(|f| format!("{} {:?}", f.rule, f.level)).collect();
    assert_eq!(got, findings, "{body}\n{:#?}", reading.findings);
    for finding in &reading.findings {
        assert!(
            body[finding.offset..].starts_with("data:") || body[finding.offset..].starts_with("event:"),
            "{finding:?}"
        );
    }
}

#[test]
fn grammar() {
    let role = delta(&json!({"role": "assistant", "content": ""}));
    let text = delta(&json!({"content": "a"}));
    let stop = finish("stop");
    let done = json!("data: [DONE]");
    let call = |index: u64, arguments: &str| {
        delta(
            &json!({"tool_calls": [{"index": index, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": arguments}}]}),
        )
    };
    let more = |index: u64, arguments: &str| {
        delta(&json!({"tool_calls": [{"index": index, "function": {"arguments": arguments}}]}))
    };
    let usage = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": {"prompt_tokens": 1}});
    let all = |events: &[&Value]| events.iter().map(|event| (*event).clone()).collect::<Vec<_>>();

    check(&all(&[&role, &text, &stop, &done]), &[]);
    check(&all(&[&role, &text, &stop, &usage, &done]), &[]);
    // Truncation is judged by the ending.
    check(&all(&[&role, &text]), &[]);
    check(&all(&[&role, &text, &stop]), &[]);
    check(&all(&[&role, &call(0, ""), &more(0, "{\"a\""), &more(0, ":1}"), &finish("tool_calls"), &done]), &[]);
    check(&all(&[&role, &call(0, "{}"), &call(1, "{}"), &finish("tool_calls"), &done]), &[]);

    check(&all(&[&json!("event: chunk\ndata: {\"error\":{\"message\":\"m\"}}")]), &["C01 Should"]);
    check(&all(&[&role, &text, &stop, &done, &text]), &["C02 Should"]);
    check(&all(&[&role, &json!("data: {\"id\":"), &text, &stop, &done]), &["C03 Must"]);
    check(&all(&[&role, &json!("data: null"), &text, &stop, &done]), &["C04 Must"]);
    check(&all(&[&role, &json!("data:"), &text, &stop, &done]), &["S12 Must"]);
    check(&all(&[&role, &json!("retry: 100"), &text]).into_iter().take(1).collect::<Vec<_>>(), &[]);
    check(
        &all(&[&json!({"object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []})]),
        &["C05 Should", "C33 Should"],
    );
    check(&all(&[&json!({"id": "c", "object": "chat.completion.chunk"})]), &["C06 Must"]);
    let other = json!({"id": "d", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": text});
    check(&all(&[&role, &other]), &["C07 Should"]);
    check(&all(&[&json!([{"delta": {}}])]), &["C08 Must"]);
    check(&all(&[&json!([{"index": 0}])]), &["C09 Must"]);
    check(&all(&[&delta(&json!({"role": "assistant", "content": [{"type": "text"}]}))]), &["C10 Must"]);
    check(&all(&[&role, &text, &done]), &["C16 Must"]);
    check(&all(&[&done]), &["C16 Must"]);
    check(&all(&[&role, &finish("end_turn"), &done]), &["C17 Should"]);
    check(&all(&[&role, &stop, &text, &done]), &["C18 Should"]);
    check(&all(&[&role, &stop, &stop, &done]), &["C19 Should"]);
    check(&all(&[&role, &text, &role]), &["C20 Should"]);
    check(&all(&[&text]), &["C21 Must"]);
    check(&all(&[&delta(&json!({"role": "model"}))]), &["C22 Must"]);
    check(&all(&[&role, &call(1, "{}")]), &["C23 Must"]);
    check(&all(&[&role, &delta(&json!({"tool_calls": [{"id": "x"}]}))]), &["C23 Must"]);
    check(&all(&[&role, &more(0, "{}")]), &["C24 Must"]);
    for lacks in ["id", "type", "function"] {
        let mut begins =
            json!({"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
        begins.as_object_mut().expect("a call").remove(lacks);
        check(&all(&[&role, &delta(&json!({"tool_calls": [begins]}))]), &["C24 Must"]);
    }
    check(&all(&[&role, &stop, &call(0, "{}"), &done]), &["C18 Should"]);
    check(&all(&[&role, &stop, &delta(&json!({"tool_calls": [], "function_call": {}})), &done]), &[]);
    check(&all(&[&role, &stop, &delta(&json!({"function_call": {"name": "f"}})), &done]), &["C18 Should"]);
    // Reasoning is no field of this API: it may be anything.
    check(&all(&[&role, &delta(&json!({"reasoning": {"a": 1}})), &stop, &done]), &[]);
    check(&all(&[&role, &call(0, "{"), &call(0, "}")]), &["C25 Must", "C27 Must"]);
    check(
        &all(&[&role, &call(0, ""), &delta(&json!({"tool_calls": [{"index": 0, "function": {"arguments": {}}}]}))]),
        &["C26 Must"],
    );
    check(&all(&[&role, &call(0, "{\"a\""), &finish("tool_calls"), &done]), &["C30 Must"]);
    check(&all(&[&role, &text, &finish("tool_calls"), &done]), &["C31 Should"]);
    check(&all(&[&role, &usage, &text, &stop, &done]), &["C34 Should"]);
    check(&all(&[&role, &text, &stop, &usage, &usage, &done]), &["C34 Should"]);
}

#[test]
fn a_message_that_begins_again_is_seen() {
    let role = delta(&json!({"role": "assistant", "content": ""}));
    let text = delta(&json!({"content": "a"}));
    let starts = |events: &[&Value]| {
        let events: Vec<Value> = events.iter().map(|event| (*event).clone()).collect();
        read(&stream(&events)).1.completion.starts.len()
    };
    assert_eq!(starts(&[&role, &text, &text]), 1);
    assert_eq!(starts(&[&role, &text, &role, &text]), 2);
    let with_role = delta(&json!({"role": "assistant", "content": "a"}));
    assert_eq!(starts(&[&role, &with_role, &role, &with_role]), 1, "gateways that repeat the role");
    let mut other =
        json!({"id": "other", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []});
    other["choices"] = role.clone();
    assert_eq!(starts(&[&role, &other]), 2);
}

#[test]
fn errors_in_a_stream_are_seen_whatever_they_look_like() {
    for (data, kind, message) in [
        (r#"{"error":{"message":"m","type":"server_error","param":null,"code":null}}"#, Some("server_error"), "m"),
        (r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#, Some("overloaded_error"), "m"),
        (r#"{"error":"m"}"#, None, "m"),
        (r#"{"id":"c","choices":[],"error":{"code":502,"message":"m"}}"#, None, "m"),
    ] {
        let (_, reading) = read(&format!("data: {data}\n\n"));
        let error = reading.completion.visible_error().unwrap_or_else(|| panic!("{data}"));
        assert_eq!((error.kind.as_deref(), error.message.as_str()), (kind, message));
        assert_eq!(reading.findings, []);
    }
    for none in ["null", "false", "\"\""] {
        let body = format!("data: {{\"id\":\"c\",\"error\":{none},\"choices\":[]}}\n\n");
        assert_eq!(read(&body).1.completion.errors, [], "{none}");
    }
}

#[test]
fn a_last_event_without_its_blank_line_counts_if_it_is_whole() {
    let body = stream(&[delta(&json!({"role": "assistant", "content": "a"})), finish("stop")]);
    assert!(read(&format!("{body}data: [DONE]")).1.completion.terminator.is_some());
    let (_, reading) = read(&body[..body.len() - 4]);
    assert_eq!((reading.completion.finishes, reading.findings), (vec![], vec![]));
    // What is wrong with its line is found all the same.
    let (_, reading) = read(&format!("{body}data:[DONE]"));
    assert_eq!(reading.findings.iter().map(|f| f.rule.as_str()).collect::<Vec<_>>(), ["S03", "S01"]);
}

#[test]
fn an_event_ends_with_its_blank_line() {
    for (line_end, more) in [("\n", ""), ("\r\n", ""), ("\r", ""), ("\n", "\n"), ("\r", "\r"), ("\r\n", "\r\n")] {
        let body = format!("data: 1{line_end}{line_end}{more}data: 2{line_end}{line_end}");
        let spans: Vec<&str> = api().marks(body.as_bytes()).iter().map(|mark| &body[mark.start..mark.end]).collect();
        assert_eq!(spans, [format!("data: 1{line_end}{line_end}"), format!("data: 2{line_end}{line_end}")], "{body:?}");
    }
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
        "model": "gpt-4o-mini",
        "messages": [
            {"role": "developer", "content": "Be terse."},
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}
            ]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{\"at\":[1,2.5]}"}},
                {"id": "call_2", "type": "function", "function": {"name": "look", "arguments": "broken"}}
            ]},
            {"role": "tool", "tool_call_id": "call_1", "content": "a cat"},
            {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}]},
            {"role": "system", "content": "Later."},
            {"role": "assistant", "content": "Once", "prefix": true, "name": "bot"},
            {"role": "assistant", "content": null, "refusal": "No."}
        ],
        "temperature": 0.5, "max_completion_tokens": 64, "seed": 7, "n": 1, "user": "u-1", "stream": true,
        "stop": ["a", "b"],
        "stream_options": {"include_usage": true},
        "tools": [
            {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}, "strict": true}},
            {"type": "web_search", "depth": 2}
        ],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
        "parallel_tool_calls": false,
        "response_format": {"type": "json_object"},
        "metadata": {"a/b": "~"}
    }));
    let roles: Vec<Role> = conversation.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [System, User, Assistant, Tool, Tool, System, Assistant, Assistant]);
    assert_eq!(conversation.params["max_tokens"], 64);
    assert_eq!(conversation.rest["/messages/6/prefix"], true);
    assert_eq!(conversation.rest["/stream_options"], json!({"include_usage": true}));
    assert_eq!(conversation.tool_choice, Some(json!({"tool": "look"})));
    assert_eq!(conversation.user.as_deref(), Some("u-1"));
    assert!(
        matches!(&conversation.turns[2].parts[0], Part::ToolCall { id, arguments, .. } if id == "call_1" && arguments["at"][0] == 1)
    );
    assert!(
        matches!(&conversation.turns[1].parts[1], Part::Image { media_type, digest, .. } if media_type == "image/png" && digest.len() == 64)
    );
    assert_eq!(conversation.turns[6].place, "/messages/6");
    assert_eq!(api().prefill(&conversation), None);

    assert_eq!(
        round_trip(&json!({"model": "m", "messages": [], "max_tokens": 5, "stop": ["x"]})).params["stop"],
        json!(["x"])
    );
    assert_eq!(api().read_request(&json!({"messages": [], "stop": "x"})).params["stop"], json!(["x"]));
    round_trip(
        &json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "max_tokens": 5, "max_completion_tokens": 6}),
    );
    round_trip(&json!({"model": "m", "messages": [{"role": "user", "content": ""}], "stream_options": null}));
    let refusal = json!([{"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}]);
    let refused = api().read_request(&json!({"model": "m", "messages": refusal}));
    assert_eq!(refused.turns[0].parts, [Part::Refusal { text: "No.".to_owned() }]);
}

#[test]
fn any_json_is_read() {
    for body in [
        json!(null),
        json!([]),
        json!("x"),
        json!({"messages": null, "model": 5, "stream": "yes", "tools": {}, "tool_choice": 3, "user": 4}),
        json!({"messages": [null, 5, {}, {"role": 5, "content": 7}, {"role": "assistant", "tool_calls": [null, {}]}]}),
        json!({"messages": [{"role": "user", "content": [null, {}, {"type": "text"}, {"type": "image_url", "image_url": "u"}]}]}),
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
        message: "Bad.".to_owned(),
        code: Some("unsupported_value".to_owned()),
        param: Some("temperature".to_owned()),
    };
    let body = String::from_utf8(api().error_body(&error, 1)).expect("text");
    assert_eq!(
        body,
        "{\n  \"error\": {\n    \"message\": \"Bad.\",\n    \"type\": \"invalid_request_error\",\n    \"param\": \"temperature\",\n    \"code\": \"unsupported_value\"\n  }\n}"
    );
    assert_eq!(api().error_headers(&error, 1).get("content-type"), Some("application/json"));
    let unauthorized = api().status_error(401);
    let body = String::from_utf8(api().error_body(&unauthorized, 1)).expect("text");
    assert!(body.starts_with("{\n    \"error\": {\n        \"message\"") && body.ends_with("}\n"), "{body}");
    let headers = api().error_headers(&unauthorized, 1);
    assert_eq!(headers.get("content-type"), Some("application/json; charset=utf-8"));
    assert!(headers.get("x-request-id").is_some_and(|id| id.len() == 36 && id.starts_with("req_")));
    assert_eq!(
        String::from_utf8(api().error_event(&api().status_error(500), 1, b"")).expect("text"),
        "data: {\"error\":{\"message\":\"The server had an error while processing your request. Sorry about that!\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n"
    );
}

#[test]
fn finish_reasons() {
    for (raw, reason) in
        [("stop", FinishReason::Stop), ("length", FinishReason::Length), ("content_filter", FinishReason::Refusal)]
    {
        let (_, reading) = read(&stream(&[finish(raw)]));
        assert_eq!(reading.completion.finishes[0].reason, reason);
        assert_eq!(reading.completion.finishes[0].raw, raw);
    }
}
