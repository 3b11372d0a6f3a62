//! `error.*`: whose failure the client is told of, and what it must not see in it.

use crate::api::ApiId;
use crate::check::testing::{Bit, Lab, error, whole, words};
use crate::history::{ClientEnd, UpstreamEnd};
use crate::proxy::ErrorChoice;
use crate::scenario::By;
use crate::wire::Blob;

const NO_PREFILL: &str = "This model does not support assistant message prefill.";

fn refused() -> Lab {
    let lab = Lab::mixed().control("fallback").breaks("primary", 0, 5, &By::Close).continues("fallback", 0, 5);
    lab.last(|exchange| (exchange.sent, exchange.said.text) = (Vec::new(), String::new())).refuses(NO_PREFILL)
}

fn inflicted(lab: &Lab, expect: &str) {
    lab.check(&[("error.not-self-inflicted", expect)]);
}

#[test]
fn a_refusal_is_the_proxys_own_where_the_client_meets_it() {
    inflicted(&refused().hears_status(400, "bad request"), "fail: as its status");
    // Another status is not the refusal's.
    inflicted(&refused().hears_status(404, "no such model"), "pass: the client is not told");
    inflicted(&refused().hears_status(502, "bad gateway"), "pass: the client is not told");
    inflicted(&refused().hears_answer(&whole(0)), "pass: the client is not told");
    // Nor is one that another leg gave, too.
    let both = Lab::mixed().control("fallback").fails("primary", 400).ask("fallback").refuses(NO_PREFILL);
    inflicted(&both.hears_status(400, "bad request"), "pass: the client is not told");
    // Beside the message of an error it is as visible as in it.
    let error = "data: {\"error\":{\"message\":\"It broke.\",\"cause\":\"This model does not support assistant message prefill.\"}}\n\n";
    let bits = [Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Raw(error)];
    inflicted(&refused().hears(&bits, ClientEnd::Complete), "fail: in its error");
}

#[test]
fn a_status_that_a_leg_gave_is_not_of_the_proxys_making() {
    inflicted(
        &Lab::chat().fails("primary", 400).hears_status(400, "no"),
        "pass: status 400 is not of the proxy's making",
    );
    inflicted(&Lab::chat().fails("primary", 503).hears_status(503, "no"), "not-exercised: no fallback was asked");
    let lab = Lab::chat().control("fallback").fails("primary", 503).answers("fallback", 1).hears_answer(&whole(1));
    inflicted(&lab, "pass");
}

fn internals(body: &str, edit: impl FnOnce(&mut Lab), expect: &str) -> Lab {
    let mut lab = Lab::chat().fails("primary", 503).hears_body(503, "application/json", body);
    edit(&mut lab);
    lab.check(&[("error.no-internals", expect)]);
    lab
}

#[test]
fn another_route_is_known_by_its_whole_name() {
    let sees = |body: &str, expect: &str| drop(internals(body, |_| (), expect));
    let leak = "fail: the client sees another route, `slot-other-7`";
    sees("{\"tried\":\"(slot-other-7)\"}", leak);
    sees("{\"tried\":\"slot-other-7/primary\"}", leak);
    for name in
        ["slot-other-70", "slot-other-7-x", "slot-other-7_x", "a-slot-other-7", "a_slot-other-7", "aslot-other-7"]
    {
        sees(&format!("{{\"tried\":\"{name}\"}}"), "pass");
    }
    // A name that says little proves nothing, nor does one that the client wrote.
    let short = |lab: &mut Lab| {
        lab.history.proxy.other_keys.insert("s9/primary".into(), "sk-canary-s9-0123456789".into());
    };
    internals("{\"at\":\"s9\"}", short, "pass");
    let asked = |lab: &mut Lab| lab.history.steps[0].client.request.headers.push("x-tag", "slot-other-7");
    internals("{\"tried\":\"slot-other-7\"}", asked, "pass");
}

#[test]
fn leaks_are_counted_and_shown() {
    let one = internals("{\"key\":\"sk-decoy-0123456789\"}", |_| (), "fail: the client sees the decoy key");
    let verdict = one.verdict("error.no-internals");
    assert!(!verdict.reason.contains("more"), "{}", verdict.reason);
    assert!(verdict.evidence[0].got.as_deref().is_some_and(|got| got.contains("{\"key\":\"sk-decoy-0123456789\"}")));
    let two = "{\"key\":\"sk-decoy-0123456789\",\"variable\":\"decoy-variable-x8q2\"}";
    internals(two, |_| (), "fail: and 1 more");
}

#[test]
fn who_has_no_words_is_not_the_one_who_is_told() {
    let body = |message: &str| ApiId::OpenaiChat.spoken().expect("spoken").error_body(&error(503, message), 1);
    let lab = Lab::chat().control("fallback").policy(|policy| policy.error = Some(ErrorChoice::Last));
    let lab = lab.fails("primary", 503).last(|exchange| exchange.sent[0].data = Blob(body("The engine is down.")));
    let silent = lab.breaks("fallback", 1, 0, &By::Close);
    let silent = silent.sends(1, 0, &[Bit::Begin(1)], UpstreamEnd::Cut("close".to_owned()));
    silent.hears_status(502, "It broke.").check(&[("error.original", "not-exercised: the last leg")]);
}

#[test]
fn the_status_is_declared_for_when_every_leg_failed() {
    let lab = |models: &[&str]| {
        Lab::new(ApiId::OpenaiChat, models).policy(|policy| policy.exhausted_status = Some("502".to_owned()))
    };
    let check = |lab: Lab, status: u16, expect: &str| {
        lab.hears_status(status, "x").check(&[("error.status", expect)]);
    };
    let three = ["openai/gpt-4o-mini"; 3];
    let two_failed = || lab(&three).fails("primary", 503).fails("fallback", 503);
    check(two_failed(), 500, "not-exercised: not every leg was asked");
    check(two_failed().fails("third", 503), 500, "fail: declared: 502");
    check(lab(&three[..2]).answers("primary", 0), 500, "not-exercised: after every leg had failed");
    check(lab(&three[..2]), 404, "not-exercised: after every leg had failed");
    // What is to be kept has to be there.
    let keep = || Lab::chat().policy(|policy| policy.exhausted_status = Some("keep".to_owned()));
    let broke = keep().breaks("primary", 0, 5, &By::Close).breaks("fallback", 1, 5, &By::Close);
    check(broke, 502, "not-exercised: no leg answered with a status");
}

#[test]
fn when_to_come_back_is_told_with_a_status_that_asks_to() {
    let why = "not-exercised: the client got no 429 and no 503";
    let check = |lab: Lab| drop(lab.check(&[("error.retry-after", why)]).clone());
    check(Lab::chat().fails("primary", 429).hears_status(500, "x"));
    check(Lab::chat().fails("primary", 429).answers("fallback", 1).hears_answer(&whole(1)));
}
