//! Judgement: pure functions from a history to verdicts. Checks know no proxy.
//!
//! A history is read once into a view per step (what each leg said and how far it got, what the client got and whose
//! words they are, how it ended); each check is a function of that view.
#![doc = ""]
#![doc = include_str!("CHECKS.md")]

mod catalogue;
mod error;
mod expect;
mod fallback;
mod found;
mod isolation;
mod judgement;
pub(crate) mod lifecycle;
mod page;
mod route;
mod secrets;
mod stream;
mod translate;
mod view;

pub use catalogue::{CATALOGUE, CheckInfo, info};
pub use judgement::{Evidence, Judgement, Run, Speaker, Value, Verdict};
pub use page::markdown;

use catalogue::{CHECKS, Check, Judge};
use found::{Found, verdict};
pub(crate) use isolation::{foreign, given, owner_key};
use view::StepView;

pub use crate::api::Level;
use crate::history::History;

/// Judges everything that was seen in a case.
pub fn judge(history: &History) -> Judgement {
    let steps = StepView::of(history);
    let mut judgement = Judgement {
        outcomes: steps.iter().map(|step| step.ending.outcome).collect(),
        verdicts: CHECKS.iter().map(|check| verdict(&check.info, findings(check, history, &steps))).collect(),
        texts: steps.iter().map(StepView::runs).collect(),
    };
    for neighbour in &history.beside {
        judgement.join(judge(neighbour));
    }
    judgement
}

fn findings(check: &Check, history: &History, steps: &[StepView<'_>]) -> Vec<Found> {
    if let Some(not_yet) = &history.case.not_yet {
        return vec![Found::skip(format!("not yet: {not_yet}"))];
    }
    if let Some(reason) = &history.misrouted {
        return vec![Found::inconclusive(format!("misrouted: {reason}"))];
    }
    if history.proxy.front_ours && is_of_the_client(&check.info) {
        return vec![Found::skip("the client side of this proxy is a front of ours")];
    }
    match check.judge {
        Judge::Case(judge) => vec![judge(history)],
        Judge::Step(judge) => steps.iter().map(judge).collect(),
    }
}

/// Whether a check judges what the client gets.
fn is_of_the_client(info: &CheckInfo) -> bool {
    matches!(info.family(), "stream" | "error") || matches!(info.id, "expect.outcome" | "expect.status")
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
