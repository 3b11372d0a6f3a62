//! `stream.text`: whether the client got what the legs said, each character once and in order.

use crate::api::{Completion, Part};
use crate::check::Evidence;
use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::{Found, worst};
use crate::check::view::{Call, Channel, Flaw, Heard, Seam, StepView};
use crate::scenario::Outcome;

/// Declared edits of answers that change text.
const MASKING: [&str; 3] = ["mask", "strip_reasoning", "inline_reasoning"];

/// `stream.text`.
pub(in crate::check) const TEXT: Check = Check {
    judge: Judge::Step(text),
    info: CheckInfo {
        id: "stream.text",
        level: Level::Must,
        requirement: "The client gets what the legs said, each character once and in order: nothing lost, doubled, \
                      spliced or invented; tool arguments and thinking are whole too.",
        rationale: "Every word a leg says is unique, so each character that the client gets has a leg and an offset.",
        passes: "One leg's answer whole, or a prefix of it before a visible error, or two legs' text joined without a gap.",
        fails: "A lost or doubled word; text of one leg behind text of another that it does not continue; a blank lost \
                at the seam; broken tool arguments.",
        sources: &[
            "https://github.com/zirkelc/ai-retry/issues/51",
            "https://github.com/open-webui/computer/issues/300",
        ],
    },
};

fn text(step: &StepView<'_>) -> Found {
    if !step.hearing.anything() && step.ending.finisher.is_none() {
        return Found::not_exercised("the client got no content");
    }
    if step.hearing.same_words {
        return Found::skip("same words: two legs of this case play the same text");
    }
    if let Some(call) = step.calls.iter().find(|call| call.disobeys()) {
        return Found::skip(format!("`{}` is scripted to disobey: its text does not join", call.name()));
    }
    let delivered = step.hearing.delivered();
    if delivered.len() > 1
        && let Some(call) = delivered.iter().map(|call| &step.calls[*call]).find(|call| call.is_unrecognised())
    {
        let reason =
            format!("`{}` was asked to continue in a way that is not recognised, and answered anew", call.name());
        return Found::inconclusive(reason).with(step.evidence(call));
    }
    let found = step.hearing.channels.iter().filter_map(|heard| channel(step, heard));
    let found = worst(found.chain(tools(step))).unwrap_or_else(Found::pass);
    excused(step, found)
}

/// A declared edit of answers explains a difference; the check cannot tell which.
fn excused(step: &StepView<'_>, found: Found) -> Found {
    let edits = step.policy().answer_edits.as_deref().unwrap_or_default();
    match edits.iter().find(|edit| MASKING.contains(&edit.as_str())) {
        Some(edit) if found != Found::pass() => Found::skip(format!("the proxy declares to edit answers: {edit}")),
        _ => found,
    }
}

fn channel(step: &StepView<'_>, heard: &Heard) -> Option<Found> {
    let finisher = step.ending.finisher.map(|number| &step.calls[number]);
    if let (Channel::Arguments, Some(call)) = (heard.channel, finisher)
        && same_calls(&step.client.answer, &call.completion)
    {
        return None;
    }
    let found = heard.flaws.iter().map(|flaw| judge(step, heard, flaw));
    worst(found.chain(missing_end(step, heard)))
}

fn judge(step: &StepView<'_>, heard: &Heard, flaw: &Flaw) -> Found {
    let what = heard.channel.words();
    let (at, found) = match flaw {
        Flaw::Lost { at, text } => (at, Found::fail(format!("{what} lost: {}", shown(text)))),
        Flaw::Doubled { at, text } => (at, Found::fail(format!("{what} doubled: {}", shown(text)))),
        Flaw::Spliced { at, from, to } => {
            (at, Found::fail(format!("spliced: {what} of `{to}` follows that of `{from}`, which it does not continue")))
        }
        Flaw::Foreign { at, text } => (at, Found::fail(format!("{what} that no leg said: {}", shown(text)))),
        Flaw::SeamBlank { at, seam: Seam::SaidAgain } => {
            (at, Found::warn("seam-blank: the request to go on was trimmed, and blanks at the seam come twice"))
        }
        Flaw::SeamBlank { at, seam: Seam::Changed } => {
            (at, Found::fail("seam-blank: blanks at the seam are not those that the legs said"))
        }
        Flaw::EdgeBlank { at } => (at, Found::warn(format!("blanks at an end of the {what} differ"))),
    };
    found.with(around(step, heard, *at))
}

/// What stands around a place of the client's text.
fn around(step: &StepView<'_>, heard: &Heard, at: usize) -> Evidence {
    let text: String = heard.text[at.saturating_sub(30)..heard.text.len().min(at + 30)].iter().collect();
    Evidence {
        exchange: step.client_name(),
        path: Some(format!("{}, character {at}", heard.channel.words())),
        expected: None,
        got: Some(text),
    }
}

fn shown(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("{short:?}...") } else { format!("{short:?}") }
}

/// A finished answer has its end.
fn missing_end(step: &StepView<'_>, heard: &Heard) -> Option<Found> {
    let finisher = step.ending.finisher?;
    let call = &step.calls[finisher];
    let missing = heard.missing_end(finisher)?;
    if heard.channel == Channel::Thinking && heard.text.is_empty() {
        return no_thinking(step, call);
    }
    let what = heard.channel.words();
    let found = if missing.trim().is_empty() {
        Found::warn(format!("blanks at an end of the {what} differ"))
    } else {
        Found::fail(format!("{what} lost at the end: {}", shown(&missing)))
    };
    Some(found.with(around(step, heard, heard.text.len())))
}

/// Thinking has no agreed form across APIs; in one API it is content like any other.
fn no_thinking(step: &StepView<'_>, call: &Call<'_>) -> Option<Found> {
    if call.exchange.api != Some(step.client.exchange.api) {
        return None;
    }
    let declared = step.policy().answer_edits.is_some();
    Some(Found::undeclared(declared, format!("the thinking of `{}` is lost", call.name())).with(step.evidence(call)))
}

fn calls_of(answer: &Completion) -> Vec<(&str, &serde_json::Value)> {
    let calls = answer.parts.iter().filter_map(|part| match part {
        Part::ToolCall { name, arguments, .. } => Some((name.as_str(), arguments)),
        _ => None,
    });
    calls.collect()
}

fn same_calls(one: &Completion, other: &Completion) -> bool {
    calls_of(one) == calls_of(other)
}

/// The calls of a finished answer, by name and in order.
fn tools(step: &StepView<'_>) -> Option<Found> {
    if !matches!(step.ending.outcome, Some(Outcome::Completed | Outcome::Restarted | Outcome::Continued)) {
        return None;
    }
    let call = &step.calls[step.ending.finisher?];
    let names = |answer| calls_of(answer).iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
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
