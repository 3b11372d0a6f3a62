//! Streams in lines of JSON are judged as streams, though each begins like a whole answer.

use crate::api::ApiId;
use crate::check::testing::{Bit, Lab, stream, whole, words};
use crate::check::view::{Form, StepView};
use crate::framing::Framing;
use crate::history::{ClientEnd, UpstreamEnd};
use crate::scenario::By;
use crate::wire::Blob;

fn lines() -> Lab {
    Lab::new(ApiId::OllamaChat, &["ollama/llama3.1:8b", "ollama/llama3.1:8b"])
}

/// An answer in pieces of a word each, the last line but the one that is done.
fn pieces(range: std::ops::Range<u64>) -> Vec<Bit> {
    let begin = range.start;
    let piece = |n| Bit::Text(words(0, n..n + 1));
    [Bit::Begin(1)].into_iter().chain((begin..range.end).map(piece)).collect()
}

fn done(mut bits: Vec<Bit>) -> Vec<Bit> {
    bits.push(Bit::Done);
    bits
}

/// A leg that says all, word by word.
fn said() -> Lab {
    lines().ask("primary").sends(0, 0, &done(pieces(0..24)), UpstreamEnd::Complete)
}

/// A leg that breaks off behind 5 words.
fn broken() -> Lab {
    let lab = lines().breaks("primary", 0, 5, &By::Close);
    lab.sends(0, 0, &pieces(0..5), UpstreamEnd::Cut("close".to_owned()))
}

#[test]
fn what_was_asked_for_tells_a_stream_from_a_whole_answer() {
    let check = |asked: bool, bits: &[Bit], expect: Form| {
        let lab = lines().ask("primary").sends(0, 0, bits, UpstreamEnd::Complete);
        let lab = lab.edited(|conversation| conversation.stream = asked).hears(bits, ClientEnd::Complete);
        let lab = lab.with(|history| history.steps[0].client.stream = asked);
        let step = &StepView::of(&lab.history)[0];
        assert_eq!((step.client.form, step.calls[0].stream), (expect, asked), "{bits:?}");
    };
    check(true, &done(pieces(0..24)), Form::Stream);
    // One line is both: it has its message, and it is done.
    let one = [Bit::Raw(concat!(
        r#"{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"dacola"},"#,
        r#""done":true,"done_reason":"stop","eval_count":1}"#
    ))];
    check(true, &one, Form::Stream);
    check(false, &one, Form::Unary);
    // Several lines are no whole answer to anyone.
    check(false, &done(pieces(0..24)), Form::Unreadable);
}

#[test]
fn a_whole_stream_of_lines_passes() {
    said().hears(&done(pieces(0..24)), ClientEnd::Complete).is("completed", &[]).check(&[
        ("stream.grammar", "pass"),
        ("stream.text", "pass"),
        ("stream.finish", "pass"),
        ("stream.terminator", "not-exercised: has no end mark"),
        ("stream.incremental", "not-exercised"),
        ("stream.truncation-visible", "not-exercised"),
    ]);
}

#[test]
fn the_grammar_of_lines() {
    let check = |damage: &'static str, expect: &str| {
        let mut bits = pieces(0..24);
        bits.insert(3, Bit::Raw(damage));
        said().hears(&done(bits), ClientEnd::Complete).check(&[("stream.grammar", expect)]);
    };
    let message = r#""message":{"role":"assistant","content":""}"#;
    let line = |fields: &str| -> &'static str { format!("{{\"model\":\"m\",{fields}}}\n").leak() };
    check(line(&format!("{message},\"done\":false")), "pass");
    check(line(message), "warn: O09");
    check(line("\"done\":false"), "fail: O03");
    check("{\"model\":\n", "fail: O01");
    check("data: {}\n", "fail: O01");
    check("\n", "fail");
}

#[test]
fn the_content_type_of_lines() {
    let body = stream(ApiId::OllamaChat, &done(pieces(0..24)));
    let body = std::str::from_utf8(&body).expect("text");
    let check = |kind: &str, expect: &str| {
        said().hears_body(200, kind, body).check(&[("stream.grammar", expect)]);
    };
    check(Framing::Ndjson.media_type(), "pass");
    check("application/x-ndjson; charset=utf-8", "pass");
    check("application/json", "warn: content-type");
    check(Framing::Sse.media_type(), "warn: content-type");
}

#[test]
fn lines_are_handed_on_as_they_come() {
    let lab = |lacked: Option<u32>| {
        let gated = said().last(|exchange| {
            exchange.gated = true;
            exchange.gate_opened = lacked;
        });
        gated.hears(&done(pieces(0..24)), ClientEnd::Complete)
    };
    lab(None).check(&[("stream.incremental", "pass")]);
    // All that the leg had said, line by line: that they are many is known by reading them as a stream.
    lab(Some(24)).check(&[("stream.incremental", "fail: at once")]);
    // Without the times of its own chunks, a client tells nothing: each line comes in one of its own.
    let apart = lab(Some(2)).with(|history| {
        let client = &mut history.steps[0].client;
        let chunk = client.chunks.remove(0);
        let each = chunk.data.0.split_inclusive(|byte| *byte == b'\n');
        client.chunks = each.map(|line| crate::wire::Chunk { at: chunk.at, data: Blob(line.to_vec()) }).collect();
    });
    apart.check(&[("stream.incremental", "warn: lacked 2")]);
}

#[test]
fn lines_that_break_off_never_look_finished() {
    let check = |bits: Vec<Bit>, end: ClientEnd, outcome: &str, bad: &[&str]| {
        broken().hears(&bits, end).is(outcome, bad);
    };
    let silent = ["!stream.truncation-visible", "!expect.outcome"];
    check(pieces(0..5), ClientEnd::Complete, "silent", &silent);
    check(done(pieces(0..5)), ClientEnd::Complete, "silent", &silent);
    check(pieces(0..5), ClientEnd::Broken("reset".to_owned()), "broken", &[]);
    let mut told = pieces(0..5);
    told.push(Bit::Error("upstream broke"));
    check(told, ClientEnd::Complete, "error", &[]);
}

#[test]
fn words_of_lines_are_attributed() {
    let check = |bits: Vec<Bit>, expect: &str| {
        said().hears(&done(bits), ClientEnd::Complete).check(&[("stream.text", expect)]);
    };
    let mut lost = pieces(0..24);
    lost.remove(7);
    check(lost, "fail: text lost");
    let mut doubled = pieces(0..24);
    doubled.insert(7, Bit::Text(whole(0)));
    check(doubled, "fail: text doubled");
}
