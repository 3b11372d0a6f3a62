//! What must hold in every spoken API.

use serde_json::json;

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
            for other in spoken_apis().filter(|other| other.id() != api.id()) {
                assert_eq!(other.read_error(status, &body), None, "{} as {}", api.id(), other.id());
            }
            let mut reader = api.stream_reader();
            reader.feed(&api.error_event(&error, 9));
            let seen = reader.finish().completion;
            assert_eq!(seen.visible_error().map(|e| e.message.as_str()), Some(error.message.as_str()));
        }
    }
}

#[test]
fn the_key_that_is_sent_is_the_key_that_is_presented() {
    for api in spoken_apis() {
        assert_eq!(api.presented_key(&api.request_headers("sk-1")).as_deref(), Some("sk-1"));
    }
}
