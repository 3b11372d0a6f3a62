//! `route.*`, `fallback.*`, `expect.requests`, `expect.status`.

use base64::Engine as _;

use crate::api::{Conversation, Part, Role, Turn};
use crate::check::testing::{Bit, Lab, key, whole, words};
use crate::history::{ClientEnd, Continuation, Control, Stray, UpstreamEnd};
use crate::proxy::{AfterContent, Credentials, Retries};
use crate::scenario::{At, By, Count, Cut, Toggle};

const PREFILL: &str =
    "This model does not support assistant message prefill. The conversation must end with a user message.";

fn turn(role: Role, text: String) -> Turn {
    Turn { role, parts: vec![Part::text(text)], place: String::new() }
}

/// The seed bug: the primary dies after five words, and the fallback is asked by prefill.
fn prefilled(lab: Lab) -> Lab {
    lab.breaks("primary", 0, 5, &By::ErrorEvent)
        .ask("fallback")
        .edited(|conversation| {
            conversation.turns.push(turn(Role::Assistant, words(0, 0..5)));
        })
        .last(|exchange| exchange.continuation = Continuation::Prefill { quoted: words(0, 0..5) })
}

fn hears_error(lab: Lab, message: &'static str) -> Lab {
    lab.hears(&[Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Error(message)], ClientEnd::Complete)
}

#[test]
fn the_seed_bug() {
    const SHOWN: &str = "MidStreamFallbackError: b'{\"type\": \"error\", \"message\": \"This model does not support assistant message prefill. The conversation must end with a user message.\"}'";
    let lab = || prefilled(Lab::mixed().control("fallback")).refuses(PREFILL);
    hears_error(lab(), SHOWN).is("error", &["!fallback.accepted", "!error.not-self-inflicted"]).check(&[
        ("fallback.same-as-control", "pass"),
        ("stream.text", "pass"),
        ("stream.truncation-visible", "pass"),
        ("error.shape", "pass"),
    ]);
    // The original error instead: the fallback was still in vain.
    hears_error(lab(), "Overloaded")
        .is("error", &["!fallback.accepted"])
        .check(&[("error.not-self-inflicted", "pass")]);
    // A guessed rule never fails a proxy.
    let guessed = lab().last(|exchange| exchange.refused.as_mut().expect("refused").certain = false);
    hears_error(guessed, SHOWN).is("error", &["fallback.accepted", "error.not-self-inflicted"]);
    // As a status, where nothing was delivered.
    lab().hears_status(400, "bad request").check(&[("error.not-self-inflicted", "fail: as its status")]);
}

#[test]
fn turns_behind_the_clients_last_may_be_a_continuation_that_nobody_understands() {
    let lab = || Lab::chat().control("fallback").breaks("primary", 0, 5, &By::Close).ask("fallback");
    let unrecognised = |lab: Lab| {
        lab.last(|exchange| exchange.continuation = Continuation::Unrecognised { reason: "paraphrased".to_owned() })
    };
    let asks = turn(Role::User, "Go on from where you were, please.".to_owned());
    let added = unrecognised(lab().edited(|conversation| conversation.turns.push(asks.clone())));
    added.hears_status(500, "no").check(&[("fallback.same-as-control", "inconclusive: paraphrased")]);
    // What stands before them is the proxy's edit, whatever comes behind.
    let edited = unrecognised(lab().edited(|conversation| {
        conversation.turns.insert(0, turn(Role::System, "You are helpful.".to_owned()));
        conversation.turns.push(asks.clone());
    }));
    edited.hears_status(500, "no").check(&[("fallback.same-as-control", "fail: system")]);
}

#[test]
fn a_proxy_that_recovers_from_a_refusal() {
    let lab = prefilled(
        Lab::mixed().policy(|policy| policy.after_content = Some(AfterContent::ContinueUser)).control("fallback"),
    )
    .refuses(PREFILL)
    .continues("fallback", 0, 5)
    .hears_answer(&whole(0));
    lab.is("continued", &["fallback.accepted"]).check(&[
        ("fallback.accepted", "warn: recovered"),
        ("error.not-self-inflicted", "pass"),
        ("fallback.attempts", "pass"),
        ("stream.text", "pass"),
    ]);
}

#[test]
fn a_request_that_the_target_refuses_anyway() {
    let failed = || Control::Failed { status: 400, text: "no".to_owned(), asked: None };
    let lab = Lab::mixed().control_is("fallback", failed()).fails("primary", 503).ask("fallback").refuses("no");
    lab.hears_status(400, "no").check(&[
        ("fallback.accepted", "skip: control: 400 no"),
        ("fallback.same-as-control", "skip: control: 400 no"),
        ("error.not-self-inflicted", "skip: control: 400 no"),
    ]);
    // Without a control, a plain request may be refused for what the client asks, a prefill is the proxy's own.
    let plain = Lab::mixed().fails("primary", 503).ask("fallback").refuses("no").hears_status(400, "no");
    plain.check(&[("fallback.accepted", "inconclusive"), ("error.not-self-inflicted", "skip: no control")]);
    hears_error(prefilled(Lab::mixed()).refuses(PREFILL), "Overloaded")
        .check(&[("fallback.accepted", "fail"), ("fallback.same-as-control", "skip: no control")]);
}

#[test]
fn a_status_from_the_script_is_no_refusal() {
    let lab =
        Lab::chat().control("fallback").fails("primary", 503).fails("fallback", 400).hears_status(400, "Overloaded");
    lab.check(&[("fallback.accepted", "pass"), ("error.not-self-inflicted", "pass")]);
}

fn fallback_with(edit: impl FnOnce(&mut Conversation)) -> Lab {
    Lab::mixed().control("fallback").fails("primary", 503).answers("fallback", 1).edited(edit).hears_answer(&whole(1))
}

#[test]
fn what_differs_from_the_control() {
    fallback_with(|_| ()).is("restarted", &[]).check(&[("fallback.same-as-control", "pass")]);
    let check = |edit: &dyn Fn(&mut Conversation), path: &str| {
        let lab = fallback_with(|conversation| edit(conversation));
        lab.check(&[("fallback.same-as-control", &format!("fail: {path}"))]);
    };
    check(&|conversation| conversation.turns[0].parts.push(Part::text("Do not repeat.")), "system");
    check(&|conversation| conversation.turns.push(turn(Role::User, "Go on.".to_owned())), "turns[1]");
    check(&|conversation| drop(conversation.turns.remove(0)), "system");
    check(&|conversation| drop(conversation.params.insert("temperature".to_owned(), 1.into())), "params.temperature");
    check(&|conversation| drop(conversation.params.insert("max_tokens".to_owned(), 1.into())), "params.max_tokens");
    // The model is a check of its own.
    fallback_with(|conversation| conversation.model = "claude-opus-4-1".to_owned())
        .is("restarted", &["!fallback.model"])
        .check(&[("fallback.same-as-control", "pass")]);
}

#[test]
fn a_continuation_adds_its_own_and_no_more() {
    let lab = |edit: &dyn Fn(&mut Conversation)| {
        let lab = Lab::mixed().control("fallback").breaks("primary", 0, 5, &By::Close).continues("fallback", 0, 5);
        lab.edited(|conversation| edit(conversation)).hears_answer(&whole(0))
    };
    lab(&|_| ()).check(&[("fallback.same-as-control", "pass")]);
    lab(&|conversation| drop(conversation.params.insert("max_tokens".to_owned(), 200.into())))
        .check(&[("fallback.same-as-control", "pass")]);
    lab(&|conversation| drop(conversation.params.insert("max_tokens".to_owned(), 300.into())))
        .check(&[("fallback.same-as-control", "fail: params.max_tokens")]);
    lab(&|conversation| conversation.turns[0].parts.push(Part::text("Continue.")))
        .check(&[("fallback.same-as-control", "fail: system")]);
}

#[test]
fn keys() {
    let lab = |edit: &dyn Fn(&mut crate::wire::Request)| {
        let lab = Lab::chat().control("fallback").fails("primary", 503).answers("fallback", 1).hears_answer(&whole(1));
        lab.last(|exchange| edit(&mut exchange.request))
    };
    let header = |value: String| lab(&move |request| request.headers.push("x-extra", value.clone()));
    lab(&|_| ()).check(&[("fallback.credentials", "pass")]);
    header(key("fallback")).check(&[("fallback.credentials", "pass")]);
    header(key("primary")).check(&[("fallback.credentials", "fail: header x-extra")]);
    header("sk-canary-other-0123456789".to_owned()).check(&[("fallback.credentials", "fail: slot-other-7/primary")]);
    header("sk-decoy-0123456789".to_owned()).check(&[("fallback.credentials", "fail: decoy key")]);
    header(base64::engine::general_purpose::STANDARD.encode(format!("u:{}", key("primary"))))
        .check(&[("fallback.credentials", "fail")]);
    lab(&|request| request.target.extend(["?key=", &key("primary")]))
        .check(&[("fallback.credentials", "fail: the request line")]);
    lab(&|request| request.body = crate::wire::Blob::from(key("primary").as_str()))
        .check(&[("fallback.credentials", "fail: the body")]);
    let passes = header(key("primary")).policy(|policy| policy.credentials = Some(Credentials::Passthrough));
    passes.check(&[("fallback.credentials", "pass")]);
    let one_key = header(key("primary")).with(|history| history.proxy.key_per_leg = false);
    one_key.check(&[("fallback.credentials", "pass")]);
    let attached = lab(&|_| ()).with(|history| history.proxy.attached = true);
    attached.check(&[("fallback.credentials", "skip: attached")]);
    // The wrong way round.
    let wrong = Lab::chat().answers("primary", 0).last(|exchange| exchange.request.headers.push("x", key("fallback")));
    wrong.hears_answer(&whole(0)).check(&[("fallback.credentials", "fail")]);
}

#[test]
fn attempts() {
    let check = |lab: Lab, expect: &str| {
        lab.hears_status(503, "Overloaded").check(&[("fallback.attempts", expect)]);
    };
    check(Lab::chat().fails("primary", 503), "pass");
    check(Lab::chat().fails("primary", 400), "pass");
    check(Lab::chat().fails("primary", 400).fails("primary", 400), "fail: the same request again");
    // However quick a leg is, its answer is behind its own request.
    check(Lab::chat().fails("primary", 400).last(|exchange| exchange.ended_at = exchange.at), "pass");
    check(Lab::chat().fails("primary", 503).fails("primary", 503), "warn: undeclared");
    let declared =
        |lab: Lab, same_leg| lab.policy(move |policy| policy.retries = Some(Retries { same_leg, other_key: 0 }));
    check(declared(Lab::chat(), 0).fails("primary", 503).fails("primary", 503), "fail");
    check(declared(Lab::chat(), 1).fails("primary", 503).fails("primary", 503), "pass");
    check(declared(Lab::chat(), 1).fails("primary", 400).fails("primary", 400), "fail: the same request again");
    let set = Lab::chat().with(|history| history.case.settings.retries = Some(2));
    check(set.fails("primary", 503).fails("primary", 503).fails("primary", 503), "pass");
    // Another body, or another key, is another request.
    let other_body = Lab::chat().fails("primary", 400).fails("primary", 400).edited(|conversation| {
        conversation.params.remove("max_tokens");
    });
    check(declared(other_body, 1), "pass");
    let other_key = Lab::chat().fails("primary", 401).fails("primary", 401).last(|exchange| {
        exchange.request.headers = [("authorization", "Bearer another-key-0123")].into_iter().collect();
    });
    check(other_key.policy(|policy| policy.retries = Some(Retries { same_leg: 0, other_key: 1 })), "pass");
    // Two at once: the second could not know.
    let hedged = Lab::chat().policy(|policy| policy.hedge = Some(2)).fails("primary", 400).fails("primary", 400);
    check(hedged.with(|history| history.steps[0].upstream[1].at = 1), "pass");
}

#[test]
fn routes() {
    let check = |lab: Lab, expect: &str| {
        lab.hears_status(503, "x").check(&[("route.reached", expect)]);
    };
    check(Lab::chat().fails("primary", 503), "pass");
    check(Lab::chat().fails("primary", 503).fails("fallback", 503).fails("primary", 503), "pass");
    check(Lab::chat().fails("fallback", 503), "fail: in this order: fallback");
    check(Lab::chat().fails("fallback", 503).fails("primary", 503), "fail");
    check(Lab::chat().policy(|policy| policy.hedge = Some(2)).fails("fallback", 503).fails("primary", 503), "pass");
    check(Lab::chat(), "fail: no leg was asked");
    check(Lab::chat().policy(|policy| policy.cache = Some("semantic".to_owned())), "inconclusive");
    check(Lab::chat().ask("primary").last(|exchange| exchange.side_call = true), "fail: no leg was asked");
    check(Lab::chat().ask("primary").last(|exchange| exchange.api = None), "fail: a path that it does not have");
    let stray = Lab::chat().ask("primary");
    let request = stray.history.steps[0].upstream[0].request.clone();
    let stray = Lab::chat().with(|history| {
        history.strays.push(Stray { place: "s9/x".to_owned(), request, reason: "no such slot".to_owned() });
    });
    check(stray, "fail: 1 strays, the first at s9/x");
}

#[test]
fn a_session_may_stay_with_its_leg() {
    let lab = |affinity| {
        Lab::chat()
            .with(move |history| history.case.settings.affinity = affinity)
            .control("fallback")
            .fails("primary", 503)
            .answers("fallback", 1)
            .hears_answer(&whole(1))
            .next_step()
            .answers("fallback", 1)
            .hears_answer(&whole(1))
    };
    lab(Some(Toggle::On)).check(&[("route.reached", "pass")]);
    lab(None).check(&[("route.reached", "warn: step 2")]);
}

#[test]
fn counts_and_status() {
    let count = |min, max| Count { min, max };
    let lab = |fallback: Count| {
        Lab::chat()
            .expect(move |expect| expect.requests.extend([("fallback".to_owned(), fallback)]))
            .control("fallback")
            .fails("primary", 503)
            .answers("fallback", 1)
            .hears_answer(&whole(1))
    };
    lab(count(1, 1)).check(&[("expect.requests", "pass")]);
    lab(count(0, 0)).check(&[("expect.requests", "fail: asked 1 times, expected 0")]);
    lab(count(2, 3)).check(&[("expect.requests", "fail")]);
    lab(count(1, 1)).check(&[("expect.status", "not-exercised")]);
    lab(count(1, 1)).expect(|expect| expect.status = Some(200)).check(&[("expect.status", "pass")]);
    lab(count(1, 1)).expect(|expect| expect.status = Some(503)).check(&[("expect.status", "fail: status 200")]);
}

#[test]
fn a_refusal_by_guess_that_is_only_noted() {
    let lab = prefilled(
        Lab::mixed().policy(|policy| policy.after_content = Some(AfterContent::ContinuePrefill)).control("fallback"),
    );
    let from = words(0, 0..5).chars().count();
    let lab = lab.sends(0, from, &[Bit::Begin(2), Bit::Text(words(0, 5..24)), Bit::Done], UpstreamEnd::Complete);
    let lab = lab.hears_answer(&whole(0));
    lab.clone().is("continued", &[]);
    lab.last(|exchange| exchange.also_matched.push("guess".to_owned())).check(&[("fallback.accepted", "warn")]);
}

#[test]
fn a_cut_past_everything_is_no_case_of_its_own() {
    let cut = Cut { at: At::Terminator, by: By::Close };
    let lab = Lab::chat().cut("primary", cut).answers("primary", 0);
    lab.last(|exchange| exchange.end = UpstreamEnd::Cut("close".to_owned()))
        .hears_answer(&whole(0))
        .is("completed", &[]);
}

#[test]
fn in_a_pool_any_worker_may_come_first() {
    let lab = |pool| {
        Lab::chat()
            .with(|history| history.case.shape.pool = pool)
            .control("primary")
            .control("fallback")
            .fails("fallback", 503)
            .answers("primary", 0)
            .hears_answer(&whole(0))
    };
    lab(false).check(&[("route.reached", "fail: first asked in this order: fallback, primary")]);
    // Who is asked second is the fallback.
    lab(true).check(&[("route.reached", "pass"), ("fallback.same-as-control", "pass"), ("expect.outcome", "pass")]);
}

#[test]
fn what_a_neighbour_lacks_is_the_cases_doing() {
    let fine = || Lab::chat().answers("primary", 0).hears_answer(&whole(0));
    let silent = Lab::chat()
        .breaks("primary", 0, 5, &By::Close)
        .hears(&[Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Done], ClientEnd::Complete);
    let beside = |neighbour: Lab| fine().with(|history| history.beside = vec![neighbour.history]);
    beside(fine()).check(&[("stream.truncation-visible", "not-exercised"), ("expect.outcome", "pass")]);
    beside(silent).check(&[
        ("stream.truncation-visible", "fail: beside it, where nothing was broken"),
        ("expect.outcome", "fail"),
    ]);
}
