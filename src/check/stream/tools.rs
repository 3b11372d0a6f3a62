//! `stream.tools`: whether tool calls reach the client whole.

use super::words::{calls_of, excused, is_finished, not_judged, wrong};
use crate::api::FinishReason;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::{Found, worst};
use crate::check::view::{Channel, StepView};
use crate::check::{Evidence, Level};

/// `stream.tools`.
pub(in crate::check) const TOOLS: Check = Check {
    judge: Judge::Step(tools),
    info: CheckInfo {
        id: "stream.tools",
        level: Level::Must,
        requirement: "Tool calls reach the client whole: each with an id of its own, its name and its arguments; not merged, \
                      not mixed, and never half and called finished.",
        rationale: "A tool call is executed. Half of its arguments, or those of another call, do harm that a reader of text \
                    would have noticed.",
        passes: "The calls that the leg made, in order, whatever their ids; half a call before a visible error.",
        fails: "Lost, doubled or joined arguments, another name, two calls under one id, or a call that is not whole in an \
                answer that looks finished.",
        sources: &[
            "https://github.com/open-webui/computer/issues/300",
            "https://github.com/NousResearch/hermes-agent/pull/7693",
            "https://github.com/earendil-works/pi/issues/9897",
        ],
    },
};

fn tools(step: &StepView<'_>) -> Found {
    let made = step.calls.iter().any(|call| !calls_of(&call.completion).is_empty());
    let got = calls_of(&step.client.answer);
    if !made && got.is_empty() {
        return Found::not_exercised("no tool was called");
    }
    if let Some(found) = not_judged(step) {
        return found;
    }
    let found = [arguments(step), half(step), one_id(step), other_calls(step)];
    match worst(found.into_iter().flatten()) {
        Some(found) => excused(step, found),
        None if got.is_empty() && !is_finished(step) => Found::not_exercised("no tool call reached the client"),
        None => Found::pass(),
    }
}

/// A call that is not whole, in an answer that looks finished.
fn half(step: &StepView<'_>) -> Option<Found> {
    let client = &step.client;
    if client.sees_error() || client.broke() || !client.looks_finished() {
        return None;
    }
    let (_, name, arguments) = calls_of(&client.answer).into_iter().find(|(_, _, arguments)| arguments.is_string())?;
    // A leg that says so itself, at its token limit, had that handed on.
    let told = client.answer.finishes.last().map(|finish| finish.reason);
    let own = step
        .calls
        .iter()
        .any(|call| call.finished() && calls_of(&call.completion).iter().any(|(_, _, own)| *own == arguments));
    if own && told != Some(FinishReason::ToolCalls) && told != Some(FinishReason::Stop) {
        return None;
    }
    if own && step.calls.iter().any(|call| call.completion.finishes.last().map(|finish| finish.reason) == told) {
        return None;
    }
    let reason = format!("the call of `{name}` is not whole, and the answer looks finished");
    Some(Found::fail(reason).with(step.client_evidence(arguments.as_str().unwrap_or_default())))
}

fn arguments(step: &StepView<'_>) -> Option<Found> {
    let finisher = step.ending.finisher.map(|number| &step.calls[number]);
    let alike = |answer| calls_of(answer).into_iter().map(|(_, name, arguments)| (name, arguments)).collect::<Vec<_>>();
    // Equal as JSON is equal, however it is written.
    if finisher.is_some_and(|call| alike(&step.client.answer) == alike(&call.completion)) {
        return None;
    }
    step.hearing
        .channels
        .iter()
        .filter(|heard| heard.channel == Channel::Arguments)
        .find_map(|heard| wrong(step, heard))
}

fn one_id(step: &StepView<'_>) -> Option<Found> {
    let calls = calls_of(&step.client.answer);
    let own = |id: &str| {
        let count = |answer| calls_of(answer).iter().filter(|(other, _, _)| *other == id).count();
        step.calls.iter().map(|call| count(&call.completion)).max().unwrap_or_default()
    };
    calls.iter().enumerate().find_map(|(number, (id, name, _))| {
        if id.is_empty() && own(id) == 0 {
            return Some(Found::fail(format!("the call of `{name}` has no id")));
        }
        let twice = calls[number + 1..].iter().any(|(other, _, _)| other == id) && own(id) < 2;
        twice.then(|| Found::fail(format!("two tool calls have one id: {id}")).with(step.client_evidence(*id)))
    })
}

/// The calls of a finished answer, by name and in order.
fn other_calls(step: &StepView<'_>) -> Option<Found> {
    let call = step.ending.finisher.filter(|_| is_finished(step)).map(|number| &step.calls[number])?;
    let names = |answer| calls_of(answer).iter().map(|(_, name, _)| *name).collect::<Vec<_>>().join(", ");
    let (expected, got) = (names(&call.completion), names(&step.client.answer));
    if expected == got || call.stream && call.damages() {
        return None;
    }
    let evidence = Evidence {
        exchange: step.client_name(),
        path: Some("tool calls".to_owned()),
        expected: Some(expected),
        got: Some(got),
    };
    Some(Found::fail(format!("the client's tool calls are not those of `{}`", call.name())).with(evidence))
}
