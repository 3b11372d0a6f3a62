//! `fallback.accepted`: whether the target's real model would take the fallback's request.

use super::NONE;
use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::{Found, worst};
use crate::check::view::{Call, StepView};
use crate::history::{Continuation, Control, Refusal};
use crate::scenario::Outcome;

/// `fallback.accepted`.
pub(in crate::check) const ACCEPTED: Check = Check {
    judge: Judge::Step(accepted),
    info: CheckInfo {
        id: "fallback.accepted",
        level: Level::Must,
        requirement: "The fallback's request is one that the target's real model accepts.",
        rationale: "A fallback that is certain to be refused is no fallback: the user gets a 400 where an answer or the \
                    true error was due.",
        passes: "No rule of the target refuses the request.",
        fails: "A trailing assistant turn sent to a model without prefill. Where the proxy recovers from the refusal, \
                this only warns.",
        sources: &[
            "https://github.com/BerriAI/litellm/issues/27967",
            "https://github.com/diegosouzapw/OmniRoute/pull/6114",
        ],
    },
};

fn accepted(step: &StepView<'_>) -> Found {
    let calls: Vec<&Call<'_>> = step.fallback_calls().collect();
    if calls.is_empty() {
        return Found::not_exercised(NONE);
    }
    let refusals = calls.iter().filter_map(|call| call.exchange.refused.as_ref().map(|refusal| (*call, refusal)));
    let found = refusals.map(|(call, refusal)| judge(step, &calls, call, refusal));
    worst(found).or_else(|| guessed(step, &calls)).unwrap_or_else(Found::pass)
}

fn judge(step: &StepView<'_>, calls: &[&Call<'_>], call: &Call<'_>, refusal: &Refusal) -> Found {
    match step.control(call.name()) {
        // The target refuses what the client asks: that is no fault of the fallback's request.
        Some(Control::Failed { status, text, .. }) => return Found::skip(format!("control: {status} {text}")),
        Some(Control::Done { .. }) => {}
        Some(Control::Missing { .. }) | None => {
            if call.exchange.continuation == Continuation::None {
                let reason = format!(
                    "no control tells whether `{}` would refuse the client's own request, too: {}",
                    call.name(),
                    refusal.error.message
                );
                return Found::inconclusive(reason).with(step.evidence(call));
            }
        }
    }
    let mut evidence = step.evidence(call);
    evidence.got = Some(format!("{} {}", refusal.error.status, refusal.error.message));
    let said = format!("`{}` refuses it by rule {}: {}", call.name(), refusal.rule, refusal.error.message);
    if !refusal.certain {
        return Found::warn(format!("{said} (a rule without evidence)")).at(Level::Should).with(evidence);
    }
    let last = calls.last().is_some_and(|last| last.exchange.refused.is_some());
    let answered = matches!(step.ending.outcome, Some(Outcome::Completed | Outcome::Restarted | Outcome::Continued));
    if last && !answered {
        return Found::fail(said).with(evidence);
    }
    Found::warn(format!("{said}; the proxy recovered")).at(Level::Should).with(evidence)
}

/// Guessed rules that an accepted continuation matches.
fn guessed(step: &StepView<'_>, calls: &[&Call<'_>]) -> Option<Found> {
    let call = calls
        .iter()
        .find(|call| call.exchange.continuation != Continuation::None && !call.exchange.also_matched.is_empty())?;
    let rules = call.exchange.also_matched.join(", ");
    let reason = format!("the real `{}` may refuse it (rules without evidence: {rules})", call.name());
    Some(Found::warn(reason).at(Level::Should).with(step.evidence(call)))
}
