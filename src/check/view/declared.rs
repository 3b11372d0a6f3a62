//! What follows from the declared policy, and not from the scenario: where a chain of legs ends, and what comes from a
//! cache.

use super::{Call, Reach, StepView};
use crate::proxy::BeforeContent;

impl StepView<'_> {
    /// Why, by what the proxy declares, no other leg was asked after the last one; `None` if one was due, or if nothing
    /// is declared about it.
    pub(in crate::check) fn ended_as_declared(&self) -> Option<String> {
        let last = self.calls.last().filter(|call| !call.finished())?;
        if last.reach < Reach::Content && self.policy().before_content == Some(BeforeContent::Error) {
            return Some(format!("{}, and the proxy declares to give the error then", last.got()));
        }
        // What the scenario sets is not the proxy's choice.
        let on = self.policy().fallback_on.as_deref().filter(|_| self.history.case.settings.fallback_on.is_none())?;
        let why = || format!("{}, which is not on the declared list of what leads to another leg", last.got());
        (!last.leads_on(Some(on))).then(why)
    }

    /// The first earlier step that went another way than a scenario can know, because of what the proxy declares.
    /// Whatever the scenario expects of later steps was written for the usual way.
    pub(super) fn departs(&self) -> Option<String> {
        let step = self.index + 1;
        if let Some(earlier) = self.again {
            return Some(format!("step {step} was answered from the cache, as step {} was", earlier + 1));
        }
        let legs = &self.history.case.shape.legs;
        let all_asked = legs.iter().all(|leg| self.calls.iter().any(|call| call.name() == leg.name));
        let why = self.ended_as_declared().filter(|_| !all_asked)?;
        Some(format!("in step {step}, {why}"))
    }

    /// The earlier step whose answer this one is: the request is the same, no leg was asked, and a cache is declared.
    pub(super) fn given_again(&self, earlier: &[Self]) -> Option<usize> {
        let caches = self.policy().cache.as_deref().is_some_and(|cache| cache != "off");
        let nobody = self.step.upstream.iter().all(|exchange| exchange.side_call);
        if !caches || !nobody || !self.client.looks_finished() {
            return None;
        }
        let request = &self.client.exchange.request;
        let (parts, finishes) = (&self.client.answer.parts, &self.client.answer.finishes);
        earlier.iter().position(|step| {
            let (asked, answer) = (&step.client.exchange.request, &step.client.answer);
            let same = asked.target == request.target && asked.body == request.body;
            let whole = answer.finishes.last().map(|finish| finish.reason) == finishes.last().map(|end| end.reason);
            same && whole && step.ending.finisher.is_some() && answer.parts == *parts
        })
    }
}

impl Call<'_> {
    /// How far it got, in words.
    pub(in crate::check) fn got(&self) -> String {
        match self.reach {
            Reach::Nothing if self.exchange.status == 0 => format!("`{}` did not begin to answer", self.name()),
            Reach::Nothing => format!("`{}` answered {}", self.name(), self.exchange.status),
            reach => format!("`{}` got as far as {}", self.name(), reach.words()),
        }
    }

    /// Whether its failure is one that leads to the next leg: by the list, or by what any proxy with a fallback agrees
    /// on.
    pub(in crate::check) fn leads_on(&self, on: Option<&[String]>) -> bool {
        let status = self.exchange.status;
        if let Some(on) = on {
            let named = |names: &[&str]| on.iter().any(|class| names.contains(&class.as_str()));
            return match (self.reach, self.stalls()) {
                (Reach::Nothing, false) if self.exchange.unanswered() => named(&["transport", "502", "5xx"]),
                (Reach::Nothing, false) => on.iter().any(|class| matches(class, status)),
                (_, true) => named(&["timeout", "504", "5xx"]),
                // An error in the stream stands for the status that the vendor would have used, which is not on the wire.
                (_, false) if !self.completion.errors.is_empty() => named(&["5xx"]),
                _ => named(&["transport", "502", "5xx"]),
            };
        }
        match self.reach {
            Reach::Nothing => self.exchange.unanswered() || status == 429 || status >= 500,
            _ => true,
        }
    }
}

/// Whether a class such as `429` or `5xx` holds a status.
fn matches(class: &str, status: u16) -> bool {
    class.parse() == Ok(status) || class.strip_suffix("xx").and_then(|first| first.parse().ok()) == Some(status / 100)
}
