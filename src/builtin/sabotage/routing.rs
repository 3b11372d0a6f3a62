//! Which leg is asked, and when.

use std::time::Duration;

use super::Sabotage;
use crate::api::Turn;
use crate::builtin::failure::{Cause, Failure};
use crate::builtin::relay::Job;
use crate::builtin::{Defect, Leg};

/// How often a leg is asked again that should be left alone.
const AGAIN: u32 = 4;

impl Sabotage {
    /// The answer that the proxy gives by itself.
    pub(in crate::builtin) fn own_answer(&self) -> Option<&'static str> {
        self.has(Defect::AnswersByItself).then_some("Hello! How can I help you today?")
    }

    /// The legs that are asked, with their numbers in the route; `most` is how many may be.
    pub(in crate::builtin) fn legs<'a>(&self, job: &'a Job, most: usize) -> Vec<(usize, &'a Leg)> {
        let most = if self.has(Defect::MaxFallbacksIgnored) { usize::MAX } else { most };
        let mut legs: Vec<_> = job.route.legs.iter().enumerate().take(most).collect();
        if self.has(Defect::FallbackFirst) {
            legs.reverse();
        }
        if self.has(Defect::NeverFallsBack) || self.has(Defect::NoFallbackWhenStreaming) && job.asked.stream {
            legs.truncate(1);
        }
        if self.has(Defect::ChainNotWalked) {
            legs.truncate(2);
        }
        if self.has(Defect::FallbackIsThePrimary)
            && let Some(primary) = job.route.legs.first()
        {
            for (_, leg) in &mut legs {
                *leg = primary;
            }
        }
        if self.has(Defect::AffinityBlocksFailover)
            && let Some(served) = self.memory().served.get(&pin(job))
        {
            legs.retain(|(number, _)| number == served);
        }
        legs
    }

    /// A leg has answered.
    pub(in crate::builtin) fn served(&self, job: &Job, number: usize) {
        if self.has(Defect::AffinityBlocksFailover) {
            self.memory().served.insert(pin(job), number);
        }
    }

    /// Whether a failure is final although the next leg should be asked; `begun` if the client has a part of an answer.
    pub(in crate::builtin) fn is_final(&self, failure: &Failure, begun: bool) -> bool {
        (self.has(Defect::InBandErrorIsFinal) && failure.in_stream)
            || (self.has(Defect::TimeoutIsFinal) && failure.cause == Cause::Timeout)
            || (self.has(Defect::PreambleIsContent) && begun)
    }

    /// Whether the message begins before there is content.
    pub(in crate::builtin) fn begins_early(&self) -> bool {
        self.has(Defect::PreambleIsContent)
    }

    /// Whether a request is sent again that should not be.
    pub(in crate::builtin) fn asks_again(&self, failure: &Failure, tries: u32) -> bool {
        (self.has(Defect::RetryOn400) && failure.is_for_good() && tries == 0)
            || (self.has(Defect::RetriesTooOften) && failure.may_pass() && tries < AGAIN)
    }

    /// Whether each request is sent twice.
    pub(in crate::builtin) fn asks_twice(&self) -> bool {
        self.has(Defect::AsksTwice)
    }

    /// The pause that a leg asked for, as far as it is heeded.
    pub(in crate::builtin) fn heeded(&self, asked_for: Option<Duration>) -> Option<Duration> {
        asked_for.filter(|_| !self.has(Defect::RetryAfterIgnored))
    }
}

/// What sticks to a leg.
fn pin(job: &Job) -> (String, String) {
    (job.route.name.clone(), job.asked.turns.iter().map(Turn::text).collect())
}
