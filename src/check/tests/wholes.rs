//! `stream.terminator`, `stream.final`, `stream.utf8`, `stream.passthrough`, and hedging.

use crate::api::{ApiId, Final, PieceKind};
use crate::check::stream::finals;
use crate::check::testing::{Bit, Lab, stream, whole, words};
use crate::check::view::StepView;
use crate::history::{ClientEnd, UpstreamEnd};
use crate::proxy::{AfterError, Passthrough, Policy};
use crate::scenario::By;
use crate::wire::{Blob, Chunk};

fn sends_bytes(lab: Lab, body: &[u8]) -> Lab {
    let body = body.to_vec();
    lab.ask("primary").last(|exchange| exchange.sent = vec![Chunk { at: 2_000, data: Blob(body) }])
}

fn hears_bytes(lab: Lab, body: &[u8]) -> Lab {
    let lab = lab.hears_body(200, "text/event-stream", "");
    let body = body.to_vec();
    lab.with(|history| history.steps[0].client.chunks[0].data = Blob(body))
}

#[test]
fn the_end_mark_comes_once_behind_a_whole_answer() {
    let check = |bits: &[Bit], expect: &str| {
        Lab::chat().answers("primary", 0).hears(bits, ClientEnd::Complete).check(&[("stream.terminator", expect)]);
    };
    let answer = || vec![Bit::Begin(1), Bit::Text(whole(0)), Bit::Done];
    check(&answer(), "pass");
    let mut twice = answer();
    twice.push(Bit::Raw("data: [DONE]\n\n"));
    check(&twice, "warn: comes again");
    check(&[Bit::Begin(1), Bit::Text(whole(0)), Bit::Finish], "warn: lacks the end mark");
    Lab::messages().answers("primary", 0).hears_answer(&whole(0)).check(&[("stream.terminator", "pass")]);
    // A leg that never ended has no end mark that the client could lack.
    let bits = [Bit::Begin(1), Bit::Text(whole(0)), Bit::Finish];
    let lab = Lab::chat().ask("primary").sends(0, 0, &bits, UpstreamEnd::Cut("close".to_owned()));
    lab.hears(&bits, ClientEnd::Complete).check(&[("stream.terminator", "not-exercised")]);
    Lab::chat().fails("primary", 503).hears_status(503, "x").check(&[("stream.terminator", "not-exercised")]);
}

#[test]
fn no_end_mark_behind_an_error() {
    let lab = |declared, mark: &'static str| {
        let bits = [Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Error("Overloaded"), Bit::Raw(mark)];
        let lab = Lab::chat().policy(|policy| policy.after_error = declared);
        lab.breaks("primary", 0, 5, &By::ErrorEvent).hears(&bits, ClientEnd::Complete)
    };
    let mark = "data: [DONE]\n\n";
    // It is a matter of this check alone.
    lab(None, mark).is("error", &["stream.terminator"]);
    lab(Some(AfterError::Nothing), mark).is("error", &["!stream.terminator"]);
    lab(Some(AfterError::Terminator), mark).is("error", &[]);
    lab(None, "").is("error", &[]);
    let messages = |mark: &'static str| {
        let bits = [Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Error("Overloaded"), Bit::Raw(mark)];
        Lab::messages().breaks("primary", 0, 5, &By::ErrorEvent).hears(&bits, ClientEnd::Complete)
    };
    messages("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
        .check(&[("stream.terminator", "warn"), ("stream.grammar", "pass")]);
    // A leg that does so itself had that handed on.
    let bits = [Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Error("Overloaded"), Bit::Raw(mark)];
    let own = Lab::chat().ask("primary").sends(0, 0, &bits, UpstreamEnd::Complete).hears(&bits, ClientEnd::Complete);
    own.check(&[("stream.terminator", "pass: as a leg sent it")]);
}

#[test]
fn characters_survive() {
    let emoji = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"a 🦜 b\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let check = |sent: &[u8], got: &[u8], expect: &str| {
        hears_bytes(sends_bytes(Lab::chat(), sent), got).check(&[("stream.utf8", expect)]);
    };
    let bytes = emoji.as_bytes();
    check(bytes, bytes, "pass");
    // As an escape it is the same character.
    check(bytes, emoji.replace('🦜', "\\ud83e\\udd9c").as_bytes(), "pass");
    check(bytes, emoji.replace('🦜', "\u{FFFD}\u{FFFD}").as_bytes(), "fail: 2 characters are replaced");
    check(bytes, emoji.replace('🦜', "\\ufffd").as_bytes(), "fail: 1 characters are replaced");
    let at = emoji.find('🦜').expect("there");
    let mut broken = bytes.to_vec();
    broken.remove(at + 1);
    check(bytes, &broken, "fail: no part of a character");
    check(&broken, &broken, "pass: as a leg sent them");
    let blot = emoji.replace('🦜', "\u{FFFD}");
    check(blot.as_bytes(), blot.as_bytes(), "pass");
    check(emoji.replace('🦜', "x").as_bytes(), emoji.replace('🦜', "x").as_bytes(), "not-exercised");
    // A transport that breaks inside a character breaks no character of the proxy's.
    let cut = hears_bytes(sends_bytes(Lab::chat(), bytes), &bytes[..at + 2]);
    cut.clone().check(&[("stream.utf8", "fail")]);
    cut.with(|history| history.steps[0].client.end = ClientEnd::Broken("reset".to_owned()))
        .check(&[("stream.utf8", "pass")]);
}

#[test]
fn answers_are_passed_through_as_declared() {
    use Passthrough::{Bytes, Json};

    let sent = stream(ApiId::OpenaiChat, &[Bit::Begin(1), Bit::Text(whole(0)), Bit::Done]);
    let text = String::from_utf8(sent.clone()).expect("text");
    let check = |declared: Option<Passthrough>, got: &str, edit: fn(&mut Policy), expect: &str| {
        let lab = Lab::chat().policy(|policy| policy.passthrough = declared).policy(edit);
        hears_bytes(sends_bytes(lab, &sent), got.as_bytes()).check(&[("stream.passthrough", expect)]);
    };
    let spaced = text.replace("\":", "\": ");
    let renamed = text.replace("\"model\":\"m\"", "\"model\":\"route\"");
    let lost = text.replace("\"created\":1700000000,", "");
    check(Some(Bytes), &text, |_| (), "pass");
    check(Some(Json), &text, |_| (), "pass");
    check(Some(Bytes), &spaced, |_| (), "fail: byte");
    check(Some(Json), &spaced, |_| (), "pass");
    check(Some(Json), &renamed, |_| (), "fail: event 1");
    check(Some(Json), &renamed, |policy| policy.answer_edits = Some(vec!["model_name".to_owned()]), "pass");
    check(Some(Json), &lost, |_| (), "fail: event 1");
    check(Some(Json), &text.replace("data: [DONE]\n\n", ""), |_| (), "fail: event");
    check(None, &lost, |_| (), "not-exercised");
    check(Some(Passthrough::None), &lost, |_| (), "not-exercised");
    // Of an answer that broke off, its beginning; and the proxy's own words behind it.
    let begun = stream(ApiId::OpenaiChat, &[Bit::Begin(1), Bit::Text(words(0, 0..5))]);
    let broke = |got: &[u8]| {
        let lab = Lab::chat().policy(|policy| policy.passthrough = Some(Bytes));
        let lab = sends_bytes(lab, &begun).last(|exchange| exchange.end = UpstreamEnd::Cut("close".to_owned()));
        hears_bytes(lab, got).with(|history| history.steps[0].client.end = ClientEnd::Broken("reset".to_owned()))
    };
    broke(&begun).check(&[("stream.passthrough", "pass")]);
    broke(&begun[..40]).check(&[("stream.passthrough", "pass")]);
    broke(&[&begun[..], b"data: {\"error\":{\"message\":\"x\"}}\n\n"].concat())
        .check(&[("stream.passthrough", "pass")]);
    broke(b"data: other\n\n").check(&[("stream.passthrough", "fail")]);
    // A leg that finished and ended without its end mark: as JSON, the answer is the same with one.
    let unmarked = text.replace("data: [DONE]\n\n", "");
    let ended = |declared: Passthrough, end: UpstreamEnd, behind: &str| {
        let lab = Lab::chat().policy(|policy| policy.passthrough = Some(declared));
        let lab = sends_bytes(lab, unmarked.as_bytes()).last(|exchange| exchange.end = end);
        hears_bytes(lab, format!("{unmarked}{behind}").as_bytes())
    };
    let said = "data: {\"error\":{\"message\":\"x\"}}\n\n";
    ended(Json, UpstreamEnd::Complete, "").check(&[("stream.passthrough", "pass")]);
    ended(Json, UpstreamEnd::Complete, "data: [DONE]\n\n").check(&[("stream.passthrough", "pass")]);
    ended(Json, UpstreamEnd::Complete, said).check(&[("stream.passthrough", "fail")]);
    ended(Json, UpstreamEnd::Complete, "data: hello\n\n").check(&[("stream.passthrough", "fail")]);
    ended(Bytes, UpstreamEnd::Complete, "data: [DONE]\n\n").check(&[("stream.passthrough", "fail")]);
    // One that finished and broke: the proxy may say so in its own words.
    for declared in [Json, Bytes] {
        ended(declared, UpstreamEnd::Cut("close".to_owned()), said).check(&[("stream.passthrough", "pass")]);
    }
    // Across APIs there is nothing to hand on.
    let across =
        Lab::mixed().policy(|policy| policy.passthrough = Some(Json)).answers("primary", 0).hears_answer(&whole(0));
    across.check(&[("stream.passthrough", "not-exercised")]);
}

#[test]
fn what_is_said_again_as_a_whole() {
    Lab::chat().answers("primary", 0).hears_answer(&whole(0)).check(&[("stream.final", "not-exercised")]);
    let lab = Lab::chat().answers("primary", 0).hears_answer(&whole(0));
    let whole = |text: &str, said: &str| Final {
        offset: 7,
        kind: PieceKind::Text,
        place: "the end".to_owned(),
        text: text.to_owned(),
        said: said.to_owned(),
    };
    let check = |client: &[Final], leg: &[Final], expect: &str| {
        let mut steps = StepView::of(&lab.history);
        steps[0].client.answer.finals = client.to_vec();
        steps[0].calls[0].completion.finals = leg.to_vec();
        let found = finals(&steps[0]);
        let (value, reason) = expect.split_once(": ").unwrap_or((expect, ""));
        assert_eq!(found.value.name(), value, "{}", found.reason);
        assert!(found.reason.contains(reason), "{}", found.reason);
    };
    check(&[whole("dacola mivefor", "dacola mivefor")], &[], "pass");
    check(&[whole("mivefor", "dacola mivefor")], &[], "fail: the end is \"mivefor\"");
    check(&[whole("dacola", "dacola"), whole("dacola", "")], &[], "fail");
    check(&[whole("mivefor", "dacola mivefor")], &[whole("mivefor", "dacola mivefor")], "pass: a leg sent it so");
    check(&[whole("mivefor", "dacola mivefor")], &[whole("mivefor", "mivefor")], "fail");
}

#[test]
fn hedging_that_is_not_declared_warns() {
    let lab = |declared| {
        let lab = Lab::chat().policy(move |policy| policy.hedge = declared).control("fallback");
        let lab = lab.answers("fallback", 1).answers("primary", 0);
        lab.with(|history| {
            // Both in flight at once.
            let upstream = &mut history.steps[0].upstream;
            upstream[1].at = upstream[0].at + 10;
        })
    };
    lab(None).hears_answer(&whole(1)).check(&[("route.reached", "warn: at the same time")]);
    lab(Some(2)).hears_answer(&whole(1)).check(&[("route.reached", "pass")]);
    lab(Some(1)).hears_answer(&whole(1)).check(&[("route.reached", "fail")]);
    // One after the other it is the wrong order.
    let wrong = Lab::chat().control("fallback").fails("fallback", 503).answers("primary", 0).hears_answer(&whole(0));
    wrong.check(&[("route.reached", "fail")]);
    let in_order = |declared| {
        let lab = Lab::chat().policy(move |policy| policy.hedge = declared).control("fallback");
        let lab = lab.answers("primary", 0).answers("fallback", 1);
        lab.with(|history| history.steps[0].upstream[1].at = history.steps[0].upstream[0].at + 10)
            .hears_answer(&whole(1))
    };
    in_order(None).is("restarted", &["expect.outcome"]);
    in_order(Some(2)).is("restarted", &[]);
    in_order(Some(1)).is("restarted", &["!expect.outcome"]);
}
