//! `fallback.*`: what each leg is asked, how often, and for which model.

use serde_json::json;

use crate::api::{ApiId, Part, Role, ToolDefinition, Turn};
use crate::check::testing::{Bit, Lab, key, stream, whole, words};
use crate::history::{ClientEnd, Continuation, Control, UpstreamEnd};
use crate::proxy::{Credentials, Passthrough, Retries};
use crate::scenario::{By, Millis, Stall, Status};
use crate::wire::Blob;

const THREE: [&str; 3] = ["openai/gpt-4o-mini"; 3];

fn spoiled(lab: Lab) -> Lab {
    let kind = Turn { role: Role::System, parts: vec![Part::text("Be kind.")], place: String::new() };
    lab.edited(|conversation| conversation.turns.insert(0, kind))
}

#[test]
fn attempts_are_counted_leg_by_leg() {
    let check = |lab: Lab, expect: &str| {
        lab.hears_status(503, "Overloaded").check(&[("fallback.attempts", expect)]);
    };
    let lab = || Lab::new(ApiId::OpenaiChat, &THREE);
    check(lab().fails("primary", 503).fails("fallback", 503).fails("third", 503), "pass");
    let lab = lab().fails("primary", 503).fails("fallback", 503).fails("fallback", 503);
    check(lab.clone(), "warn: `fallback` was asked 2 times, 1 allowed");
    check(lab.policy(|policy| policy.retries = Some(Retries::default())), "fail: `fallback` was asked 2 times");
    // Asked twice is asked twice, though nothing failed.
    let twice = Lab::chat().answers("primary", 0).answers("primary", 0);
    twice.hears_answer(&whole(0)).check(&[("fallback.attempts", "warn: `primary` was asked 2 times")]);
}

#[test]
fn a_request_is_the_same_by_what_it_says() {
    let check = |first: &str, second: &str, expect: &str| {
        let with = |lab: Lab, body: &str| {
            let body = Blob::from(body);
            lab.fails("primary", 400).last(|exchange| exchange.request.body = body)
        };
        let lab = Lab::chat().policy(|policy| policy.retries = Some(Retries { same_leg: 1, other_key: 0 }));
        let lab = with(with(lab, first), second).hears_status(400, "no");
        lab.check(&[("fallback.attempts", expect)]);
    };
    let again = "fail: the same request again";
    check("{\"model\":\"m\",\"n\":1}", "{ \"model\": \"m\", \"n\": 1 }", again);
    check("{\"model\":\"m\",\"n\":1}", "{\"model\":\"m\",\"n\":2}", "pass");
    check("{nonsense", "{nonsense", again);
    check("{nonsense", "{other nonsense", "pass");
}

#[test]
fn who_is_asked_to_go_on_is_behind_another() {
    let tools = |mut lab: Lab| {
        lab.plan().client.conversation.tools =
            vec![ToolDefinition { name: "w".to_owned(), ..ToolDefinition::default() }];
        lab
    };
    let check = |lab: Lab, expect: &str| {
        tools(lab).check(&[("fallback.continuable", expect)]);
    };
    let goes_on =
        |lab: Lab| lab.last(|exchange| exchange.continuation = Continuation::Prefill { quoted: words(0, 0..5) });
    // The client's own request may end in what looks like one.
    check(
        goes_on(Lab::chat().answers("primary", 0)).hears_answer(&whole(0)),
        "not-exercised: no request reached a leg behind",
    );
    check(goes_on(Lab::chat().fails("primary", 503).ask("primary")), "warn: though the request has tools");
    let restarted = Lab::chat().fails("primary", 503).answers("fallback", 1).hears_answer(&whole(1));
    check(restarted, "not-exercised: no leg was asked to go on");
    check(Lab::chat().answers("primary", 0).hears_answer(&whole(0)), "not-exercised: no request reached a leg behind");
    check(Lab::chat().breaks("primary", 0, 5, &By::Close), "pass: the request has tools, and no leg was asked");
}

#[test]
fn nobody_goes_on_with_a_refusal() {
    let refusal = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"refusal\":\"I will not.\"},\"finish_reason\":null}]}\n\n";
    let cut = UpstreamEnd::Cut("close".to_owned());
    let lab = Lab::chat().control("fallback").ask("primary").sends(0, 0, &[Bit::Raw(refusal)], cut).ask("fallback");
    let lab = lab.last(|exchange| exchange.continuation = Continuation::Prefill { quoted: "I will".to_owned() });
    lab.check(&[("fallback.continuable", "warn: `primary` had sent a refusal")]);
}

#[test]
fn a_request_to_go_on_is_held_against_the_control_on_any_leg() {
    let lab = || Lab::chat().control("primary").breaks("primary", 0, 5, &By::Close);
    let check = |lab: Lab, expect: &str| {
        lab.hears_answer(&whole(0)).check(&[("fallback.same-as-control", expect)]);
    };
    check(lab().continues("primary", 0, 5), "pass");
    check(spoiled(lab().continues("primary", 0, 5)), "fail: `primary` differs from its control in system");
    // A second try is none, and neither is what the client itself asked.
    check(spoiled(lab().answers("primary", 0)), "not-exercised");
    let first = spoiled(Lab::chat().control("primary").answers("primary", 0));
    check(
        first.last(|exchange| exchange.continuation = Continuation::Prefill { quoted: words(0, 0..5) }),
        "not-exercised",
    );
}

#[test]
fn what_differs_from_the_control_is_shown() {
    let lab = Lab::mixed().control("fallback").fails("primary", 503).answers("fallback", 1);
    let lab = lab.edited(|conversation| drop(conversation.params.insert("max_tokens".to_owned(), json!(7))));
    let evidence = lab.hears_answer(&whole(1)).verdict("fallback.same-as-control").evidence;
    let shown = &evidence[0];
    let seen = [&shown.path, &shown.expected, &shown.got].map(|text| text.as_deref());
    assert_eq!((shown.exchange.as_str(), seen), ("upstream 2", [Some("params.max_tokens"), Some("256"), Some("7")]));
}

#[test]
fn a_key_is_foreign_by_whose_it_is() {
    let lab = |credentials: Option<Credentials>, value: &'static str| {
        let lab = Lab::chat().policy(move |policy| policy.credentials = credentials).with(|history| {
            history.proxy.decoys.insert("admin key".to_owned(), "sk-admin-0123456789".to_owned());
            history.proxy.decoys.insert("short".to_owned(), "abc".to_owned());
            history.proxy.other_keys.insert("s8/primary".into(), key("fallback").into());
        });
        let lab = lab.control("fallback").fails("primary", 503).answers("fallback", 1).hears_answer(&whole(1));
        lab.last(|exchange| exchange.request.headers.push("x-extra", value))
    };
    let check = |credentials, value, expect: &str| {
        lab(credentials, value).check(&[("fallback.credentials", expect)]);
    };
    let (own, passes) = (Some(Credentials::Own), Some(Credentials::Passthrough));
    for policy in [None, own] {
        check(policy, "sk-admin-0123456789", "fail: admin key");
    }
    // Where the client's key passes through, that of the admin is the client's.
    check(passes, "sk-admin-0123456789", "pass");
    check(passes, "sk-decoy-0123456789", "fail: decoy key");
    // What is too short is no key, and a leg's own is its own wherever else it serves.
    check(None, "abc", "pass");
    check(None, "nothing", "pass");
}

#[test]
fn a_model_is_named_as_the_control_names_it() {
    let lab = |target: &'static str, control: &'static str, model: Option<&'static str>| {
        let lab = Lab::mixed().control("fallback").fails("primary", 503).answers("fallback", 1).hears_answer(&whole(1));
        let body = move |request: &mut crate::wire::Request, target: &str| {
            let mut body = request.json().expect("JSON");
            match model {
                Some(model) => body["model"] = json!(model),
                None => drop(body.as_object_mut().expect("a map").remove("model")),
            }
            request.body = Blob(body.to_string().into_bytes());
            request.target = target.to_owned();
        };
        let lab = lab.last(|exchange| body(&mut exchange.request, target));
        lab.with(|history| {
            if let Some(Control::Done { request, .. }) = history.steps[0].controls.get_mut("fallback") {
                body(request, control);
            }
        })
    };
    let check = |lab: Lab, expect: &str| {
        lab.check(&[("fallback.model", expect)]);
    };
    let (here, there) = ("/s1/fallback/model/alias-7/invoke", "/s2/fallback/model/alias-8/invoke");
    check(lab(here, here, None), "pass");
    check(lab(here, there, None), "fail: `fallback` was asked for \"/s1/fallback/model/alias-7/invoke\"");
    let messages = "/s1/fallback/v1/messages";
    check(lab(messages, "/s2/fallback/v1/messages", Some("alias-7")), "pass");
}

#[test]
fn another_model_is_shown_with_whose_it_is() {
    let lab = |model: &'static str| {
        let lab = Lab::mixed().control("fallback").fails("primary", 503).answers("fallback", 1).hears_answer(&whole(1));
        lab.edited(|conversation| model.clone_into(&mut conversation.model)).verdict("fallback.model")
    };
    let other = lab("claude-opus-4-1");
    assert_eq!(other.reason, "`fallback` was asked for \"claude-opus-4-1\", the model of `primary`");
    let shown = &other.evidence[0];
    let seen = [&shown.path, &shown.expected, &shown.got].map(|text| text.as_deref());
    assert_eq!(seen, [Some("model"), Some("claude-sonnet-4-6"), Some("claude-opus-4-1")]);
    assert_eq!(lab("claude-unheard-of").reason, "`fallback` was asked for \"claude-unheard-of\"");
}

#[test]
fn how_long_a_leg_was_left_alone_is_told() {
    let status = Status { code: 429, retry_after: Some(Millis(5_000)) };
    let lab = Lab::chat().play("primary", move |play| play.status = Some(status)).fails("primary", 429);
    let lab = lab.fails("primary", 429).last(|exchange| exchange.at += 3_000_000).hears_status(429, "x");
    let reason = lab.verdict("fallback.retry-after").reason;
    assert_eq!(reason, "`primary` was asked again after 3001 ms; it had asked for 5000 ms");
}

#[test]
fn classes_of_failures_lead_on_as_they_are_listed() {
    let check = |lab: Lab, on: &[&str], expect: &str| {
        let on = on.iter().map(ToString::to_string).collect();
        let lab = lab.with(|history| history.case.settings.fallback_on = Some(on));
        lab.hears_status(503, "x").check(&[("fallback.taken", expect)]);
    };
    let begun = |by: By, end: UpstreamEnd| Lab::chat().breaks("primary", 0, 0, &by).sends(0, 0, &[Bit::Begin(1)], end);
    let stalls = || begun(By::Stall(Stall::default()), UpstreamEnd::ProxyGone);
    let (led, not) = ("fail: `fallback` was not asked", "not-exercised: not a failure that leads");
    check(stalls(), &["timeout"], led);
    check(stalls(), &["504"], led);
    check(stalls(), &["transport"], not);
    // What was refused never came to its stall.
    let refused = || {
        let lab = Lab::chat().breaks("primary", 0, 0, &By::Stall(Stall::default()));
        lab.last(|exchange| exchange.sent.clear()).refuses("No.")
    };
    check(refused(), &["timeout"], not);
    check(refused(), &["4xx"], "fail: `primary` answered 400, and `fallback` was not asked");
    let closes = || begun(By::Close, UpstreamEnd::Cut("close".to_owned()));
    check(closes(), &["transport"], led);
    check(closes(), &["timeout"], not);
    let breaks_off = |lab: Lab| lab.last(|exchange| exchange.end = UpstreamEnd::Cut("close".to_owned()));
    let never_begins = || breaks_off(Lab::chat().ask("primary").last(|exchange| exchange.status = 0));
    check(never_begins(), &["transport"], "fail: `primary` did not begin to answer, and `fallback` was not asked");
    check(never_begins(), &["timeout"], not);
    // An error whose body breaks off has its status all the same.
    check(breaks_off(Lab::chat().fails("primary", 503)), &["transport"], not);
    let error = || {
        let lab = begun(By::ErrorEvent, UpstreamEnd::Cut("error_event".to_owned()));
        lab.last(|exchange| exchange.sent[0].data = Blob(stream(ApiId::OpenaiChat, &[Bit::Error("Overloaded")])))
    };
    check(error(), &["5xx"], led);
    check(error(), &["transport"], not);
    check(error(), &["502"], not);
}

#[test]
fn a_status_is_no_byte_that_was_handed_on() {
    let lab = |lab: Lab| lab.policy(|policy| policy.passthrough = Some(Passthrough::Bytes));
    let declared = |lab: Lab| {
        lab.policy(|policy| policy.before_content = Some(crate::proxy::BeforeContent::Fallback)).hears_status(503, "x")
    };
    declared(lab(Lab::chat().fails("primary", 503))).check(&[("fallback.taken", "fail: `fallback` was not asked")]);
    let begun = Lab::chat().breaks("primary", 0, 0, &By::Close);
    let begun = begun.sends(0, 0, &[Bit::Begin(1)], UpstreamEnd::Cut("close".to_owned()));
    declared(lab(begun)).check(&[("fallback.taken", "warn: had handed on the bytes")]);
}

#[test]
fn a_refusal_that_another_request_made_good() {
    let lab =
        Lab::mixed().control("fallback").fails("primary", 503).ask("fallback").refuses("no").answers("primary", 0);
    lab.hears_answer(&whole(0)).check(&[("fallback.accepted", "warn: the proxy recovered")]);
    let lab =
        Lab::mixed().control("fallback").fails("primary", 503).ask("fallback").refuses("no").fails("fallback", 503);
    lab.hears_status(503, "x").check(&[("fallback.accepted", "warn: the proxy recovered")]);
    let bits = [Bit::Begin(1), Bit::Error("no")];
    let last = Lab::mixed().control("fallback").fails("primary", 503).ask("fallback").refuses("no");
    last.hears(&bits, ClientEnd::Complete).check(&[("fallback.accepted", "fail")]);
}
