//! What `stream.*` excuses, what it does not, and what it shows.

use serde_json::{Value, json};

use crate::api::ApiId;
use crate::check::testing::{Bit, Lab, stream, whole, words};
use crate::history::{ClientEnd, Continuation, UpstreamEnd};
use crate::proxy::{AfterError, Passthrough};
use crate::scenario::{At, By, Cut};
use crate::wire::{Blob, Chunk};

const SSE: &str = "text/event-stream";
const JSON: &str = "application/json";

fn text() -> Bit {
    Bit::Text(whole(0))
}

/// A chunk of a chat stream, under the id and at the time of the lab's own.
fn chunk(created: u64, delta: &Value) -> String {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": null});
    let id = "chatcmpl-x";
    let chunk =
        json!({"id": id, "object": "chat.completion.chunk", "created": created, "model": "m", "choices": [choice]});
    format!("data: {chunk}\n\n")
}

/// A chat stream around the events `between`, under one id.
fn around(between: &str) -> String {
    let begin = chunk(1, &json!({"role": "assistant", "content": ""}));
    let said = chunk(1, &json!({"content": whole(0)}));
    let end = chunk(1, &json!({})).replace("\"finish_reason\":null", "\"finish_reason\":\"stop\"");
    format!("{begin}{between}{said}{end}data: [DONE]\n\n")
}

fn grammar(declared: Option<AfterError>, body: &str, expect: &str) -> Lab {
    let lab = Lab::chat().policy(|policy| policy.after_error = declared).answers("primary", 0);
    let lab = lab.hears_body(200, SSE, body);
    lab.check(&[("stream.grammar", expect)]);
    lab
}

#[test]
fn the_worst_of_what_the_grammar_finds_is_told() {
    let named = chunk(1, &json!({})).replace("data: ", "event: ping\ndata: ");
    grammar(None, &around(""), "pass");
    grammar(None, "", "not-exercised: no event came");
    grammar(None, &around(&named), "warn: C01");
    let both = grammar(None, &around(&format!("{named}data: nonsense\n\n")), "fail: C03");
    let shown = both.verdict("stream.grammar").evidence;
    let got: Vec<&str> = shown.iter().filter_map(|shown| shown.got.as_deref()).map(|got| &got[..4]).collect();
    assert_eq!(got, ["C01:", "C03:"]);
    // One body where a stream was asked for is shown, as far as it goes.
    let body = json!({"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": whole(0)}, "finish_reason": "stop"}]});
    let lab = Lab::chat().answers("primary", 0).hears_body(200, JSON, &body.to_string());
    let head: String = body.to_string().chars().take(200).collect();
    assert_eq!(lab.verdict("stream.grammar").evidence[0].got.as_deref(), Some(head.as_str()));
}

#[test]
fn a_second_start_excuses_its_own_alone() {
    // A role that is said again begins no message.
    grammar(None, &around(&chunk(1, &json!({"role": "assistant"}))), "warn: C20");
    let two = [Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Begin(2), Bit::Raw("data: nonsense\n\n"), Bit::Done];
    Lab::chat().answers("primary", 0).hears(&two, ClientEnd::Complete).check(&[("stream.grammar", "fail: C03")]);
    // Another id is `stream.single-start`, another time is not.
    let other_id = chunk(1, &json!({})).replace("chatcmpl-x", "chatcmpl-y");
    grammar(None, &around(&other_id), "pass").check(&[("stream.single-start", "warn")]);
    grammar(None, &around(&chunk(2, &json!({}))), "warn: C07");
}

#[test]
fn behind_an_error_only_what_is_declared_may_follow() {
    let error = "data: {\"error\":{\"message\":\"Overloaded\"}}\n\n";
    let goes_on = around(error);
    grammar(None, &goes_on, "warn: C03");
    grammar(Some(AfterError::Nothing), &goes_on, "warn: C03");
    grammar(Some(AfterError::Terminator), &goes_on, "pass");
    // The error itself and what comes before it are no matter of what may follow.
    let named = chunk(1, &json!({})).replace("data: ", "event: ping\ndata: ");
    grammar(Some(AfterError::Terminator), &around(&named), "warn: C01");
    let error = format!("event: error\n{error}");
    grammar(Some(AfterError::Terminator), &around(&error), "warn: C01");
}

/// The client's stream in chunks that end behind these numbers of events; each comes a second after the other.
fn in_chunks(lab: Lab, bits: &[Bit], ends: &[usize]) -> Lab {
    let body = stream(ApiId::OpenaiChat, bits);
    let events: Vec<&[u8]> = body.split_inclusive(|byte| *byte == b'\n').collect();
    let events: Vec<Vec<u8>> = events.chunks(2).map(<[&[u8]]>::concat).collect();
    lab.hears(bits, ClientEnd::Complete).with(|history| {
        let client = &mut history.steps[0].client;
        let (mut at, mut from) = (client.chunks[0].at, 0);
        client.chunks.clear();
        for end in ends.iter().copied().chain([events.len()]) {
            client.chunks.push(Chunk { at, data: Blob(events[from..end].concat()) });
            (at, from) = (at + 1_000, end);
        }
        assert_eq!(client.body(), body);
    })
}

#[test]
fn an_answer_that_comes_at_once_is_no_stream() {
    let piece = |n: u64| Bit::Text(words(0, n..n + 4));
    let bits = [Bit::Begin(1), piece(0), piece(4), piece(8), piece(12), piece(16), piece(20), Bit::Done];
    let gated = |lacked: u32| {
        let lab = Lab::chat().ask("primary").sends(0, 0, &bits, UpstreamEnd::Complete);
        lab.last(move |exchange| (exchange.gated, exchange.gate_opened) = (true, Some(lacked)))
    };
    let check = |lab: Lab, expect: &str| {
        lab.check(&[("stream.incremental", expect)]);
    };
    // Event 0 begins, 1 to 6 are the text, 7 finishes.
    let at_once = "fail: the whole answer came at once";
    check(in_chunks(gated(2), &bits, &[]), at_once);
    check(in_chunks(gated(2), &bits, &[1]), at_once);
    check(in_chunks(gated(2), &bits, &[1, 7]), at_once);
    check(in_chunks(gated(2), &bits, &[1, 6]), "warn: undeclared");
    check(in_chunks(gated(2), &bits, &[1, 2, 3, 4, 5, 6]), "warn: undeclared");
    check(in_chunks(gated(6), &bits, &[1, 2, 3, 4, 5, 6]), at_once);
    check(in_chunks(gated(5), &bits, &[1, 2, 3, 4, 5, 6]), "warn: undeclared");
    // What the client had before the leg was done came as it was said.
    let early = in_chunks(gated(2), &bits, &[]);
    check(early.with(|history| history.steps[0].upstream[0].sent[0].at = 9_000_000), "warn: undeclared");
    // A client that got it in one piece from who knows where says nothing of when.
    check(gated(2).hears_answer(&whole(0)), "warn: undeclared");
}

#[test]
fn where_the_end_mark_stands_is_shown() {
    let mark = "data: [DONE]\n\n";
    let twice = around("") + mark;
    let lab = Lab::chat().answers("primary", 0).hears_body(200, SSE, &twice);
    let shown = &lab.verdict("stream.terminator").evidence[0];
    assert_eq!(shown.path, Some(format!("byte {}", twice.len() - mark.len())));
    let bits = [Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Error("Overloaded"), Bit::Raw("data: [DONE]\n\n")];
    let lab = Lab::chat().breaks("primary", 0, 5, &By::ErrorEvent).hears(&bits, ClientEnd::Complete);
    let shown = &lab.verdict("stream.terminator").evidence[0];
    assert_eq!(shown.path, Some(format!("byte {}", stream(ApiId::OpenaiChat, &bits).len() - mark.len())));
}

#[test]
fn an_api_without_an_end_mark_lacks_none() {
    let models = ["gemini/gemini-2.5-flash", "gemini/gemini-2.5-flash"];
    let lab = Lab::new(ApiId::Gemini, &models).answers("primary", 0).hears_answer(&whole(0));
    lab.check(&[("expect.outcome", "pass"), ("stream.terminator", "not-exercised: gemini has no end mark")]);
}

#[test]
fn what_is_no_stream_is_not_judged_as_one() {
    let body = json!({"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": whole(0)}, "finish_reason": "stop"}]});
    let lab = Lab::chat().answers("primary", 0);
    lab.clone().hears_body(200, JSON, &body.to_string()).check(&[
        ("stream.terminator", "not-exercised: the client got no stream"),
        ("stream.single-start", "not-exercised: no message began in a stream"),
        ("stream.model", "not-exercised: no stream names a model"),
    ]);
    lab.hears_body(200, SSE, "").check(&[
        ("stream.terminator", "not-exercised: the client got no stream"),
        ("stream.single-start", "not-exercised: no message began in a stream"),
        ("stream.model", "not-exercised: no stream names a model"),
    ]);
}

#[test]
fn a_broken_character_is_shown_with_what_is_around_it() {
    let sent = around("").replace(&whole(0), &format!("{}🦜{}", "a".repeat(50), "b".repeat(50)));
    let lab = |got: Vec<u8>| {
        let data = Blob(sent.clone().into_bytes());
        let lab = Lab::chat().ask("primary").last(|exchange| exchange.sent = vec![Chunk { at: 2_000, data }]);
        lab.hears_body(200, SSE, "").with(|history| history.steps[0].client.chunks[0].data = Blob(got))
    };
    let shown = |lab: Lab| lab.verdict("stream.utf8").evidence[0].got.clone().expect("what is shown");
    let blot = sent.replace('🦜', "\u{FFFD}").into_bytes();
    assert_eq!(shown(lab(blot)), format!("{}\u{FFFD}{}", "a".repeat(20), "b".repeat(19)));
    let mut broken = sent.clone().into_bytes();
    broken.remove(sent.find('🦜').expect("there") + 1);
    assert_eq!(shown(lab(broken)), format!("{}\u{FFFD}{}", "a".repeat(20), "b".repeat(17)));
    // A character that only one side has is not ASCII alone.
    lab(sent.replace('🦜', "?").into_bytes()).check(&[("stream.utf8", "pass")]);
    let invented = Lab::chat().answers("primary", 0).hears_body(200, SSE, &sent);
    invented.check(&[("stream.utf8", "pass")]);
}

#[test]
fn lost_text_is_shown_with_what_is_around_it() {
    let lost = |text: String| Lab::chat().answers("primary", 0).hears_answer(&text).verdict("stream.text");
    let long = lost(format!("{}{}", words(0, 0..6), words(0, 18..24)));
    let missing: String = words(0, 6..18).trim_start().chars().take(60).collect();
    assert!(long.reason.contains(&format!("{missing:?}...")), "{}", long.reason);
    let shown = long.evidence[0].got.as_deref().expect("what was heard");
    let heard = format!("{}{}", words(0, 0..6), words(0, 18..24));
    assert!(heard.contains(shown) && shown.chars().count() == 60, "{shown:?}");
    let short = lost(format!("{}{}", words(0, 0..6), words(0, 7..24)));
    let missing = words(0, 6..7);
    assert!(short.reason.contains(missing.trim()) && !short.reason.contains("..."), "{}", short.reason);
}

#[test]
fn a_whole_answer_is_judged_whoever_was_asked_how() {
    let lab = Lab::chat().control("fallback").breaks("primary", 0, 5, &By::Close).answers("fallback", 1);
    let lab =
        lab.last(|exchange| exchange.continuation = Continuation::Unrecognised { reason: "paraphrased".to_owned() });
    lab.hears_answer(&whole(1)).check(&[("stream.text", "pass")]);
    // What nobody edited needs no excuse.
    let masks = Lab::chat().policy(|policy| policy.answer_edits = Some(vec!["mask".to_owned()]));
    masks.answers("primary", 0).hears_answer(&whole(0)).check(&[("stream.text", "pass")]);
}

#[test]
fn reasoning_is_due_within_one_api() {
    let bits = [Bit::Begin(1), Bit::Thinking("dacola mivefor tuwiqan"), Bit::Signature("EqRk"), text(), Bit::Done];
    let own = || Lab::messages().ask("primary").sends(0, 0, &bits, UpstreamEnd::Complete);
    own().hears(&bits, ClientEnd::Complete).check(&[("stream.thinking", "pass")]);
    own().hears_answer(&whole(0)).check(&[("stream.thinking", "fail: with its signature")]);
    // One more than the leg's, of nobody.
    let mut more = bits.to_vec();
    more.insert(2, Bit::Signature("EqRl"));
    own().hears(&more, ClientEnd::Complete).check(&[("stream.thinking", "fail")]);
    // The leg that answers speaks another API, whatever the one before it spoke.
    let models = ["anthropic/claude-opus-4-1", "openai/gpt-4o-mini"];
    let bits = [Bit::Begin(1), Bit::Thinking("dacola mivefor tuwiqan"), text(), Bit::Done];
    let across = |asks: bool| {
        let lab = Lab::new(ApiId::AnthropicMessages, &models).control("fallback").fails("primary", 503);
        let mut lab = lab.ask("fallback").sends(0, 0, &bits, UpstreamEnd::Complete).hears_answer(&whole(0));
        if asks {
            lab.plan().client.conversation.params.insert("thinking".to_owned(), json!({"type": "enabled"}));
        }
        lab
    };
    across(false).check(&[("stream.thinking", "not-exercised: no reasoning was due")]);
    across(true).check(&[("stream.thinking", "warn: the thinking of `fallback` is lost")]);
    let promised = across(true).policy(|policy| policy.answer_edits = Some(Vec::new()));
    promised.check(&[("stream.thinking", "warn: the thinking of `fallback` is lost")]);
}

#[test]
fn who_goes_on_signs_what_it_thought_itself() {
    let thinks = |bits: &[Bit], seed: u64| {
        let mut all = vec![Bit::Begin(seed)];
        all.extend(bits.iter().cloned());
        all
    };
    let first = [Bit::Thinking(""), Bit::Signature("EqRk"), Bit::Text(words(0, 0..5))];
    let second = [Bit::Thinking("mivefor"), Bit::Signature("EqRl"), Bit::Text(words(0, 5..24)), Bit::Done];
    let from = words(0, 0..5).chars().count();
    let lab = Lab::messages().ask("primary").sends(0, 0, &thinks(&first, 1), UpstreamEnd::Cut("close".to_owned()));
    let lab = lab.ask("fallback");
    let lab = lab.last(|exchange| exchange.continuation = Continuation::Prefill { quoted: words(0, 0..5) });
    let lab = lab.sends(0, from, &thinks(&second, 2), UpstreamEnd::Complete);
    let both = |signature: &'static str| {
        let mut bits = thinks(&first, 1);
        bits.extend([Bit::Thinking("mivefor"), Bit::Signature(signature)]);
        bits.extend(second[2..].iter().cloned());
        bits
    };
    lab.clone().hears(&both("EqRl"), ClientEnd::Complete).check(&[("stream.thinking", "pass")]);
    lab.hears(&both("EqRm"), ClientEnd::Complete).check(&[("stream.thinking", "fail: changed")]);
}

#[test]
fn half_a_call_is_no_harm_where_the_client_sees_the_break() {
    let call = |end: &[Bit]| {
        let mut bits = vec![Bit::Begin(1), Bit::Tool("weather"), Bit::Arguments("{\"city\": \"dac")];
        bits.extend(end.iter().cloned());
        bits
    };
    let half = || Lab::chat().ask("primary").sends(0, 0, &call(&[]), UpstreamEnd::Cut("close".to_owned()));
    let check = |lab: Lab, expect: &str| {
        lab.check(&[("stream.tools", expect)]);
    };
    let finishes = call(&[Bit::Finish]);
    let broken = || ClientEnd::Broken("reset".to_owned());
    check(half().hears(&finishes, broken()), "pass");
    check(half().hears(&call(&[]), broken()), "pass");
    check(half().hears(&call(&[Bit::Finish, Bit::Error("Overloaded")]), ClientEnd::Complete), "pass");
    check(half().hears(&finishes, ClientEnd::Complete), "fail: the call of `weather` is not whole");
    check(half().hears(&[Bit::Begin(1), Bit::Error("x")], ClientEnd::Complete), "not-exercised: no tool call reached");
    // A token limit that no leg came to excuses nothing.
    let finished = String::from_utf8(stream(ApiId::OpenaiChat, &call(&[Bit::Done]))).expect("text");
    let limited = finished
        .replace("\"tool_calls\",", "\"length\",")
        .replace("\"finish_reason\":\"tool_calls\"", "\"finish_reason\":\"length\"");
    check(half().hears_body(200, SSE, &limited), "fail: the call of `weather` is not whole");
    let own = || {
        let data = Blob::from(limited.as_str());
        Lab::chat().ask("primary").last(|exchange| exchange.sent = vec![Chunk { at: 2_000, data }])
    };
    check(own().hears_body(200, SSE, &limited), "pass");
}

#[test]
fn ids_that_a_leg_gave_twice_were_handed_on() {
    let twice = |id: &str| {
        let call = |index: u64, city: &str| {
            let function = json!({"name": "weather", "arguments": format!("{{\"city\":\"{city}\"}}")});
            chunk(1, &json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": function}]}))
        };
        around(&(call(0, "dacola") + &call(1, "mivefor")))
    };
    let data = Blob::from(twice("same").as_str());
    let lab = Lab::chat().ask("primary").last(|exchange| exchange.sent = vec![Chunk { at: 2_000, data }]);
    lab.clone().hears_body(200, SSE, &twice("same")).check(&[("stream.tools", "pass")]);
    lab.hears_body(200, SSE, &twice("other")).check(&[("stream.tools", "fail: one id: other")]);
}

#[test]
fn only_an_answer_is_passed_through() {
    let body = around("");
    let answers = |lab: Lab, leg: &str| {
        let data = Blob::from(body.as_str());
        let lab = lab.policy(|policy| policy.passthrough = Some(Passthrough::Bytes));
        lab.ask(leg).last(|exchange| exchange.sent = vec![Chunk { at: 2_000, data }])
    };
    let check = |lab: Lab, expect: &str| {
        lab.check(&[("stream.passthrough", expect)]);
    };
    check(answers(Lab::chat(), "primary").hears_body(200, SSE, ""), "not-exercised");
    check(answers(Lab::chat(), "primary").hears_status(500, "boom"), "not-exercised");
    // The leg that failed before has no part in it.
    check(answers(Lab::chat().fails("primary", 503), "fallback").hears_body(200, SSE, &body), "pass");
    let edited = answers(Lab::chat().fails("primary", 503), "fallback");
    let edited = edited.hears_body(200, SSE, &body.replacen("chatcmpl-x", "chatcmpl-y", 1));
    check(edited.clone(), "fail: byte");
    let shown = &edited.verdict("stream.passthrough").evidence[0];
    let at = body.find("chatcmpl-x").expect("there") + "chatcmpl-".len();
    assert_eq!(shown.expected.as_deref(), Some(&body[at..at + 60]));
}

#[test]
fn a_truncated_answer_is_told_by_what_it_looks_like() {
    let bits = |end: &[Bit]| {
        let mut bits = vec![Bit::Begin(1), Bit::Text(words(0, 0..5))];
        bits.extend(end.iter().cloned());
        bits
    };
    let check = |bits: &[Bit], expect: &str| {
        let lab = Lab::chat().breaks("primary", 0, 5, &By::Close).hears(bits, ClientEnd::Complete);
        lab.check(&[("stream.truncation-visible", &format!("fail: and the client's answer {expect}"))]);
    };
    check(&bits(&[]), "ends cleanly, without an error");
    check(&bits(&[Bit::Finish]), "has a finish reason");
    check(&bits(&[Bit::Done]), "has a finish reason and an end mark");
    check(&bits(&[Bit::Raw("data: [DONE]\n\n")]), "has an end mark");
    // How far the leg got is known by its script, or by its voice.
    let got = |lab: Lab, expect: &str| {
        let lab = lab.hears(&bits(&[]), ClientEnd::Complete);
        lab.check(&[("stream.truncation-visible", &format!("fail: `primary` got as far as {expect}, and"))]);
    };
    let last = "its last content, without a finish reason";
    let cut = |lab: Lab, at: At| lab.cut("primary", Cut { at, by: By::Close });
    got(Lab::chat().breaks("primary", 0, 5, &By::Close), "a part of its content");
    got(Lab::chat().breaks("primary", 0, 24, &By::Close), last);
    got(cut(Lab::chat().breaks("primary", 0, 5, &By::Close), At::LastContent), last);
    let rest = [Bit::Begin(1), Bit::Text(words(0, 5..24))];
    let goes_on = Lab::chat().ask("primary");
    let from = words(0, 0..5).chars().count();
    got(goes_on.sends(0, from, &rest, UpstreamEnd::Cut("close".to_owned())), last);
    got(
        Lab::chat().breaks("primary", 0, 0, &By::Close).sends(
            0,
            0,
            &[Bit::Begin(1)],
            UpstreamEnd::Cut("close".to_owned()),
        ),
        "the events before its content",
    );
    let called = [Bit::Begin(1), Bit::Tool("weather")];
    got(Lab::chat().ask("primary").sends(0, 0, &called, UpstreamEnd::Cut("close".to_owned())), "a part of its content");
    // An answer in one piece is whole by its form, whatever it says of itself.
    let models = ["openai/gpt-5", "openai/gpt-5"];
    let body = json!({"id": "resp_1", "object": "response", "status": "in_progress", "output": []});
    let lab = Lab::new(ApiId::OpenaiResponses, &models).breaks("primary", 0, 5, &By::Close);
    let lab = lab.hears_body(200, JSON, &body.to_string());
    lab.check(&[("stream.truncation-visible", "fail: and the client's answer looks whole")]);
    // Each attempt has a script of its own.
    let mut scripted = cut(Lab::chat().breaks("primary", 0, 5, &By::Close), At::LastContent);
    let attempts = &mut scripted.plan().legs[0].attempts;
    let mut plain = attempts[0].clone();
    plain.cut = None;
    attempts.push(plain.clone());
    got(scripted.clone(), last);
    scripted.plan().legs[0].attempts.reverse();
    got(scripted, "a part of its content");
    // Text of two legs that both broke off, before an error that the client sees.
    let lab = Lab::chat().breaks("primary", 0, 5, &By::Close).breaks("fallback", 1, 5, &By::Close);
    let spliced = [Bit::Begin(1), Bit::Text(words(0, 0..5) + &words(1, 0..5)), Bit::Error("Overloaded")];
    lab.clone()
        .hears(&spliced, ClientEnd::Complete)
        .check(&[("expect.outcome", "fail: spliced"), ("stream.truncation-visible", "pass")]);
    lab.hears(&spliced[..2], ClientEnd::Complete).check(&[
        ("expect.outcome", "fail: spliced"),
        ("stream.truncation-visible", "fail: ends cleanly, without an error"),
    ]);
}

#[test]
fn whoever_cannot_read_an_answer_may_ask_another_leg() {
    let answered = |between: &str| {
        let body = around(between);
        let lab = Lab::chat().control("fallback").ask("primary");
        let lab = lab.last(|exchange| {
            exchange.sent = vec![Chunk { at: 2_000, data: Blob::from(body.as_str()) }];
            exchange.ended_at = 2_000;
        });
        lab.answers("fallback", 1).hears_answer(&whole(1))
    };
    answered("").check(&[("expect.outcome", "fail: `primary` answered to its end")]);
    answered("data: nonsense\n\n").check(&[("expect.outcome", "warn: the answer began anew")]);
    // A slip that every SDK overlooks is no reason.
    let named = chunk(1, &json!({})).replace("data: ", "event: ping\ndata: ");
    answered(&named).check(&[("expect.outcome", "fail: `primary` answered to its end")]);
}

/// vLLM ends a stream that it cannot go on with by an error and the end mark.
#[test]
fn an_end_mark_behind_an_error_finishes_nothing() {
    let failed = [Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Error("EngineCore"), Bit::Raw("data: [DONE]\n\n")];
    let lab = Lab::chat().control("fallback").ask("primary").sends(0, 0, &failed, UpstreamEnd::Complete);
    let told = lab.clone().hears(&failed[..3], ClientEnd::Complete);
    told.check(&[("expect.outcome", "pass"), ("stream.truncation-visible", "pass")]);
    let finished = [Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Done];
    lab.hears(&finished, ClientEnd::Complete).check(&[("stream.truncation-visible", "fail")]);
}
