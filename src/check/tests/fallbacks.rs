//! `fallback.model`, `fallback.retry-after`, `fallback.taken`, `fallback.continuable`.

use serde_json::json;

use crate::api::{ApiId, ToolDefinition};
use crate::check::testing::{Bit, Lab, whole, words};
use crate::history::{ClientEnd, UpstreamEnd};
use crate::proxy::{BeforeContent, Passthrough, Retries};
use crate::scenario::{By, Millis, Stall, Status};
use crate::wire::Blob;

fn fallen_back(edit: impl FnOnce(&mut crate::wire::Request)) -> Lab {
    let lab = Lab::mixed().control("fallback").fails("primary", 503).answers("fallback", 1).hears_answer(&whole(1));
    lab.last(|exchange| edit(&mut exchange.request))
}

fn asked_for(model: &str) -> Lab {
    let model = model.to_owned();
    fallen_back(move |request| {
        let mut body = request.json().expect("JSON");
        body["model"] = json!(model);
        request.body = Blob(body.to_string().into_bytes());
    })
}

#[test]
fn each_leg_has_its_own_model() {
    let check = |lab: &Lab, expect: &str| {
        lab.check(&[("fallback.model", expect)]);
    };
    check(&asked_for("claude-sonnet-4-6"), "pass");
    check(&asked_for("claude-opus-4-1"), "fail: the model of `primary`");
    check(&asked_for("route-own"), "fail");
    check(&asked_for(""), "fail");
    let alias = asked_for("claude-sonnet-4-6-20260217");
    check(&alias, "fail");
    check(
        &alias.clone().with(|history| history.proxy.legs[1].models.push("claude-sonnet-4-6-20260217".to_owned())),
        "pass",
    );
    // What this proxy sends when nothing is broken is a spelling of its route.
    let in_control = alias.clone().with(|history| {
        let request = history.steps[0].upstream[1].request.clone();
        let control = history.steps[0].controls.get_mut("fallback").expect("a control");
        if let crate::history::Control::Done { request: other, .. } = control {
            *other = request;
        }
    });
    check(&in_control, "pass");
    // Attached, nobody here knows what its routes name; what is known is the primary.
    check(&alias.with(|history| history.proxy.attached = true), "pass");
    // The primary, too.
    let lab = Lab::mixed().answers("primary", 0).edited(|conversation| conversation.model = "claude-haiku".to_owned());
    lab.hears_answer(&whole(0)).check(&[("fallback.model", "fail: `primary` was asked for")]);
    Lab::chat().check(&[("fallback.model", "not-exercised")]);
}

#[test]
fn a_model_in_the_path() {
    let lab = |target: &'static str, model: &'static str| {
        fallen_back(|request| {
            let mut body = request.json().expect("JSON");
            body["model"] = json!(model);
            if model.is_empty() {
                body.as_object_mut().expect("a map").remove("model");
            }
            request.body = Blob(body.to_string().into_bytes());
            request.target = target.to_owned();
        })
    };
    let check = |target, model, expect: &str| {
        lab(target, model).check(&[("fallback.model", expect)]);
    };
    check("/s1/fallback/v1/projects/p/models/claude-sonnet-4-6:streamRawPredict", "", "pass");
    check("/s1/fallback/model/us.anthropic.claude-sonnet-4-6%3A0/invoke", "", "pass");
    check("/s1/fallback/v1/models/claude-opus-4-1:streamRawPredict", "", "fail");
    // A deployment in the path, and whatever name in the body, unless it is another leg's.
    check("/s1/fallback/openai/deployments/claude-sonnet-4-6/x", "deployment-7", "pass");
    check("/s1/fallback/openai/deployments/claude-sonnet-4-6/x", "claude-opus-4-1", "fail");
}

#[test]
fn a_leg_is_left_alone_for_as_long_as_it_asks() {
    let lab = || {
        let status = Status { code: 429, retry_after: Some(Millis(5_000)) };
        Lab::chat()
            .policy(|policy| policy.retries = Some(Retries { same_leg: 1, other_key: 0 }))
            .play("primary", move |play| play.status = Some(status))
            .fails("primary", 429)
    };
    let check = |lab: Lab, expect: &str| {
        lab.hears_status(429, "x").check(&[("fallback.retry-after", expect), ("fallback.attempts", "pass")]);
    };
    check(lab().fails("primary", 429), "warn: it had asked for 5000 ms");
    check(lab().fails("primary", 429).last(|exchange| exchange.at += 6_000_000), "pass");
    check(lab().fails("primary", 429).last(|exchange| exchange.at += 4_950_000), "pass");
    // It counts for the same leg only.
    check(lab().fails("fallback", 429), "pass: was not asked again");
    check(Lab::chat().fails("primary", 429), "not-exercised");
    // Google's way to say it.
    let google = |lab: Lab| {
        lab.last(|exchange| {
            let body = "{\"error\":{\"code\":429,\"details\":[{\"@type\":\"x\"},{\"retryDelay\":\"12.5s\"}]}}";
            exchange.sent[0].data = Blob::from(body);
        })
    };
    let declared = || Lab::chat().policy(|policy| policy.retries = Some(Retries { same_leg: 1, other_key: 0 }));
    check(google(declared().fails("primary", 429)).fails("primary", 429), "warn: 12500 ms");
    // An answer asks nobody to wait.
    let answered = google(declared().fails("primary", 429)).last(|exchange| exchange.status = 200);
    check(answered.fails("primary", 429), "not-exercised");
    let waited = google(declared().fails("primary", 429)).fails("primary", 429);
    check(waited.last(|exchange| exchange.at += 13_000_000), "pass");
}

#[test]
fn a_failure_before_content_leads_on() {
    let check = |lab: Lab, expect: &str| {
        lab.hears_status(503, "Overloaded").check(&[("fallback.taken", expect)]);
    };
    let declared = || Lab::chat().policy(|policy| policy.before_content = Some(BeforeContent::Fallback));
    check(Lab::chat().fails("primary", 503), "warn: `fallback` was not asked");
    check(declared().fails("primary", 503), "fail: `fallback` was not asked");
    check(declared().fails("primary", 429), "fail");
    check(declared().fails("primary", 400), "not-exercised: not a failure that leads");
    check(declared().fails("primary", 503).fails("fallback", 503), "pass: every leg was asked");
    check(declared().fails("primary", 503).answers("fallback", 1), "pass");
    check(declared().fails("primary", 503).answers("primary", 0), "pass: another request was answered");
    let error = || Lab::chat().policy(|policy| policy.before_content = Some(BeforeContent::Error));
    check(error().fails("primary", 503), "pass: as declared");
    check(error().fails("primary", 503).answers("fallback", 1), "fail: declares to give the error");
    check(Lab::new(ApiId::OpenaiChat, &["openai/gpt-4o-mini"]).fails("primary", 503), "not-exercised: no other leg");
    check(Lab::chat().answers("primary", 0), "not-exercised");
    check(declared().breaks("primary", 0, 5, &By::Close), "not-exercised: no leg failed before content");
    check(
        declared().breaks("primary", 0, 5, &By::Close).fails("fallback", 503),
        "not-exercised: content had been sent",
    );
}

#[test]
fn lists_settings_and_clients_narrow_what_leads_on() {
    let check = |lab: Lab, expect: &str| {
        lab.hears_status(503, "Overloaded").check(&[("fallback.taken", expect)]);
    };
    let on = |list: &[&str]| {
        let list = list.iter().map(ToString::to_string).collect();
        Lab::chat().policy(move |policy| {
            policy.before_content = Some(BeforeContent::Fallback);
            policy.fallback_on = Some(list);
        })
    };
    check(on(&["429"]).fails("primary", 503), "not-exercised");
    check(on(&["5xx"]).fails("primary", 503), "fail");
    check(on(&["400"]).fails("primary", 400), "fail");
    let set = Lab::chat().with(|history| history.case.settings.fallback_on = Some(vec!["503".to_owned()]));
    check(set.fails("primary", 503), "fail");
    let none = on(&["5xx"]).with(|history| history.case.settings.max_fallbacks = Some(0));
    check(none.fails("primary", 503), "pass: no more than 0");
    let mut asks = on(&["5xx"]).fails("primary", 503);
    asks.plan().client.body = Some(json!({"disable_fallbacks": true}));
    check(asks, "not-exercised: perhaps about fallbacks");
    let left = on(&["5xx"]).fails("primary", 503).hears(&[], ClientEnd::Left);
    left.check(&[("fallback.taken", "not-exercised")]);
}

#[test]
fn a_leg_that_never_begins_to_answer_has_failed() {
    let gone = || {
        let lab = Lab::chat().control("fallback").policy(|policy| {
            policy.before_content = Some(BeforeContent::Fallback);
            policy.exhausted_status = Some("keep".to_owned());
        });
        lab.ask("primary").last(|exchange| {
            exchange.status = 0;
            exchange.end = UpstreamEnd::Cut("close".to_owned());
        })
    };
    let alone = gone().hears_status(502, "It broke.");
    alone.check(&[("fallback.taken", "fail: `primary` did not begin to answer")]);
    // It has no status that could be kept.
    let both = gone().fails("fallback", 503).hears_status(502, "It broke.");
    both.check(&[("fallback.taken", "pass"), ("error.status", "not-exercised")]);
}

#[test]
fn the_whole_chain_is_walked() {
    let models = ["openai/gpt-4o-mini", "openai/gpt-4o-mini", "openai/gpt-4o-mini"];
    let lab = || {
        let lab = Lab::new(ApiId::OpenaiChat, &models).control("fallback").control("third");
        lab.policy(|policy| policy.before_content = Some(BeforeContent::Fallback)).fails("primary", 503)
    };
    let check = |lab: Lab, expect: &str| {
        lab.hears_status(503, "Overloaded").check(&[("fallback.taken", expect)]);
    };
    check(lab().fails("fallback", 503), "fail: `third` was not asked");
    check(lab().fails("fallback", 503).fails("third", 503), "pass");
    let most = lab().with(|history| history.case.settings.max_fallbacks = Some(1));
    check(most.fails("fallback", 503), "pass: no more than 1");
    let allowed = |most: u32, expect: &str| {
        let lab = lab().with(|history| history.case.settings.max_fallbacks = Some(most));
        let lab = lab.fails("fallback", 503).answers("third", 1).hears_status(503, "Overloaded");
        lab.check(&[("fallback.attempts", expect)]);
    };
    allowed(2, "pass");
    allowed(1, "fail: `third` was asked");
    allowed(0, "fail: `fallback` was asked");
}

#[test]
fn a_preamble_is_no_content() {
    let declared = || Lab::messages().policy(|policy| policy.before_content = Some(BeforeContent::Fallback));
    let preamble =
        |lab: Lab, end: &str| lab.ask("primary").sends(0, 0, &[Bit::Begin(1)], UpstreamEnd::Cut(end.to_owned()));
    let check = |lab: Lab, expect: &str| {
        lab.hears_status(502, "broke").check(&[("fallback.taken", expect)]);
    };
    check(preamble(declared(), "close"), "fail: the events before its content");
    check(preamble(declared(), "close").answers("fallback", 1), "pass");
    // An error as the first event.
    let in_band = |lab: Lab| lab.ask("primary").sends(0, 0, &[Bit::Error("Overloaded")], UpstreamEnd::Complete);
    check(in_band(declared()), "fail");
    check(in_band(declared()).answers("fallback", 1), "pass");
    // Who hands bytes on cannot take them back, and says so.
    let bytes = declared().policy(|policy| policy.passthrough = Some(Passthrough::Bytes));
    check(preamble(bytes, "close"), "warn: as it declares");
    // A silent leg is one that failed when the proxy left it.
    let stalls = |end: UpstreamEnd| {
        let lab = declared().breaks("primary", 0, 0, &By::Stall(Stall::default()));
        lab.sends(0, 0, &[Bit::Begin(1)], end)
    };
    check(stalls(UpstreamEnd::ProxyGone), "fail");
    check(stalls(UpstreamEnd::CaseOver), "not-exercised: had not failed");
}

#[test]
fn what_prose_cannot_continue() {
    let tool = || ToolDefinition { name: "weather".to_owned(), parameters: json!({}), ..ToolDefinition::default() };
    let lab = |edit: &dyn Fn(&mut crate::api::Conversation)| {
        let mut lab = Lab::chat().control("fallback").breaks("primary", 0, 5, &By::Close).continues("fallback", 0, 5);
        edit(&mut lab.plan().client.conversation);
        lab.hears_answer(&whole(0))
    };
    let check = |edit: &dyn Fn(&mut crate::api::Conversation), expect: &str| {
        lab(edit).check(&[("fallback.continuable", expect)]);
    };
    check(&|_| (), "pass");
    check(&|asked| asked.tools.push(tool()), "warn: the request has tools");
    check(&|asked| asked.format = Some(json!({"type": "json_object"})), "warn: the request has a format");
    check(
        &|asked| {
            asked.tools.push(tool());
            asked.tool_choice = Some(json!("none"));
        },
        "pass",
    );
    let begun = |bits: &[Bit]| {
        Lab::chat().control("fallback").ask("primary").sends(0, 0, bits, UpstreamEnd::Cut("close".to_owned()))
    };
    let half = [Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Tool("weather"), Bit::Arguments("{\"ci")];
    begun(&half)
        .continues("fallback", 0, 5)
        .hears_answer(&whole(0))
        .check(&[("fallback.continuable", "warn: a tool call")]);
    begun(&half).hears_status(502, "x").check(&[("fallback.continuable", "pass: no leg was asked to go on")]);
    let thought = [Bit::Begin(1), Bit::Thinking("dacola mivefor")];
    begun(&thought)
        .continues("fallback", 0, 5)
        .hears_answer(&whole(0))
        .check(&[("fallback.continuable", "warn: thinking")]);
    Lab::chat().answers("primary", 0).hears_answer(&whole(0)).check(&[("fallback.continuable", "not-exercised")]);
}
