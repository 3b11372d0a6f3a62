use std::time::Duration;

use serde_json::{Value, json};

use crate::answer::{AnswerScript, Lexicon, ScriptPart, Stage, speak};
use crate::api::{
    Api, ApiError, ApiId, Conversation, EncodeContext, FinishReason, Part, PieceKind, Reading, Role, Say,
};
use crate::wire::{Headers, Request};

use Role::{Assistant, System, Tool, User};

fn api() -> &'static dyn Api {
    ApiId::Gemini.spoken().expect("spoken")
}

fn read(body: &str) -> (Vec<Say>, Reading) {
    let mut reader = api().stream_reader();
    let said = reader.feed(body.as_bytes());
    (said, reader.finish())
}

/// Events of these chunks; a text stands as it is.
fn stream(events: &[Value]) -> String {
    let event = |event: &Value| match event {
        Value::String(raw) => format!("{raw}\r\n\r\n"),
        chunk => format!("data: {chunk}\r\n\r\n"),
    };
    events.iter().map(event).collect()
}

fn chunk(parts: &Value, finish: Option<&str>) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if let Some(finish) = finish {
        candidate["finishReason"] = finish.into();
    }
    json!({"candidates": [candidate], "usageMetadata": {"promptTokenCount": 3}, "modelVersion": "m", "responseId": "r"})
}

/// Findings as `rule LEVEL`.
#[track_caller]
fn check(events: &[Value], findings: &[&str]) -> Reading {
    let body = stream(events);
    let (_, reading) = read(&body);
    let got: Vec<String> = reading.findings.iter().map(|f| format!("{} {:?}", f.rule, f.level)).collect();
    assert_eq!(got, findings, "{body}\n{:#?}", reading.findings);
    reading
}

#[test]
fn grammar() {
    let text = chunk(&json!([{"text": "a"}]), None);
    let stop = chunk(&json!([{"text": ""}]), Some("STOP"));
    let all = |events: &[&Value]| events.iter().map(|event| (*event).clone()).collect::<Vec<_>>();

    check(&all(&[&text, &stop]), &[]);
    // Truncation is judged by the ending.
    check(&all(&[&text]), &[]);
    check(&[json!({"promptFeedback": {"blockReason": "SAFETY"}})], &[]);
    check(&all(&[&text, &stop, &json!({"usageMetadata": {"promptTokenCount": 1}})]), &[]);
    check(&[json!({"candidates": [{"finishReason": "STOP"}]})], &[]);

    check(&all(&[&json!(format!("event: x\r\ndata: {text}")), &stop]), &["G01 Must"]);
    check(&all(&[&text, &stop, &json!("data: [DONE]")]), &["G02 Must"]);
    check(&all(&[&json!("data: {\"candidates\":"), &stop]), &["G03 Must"]);
    check(&all(&[&json!("data: []"), &stop]), &["G04 Must"]);
    let mut other = text.clone();
    other["responseId"] = "s".into();
    check(&all(&[&text, &other, &stop]), &["G05 Should"]);
    check(&[json!({"candidates": [{"content": []}]})], &["G06 Should"]);
    check(&[json!({"candidates": [{"content": {"parts": {}}}]})], &["G06 Should"]);
    check(&[chunk(&json!([5]), None)], &["G06 Should"]);
    check(&all(&[&stop, &text, &stop]), &["G07 Should"]);
    check(&all(&[&stop, &stop]), &[]);
    check(&all(&[&json!({"modelVersion": "m"}), &stop]), &["G09 Should"]);
    check(&[chunk(&json!([]), Some("BORED"))], &["G10 Should"]);
    check(&[chunk(&json!([{"functionCall": {"args": {}}}]), Some("STOP"))], &["G11 Should"]);
    check(&[json!({"candidates": [{"content": {"parts": [], "role": "assistant"}}]})], &["G12 Should"]);
    check(&all(&[&json!({"error": {"code": 503, "message": "m"}}), &text]), &["G13 Should"]);
    check(&[chunk(&json!([{"functionCall": {"name": "f", "args": "{}"}}]), Some("STOP"))], &["G14 Must"]);

    // What the SDK trips over below the level of events.
    check(&all(&[&json!(": ping"), &text, &stop]), &["S06 Must"]);
    check(&all(&[&json!(format!("data:{text}")), &stop]), &["S03 Must"]);
    check(&all(&[&json!("retry: 3"), &stop]), &["S07 Must", "S11 Must"]);
    check(&all(&[&json!("data:"), &stop]), &["S12 Should"]);
    let body = format!("data: {text}\n\ndata: {stop}\n\n");
    assert_eq!(read(&body).1.findings, [], "line ends of either kind");
    let body = format!("data: {text}\r\n\r\ndata: {stop}");
    let (_, reading) = read(&body);
    assert_eq!(reading.findings[0].rule, "S01");
    assert!(reading.completion.terminator.is_some(), "the SDK delivers a last event without its blank line");
}

#[test]
fn the_finish_is_the_end() {
    let text = chunk(&json!([{"text": "a"}]), None);
    let end = |events: &[&Value]| {
        let events: Vec<Value> = events.iter().map(|event| (*event).clone()).collect();
        check(&events, &[]).completion.terminator
    };
    let first = stream(std::slice::from_ref(&text)).len();
    assert_eq!(end(&[&text]), None);
    assert_eq!(end(&[&text, &chunk(&json!([{"text": "b"}]), Some("MAX_TOKENS"))]), Some(first));
    assert_eq!(end(&[&text, &chunk(&json!([]), Some("STOP")), &json!({"usageMetadata": {}})]), Some(first));
    assert_eq!(end(&[&json!({"promptFeedback": {"blockReason": "SAFETY"}})]), Some(0));
    // Seen of the vendor: the last finish is the end.
    let stop = chunk(&json!([]), Some("STOP"));
    let (_, reading) = read(&stream(&[stop.clone(), text, stop]));
    assert_eq!(reading.completion.finishes.len(), 2);
    assert_eq!(reading.completion.terminator, Some(reading.completion.finishes[1].offset));
}

#[test]
fn finish_reasons() {
    let call = json!([{"functionCall": {"name": "f", "args": {"a": 1}}}]);
    for (parts, raw, reason) in [
        (&json!([]), "STOP", FinishReason::Stop),
        (&json!([]), "MAX_TOKENS", FinishReason::Length),
        (&json!([]), "SAFETY", FinishReason::Refusal),
        (&json!([]), "MALFORMED_FUNCTION_CALL", FinishReason::Other),
        (&call, "STOP", FinishReason::ToolCalls),
        (&call, "MAX_TOKENS", FinishReason::Length),
    ] {
        let reading = check(&[chunk(parts, Some(raw))], &[]);
        assert_eq!((reading.completion.finishes[0].reason, reading.completion.finishes[0].raw.as_str()), (reason, raw));
    }
    let mut number = chunk(&json!([]), None);
    number["candidates"][0]["finishReason"] = 2.into();
    assert_eq!(check(&[number], &[]).completion.finishes[0].reason, FinishReason::Length);
}

#[test]
fn parts_are_read() {
    let (said, reading) = read(&stream(&[
        chunk(&json!([{"text": "th", "thought": true}, {"text": "ink", "thought": true}]), None),
        chunk(&json!([{"text": "a", "thoughtSignature": "s1"}]), None),
        chunk(&json!([{"functionCall": {"name": "f", "args": {"x": [1]}, "id": "c"}, "thoughtSignature": "s2"}]), None),
        chunk(&json!([{"functionCall": {"name": "g"}}, {"executableCode": {"code": "1"}}]), Some("STOP")),
    ]));
    let call =
        |id: &str, name: &str, arguments: Value| Part::ToolCall { id: id.to_owned(), name: name.to_owned(), arguments };
    let thinking =
        |text: &str, signature: &str| Part::Thinking { text: text.to_owned(), signature: Some(signature.to_owned()) };
    assert_eq!(
        reading.completion.parts,
        [
            thinking("think", "s1"),
            Part::text("a"),
            thinking("", "s2"),
            call("c", "f", json!({"x": [1]})),
            call("unnamed_call_1", "g", json!({})),
            Part::Other(json!({"executableCode": {"code": "1"}})),
        ]
    );
    assert_eq!(reading.findings, []);
    assert_eq!(said[..2], ["th", "ink"].map(|text| Say::Thinking(text.to_owned())));
    assert!(said.contains(&Say::Arguments("{\"x\":[1]}".to_owned())));
    // Thoughts and text are told apart by what they are, signed or not.
    let unsigned =
        chunk(&json!([{"text": "hm", "thought": true}, {"text": "a"}, {"text": "oh", "thought": true}]), None);
    let thinking = |text: &str| Part::Thinking { text: text.to_owned(), signature: None };
    let parts = check(&[unsigned], &[]).completion.parts;
    assert_eq!(parts, [thinking("hm"), Part::text("a"), thinking("oh")]);
    // Further candidates are not followed.
    let two = json!({"candidates": [
        {"content": {"parts": [{"text": "b"}], "role": "model"}, "index": 1, "finishReason": "STOP"},
        {"content": {"parts": [{"text": "a"}], "role": "model"}, "index": 0}
    ]});
    let completion = check(&[two], &[]).completion;
    assert_eq!((completion.text.as_str(), completion.finishes.len()), ("a", 0));
}

#[test]
fn errors_in_a_stream_are_seen() {
    for (data, kind, message) in [
        (r#"{"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}"#, Some("UNAVAILABLE"), "m"),
        (r#"{"error":"m"}"#, None, "m"),
        (r#"{"error":{"code":1}}"#, None, r#"{"code":1}"#),
    ] {
        let (_, reading) = read(&format!("data: {data}\r\n\r\n"));
        let error = reading.completion.visible_error().unwrap_or_else(|| panic!("{data}"));
        assert_eq!((error.kind.as_deref(), error.message.as_str()), (kind, message));
        assert_eq!((reading.findings, reading.completion.terminator), (vec![], None));
    }
    assert_eq!(check(&[json!({"error": null, "candidates": []})], &[]).completion.errors, []);
}

fn rendition(parts: Vec<ScriptPart>) -> crate::answer::Rendition {
    let script = AnswerScript { summary: None, parts, repeat: None, chunk: None, finish: None, output_tokens: None };
    let spoken = speak(&script, Lexicon::new(3).voice(1), &[], 5);
    let context = EncodeContext {
        model: "gemini-2.5-flash".to_owned(),
        include_usage: false,
        seed: 1,
        created: 1,
        input_tokens: 9,
    };
    api().render_stream(&spoken, &context)
}

#[test]
fn a_stream_stands_as_the_vendor_writes_it() {
    let text = ScriptPart::Text { words: None, literal: Some("Hi".to_owned()) };
    let call = ScriptPart::ToolCall { name: Some("f".to_owned()), arguments: json!({"a": [1, 2]}) };
    let rendition = rendition(vec![text, call]);
    let body = String::from_utf8(rendition.body()).expect("text");
    let events: Vec<&str> = body.split("\r\n\r\n").collect();
    assert_eq!(events.len(), 4, "{body}");
    assert!(
        events[0].starts_with(
            r#"data: {"candidates": [{"content": {"parts": [{"text": "Hi"}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 9,"totalTokenCount": 9,"#
        ),
        "{body}"
    );
    assert!(events[1].contains(r#"{"functionCall": {"name": "f","args": {"a": [1,2]},"id": ""#), "{body}");
    assert!(events[2].contains(r#""parts": [{"text": ""}],"role": "model"},"finishReason": "STOP","#), "{body}");
    assert_eq!(events[3], "");
    assert_eq!(rendition.headers.get("content-type"), Some("text/event-stream"));
    let stages: Vec<Stage> = rendition.marks.iter().map(|mark| mark.stage).collect();
    assert_eq!(stages, [Stage::Content, Stage::Content, Stage::Terminator]);
    assert_eq!(
        rendition.marks[1].piece.as_ref().map(|piece| (piece.kind, piece.text.as_str())),
        Some((PieceKind::Arguments, "{\"a\":[1,2]}"))
    );
}

fn context() -> EncodeContext {
    EncodeContext { model: "m".to_owned(), include_usage: false, seed: 1, created: 1, input_tokens: 9 }
}

#[test]
fn an_id_that_was_made_up_is_not_written() {
    for (id, expect) in [("c", json!("c")), ("", Value::Null), ("unnamed_call_0", Value::Null)] {
        let mut writer = api().stream_writer(&context());
        writer.say(&Say::ToolCall { id: id.to_owned(), name: "f".to_owned() });
        let written = writer.finish(FinishReason::ToolCalls, crate::api::Usage::default());
        let event: Value = serde_json::from_slice(&written[0].bytes["data: ".len()..]).expect("JSON");
        assert_eq!(event["candidates"][0]["content"]["parts"][0]["functionCall"]["id"], expect, "{id:?}");
    }
}

#[test]
fn half_a_call_is_none() {
    let mut writer = api().stream_writer(&context());
    let mut out = Vec::new();
    for say in [Say::ToolCall { id: "c".to_owned(), name: "f".to_owned() }, Say::Arguments("{\"a\":".to_owned())] {
        out.extend(writer.say(&say));
    }
    assert_eq!(out, [], "nothing is out before the call is whole");
    out.extend(writer.finish(FinishReason::ToolCalls, crate::api::Usage::default()));
    let body: Vec<u8> = out.into_iter().flat_map(|written| written.bytes).collect();
    let (_, reading) = read(&String::from_utf8(body).expect("text"));
    assert_eq!(reading.completion.finishes[0].raw, "MALFORMED_FUNCTION_CALL");
    assert_eq!(reading.completion.parts, []);
}

/// Without `alt=sse` the same comes as one array.
#[test]
fn the_array_says_the_same() {
    let events = rendition(vec![
        ScriptPart::Thinking { words: 3, signature: true },
        ScriptPart::Text { words: None, literal: Some("a \"]}\\\" b [{ {word}".to_owned()) },
        ScriptPart::ToolCall { name: Some("f".to_owned()), arguments: json!({"a": [1, {"b": "}]"}]}) },
    ]);
    let array = api().as_asked("/v1beta/models/m:streamGenerateContent", events.clone());
    assert_eq!(api().as_asked("/v1beta/models/m:streamGenerateContent?key=k&alt=sse", events.clone()), events);
    assert_eq!(array.headers.get("content-type"), Some("application/json; charset=UTF-8"));
    let body = array.body();
    let text = String::from_utf8(body.clone()).expect("text");
    assert!(
        text.starts_with("[{\n  \"candidates\": [\n") && text.contains("}\n,\r\n{\n") && text.ends_with("}\n]"),
        "{text}"
    );
    serde_json::from_str::<Vec<Value>>(&text).expect("JSON");
    let mut whole = api().stream_reader();
    let mut said = Vec::new();
    for byte in body.chunks(1) {
        said.extend(whole.feed(byte));
    }
    let array_reading = whole.finish();
    let mut reader = api().stream_reader();
    assert_eq!(reader.feed(&events.body()), said);
    let reading = reader.finish();
    assert_eq!((&array_reading.completion.parts, &array_reading.findings), (&reading.completion.parts, &vec![]));
    assert_eq!(array_reading.completion.terminator, Some(body.len() - 1));
    assert_eq!(api().marks(&body), array.marks);
    assert_eq!(array.text(), events.text());

    // Cut before the bracket, the array has not ended.
    let (_, cut) = read(&text[..text.len() - 1]);
    assert_eq!((cut.completion.finishes.len(), cut.completion.terminator), (1, None));
    let (_, broken) = read("[{\"candidates\": nope}]");
    assert_eq!(broken.findings[0].rule, "G03");
}

#[track_caller]
fn round_trip(body: &Value) -> Conversation {
    let conversation = api().read_request(body);
    assert_eq!(&api().write_request(&conversation, "m"), body, "{conversation:#?}");
    conversation
}

#[test]
fn requests() {
    let conversation = round_trip(&json!({
        "systemInstruction": {"parts": [{"text": "Be terse."}, {"text": "Always."}], "role": "system"},
        "contents": [
            {"role": "user", "parts": [
                {"text": "What is this?"},
                {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
                {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://files.test/1"}, "mediaResolution": {"level": "LOW"}},
                {"inlineData": {"mimeType": "audio/wav", "data": "aGk="}}
            ]},
            {"role": "model", "parts": [
                {"text": "hm", "thought": true, "thoughtSignature": "s0"},
                {"text": "I look."},
                {"functionCall": {"name": "look", "args": {"at": [1, 2.5]}}, "thoughtSignature": "s1"},
                {"functionCall": {"name": "look", "args": {}, "id": "c2"}}
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "look", "response": {"result": "a cat"}}},
                {"functionResponse": {"name": "look", "response": {"error": "no"}, "id": "c2", "willContinue": false}},
                {"text": "And?"}
            ]},
            {"role": "model", "parts": [{"text": "Once"}, {"text": "", "thoughtSignature": "s2"}]},
            {"role": "user", "parts": []}
        ],
        "tools": [
            {"functionDeclarations": [
                {"name": "look", "description": "Looks.", "parameters": {"type": "object"}, "behavior": "BLOCKING"},
                {"name": "see", "parametersJsonSchema": {"type": "object", "additionalProperties": false}}
            ]},
            {"googleSearch": {}}
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["look"]}, "x": 1},
        "generationConfig": {
            "temperature": 0.5, "maxOutputTokens": 64, "topP": 0.9, "topK": 3, "seed": 7, "stopSequences": ["a"],
            "presencePenalty": 0.1, "frequencyPenalty": 0.2, "candidateCount": 1,
            "responseMimeType": "application/json", "responseSchema": {"type": "object"},
            "thinkingConfig": {"thinkingBudget": 2048, "includeThoughts": true}
        },
        "safetySettings": [{"category": "x", "threshold": "y"}],
        "cachedContent": "cachedContents/1"
    }));
    let roles: Vec<Role> = conversation.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [System, User, Assistant, Tool, User, Assistant, User]);
    assert_eq!(conversation.params["max_tokens"], 64);
    assert_eq!(conversation.params["stop"], json!(["a"]));
    assert_eq!(conversation.params["thinking"], json!({"type": "enabled", "budget_tokens": 2048}));
    assert_eq!(conversation.tool_choice, Some(json!({"tool": "look"})));
    assert_eq!(conversation.rest["/contents/0/parts/2/mediaResolution"], json!({"level": "LOW"}));
    let parts = |turn: usize| conversation.turns[turn].parts.as_slice();
    assert!(
        matches!(&parts(1)[1], Part::Image { media_type, digest, .. } if media_type == "image/png" && digest.len() == 64)
    );
    assert!(matches!(&parts(1)[2], Part::Image { url, .. } if url == "https://files.test/1"));
    assert!(matches!(&parts(1)[3], Part::Other(_)));
    assert!(matches!(&parts(2)[3], Part::ToolCall { id, .. } if id == "unnamed_call_0"));
    assert_eq!(
        parts(3),
        [
            Part::ToolResult {
                id: "unnamed_call_0".to_owned(),
                parts: vec![Part::text("a cat")],
                error: false,
                cache: false
            },
            Part::ToolResult { id: "c2".to_owned(), parts: vec![Part::text("no")], error: true, cache: false },
        ]
    );
    let tools: Vec<&str> = conversation.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(tools, ["look", "see", "googleSearch"]);

    // Nothing of a result is lost, whatever object it is.
    let result = |response: Value| json!({"contents": [{"role": "user", "parts": [{"functionResponse": {"name": "f", "response": response}}]}]});
    for response in [
        json!({"a": 1, "b": [2]}),
        json!({"output": "x"}),
        json!({"result": "{\"a\":1}"}),
        json!({"result": 5}),
        json!({"note": "x"}),
        json!({}),
    ] {
        let conversation = round_trip(&result(response));
        let part = &conversation.turns[0].parts[0];
        assert!(matches!(part, Part::ToolResult { error: false, .. }), "{part:?}");
    }
    for body in [
        json!({"contents": [], "generationConfig": {}}),
        json!({"contents": [], "toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}}}),
        json!({"contents": [], "tools": [{"functionDeclarations": [{"name": "f", "behavior": "BLOCKING"}]}]}),
        json!({"contents": [], "tools": [{"servers": [{"name": "s"}]}]}),
        // A result that names another tool than its call.
        json!({"contents": [
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}, "id": "c"}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "g", "response": {"result": "x"}, "id": "c"}}]}
        ]}),
        json!({"contents": [{"role": "function", "parts": []}, {"role": "user", "parts": [{"text": "x", "partMetadata": {}}]}]}),
    ] {
        round_trip(&body);
    }
}

#[test]
fn calls_without_an_id_are_answered_in_their_order() {
    let call = json!({"functionCall": {"name": "f", "args": {}}});
    let result = |text: &str| json!({"functionResponse": {"name": "f", "response": {"result": text}}});
    let conversation = round_trip(&json!({"contents": [
        {"role": "model", "parts": [call, call]},
        {"role": "user", "parts": [result("one"), result("two")]}
    ]}));
    let ids = |turn: usize| -> Vec<&str> {
        let of = |part| match part {
            &Part::ToolCall { ref id, .. } | &Part::ToolResult { ref id, .. } => Some(id.as_str()),
            _ => None,
        };
        conversation.turns[turn].parts.iter().filter_map(of).collect()
    };
    assert_eq!((ids(0), ids(1)), (vec!["unnamed_call_0", "unnamed_call_1"], vec!["unnamed_call_0", "unnamed_call_1"]));
}

/// The API takes keys in snake case, and types in capitals or as numbers.
#[test]
fn either_spelling_says_the_same() {
    let snake = api().read_request(&json!({
        "system_instruction": {"parts": [{"text": "x"}]},
        "contents": [
            {"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": "aGk="}}]},
            {"role": "model", "parts": [{"function_call": {"name": "f", "args": {"a_b": 1}}, "thought_signature": "s"}]},
            {"parts": [{"function_response": {"name": "f", "response": {"a_b": 1}}}]}
        ],
        "tools": [{"function_declarations": [{"name": "f", "parameters": {"type": "OBJECT", "properties": {"a_b": {"type": 1}}}}]}],
        "tool_config": {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["f"]}},
        "generation_config": {"max_output_tokens": 5, "response_mime_type": "application/json"}
    }));
    let camel = api().read_request(&json!({
        "systemInstruction": {"parts": [{"text": "x"}]},
        "contents": [
            {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a_b": 1}}, "thoughtSignature": "s"}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"a_b": 1}}}]}
        ],
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "object", "properties": {"a_b": {"type": "string"}}}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "generationConfig": {"maxOutputTokens": 5, "responseMimeType": "application/json"}
    }));
    assert_eq!(snake, camel);
}

#[test]
fn any_json_is_read() {
    for body in [
        json!(null),
        json!([]),
        json!({"contents": {}, "tools": 3, "toolConfig": [], "generationConfig": 4, "systemInstruction": 5}),
        json!({"contents": [null, 5, {}, {"role": 5, "parts": 7}, {"parts": [null, {}, {"text": 5}, {"functionCall": 1}]}]}),
        json!({"systemInstruction": "x", "tools": [null, {"functionDeclarations": [null, {}]}, {}]}),
        json!({"contents": [{"parts": [{"inlineData": {"mimeType": "image/png"}}, {"functionResponse": {}}]}]}),
    ] {
        let conversation = api().read_request(&body);
        api().write_request(&conversation, "m");
    }
}

#[test]
fn what_another_api_asked_is_said() {
    let chat = ApiId::OpenaiChat.spoken().expect("spoken");
    let conversation = chat.read_request(&json!({
        "model": "m", "max_tokens": 9, "stop": "x", "user": "u", "reasoning_effort": "low", "stream": true,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": true}}],
        "tool_choice": "required",
        "messages": [
            {"role": "system", "content": "Be terse."},
            {"role": "user", "content": [
                {"type": "text", "text": "See"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
                {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}
            ]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
                {"id": "call_2", "type": "function", "function": {"name": "g", "arguments": "{}"}}
            ]},
            {"role": "tool", "tool_call_id": "call_1", "content": "one"},
            {"role": "tool", "tool_call_id": "call_2", "content": "{\"two\":2}"},
            {"role": "user", "content": "Go on."}
        ]
    }));
    let body = api().write_request(&conversation, "gemini");
    assert_eq!(
        body,
        json!({
            "systemInstruction": {"parts": [{"text": "Be terse."}]},
            "contents": [
                {"role": "user", "parts": [
                    {"text": "See"},
                    {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
                    {"fileData": {"fileUri": "https://x.test/a.png"}}
                ]},
                {"role": "model", "parts": [
                    {"functionCall": {"name": "f", "args": {"a": 1}, "id": "call_1"}, "thoughtSignature": "skip_thought_signature_validator"},
                    {"functionCall": {"name": "g", "args": {}, "id": "call_2"}}
                ]},
                {"role": "user", "parts": [
                    {"functionResponse": {"name": "f", "response": {"result": "one"}, "id": "call_1"}},
                    {"functionResponse": {"name": "g", "response": {"two": 2}, "id": "call_2"}}
                ]},
                {"role": "user", "parts": [{"text": "Go on."}]}
            ],
            "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object"}}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
            "generationConfig": {"maxOutputTokens": 9, "stopSequences": ["x"]}
        })
    );
    let back = chat.write_request(&api().read_request(&body), "m");
    assert_eq!(back["messages"][2]["tool_calls"][0]["function"], json!({"name": "f", "arguments": "{\"a\":1}"}));
    assert_eq!(back["messages"][3], json!({"role": "tool", "tool_call_id": "call_1", "content": "one"}));
    assert_eq!(back["tool_choice"], "required");
}

#[test]
fn model_and_stream_stand_in_the_path() {
    let target = |stream| api().target("gemini-2.5-flash", stream);
    assert_eq!(target(false), "/v1beta/models/gemini-2.5-flash:generateContent");
    assert_eq!(target(true), "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
    let own = |path: &'static str| api().own_path(path);
    assert_eq!(own("/a/b/v1beta/models/m:generateContent"), Some("/v1beta/models/m:generateContent"));
    assert_eq!(own("/v1/models/m:streamGenerateContent"), Some("/v1/models/m:streamGenerateContent"));
    for path in [
        "/v1beta/models/m",
        "/v1beta/models/m:countTokens",
        "/x/models/m:generateContent",
        "m:generateContent",
        ":generateContent",
        "/v1beta/tunedModels/m:generateContent",
    ] {
        assert_eq!(own(path), None, "{path}");
    }
    for (target, model, stream) in [
        ("/v1beta/models/a%2Fb:generateContent", "a/b", false),
        ("/slot/leg/v1beta/models/m:streamGenerateContent?alt=sse&key=k", "m", true),
        ("/v1beta/models/m:streamGenerateContent", "m", true),
    ] {
        let request = Request {
            method: "POST".to_owned(),
            target: target.to_owned(),
            headers: Headers::default(),
            body: "{\"contents\":[]}".into(),
        };
        let conversation = api().read(&request).expect("JSON");
        assert_eq!((conversation.model.as_str(), conversation.stream), (model, stream), "{target}");
    }
    let key = |target: &str, headers: &Headers| api().presented_key(target, headers);
    assert_eq!(key("/v1beta/models/m:generateContent?alt=sse&key=abc", &Headers::default()).as_deref(), Some("abc"));
    assert_eq!(key("/x", &Headers::default()), None);
}

#[test]
fn a_trailing_model_turn_is_a_prefill() {
    let prefill = |contents: Value| api().prefill(&api().read_request(&json!({ "contents": contents })));
    let user = json!({"role": "user", "parts": [{"text": "Hi"}]});
    let model = |parts: Value| json!({"role": "model", "parts": parts});
    assert_eq!(prefill(json!([user])), None);
    assert_eq!(prefill(json!([user, model(json!([{"text": "a "}, {"text": "b"}]))])).as_deref(), Some("a b"));
    assert_eq!(prefill(json!([user, model(json!([{"functionCall": {"name": "f", "args": {}}}]))])), None);
}

#[test]
fn error_bodies_stand_as_the_vendor_writes_them() {
    let error = api().status_error(503);
    let body = String::from_utf8(api().error_body(&error, 1)).expect("text");
    assert_eq!(
        body,
        "{\n  \"error\": {\n    \"code\": 503,\n    \"message\": \"The model is overloaded. Please try again later.\",\n    \"status\": \"UNAVAILABLE\"\n  }\n}\n"
    );
    assert_eq!(api().error_headers(&error, 1).get("content-type"), Some("application/json; charset=UTF-8"));
    let for_events = api().error_headers_for("/v1beta/models/m:streamGenerateContent?alt=sse", &error, 1);
    assert_eq!(for_events.get("content-type"), Some("text/event-stream"));
    assert_eq!(
        String::from_utf8(api().error_event(&error, 1, b"")).expect("text"),
        "data: {\"error\": {\"code\": 503,\"message\": \"The model is overloaded. Please try again later.\",\"status\": \"UNAVAILABLE\"}}\r\n\r\n"
    );
    let key = ApiError {
        status: 400,
        kind: "INVALID_ARGUMENT".to_owned(),
        message: "API key not valid. Please pass a valid API key.".to_owned(),
        code: Some("API_KEY_INVALID".to_owned()),
        param: None,
    };
    let body = api().error_body(&key, 1);
    assert_eq!(
        serde_json::from_slice::<Value>(&body).expect("JSON")["error"]["details"][0],
        json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com",
            "metadata": {"service": "generativelanguage.googleapis.com"}
        })
    );
    assert_eq!(api().read_error(400, &body), Some(key));
    let listed = [b"[".as_slice(), &api().error_body(&error, 1), b"]"].concat();
    assert_eq!(api().read_error(503, &listed), Some(error));
}

#[test]
fn an_error_asks_to_wait_in_its_body() {
    for (millis, delay) in [(2_000, "2s"), (48_900, "48.9s")] {
        let mut error = api().status_error(429);
        api().ask_to_wait(&mut error, Duration::from_millis(100));
        api().ask_to_wait(&mut error, Duration::from_millis(millis));
        let body = api().error_body(&error, 1);
        let value: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(
            value["error"]["details"],
            json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}])
        );
        assert_eq!(api().wait_of(&Headers::default(), &body), Some(Duration::from_millis(millis)));
        assert_eq!(api().read_error(429, &body), Some(error));
    }
    assert_eq!(api().wait_of(&Headers::default(), &api().error_body(&api().status_error(429), 1)), None);
    let chat = ApiId::OpenaiChat.spoken().expect("spoken");
    let wait = |name: &str, value: &str| chat.wait_of(&[(name, value)].into_iter().collect(), b"");
    assert_eq!(wait("retry-after", "3"), Some(Duration::from_secs(3)));
    assert_eq!(wait("Retry-After-Ms", "50"), Some(Duration::from_millis(50)));
    assert_eq!(wait("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"), None);
    assert_eq!(wait("retry-after", "-1"), None);
}

#[test]
fn a_blocked_prompt_is_a_refusal() {
    let body = json!({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {}}).to_string();
    let completion = api().read_unary(body.as_bytes()).expect("an answer");
    assert_eq!(completion.finishes[0].reason, FinishReason::Refusal);
    assert!(api().read_unary(b"{}").is_err());
    assert!(api().read_unary(b"[]").is_err());
}
