//! `error.status`: the status when every leg has failed.

use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::view::{Call, Form, Reach, StepView};

/// `error.status`.
pub(in crate::check) const STATUS: Check = Check {
    judge: Judge::Step(status),
    info: CheckInfo {
        id: "error.status",
        level: Level::Must,
        requirement: "When every leg has failed, the client gets the declared status: a leg's own, or the one that is named.",
        rationale: "Clients decide by status whether to try again: an overload that is told as a bad request is given up, and \
                    a bad request that is told as an overload is sent for ever.",
        passes: "The declared status; undeclared, any that does not blame the client for the legs' trouble.",
        fails: "Another status than the declared. Undeclared, a 4xx for what all legs answered with 5xx or 429 warns.",
        sources: &[
            "https://github.com/tensorzero/tensorzero/pull/861",
            "https://github.com/musistudio/claude-code-router/pull/1759",
            "https://github.com/QuantumNous/new-api/issues/6643",
        ],
    },
};

fn status(step: &StepView<'_>) -> Found {
    if step.client.form != Form::ErrorStatus || step.calls.is_empty() || step.calls.iter().any(Call::finished) {
        return Found::not_exercised("the client got no error status after every leg had failed");
    }
    let got = step.client.status().unwrap_or_default();
    let legs: Vec<u16> = step.calls.iter().map(|call| call.exchange.status).filter(|status| *status >= 400).collect();
    let Some(declared) = step.policy().exhausted_status.as_deref() else {
        return undeclared(step, got, &legs);
    };
    let fits = match declared.parse::<u16>() {
        Ok(declared) => {
            let asked = |name: &str| step.calls.iter().any(|call| call.name() == name);
            if !step.history.case.shape.legs.iter().all(|leg| asked(&leg.name)) {
                return Found::not_exercised("not every leg was asked");
            }
            // A refusal for good ends the chain by itself, wherever it stands, and may keep its own status.
            let refused = step.calls.last().is_some_and(Call::failed_for_good);
            declared == got || refused && legs.contains(&got)
        }
        Err(_) if legs.is_empty() => return Found::not_exercised("no leg answered with a status that could be kept"),
        // What broke off, or told its error in the stream, has a status that is not on the wire.
        Err(_)
            if !legs.contains(&got)
                && step.calls.iter().any(|call| call.reach > Reach::Nothing || call.exchange.unanswered()) =>
        {
            return Found::not_exercised("a leg failed without a status that could be kept");
        }
        Err(_) => legs.contains(&got),
    };
    if fits {
        return Found::pass();
    }
    let reason = format!("status {got} when all legs failed ({legs:?}); declared: {declared}");
    Found::fail(reason).with(step.client_evidence(got.to_string()))
}

fn undeclared(step: &StepView<'_>, got: u16, legs: &[u16]) -> Found {
    let trouble = !legs.is_empty() && legs.iter().all(|status| *status >= 500 || *status == 429);
    if trouble && (400..500).contains(&got) && !legs.contains(&got) && got != 429 {
        let reason = format!("status {got} blames the client, though the legs answered {legs:?}");
        return Found::undeclared(false, reason).at(Level::Should).with(step.client_evidence(got.to_string()));
    }
    Found::pass()
}
