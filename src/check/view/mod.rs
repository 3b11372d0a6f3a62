//! A history as the checks see it: read once, from bytes to answers, reaches and attributed text.

mod attribute;
mod call;
mod client;
mod declared;
mod ending;
mod flaws;
mod speech;

use std::cell::OnceCell;

pub(super) use call::{Call, Reach};
pub(super) use client::{ClientView, Form};
pub(super) use ending::Ending;
pub(super) use flaws::{Flaw, Seam};
pub(super) use speech::{Channel, Heard, Hearing};

use super::translate::Pairs;
use super::{Evidence, Run};
use crate::api::Conversation;
use crate::history::{Continuation, Control, History, LegFacts, StepHistory};
use crate::proxy::Policy;
use crate::scenario::StepPlan;

/// One step of a history.
#[derive(Debug)]
pub(super) struct StepView<'a> {
    pub(super) history: &'a History,
    /// Index of the step.
    pub(super) index: usize,
    pub(super) plan: &'a StepPlan,
    pub(super) step: &'a StepHistory,
    pub(super) client: ClientView<'a>,
    /// Requests for a generation, in order of arrival; side calls and unknown paths are not among them.
    pub(super) calls: Vec<Call<'a>>,
    /// Whose words the client got.
    pub(super) hearing: Hearing,
    /// How it ended.
    pub(super) ending: Ending,
    /// The earlier step whose answer was given again, from a declared cache.
    pub(super) again: Option<usize>,
    /// Why an earlier step went another way than the scenario can know: because of what the proxy declares.
    pub(super) departed: Option<String>,
    /// What the client asked beside what each leg's control was asked, once something wants to know.
    pub(super) pairs: OnceCell<Pairs<'a>>,
}

impl<'a> StepView<'a> {
    /// Every step that was planned and took place.
    pub(super) fn of(history: &'a History) -> Vec<Self> {
        let steps = history.case.steps.iter().zip(&history.steps).enumerate();
        steps.fold(Vec::new(), |mut views: Vec<Self>, (index, (plan, step))| {
            let mut view = Self::new(history, index, plan, step);
            view.departed = views.last().and_then(|last| last.departed.clone().or_else(|| last.departs()));
            view.again = view.given_again(&views);
            if let Some(earlier) = view.again {
                view.ending = ending::again(earlier);
            }
            views.push(view);
            views
        })
    }

    fn new(history: &'a History, index: usize, plan: &'a StepPlan, step: &'a StepHistory) -> Self {
        let client = ClientView::of(&step.client);
        let calls = Call::all(history, plan, step);
        let hearing = Hearing::of(&client, &calls);
        let ending = ending::of(history, &client, &calls, &hearing);
        Self {
            history,
            index,
            plan,
            step,
            client,
            calls,
            hearing,
            ending,
            again: None,
            departed: None,
            pairs: OnceCell::new(),
        }
    }

    pub(super) fn policy(&self) -> &'a Policy {
        &self.history.proxy.policy
    }

    /// The name of an upstream exchange in evidence, by its index in the step's upstream exchanges.
    pub(super) fn upstream(&self, index: usize) -> String {
        self.named(&format!("upstream {}", index + 1))
    }

    /// The name of the client's exchange in evidence.
    pub(super) fn client_name(&self) -> String {
        self.named("client")
    }

    /// The name of a leg's control in evidence.
    pub(super) fn control_name(&self, leg: &str) -> String {
        self.named(&format!("control of {leg}"))
    }

    fn named(&self, exchange: &str) -> String {
        if self.history.steps.len() > 1 { format!("step {}: {exchange}", self.index + 1) } else { exchange.to_owned() }
    }

    pub(super) fn evidence(&self, call: &Call<'_>) -> Evidence {
        Evidence { exchange: self.upstream(call.index), path: None, expected: None, got: None }
    }

    pub(super) fn client_evidence(&self, got: impl Into<String>) -> Evidence {
        Evidence { exchange: self.client_name(), path: None, expected: None, got: Some(got.into()) }
    }

    /// Calls to legs behind the first.
    pub(super) fn fallback_calls(&self) -> impl Iterator<Item = &Call<'a>> {
        self.calls.iter().filter(|call| call.is_fallback())
    }

    /// What this launch configured for a leg.
    pub(super) fn facts(&self, leg: &str) -> Option<&'a LegFacts> {
        self.history.proxy.legs.iter().find(|facts| facts.name == leg)
    }

    pub(super) fn control(&self, leg: &str) -> Option<&'a Control> {
        self.step.controls.get(leg)
    }

    /// Requests in flight for one request of the client.
    pub(super) fn hedge(&self) -> u32 {
        self.policy().hedge.unwrap_or(1)
    }

    /// Two calls to different legs that were in flight at the same time: the proxy hedges, whether or not it says so.
    pub(super) fn overlapping(&self) -> Option<(&Call<'a>, &Call<'a>)> {
        every_two(&self.calls).find(|(one, other)| one.leg != other.leg && other.exchange.at < one.exchange.ended_at)
    }

    /// The client's text with its speakers, for the report.
    pub(super) fn runs(&self) -> Vec<Run> {
        self.hearing.runs(&self.calls)
    }

    /// The request of a call in neutral form.
    pub(super) fn conversation(call: &Call<'_>) -> Option<Conversation> {
        call.exchange.api?.at(&call.exchange.request.target)?.read(&call.exchange.request)
    }
}

/// Every two of a list, the earlier first.
pub(super) fn every_two<T>(items: &[T]) -> impl Iterator<Item = (&T, &T)> {
    items.iter().enumerate().flat_map(|(number, one)| items[number + 1..].iter().map(move |other| (one, other)))
}

/// Whether a request asks to continue, in a way that was understood.
pub(super) fn is_recognised(continuation: &Continuation) -> bool {
    matches!(continuation, Continuation::Prefill { .. } | Continuation::UserMessage { .. })
}
