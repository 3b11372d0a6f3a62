//! `error.*`, `lifecycle.*`, silence, and what is not judged.

use crate::api::ApiId;
use crate::check::testing::{Bit, Lab, key, whole, words};
use crate::history::{ClientEnd, Survival, UpstreamEnd};
use crate::proxy::{Credentials, Passthrough};
use crate::scenario::{At, By, Cut, Leave, Millis, Outcome, Stall};

#[test]
fn the_shape_of_errors() {
    let lab = || Lab::chat().fails("primary", 503);
    lab().hears_status(503, "Overloaded").check(&[("error.shape", "pass")]);
    lab()
        .hears_body(502, "text/html", "<html>Bad Gateway</html>")
        .check(&[("error.shape", "warn: no error of openai-chat")]);
    lab().hears_body(302, "text/html", "").check(&[("error.shape", "fail: no error status")]);
    // Whoever leaves hears half of it at most.
    let left = lab().hears_body(503, "application/json", "{\"err");
    left.check(&[("error.shape", "warn")]);
    let left = left.with(|history| history.steps[0].client.end = ClientEnd::Left);
    left.check(&[("error.shape", "not-exercised: the client left")]);
    let body = "{\"error\":{\"message\":\"Overloaded\",\"type\":\"overloaded_error\",\"param\":null,\"code\":null}}";
    lab().fails("fallback", 503).hears_body(200, "application/json", body).is("error", &["!error.shape"]);
    // A server whose errors are none of the API's.
    let odd = "{\"detail\":\"Not Found\"}";
    let handed_on = |declared: Passthrough, got: &str| {
        let lab = lab().last(|exchange| exchange.sent[0].data = odd.into()).hears_body(503, "application/json", got);
        lab.policy(|policy| policy.passthrough = Some(declared))
    };
    handed_on(Passthrough::None, odd).check(&[("error.shape", "warn: no error of openai-chat")]);
    handed_on(Passthrough::Json, odd).check(&[("error.shape", "pass")]);
    handed_on(Passthrough::Bytes, odd).check(&[("error.shape", "pass")]);
    handed_on(Passthrough::Bytes, "{}").check(&[("error.shape", "warn: no error of openai-chat")]);
    let in_stream = [Bit::Begin(1), Bit::Error("Overloaded")];
    lab().hears(&in_stream, ClientEnd::Complete).check(&[("error.shape", "warn: no leg had begun")]);
    let begun = Lab::chat().breaks("primary", 0, 5, &By::Close);
    begun.hears(&in_stream, ClientEnd::Complete).check(&[("error.shape", "pass")]);
}

#[test]
fn a_page_under_200_is_no_answer() {
    let lab = |stream: bool| {
        let lab = Lab::chat().fails("primary", 503).fails("fallback", 503);
        lab.with(move |history| history.steps[0].client.stream = stream)
    };
    let page = |stream| lab(stream).hears_body(200, "text/html", "<html>Welcome to the proxy</html>");
    page(false).is("error", &["error.original", "!error.shape"]).check(&[("error.shape", "fail: neither an answer")]);
    page(true).check(&[("error.shape", "fail: neither an answer"), ("expect.outcome", "fail: silent")]);
    lab(false)
        .hears_body(200, "application/json", "{\"ok\":true}")
        .check(&[("error.shape", "fail: neither an answer")]);
    lab(false)
        .hears_body(200, "application/json", "{\"id\":\"x\",\"cho")
        .check(&[("error.shape", "warn: half a JSON body")]);
    lab(false).hears_body(200, "application/json", "").check(&[("error.shape", "not-exercised")]);
}

#[test]
fn an_error_that_an_sdk_drops() {
    // Anthropic's SDKs drop an event without a name: the client sees a short answer.
    let nameless =
        "data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let bits = [Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Raw(nameless)];
    let lab = Lab::messages().breaks("primary", 0, 5, &By::Close).hears(&bits, ClientEnd::Complete);
    lab.check(&[
        ("error.shape", "fail: drops"),
        ("stream.truncation-visible", "fail"),
        ("expect.outcome", "fail: silent"),
    ]);
}

#[test]
fn internals() {
    let lab = |message: String| Lab::chat().fails("primary", 503).hears_status(503, &message);
    let check = |message: &str, expect: &str| {
        lab(message.to_owned()).check(&[("error.no-internals", expect)]);
    };
    check("Overloaded. Available fallbacks: ['gpt-4o-mini']", "pass");
    check("Routes: {'decoy-route-k3v9': []}", "fail: the decoy route");
    check("Routes: slot-other-7", "fail: another route");
    check("Routes: xslot-other-7", "pass");
    check("DECOY=decoy-variable-x8q2", "fail: the decoy variable");
    check(&format!("asked with {}", key("primary")), "fail: the key of `primary`");
    check("Traceback (most recent call last):\n  File \"/a/b.py\", line 3, in c", "fail: a stack trace");
    check("boom\n    at Object.<anonymous> (/app/index.js:1:2)", "fail: a stack trace");
    // Anywhere, not only in errors; but code in an answer is no trace.
    let answer = |text: &str| {
        let bits = [Bit::Begin(1), Bit::Text(text.to_owned()), Bit::Done];
        Lab::chat().ask("primary").sends(0, 0, &bits, UpstreamEnd::Complete).hears_answer(text)
    };
    answer("Traceback (most recent call last)").check(&[("error.no-internals", "not-exercised")]);
    answer("sk-decoy-0123456789").check(&[("error.no-internals", "fail: the decoy key")]);
    let passes = lab(format!("Incorrect API key provided: {}", key("primary")))
        .policy(|policy| policy.credentials = Some(Credentials::Passthrough));
    passes.check(&[("error.no-internals", "pass")]);
    let attached = |message: &str| lab(message.to_owned()).with(|history| history.proxy.attached = true);
    attached("x").check(&[("error.no-internals", "skip: attached")]);
    attached("Traceback (most recent call last):").check(&[("error.no-internals", "fail")]);
}

fn leaving(end: UpstreamEnd, after_ms: u64) -> Lab {
    let mut lab = Lab::chat();
    lab.plan().client.leave = Some(Leave { at: At::Texts(3), by: By::Close });
    let lab = lab.ask("primary").sends(0, 0, &[Bit::Begin(1), Bit::Text(words(0, 0..3))], end);
    let lab = lab.hears(&[Bit::Begin(1), Bit::Text(words(0, 0..3))], ClientEnd::Left);
    lab.with(|history| {
        let left = history.steps[0].client.ended_at;
        history.steps[0].upstream[0].ended_at = left + after_ms * 1_000;
    })
}

#[test]
fn cancelling() {
    let check = |lab: Lab, expect: &str| {
        lab.check(&[
            ("lifecycle.cancel", expect),
            ("expect.outcome", "pass"),
            ("stream.truncation-visible", "not-exercised"),
        ]);
    };
    check(leaving(UpstreamEnd::ProxyGone, 100), "pass");
    check(leaving(UpstreamEnd::ProxyGone, 2_500), "fail: only 2500 ms after");
    check(leaving(UpstreamEnd::Complete, 5_000), "fail: spoke to its end");
    check(leaving(UpstreamEnd::CaseOver, 5_000), "fail: never left");
    check(leaving(UpstreamEnd::CaseOver, 500), "inconclusive");
    check(leaving(UpstreamEnd::Complete, 500), "not-exercised");
    check(leaving(UpstreamEnd::ProxyGone, 2_500).policy(|policy| policy.cancel_within = Some(Millis(3_000))), "pass");
    let expected = |millis| {
        leaving(UpstreamEnd::ProxyGone, 400)
            .expect(move |expect| expect.cancelled.extend([("primary".to_owned(), Millis(millis))]))
    };
    check(expected(500), "pass");
    check(expected(300), "fail");
    // A leg that is asked long after the client has gone.
    let late = leaving(UpstreamEnd::ProxyGone, 100).ask("fallback").last(|exchange| exchange.at += 9_000_000);
    late.check(&[("lifecycle.cancel", "fail: was asked")]);
    let just = leaving(UpstreamEnd::ProxyGone, 100).policy(|policy| policy.cancel_within = Some(Millis(3_000)));
    let just = just.ask("fallback").with(|history| {
        let at = history.steps[0].client.ended_at + 3_000_000;
        let asked = &mut history.steps[0].upstream[1];
        (asked.at, asked.ended_at) = (at, at);
    });
    just.check(&[("lifecycle.cancel", "pass")]);
    Lab::chat().answers("primary", 0).hears_answer(&whole(0)).check(&[("lifecycle.cancel", "not-exercised")]);
}

#[test]
fn survival() {
    let lab = |survived| {
        Lab::chat().answers("primary", 0).hears_answer(&whole(0)).with(|history| history.survived = survived)
    };
    lab(Some(Survival::Served)).check(&[("lifecycle.survives", "pass")]);
    lab(Some(Survival::Failed("refused".to_owned()))).check(&[("lifecycle.survives", "fail: refused")]);
    lab(None).check(&[("lifecycle.survives", "not-exercised")]);
}

#[test]
fn silence_is_bounded() {
    let lab = |set: fn(&mut crate::scenario::Settings), silence_ms: u64, end: UpstreamEnd| {
        let lab = Lab::chat()
            .with(|history| set(&mut history.case.settings))
            .breaks("primary", 0, 5, &By::Stall(Stall::default()))
            .last(|exchange| exchange.end = end);
        lab.last(|exchange| exchange.ended_at = exchange.sent[0].at + silence_ms * 1_000)
    };
    let check = |lab: Lab, expect: &str| {
        lab.hears_status(504, "x").check(&[("lifecycle.bounded", expect)]);
    };
    let idle = |settings: &mut crate::scenario::Settings| settings.idle_timeout = Some(Millis(3_000));
    check(lab(idle, 3_100, UpstreamEnd::ProxyGone), "pass");
    check(lab(idle, 3_100, UpstreamEnd::Cut("stall".to_owned())), "pass");
    check(lab(idle, 12_900, UpstreamEnd::ProxyGone), "pass");
    check(lab(idle, 13_000, UpstreamEnd::ProxyGone), "pass");
    check(lab(idle, 13_000, UpstreamEnd::CaseOver), "fail: never left");
    check(lab(idle, 14_000, UpstreamEnd::ProxyGone), "fail: left only after 14000 ms");
    check(lab(idle, 14_000, UpstreamEnd::CaseOver), "fail: never left");
    check(lab(idle, 5_000, UpstreamEnd::CaseOver), "inconclusive");
    check(lab(|_| (), 30_000, UpstreamEnd::CaseOver), "skip: nothing bounds");
    // Nothing at all was sent: the longer of the two timeouts counts.
    let first = |settings: &mut crate::scenario::Settings| settings.first_byte_timeout = Some(Millis(1_000));
    let nothing = |ms: u64| {
        lab(first, 0, UpstreamEnd::ProxyGone).last(|exchange| {
            exchange.sent.clear();
            exchange.ended_at = exchange.at + ms * 1_000;
        })
    };
    check(nothing(2_000), "pass");
    check(nothing(12_000), "fail");
    check(lab(first, 12_000, UpstreamEnd::ProxyGone), "skip: nothing bounds");
    Lab::chat().answers("primary", 0).hears_answer(&whole(0)).check(&[("lifecycle.bounded", "not-exercised")]);
}

#[test]
fn silence() {
    let lab = |idle: Option<u64>, waited_s: u64, end: UpstreamEnd| {
        let stall = By::Stall(Stall::default());
        let lab = Lab::chat()
            .with(|history| history.case.settings.idle_timeout = idle.map(Millis))
            .breaks("primary", 0, 5, &stall)
            .last(|exchange| exchange.end = end);
        let lab = lab.hears(&[Bit::Begin(1), Bit::Text(words(0, 0..5))], ClientEnd::TimedOut(waited_s * 1_000));
        lab.with(|history| history.steps[0].client.ended_at = waited_s * 1_000_000)
    };
    lab(Some(3_000), 14, UpstreamEnd::CaseOver).check(&[("expect.outcome", "fail: hung")]);
    lab(Some(3_000), 9, UpstreamEnd::CaseOver).check(&[("expect.outcome", "inconclusive")]);
    lab(None, 30, UpstreamEnd::CaseOver).check(&[("expect.outcome", "skip: idle_timeout")]);
    lab(Some(3_000), 14, UpstreamEnd::CaseOver).check(&[("stream.truncation-visible", "not-exercised")]);
    // The proxy left the silent leg, and the client never heard of it.
    lab(Some(3_000), 14, UpstreamEnd::ProxyGone).is("hung", &["!expect.outcome"]);
    // No stall in the script: the proxy hangs by itself.
    let itself = Lab::chat().breaks("primary", 0, 5, &By::Close);
    itself.hears(&[Bit::Begin(1)], ClientEnd::TimedOut(30_000)).is("hung", &["!expect.outcome"]);
    // The leg itself was slow.
    let slow = Lab::chat().ask("primary").sends(0, 0, &[Bit::Begin(1)], UpstreamEnd::CaseOver);
    slow.hears(&[Bit::Begin(1)], ClientEnd::TimedOut(30_000)).check(&[("expect.outcome", "inconclusive")]);
    // A stall that the proxy ends with an error.
    let bits = [Bit::Begin(1), Bit::Text(words(0, 0..5)), Bit::Error("upstream timed out")];
    let ended = Lab::chat().breaks("primary", 0, 5, &By::Stall(Stall::default()));
    ended.last(|exchange| exchange.end = UpstreamEnd::ProxyGone).hears(&bits, ClientEnd::Complete).is("error", &[]);
}

#[test]
fn unary_answers() {
    let body = |text: &str| {
        let content = serde_json::to_string(text).expect("a string");
        format!(
            "{{\"id\":\"x\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\
             \"message\":{{\"role\":\"assistant\",\"content\":{content}}},\"finish_reason\":\"stop\"}}],\
             \"usage\":{{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}}}}"
        )
    };
    let lab = |sent: String, end: UpstreamEnd| {
        let lab = Lab::chat().with(|history| history.steps[0].client.stream = false).control("fallback").ask("primary");
        lab.last(|exchange| {
            exchange.sent = vec![crate::wire::Chunk { at: 2_000, data: crate::wire::Blob::from(sent.as_str()) }];
            exchange.said.whole = whole(0);
            exchange.said.text = whole(0);
            exchange.end = end;
        })
    };
    let json = "application/json";
    lab(body(&whole(0)), UpstreamEnd::Complete).hears_body(200, json, &body(&whole(0))).is("completed", &[]);
    let lost = lab(body(&whole(0)), UpstreamEnd::Complete).hears_body(200, json, &body(&words(0, 0..5)));
    lost.is("silent", &["!stream.text", "!expect.outcome"]);
    let half = || {
        let whole = body(&whole(0));
        let half = whole[..60].to_owned();
        lab(half.clone(), UpstreamEnd::Cut("close".to_owned())).last(|exchange| exchange.said.text.clear())
    };
    half()
        .hears_status(502, "bad upstream")
        .is("error", &["fallback.taken"])
        .check(&[("stream.truncation-visible", "pass")]);
    let silent = ["fallback.taken", "!stream.truncation-visible", "!expect.outcome"];
    half().hears_body(200, json, &body("")).is("silent", &silent);
    // A body that is cut short is none that an SDK reads.
    half().hears_body(200, json, &body(&whole(0))[..60]).check(&[("expect.outcome", "pass")]);
    let answer = |lab: Lab| {
        lab.ask("fallback").last(|exchange| {
            exchange.sent =
                vec![crate::wire::Chunk { at: 2_000, data: crate::wire::Blob::from(body(&whole(1)).as_str()) }];
        })
    };
    answer(half()).hears_body(200, json, &body(&whole(1))).is("restarted", &[]);
}

#[test]
fn what_is_not_judged() {
    let lab = || Lab::chat().breaks("primary", 0, 5, &By::Close).hears_answer(&words(0, 0..5));
    let ours = lab().with(|history| history.proxy.front_ours = true);
    ours.check(&[
        ("stream.truncation-visible", "skip: front of ours"),
        ("expect.outcome", "skip: front of ours"),
        ("route.reached", "pass"),
        ("fallback.attempts", "pass"),
    ]);
    let judgement = lab().with(|history| history.misrouted = Some("word of s[a]".to_owned())).judged();
    assert!(judgement.verdicts.iter().all(|verdict| verdict.value.name() == "inconclusive"));
    assert_eq!(judgement.outcomes, [None]);
    let judgement = lab().with(|history| history.case.not_yet = Some("pool".to_owned())).judged();
    assert!(judgement.verdicts.iter().all(|verdict| verdict.value.name() == "skip"));
}

#[test]
fn steps_give_the_worst_and_name_it() {
    let lab = Lab::chat()
        .answers("primary", 0)
        .hears_answer(&whole(0))
        .next_step()
        .breaks("primary", 0, 5, &By::Close)
        .hears_answer(&words(0, 0..5));
    lab.check(&[("stream.truncation-visible", "fail: step 2: "), ("stream.text", "pass"), ("route.reached", "pass")]);
    assert_eq!(lab.judged().outcomes, [Some(Outcome::Completed), Some(Outcome::Silent)]);
    let evidence = lab.verdict("stream.truncation-visible").evidence;
    assert_eq!(evidence[0].exchange, "step 2: upstream 1");
}

#[test]
fn the_speakers_of_the_text() {
    let lab = Lab::new(ApiId::OpenaiChat, &["openai/gpt-4o-mini", "anthropic/claude-sonnet-4-6"])
        .cut("primary", Cut { at: At::Texts(5), by: By::Close })
        .breaks("primary", 0, 5, &By::Close)
        .continues("fallback", 0, 5)
        .hears_answer(&format!("{}, sorry", whole(0)));
    let texts = lab.judged().texts;
    let runs: Vec<(String, Option<_>)> = texts[0]
        .iter()
        .map(|run| {
            let speaker = run.speaker.as_ref();
            (run.text.clone(), speaker.map(|speaker| (speaker.leg.clone(), speaker.exchange, speaker.from)))
        })
        .collect();
    let seam = words(0, 0..5).chars().count();
    assert_eq!(
        runs,
        [
            (words(0, 0..5), Some(("primary".to_owned(), 0, 0))),
            (words(0, 5..24), Some(("fallback".to_owned(), 1, seam))),
            (", sorry".to_owned(), None),
        ]
    );
}
