//! `stream.final`: what is said in pieces and again as a whole is the same.

use super::words::shown;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::view::{Form, StepView};
use crate::check::{Evidence, Level};

/// `stream.final`.
pub(in crate::check) const FINAL: Check = Check {
    judge: Judge::Step(finals),
    info: CheckInfo {
        id: "stream.final",
        level: Level::Must,
        requirement: "Where an API says a text again as a whole, the whole is what the pieces said.",
        rationale: "Some clients show the pieces and others keep the whole: if they differ, one of the two is wrong, and the \
                    next turn is built on it.",
        passes: "Joined deltas that equal each `done` event and the final object.",
        fails: "A final object that holds only the tail of an answer that two legs spoke, or text without a delta.",
        sources: &["https://github.com/BerriAI/litellm/issues/40404"],
    },
};

pub(in crate::check) fn finals(step: &StepView<'_>) -> Found {
    let finals = &step.client.answer.finals;
    if step.client.form != Form::Stream || finals.is_empty() {
        return Found::not_exercised("nothing was said again as a whole");
    }
    let Some(wrong) = finals.iter().find(|whole| whole.text != whole.said) else {
        return Found::pass();
    };
    // A leg that contradicts itself had that handed on.
    let own = step.calls.iter().flat_map(|call| &call.completion.finals);
    if own.into_iter().any(|own| own.text == wrong.text && own.said == wrong.said) {
        return Found::pass_for(format!("{} is not what its pieces said, and a leg sent it so", wrong.place));
    }
    let reason = format!("{} is {}, and its pieces said {}", wrong.place, shown(&wrong.text), shown(&wrong.said));
    Found::fail(reason).with(Evidence {
        exchange: step.client_name(),
        path: Some(format!("byte {}", wrong.offset)),
        expected: Some(wrong.said.clone()),
        got: Some(wrong.text.clone()),
    })
}
