//! What must hold in every spoken API.

use serde_json::json;

mod habits;
mod kept;
mod vendors;

use super::*;
use crate::answer::{AnswerScript, Lexicon, ScriptPart, Stage, speak};

fn spoken_apis() -> impl Iterator<Item = &'static dyn Api> {
    ApiId::ALL.into_iter().filter_map(ApiId::spoken)
}

fn script(parts: Vec<ScriptPart>) -> AnswerScript {
    AnswerScript { summary: None, parts, repeat: None, chunk: None, finish: None, output_tokens: None }
}

fn context(include_usage: bool) -> EncodeContext {
    EncodeContext { model: "some-model".to_owned(), include_usage, seed: 11, created: 1_760_000_000, input_tokens: 12 }
}

fn scripts() -> Vec<AnswerScript> {
    let text = |words| ScriptPart::Text { words: Some(words), literal: None };
    let call = |name: &str| ScriptPart::ToolCall {
        name: Some(name.to_owned()),
        arguments: json!({"city": "{word}", "deep": [1, {"x": "a {word}"}]}),
    };
    let empty = ScriptPart::ToolCall { name: None, arguments: json!({}) };
    vec![
        script(vec![text(24)]),
        script(vec![]),
        script(vec![call("weather")]),
        script(vec![call("weather"), call("time"), empty]),
        script(vec![text(3), call("weather")]),
        script(vec![ScriptPart::Thinking { words: 5, signature: true }, text(4)]),
        script(vec![ScriptPart::Thinking { words: 5, signature: false }, text(4)]),
        script(vec![ScriptPart::Thinking { words: 5, signature: true }]),
        script(vec![ScriptPart::Refusal { words: 6 }]),
        script(vec![ScriptPart::Text {
            words: None, literal: Some("Zoë 👩‍👩‍👧 {word}\n\n- {word}".to_owned())
        }]),
        AnswerScript { chunk: Some("3".to_owned()), repeat: Some(2), ..script(vec![text(5)]) },
    ]
}

#[test]
fn a_rendered_stream_reads_back_without_a_finding() {
    for api in spoken_apis() {
        for (n, script) in scripts().iter().enumerate() {
            for include_usage in [false, true] {
                let spoken = speak(script, Lexicon::new(3).voice(1), &[], 5);
                let context = context(include_usage);
                let rendition = api.render_stream(&spoken, &context);
                assert_eq!(rendition, api.render_stream(&spoken, &context), "same seed, same bytes");
                let body = rendition.body();
                let mut reader = api.stream_reader();
                let said: Vec<Say> = body.chunks(7).flat_map(|chunk| reader.feed(chunk)).collect();
                let reading = reader.finish();
                let what = format!("{} script {n}\n{}", api.id(), String::from_utf8_lossy(&body));
                assert_eq!(reading.findings, [], "{what}");
                assert_eq!(reading.completion.starts.len(), 1, "{what}");
                assert_eq!(reading.completion.finishes.len(), 1, "{what}");
                assert!(reading.completion.terminator.is_some(), "{what}");
                assert_eq!(reading.completion.text, rendition.text(), "{what}");
                assert_eq!(api.marks(&body), rendition.marks, "{what}");
                assert_eq!(rendition.marks.last().map(|mark| mark.stage), Some(Stage::Terminator), "{what}");

                // What was said, written again, says the same.
                let mut writer = api.stream_writer(&context);
                let mut again: Vec<u8> = writer.begin().into_iter().flat_map(|w| w.bytes).collect();
                again.extend(said.iter().flat_map(|say| writer.say(say)).flat_map(|w| w.bytes));
                let finish = reading.completion.finishes[0].reason;
                again.extend(writer.finish(finish, Usage::default()).into_iter().flat_map(|w| w.bytes));
                let mut reader = api.stream_reader();
                assert_eq!(reader.feed(&again), said, "{what}");
                assert_eq!(reader.finish().findings, [], "{what}");

                let unary = api.render_unary(&spoken, &context);
                let unary = api.read_unary(&unary.body()).expect("our own body");
                assert_eq!(unary.text, reading.completion.text, "{what}");
                assert_eq!(unary.parts, reading.completion.parts, "{what}");
                assert_eq!(unary.finishes[0].reason, finish, "{what}");
            }
        }
    }
}

#[test]
fn errors_are_read_back_and_belong_to_one_api() {
    for api in spoken_apis() {
        for status in [400, 401, 403, 404, 408, 413, 418, 429, 500, 502, 503, 504, 529] {
            let error = api.status_error(status);
            let body = api.error_body(&error, 9);
            assert_eq!(api.read_error(status, &body).as_ref(), Some(&error), "{}", api.id());
            // The two APIs of one vendor say errors alike.
            for other in spoken_apis().filter(|other| other.error_body(&error, 9) != body) {
                assert_eq!(other.read_error(status, &body), None, "{} as {}", api.id(), other.id());
            }
            let mut reader = api.stream_reader();
            reader.feed(&api.error_event(&error, 9, b""));
            let seen = reader.finish().completion;
            assert_eq!(seen.visible_error().map(|e| e.message.as_str()), Some(error.message.as_str()));
        }
    }
}

#[test]
fn the_key_that_is_sent_is_the_key_that_is_presented() {
    for api in spoken_apis() {
        assert_eq!(api.presented_key(&api.target("m", true), &api.request_headers("sk-1")).as_deref(), Some("sk-1"));
    }
}

/// What is said in one API and written in the other, event by event, as a proxy does.
#[test]
fn a_stream_that_is_translated_says_the_same() {
    let pairs = spoken_apis().flat_map(|from| spoken_apis().map(move |to| (from, to)));
    for (from, to) in pairs.filter(|(from, to)| from.id() != to.id()) {
        for (n, script) in scripts().iter().enumerate() {
            let spoken = speak(script, Lexicon::new(3).voice(1), &[], 5);
            let body = from.render_stream(&spoken, &context(true)).body();
            let mut reader = from.stream_reader();
            let mut writer = to.stream_writer(&context(true));
            let mut out: Vec<u8> = Vec::new();
            let mut begun = false;
            for chunk in body.chunks(50) {
                for say in reader.feed(chunk) {
                    if !std::mem::replace(&mut begun, true) {
                        out.extend(writer.begin().into_iter().flat_map(|written| written.bytes));
                    }
                    out.extend(writer.say(&say).into_iter().flat_map(|written| written.bytes));
                }
            }
            let original = reader.finish().completion;
            let ended = writer.finish(original.finishes[0].reason, Usage { input: 1, output: 2 });
            out.extend(ended.into_iter().flat_map(|written| written.bytes));
            let mut reader = to.stream_reader();
            reader.feed(&out);
            let reading = reader.finish();
            let what = format!("{} to {} script {n}\n{}", from.id(), to.id(), String::from_utf8_lossy(&out));
            assert_eq!(reading.findings, [], "{what}");
            assert_eq!(reading.completion.starts.len(), 1, "{what}");
            assert!(reading.completion.terminator.is_some(), "{what}");
            let calls = |completion: &Completion| -> Vec<Part> {
                completion.parts.iter().filter(|part| matches!(part, Part::ToolCall { .. })).cloned().collect()
            };
            assert_eq!(calls(&reading.completion), calls(&original), "{what}");
            let words = |completion: &Completion| -> String {
                let said = completion.deltas.iter().filter(|delta| delta.kind != PieceKind::Arguments);
                said.map(|delta| delta.text.as_str()).collect()
            };
            assert_eq!(words(&reading.completion), words(&original), "{what}");
        }
    }
}

#[test]
fn a_request_that_is_translated_keeps_its_turns() {
    let chat = ApiId::OpenaiChat.spoken().expect("spoken");
    let messages = ApiId::AnthropicMessages.spoken().expect("spoken");
    let asked = json!({
        "model": "m", "max_completion_tokens": 9, "stream": true, "stream_options": {"include_usage": true},
        "user": "u", "seed": 3, "stop": "x", "n": 1,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": true}}],
        "tool_choice": "required",
        "messages": [
            {"role": "developer", "content": "Be terse."},
            {"role": "user", "content": [
                {"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
            ]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
                {"id": "call_2", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ]},
            {"role": "tool", "tool_call_id": "call_1", "content": "one"},
            {"role": "tool", "tool_call_id": "call_2", "content": "two"},
            {"role": "system", "content": "Now."},
            {"role": "user", "content": "Go on."}
        ]
    });
    let conversation = chat.read_request(&asked);
    let body = messages.write_request(&conversation, "claude");
    assert_eq!(
        body,
        json!({
            "model": "claude", "max_tokens": 9, "stream": true, "stop_sequences": ["x"], "metadata": {"user_id": "u"},
            "tools": [{"name": "f", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "any"},
            "system": [{"type": "text", "text": "Be terse."}, {"type": "text", "text": "Now."}],
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "See"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
                ]},
                {"role": "assistant", "content": [
                    {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}},
                    {"type": "tool_use", "id": "call_2", "name": "f", "input": {}}
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "call_1", "content": "one"},
                    {"type": "tool_result", "tool_use_id": "call_2", "content": "two"}
                ]},
                {"role": "user", "content": "Go on."}
            ]
        })
    );
    let responses = ApiId::OpenaiResponses.spoken().expect("spoken").write_request(&conversation, "gpt");
    assert_eq!((&responses["instructions"], responses.get("seed")), (&json!("Be terse."), None));
    let back = chat.write_request(&messages.read_request(&body), "m");
    assert_eq!(back["messages"][3], asked["messages"][3]);
    assert_eq!(back["messages"][2], asked["messages"][2]);
    assert_eq!(back["tool_choice"], "required");
    assert_eq!(back["user"], "u");
}

#[test]
fn results_that_follow_one_another_stand_together() {
    let turn = |role, part| Turn { role, parts: vec![part], place: String::new() };
    let result = |id: &str| {
        let parts = vec![Part::text("x")];
        turn(Role::Tool, Part::ToolResult { id: id.to_owned(), parts, error: false, cache: false })
    };
    let turns = vec![result("a"), result("b"), result("c"), turn(Role::User, Part::text("Hi")), result("d")];
    let conversation = Conversation { turns, ..Conversation::default() };
    for (id, turns, parts) in [(ApiId::AnthropicMessages, "messages", "content"), (ApiId::Gemini, "contents", "parts")]
    {
        let body = id.spoken().expect("spoken").write_request(&conversation, "m");
        let turns = body[turns].as_array().expect("turns").iter();
        let lengths: Vec<usize> = turns.map(|turn| turn[parts].as_array().map_or(1, Vec::len)).collect();
        assert_eq!(lengths, [3, 1, 1], "{body}");
    }
}

#[test]
fn a_turn_without_parts_is_a_turn() {
    let turns = vec![Turn { role: Role::User, parts: Vec::new(), place: String::new() }];
    let conversation = Conversation { turns, ..Conversation::default() };
    for (id, place, expect) in [
        (ApiId::OpenaiChat, "/messages/0/content", json!("")),
        (ApiId::AnthropicMessages, "/messages/0/content", json!([])),
        (ApiId::OpenaiResponses, "/input/0/content", json!("")),
        (ApiId::Gemini, "/contents/0/parts", json!([])),
    ] {
        let body = id.spoken().expect("spoken").write_request(&conversation, "m");
        assert_eq!(body.pointer(place), Some(&expect), "{body}");
    }
}

#[test]
fn tokens_are_read_in_every_spelling() {
    for (reported, expect) in [
        (json!({"prompt_tokens": 3, "completion_tokens": 9}), Some((3, 9))),
        (json!({"input_tokens": 3}), Some((3, 0))),
        (json!({"candidatesTokenCount": 9}), Some((0, 9))),
        (json!({"prompt_eval_count": 3, "eval_count": 9}), Some((3, 9))),
        (json!({"billed_units": {"input_tokens": 1}, "tokens": {"input_tokens": 3, "output_tokens": 9}}), Some((3, 9))),
        (json!({"total_tokens": 12}), None),
    ] {
        assert_eq!(Usage::read(&reported), expect.map(|(input, output)| Usage { input, output }), "{reported}");
    }
}

#[test]
fn an_api_says_what_it_is() {
    for api in spoken_apis() {
        assert_eq!(serde_json::to_value(api.id()).expect("JSON"), json!(api.id().name()));
        let model: ModelName = api.usual_model().parse().expect("a vendor and a model");
        assert_eq!(ApiId::of_vendor(&model.vendor, api.id()), Some(api.id()), "its vendor is asked in it");
    }
}

/// What is made here, of no body, is said in full in either API.
#[test]
fn a_conversation_without_a_body_is_written() {
    let conversation = Conversation {
        turns: vec![Turn { role: Role::User, parts: vec![Part::text("Hi")], place: String::new() }],
        params: [("max_tokens".to_owned(), json!(5)), ("vendor_key".to_owned(), json!(true))].into(),
        ..Conversation::default()
    };
    for api in spoken_apis() {
        let body = api.write_request(&conversation, "m");
        if api.id() == ApiId::Gemini {
            assert_eq!(body["generationConfig"], json!({"maxOutputTokens": 5, "vendor_key": true}));
            assert_eq!(body["contents"], json!([{"role": "user", "parts": [{"text": "Hi"}]}]));
            continue;
        }
        if api.id() == ApiId::BedrockConverse {
            assert_eq!(body["inferenceConfig"], json!({"maxTokens": 5}));
            assert_eq!(body["additionalModelRequestFields"], json!({"vendor_key": true}));
            assert_eq!(body["messages"], json!([{"role": "user", "content": [{"text": "Hi"}]}]));
            continue;
        }
        if api.id() == ApiId::OllamaChat {
            assert_eq!(body["options"], json!({"num_predict": 5, "vendor_key": true}));
            assert_eq!(body["messages"], json!([{"role": "user", "content": "Hi"}]));
            continue;
        }
        let (limit, turns) = match api.id() {
            ApiId::OpenaiResponses => ("max_output_tokens", "input"),
            _ => ("max_tokens", "messages"),
        };
        assert_eq!((&body[limit], &body["vendor_key"]), (&json!(5), &json!(true)), "{}", api.id());
        assert_eq!(body[turns], json!([{"role": "user", "content": "Hi"}]));
    }
}
