//! What a declared policy changes in what a scenario expects; and that nothing changes without the declaration.

use super::testing::{Bit, Lab, whole, words};
use super::view::StepView;
use crate::api::ApiId;
use crate::history::{ClientEnd, UpstreamEnd};
use crate::proxy::{AfterContent, BeforeContent, Policy, Retries, UsageChoice};
use crate::scenario::{By, Count, Expect, Millis, Outcome, Status};

fn count(leg: &str, min: u32, max: u32) -> impl FnOnce(&mut Expect) {
    let leg = leg.to_owned();
    move |expect| expect.requests.extend([(leg, Count { min, max })])
}

fn only(outcome: Outcome) -> impl FnOnce(&mut Expect) {
    move |expect| expect.outcome = vec![outcome]
}

fn on(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[test]
fn a_chain_ends_where_it_is_declared_to_end() {
    let check = |policy: fn(&mut Policy), outcome: &str, requests: &str| {
        let lab = Lab::chat().policy(policy).expect(only(Outcome::Restarted)).expect(count("fallback", 1, 1));
        let lab = lab.fails("primary", 503).hears_status(503, "Overloaded");
        lab.check(&[("expect.outcome", outcome), ("expect.requests", requests)]);
    };
    check(|_| (), "fail: error", "fail: asked 0 times");
    check(|policy| policy.before_content = Some(BeforeContent::Fallback), "fail", "fail");
    let why = "pass: as declared: `primary` answered 503, and the proxy declares to give the error then";
    check(|policy| policy.before_content = Some(BeforeContent::Error), "pass: the error, as declared", why);
    check(|policy| policy.fallback_on = Some(on(&["5xx"])), "fail", "fail");
    check(|policy| policy.fallback_on = Some(on(&["429", "timeout"])), "pass", "pass: not on the declared list");

    // What the scenario sets is no matter of the proxy's.
    let set = Lab::chat().policy(|policy| policy.fallback_on = Some(on(&["429"]))).expect(only(Outcome::Restarted));
    let set = set.with(|history| history.case.settings.fallback_on = Some(on(&["503"])));
    set.fails("primary", 503).hears_status(503, "Overloaded").check(&[("expect.outcome", "fail")]);
    // The declaration makes the error right, and nothing else.
    let silent = Lab::chat().policy(|policy| policy.before_content = Some(BeforeContent::Error));
    let silent = silent.expect(only(Outcome::Restarted)).fails("primary", 503);
    silent.hears_answer("It is well.").check(&[("expect.outcome", "fail: silent")]);
    // It is about what fails before content.
    let begun = Lab::chat().policy(|policy| policy.before_content = Some(BeforeContent::Error));
    let begun = begun.expect(only(Outcome::Restarted)).breaks("primary", 0, 5, &By::Close);
    let bits = [Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Error("Overloaded")];
    begun.hears(&bits, ClientEnd::Complete).check(&[("expect.outcome", "fail: error")]);
    // A leg that was asked too often was, whatever the declaration.
    let lab = Lab::chat().policy(|policy| policy.before_content = Some(BeforeContent::Error));
    let lab = lab.expect(count("primary", 1, 1)).fails("primary", 503).fails("primary", 503);
    lab.hears_status(503, "Overloaded").check(&[("expect.requests", "fail: asked 2 times")]);
}

#[test]
fn what_was_written_for_the_usual_way_is_not_held_against_a_later_step() {
    let check = |declared, outcome: &str, requests: &str| {
        let lab = Lab::chat().policy(|policy| policy.before_content = declared);
        let lab = lab.control("fallback").fails("primary", 503).hears_status(503, "Overloaded");
        let lab = lab.next_step().expect(count("fallback", 0, 0)).expect(only(Outcome::Error)).control("fallback");
        let lab = lab.answers("fallback", 1).hears_answer(&whole(1));
        lab.check(&[("expect.outcome", outcome), ("expect.requests", requests)]);
    };
    check(Some(BeforeContent::Error), "pass", "not-exercised");
    check(Some(BeforeContent::Fallback), "fail: step 2", "fail: step 2");
    check(None, "fail: step 2", "fail: step 2");
    // Where every leg was asked, the step went no other way.
    let lab = Lab::new(ApiId::OpenaiChat, &["openai/gpt-4o-mini"]);
    let lab = lab.policy(|policy| policy.before_content = Some(BeforeContent::Error)).fails("primary", 503);
    let lab = lab.hears_status(503, "Overloaded").next_step().expect(only(Outcome::Error));
    lab.answers("primary", 0).hears_answer(&whole(0)).check(&[("expect.outcome", "fail: step 2")]);
}

#[test]
fn a_declared_cache_gives_an_answer_again() {
    let check = |cache: Option<&str>, second: &str, expect: &str| {
        let cache = cache.map(str::to_owned);
        let lab = Lab::chat().policy(move |policy| policy.cache = cache).answers("primary", 0).hears_answer(&whole(0));
        let lab = lab.next_step().expect(count("fallback", 1, 1)).expect(only(Outcome::Restarted));
        let lab = lab.hears_answer(second);
        lab.check(&[("stream.text", expect), ("expect.outcome", expect)]);
        lab
    };
    let lab = check(Some("exact"), &whole(0), "pass");
    lab.check(&[("expect.requests", "not-exercised"), ("route.reached", "pass")]);
    check(Some("semantic"), &whole(0), "pass");
    // Later steps were not prepared for that.
    let later = lab.clone().next_step().expect(only(Outcome::Error)).answers("fallback", 1).hears_answer(&whole(1));
    let departed = StepView::of(&later.history)[2].departed.clone();
    assert_eq!(departed.as_deref(), Some("step 2 was answered from the cache, as step 1 was"));
    // Whoever asked a leg again took nothing from the cache.
    let asked = Lab::chat().policy(|policy| policy.cache = Some("exact".to_owned()));
    let asked = asked.answers("primary", 0).hears_answer(&whole(0)).next_step().expect(count("primary", 0, 0));
    let asked = asked.answers("primary", 0).hears_answer(&whole(0));
    asked.check(&[("expect.requests", "fail: step 2: `primary` was asked 1 times")]);
    // Half of it, or another's, is nobody's answer.
    check(Some("exact"), &words(0, 0..9), "fail");
    check(Some("exact"), &whole(3), "fail");
    check(Some("off"), &whole(0), "fail");
    check(None, &whole(0), "fail");
    // Another question is not the same one.
    let lab = Lab::chat().policy(|policy| policy.cache = Some("exact".to_owned()));
    let lab = lab.answers("primary", 0).hears_answer(&whole(0)).next_step().hears_answer(&whole(0));
    let other = lab.with(|history| history.steps[1].client.request.body.0.push(b' '));
    other.check(&[("stream.text", "fail"), ("expect.outcome", "fail")]);
}

#[test]
fn who_answers_a_hedged_request_is_a_matter_of_speed() {
    let lab = |hedge, times| {
        let lab = Lab::chat().policy(move |policy| policy.hedge = hedge).control("fallback").answers("primary", 0);
        let lab = (0..times).fold(lab, |lab, _| lab.answers("fallback", 1));
        // All in flight at once.
        let lab = lab.with(|history| history.steps[0].upstream.iter_mut().for_each(|exchange| exchange.at = 10));
        lab.hears_answer(&whole(1)).expect(only(Outcome::Completed)).expect(count("fallback", 0, 0))
    };
    lab(Some(2), 1).check(&[("expect.outcome", "pass"), ("expect.requests", "pass: hedged, as declared")]);
    lab(Some(1), 1).check(&[("expect.outcome", "fail"), ("expect.requests", "fail")]);
    lab(None, 1).check(&[("expect.outcome", "fail"), ("expect.requests", "fail")]);
    // Who is not asked beside the leg that answers was not spared by it.
    let alone = Lab::chat().answers("primary", 0).hears_answer(&whole(0)).expect(count("fallback", 1, 1));
    alone.check(&[("expect.requests", "fail: asked 0 times")]);
    // Two at a time are not three.
    lab(Some(2), 2).check(&[("expect.requests", "fail: asked 2 times")]);
    lab(Some(3), 2).check(&[("expect.requests", "pass")]);
    // A leg that answers spares the others, but not itself.
    lab(Some(2), 1)
        .expect(count("primary", 3, 3))
        .expect(count("fallback", 0, 1))
        .check(&[("expect.requests", "pass")]);
    lab(Some(2), 1).expect(count("fallback", 3, 3)).check(&[("expect.requests", "fail: asked 1 times")]);
    let lost =
        Lab::chat().policy(|policy| policy.hedge = Some(2)).fails("primary", 503).expect(count("fallback", 1, 1));
    lost.hears_status(503, "Overloaded").check(&[("expect.requests", "fail: asked 0 times")]);
}

#[test]
fn a_leg_that_lost_against_a_quicker_one_may_be_asked_to_go_on() {
    let check = |hedge, expect: &str| {
        let lab = Lab::chat().policy(move |policy| policy.hedge = Some(hedge)).control("fallback");
        let lab = lab.policy(|policy| policy.after_content = Some(AfterContent::ContinueUser));
        let lab = lab.breaks("primary", 0, 5, &By::Close).answers("fallback", 1).continues("fallback", 0, 5);
        let lab = lab.hears_answer(&whole(0));
        lab.check(&[("expect.outcome", expect)]);
    };
    check(2, "pass");
    check(1, "fail: `fallback` finished its answer, and another request went on with it");
    // What was heard to its end needs nobody to go on with it.
    let lab = Lab::chat().policy(|policy| policy.hedge = Some(2)).control("fallback");
    let lab = lab.policy(|policy| policy.after_content = Some(AfterContent::ContinueUser));
    let lab = lab.answers("primary", 0).continues("fallback", 0, 20).hears_answer(&whole(0));
    lab.check(&[("expect.outcome", "pass"), ("expect.requests", "not-exercised")]);
}

#[test]
fn only_what_was_heard_of_a_hedged_request_is_counted() {
    let check = |hedge, expect: &str| {
        let lab = Lab::messages().policy(move |policy| policy.hedge = Some(hedge));
        let lab = lab.policy(|policy| policy.usage = Some(UsageChoice::Sum)).control("fallback");
        let lab = lab.answers("primary", 0).answers("fallback", 1);
        let lab = lab.with(|history| history.steps[0].upstream[1].at = history.steps[0].upstream[0].at + 10);
        lab.hears_answer(&whole(1)).check(&[("stream.usage", expect)]);
    };
    check(2, "pass");
    check(1, "fail: the usage that the client is told is that of `primary` alone");
}

#[test]
fn numbers_of_zero_tell_no_usage() {
    let lab = Lab::messages().policy(|policy| policy.usage = Some(UsageChoice::None));
    let lab = lab.answers("primary", 0).hears_answer(&whole(0));
    lab.check(&[("stream.usage", "fail: usage is told")]);
    let nothing = lab.with(|history| {
        let body = String::from_utf8(history.steps[0].client.body()).unwrap();
        let body = body.replace("_tokens\":3", "_tokens\":0").replace("_tokens\":9", "_tokens\":0");
        history.steps[0].client.chunks[0].data.0 = body.into_bytes();
    });
    nothing.check(&[("stream.usage", "pass: none is told, as declared")]);
}

#[test]
fn declared_retries_are_counted_with_the_scenarios() {
    let check = |declared: Option<(u32, u32)>, set, times, expect: &str| {
        let retries = declared.map(|(same_leg, other_key)| Retries { same_leg, other_key });
        let lab = Lab::chat().policy(move |policy| policy.retries = retries).expect(count("primary", 1, 1));
        let lab = lab.with(|history| history.case.settings.retries = set).control("fallback");
        let lab = (0..times).fold(lab, |lab, _| lab.fails("primary", 503));
        lab.answers("fallback", 1).hears_answer(&whole(1)).check(&[("expect.requests", expect)]);
    };
    check(Some((1, 0)), None, 2, "pass: asked again, as declared");
    check(Some((0, 1)), None, 2, "pass");
    check(Some((1, 1)), None, 3, "pass");
    check(Some((1, 0)), None, 3, "fail: asked 3 times");
    check(Some((0, 0)), None, 2, "fail");
    check(None, None, 2, "fail");
    // The scenario that sets retries has counted them.
    check(Some((1, 0)), Some(1), 2, "fail");
}

#[test]
fn another_key_need_not_wait() {
    let check = |other_key, another: bool, expect: &str| {
        let lab = Lab::chat().policy(move |policy| policy.retries = Some(Retries { same_leg: 1, other_key }));
        let lab = lab.play("primary", |play| {
            play.status = Some(Status { code: 429, retry_after: Some(Millis(7_000)) });
        });
        let lab = lab.fails("primary", 429).fails("primary", 429).last(|exchange| {
            if another {
                exchange.request.headers = [("authorization", "Bearer another-key-0123")].into_iter().collect();
            }
        });
        lab.hears_status(429, "Overloaded").check(&[("fallback.retry-after", expect)]);
    };
    check(1, true, "pass");
    check(1, false, "warn: asked again after");
    check(0, true, "warn");
}

#[test]
fn a_declared_status_takes_the_place_of_the_scenarios() {
    let check = |declared: Option<&str>, got, expect: &str| {
        let declared = declared.map(str::to_owned);
        let lab = Lab::chat().policy(move |policy| policy.exhausted_status = declared);
        let lab = lab.expect(|expect| expect.status = Some(429)).fails("primary", 429).fails("fallback", 429);
        lab.hears_status(got, "Overloaded").check(&[("expect.status", expect)]);
    };
    check(Some("503"), 503, "pass: the status that is declared");
    check(Some("503"), 502, "fail");
    check(Some("keep"), 503, "fail");
    check(None, 503, "fail");
}

#[test]
fn a_refusal_for_good_may_keep_its_status() {
    let check = |last, got, expect: &str| {
        let lab = Lab::chat().policy(|policy| policy.exhausted_status = Some("503".to_owned()));
        let lab = lab.fails("primary", 529).fails("fallback", last);
        lab.hears_status(got, "Overloaded").check(&[("error.status", expect)]);
    };
    check(400, 529, "pass");
    check(400, 400, "pass");
    check(400, 503, "pass");
    check(400, 500, "fail: declared: 503");
    // A failure that would have led on exhausts the chain.
    check(500, 529, "fail: declared: 503");
    check(500, 503, "pass");
}

#[test]
fn the_first_of_legs_that_are_asked_at_once_is_the_first_of_the_chain() {
    let check = |hedge, told: &str, expect: &str| {
        let lab = Lab::chat().policy(move |policy| policy.hedge = hedge);
        let lab = lab.policy(|policy| policy.error = Some(crate::proxy::ErrorChoice::First));
        let lab = lab.ask("fallback").sends(
            1,
            0,
            &[Bit::Error("of the fallback")],
            UpstreamEnd::Cut("error_event".to_owned()),
        );
        let lab =
            lab.ask("primary").sends(0, 0, &[Bit::Error("of the primary")], UpstreamEnd::Cut("error_event".to_owned()));
        let lab = lab.hears(&[Bit::Begin(1), Bit::Error("told")], ClientEnd::Complete);
        let lab = lab.hears_status(529, told);
        lab.check(&[("error.original", expect)]);
    };
    check(Some(2), "of the primary", "pass");
    check(Some(2), "of the fallback", "fail: that of `fallback`");
    // One after the other, the first is the one that was asked first.
    check(Some(1), "of the fallback", "pass");
}
