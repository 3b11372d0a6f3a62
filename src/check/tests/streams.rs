//! `stream.*`: text by voice, grammar, starts, increments.

use crate::api::ApiId;
use crate::check::testing::{Bit, Lab, whole, words};
use crate::check::view::StepView;
use crate::history::{ClientEnd, Continuation, UpstreamEnd};
use crate::proxy::{AfterContent, IdAtSeam, Policy};
use crate::scenario::{At, By, Cut, Obeys, Outcome};

fn continuing(policy: &mut Policy) {
    policy.after_content = Some(AfterContent::ContinueUser);
}

#[test]
fn text_lost_doubled_or_invented() {
    let check = |text: String, expect: &str| {
        Lab::chat().answers("primary", 0).hears_answer(&text).check(&[("stream.text", expect)]);
    };
    let lost = format!("{}{}", words(0, 0..7), words(0, 8..24));
    check(whole(0), "pass");
    check(lost, "fail: text lost");
    check(words(0, 1..24).trim_start().to_owned(), "fail: text lost");
    check(words(0, 0..23), "fail: lost at the end");
    check(String::new(), "fail: lost at the end");
    check(format!("{}{}", words(0, 0..9), words(0, 8..24)), "fail: text doubled");
    check(format!("{}{}", whole(0), whole(0)), "fail: text doubled");
    check(format!("{} [served by p]", whole(0)), "fail: text that no leg said");
    check(format!("Sure! {}", whole(0)), "fail: text that no leg said");
    check(whole(0).replacen(' ', "", 1), "fail: text lost");
    check(whole(0).replacen(' ', "  ", 1), "fail");
    check(format!("{}\n", whole(0)), "warn: blanks at an end");
    check(format!("\n{}", whole(0)), "warn: blanks at an end");
}

#[test]
fn a_prefix_is_enough_before_an_error() {
    // Without a barrier, or after it timed out, the client may lack what was sent last.
    for n in 0..=5 {
        let bits = [Bit::Begin(1), Bit::Text(words(0, 0..n)), Bit::Error("Overloaded")];
        let bits: Vec<Bit> =
            bits.into_iter().filter(|bit| !matches!(bit, Bit::Text(text) if text.is_empty())).collect();
        let lab = Lab::chat().breaks("primary", 0, 5, &By::Close).hears(&bits, ClientEnd::Complete);
        lab.is("error", &[]).check(&[("stream.text", if n == 0 { "not-exercised" } else { "pass" })]);
    }
    let gap = format!("{}{}", words(0, 0..2), words(0, 3..5));
    let bits = [Bit::Begin(1), Bit::Text(gap), Bit::Error("Overloaded")];
    Lab::chat().breaks("primary", 0, 5, &By::Close).hears(&bits, ClientEnd::Complete).is("error", &["!stream.text"]);
}

#[test]
fn blanks_at_the_seam() {
    let joined = |before: &str, after: &str| format!("{before}{after}");
    // Said " rest" after "begin": the blank is the leg's to say.
    let lab = || Lab::chat().policy(continuing).control("fallback").breaks("primary", 0, 5, &By::Close);
    let check = |lab: Lab, text: String, expect: &str| {
        lab.hears_answer(&text).check(&[("stream.text", expect), ("expect.outcome", "pass")]);
    };
    let (begin, rest) = (words(0, 0..5), words(0, 5..24));
    check(lab().continues("fallback", 0, 5), joined(&begin, &rest), "pass");
    check(lab().continues("fallback", 0, 5), joined(&begin, rest.trim_start()), "fail: seam-blank");
    check(lab().continues("fallback", 0, 5), joined(&begin, &format!(" {rest}")), "fail: seam-blank");
    // Cut behind a blank; the request was trimmed, so the leg says the blank again.
    let trailing = |trimmed: &str| {
        let from = trimmed.chars().count();
        let said: String = whole(0).chars().skip(from).collect();
        let sent = [Bit::Begin(1), Bit::Text(format!("{begin} "))];
        let quoted = trimmed.to_owned();
        Lab::chat()
            .policy(continuing)
            .control("fallback")
            .ask("primary")
            .sends(0, 0, &sent, UpstreamEnd::Cut("close".to_owned()))
            .ask("fallback")
            .last(|exchange| exchange.continuation = Continuation::UserMessage { quoted })
            .sends(0, from, &[Bit::Begin(2), Bit::Text(said), Bit::Done], UpstreamEnd::Complete)
    };
    check(trailing(&begin), joined(&begin, &format!(" {rest}")), "warn: seam-blank");
    check(trailing(&begin), joined(&begin, &rest), "pass");
    check(trailing(&format!("{begin} ")), joined(&begin, &rest), "pass");
    check(trailing(&format!("{begin} ")), joined(&begin, rest.trim_start()), "fail: seam-blank");
}

#[test]
fn a_seam_inside_a_word() {
    let text = whole(0);
    let begin: String = text.chars().take(20).collect();
    let rest: String = text.chars().skip(20).collect();
    let lab = Lab::chat()
        .policy(continuing)
        .control("fallback")
        .ask("primary")
        .sends(0, 0, &[Bit::Begin(1), Bit::Text(begin.clone())], UpstreamEnd::Cut("reset".to_owned()))
        .ask("fallback")
        .last(|exchange| exchange.continuation = Continuation::Prefill { quoted: begin })
        .sends(0, 20, &[Bit::Begin(2), Bit::Text(rest), Bit::Done], UpstreamEnd::Complete);
    lab.hears_answer(&text).check(&[("stream.text", "pass"), ("expect.outcome", "pass")]);
}

#[test]
fn a_race_that_loses_nothing() {
    // The primary had sent 9 words, the proxy had 5 and quoted those.
    let lab = Lab::chat().policy(continuing).control("fallback").breaks("primary", 0, 9, &By::Reset);
    lab.clone().continues("fallback", 0, 5).hears_answer(&whole(0)).is("continued", &[]);
    // It quoted 9, and had delivered 5.
    let lost = format!("{}{}", words(0, 0..5), words(0, 9..24));
    lab.continues("fallback", 0, 9).hears_answer(&lost).is("continued", &["!stream.text"]);
}

#[test]
fn a_chain_goes_on_with_the_first_voice() {
    let models = ["openai/gpt-4o-mini", "openai/gpt-4o-mini", "openai/gpt-4o-mini"];
    let third = |lab: Lab| lab.continues("third", 0, 9);
    let lab = Lab::new(ApiId::OpenaiChat, &models)
        .policy(continuing)
        .control("fallback")
        .control("third")
        .breaks("primary", 0, 5, &By::Close)
        .continues("fallback", 0, 5)
        .last(|exchange| exchange.end = UpstreamEnd::Cut("close".to_owned()));
    let from = words(0, 0..5).chars().count();
    let lab = lab.sends(0, from, &[Bit::Begin(2), Bit::Text(words(0, 5..9))], UpstreamEnd::Cut("close".to_owned()));
    third(lab).hears_answer(&whole(0)).is("continued", &[]);
}

#[test]
fn a_continuation_that_is_not_recognised_is_not_judged() {
    let lab = Lab::chat()
        .policy(continuing)
        .control("fallback")
        .breaks("primary", 0, 5, &By::Close)
        .answers("fallback", 1)
        .last(|exchange| exchange.continuation = Continuation::Unrecognised { reason: "paraphrased".to_owned() });
    let mixed = format!("{}{}", words(0, 0..5), whole(1));
    lab.clone().hears_answer(&mixed).is("?", &["?stream.text", "?stream.truncation-visible", "?expect.outcome"]);
    // An error is an error all the same.
    let bits = [Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Error("Overloaded")];
    lab.clone().hears(&bits, ClientEnd::Complete).is("error", &[]);
    // What it said alone was joined to nothing.
    lab.hears_answer(&format!("{}{}", whole(1), whole(1))).check(&[("expect.outcome", "fail: doubled")]);
}

#[test]
fn a_leg_that_disobeys_is_not_judged_on_its_text() {
    let from = words(0, 0..5).chars().count();
    let lab = Lab::chat()
        .policy(continuing)
        .control("fallback")
        .play("fallback", |play| play.obeys = Obeys::AddsPreface)
        .breaks("primary", 0, 5, &By::Close)
        .continues("fallback", 0, 5);
    let preface = format!("Certainly: {}", words(0, 5..24));
    let lab = lab.sends(0, from, &[Bit::Begin(2), Bit::Text(preface.clone()), Bit::Done], UpstreamEnd::Complete);
    lab.hears_answer(&format!("{}{preface}", words(0, 0..5)))
        .is("continued", &[])
        .check(&[("stream.text", "skip"), ("stream.truncation-visible", "pass")]);
    // Who begins again doubles nothing by itself.
    let again = Lab::chat().policy(continuing).control("fallback").breaks("primary", 0, 5, &By::Close);
    let again = again.play("fallback", |play| play.obeys = Obeys::StartsOver).continues("fallback", 0, 5);
    let again = again.sends(0, from, &[Bit::Begin(2), Bit::Text(whole(0)), Bit::Done], UpstreamEnd::Complete);
    again.hears_answer(&format!("{}{}", words(0, 0..5), whole(0))).is("continued", &[]);
}

#[test]
fn cassettes_with_the_same_words() {
    let cassette = |lab: Lab| lab.last(|exchange| exchange.said.cassette = true);
    let lab = cassette(Lab::chat().control("fallback").breaks("primary", 0, 5, &By::Close)).ask("fallback");
    let bits = [Bit::Begin(2), Bit::Text(whole(0)), Bit::Done];
    let lab = cassette(lab.sends(0, 0, &bits, UpstreamEnd::Complete));
    let lab = lab.last(|exchange| exchange.said.voice = "other".to_owned());
    lab.hears_answer(&whole(0)).check(&[("stream.text", "skip: same words"), ("expect.outcome", "skip: same words")]);
    // Whichever of them got how far.
    let half = Lab::chat().control("fallback").ask("primary").sends(0, 0, &bits, UpstreamEnd::Cut("close".to_owned()));
    let half = cassette(half).last(|exchange| exchange.sent[0].data = "{\"id\":".into()).ask("fallback");
    let half = half.sends(0, 0, &bits, UpstreamEnd::Complete).last(|exchange| exchange.said.voice = "other".to_owned());
    half.hears_answer(&whole(0)).check(&[("expect.outcome", "skip: same words")]);
    // One of the two is enough; and whatever seems to be doubled or mixed may be either's.
    let lab = Lab::chat().control("fallback").breaks("primary", 0, 5, &By::Close).ask("fallback");
    let lab = cassette(lab.sends(0, 0, &bits, UpstreamEnd::Complete));
    let lab = lab.last(|exchange| exchange.said.voice = "other".to_owned());
    let lab = lab.hears_answer(&format!("{}{}", words(0, 0..5), whole(0)));
    lab.check(&[("stream.text", "skip: same words"), ("expect.outcome", "skip: same words")]);
    assert_eq!(lab.judged().outcomes[0], Some(Outcome::Continued));
    // Other words are attributed by exact match.
    let lab = cassette(cassette(Lab::chat().control("fallback").fails("primary", 503)).answers("fallback", 1));
    lab.hears_answer(&whole(1)).is("restarted", &[]);
}

#[test]
fn a_damaged_event() {
    let sent = vec![
        Bit::Begin(1),
        Bit::Text(words(0, 0..5)),
        Bit::Raw("data: {\"id\":\n\n"),
        Bit::Text(words(0, 6..24)),
        Bit::Done,
    ];
    let lab = || {
        Lab::chat().cut("primary", Cut { at: At::Texts(5), by: By::BadJson }).ask("primary").sends(
            0,
            0,
            &sent,
            UpstreamEnd::Complete,
        )
    };
    // Left out without a word: the client lacks a word and cannot know.
    let skipped = format!("{}{}", words(0, 0..5), words(0, 6..24));
    lab().hears_answer(&skipped).is("completed", &["!stream.text"]);
    // Handed on: the SDK raises.
    lab().hears(&sent, ClientEnd::Complete).check(&[("stream.grammar", "pass"), ("stream.text", "pass")]);
    let bits = [Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Error("bad upstream")];
    lab().hears(&bits, ClientEnd::Complete).is("error", &[]).check(&[("stream.text", "pass")]);
    // An SDK raises at whatever comes first.
    let raises = |bits: &[Bit]| {
        let lab = lab().hears(bits, ClientEnd::Complete);
        StepView::of(&lab.history)[0].client.raises.clone().map(|(_, why)| why)
    };
    let (bad, error) = (Bit::Raw("data: {\"id\":\n\n"), Bit::Error("bad upstream"));
    let damaged = Some("an event that is not JSON".to_owned());
    assert_eq!(raises(&[Bit::Begin(1), bad.clone(), error.clone()]), damaged);
    assert_eq!(raises(&[Bit::Begin(1), error, bad]), Some("bad upstream".to_owned()));
    // Clients of this API skip an event without a name before they read it.
    let skipped = [Bit::Begin(1), Bit::Text(whole(0)), Bit::Raw("data: {\"id\":\n\n"), Bit::Done];
    Lab::messages().answers("primary", 0).hears(&skipped, ClientEnd::Complete).check(&[("expect.outcome", "pass")]);
    // Whoever cannot read an answer may ask another leg for one, though the leg came to its end.
    let policy = |after| move |policy: &mut Policy| policy.after_content = Some(after);
    let goes_on = lab().policy(policy(AfterContent::ContinueUser)).control("fallback").continues("fallback", 0, 5);
    goes_on.hears_answer(&whole(0)).is("continued", &[]);
    let held_back = lab().policy(policy(AfterContent::BufferAll)).control("fallback").answers("fallback", 1);
    held_back.hears_answer(&whole(1)).is("restarted", &[]);
}

#[test]
fn a_damaged_event_of_a_leg_that_goes_on() {
    let from = words(0, 0..2).chars().count();
    let sent = [
        Bit::Begin(2),
        Bit::Text(words(0, 2..5)),
        Bit::Raw("data: {\"id\":\n\n"),
        Bit::Text(words(0, 6..24)),
        Bit::Done,
    ];
    let lab = Lab::chat().control("fallback").breaks("primary", 0, 2, &By::Close);
    let lab = lab.cut("fallback", Cut { at: At::Texts(3), by: By::BadJson }).continues("fallback", 0, 2);
    let lab = lab.sends(0, from, &sent, UpstreamEnd::Complete).last(|exchange| {
        // What is left of the voice, as legs note it.
        exchange.said.whole = words(0, 2..24);
        exchange.said.text = format!("{}{}", words(0, 2..5), words(0, 6..24));
    });
    let bits = [Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Error("bad upstream")];
    lab.hears(&bits, ClientEnd::Complete).is("error", &[]).check(&[("stream.text", "pass")]);
}

#[test]
fn grammar() {
    let lab = |bits: &[Bit]| Lab::chat().answers("primary", 0).hears(bits, ClientEnd::Complete);
    let text = || Bit::Text(whole(0));
    let check = |bits: &[Bit], expect: &str| {
        lab(bits).check(&[("stream.grammar", expect)]);
    };
    check(&[Bit::Begin(1), text(), Bit::Done], "pass");
    check(&[Bit::Raw(": a comment\n\n"), Bit::Begin(1), text(), Bit::Done], "pass");
    check(&[Bit::Begin(1), Bit::Raw("data: nonsense\n\n"), text(), Bit::Done], "fail: C03");
    // What the leg itself did wrong was only handed on.
    let odd = [Bit::Begin(1), Bit::Raw("data: nonsense\n\n"), text(), Bit::Done];
    let handed_on = Lab::chat().ask("primary").sends(0, 0, &odd, UpstreamEnd::Complete);
    handed_on.hears(&odd, ClientEnd::Complete).check(&[("stream.grammar", "pass")]);
    let json = Lab::chat().answers("primary", 0).hears_body(
        200,
        "application/json",
        "{\"id\":\"x\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}",
    );
    json.check(&[("stream.grammar", "fail: a stream was asked for")]);
    let typed = |kind: &str| {
        let bytes = crate::check::testing::stream(ApiId::OpenaiChat, &[Bit::Begin(1), text(), Bit::Done]);
        Lab::chat().answers("primary", 0).hears_body(200, kind, &String::from_utf8(bytes).expect("text"))
    };
    typed("text/event-stream; charset=utf-8").check(&[("stream.grammar", "pass")]);
    typed("application/json").check(&[("stream.grammar", "warn: content-type")]);
}

#[test]
fn one_start() {
    for (lab, name) in [(Lab::chat(), "chat"), (Lab::messages(), "messages")] {
        let lab =
            lab.policy(continuing).control("fallback").breaks("primary", 0, 5, &By::Close).continues("fallback", 0, 5);
        let two = [Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Begin(2), Bit::Text(words(0, 5..24)), Bit::Done];
        let judged = lab.hears(&two, ClientEnd::Complete);
        judged.is("continued", &["!stream.single-start"]);
        assert!(!name.is_empty());
    }
    // A leg that says its role in every delta.
    let twice = [Bit::Begin(1), Bit::Begin(1), Bit::Text(whole(0)), Bit::Done];
    let lab = Lab::chat().ask("primary").sends(0, 0, &twice, UpstreamEnd::Complete);
    lab.hears(&twice, ClientEnd::Complete).check(&[("stream.single-start", "pass")]);
    Lab::chat().fails("primary", 503).hears_status(503, "x").check(&[("stream.single-start", "not-exercised")]);
}

#[test]
fn the_id_at_the_seam() {
    let chunk = "data: {\"id\":\"other\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":null}]}\n\n";
    let lab = |policy: Option<IdAtSeam>| {
        let bits = [Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Raw(chunk), Bit::Text(words(0, 5..24)), Bit::Done];
        Lab::chat()
            .policy(continuing)
            .policy(|all| all.id_at_seam = policy)
            .control("fallback")
            .breaks("primary", 0, 5, &By::Close)
            .continues("fallback", 0, 5)
            .hears(&bits, ClientEnd::Complete)
    };
    lab(None).check(&[("stream.single-start", "warn")]);
    lab(Some(IdAtSeam::Change)).check(&[("stream.single-start", "pass")]);
    lab(Some(IdAtSeam::Keep)).check(&[("stream.single-start", "fail")]);
}

#[test]
fn increments() {
    let lab = |opened: Option<u32>, policy: fn(&mut Policy)| {
        Lab::chat()
            .policy(policy)
            .answers("primary", 0)
            .last(|exchange| (exchange.gated, exchange.gate_opened) = (true, opened))
            .hears_answer(&whole(0))
    };
    let check = |opened, policy: fn(&mut Policy), expect: &str| {
        lab(opened, policy).check(&[("stream.incremental", expect)]);
    };
    check(None, |_| (), "pass");
    check(Some(1), |policy| policy.buffer = Some(0), "fail");
    check(Some(1), |policy| policy.buffer = Some(2), "pass");
    check(Some(1), |_| (), "warn: undeclared");
    check(Some(24), |_| (), "fail: the whole answer came at once");
    check(Some(24), |policy| policy.after_content = Some(AfterContent::BufferAll), "skip");
    Lab::chat().answers("primary", 0).hears_answer(&whole(0)).check(&[("stream.incremental", "not-exercised")]);
}
