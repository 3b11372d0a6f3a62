//! `error.original`, `error.status`, `error.retry-after`: what the client is told of the legs' failures.

use crate::api::ApiId;
use crate::check::testing::{Bit, Lab, error, words};
use crate::history::ClientEnd;
use crate::proxy::ErrorChoice;
use crate::scenario::{By, Millis, Status};
use crate::wire::Blob;

/// The leg fails with this status and this text.
fn says(lab: Lab, leg: &str, status: u16, message: &str) -> Lab {
    let body = ApiId::OpenaiChat.spoken().expect("spoken").error_body(&error(status, message), 1);
    lab.fails(leg, status).last(|exchange| exchange.sent[0].data = Blob(body))
}

fn two(declared: Option<ErrorChoice>) -> Lab {
    let lab = Lab::chat().control("fallback").policy(|policy| policy.error = declared);
    says(says(lab, "primary", 503, "The engine is down."), "fallback", 429, "Slow down, please.")
}

#[test]
fn whose_error_the_client_is_told() {
    use ErrorChoice::{Aggregate, First, Last, Masked};
    let check = |declared, message: &str, expect: &str| {
        two(declared).hears_status(503, message).check(&[("error.original", expect)]);
    };
    let (first, last) = ("The engine is down.", "Slow down, please.");
    let both = "All failed: The engine is down. / Slow down, please.";
    check(None, first, "pass");
    check(None, last, "pass");
    check(None, "Internal error", "warn: no leg's");
    check(Some(First), first, "pass");
    check(Some(First), last, "fail: that of `fallback`");
    check(Some(First), "Internal error", "fail: no leg's");
    check(Some(Last), last, "pass");
    check(Some(Last), first, "fail");
    check(Some(Aggregate), both, "pass");
    check(Some(Aggregate), last, "fail");
    check(Some(Masked), "Internal error", "pass");
    check(Some(Masked), both, "fail");
    // Quoted inside another text, with escapes.
    check(Some(First), "b'{\\\"message\\\": \\\"The engine is down.\\\"}'", "pass");
    two(Some(First))
        .answers("fallback", 1)
        .hears_answer(&crate::check::testing::whole(1))
        .check(&[("error.original", "not-exercised")]);
}

#[test]
fn any_error_of_a_leg_that_was_asked_again_is_that_legs() {
    let check = |declared, message: &str, expect: &str| {
        let lab = says(two(Some(declared)), "fallback", 400, "Such a request never fits.");
        let again =
            |leg: &str| says(Lab::chat().policy(move |policy| policy.error = Some(declared)), leg, 503, "Busy.");
        let lab = if declared == ErrorChoice::Last {
            lab
        } else {
            let lab = says(again("primary"), "primary", 400, "Such a request never fits.");
            says(lab.control("fallback"), "fallback", 429, "Slow down, please.")
        };
        lab.hears_status(503, message).check(&[("error.original", expect)]);
    };
    check(ErrorChoice::First, "Busy.", "pass");
    check(ErrorChoice::First, "Such a request never fits.", "pass");
    check(ErrorChoice::First, "Slow down, please.", "fail: that of `fallback`");
    check(ErrorChoice::Last, "Slow down, please.", "pass");
    check(ErrorChoice::Last, "Such a request never fits.", "pass");
    check(ErrorChoice::Last, "The engine is down.", "fail: that of `primary`");
}

#[test]
fn a_leg_without_words_has_no_error_to_tell() {
    let broke = |declared| {
        let lab = Lab::chat().policy(move |policy| policy.error = declared).breaks("primary", 0, 5, &By::Close);
        lab.hears(&[Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Error("upstream broke")], ClientEnd::Complete)
    };
    broke(None).check(&[("error.original", "not-exercised: no leg put")]);
    broke(Some(ErrorChoice::First)).check(&[("error.original", "not-exercised")]);
    // Then the first with words is not the first.
    let lab = Lab::chat().policy(|policy| policy.error = Some(ErrorChoice::First)).breaks("primary", 0, 0, &By::Close);
    let lab = lab.sends(0, 0, &[Bit::Begin(1)], crate::history::UpstreamEnd::Cut("close".to_owned()));
    says(lab, "fallback", 503, "The engine is down.")
        .hears_status(502, "It broke.")
        .check(&[("error.original", "not-exercised: the first leg")]);
    // In the stream, the leg's own words.
    let told = |message: &'static str| {
        let lab = Lab::chat().policy(|policy| policy.error = Some(ErrorChoice::First));
        let bits = [Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Error(message)];
        lab.breaks("primary", 0, 5, &By::ErrorEvent).hears(&bits, ClientEnd::Complete)
    };
    told("Overloaded").check(&[("error.original", "pass")]);
    told("Something else").check(&[("error.original", "fail: no leg's")]);
    // Whoever leaves hears half of it at most.
    let left = told("Somethi").with(|history| history.steps[0].client.end = ClientEnd::Left);
    left.check(&[("error.original", "not-exercised: the client left")]);
}

#[test]
fn the_status_when_all_legs_failed() {
    let lab = |declared: &'static str| {
        Lab::chat()
            .policy(|policy| policy.exhausted_status = Some(declared.to_owned()))
            .fails("primary", 503)
            .fails("fallback", 429)
    };
    let check = |lab: Lab, status: u16, expect: &str| {
        lab.hears_status(status, "Overloaded").check(&[("error.status", expect), ("error.shape", "pass")]);
    };
    check(lab("keep"), 429, "pass");
    check(lab("keep"), 500, "fail: declared: keep");
    check(lab("502"), 502, "pass");
    check(lab("502"), 503, "fail: declared: 502");
    // An error in a stream has a status that is not on the wire.
    let in_band = Lab::chat().policy(|policy| policy.exhausted_status = Some("keep".to_owned())).ask("primary");
    let in_band = in_band.sends(0, 0, &[Bit::Error("Overloaded")], crate::history::UpstreamEnd::Complete);
    check(in_band.fails("fallback", 503), 529, "not-exercised: without a status");
    // What is refused at once exhausts nothing.
    let one = Lab::chat().policy(|policy| policy.exhausted_status = Some("502".to_owned())).fails("primary", 400);
    check(one, 400, "not-exercised: not every leg");
    let undeclared = |statuses: [u16; 2]| Lab::chat().fails("primary", statuses[0]).fails("fallback", statuses[1]);
    check(undeclared([503, 529]), 500, "pass");
    check(undeclared([503, 529]), 400, "warn: blames the client");
    check(undeclared([503, 429]), 429, "pass");
    check(undeclared([503, 503]), 429, "pass");
    check(undeclared([503, 404]), 404, "pass");
    check(undeclared([503, 404]), 400, "pass");
    undeclared([503, 503])
        .hears(&[Bit::Error("Overloaded")], ClientEnd::Complete)
        .check(&[("error.status", "not-exercised")]);
}

#[test]
fn when_to_come_back() {
    let asks = |leg: &'static str, lab: Lab| {
        let status = Status { code: 429, retry_after: Some(Millis(7_000)) };
        lab.play(leg, move |play| play.status = Some(status))
    };
    let check = |lab: Lab, expect: &str| {
        lab.check(&[("error.retry-after", expect)]);
    };
    let lab = || asks("fallback", asks("primary", Lab::chat())).fails("primary", 429).fails("fallback", 429);
    check(lab().hears_status(429, "Overloaded"), "warn: Retry-After of 7s");
    let with = |name: &'static str| {
        lab().hears_status(429, "Overloaded").with(|history| {
            let head = history.steps[0].client.response.as_mut().expect("a head");
            head.headers.push(name, "7");
        })
    };
    check(with("retry-after"), "pass");
    check(with("Retry-After-Ms"), "pass");
    check(lab().hears_status(500, "Overloaded"), "not-exercised");
    check(Lab::chat().fails("primary", 429).hears_status(429, "Overloaded"), "not-exercised");
    // It may be the error of the leg that gave none.
    let one = asks("primary", Lab::chat()).fails("primary", 429).fails("fallback", 429);
    check(one.hears_status(429, "Overloaded"), "pass: may be that of a leg");
}
