//! `stream.tools`, `stream.thinking`, `stream.finish`, `stream.usage`, `stream.model`: what else an answer is made of.

use serde_json::{Value, json};

use crate::api::ApiId;
use crate::check::testing::{Bit, Lab, whole, words};
use crate::history::{ClientEnd, UpstreamEnd};
use crate::proxy::UsageChoice;
use crate::scenario::By;

fn with_tool(bits: &[Bit], end: &str) -> Lab {
    Lab::chat().ask("primary").sends(0, 0, bits, UpstreamEnd::Cut(end.to_owned()))
}

#[test]
fn tool_arguments_are_whole() {
    let arguments = |text: &'static str| vec![Bit::Begin(1), Bit::Tool("weather"), Bit::Arguments(text)];
    let done = |text: &'static str| {
        let mut bits = arguments(text);
        bits.push(Bit::Done);
        bits
    };
    let whole = || Lab::chat().ask("primary").sends(0, 0, &done("{\"city\": \"dacola\"}"), UpstreamEnd::Complete);
    let check = |bits: Vec<Bit>, expect: &str| {
        whole().hears(&bits, ClientEnd::Complete).check(&[("stream.tools", expect)]);
    };
    check(done("{\"city\": \"dacola\"}"), "pass");
    check(done("{\"city\":\"dacola\"}"), "pass");
    check(done("{\"city\": \"dac"), "fail: tool arguments lost at the end");
    check(done("{}"), "fail: tool arguments lost at the end");
    check(done("{\"city\": \"dacola\"}{\"city\": \"dacola\"}"), "fail: tool arguments doubled");
    check(vec![Bit::Begin(1), Bit::Done], "fail");
    check(
        vec![Bit::Begin(1), Bit::Tool("other"), Bit::Arguments("{\"city\": \"dacola\"}"), Bit::Done],
        "fail: the client's tool calls",
    );

    // Half sent: an error, never a finish.
    let half = || with_tool(&arguments("{\"city\": \"dac"), "close");
    let mut bits = arguments("{\"city\": \"dac");
    bits.push(Bit::Error("Overloaded"));
    half().hears(&bits, ClientEnd::Complete).is("error", &[]).check(&[("stream.tools", "pass")]);
    half()
        .hears(&done("{\"city\": \"dac"), ClientEnd::Complete)
        .is("silent", &["!stream.grammar", "!stream.tools", "!stream.truncation-visible", "!expect.outcome"]);
    // Another leg's call behind the half of the first.
    let lab =
        half().control("fallback").ask("fallback").sends(1, 0, &done("{\"city\": \"mivefor\"}"), UpstreamEnd::Complete);
    let joined = done("{\"city\": \"dac{\"city\": \"mivefor\"}");
    lab.clone()
        .hears(&joined, ClientEnd::Complete)
        .check(&[("stream.tools", "fail: spliced"), ("expect.outcome", "fail: spliced")]);
    let mut spoken = arguments("{\"city\": \"dac");
    spoken.truncate(2);
    spoken.push(Bit::Arguments("{\"city\": \"mivefor\"}"));
    spoken.push(Bit::Done);
    lab.hears(&spoken, ClientEnd::Complete).check(&[("stream.tools", "pass")]);
}

#[test]
fn thinking_is_content_in_its_own_api() {
    let bits = || vec![Bit::Begin(1), Bit::Thinking("dacola mivefor tuwiqan"), Bit::Text(whole(0)), Bit::Done];
    let messages = || Lab::messages().ask("primary").sends(0, 0, &bits(), UpstreamEnd::Complete);
    messages().hears(&bits(), ClientEnd::Complete).is("completed", &[]);
    messages().hears_answer(&whole(0)).is("completed", &["stream.thinking"]);
    let strips = messages().policy(|policy| policy.answer_edits = Some(vec!["strip_reasoning".to_owned()]));
    strips.hears_answer(&whole(0)).check(&[("stream.thinking", "skip")]);
    let promises = messages().policy(|policy| policy.answer_edits = Some(Vec::new()));
    promises.hears_answer(&whole(0)).check(&[("stream.thinking", "fail")]);
    // Across APIs there is no agreed place for it.
    Lab::mixed()
        .ask("primary")
        .sends(0, 0, &bits(), UpstreamEnd::Complete)
        .hears_answer(&whole(0))
        .is("completed", &[]);
    let mut half = bits();
    half[1] = Bit::Thinking("dacola mivefor");
    messages().hears(&half, ClientEnd::Complete).is("completed", &["!stream.thinking"]);
}

/// A chat stream with these calls, each `(id, name, arguments)`, and a finish reason.
fn chat_calls(calls: &[(&str, &str, &str)], finish: &str) -> String {
    let chunk = |delta: Value, finish: Value| {
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
        format!("data: {chunk}\n\n")
    };
    let mut body = chunk(json!({"role": "assistant", "content": null}), Value::Null);
    for (index, (id, name, arguments)) in calls.iter().enumerate() {
        let call = json!({"index": index, "id": id, "type": "function",
            "function": {"name": name, "arguments": arguments}});
        body += &chunk(json!({ "tool_calls": [call] }), Value::Null);
    }
    body + &chunk(json!({}), json!(finish)) + "data: [DONE]\n\n"
}

fn said(lab: Lab, body: &str) -> Lab {
    let data = crate::wire::Blob::from(body);
    lab.ask("primary").last(|exchange| exchange.sent = vec![crate::wire::Chunk { at: 2_000, data }])
}

#[test]
fn tool_calls_are_not_merged_and_have_ids_of_their_own() {
    let two = [("call_1", "weather", "{\"city\":\"dacola\"}"), ("call_2", "weather", "{\"city\":\"mivefor\"}")];
    let check = |calls: &[(&str, &str, &str)], expect: &str| {
        let lab = said(Lab::chat(), &chat_calls(&two, "tool_calls"));
        let got = chat_calls(calls, "tool_calls");
        lab.hears_body(200, "text/event-stream", &got).check(&[("stream.tools", expect)]);
    };
    check(&two, "pass");
    // Ids are often rewritten.
    check(&[("toolu_a", two[0].1, two[0].2), ("toolu_b", two[1].1, two[1].2)], "pass");
    check(&[("same", two[0].1, two[0].2), ("same", two[1].1, two[1].2)], "fail: one id: same");
    check(&[("", two[0].1, two[0].2), ("b", two[1].1, two[1].2)], "fail: no id");
    check(&[two[1], two[0]], "fail");
    check(&two[..1], "fail");
    check(&[("call_1", "weather", "{\"city\":\"dacola\"}{\"city\":\"mivefor\"}")], "fail");
    check(&[("call_1", "weather", two[1].2), ("call_2", "weather", two[0].2)], "fail");
    check(&[], "fail");
}

#[test]
fn half_a_tool_call_at_the_token_limit_is_the_legs_own() {
    let half = [("call_1", "weather", "{\"city\":\"dac")];
    let lab = || said(Lab::chat(), &chat_calls(&half, "length"));
    let hears = |finish: &str| lab().hears_body(200, "text/event-stream", &chat_calls(&half, finish));
    hears("length").is("completed", &[]).check(&[("stream.tools", "pass"), ("stream.finish", "pass")]);
    hears("tool_calls").check(&[("stream.tools", "fail: not whole"), ("stream.finish", "fail")]);
    hears("stop").check(&[("stream.tools", "fail: not whole"), ("stream.finish", "fail")]);
}

#[test]
fn signatures() {
    let bits = |signature: &'static str| {
        vec![Bit::Begin(1), Bit::Thinking("dacola mivefor"), Bit::Signature(signature), Bit::Text(whole(0)), Bit::Done]
    };
    let lab = || Lab::messages().ask("primary").sends(0, 0, &bits("c2lnbmF0dXJl"), UpstreamEnd::Complete);
    lab().hears(&bits("c2lnbmF0dXJl"), ClientEnd::Complete).is("completed", &[]);
    lab().hears(&bits("b3RoZXI="), ClientEnd::Complete).check(&[("stream.thinking", "fail: changed")]);
    let unsigned = [Bit::Begin(1), Bit::Thinking("dacola mivefor"), Bit::Text(whole(0)), Bit::Done];
    lab().hears(&unsigned, ClientEnd::Complete).check(&[("stream.thinking", "fail: lost")]);
    lab().hears_answer(&whole(0)).is("completed", &["!stream.thinking"]);
}

#[test]
fn thinking_across_apis_is_due_to_who_asks_for_it() {
    let bits = [Bit::Begin(1), Bit::Thinking("dacola mivefor tuwiqan"), Bit::Text(whole(0)), Bit::Done];
    let mut lab = Lab::mixed().ask("primary").sends(0, 0, &bits, UpstreamEnd::Complete).hears_answer(&whole(0));
    lab.check(&[("stream.thinking", "not-exercised")]);
    lab.plan().client.conversation.params.insert("reasoning_effort".to_owned(), json!("low"));
    lab.check(&[("stream.thinking", "warn: lost")]);
}

#[test]
fn finish_reasons() {
    let body = |finish: &str| {
        let chunk = |delta: Value, finish: Value| {
            let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
            format!("data: {chunk}\n\n")
        };
        chunk(json!({"role": "assistant", "content": "dacola mivefor"}), Value::Null)
            + &chunk(json!({}), json!(finish))
            + "data: [DONE]\n\n"
    };
    let check = |from: &str, to: &str, bad: &[&str]| {
        said(Lab::chat(), &body(from)).hears_body(200, "text/event-stream", &body(to)).is("completed", bad);
    };
    check("stop", "stop", &[]);
    check("length", "length", &[]);
    // A limit that is told as a whole answer is no matter of any other check.
    check("length", "stop", &["!stream.finish"]);
    check("content_filter", "stop", &["!stream.finish"]);
    check("stop", "length", &["stream.finish"]);
    check("length", "content_filter", &["stream.finish"]);
    // What a vendor marks as a refusal by its place, another has a word for.
    let refused = body("stop").replace("\"content\":\"dacola", "\"refusal\":\"dacola");
    let told = |heard: &str| said(Lab::chat(), &refused).hears_body(200, "text/event-stream", heard);
    told(&body("content_filter")).check(&[("stream.finish", "pass")]);
    told(&body("length")).check(&[("stream.finish", "warn")]);
    // Nobody finished: that is the truncation's matter.
    let cut = Lab::chat().breaks("primary", 0, 5, &By::Close).hears_answer(&words(0, 0..5));
    cut.check(&[("stream.finish", "not-exercised"), ("stream.truncation-visible", "fail")]);
}

#[test]
fn a_refusal_is_told_where_there_is_a_word_for_it() {
    let leg = |finish: &str| {
        format!(
            "data: {}\n\ndata: [DONE]\n\n",
            json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [
                {"index": 0, "delta": {"role": "assistant", "content": "dacola mivefor"}, "finish_reason": finish}]})
        )
    };
    let line = |reason: &str| {
        let line = json!({"model": "m", "message": {"role": "assistant", "content": "dacola mivefor"}, "done": true,
            "done_reason": reason, "prompt_eval_count": 1, "eval_count": 2});
        format!("{line}\n")
    };
    let check = |from: &str, client: ApiId, to: &str, expect: &str| {
        let features = client.spoken().expect("spoken").features();
        assert_eq!(features.tells_refusals, client != ApiId::OllamaChat, "{client}");
        let lab = said(Lab::new(client, &["openai/gpt-4o-mini"]), &leg(from));
        let (kind, body) = match client {
            ApiId::OllamaChat => ("application/x-ndjson", line(to)),
            _ => ("text/event-stream", leg(to)),
        };
        lab.hears_body(200, kind, &body).check(&[("stream.finish", expect)]);
    };
    check("content_filter", ApiId::OllamaChat, "stop", "pass: no word for a refusal");
    check("content_filter", ApiId::OpenaiChat, "stop", "fail");
    // The want of that word excuses nothing else.
    check("content_filter", ApiId::OllamaChat, "length", "warn");
    check("length", ApiId::OllamaChat, "stop", "fail");
    check("length", ApiId::OllamaChat, "length", "pass");
    check("stop", ApiId::OllamaChat, "stop", "pass");
}

#[test]
fn the_finish_of_the_finishing_leg() {
    let lab = || Lab::chat().control("fallback").fails("primary", 503).answers("fallback", 1);
    lab().hears_answer(&whole(1)).check(&[("stream.finish", "pass")]);
    Lab::chat()
        .fails("primary", 503)
        .fails("fallback", 503)
        .hears_status(503, "x")
        .check(&[("stream.finish", "not-exercised")]);
}

/// A chat stream that says this and reports these tokens, if any.
fn chat_usage(text: &str, usage: Option<(u64, u64)>) -> String {
    let chunk = |choices: Value, usage: Value| {
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": choices, "usage": usage});
        format!("data: {chunk}\n\n")
    };
    let choice = |delta: Value, finish: Value| json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
    let mut body = chunk(choice(json!({"role": "assistant", "content": text}), Value::Null), Value::Null)
        + &chunk(choice(json!({}), json!("stop")), Value::Null);
    if let Some((input, output)) = usage {
        body += &chunk(json!([]), json!({"prompt_tokens": input, "completion_tokens": output}));
    }
    body + "data: [DONE]\n\n"
}

/// A primary that spent 7 and 5 and broke off, and a fallback that spent 9 and 24.
fn two_bills(declared: Option<UsageChoice>) -> Lab {
    let mut lab = Lab::chat()
        .policy(|policy| policy.usage = declared)
        .policy(|policy| policy.after_content = Some(crate::proxy::AfterContent::BufferAll));
    lab.history.steps[0].client.request.body =
        crate::wire::Blob::from("{\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
    let first = chat_usage(&words(0, 0..5), Some((7, 5)));
    // Its finish and its end mark are cut away, its bill is not.
    let first = first.replace("\"finish_reason\":\"stop\"", "\"finish_reason\":null").replace("data: [DONE]\n\n", "");
    let lab =
        said(lab, &first).last(|exchange| exchange.end = UpstreamEnd::Cut("close".to_owned())).control("fallback");
    let second = crate::wire::Blob::from(chat_usage(&whole(1), Some((9, 24))).as_str());
    lab.ask("fallback").last(|exchange| exchange.sent = vec![crate::wire::Chunk { at: 3_000, data: second }])
}

#[test]
fn whose_tokens_the_client_is_told() {
    use UsageChoice::{Last, None as Never, Sum};
    let check = |declared, told: Option<(u64, u64)>, expect: &str| {
        let lab = two_bills(declared);
        let body = chat_usage(&whole(1), told);
        lab.hears_body(200, "text/event-stream", &body).check(&[("stream.usage", expect)]);
    };
    check(None, Some((9, 24)), "pass");
    check(None, Some((16, 29)), "pass");
    check(None, Some((7, 5)), "warn: that of `primary` alone");
    check(None, Some((1, 1)), "warn: told 1 tokens in");
    check(None, None, "warn: is told none");
    check(Some(Last), Some((9, 24)), "pass");
    check(Some(Last), Some((16, 29)), "fail");
    check(Some(Sum), Some((16, 29)), "pass");
    check(Some(Sum), Some((9, 24)), "fail");
    check(Some(Sum), None, "fail: is told none");
    check(Some(Never), None, "pass: as declared");
    check(Some(Never), Some((9, 24)), "fail: declares to tell none");
}

#[test]
fn a_leg_that_was_left_may_have_counted_on() {
    let check = |told: (u64, u64), expect: &str| {
        let body = chat_usage(&whole(1), Some(told));
        let lab = two_bills(Some(UsageChoice::Sum));
        let left = lab.with(|history| history.steps[0].upstream[0].end = UpstreamEnd::ProxyGone);
        left.hears_body(200, "text/event-stream", &body).check(&[("stream.usage", expect)]);
    };
    check((16, 25), "pass");
    check((9, 24), "pass");
    check((17, 25), "fail");
    check((16, 30), "fail");
}

#[test]
fn usage_that_nobody_asked_for_or_reported() {
    let unasked = two_bills(None)
        .with(|history| history.steps[0].client.request.body = crate::wire::Blob::from("{\"stream\":true}"));
    let body = chat_usage(&whole(1), None);
    unasked.hears_body(200, "text/event-stream", &body).check(&[("stream.usage", "not-exercised: did not ask")]);
    // A leg that was not asked for usage has none to hand on.
    Lab::chat()
        .answers("primary", 0)
        .hears_answer(&whole(0))
        .check(&[("stream.usage", "not-exercised: reported no usage")]);
    // Elsewhere it is always told.
    Lab::messages().answers("primary", 0).hears_answer(&whole(0)).check(&[("stream.usage", "pass")]);
}

#[test]
fn one_model_name() {
    let body = |first: &str, second: &str| {
        let chunk = |model: &str, delta: Value, finish: Value| {
            let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": model,
                "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
            format!("data: {chunk}\n\n")
        };
        chunk(first, json!({"role": "assistant", "content": whole(0)}), Value::Null)
            + &chunk(second, json!({}), json!("stop"))
            + "data: [DONE]\n\n"
    };
    let lab = || Lab::chat().answers("primary", 0);
    let hears = |lab: Lab, body: &str| lab.hears_body(200, "text/event-stream", body);
    hears(lab(), &body("m", "m")).check(&[("stream.model", "pass")]);
    hears(lab(), &body("m", "other")).check(&[("stream.model", "warn: m, other")]);
    hears(lab(), &body("", "m")).check(&[("stream.model", "pass")]);
    let declared = lab().policy(|policy| policy.answer_edits = Some(vec!["model_name".to_owned()]));
    hears(declared, &body("m", "other")).check(&[("stream.model", "pass: declares to edit")]);
    // A leg that names two had that handed on.
    hears(said(Lab::chat(), &body("m", "other")), &body("m", "other")).check(&[("stream.model", "pass")]);
    Lab::chat().fails("primary", 503).hears_status(503, "x").check(&[("stream.model", "not-exercised")]);
}
