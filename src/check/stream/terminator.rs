//! `stream.terminator`: the end mark, once and where it belongs.

use crate::api::{Api, ApiId, EncodeContext, FinishReason, Usage};
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::view::{Call, Form, Reach, StepView};
use crate::check::{Evidence, Level};
use crate::framing::{Event, Framing};
use crate::proxy::AfterError;

/// `stream.terminator`.
pub(in crate::check) const TERMINATOR: Check = Check {
    judge: Judge::Step(terminator),
    info: CheckInfo {
        id: "stream.terminator",
        level: Level::Should,
        requirement: "The end mark comes once, behind a whole answer, and never behind an error.",
        rationale: "It is how a client tells a whole answer from one that stopped; behind an error it takes back what the \
                    error said for clients that read no errors.",
        passes: "One end mark behind the finish reason, and none behind an error, unless `after_error` declares one.",
        fails: "An end mark behind an error, twice, or not at all behind an answer that the leg ended with one. Contrary to \
                a declared `after_error` this fails, else it warns.",
        sources: &[
            "https://github.com/Portkey-AI/gateway/issues/1797",
            "https://github.com/envoyproxy/ai-gateway/pull/2698",
        ],
    },
};

fn terminator(step: &StepView<'_>) -> Found {
    let client = &step.client;
    if client.form != Form::Stream || client.body.is_empty() {
        return Found::not_exercised("the client got no stream");
    }
    if !client.api.is_some_and(has_one) {
        return Found::not_exercised(format!("{} has no end mark", client.exchange.api));
    }
    let mark = client.answer.terminator;
    if let Some((error, _)) = client.raises.as_ref().filter(|_| client.answer.visible_error().is_some()) {
        return behind_error(step, *error, mark);
    }
    let Some(mark) = mark else { return missing(step) };
    let again = again(client.api, &client.body, mark);
    let own = step.calls.iter().any(|call| {
        let api = call.exchange.api.and_then(ApiId::spoken);
        call.completion.terminator.is_some_and(|own| self::again(api, &call.body(), own).is_some())
    });
    match again.filter(|_| !own) {
        Some(offset) => {
            let got = Evidence { path: Some(format!("byte {offset}")), ..step.client_evidence("the end mark") };
            Found::warn("the end mark comes again").with(got)
        }
        None => Found::pass(),
    }
}

fn behind_error(step: &StepView<'_>, error: usize, mark: Option<usize>) -> Found {
    let Some(mark) = mark.filter(|mark| *mark > error) else {
        return Found::pass_for("no end mark stands behind the error");
    };
    let own = |call: &Call<'_>| {
        let error = call.completion.visible_error().map(|error| error.offset);
        error.is_some_and(|error| call.completion.terminator.is_some_and(|mark| mark > error))
    };
    let reason = "an end mark stands behind the error";
    match step.policy().after_error {
        Some(AfterError::Terminator) => Found::pass_for(format!("{reason}, as declared")),
        None if step.calls.iter().any(own) => Found::pass_for(format!("{reason}, as a leg sent it")),
        declared => {
            let got = Evidence { path: Some(format!("byte {mark}")), ..step.client_evidence("the end mark") };
            Found::undeclared(declared.is_some(), reason).with(got)
        }
    }
}

/// No end mark, behind an answer that a leg ended as its API does.
fn missing(step: &StepView<'_>) -> Found {
    match step.ending.finisher.map(|number| &step.calls[number]) {
        Some(call) if call.reach == Reach::Terminator => {
            let reason = format!("`{}` answered to its end, and the client's answer lacks the end mark", call.name());
            Found::warn(reason).with(step.evidence(call))
        }
        _ => Found::not_exercised("the client got no whole answer"),
    }
}

/// Where the event of the end mark comes a second time.
fn again(api: Option<&dyn Api>, body: &[u8], mark: usize) -> Option<usize> {
    let framing = api.map_or(Framing::Sse, Api::framing);
    let events = framing.events(body);
    let first = events.iter().find(|event| event.span.start == mark)?;
    let mut behind = events.iter().filter(|event| event.span.start > mark);
    let same = |event: &Event| match framing {
        Framing::Sse => event.data.trim() == first.data.trim(),
        // It tells what the answer took, too, and that may differ.
        Framing::EventStream | Framing::Ndjson => api.is_some_and(|api| ends(api, &body[event.span.clone()])),
    };
    behind.find(|event| same(event)).map(|event| event.span.start)
}

/// Whether an event is an end mark.
fn ends(api: &dyn Api, event: &[u8]) -> bool {
    let mut reader = api.stream_reader();
    reader.feed(event);
    reader.finish().completion.terminator.is_some()
}

/// Whether an API has an end mark at all, as its own writer ends a stream.
fn has_one(api: &dyn Api) -> bool {
    let context = EncodeContext { model: "m".to_owned(), include_usage: false, seed: 1, created: 0, input_tokens: 1 };
    let mut writer = api.stream_writer(&context);
    let mut written = writer.begin();
    written.extend(writer.finish(FinishReason::Stop, Usage::default()));
    let mut reader = api.stream_reader();
    for event in &written {
        reader.feed(&event.bytes);
    }
    let answer = reader.finish().completion;
    // Where the finish itself is the end, there is nothing to be missed.
    answer.terminator.is_some_and(|mark| answer.finishes.iter().all(|finish| finish.offset < mark))
}
