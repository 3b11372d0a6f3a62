//! `route.reached` over several steps, and the counts and limits of `expect.*`.

use crate::api::ApiId;
use crate::check::testing::{Bit, Lab, whole, words};
use crate::history::{ClientEnd, UpstreamEnd};
use crate::scenario::{At, By, Count, Leave, Millis, Outcome, Settings, Stall, Toggle};

fn reached(lab: &Lab, expect: &str) {
    lab.check(&[("route.reached", expect)]);
}

/// A step that primary answers, then one of the same request for which no leg is asked.
fn again(cache: Option<&'static str>) -> Lab {
    Lab::chat()
        .policy(move |policy| policy.cache = cache.map(str::to_owned))
        .answers("primary", 0)
        .hears_answer(&whole(0))
        .next_step()
        .hears_answer(&whole(0))
}

#[test]
fn a_cache_answers_what_was_asked_before() {
    reached(&again(Some("exact")), "pass");
    reached(&again(Some("off")), "fail: step 2: no leg was asked");
    reached(&again(None), "fail: step 2: no leg was asked");
    reached(&again(Some("semantic")), "inconclusive: step 2: no leg was asked");
    let other = again(Some("exact")).with(|history| history.steps[1].client.request.body = "{}".into());
    reached(&other, "fail: step 2: no leg was asked");
    let first = Lab::chat().policy(|policy| policy.cache = Some("exact".to_owned())).hears_answer(&whole(0));
    reached(&first, "fail: no leg was asked");
}

#[test]
fn legs_that_failed_are_put_aside_as_the_settings_have_it() {
    let lab = |set: fn(&mut Settings), statuses: [Option<u16>; 2], status: u16| {
        let mut lab = Lab::chat().with(|history| set(&mut history.case.settings));
        for (leg, failed) in ["primary", "fallback"].into_iter().zip(statuses) {
            lab = match failed {
                Some(status) => lab.fails(leg, status),
                None => lab.answers(leg, 1),
            };
        }
        let lab = lab.hears_status(503, "Overloaded").next_step();
        if status == 200 { lab.hears_answer(&whole(1)) } else { lab.hears_status(status, "Overloaded") }
    };
    let cooled = |settings: &mut Settings| settings.cooldown = Some(Toggle::On);
    reached(&lab(cooled, [Some(503), Some(429)], 503), "pass");
    reached(&lab(cooled, [Some(400), Some(400)], 400), "pass");
    reached(&lab(cooled, [Some(503), None], 503), "fail: step 2: no leg was asked");
    reached(&lab(cooled, [Some(503), Some(503)], 200), "fail: step 2: no leg was asked");
    reached(&lab(|settings| settings.cooldown = Some(Toggle::Off), [Some(503), Some(503)], 503), "fail: step 2");
    reached(&lab(|_| (), [Some(503), Some(503)], 503), "fail: step 2: no leg was asked");
    // A leg that was never asked did not fail.
    let three = Lab::new(ApiId::OpenaiChat, &["openai/gpt-4o-mini"; 3]);
    let three = three.with(|history| history.case.settings.cooldown = Some(Toggle::On));
    let three = three.fails("primary", 503).fails("fallback", 503).hears_status(503, "Overloaded").next_step();
    reached(&three.hears_status(503, "Overloaded"), "fail: step 2: no leg was asked");
    let one = Lab::chat().with(|history| history.case.settings.cooldown = Some(Toggle::On)).fails("primary", 503);
    let one = one.hears_status(503, "Overloaded").next_step().hears_status(503, "Overloaded");
    reached(&one, "fail: step 2: no leg was asked");
}

#[test]
fn what_an_earlier_step_left_behind_may_change_the_order() {
    let second = |set: fn(&mut Settings)| {
        Lab::chat()
            .with(|history| set(&mut history.case.settings))
            .control("fallback")
            .fails("primary", 503)
            .answers("fallback", 1)
            .hears_answer(&whole(1))
            .next_step()
    };
    let left_out = |set| second(set).answers("fallback", 1).hears_answer(&whole(1));
    reached(&left_out(|s| s.cooldown = Some(Toggle::On)), "pass");
    reached(&left_out(|s| s.cooldown = Some(Toggle::Off)), "warn: step 2");
    reached(&left_out(|s| s.affinity = Some(Toggle::Off)), "warn: step 2");
    let neither = |s: &mut Settings| (s.affinity, s.cooldown) = (Some(Toggle::Off), Some(Toggle::Off));
    reached(&left_out(neither), "fail: step 2: legs were first asked in this order: fallback");
    // The session's leg fails, and the order begins anew.
    let pinned = |set| second(set).fails("fallback", 503).answers("primary", 0).hears_answer(&whole(0));
    reached(&pinned(|s| s.affinity = Some(Toggle::On)), "pass");
    reached(&pinned(|s| s.cooldown = Some(Toggle::On)), "fail: step 2");
    // A first step has nothing behind it.
    for set in [|s: &mut Settings| s.affinity = Some(Toggle::On), |s: &mut Settings| s.cooldown = Some(Toggle::On)] {
        let first = Lab::chat().with(|history| set(&mut history.case.settings)).fails("fallback", 503);
        reached(&first.hears_status(503, "Overloaded"), "fail: legs were first asked in this order: fallback");
    }
}

#[test]
fn requests_are_counted_leg_by_leg() {
    let lab = |primary: (u32, u32), fallback: (u32, u32), hedge: Option<u32>| {
        let counts = [("primary", primary), ("fallback", fallback)];
        let counts = counts.map(|(leg, (min, max))| (leg.to_owned(), Count { min, max }));
        Lab::chat()
            .policy(move |policy| policy.hedge = hedge)
            .expect(move |expect| expect.requests.extend(counts))
            .fails("primary", 503)
            .fails("primary", 503)
            .answers("fallback", 1)
            .hears_answer(&whole(1))
    };
    let check = |lab: &Lab, expect: &str| {
        lab.check(&[("expect.requests", expect)]);
    };
    check(&lab((2, 2), (1, 1), None), "pass");
    check(&lab((1, 1), (1, 1), None), "fail: `primary` was asked 2 times, expected 1");
    check(&lab((2, 2), (2, 3), None), "fail: `fallback` was asked 1 times");
    check(&lab((1, 1), (1, 1), Some(1)), "fail: `primary` was asked 2 times");
    let evidence = lab((1, 1), (1, 1), None).verdict("expect.requests").evidence;
    assert_eq!(evidence.iter().map(|shown| shown.exchange.as_str()).collect::<Vec<_>>(), ["upstream 1", "upstream 2"]);
}

#[test]
fn an_ending_that_is_not_legal_shows_itself() {
    let shown = |lab: Lab| lab.verdict("expect.outcome").evidence;
    let bits = [Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Done];
    let silent = shown(Lab::chat().breaks("primary", 0, 5, &By::Close).hears(&bits, ClientEnd::Complete));
    let got: Vec<_> = silent.iter().map(|shown| (shown.exchange.as_str(), shown.got.as_deref())).collect();
    assert_eq!(got, [("client", Some("silent: it looks finished, but no leg finished an answer"))]);
    assert_eq!(shown(Lab::chat().answers("primary", 0).hears_answer(&whole(0))), []);
    // What is shown of a leg is enough.
    let needless =
        shown(Lab::chat().control("fallback").answers("primary", 0).answers("fallback", 1).hears_answer(&whole(0)));
    assert_eq!(needless.iter().map(|shown| shown.exchange.as_str()).collect::<Vec<_>>(), ["upstream 2"]);
}

#[test]
fn what_the_scenario_does_itself_is_allowed() {
    let leaves = |end: ClientEnd| {
        let lab = Lab::chat().expect(|expect| expect.outcome = vec![Outcome::Restarted]).answers("primary", 0);
        let mut lab = lab.hears(&[Bit::Begin(1), Bit::Text(whole(0)), Bit::Done], end);
        lab.plan().client.leave = Some(Leave { at: At::Head, by: By::Close });
        lab
    };
    leaves(ClientEnd::Left).is("left", &[]);
    leaves(ClientEnd::Complete).is("completed", &["!expect.outcome"]);
    // What cannot be held against the proxy is no failure, whatever was expected.
    let stalls = |idle: Option<u64>| {
        let lab = Lab::chat()
            .expect(|expect| expect.outcome = vec![Outcome::Restarted])
            .with(|history| history.case.settings.idle_timeout = idle.map(Millis))
            .breaks("primary", 0, 5, &By::Stall(Stall::default()))
            .last(|exchange| exchange.end = UpstreamEnd::ProxyGone);
        let lab = lab.hears(&[Bit::Begin(1), Bit::Text(words(0, 0..5))], ClientEnd::TimedOut(30_000));
        lab.with(|history| {
            let said = history.steps[0].upstream[0].sent[0].at;
            history.steps[0].client.ended_at = said + 13_000_000;
        })
    };
    stalls(None).check(&[("expect.outcome", "skip: idle_timeout")]);
    stalls(Some(3_001)).check(&[("expect.outcome", "inconclusive: hung is 3001ms and 10 s more")]);
    stalls(Some(3_000)).check(&[("expect.outcome", "fail: hung")]);
}
