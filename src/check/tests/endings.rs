//! Outcomes, and the table of legal endings.

use crate::check::testing::{Bit, Lab, whole, words};
use crate::check::view::StepView;
use crate::history::{ClientEnd, UpstreamEnd};
use crate::proxy::{AfterContent, BeforeContent, Passthrough};
use crate::scenario::{At, By, Cut, Outcome};

fn cut_text(n: u64) -> Vec<Bit> {
    vec![Bit::Begin(1), Bit::Text(words(0, 0..n))]
}

fn complete() -> ClientEnd {
    ClientEnd::Complete
}

fn broken() -> ClientEnd {
    ClientEnd::Broken("closed inside the chunked body".to_owned())
}

#[test]
fn a_whole_answer() {
    for lab in [Lab::chat(), Lab::mixed(), Lab::messages()] {
        lab.answers("primary", 0).hears_answer(&whole(0)).is("completed", &[]).check(&[
            ("route.reached", "pass"),
            ("stream.text", "pass"),
            ("stream.grammar", "pass"),
            ("stream.single-start", "pass"),
            ("stream.truncation-visible", "not-exercised"),
            ("fallback.accepted", "not-exercised"),
            ("fallback.attempts", "not-exercised"),
            ("fallback.credentials", "not-exercised"),
            ("fallback.same-as-control", "not-exercised"),
            ("error.shape", "not-exercised"),
            ("error.no-internals", "not-exercised"),
            ("error.not-self-inflicted", "not-exercised"),
            ("lifecycle.survives", "pass"),
            ("expect.outcome", "pass"),
        ]);
    }
}

#[test]
fn before_content() {
    let lab = || Lab::chat().control("fallback").fails("primary", 503);
    lab().answers("fallback", 1).hears_answer(&whole(1)).is("restarted", &[]);
    lab().hears_status(503, "Overloaded").is("error", &["fallback.taken"]);
    lab().fails("fallback", 503).hears_status(503, "Overloaded").is("error", &[]);
    let silent = ["fallback.taken", "!stream.truncation-visible", "!expect.outcome"];
    lab().hears_answer("").is("silent", &silent);
    let declared = |before| lab().policy(move |policy| policy.before_content = Some(before));
    declared(BeforeContent::Error).answers("fallback", 1).hears_answer(&whole(1)).is("restarted", &["!fallback.taken"]);
    declared(BeforeContent::Fallback).hears_status(503, "Overloaded").is("error", &["!fallback.taken"]);
    // An answer that was there and is lost.
    lab().answers("fallback", 1).hears_status(500, "boom").is("error", &["!expect.outcome"]);
}

#[test]
fn after_content() {
    for by in [By::Close, By::Eof, By::Reset, By::ErrorEvent] {
        for lab in [Lab::chat(), Lab::messages()] {
            let lab = lab.control("fallback").breaks("primary", 0, 5, &by);
            let mut bits = cut_text(5);
            lab.clone().hears(&bits, broken()).is("broken", &[]);
            lab.clone().hears(&bits, complete()).is("silent", &["!stream.truncation-visible", "!expect.outcome"]);
            bits.push(Bit::Done);
            lab.clone().hears(&bits, complete()).is("silent", &["!stream.truncation-visible", "!expect.outcome"]);
            bits.pop();
            bits.push(Bit::Error("Overloaded"));
            lab.clone().hears(&bits, complete()).is("error", &[]).check(&[("stream.truncation-visible", "pass")]);
            let declared = lab.clone().policy(|policy| policy.after_content = Some(AfterContent::ContinueUser));
            declared.continues("fallback", 0, 5).hears_answer(&whole(0)).is("continued", &[]);
            lab.clone().continues("fallback", 0, 5).hears_answer(&whole(0)).is("continued", &["expect.outcome"]);
            let contrary = lab.clone().policy(|policy| policy.after_content = Some(AfterContent::Error));
            contrary.continues("fallback", 0, 5).hears_answer(&whole(0)).is("continued", &["!expect.outcome"]);
            let held_back = lab.clone().policy(|policy| policy.after_content = Some(AfterContent::BufferAll));
            held_back.answers("fallback", 1).hears_answer(&whole(1)).is("restarted", &[]);
            let spliced = format!("{}{}", words(0, 0..5), whole(1));
            lab.clone()
                .answers("fallback", 1)
                .hears_answer(&spliced)
                .is("spliced", &["!stream.text", "!expect.outcome"]);
            let doubled = format!("{}{}", words(0, 0..5), whole(0));
            lab.answers("primary", 0)
                .hears_answer(&doubled)
                .is("doubled", &["fallback.attempts", "!stream.text", "!expect.outcome"]);
        }
    }
}

#[test]
fn a_clean_end_that_is_handed_on() {
    let lab = |by: &By| {
        Lab::chat().breaks("primary", 0, 5, by).policy(|policy| policy.passthrough = Some(Passthrough::Bytes))
    };
    let bits = cut_text(5);
    lab(&By::Eof).hears(&bits, complete()).is("silent", &["stream.truncation-visible", "expect.outcome"]);
    lab(&By::Close).hears(&bits, complete()).is("silent", &["!stream.truncation-visible", "!expect.outcome"]);
    let mut invented = bits.clone();
    invented.push(Bit::Done);
    lab(&By::Eof).hears(&invented, complete()).is("silent", &["!stream.truncation-visible", "!expect.outcome"]);
    let json = lab(&By::Eof).policy(|policy| policy.passthrough = Some(Passthrough::Json));
    json.hears(&bits, complete()).is("silent", &["!stream.truncation-visible", "!expect.outcome"]);
}

#[test]
fn last_content_without_a_finish() {
    let lab = |lab: Lab| {
        lab.breaks("primary", 0, 24, &By::Close)
            .policy(|policy| policy.after_content = Some(AfterContent::ContinueUser))
    };
    let mut bits = cut_text(24);
    lab(Lab::chat()).hears(&bits, broken()).is("broken", &[]);
    let rest = lab(Lab::chat()).control("fallback").continues("fallback", 0, 24);
    rest.hears_answer(&whole(0)).is("continued", &[]);
    bits.push(Bit::Done);
    lab(Lab::chat()).hears(&bits, complete()).is("silent", &["!stream.truncation-visible", "!expect.outcome"]);
}

#[test]
fn a_finish_without_a_terminator() {
    for lab in [Lab::chat(), Lab::messages()] {
        let mut bits = cut_text(24);
        bits.push(Bit::Finish);
        let lab = lab.ask("primary").sends(0, 0, &bits, UpstreamEnd::Cut("close".to_owned()));
        lab.clone().hears(&bits, complete()).is("completed", &[]);
        lab.clone().hears(&bits, broken()).is("broken", &[]);
        lab.clone().hears_answer(&whole(0)).is("completed", &[]);
        let other = lab.control("fallback").answers("fallback", 1).hears_answer(&whole(1));
        other.is("restarted", &["!expect.outcome"]);
        // A leg that is asked once another is done is not asked at the same time.
        let next = other.with(|history| {
            let upstream = &mut history.steps[0].upstream;
            upstream[1].at = upstream[0].ended_at;
        });
        next.is("restarted", &["!expect.outcome"]);
    }
}

#[test]
fn a_second_leg_behind_a_whole_answer() {
    let lab = Lab::chat().control("fallback").answers("primary", 0).answers("fallback", 1);
    lab.clone().hears_answer(&whole(0)).is("completed", &["!expect.outcome"]);
    lab.clone().hears_answer(&whole(1)).is("restarted", &["!expect.outcome"]);
    lab.policy(|policy| policy.hedge = Some(2)).hears_answer(&whole(1)).is("restarted", &[]);
    let lost = Lab::chat().answers("primary", 0).hears_status(500, "boom");
    lost.is("error", &["!expect.outcome"]);
    // The transport breaks behind the end mark: nothing is lost.
    let bits = [Bit::Begin(1), Bit::Text(whole(0)), Bit::Done];
    Lab::chat().answers("primary", 0).hears(&bits, broken()).is("completed", &[]);
}

#[test]
fn an_answer_that_is_whole_has_not_hung() {
    let late = || ClientEnd::TimedOut(30_000);
    let check = |bits: &[Bit], expect: &str| {
        let lab = Lab::chat().answers("primary", 0).hears(bits, late());
        assert_eq!(lab.judged().outcomes[0].map(Outcome::name).as_deref(), Some(expect));
    };
    check(&[Bit::Begin(1), Bit::Text(whole(0)), Bit::Done], "completed");
    check(&[Bit::Begin(1), Bit::Text(whole(0)), Bit::Error("Overloaded")], "error");
    check(&[Bit::Begin(1), Bit::Text(whole(0))], "hung");
}

#[test]
fn a_leg_of_which_only_blanks_were_heard_was_not_heard() {
    let lab = Lab::chat().control("fallback").ask("primary");
    let bits = [Bit::Begin(1), Bit::Text(" ".to_owned())];
    let lab = lab.sends(0, 0, &bits, UpstreamEnd::Cut("close".to_owned())).answers("fallback", 1);
    let lab = lab.hears_answer(&format!(" {}", whole(1)));
    assert_eq!(lab.judged().outcomes[0], Some(Outcome::Restarted));
}

#[test]
fn a_leg_that_is_tried_again_goes_on_with_its_own_words() {
    let from = words(0, 0..5).chars().count();
    let again = [Bit::Begin(2), Bit::Text(words(0, 5..24)), Bit::Done];
    let lab = Lab::chat().breaks("primary", 0, 5, &By::Close).ask("primary");
    let lab = lab.sends(0, from, &again, UpstreamEnd::Complete).hears_answer(&whole(0));
    assert_eq!(lab.judged().outcomes[0], Some(Outcome::Continued));
}

#[test]
fn whose_words_stand_behind_whose_is_told() {
    let told = |lab: Lab, expect: &str| {
        lab.check(&[("expect.outcome", &format!("fail: spliced, which is legal nowhere: {expect}"))]);
    };
    let lab = || Lab::chat().breaks("primary", 0, 5, &By::Close);
    let spliced = format!("{}{}", words(0, 0..5), whole(1));
    told(lab().answers("fallback", 1).hears_answer(&spliced), "text of `voice1` behind that of `voice0`");
    // A text beside another leg's call.
    let call = [Bit::Tool("weather"), Bit::Arguments("{\"city\":\"dacola\"}"), Bit::Done];
    let with = |first: Bit| [&[Bit::Begin(1), first][..], &call].concat();
    let sent = [&[Bit::Begin(2)][..], &call].concat();
    let calls = lab().ask("fallback").sends(1, 0, &sent, UpstreamEnd::Complete);
    let calls = calls.hears(&with(Bit::Text(words(0, 0..5))), ClientEnd::Complete);
    told(calls, "content of two legs that is no continuation");
}

#[test]
fn an_answer_that_cannot_be_read_is_finished_by_whoever_goes_on_with_it() {
    let finisher = |lab: Lab| StepView::of(&lab.history)[0].ending.finisher;
    let damaged = || Lab::chat().cut("primary", Cut { at: At::Texts(5), by: By::BadJson }).answers("primary", 0);
    assert_eq!(finisher(damaged().continues("fallback", 0, 20).hears_answer(&whole(0))), Some(1));
    // Who was asked besides, for an answer of its own, did not.
    assert_eq!(finisher(damaged().answers("fallback", 1).hears_answer(&whole(0))), Some(0));
}

#[test]
fn an_answer_that_no_leg_gave() {
    Lab::chat().hears_answer("Here you are.").is("silent", &["!route.reached", "!stream.text", "!expect.outcome"]);
    Lab::chat().hears_status(404, "no such model").is("error", &["!route.reached"]);
    Lab::chat().is("broken", &["!route.reached"]);
}

#[test]
fn what_the_scenario_allows() {
    let lab = |allowed: &[Outcome]| {
        let allowed = allowed.to_vec();
        Lab::chat().breaks("primary", 0, 5, &By::Close).expect(|expect| expect.outcome = allowed)
    };
    lab(&[Outcome::Error]).hears(&cut_text(5), broken()).is("broken", &[]);
    lab(&[Outcome::Broken]).hears(&cut_text(5), broken()).is("broken", &[]);
    lab(&[Outcome::Continued]).hears(&cut_text(5), broken()).is("broken", &["!expect.outcome"]);
    let completed = Lab::chat().expect(|expect| expect.outcome = vec![Outcome::Error]).answers("primary", 0);
    completed.hears_answer(&whole(0)).is("completed", &["!expect.outcome"]);
}
