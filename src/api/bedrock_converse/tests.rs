use serde_json::{Value, json};

use crate::answer::{AnswerScript, Lexicon, ScriptPart, Stage, speak};
use crate::api::{
    Api, ApiError, ApiId, Conversation, EncodeContext, FinishReason, Part, PieceKind, Reading, Role, Say, Turn,
};
use crate::eventstream::{self, Value as Header};
use crate::wire::{Headers, Request};

use Role::{Assistant, System, Tool, User};

fn api() -> &'static dyn Api {
    ApiId::BedrockConverse.spoken().expect("spoken")
}

fn event(name: &str, data: &Value) -> Vec<u8> {
    eventstream::json("event", name, data.to_string().as_bytes())
}

fn start() -> Vec<u8> {
    event("messageStart", &json!({"role": "assistant"}))
}

fn delta(index: u64, delta: &Value) -> Vec<u8> {
    event("contentBlockDelta", &json!({"contentBlockIndex": index, "delta": delta}))
}

fn text(index: u64, text: &str) -> Vec<u8> {
    delta(index, &json!({ "text": text }))
}

fn call(index: u64, start: &Value) -> Vec<u8> {
    event("contentBlockStart", &json!({"contentBlockIndex": index, "start": {"toolUse": start}}))
}

fn input(index: u64, input: &str) -> Vec<u8> {
    delta(index, &json!({"toolUse": {"input": input}}))
}

fn stop(index: u64) -> Vec<u8> {
    event("contentBlockStop", &json!({"contentBlockIndex": index}))
}

fn end(reason: &str) -> Vec<u8> {
    let usage = json!({"inputTokens": 3, "outputTokens": 4, "totalTokens": 7});
    [event("messageStop", &json!({"stopReason": reason})), event("metadata", &json!({"usage": usage}))].concat()
}

fn read(body: &[u8]) -> (Vec<Say>, Reading) {
    let mut reader = api().stream_reader();
    let said = body.chunks(11).flat_map(|chunk| reader.feed(chunk)).collect();
    (said, reader.finish())
}

/// Findings as `rule LEVEL`.
#[track_caller]
fn check(events: &[Vec<u8>], findings: &[&str]) -> Reading {
    let (_, reading) = read(&events.concat());
    let got: Vec<String> = reading.findings.iter().map(|f| format!("{} {:?}", f.rule, f.level)).collect();
    assert_eq!(got, findings, "{:#?}", reading.findings);
    reading
}

#[test]
fn grammar() {
    let named = json!({"toolUseId": "t", "name": "f"});
    let good = [start(), text(0, "a"), text(0, "b"), stop(0), end("end_turn")];
    let reading = check(&good, &[]);
    assert_eq!(reading.completion.text, "ab");
    assert_eq!(reading.completion.usage.as_ref().map(|usage| usage["totalTokens"].clone()), Some(json!(7)));
    check(&[start(), end("end_turn")], &[]);
    check(&[start(), call(0, &named), input(0, ""), stop(0), end("tool_use")], &[]);
    check(&[start(), text(0, "a"), stop(0), call(1, &named), input(1, "{}"), stop(1), end("tool_use")], &[]);
    // Truncation is judged by the ending.
    check(&[start(), text(0, "a")], &[]);
    check(&[good.concat()[..150].to_vec()], &[]);

    check(&[start(), eventstream::json("event", "contentBlockDelta", b"{\"conte")], &["B01 Must"]);
    check(&[start(), eventstream::json("event", "metadata", b"[]")], &["B01 Must"]);
    let bare = |headers: &[(&str, &str)]| {
        let header = |(name, value): &(&str, &str)| ((*name).to_owned(), Header::Text((*value).to_owned()));
        eventstream::encode(&headers.iter().map(header).collect::<Vec<_>>(), b"{}").expect("it fits")
    };
    check(&[bare(&[(":event-type", "messageStart")])], &["B02 Must"]);
    check(&[bare(&[(":message-type", "other")])], &["B02 Must"]);
    check(&[bare(&[(":message-type", "event")])], &["B03 Must"]);
    let odd = [(":message-type", "event"), (":event-type", "messageStart"), (":content-type", "text/plain")];
    check(&[bare(&odd)], &["B18 Should"]);
    check(&[start(), event("unheardOf", &json!({}))], &["B04 Should"]);
    check(&[text(0, "a"), stop(0), end("end_turn")], &["B05 Should"]);
    check(&[end("end_turn")], &["B05 Should"]);
    check(&[start(), start()], &["B06 Should"]);
    check(&[start(), event("contentBlockDelta", &json!({"delta": {"text": "a"}}))], &["B07 Must"]);
    check(&[start(), text(1, "a")], &["B08 Should"]);
    check(&[start(), text(0, "a"), text(1, "b")], &["B08 Should"]);
    check(&[start(), input(0, "{}")], &["B09 Must"]);
    check(&[start(), call(0, &json!({"name": "f"}))], &["B09 Must"]);
    check(&[start(), call(0, &named), text(0, "a")], &["B10 Must"]);
    let empty = event("contentBlockStart", &json!({"contentBlockIndex": 0, "start": {}}));
    check(&[start(), empty, text(0, "a")], &["B10 Should"]);
    check(&[start(), text(0, "a"), stop(0), text(0, "b")], &["B12 Should"]);
    check(&[start(), stop(0)], &["B12 Should"]);
    check(&[start(), text(0, "a"), end("end_turn")], &["B12 Should"]);
    check(&[start(), event("messageStop", &json!({"stopReason": "end_turn"})), text(0, "a")], &["B13 Should"]);
    check(&[start(), event("metadata", &json!({"usage": {}}))], &["B13 Should"]);
    check(&[start(), end("bored")], &["B14 Should"]);
    check(&[start(), event("messageStop", &json!({}))], &["B14 Should"]);
    check(&[start(), call(0, &named), input(0, "{\"a"), stop(0), end("tool_use")], &["B15 Must"]);
    check(&[start(), end("end_turn"), event("metadata", &json!({"usage": {}}))], &["B16 Should"]);
    check(&[start(), delta(0, &json!({"odd": 1}))], &["B17 Should"]);
    let stopped = event("messageStop", &json!({"stopReason": "end_turn"}));
    check(&[start(), stopped, event("metadata", &json!({}))], &["B19 Should"]);

    // What SDKs cannot read on from.
    let mut torn = text(0, "a");
    *torn.last_mut().expect("bytes") ^= 1;
    let reading = check(&[start(), torn, text(0, "b")], &["F02 Must"]);
    assert_eq!((reading.completion.text.as_str(), reading.findings[0].offset), ("", start().len()));
    check(&[b"data: {\"a\":1}\n\n".to_vec()], &["F01 Must"]);
}

#[test]
fn exceptions_are_errors() {
    let check = |message: Vec<u8>, kind: &str, text: &str| {
        let (_, reading) = read(&[start(), text_of("a"), message].concat());
        let error = reading.completion.visible_error().expect("an error");
        assert_eq!((error.kind.as_deref(), error.message.as_str()), (Some(kind), text));
        assert_eq!(reading.findings, []);
    };
    let exception = |payload: &str| eventstream::json("exception", "throttlingException", payload.as_bytes());
    check(exception(r#"{"message":"Slow down."}"#), "throttlingException", "Slow down.");
    check(exception(r#"{"Message":"Slow down."}"#), "throttlingException", "Slow down.");
    check(exception("Slow"), "throttlingException", "Slow");
    let header = |name: &str, value: &str| (name.to_owned(), Header::Text(value.to_owned()));
    let headers = [header(":message-type", "error"), header(":error-code", "c"), header(":error-message", "No.")];
    check(eventstream::encode(&headers, b"").expect("it fits"), "c", "No.");
}

fn text_of(said: &str) -> Vec<u8> {
    text(0, said)
}

#[test]
fn errors_tell_their_type_in_a_header() {
    let check = |status: u16, kind: &str, exception: &str| {
        let error = api().status_error(status);
        assert_eq!(error.kind, kind);
        let headers = api().error_headers(&error, 1);
        let expect = format!("{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/");
        assert_eq!(headers.get("x-amzn-ErrorType"), Some(expect.as_str()));
        assert_eq!(api().error_body(&error, 1), json!({"message": error.message}).to_string().into_bytes());
        let body = api().error_event(&error, 1, b"");
        assert_eq!(crate::framing::Framing::EventStream.events(&body)[0].name.as_deref(), Some(exception));
    };
    check(400, "ValidationException", "validationException");
    check(403, "AccessDeniedException", "validationException");
    check(424, "ModelErrorException", "modelStreamErrorException");
    check(429, "ThrottlingException", "throttlingException");
    check(500, "InternalServerException", "internalServerException");
    check(503, "ServiceUnavailableException", "serviceUnavailableException");
    // An error of a stream keeps its name there, and has a capital elsewhere.
    let error = ApiError { kind: "throttlingException".to_owned(), ..api().status_error(500) };
    let (_, kind) = api().error_type(&error).expect("a header");
    assert!(kind.starts_with("ThrottlingException:"), "{kind}");
    let body = api().error_event(&error, 1, b"");
    assert_eq!(crate::framing::Framing::EventStream.events(&body)[0].name.as_deref(), Some("throttlingException"));
    let named = br#"{"__type":"com.amazon#ExpiredTokenException","message":"expired"}"#;
    assert_eq!(api().read_error(403, named).map(|error| error.kind), Some("ExpiredTokenException".to_owned()));
    assert_eq!(api().read_error(400, b"{}"), None);
}

#[test]
fn model_and_method_stand_in_the_path() {
    let target = |stream| api().target("us.anthropic.claude-sonnet-4-5-20250929-v1:0", stream);
    assert_eq!(target(false), "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse");
    assert_eq!(target(true), "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream");
    let arn = "arn:aws:bedrock:us-east-1:1:inference-profile/us.x";
    assert!(!api().target(arn, true)[7..].trim_end_matches("/converse-stream").contains(['/', ':']));
    let check = |target: &str, model: &str, stream: bool| {
        let request = Request {
            method: "POST".to_owned(),
            target: target.to_owned(),
            headers: Headers::default(),
            body: b"{}".to_vec().into(),
        };
        let conversation = api().read(&request).expect("JSON");
        assert_eq!((conversation.model.as_str(), conversation.stream), (model, stream));
    };
    check(&target(true), "us.anthropic.claude-sonnet-4-5-20250929-v1:0", true);
    check("/s/leg/model/m/converse", "m", false);
    check(&api().target(arn, true), arn, true);
    let own = |path| api().own_path(path);
    assert_eq!(own("/s/leg/model/m%2Fn/converse"), Some("/model/m%2Fn/converse"));
    for path in ["/model/m/invoke", "/model//converse", "/m/converse", "/models/m/converse", "/converse", ""] {
        assert_eq!(own(path), None, "{path}");
    }
}

#[test]
fn keys_are_a_bearer_or_who_signed() {
    let check = |target: &str, authorization: &str, expect: Option<&str>| {
        let headers: Headers =
            [("authorization", authorization)].into_iter().filter(|(_, value)| !value.is_empty()).collect();
        assert_eq!(api().presented_key(target, &headers).as_deref(), expect, "{authorization}");
    };
    check("/", "Bearer abc", Some("abc"));
    let signed =
        "AWS4-HMAC-SHA256 Credential=AKIA1/20250626/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=f";
    check("/", signed, Some("AKIA1"));
    check("/", "AWS4-HMAC-SHA256 Credential=/x", None);
    check("/", "Basic abc", None);
    check("/x?X-Amz-Credential=AKIA1%2F20250626%2Fus-east-1&X-Amz-Signature=f", "", Some("AKIA1"));
    check("/", "", None);
}

#[test]
fn a_request_is_read() {
    let body = json!({
        "system": [{"text": "Be terse."}, {"cachePoint": {"type": "default"}}],
        "messages": [
            {"role": "user", "content": [{"text": "See"}, {"image": {"format": "png", "source": {"bytes": "aGk="}}}]},
            {"role": "assistant", "content": [
                {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}},
                {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1}}}
            ]},
            {"role": "user", "content": [
                {"toolResult": {"toolUseId": "t1", "content": [{"text": "one"}, {"json": {"b": 2}}], "status": "error"}},
                {"text": "Go on."}
            ]}
        ],
        "inferenceConfig": {"maxTokens": 9, "temperature": 0.5, "topP": 0.9, "stopSequences": ["x"]},
        "toolConfig": {
            "tools": [
                {"toolSpec": {"name": "f", "description": "d", "inputSchema": {"json": {"type": "object"}}}},
                {"cachePoint": {"type": "default"}}
            ],
            "toolChoice": {"any": {}}
        },
        "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}, "top_k": 5, "x": 1}
    });
    let read = api().read_request(&body);
    let roles: Vec<Role> = read.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [System, User, Assistant, Tool, User]);
    assert_eq!(read.turns[0].parts, [Part::Text { text: "Be terse.".to_owned(), cache: true }]);
    assert!(matches!(&read.turns[1].parts[1], Part::Image { url, .. } if url == "data:image/png;base64,aGk="));
    let thought = Part::Thinking { text: "Hm.".to_owned(), signature: Some("s".to_owned()) };
    assert_eq!(read.turns[2].parts[0], thought);
    let result = Part::ToolResult {
        id: "t1".to_owned(),
        parts: vec![Part::text("one"), Part::text(r#"{"b":2}"#)],
        error: true,
        cache: false,
    };
    assert_eq!(read.turns[3].parts, [result]);
    assert_eq!(read.turns[3].place, read.turns[4].place);
    assert_eq!((read.tools.len(), read.tools[0].cache), (1, true));
    assert_eq!(read.tool_choice, Some("required".into()));
    let params: Vec<&str> = read.params.keys().map(String::as_str).collect();
    assert_eq!(params, ["max_tokens", "stop", "temperature", "thinking", "top_k", "top_p"]);
    assert_eq!(api().write_request(&read, "m"), body);
    // Another API is not told what has no neutral name.
    let chat = ApiId::OpenaiChat.spoken().expect("spoken").write_request(&read, "gpt");
    assert_eq!(
        chat["messages"][3],
        json!({"role": "tool", "tool_call_id": "t1", "content": chat["messages"][3]["content"]})
    );
}

#[test]
fn a_conversation_of_another_api_is_written_as_the_models_take_it() {
    let turn = |role, parts| Turn { role, parts, place: String::new() };
    let thinking = json!({"type": "enabled", "budget_tokens": 1024});
    let conversation = Conversation {
        api: Some(ApiId::OpenaiChat),
        turns: vec![
            turn(System, vec![Part::text("Be terse.")]),
            turn(User, vec![Part::text("a"), Part::text("  ")]),
            turn(User, vec![Part::text("b")]),
            turn(System, vec![Part::text("Now.")]),
            turn(User, vec![Part::text("c")]),
        ],
        params: [
            ("max_tokens".to_owned(), json!(5)),
            ("seed".to_owned(), json!(1)),
            ("thinking".to_owned(), thinking.clone()),
        ]
        .into(),
        ..Conversation::default()
    };
    let written = |model: &str| api().write_request(&conversation, model);
    let expect = json!({
        "system": [{"text": "Be terse."}, {"text": "Now."}],
        "messages": [{"role": "user", "content": [{"text": "a"}, {"text": "b"}, {"text": "c"}]}],
        "inferenceConfig": {"maxTokens": 5}
    });
    assert_eq!(written("amazon.nova-pro-v1:0"), expect);
    let mut claude = expect;
    claude["additionalModelRequestFields"] = json!({ "thinking": thinking });
    assert_eq!(written("us.anthropic.claude-opus-4-1-20250805-v1:0"), claude);
}

#[test]
fn a_trailing_assistant_turn_is_gone_on_with() {
    let asked = |blocks: Value| {
        let messages = json!([{"role": "user", "content": [{"text": "a"}]}, {"role": "assistant", "content": blocks}]);
        api().prefill(&api().read_request(&json!({ "messages": messages })))
    };
    assert_eq!(asked(json!([{"text": "b"}, {"text": " c"}])).as_deref(), Some("b c"));
    assert_eq!(asked(json!([{"toolUse": {"toolUseId": "t", "name": "f", "input": {}}}])), None);
    assert_eq!(api().prefill(&api().read_request(&json!({"messages": [{"role": "user", "content": []}]}))), None);
}

fn rendered(parts: Vec<ScriptPart>) -> crate::answer::Rendition {
    let script = AnswerScript { summary: None, parts, repeat: None, chunk: None, finish: None, output_tokens: None };
    let context = EncodeContext {
        model: "m".to_owned(),
        include_usage: false,
        seed: 5,
        created: 1_760_000_000,
        input_tokens: 12,
    };
    api().render_stream(&speak(&script, Lexicon::new(3).voice(1), &[], 5), &context)
}

#[test]
fn a_stream_is_written_as_bedrock_writes_it() {
    let call = ScriptPart::ToolCall { name: Some("weather".to_owned()), arguments: json!({"city": "{word}"}) };
    let text = ScriptPart::Text { words: Some(2), literal: None };
    let thinking = ScriptPart::Thinking { words: 1, signature: true };
    let rendition = rendered(vec![thinking, text, call]);
    assert_eq!(rendition.headers.get("content-type"), Some("application/vnd.amazon.eventstream"));
    assert!(rendition.headers.get("x-amzn-RequestId").is_some_and(|id| id.len() == 36));
    let events = rendition.framing().events(&rendition.body());
    let names: Vec<&str> = events.iter().filter_map(|event| event.name.as_deref()).collect();
    let delta = "contentBlockDelta";
    assert_eq!(&names[..2], ["messageStart", delta]);
    assert_eq!(names.iter().filter(|name| **name == "contentBlockStart").count(), 1, "a tool's alone");
    assert_eq!(names.iter().filter(|name| **name == "contentBlockStop").count(), 3);
    assert_eq!(&names[names.len() - 3..], ["contentBlockStop", "messageStop", "metadata"]);
    let mut lengths = std::collections::BTreeSet::new();
    for event in &events {
        let data: serde_json::Map<String, Value> = serde_json::from_str(&event.data).expect("JSON");
        assert!(data.keys().is_sorted(), "{}", event.data);
        lengths.insert(data["p"].as_str().expect("padding").len());
    }
    assert!(lengths.len() > 3, "{lengths:?}");
    let stages: Vec<Stage> = rendition.marks.iter().map(|mark| mark.stage).collect();
    assert_eq!(stages[..2], [Stage::Preamble, Stage::Content]);
    assert_eq!(stages[stages.len() - 2..], [Stage::Finish, Stage::Terminator]);
    let kinds: Vec<PieceKind> = rendition.marks.iter().filter_map(|mark| Some(mark.piece.as_ref()?.kind)).collect();
    assert_eq!(kinds[..2], [PieceKind::Thinking, PieceKind::Text]);
}

#[test]
fn finish_reasons() {
    for (raw, reason) in [
        ("end_turn", FinishReason::Stop),
        ("stop_sequence", FinishReason::Stop),
        ("max_tokens", FinishReason::Length),
        ("model_context_window_exceeded", FinishReason::Length),
        ("tool_use", FinishReason::ToolCalls),
        ("content_filtered", FinishReason::Refusal),
        ("guardrail_intervened", FinishReason::Refusal),
        ("malformed_tool_use", FinishReason::Other),
    ] {
        assert_eq!(check(&[start(), end(raw)], &[]).completion.finishes[0].reason, reason, "{raw}");
    }
}

#[test]
fn unary_bodies_are_read() {
    let body = json!({
        "metrics": {"latencyMs": 1},
        "output": {"message": {"role": "assistant", "content": [
            {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}},
            {"text": "So."},
            {"toolUse": {"toolUseId": "t", "name": "f", "input": {"a": 1}}},
            {"odd": 1}
        ]}},
        "stopReason": "tool_use",
        "usage": {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}
    });
    let read = api().read_unary(body.to_string().as_bytes()).expect("an answer");
    assert_eq!((read.text.as_str(), read.parts.len()), ("So.", 4));
    assert_eq!(read.finishes[0].raw, "tool_use");
    assert!(api().read_unary(b"{\"message\":\"no\"}").is_err());
    assert!(api().read_unary(b"no").is_err());
}
