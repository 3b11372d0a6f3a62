//! What text, tools and thinking have in common: words of legs that are lost, doubled, spliced or invented.

use crate::api::{Completion, Part};
use crate::check::Evidence;
use crate::check::found::{Found, worst};
use crate::check::view::{Channel, Flaw, Heard, Seam, StepView};
use crate::scenario::Outcome;

/// Declared edits of answers that change words.
const MASKING: [&str; 3] = ["mask", "strip_reasoning", "inline_reasoning"];

/// Why words are not judged at all.
pub(super) fn not_judged(step: &StepView<'_>) -> Option<Found> {
    if step.again.is_some() {
        return Some(Found::pass_for(step.ending.why.clone()));
    }
    if step.hearing.same_words {
        return Some(Found::skip("same words: two legs of this case play the same text"));
    }
    if let Some(call) = step.calls.iter().find(|call| call.disobeys()) {
        return Some(Found::skip(format!("`{}` is scripted to disobey: its text does not join", call.name())));
    }
    let delivered = step.hearing.delivered();
    let unrecognised = delivered.iter().map(|call| &step.calls[*call]).find(|call| call.is_unrecognised());
    let call = unrecognised.filter(|_| delivered.len() > 1)?;
    let reason = format!("`{}` was asked to continue in a way that is not recognised, and answered anew", call.name());
    Some(Found::inconclusive(reason).with(step.evidence(call)))
}

/// A declared edit of answers explains a difference; the check cannot tell which.
pub(super) fn excused(step: &StepView<'_>, found: Found) -> Found {
    let edits = step.policy().answer_edits.as_deref().unwrap_or_default();
    match edits.iter().find(|edit| MASKING.contains(&edit.as_str())) {
        Some(edit) if found != Found::pass() => Found::skip(format!("the proxy declares to edit answers: {edit}")),
        _ => found,
    }
}

/// What is wrong with what was heard on a channel.
pub(super) fn wrong(step: &StepView<'_>, heard: &Heard) -> Option<Found> {
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

/// What stands around a place of what was heard.
fn around(step: &StepView<'_>, heard: &Heard, at: usize) -> Evidence {
    let text: String = heard.text[at.saturating_sub(30)..heard.text.len().min(at + 30)].iter().collect();
    Evidence {
        exchange: step.client_name(),
        path: Some(format!("{}, character {at}", heard.channel.words())),
        expected: None,
        got: Some(text),
    }
}

pub(super) fn shown(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("{short:?}...") } else { format!("{short:?}") }
}

/// A finished answer has its end.
fn missing_end(step: &StepView<'_>, heard: &Heard) -> Option<Found> {
    let missing = heard.missing_end(step.ending.finisher?)?;
    // That there is no thinking at all is told apart from a lost end of it.
    if heard.channel == Channel::Thinking && heard.text.is_empty() {
        return None;
    }
    let what = heard.channel.words();
    let found = if missing.trim().is_empty() {
        Found::warn(format!("blanks at an end of the {what} differ"))
    } else {
        Found::fail(format!("{what} lost at the end: {}", shown(&missing)))
    };
    Some(found.with(around(step, heard, heard.text.len())))
}

/// Whether the client has a finished answer.
pub(super) fn is_finished(step: &StepView<'_>) -> bool {
    matches!(step.ending.outcome, Some(Outcome::Completed | Outcome::Restarted | Outcome::Continued))
}

/// The tool calls of an answer, by id, name and arguments.
pub(super) fn calls_of(answer: &Completion) -> Vec<(&str, &str, &serde_json::Value)> {
    let calls = answer.parts.iter().filter_map(|part| match part {
        Part::ToolCall { id, name, arguments } => Some((id.as_str(), name.as_str(), arguments)),
        _ => None,
    });
    calls.collect()
}
