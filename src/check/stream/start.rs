//! `stream.single-start`: one message, one id.

use crate::api::Level;
use crate::check::Evidence;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::view::{Form, StepView};
use crate::proxy::IdAtSeam;

/// Rules of the grammars that a second start breaks besides: a repeated role or id in chat; a message inside another,
/// whose blocks count from 0 again.
pub(super) fn about_starts(rule: &str) -> bool {
    matches!(rule, "C07" | "C20" | "A09" | "A11" | "A13" | "A15" | "B06" | "B08" | "B12")
}

/// `stream.single-start`.
pub(in crate::check) const SINGLE_START: Check = Check {
    judge: Judge::Step(single_start),
    info: CheckInfo {
        id: "stream.single-start",
        level: Level::Must,
        requirement: "A stream starts one message, under one id.",
        rationale: "SDKs accumulate into one message: a second start drops or garbles what came before.",
        passes: "One `message_start`, one first delta with a role.",
        fails: "A second `message_start`, or a second role, where a fallback took over.",
        sources: &["https://github.com/zirkelc/ai-retry/issues/51"],
    },
};

fn single_start(step: &StepView<'_>) -> Found {
    let answer = &step.client.answer;
    if step.client.form != Form::Stream || answer.starts.is_empty() {
        return Found::not_exercised("no message began in a stream");
    }
    // A leg that begins its own message twice had that handed on.
    let own = step.calls.iter().map(|call| call.completion.starts.len()).max().unwrap_or(0);
    let starts = answer.starts.len();
    if starts > own.max(1) {
        let evidence = answer.starts.iter().map(|start| Evidence {
            exchange: step.client_name(),
            path: Some(format!("byte {}", start.offset)),
            expected: None,
            got: start.id.clone(),
        });
        return Found::fail(format!("the message begins {starts} times")).with_all(evidence);
    }
    let own_ids = step.calls.iter().map(|call| call.completion.ids.len()).max().unwrap_or(0);
    if answer.ids.len() > own_ids.max(1) {
        let reason = format!("the id changes in the stream: {}", answer.ids.join(", "));
        return match step.policy().id_at_seam {
            Some(IdAtSeam::Change) => Found::pass_for("the id changes at the seam, as declared"),
            Some(IdAtSeam::Keep) => Found::fail(format!("{reason}; the proxy declares to keep it")),
            None => Found::warn(reason).at(Level::Should),
        };
    }
    Found::pass()
}
