use serde_json::{Value, json};

use crate::api::{Api, ApiId, Conversation, EncodeContext, FinishReason, Part, Reading, Role, Say, SideCall, Usage};

fn api() -> &'static dyn Api {
    ApiId::OllamaChat.spoken().expect("spoken")
}

fn line(message: &Value) -> String {
    json!({"model": "m", "created_at": "2025-08-20T13:48:23.24606Z", "message": message, "done": false}).to_string()
        + "\n"
}

fn text(text: &str) -> String {
    line(&json!({"role": "assistant", "content": text}))
}

fn call(function: &Value) -> String {
    line(&json!({"role": "assistant", "content": "", "tool_calls": [{"function": function}]}))
}

fn end(reason: &str) -> String {
    let message = json!({"role": "assistant", "content": ""});
    json!({
        "model": "m", "message": message, "done": true, "done_reason": reason, "prompt_eval_count": 3, "eval_count": 4
    })
    .to_string()
        + "\n"
}

fn read(body: &str) -> (Vec<Say>, Reading) {
    let mut reader = api().stream_reader();
    let said = body.as_bytes().chunks(11).flat_map(|chunk| reader.feed(chunk)).collect();
    (said, reader.finish())
}

/// Findings as `rule LEVEL`.
#[track_caller]
fn check(lines: &[String], findings: &[&str]) -> Reading {
    let (_, reading) = read(&lines.concat());
    let got: Vec<String> = reading.findings.iter().map(|f| format!("{} {:?}", f.rule, f.level)).collect();
    assert_eq!(got, findings, "{:#?}", reading.findings);
    reading
}

#[test]
fn grammar() {
    let reading = check(&[text("a"), text("b"), end("stop")], &[]);
    let completion = &reading.completion;
    assert_eq!((completion.text.as_str(), completion.terminator), ("ab", Some(2 * text("a").len())));
    assert_eq!(completion.usage.as_ref().and_then(Usage::read), Some(Usage { input: 3, output: 4 }));
    assert_eq!(completion.models, ["m"]);
    check(&[end("length")], &[]);
    check(&[line(&json!({"role": "assistant", "content": "", "thinking": "Hm."})), text("a"), end("stop")], &[]);
    let called = check(&[call(&json!({"name": "f", "arguments": {"a": 1}})), end("stop")], &[]);
    assert_eq!(called.completion.finishes[0].reason, FinishReason::ToolCalls);
    // Truncation is judged by the ending.
    check(&[text("a")], &[]);
    check(&[text("a"), text("b")[..20].to_owned()], &[]);

    check(&["[]\n".to_owned()], &["O01 Must"]);
    check(&["data: {}\n".to_owned()], &["O01 Must"]);
    check(&[text("\u{2028}"), end("stop")], &["O02 Must"]);
    check(&["{\"model\":\"m\",\"done\":false}\n".to_owned()], &["O03 Must"]);
    check(&[line(&json!(["a"]))], &["O03 Must"]);
    check(&[line(&json!({"content": "a"}))], &["O04 Must"]);
    check(&[line(&json!({"role": "model", "content": "a"}))], &["O04 Should"]);
    check(&[line(&json!({"role": "assistant", "content": ["a"]}))], &["O05 Must"]);
    check(&[line(&json!({"role": "assistant", "tool_calls": {}}))], &["O05 Must"]);
    check(&[call(&json!({"arguments": {}}))], &["O06 Must"]);
    let half = check(&[call(&json!({"name": "f", "arguments": "{\"a\":1}"})), end("stop")], &["O07 Must"]);
    let named = |part: &Part| matches!(part, Part::ToolCall { name, arguments, .. } if name == "f" && *arguments == json!({"a": 1}));
    assert!(half.completion.parts.iter().any(named));
    check(&[text("a"), end("stop"), text("b")], &["O08 Should"]);
    let undone = json!({"model": "m", "message": {"role": "assistant", "content": "a"}}).to_string() + "\n";
    check(&[undone], &["O09 Should"]);
    check(&[text("a"), end("stop").trim_end().to_owned()], &["O10 Should"]);
    check(&[text("a"), end("stop").replace("\"m\"", "\"n\"")], &["O11 Should"]);
    check(&[text("a"), end("bored")], &["O12 Should"]);
    let loaded = check(&[end("load")], &[]);
    assert_eq!(loaded.completion.finishes[0].reason, FinishReason::Other);
    // Each change between thinking and text begins a part.
    let thought = |text: &str| line(&json!({"role": "assistant", "content": "", "thinking": text}));
    let thinking = |text: &str| Part::Thinking { text: text.to_owned(), signature: None };
    let reading = check(&[thought("a"), thought("b"), text("c"), text("d"), thought("e"), end("stop")], &[]);
    assert_eq!(reading.completion.parts, [thinking("ab"), Part::text("cd"), thinking("e")]);
    let silent = end("stop").replace("\"prompt_eval_count\":3,\"eval_count\":4", "\"total_duration\":1");
    check(&[text("a"), silent], &["O13 Should"]);
    check(&[text("a"), "\n".to_owned(), end("stop")], &["N01 Must"]);
}

#[test]
fn an_error_is_a_line() {
    let error = api().status_error(503);
    assert_eq!(api().error_body(&error, 1), json!({"error": error.message}).to_string().into_bytes());
    let event = String::from_utf8(api().error_event(&error, 1, b"")).expect("text");
    let reading = check(&[text("a"), event.clone()], &[]);
    assert_eq!(reading.completion.visible_error().map(|error| error.offset), Some(text("a").len()));
    check(&[event, end("stop")], &["O08 Should"]);
    for nothing in ["\"\"", "null", "false"] {
        let line = text("a").replace("\"done\"", &format!("\"error\":{nothing},\"done\""));
        assert_eq!(check(&[line], &[]).completion.errors, [], "{nothing}");
    }
}

#[test]
fn lines_are_as_the_vendor_writes_them() {
    let context =
        EncodeContext { model: "m".to_owned(), include_usage: true, seed: 1, created: 1_755_697_703, input_tokens: 2 };
    let mut writer = api().stream_writer(&context);
    let said = writer.say(&Say::Text("<é>\u{2028}".to_owned()));
    assert_eq!(
        String::from_utf8(said[0].bytes.clone()).expect("text"),
        "{\"model\":\"m\",\"created_at\":\"2025-08-20T13:48:23.000000Z\",\"message\":{\"role\":\"assistant\",\
         \"content\":\"\\u003cé\\u003e\\u2028\"},\"done\":false}\n"
    );
    let said = [writer.say(&Say::Text("a".to_owned())), writer.finish(FinishReason::Stop, Usage::default())].concat();
    let moments = said.iter().map(|written| serde_json::from_slice::<Value>(&written.bytes).expect("JSON"));
    let moments: Vec<Value> = moments.map(|line| line["created_at"].clone()).collect();
    assert_eq!(moments, ["2025-08-20T13:48:23.005000Z", "2025-08-20T13:48:23.010000Z"]);
    assert_eq!(super::message::moment(&context, 2_034_567_891), "2025-08-20T13:48:25.034567Z");
    let days = [(0, (1970, 1, 1)), (59, (1970, 3, 1)), (11_016, (2000, 2, 29)), (20_453, (2025, 12, 31))];
    for (day, date) in days {
        assert_eq!(super::message::date(day), date);
    }
    // Every day follows the one before.
    let leaps = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut month, mut day) = (1970, 1, 1);
    for days in 0..400 * 366 {
        assert_eq!(super::message::date(days), (year, month, day));
        let length = match month {
            2 => 28 + u64::from(leaps(year)),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        (month, day) = if day < length { (month, day + 1) } else { (month + 1, 1) };
        (year, month) = if month > 12 { (year + 1, 1) } else { (year, month) };
    }
}

#[test]
fn calls_are_numbered() {
    let context = EncodeContext { model: "m".to_owned(), include_usage: true, seed: 1, created: 0, input_tokens: 2 };
    let mut writer = api().stream_writer(&context);
    // A call that waits is whole when another begins.
    let mut written = Vec::new();
    for id in ["a", "b", "c"] {
        written.extend(writer.say(&Say::ToolCall { id: id.to_owned(), name: "f".to_owned() }));
        written.extend(writer.say(&Say::Arguments("{}".to_owned())));
    }
    written.extend(writer.finish(FinishReason::ToolCalls, Usage::default()));
    let lines = written.iter().map(|written| serde_json::from_slice::<Value>(&written.bytes).expect("JSON"));
    let calls: Vec<Value> = lines.filter_map(|line| Some(line["message"].get("tool_calls")?[0].clone())).collect();
    let each = |call: &Value| (call["id"].clone(), call["function"]["index"].clone());
    assert_eq!(
        calls.iter().map(each).collect::<Vec<_>>(),
        [(json!("a"), json!(0)), (json!("b"), json!(1)), (json!("c"), json!(2))]
    );
}

#[test]
fn usage_is_forgotten_under_its_own_names() {
    let mut body = json!({"prompt_eval_count": 3, "eval_count": 4, "total_duration": 5});
    api().forget_usage(&mut body);
    assert_eq!(body, json!({"total_duration": 5}));
}

#[test]
fn a_request_comes_back_as_it_stood() {
    let function = json!({"name": "f", "description": "d", "parameters": {"type": "object"}});
    let body = json!({
        "model": "llama3.1:8b", "stream": false, "think": true, "keep_alive": "5m", "format": {"type": "object"},
        "options": {"num_predict": 9, "temperature": 0, "stop": ["x"], "num_ctx": 4096},
        "tools": [{"type": "function", "function": function}],
        "messages": [
            {"role": "system", "content": "Be terse."},
            {"role": "user", "content": "See", "images": ["iVBORw0KGgo="]},
            {"role": "assistant", "content": "", "thinking": "Hm.", "tool_calls": [
                {"function": {"name": "f", "arguments": {"a": 1}}}, {"id": "c", "function": {"name": "f", "arguments": {}}}
            ]},
            {"role": "tool", "content": "one", "tool_name": "f"},
            {"role": "tool", "content": "two", "tool_name": "f", "tool_call_id": "c"},
            {"role": "other", "content": "odd"}
        ],
    });
    let conversation = api().read_request(&body);
    assert_eq!(api().write_request(&conversation, "llama3.1:8b"), body);
    assert_eq!(conversation.params["max_tokens"], json!(9));
    assert_eq!(conversation.rest.keys().collect::<Vec<_>>(), ["/keep_alive", "/messages/5/role", "/options/num_ctx"]);
    // Results find their calls, with an id or without.
    let ids = |role: Role| -> Vec<String> {
        let turns = conversation.turns.iter().filter(|turn| turn.role == role);
        let parts = turns.flat_map(|turn| &turn.parts);
        let ids = parts.filter_map(|part| match part {
            Part::ToolCall { id, .. } | Part::ToolResult { id, .. } => Some(id.clone()),
            _ => None,
        });
        ids.collect()
    };
    assert_eq!(ids(Role::Assistant), ids(Role::Tool));
    // A stream is what comes where nothing else is asked for.
    assert!(api().read_request(&json!({"model": "m"})).stream);
    assert_eq!(
        api().write_request(&Conversation::default(), "m"),
        json!({"model": "m", "messages": [], "stream": false})
    );
    // Whether to think is said both ways; what is no call is kept, and what is no message.
    for (think, kind) in [(true, "enabled"), (false, "disabled")] {
        let body = json!({
            "model": "m", "messages": [{"role": "assistant", "content": "", "tool_calls": [7]}, 7], "think": think,
            "stream": true,
        });
        let conversation = api().read_request(&body);
        assert_eq!(conversation.params["thinking"], json!({"type": kind}));
        assert_eq!(api().write_request(&conversation, "m"), body);
    }
    // An image is of the type with which it begins.
    for (begins, kind) in [("/9j/", "jpeg"), ("R0lGOD", "gif"), ("UklGR", "webp"), ("iVBORw0KGgo", "png")] {
        let conversation = api().read_request(&json!({"messages": [{"role": "user", "images": [begins]}]}));
        let Part::Image { media_type, .. } = &conversation.turns[0].parts[0] else { panic!("an image") };
        assert_eq!(*media_type, format!("image/{kind}"));
    }
    // The text goes on.
    let trailing = json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]});
    assert_eq!(api().prefill(&api().read_request(&trailing)).as_deref(), Some("b"));
}

#[test]
fn side_calls() {
    let check = |method: &str, path: &str, place: &str, expect: Option<Value>| {
        let answer = api().side(&SideCall { method, path, models: &["llama3.1:8b"], tokens: 1 });
        assert_eq!(answer.and_then(|answer| answer.pointer(place).cloned()), expect, "{method} {path}");
    };
    check("GET", "/api/tags", "/models/0/name", Some(json!("llama3.1:8b")));
    check("GET", "/api/version", "/version", Some(json!("0.12.6")));
    check("POST", "/api/show", "/capabilities/0", Some(json!("completion")));
    check("POST", "/api/pull", "", None);
}
