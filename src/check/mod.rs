//! Judgement: pure functions from a history to verdicts. Checks know no proxy.
//!
//! A history is read once into a view per step (what each leg said and how far it got, what the client got and whose
//! words they are, how it ended); each check is a function of that view.

mod catalogue;
mod error;
mod expect;
mod fallback;
mod found;
mod judgement;
mod lifecycle;
mod route;
mod stream;
mod view;

pub use catalogue::{CATALOGUE, CheckInfo, info};
pub use judgement::{Evidence, Judgement, Run, Speaker, Value, Verdict};

use found::{Found, verdict};
use view::StepView;

pub use crate::api::Level;
use crate::history::History;

/// Judges everything that was seen in a case.
pub fn judge(history: &History) -> Judgement {
    let steps = StepView::of(history);
    Judgement {
        outcomes: steps.iter().map(|step| step.ending.outcome).collect(),
        verdicts: CATALOGUE.iter().map(|info| verdict(info, findings(info, history, &steps))).collect(),
        texts: steps.iter().map(StepView::runs).collect(),
    }
}

fn findings(info: &CheckInfo, history: &History, steps: &[StepView<'_>]) -> Vec<Found> {
    if let Some(not_yet) = &history.case.not_yet {
        return vec![Found::skip(format!("not yet: {not_yet}"))];
    }
    if let Some(reason) = &history.misrouted {
        return vec![Found::inconclusive(format!("misrouted: {reason}"))];
    }
    if info.id == "lifecycle.survives" {
        return vec![lifecycle::survives(history)];
    }
    if history.proxy.front_ours && is_of_the_client(info) {
        return vec![Found::skip("the client side of this proxy is a front of ours")];
    }
    steps.iter().map(|step| find(info.id, step)).collect()
}

/// Whether a check judges what the client gets.
fn is_of_the_client(info: &CheckInfo) -> bool {
    matches!(info.family(), "stream" | "error") || matches!(info.id, "expect.outcome" | "expect.status")
}

fn find(id: &str, step: &StepView<'_>) -> Found {
    match id {
        "route.reached" => route::reached(step),
        "fallback.same-as-control" => fallback::same_as_control(step),
        "fallback.accepted" => fallback::accepted(step),
        "fallback.credentials" => fallback::credentials(step),
        "fallback.attempts" => fallback::attempts(step),
        "stream.grammar" => stream::grammar(step),
        "stream.text" => stream::text(step),
        "stream.truncation-visible" => stream::truncation_visible(step),
        "stream.single-start" => stream::single_start(step),
        "stream.incremental" => stream::incremental(step),
        "error.not-self-inflicted" => error::not_self_inflicted(step),
        "error.shape" => error::shape(step),
        "error.no-internals" => error::no_internals(step),
        "lifecycle.cancel" => lifecycle::cancel(step),
        "expect.outcome" => expect::outcome(step),
        "expect.requests" => expect::requests(step),
        "expect.status" => expect::status(step),
        _ => Found::not_exercised("this check is not made yet"),
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
