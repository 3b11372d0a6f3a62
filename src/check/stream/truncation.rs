//! `stream.truncation-visible`: what no leg finished never looks finished.

use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::view::{Call, StepView};
use crate::proxy::Passthrough;
use crate::scenario::Outcome;

/// `stream.truncation-visible`.
pub(in crate::check) const TRUNCATION_VISIBLE: Check = Check {
    judge: Judge::Step(truncation_visible),
    info: CheckInfo {
        id: "stream.truncation-visible",
        level: Level::Must,
        requirement: "An answer that no leg finished never looks finished to the client.",
        rationale: "A truncated answer that looks whole is taken for the answer, and nobody ever knows.",
        passes: "An error in the client API's own shape, a transport that visibly breaks, or another leg that completes \
                 the answer.",
        fails: "A finish reason, an end mark or a clean end that no leg sent. Handing on an upstream's own clean end \
                unchanged warns where the proxy declares to pass bytes through.",
        sources: &[
            "https://github.com/Portkey-AI/gateway/issues/1797",
            "https://github.com/BerriAI/litellm/issues/40404",
        ],
    },
};

fn truncation_visible(step: &StepView<'_>) -> Found {
    let truncated = step.calls.iter().find(|call| call.truncated());
    let silent = step.ending.outcome == Some(Outcome::Silent) && !step.calls.iter().any(Call::finished);
    let Some(call) = truncated.or(step.calls.first().filter(|_| silent)) else {
        return Found::not_exercised("no leg's answer broke off");
    };
    let got_to = format!("`{}` got as far as {}", call.name(), call.reach.words());
    match step.ending.outcome {
        Some(Outcome::Silent) if handed_on_unchanged(step) => {
            Found::warn(format!("{got_to}, and ended cleanly; the proxy handed that on as it was, as declared"))
                .with(step.client_evidence(&step.ending.why))
        }
        Some(Outcome::Silent) => Found::fail(format!("{got_to}, and the client's answer {}", looks(step)))
            .with(step.evidence(call))
            .with(step.client_evidence(&step.ending.why)),
        Some(Outcome::Hung) => Found::not_exercised(format!("{got_to}, and the client's answer never ended")),
        Some(Outcome::Left) => Found::not_exercised("the client had left"),
        Some(Outcome::Error | Outcome::Broken) => Found::pass_for(format!("{got_to}; the client sees it")),
        // Whether the words fit is `stream.text`'s matter; another leg finished the answer.
        Some(Outcome::Completed | Outcome::Restarted | Outcome::Continued | Outcome::Doubled | Outcome::Spliced) => {
            if step.calls.iter().any(Call::finished) || step.client.sees_error() || step.client.broke() {
                Found::pass_for(format!("{got_to}; another request finished the answer"))
            } else {
                Found::fail(format!("{got_to}, and the client's answer {}", looks(step))).with(step.evidence(call))
            }
        }
        None => Found::inconclusive(step.ending.why.clone()),
    }
}

fn looks(step: &StepView<'_>) -> &'static str {
    let answer = &step.client.answer;
    match (answer.finishes.is_empty(), answer.terminator.is_some()) {
        (false, true) => "has a finish reason and an end mark",
        (false, false) => "has a finish reason",
        (true, true) => "has an end mark",
        (true, false) if step.client.looks_finished() => "looks whole",
        (true, false) => "ends cleanly, without an error",
    }
}

/// Whether the proxy, which declares to pass bytes through, handed on the upstream's own clean end.
pub(in crate::check) fn handed_on_unchanged(step: &StepView<'_>) -> bool {
    if step.policy().passthrough != Some(Passthrough::Bytes) {
        return false;
    }
    let answer = &step.client.answer;
    step.calls.last().is_some_and(|call| {
        call.ended_cleanly()
            && answer.finishes.len() <= call.completion.finishes.len()
            && (answer.terminator.is_none() || call.completion.terminator.is_some())
    })
}
