//! `stream.thinking`: whether reasoning reaches the client as it was said, with its signature.

use super::words::{excused, not_judged, wrong};
use crate::api::{Completion, Part};
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::{Found, worst};
use crate::check::view::{Call, Channel, StepView};
use crate::check::{Evidence, Level};

/// `stream.thinking`.
pub(in crate::check) const THINKING: Check = Check {
    judge: Judge::Step(thinking),
    info: CheckInfo {
        id: "stream.thinking",
        level: Level::Must,
        requirement: "Reasoning reaches the client as it was said, with its signature.",
        rationale: "Within one API reasoning is part of the answer: its signature must come back in the next turn, and a \
                    vendor refuses a turn whose reasoning was changed or left out.",
        passes: "The same reasoning and signature; a declared `strip_reasoning` or `inline_reasoning` is not judged.",
        fails: "Reasoning or a signature that is lost, changed or doubled, within one API. Unsigned reasoning that is left \
                out as a whole, and reasoning that the client asked for in another API, only warn.",
        sources: &["https://github.com/anthropics/claude-code/issues/20705"],
    },
};

fn thinking(step: &StepView<'_>) -> Found {
    let Some(heard) = step.hearing.channels.iter().find(|heard| heard.channel == Channel::Thinking) else {
        return Found::not_exercised("no leg thought aloud");
    };
    let thought = step.calls.iter().any(|call| thinks(&call.completion));
    if !thought && heard.text.is_empty() {
        return Found::not_exercised("no leg thought aloud");
    }
    if let Some(found) = not_judged(step) {
        return found;
    }
    let finisher = step.ending.finisher.map(|number| &step.calls[number]);
    let one_api = |call: &Call<'_>| call.exchange.api == Some(step.client.exchange.api);
    let across = finisher.is_some_and(|call| !one_api(call)) || !step.calls.iter().any(one_api);
    let lost = finisher.filter(|call| thinks(&call.completion) && heard.text.is_empty());
    let found = match lost {
        Some(call) => all_lost(step, call, across),
        None => worst(
            wrong(step, heard).into_iter().chain(finisher.filter(|_| !across).and_then(|call| signature(step, call))),
        ),
    };
    let found = match found {
        Some(found) if across => found.milder(),
        Some(found) => found,
        None if heard.text.is_empty() => return Found::not_exercised("no reasoning was due to the client"),
        None => Found::pass(),
    };
    excused(step, found)
}

fn thinks(answer: &Completion) -> bool {
    answer.parts.iter().any(|part| matches!(part, Part::Thinking { text, .. } if !text.is_empty()))
}

/// None of it came.
fn all_lost(step: &StepView<'_>, call: &Call<'_>, across: bool) -> Option<Found> {
    let asked = &step.plan.client.conversation.params;
    if across && !["thinking", "reasoning_effort"].iter().any(|param| asked.contains_key(*param)) {
        // Another API has no place for what it was not asked for.
        return None;
    }
    let signed = !signatures(&call.completion).is_empty();
    let reason = format!("the thinking of `{}` is lost", call.name());
    let found = if signed && !across {
        Found::fail(format!("{reason}, with its signature"))
    } else {
        Found::undeclared(step.policy().answer_edits.is_some(), reason)
    };
    Some(found.with(step.evidence(call)))
}

fn signatures(answer: &Completion) -> Vec<&str> {
    let signatures = answer.parts.iter().filter_map(|part| match part {
        Part::Thinking { signature: Some(signature), .. } => Some(signature.as_str()),
        _ => None,
    });
    signatures.collect()
}

/// The client's signatures are those of the finished answer.
fn signature(step: &StepView<'_>, call: &Call<'_>) -> Option<Found> {
    let (expected, got) = (signatures(&call.completion), signatures(&step.client.answer));
    // The client may have those of an earlier answer that this one goes on from, before them.
    if got.ends_with(&expected) && (got.len() == expected.len() || step.hearing.delivered().len() > 1) {
        return None;
    }
    let evidence = Evidence {
        exchange: step.client_name(),
        path: Some("signature".to_owned()),
        expected: Some(expected.join(", ")),
        got: Some(got.join(", ")),
    };
    let what = if got.len() < expected.len() { "lost" } else { "changed" };
    Some(Found::fail(format!("the signature of the thinking of `{}` is {what}", call.name())).with(evidence))
}
