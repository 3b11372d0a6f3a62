use serde_json::{Value, json};

use crate::api::{Api, ApiError, ApiId, FinishReason, Part, Reading, Say, Usage};

fn api() -> &'static dyn Api {
    ApiId::CohereChat.spoken().expect("spoken")
}

fn event(data: &Value) -> String {
    format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or_default())
}

fn start() -> String {
    event(&json!({"id": "a", "type": "message-start", "delta": {"message": {"role": "assistant"}}}))
}

fn block(index: u64, kind: &str) -> String {
    event(
        &json!({"type": "content-start", "index": index, "delta": {"message": {"content": {"type": kind, kind: ""}}}}),
    )
}

fn delta(index: u64, kind: &str, text: &str) -> String {
    event(&json!({"type": "content-delta", "index": index, "delta": {"message": {"content": {kind: text}}}}))
}

fn text(text: &str) -> String {
    [block(0, "text"), delta(0, "text", text), stop("content", 0)].concat()
}

fn stop(what: &str, index: u64) -> String {
    event(&json!({"type": format!("{what}-end"), "index": index}))
}

fn call(index: u64, id: &str) -> String {
    let call = json!({"id": id, "type": "function", "function": {"name": "f", "arguments": ""}});
    event(&json!({"type": "tool-call-start", "index": index, "delta": {"message": {"tool_calls": call}}}))
}

fn arguments(index: u64, text: &str) -> String {
    let call = json!({"function": {"arguments": text}});
    event(&json!({"type": "tool-call-delta", "index": index, "delta": {"message": {"tool_calls": call}}}))
}

fn plan(text: &str) -> String {
    event(&json!({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": text}}}))
}

fn message_end(reason: &str) -> String {
    let usage = json!({"billed_units": {"input_tokens": 1}, "tokens": {"input_tokens": 3, "output_tokens": 4}});
    event(&json!({"type": "message-end", "delta": {"finish_reason": reason, "usage": usage}}))
}

fn done() -> String {
    "data: [DONE]\n\n".to_owned()
}

fn end(reason: &str) -> String {
    message_end(reason) + &done()
}

/// Findings as `rule LEVEL`.
#[track_caller]
fn check(events: &[String], findings: &[&str]) -> Reading {
    let mut reader = api().stream_reader();
    for piece in events.concat().as_bytes().chunks(11) {
        reader.feed(piece);
    }
    let reading = reader.finish();
    let got: Vec<String> = reading.findings.iter().map(|f| format!("{} {:?}", f.rule, f.level)).collect();
    assert_eq!(got, findings, "{:#?}", reading.findings);
    reading
}

#[test]
fn grammar() {
    let reading = check(&[start(), text("ab"), end("COMPLETE")], &[]);
    assert_eq!((reading.completion.text.as_str(), reading.completion.terminator.is_some()), ("ab", true));
    let usage = reading.completion.usage.as_ref().and_then(Usage::read);
    assert_eq!(usage, Some(Usage { input: 3, output: 4 }));
    check(&[start(), end("MAX_TOKENS")], &[]);
    let thought = [block(0, "thinking"), delta(0, "thinking", "Hm."), stop("content", 0)].concat();
    let said = [block(1, "text"), delta(1, "text", "So."), stop("content", 1)].concat();
    check(&[start(), thought, said, end("COMPLETE")], &[]);
    // The plan is thought; calls are counted apart from blocks.
    let called = [call(0, "a"), arguments(0, "{\"x\":"), arguments(0, "1}"), stop("tool-call", 0)].concat();
    let reading = check(&[start(), plan("I will"), plan(" look."), called.clone(), end("TOOL_CALL")], &[]);
    let thought = |part: &Part| matches!(part, Part::Thinking { text, .. } if text == "I will look.");
    assert!(reading.completion.parts.iter().any(thought));
    check(&[start(), text("a"), called, call(1, "b"), stop("tool-call", 1), end("TOOL_CALL")], &[]);
    let citation = event(&json!({"type": "citation-start", "index": 0, "delta": {}}));
    check(&[start(), block(0, "text"), citation, delta(0, "text", "a"), stop("content", 0), end("COMPLETE")], &[]);
    // Truncation is judged by the ending.
    check(&[start(), block(0, "text"), delta(0, "text", "a")], &[]);

    check(&[start(), "event: content-start\ndata: {\n\n".to_owned()], &["H01 Must"]);
    check(&[start(), "event: content-start\ndata: []\n\n".to_owned()], &["H01 Must"]);
    check(&[start(), "event: x\ndata: {}\n\n".to_owned()], &["H02 Must"]);
    check(&[start().replace("event: message-start\n", "")], &["H03 Should"]);
    check(&[start(), event(&json!({"type": "unheard-of"}))], &["H04 Should"]);
    check(&[text("a"), end("COMPLETE")], &["H05 Should"]);
    check(&[start(), start()], &["H06 Should"]);
    check(&[start().replace("\"id\":\"a\",", "")], &["H07 Should"]);
    check(&[start().replace("assistant", "model")], &["H07 Should"]);
    check(&[start(), block(1, "text")], &["H08 Should"]);
    check(&[start(), block(0, "text"), block(1, "text")], &["H08 Should"]);
    let reading = check(&[start(), delta(0, "text", "a")], &["H09 Should"]);
    assert_eq!(reading.completion.text, "a");
    // What goes on goes on in the same part.
    let deltas = [delta(0, "thinking", "a"), delta(0, "thinking", "b")].concat();
    let reading = check(&[start(), deltas], &["H09 Should", "H09 Should"]);
    assert_eq!(reading.completion.parts, [Part::Thinking { text: "ab".to_owned(), signature: None }]);
    check(&[start(), arguments(0, "{}")], &["H09 Must"]);
    check(&[start(), call(0, "a"), stop("tool-call", 0), arguments(0, "{}")], &["H09 Should"]);
    check(&[start(), call(0, "")], &["H10 Must"]);
    check(&[start(), block(0, "odd")], &["H10 Should"]);
    check(&[start(), block(0, "text"), delta(0, "thinking", "a")], &["H11 Should"]);
    check(&[start(), block(0, "text"), delta(0, "odd", "a")], &["H11 Should"]);
    check(&[start(), stop("content", 0)], &["H12 Should"]);
    check(&[start(), message_end("COMPLETE"), event(&json!({"type": "debug"}))], &["H13 Should"]);
    check(&[start(), block(0, "text"), end("COMPLETE")], &["H14 Should"]);
    // An error ends the message wherever it stands.
    check(&[start(), block(0, "text"), end("ERROR")], &[]);
    check(&[start(), end("BORED")], &["H15 Should"]);
    let stopped = check(&[start(), end("STOP_SEQUENCE")], &[]);
    assert_eq!(stopped.completion.finishes[0].reason, FinishReason::Stop);
    let late = check(&[start(), end("TIMEOUT")], &[]);
    assert_eq!(late.completion.finishes[0].reason, FinishReason::Other);
    check(&[start(), call(0, "a"), arguments(0, "{\"x"), stop("tool-call", 0), end("TOOL_CALL")], &["H16 Must"]);
    let silent = event(&json!({"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}));
    check(&[start(), silent], &["H17 Should"]);
    check(&[start(), done()], &["H18 Should"]);
    check(&[start(), end("COMPLETE"), done()], &["H19 Should"]);
}

#[test]
fn an_error_stands_where_an_end_would() {
    let error = ApiError { kind: "INVALID_TOOL_GENERATION".to_owned(), ..api().status_error(500) };
    let event = String::from_utf8(api().error_event(&error, 1, b"")).expect("text");
    let reading = check(&[start(), plan("a"), event], &[]);
    let completion = &reading.completion;
    let seen = completion.visible_error().expect("an error");
    assert_eq!((seen.kind.as_deref(), seen.message.as_str()), (Some(error.kind.as_str()), error.message.as_str()));
    assert_eq!((completion.finishes.len(), completion.terminator), (0, None));
    // A type that is told stands in the body, too.
    let body: Value = serde_json::from_slice(&api().error_body(&error, 1)).expect("JSON");
    assert_eq!(body["error_type"], json!("INVALID_TOOL_GENERATION"));
    let plain: Value = serde_json::from_slice(&api().error_body(&api().status_error(401), 1)).expect("JSON");
    assert_eq!(plain.get("error_type"), None);
    // What has a key of another vendor's is another vendor's.
    let read = |body: &Value| api().read_error(400, body.to_string().as_bytes()).map(|error| error.message);
    let mut body = json!({"id": "a", "message": "No."});
    assert_eq!(read(&body).as_deref(), Some("No."));
    for key in ["error", "object", "type"] {
        body[key] = "x".into();
        assert_eq!(read(&body), None, "{body}");
        body.as_object_mut().expect("an object").remove(key);
    }
}

#[test]
fn a_call_has_the_name_of_its_tool_in_its_id() {
    assert_eq!(super::writer::call_id("get_weather", "01A7Crossfade1"), "get_weather_a7crossfade1");
    let mut reader = api().stream_reader();
    let said = reader.feed([start(), call(0, "f_1"), arguments(0, "{}")].concat().as_bytes());
    assert_eq!(said, [Say::ToolCall { id: "f_1".to_owned(), name: "f".to_owned() }, Say::Arguments("{}".to_owned())]);
}

#[test]
fn a_request_comes_back_as_it_stood() {
    let function = json!({"name": "f", "description": "d", "parameters": {"type": "object"}});
    let document = json!({"type": "document", "document": {"data": "one", "id": "0"}});
    let body = json!({
        "model": "command-a-03-2025", "stream": true, "max_tokens": 9, "temperature": 0.3, "p": 0.5, "k": 3, "seed": 1,
        "stop_sequences": ["x"], "tool_choice": "REQUIRED", "strict_tools": true, "safety_mode": "OFF",
        "response_format": {"type": "json_object", "json_schema": {"type": "object"}},
        "thinking": {"type": "enabled", "token_budget": 100}, "top_p": 7,
        "tools": [{"type": "function", "function": function}],
        "messages": [
            {"role": "system", "content": "Be terse."},
            {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
            {"role": "assistant", "content": null, "tool_plan": "I will look.", "tool_calls": [
                {"id": "f_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}
            ]},
            {"role": "tool", "tool_call_id": "f_1", "content": [document]},
        ],
    });
    let conversation = api().read_request(&body);
    let mut expect = body.clone();
    // A list of one text is the text.
    expect["messages"][1]["content"] = json!("Hi");
    assert_eq!(api().write_request(&conversation, "command-a-03-2025"), expect);
    assert_eq!(conversation.params["top_p"], json!(0.5));
    assert_eq!(conversation.params["stop"], json!(["x"]));
    assert_eq!(conversation.params["thinking"], json!({"type": "enabled", "budget_tokens": 100}));
    assert_eq!(conversation.tool_choice, Some("required".into()));
    let result = conversation.turns[3].parts.first();
    assert!(matches!(result, Some(Part::ToolResult { parts, .. }) if parts[0] == Part::text("one")), "{result:?}");
    // What OpenAI's chat alone has is not told.
    let chat = ApiId::OpenaiChat.spoken().expect("spoken");
    let asked = chat.read_request(&json!({
        "model": "m", "user": "u", "n": 2, "top_p": 0.5, "parallel_tool_calls": false, "stop": "x",
        "messages": [{"role": "user", "content": "Hi"}]
    }));
    assert_eq!(
        api().write_request(&asked, "m"),
        json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "p": 0.5, "stop_sequences": ["x"]})
    );
    // A trailing turn of the model's is history.
    let trailing = json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]});
    assert_eq!(api().prefill(&api().read_request(&trailing)), None);
}
