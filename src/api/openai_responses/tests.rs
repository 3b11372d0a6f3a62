use serde_json::{Value, json};

use crate::api::{Api, ApiError, ApiId, Conversation, FinishReason, Part, Reading, Role, Say};

use Role::{Assistant, System, Tool, User};

fn api() -> &'static dyn Api {
    ApiId::OpenaiResponses.spoken().expect("spoken")
}

/// A stream of these events, in the shape that the API gives them; they are numbered unless they say a number.
fn stream(events: &[Value]) -> String {
    let mut number = 0;
    let event = |event: &Value| {
        if let Value::String(raw) = event {
            number += u64::from(raw.contains("sequence_number"));
            return format!("{raw}\n\n");
        }
        let mut event = event.clone();
        if event.get("sequence_number").is_none() {
            event["sequence_number"] = number.into();
        }
        number += 1;
        format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default())
    };
    events.iter().map(event).collect()
}

fn read(body: &str) -> (Vec<Say>, Reading) {
    let mut reader = api().stream_reader();
    let said = reader.feed(body.as_bytes());
    (said, reader.finish())
}

/// Findings as `rule LEVEL`.
#[track_caller]
fn check(events: &[&Value], findings: &[&str]) {
    let body = stream(&events.iter().map(|event| (*event).clone()).collect::<Vec<_>>());
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

fn response(status: &str, output: &Value) -> Value {
    json!({
        "id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": status, "output": output,
        "error": null, "incomplete_details": null, "usage": null,
    })
}

fn lifecycle(kind: &str, output: &Value) -> Value {
    let status = if kind == "created" { "in_progress" } else { kind };
    json!({"type": format!("response.{kind}"), "response": response(status, output)})
}

fn message(text: &str) -> Value {
    json!({"id": "msg_1", "type": "message", "status": "completed", "role": "assistant",
        "content": [{"type": "output_text", "text": text, "annotations": []}]})
}

fn call(arguments: &str) -> Value {
    json!({"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "f", "arguments": arguments})
}

fn added(index: u64, item: &Value) -> Value {
    json!({"type": "response.output_item.added", "output_index": index, "item": item})
}

fn done(index: u64, item: &Value) -> Value {
    json!({"type": "response.output_item.done", "output_index": index, "item": item})
}

/// An event about a part, with these fields.
fn at(kind: &str, fields: &Value) -> Value {
    let mut event = json!({"type": format!("response.{kind}"), "output_index": 0, "content_index": 0});
    for (key, value) in fields.as_object().expect("fields") {
        event[key] = value.clone();
    }
    event
}

#[test]
fn grammar_of_a_message() {
    let nothing = json!([]);
    let created = lifecycle("created", &nothing);
    let progress = lifecycle("in_progress", &nothing);
    let item = added(0, &json!({"id": "msg_1", "type": "message", "role": "assistant", "content": []}));
    let part = at("content_part.added", &json!({"item_id": "msg_1", "part": {"type": "output_text", "text": ""}}));
    let text = at("output_text.delta", &json!({"item_id": "msg_1", "delta": "a", "logprobs": [], "obfuscation": "x"}));
    let text_done = at("output_text.done", &json!({"item_id": "msg_1", "text": "a"}));
    let part_done = at("content_part.done", &json!({"item_id": "msg_1", "part": {"type": "output_text", "text": "a"}}));
    let item_done = done(0, &message("a"));
    let completed = lifecycle("completed", &json!([message("a")]));
    let all = [&created, &progress, &item, &part, &text, &text_done, &part_done, &item_done, &completed];
    let with = |place: usize, event: &Value, findings: &[&str]| {
        let mut events = all.to_vec();
        events.insert(place, event);
        check(&events, findings);
    };
    let instead = |place: usize, event: &Value, findings: &[&str]| {
        let mut events = all.to_vec();
        events[place] = event;
        check(&events, findings);
    };

    check(&all, &[]);
    // Truncation is judged by the ending.
    check(&all[..5], &[]);
    check(&[&created, &lifecycle("queued", &nothing), &progress, &completed], &[]);

    with(9, &json!("event: \ndata: [DONE]"), &["R01 Should"]);
    with(
        2,
        &json!("data: {\"type\":\"response.in_progress\",\"sequence_number\":2,\"response\":{}}"),
        &["R02 Should", "R13 Should", "R13 Should", "R13 Should", "R13 Should", "R13 Should", "R13 Should"],
    );
    with(2, &json!("event: response.x\ndata: {\"id\":"), &["R03 Must"]);
    with(2, &json!("data: null"), &["R04 Must"]);
    with(2, &json!("data:"), &["S12 Must"]);
    with(2, &json!({"type": "response.surprise"}), &["R05 Should"]);
    with(2, &json!({"type": ""}), &["R05 Must"]);
    let named = "event: response.x\ndata: {\"type\":\"response.audio.delta\",\"sequence_number\":2}";
    with(2, &json!(named), &["R02 Should"]);
    with(5, &at("output_text.annotation.added", &json!({"item_id": "msg_1", "annotation": {}})), &[]);
    // What says nothing is no error.
    for none in [json!(""), json!(false), Value::Null] {
        let mut other = progress.clone();
        other["error"] = none;
        with(2, &other, &[]);
    }
    check(
        &[&json!("event: response.created\ndata: {\"type\":\"response.created\",\"response\":{}}")],
        &["R06 Should", "R13 Should", "R13 Should", "R13 Should", "R13 Should", "R13 Should", "R13 Should"],
    );
    let numbered = |event: &Value, number: u64| {
        let mut event = event.clone();
        event["sequence_number"] = number.into();
        event
    };
    instead(0, &numbered(&created, 7), &["R07 Should", "R08 Should"]);
    instead(4, &numbered(&text, 9), &["R08 Should", "R08 Should"]);
    check(&[&progress, &completed], &["R09 Must"]);
    with(2, &created, &["R10 Must"]);
    with(9, &created, &["R10 Must"]);
    let mut other = progress.clone();
    other["response"]["id"] = "resp_2".into();
    instead(1, &other, &["R11 Must"]);
    instead(1, &json!({"type": "response.in_progress"}), &["R12 Must"]);
    let mut other = progress.clone();
    other["response"]["output"] = Value::Null;
    instead(1, &other, &["R13 Should"]);
    let mut other = completed.clone();
    other["response"]["status"] = "in_progress".into();
    instead(8, &other, &["R14 Should"]);
    let at_index = |event: &Value, index: u64| {
        let mut event = event.clone();
        event["output_index"] = index.into();
        event
    };
    instead(
        2,
        &at_index(&item, 1),
        &["R15 Should", "R18 Must", "R18 Must", "R18 Must", "R18 Must", "R18 Must", "R28 Should"],
    );
    with(3, &item, &["R15 Must", "R17 Should"]);
    with(8, &added(1, &json!({"id": "x"})), &["R16 Must", "R28 Should"]);
    with(8, &added(1, &json!({"type": "message", "content": []})), &["R16 Should", "R28 Must"]);
    with(7, &added(1, &json!({"id": "fs_1", "type": "file_search_call"})), &["R17 Should", "R28 Should"]);
    with(8, &text, &["R18 Should", "R23 Should"]);
    let mut other = text.clone();
    other["item_id"] = "msg_2".into();
    instead(4, &other, &["R19 Should"]);
    let mut other = item_done.clone();
    other["item"]["id"] = "msg_2".into();
    instead(7, &other, &["R19 Must"]);
    let mut other = item_done.clone();
    other["item"]["type"] = "reasoning".into();
    instead(7, &other, &["R19 Must"]);
    check(&[&created, &progress, &item, &text], &["R20 Must"]);
    let mut other = part.clone();
    other["content_index"] = 1.into();
    check(&[&created, &progress, &item, &other], &["R20 Must"]);
    let mut other = part.clone();
    other["part"]["type"] = "summary_text".into();
    check(&[&created, &progress, &item, &other], &["R21 Should"]);
    let refusal = at("refusal.delta", &json!({"item_id": "msg_1", "delta": "no"}));
    with(5, &refusal, &["R21 Must"]);
    instead(4, &at("output_text.delta", &json!({"item_id": "msg_1"})), &["R22 Must"]);
    with(7, &part_done, &["R23 Should"]);
    check(&[&created, &progress, &item, &part, &text, &text_done, &item_done, &completed], &["R23 Should"]);
    check(&[&created, &progress, &item, &part, &text, &text_done, &part_done, &completed], &["R28 Should"]);
    // Reasoning has texts of its own, in either of its lists.
    let thinking = added(0, &json!({"id": "rs_1", "type": "reasoning", "summary": []}));
    let thought =
        |list: &str, kind: &str| at(&format!("{list}.added"), &json!({"summary_index": 0, "part": {"type": kind}}));
    for (list, kind, findings) in [
        ("content_part", "reasoning_text", &[][..]),
        ("content_part", "text", &[]),
        ("content_part", "output_text", &["R21 Should"]),
        ("content_part", "summary_text", &["R21 Should"]),
        ("reasoning_summary_part", "summary_text", &[]),
        ("reasoning_summary_part", "reasoning_text", &["R21 Should"]),
    ] {
        check(&[&created, &progress, &thinking, &thought(list, kind)], findings);
    }
    let begun = thought("content_part", "text");
    for (kind, findings) in [("reasoning_text", &[][..]), ("output_text", &["R21 Must"])] {
        let more = at(&format!("{kind}.delta"), &json!({"delta": "a"}));
        check(&[&created, &progress, &thinking, &begun, &more], findings);
    }
    let output_text = thought("content_part", "output_text");
    let more = at("reasoning_text.delta", &json!({"delta": "a"}));
    check(&[&created, &progress, &thinking, &output_text, &more], &["R21 Should", "R21 Must"]);
    let bare = lifecycle("completed", &nothing);
    check(&[&created, &progress, &item, &part, &text, &text_done, &part_done, &bare], &["R28 Must"]);
    with(9, &text, &["R27 Should", "R18 Should", "R23 Should"]);
}

#[test]
fn grammar_of_calls_and_endings() {
    let nothing = json!([]);
    let created = lifecycle("created", &nothing);
    let begun = added(0, &call(""));
    let more = |text: &str| json!({"type": "response.function_call_arguments.delta", "output_index": 0, "item_id": "fc_1", "delta": text});
    let whole = |text: &str| {
        json!({
            "type": "response.function_call_arguments.done", "output_index": 0, "item_id": "fc_1", "arguments": text
        })
    };
    let completed = |text: &str| lifecycle("completed", &json!([call(text)]));
    let (a, b, ended) = (more("{\"a\""), more(":1}"), done(0, &call("{\"a\":1}")));
    check(&[&created, &begun, &a, &b, &whole("{\"a\":1}"), &ended, &completed("{\"a\":1}")], &[]);
    check(&[&created, &begun, &whole("{}"), &done(0, &call("{}")), &completed("{}")], &[]);
    check(&[&created, &added(0, &json!({"id": "fc_1", "type": "function_call"}))], &["R16 Must"]);
    check(&[&created, &added(0, &json!({"id": "fc_1", "type": "function_call", "call_id": "c"}))], &["R16 Must"]);
    check(&[&created, &added(0, &json!({"id": "rs_1", "type": "reasoning"})), &a], &["R19 Should", "R21 Must"]);
    let mut other = ended.clone();
    other["item"]["call_id"] = "call_2".into();
    check(&[&created, &begun, &a, &b, &whole("{\"a\":1}"), &other], &["R19 Must"]);
    check(&[&created, &begun, &a, &whole("{\"a\""), &done(0, &call("{\"a\"")), &completed("{\"a\"")], &["R25 Must"]);

    let mut failed = lifecycle("failed", &nothing);
    check(&[&created, &failed], &["R26 Should"]);
    failed["response"]["error"] = json!({"code": "server_error", "message": "m"});
    check(&[&created, &failed], &[]);
    let error =
        json!({"type": "error", "error": {"type": "server_error", "code": null, "message": "m", "param": null}});
    check(&[&created, &error, &failed], &[]);
    check(&[&created, &error, &error], &["R27 Should"]);
    check(&[&created, &error, &completed("{}")], &["R27 Should"]);
    let mut short = lifecycle("incomplete", &nothing);
    check(&[&created, &short], &["R24 Should"]);
    short["response"]["incomplete_details"] = json!({"reason": "max_output_tokens"});
    check(&[&created, &short], &[]);
}

#[test]
fn content_is_said_however_it_came() {
    let said = |events: &[Value]| read(&stream(events)).0;
    let created = lifecycle("created", &json!([]));
    // A text whose part never began.
    let item = added(0, &json!({"id": "msg_1", "type": "message", "content": []}));
    let text = at("output_text.delta", &json!({"item_id": "msg_1", "delta": "a"}));
    assert_eq!(said(&[created.clone(), item, text]), [Say::Text("a".to_owned())]);
    // Arguments of which only the end tells.
    let whole = json!({"type": "response.function_call_arguments.done", "output_index": 0, "arguments": "{}"});
    let call_begins = Say::ToolCall { id: "call_1".to_owned(), name: "f".to_owned() };
    assert_eq!(said(&[created, added(0, &call("")), whole]), [call_begins, Say::Arguments("{}".to_owned())]);
}

#[test]
fn events_without_an_index_are_about_the_item_of_their_id() {
    let mut events = vec![
        lifecycle("created", &json!([])),
        added(0, &json!({"id": "msg_1", "type": "message", "content": []})),
        at("content_part.added", &json!({"item_id": "msg_1", "part": {"type": "output_text", "text": ""}})),
        at("output_text.delta", &json!({"item_id": "msg_1", "delta": "a"})),
        done(0, &message("a")),
        added(1, &call("")),
        json!({"type": "response.function_call_arguments.delta", "output_index": 1, "item_id": "fc_1", "delta": "{}"}),
        done(1, &call("{}")),
    ];
    let (said, reading) = read(&stream(&events));
    for event in &mut events {
        event.as_object_mut().expect("an event").retain(|key, _| !key.ends_with("_index"));
    }
    let (bare, without) = read(&stream(&events));
    assert_eq!(bare, said);
    assert_eq!(without.completion.parts, reading.completion.parts);
    let missing = without.findings.iter().filter(|finding| finding.rule == "R18").count();
    assert_eq!(missing, 5, "each event but those that begin an item: {:?}", without.findings);
}

#[test]
fn what_is_said_again_stands_beside_what_the_deltas_said() {
    let finals = |events: &[Value]| -> Vec<(String, String, String)> {
        let (_, reading) = read(&stream(events));
        reading.completion.finals.into_iter().map(|f| (f.place, f.said, f.text)).collect()
    };
    let part = at("content_part.added", &json!({"item_id": "msg_1", "part": {"type": "output_text", "text": ""}}));
    let delta = |text: &str| at("output_text.delta", &json!({"item_id": "msg_1", "delta": text}));
    let again = finals(&[
        lifecycle("created", &json!([])),
        added(0, &json!({"id": "msg_1", "type": "message", "content": []})),
        part,
        delta("a"),
        delta("b"),
        at("output_text.done", &json!({"item_id": "msg_1", "text": "ab"})),
        at("content_part.done", &json!({"item_id": "msg_1", "part": {"type": "output_text", "text": "ab"}})),
        done(0, &message("b")),
        lifecycle("completed", &json!([])),
    ]);
    let expect = |place: &str, text: &str| (place.to_owned(), "ab".to_owned(), text.to_owned());
    assert_eq!(
        again,
        [
            expect("response.output_text.done: output[0].content[0]", "ab"),
            expect("response.content_part.done: output[0].content[0]", "ab"),
            expect("response.output_item.done: output[0].content[0]", "b"),
            expect("response.completed: output[0].content[0]", ""),
        ]
    );

    // Arguments that come as a whole alone are said by it, and then again.
    let again = finals(&[
        lifecycle("created", &json!([])),
        added(0, &call("")),
        done(0, &call("{}")),
        lifecycle("completed", &json!([call("{\"a\":1}")])),
    ]);
    assert_eq!(
        again,
        [("response.completed: output[0].arguments".to_owned(), "{}".to_owned(), "{\"a\":1}".to_owned())]
    );
    // Nothing, said again, is no repetition.
    let silent = [
        lifecycle("created", &json!([])),
        added(0, &json!({"id": "msg_1", "type": "message", "content": []})),
        at("content_part.added", &json!({"item_id": "msg_1", "part": {"type": "output_text", "text": ""}})),
        at("output_text.done", &json!({"item_id": "msg_1", "text": ""})),
    ];
    assert_eq!(finals(&silent), []);
    // Where the last event leaves the output out, clients take the items as they ended.
    let mut bare = lifecycle("completed", &json!([]));
    bare["response"]["output"] = Value::Null;
    assert_eq!(finals(&[lifecycle("created", &json!([])), added(0, &call("{}")), bare]), []);
}

#[test]
fn a_response_that_begins_again_is_seen() {
    let created = lifecycle("created", &json!([]));
    assert_eq!(read(&stream(std::slice::from_ref(&created))).1.completion.starts.len(), 1);
    assert_eq!(read(&stream(&[created.clone(), created.clone()])).1.completion.starts.len(), 2);
    // Whatever is named later is known, too.
    let mut other = lifecycle("in_progress", &json!([]));
    (other["response"]["id"], other["response"]["model"]) = ("resp_2".into(), "n".into());
    let mut nameless = other.clone();
    (nameless["response"]["id"], nameless["response"]["model"]) = ("".into(), "".into());
    let completion = read(&stream(&[created, other, nameless])).1.completion;
    assert_eq!(
        (completion.ids, completion.models),
        (["resp_1", "resp_2"].map(str::to_owned).into(), ["m", "n"].map(str::to_owned).into())
    );
}

#[test]
fn errors_in_a_stream_are_seen_whatever_they_look_like() {
    for (data, kind, message) in [
        (
            r#"{"type":"error","error":{"type":"tokens","code":"rate_limit_exceeded","message":"m"}}"#,
            Some("tokens"),
            "m",
        ),
        (r#"{"type":"error","code":"server_error","message":"m","param":null}"#, Some("server_error"), "m"),
        (r#"{"error":{"message":"m","type":"server_error"}}"#, Some("server_error"), "m"),
        (r#"{"error":"m"}"#, None, "m"),
        (r#"{"type":"response.failed","response":{"error":{"code":"c","message":"m"}}}"#, Some("c"), "m"),
    ] {
        let (_, reading) = read(&format!("data: {data}\n\n"));
        let error = reading.completion.visible_error().unwrap_or_else(|| panic!("{data}"));
        assert_eq!((error.kind.as_deref(), error.message.as_str()), (kind, message));
        assert_eq!(reading.completion.terminator, None);
    }
}

#[test]
fn an_error_comes_as_the_vendor_sends_it() {
    let begun = stream(&[lifecycle("created", &json!([])), lifecycle("in_progress", &json!([]))]);
    let error = ApiError { message: "m".to_owned(), ..api().status_error(500) };
    let event = String::from_utf8(api().error_event(&error, 1, begun.as_bytes())).expect("text");
    let datas: Vec<Value> = event
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).expect("JSON"))
        .collect();
    let said = json!({"type": "server_error", "code": null, "message": "m", "param": null});
    assert_eq!(datas[0], json!({"type": "error", "sequence_number": 2, "error": said}));
    assert_eq!(datas[1]["type"], "response.failed");
    assert_eq!((&datas[1]["sequence_number"], &datas[1]["response"]["id"]), (&json!(3), &json!("resp_1")));
    let (_, reading) = read(&format!("{begun}{event}"));
    assert_eq!((reading.completion.errors.len(), reading.findings), (1, vec![]));
    // Before a response has begun, none can have failed.
    assert!(!String::from_utf8(api().error_event(&error, 1, b"")).expect("text").contains("response.failed"));
}

#[test]
fn a_last_event_without_its_blank_line_counts_if_it_is_whole() {
    let body = stream(&[lifecycle("created", &json!([])), lifecycle("completed", &json!([]))]);
    let (_, reading) = read(body.trim_end());
    assert!(reading.completion.terminator.is_some());
    let (_, reading) = read(&body[..body.len() - 4]);
    assert_eq!((reading.completion.finishes, reading.findings), (vec![], vec![]));
}

#[test]
fn finish_reasons() {
    let ended = |status: &str, reason: Option<&str>| {
        let mut event = lifecycle(status, &json!([]));
        event["response"]["incomplete_details"] = reason.map_or(Value::Null, |reason| json!({"reason": reason}));
        let (_, reading) = read(&stream(&[lifecycle("created", &json!([])), event]));
        let finish = reading.completion.finishes[0].clone();
        (finish.reason, finish.raw)
    };
    assert_eq!(ended("completed", None), (FinishReason::Stop, "completed".to_owned()));
    let length = (FinishReason::Length, "max_output_tokens".to_owned());
    assert_eq!(ended("incomplete", Some("max_output_tokens")), length);
    assert_eq!(ended("incomplete", Some("content_filter")), (FinishReason::Refusal, "content_filter".to_owned()));
    assert_eq!(ended("incomplete", None), (FinishReason::Other, "incomplete".to_owned()));
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
        "model": "gpt-5",
        "instructions": "Be terse.",
        "input": [
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "What is this?"},
                {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "low"},
                {"type": "input_file", "file_id": "file_1"}
            ]},
            {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}],
                "encrypted_content": "gAAA"},
            {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [
                {"type": "output_text", "text": "I look.", "annotations": [], "logprobs": []}
            ]},
            {"id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1", "name": "look",
                "arguments": "{\"at\":[1,2.5]}"},
            {"type": "function_call", "call_id": "call_2", "name": "look", "arguments": "broken"},
            {"type": "function_call_output", "call_id": "call_1", "output": "a cat"},
            {"type": "function_call_output", "call_id": "call_2", "output": [{"type": "input_text", "text": "x"}]},
            {"id": "ws_1", "type": "web_search_call", "status": "completed"},
            {"role": "assistant", "content": "Once"},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
            {"type": "item_reference", "id": "msg_9"},
            {"role": "developer", "content": "Later."},
            {"id": "rs_2", "type": "reasoning", "content": [{"type": "reasoning_text", "text": "So"}], "summary": []},
            {"role": "user", "content": [{"type": "input_text", "text": "Go on."}]}
        ],
        "temperature": 0.5, "top_p": 1, "max_output_tokens": 64, "user": "u-1", "stream": true,
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"], "store": false, "previous_response_id": "resp_1",
        "tools": [
            {"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"}, "strict": true},
            {"type": "web_search", "depth": 2}
        ],
        "tool_choice": {"type": "function", "name": "look"},
        "parallel_tool_calls": false,
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}, "verbosity": "low"},
        "metadata": {"a/b": "~"}
    }));
    let roles: Vec<Role> = conversation.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(
        roles,
        [System, User, Assistant, Tool, Tool, Assistant, Assistant, User, System, Assistant, User],
        "what the model said in one go is one turn"
    );
    let said = &conversation.turns[2];
    assert_eq!(said.place, "/input/1");
    assert!(matches!(&said.parts[0], Part::Thinking { text, signature: Some(s) } if text == "Hm." && s == "gAAA"));
    assert!(matches!(&said.parts[1], Part::Text { text, .. } if text == "I look."));
    assert!(
        matches!(&said.parts[2], Part::ToolCall { id, arguments, .. } if id == "call_1" && arguments["at"][0] == 1)
    );
    assert!(
        matches!(&conversation.turns[1].parts[1], Part::Image { media_type, digest, .. } if media_type == "image/png" && digest.len() == 64)
    );
    assert!(matches!(&conversation.turns[3].parts[0], Part::ToolResult { id, .. } if id == "call_1"));
    assert!(matches!(&conversation.turns[6].parts[0], Part::Refusal { text } if text == "No."));
    assert!(matches!(&conversation.turns[9].parts[0], Part::Thinking { text, .. } if text == "So"));
    assert_eq!(conversation.turns[0].place, "/instructions");
    assert_eq!(conversation.params["max_tokens"], 64);
    assert_eq!(conversation.params["reasoning_effort"], "low");
    assert_eq!(conversation.tool_choice, Some(json!({"tool": "look"})));
    assert_eq!(conversation.format.as_ref().map(|format| &format["type"]), Some(&json!("json_schema")));
    assert_eq!(conversation.user.as_deref(), Some("u-1"));
    for kept in ["/previous_response_id", "/store", "/include", "/metadata", "/reasoning/summary", "/text/verbosity"] {
        assert!(conversation.rest.contains_key(kept), "{kept}");
    }
    assert_eq!(api().prefill(&conversation), None);

    // Reasoning has a neutral form, unless its summary has several parts or none that says anything.
    let summary_text = |text: &str| json!({"type": "summary_text", "text": text});
    for (summary, kept) in [
        (json!([]), false),
        (json!([summary_text("Hm.")]), false),
        (json!([summary_text("a"), summary_text("b")]), true),
        (json!([summary_text("")]), false),
        (json!([{"type": "summary_text"}]), true),
    ] {
        let item = json!({"type": "reasoning", "summary": summary, "encrypted_content": "s"});
        let conversation = api().read_request(&json!({"model": "m", "input": [item]}));
        assert_eq!(conversation.rest.contains_key("/input/0/summary"), kept, "{item}");
    }
    let conversation = round_trip(&json!({"model": "m", "input": "Hi.", "safety_identifier": "u"}));
    assert_eq!((conversation.turns.len(), conversation.user.as_deref()), (1, Some("u")));
    round_trip(&json!({"model": "m", "input": "Hi.", "user": "u", "safety_identifier": "v"}));
    round_trip(&json!({"model": "m", "input": [{"role": "user", "content": "Hi."}], "instructions": null}));
    round_trip(&json!({"model": "m", "input": [], "text": {}, "reasoning": {}, "tool_choice": {"type": "mcp"}}));
    round_trip(&json!({"model": "m", "previous_response_id": "resp_1", "text": {"verbosity": "low"}}));
    let plain = round_trip(&json!({"model": "m", "input": "Hi.", "text": {"format": {"type": "text"}}}));
    assert_eq!(plain.format, None, "plain text is no format that is asked for");
}

#[test]
fn any_json_is_read() {
    for body in [
        json!(null),
        json!([]),
        json!("x"),
        json!({"input": null, "model": 5, "stream": "yes", "tools": {}, "tool_choice": 3, "user": 4, "text": 1}),
        json!({"input": [null, 5, {}, {"role": 5, "content": 7}, {"type": "function_call"}, {"type": "reasoning"}]}),
        json!({"input": [{"role": "user", "content": [null, {}, {"type": "input_text"}, {"type": "input_image"}]}]}),
        json!({"input": [{"type": "function_call_output", "output": 5}], "reasoning": 5, "tools": [null, 5, {}]}),
    ] {
        let conversation = api().read_request(&body);
        api().write_request(&conversation, "m");
    }
}

#[test]
fn unary_bodies_are_read() {
    let mut body = response("completed", &json!([message("a"), call("{}"), {"type": "web_search_call"}]));
    let read = |body: &Value| api().read_unary(body.to_string().as_bytes());
    let completion = read(&body).expect("a response");
    assert_eq!((completion.text.as_str(), completion.finishes[0].reason), ("a", FinishReason::ToolCalls));
    assert!(matches!(&completion.parts[2], Part::Other(_)));
    // Reasoning is there where it says something, or is signed.
    let summary = json!([{"type": "summary_text", "text": "Hm."}]);
    let thinking = |text: &str, signature: Option<&str>| Part::Thinking {
        text: text.to_owned(),
        signature: signature.map(str::to_owned),
    };
    for (item, expect) in [
        (json!({"type": "reasoning", "summary": summary}), vec![thinking("Hm.", None)]),
        (json!({"type": "reasoning", "summary": summary, "encrypted_content": "s"}), vec![thinking("Hm.", Some("s"))]),
        (json!({"type": "reasoning", "summary": [], "encrypted_content": "s"}), vec![thinking("", Some("s"))]),
        (json!({"type": "reasoning", "summary": []}), vec![]),
    ] {
        assert_eq!(read(&response("completed", &json!([item]))).expect("a response").parts, expect, "{item}");
    }
    body["status"] = "failed".into();
    body["error"] = json!({"code": "server_error", "message": "m"});
    let completion = read(&body).expect("a response");
    assert_eq!((completion.errors[0].message.as_str(), completion.finishes.len()), ("m", 0));
    body["object"] = "chat.completion".into();
    assert!(read(&body).is_err());
    assert!(read(&json!({"object": "response"})).is_err());
}

#[test]
fn error_bodies_stand_as_the_vendor_writes_them() {
    // Of this API an unknown model is a mistake in a parameter, not the gateway's answer.
    let error = ApiError {
        status: 400,
        kind: "invalid_request_error".to_owned(),
        message: "The requested model 'x' does not exist.".to_owned(),
        code: Some("model_not_found".to_owned()),
        param: Some("model".to_owned()),
    };
    let body = String::from_utf8(api().error_body(&error, 1)).expect("text");
    assert!(body.starts_with("{\n  \"error\": {\n    \"message\"") && body.ends_with('}'), "{body}");
    assert_eq!(api().error_headers(&error, 1).get("content-type"), Some("application/json"));
}
