//! Which leg is asked next, with which key, and after which pause.

use std::collections::VecDeque;
use std::time::Duration;

use super::Leg;
use super::failure::Failure;
use super::relay::Job;
use crate::proxy::{BeforeContent, ErrorChoice};

/// Pause before the same leg is asked again; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(50);
/// Longest pause that an upstream may ask for; if it wants more, the next leg is sooner.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// One request to a leg.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt<'a> {
    /// Place of the leg in its route.
    pub(super) number: usize,
    pub(super) leg: &'a Leg,
    /// Requests that this leg was sent before, for the same job.
    tries: u32,
    /// Those of them with its first key.
    tries_of_first_key: u32,
}

impl<'a> Attempt<'a> {
    fn first(number: usize, leg: &'a Leg) -> Self {
        Self { number, leg, tries: 0, tries_of_first_key: 0 }
    }

    /// The key that it is asked with.
    pub(super) fn key(&self) -> &'a str {
        match &self.leg.spare_key {
            Some(spare) if self.tries > self.tries_of_first_key => spare,
            _ => &self.leg.key,
        }
    }

    fn again(self) -> Self {
        Self { tries: self.tries + 1, tries_of_first_key: self.tries_of_first_key + 1, ..self }
    }

    fn on_the_other_key(self) -> Self {
        Self { tries: self.tries + 1, ..self }
    }
}

/// The way of one job from leg to leg.
pub(super) struct Course<'a> {
    job: &'a Job,
    ahead: VecDeque<Attempt<'a>>,
    /// Pause before the next attempt.
    pause: Duration,
    failures: Vec<(&'a Leg, Failure)>,
    /// The legs, in the order in which they were first asked.
    asked: Vec<&'a Leg>,
    /// Whether a failure ended it that no other leg is asked after.
    stopped: bool,
}

impl<'a> Course<'a> {
    pub(super) fn new(job: &'a Job) -> Self {
        let (memory, route) = (&job.gateway.memory, &job.route);
        let legs = job.gateway.sabotage.legs(job, job.gateway.config.most_legs());
        let mut ahead: VecDeque<Attempt<'a>> =
            legs.into_iter().map(|(number, leg)| Attempt::first(number, leg)).collect();
        if let Some(server) = memory.server(route, job.session())
            && let Some(place) = ahead.iter().position(|attempt| attempt.leg.name == server)
        {
            let pinned = ahead.remove(place);
            ahead.extend(pinned);
            ahead.rotate_right(1);
        }
        let aside: Vec<_> = ahead.iter().filter_map(|attempt| memory.aside_for(route, attempt.leg)).collect();
        let mut failures = Vec::new();
        if let (Some(soonest), true, Some(leg)) = (aside.iter().min(), aside.len() == ahead.len(), route.legs.first()) {
            failures.push((leg, Failure::all_aside(*soonest)));
        }
        ahead.retain(|attempt| memory.aside_for(route, attempt.leg).is_none());
        Self { job, ahead, pause: Duration::ZERO, failures, asked: Vec::new(), stopped: false }
    }

    /// Whether another leg could be asked beside the one at hand.
    pub(super) fn has_more(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// The next leg, to be asked beside the one at hand.
    pub(super) fn beside(&mut self) -> Option<Attempt<'a>> {
        self.take()
    }

    fn take(&mut self) -> Option<Attempt<'a>> {
        let attempt = self.ahead.pop_front()?;
        if !self.asked.iter().any(|leg| leg.name == attempt.leg.name) {
            self.asked.push(attempt.leg);
        }
        Some(attempt)
    }

    /// These were asked, and dropped because another one began to answer first.
    pub(super) fn spared(&mut self, attempts: impl DoubleEndedIterator<Item = Attempt<'a>>) {
        for attempt in attempts.rev() {
            self.ahead.push_front(attempt);
        }
    }

    /// How long a leg may take to begin until the next is asked too.
    pub(super) fn hedge_after(&self) -> Duration {
        self.job.gateway.config.hedge_after.duration()
    }

    /// An attempt failed while others are on their way.
    pub(super) fn fell_back(&mut self, attempt: Attempt<'a>, failure: Failure) {
        self.job.gateway.memory.failed(&self.job.gateway.config, &self.job.route, attempt.leg, &failure);
        self.failures.push((attempt.leg, failure));
    }

    /// An attempt brought the answer.
    pub(super) fn served(&self, attempt: Attempt<'a>) {
        let gateway = &self.job.gateway;
        gateway.sabotage.served(self.job, attempt.number);
        gateway.memory.served(&gateway.config, &self.job.route, self.job.session(), attempt.leg);
    }

    /// The next attempt, when it is due.
    pub(super) async fn next(&mut self) -> Option<Attempt<'a>> {
        let pause = std::mem::take(&mut self.pause);
        if !pause.is_zero() && !self.ahead.is_empty() {
            tokio::time::sleep(pause).await;
        }
        self.take()
    }

    /// An attempt failed; `said`: it had said something, `nothing_yet`: the client has nothing at all.
    pub(super) fn failed(&mut self, attempt: Attempt<'a>, failure: Failure, said: bool, nothing_yet: bool) {
        if !said && let Some((again, pause)) = self.again(attempt, &failure) {
            self.ahead.push_front(again);
            self.pause = pause;
            return;
        }
        let promise = &self.job.gateway.promise;
        let leads_on = failure.leads_on(&promise.fallback_on)
            && (promise.before_content == BeforeContent::Fallback || !nothing_yet);
        self.fell_back(attempt, failure);
        if !leads_on {
            self.ahead.clear();
            self.stopped = true;
        }
    }

    /// The same leg again, and the pause before that, if it is worth it.
    fn again(&self, attempt: Attempt<'a>, failure: &Failure) -> Option<(Attempt<'a>, Duration)> {
        let gateway = &self.job.gateway;
        if gateway.sabotage.asks_again(failure, attempt.tries) {
            return Some((attempt.again(), Duration::ZERO));
        }
        let promised = gateway.promise.retries;
        let set = gateway.config.retries;
        if attempt.tries >= set.max(promised.same_leg + promised.other_key) {
            return None;
        }
        let on_other = attempt.tries - attempt.tries_of_first_key;
        if failure.is_about_the_key() && on_other < promised.other_key && attempt.leg.spare_key.is_some() {
            return Some((attempt.on_the_other_key(), Duration::ZERO));
        }
        let most = promised.same_leg.max(set);
        let back_off = PAUSE.saturating_mul(1 << attempt.tries.min(5));
        let pause = gateway.sabotage.heeded(failure.asks_for()).unwrap_or(back_off);
        let worth_it = failure.may_pass() && attempt.tries_of_first_key < most && pause <= LONGEST_PAUSE;
        worth_it.then(|| (attempt.again(), pause))
    }

    /// All is lost: the failure that the client is told.
    pub(super) fn lost(mut self) -> Failure {
        // Of legs that are asked at the same time, the first need not be the first to fail.
        let place = |leg: &Leg| self.asked.iter().position(|asked| asked.name == leg.name);
        self.failures.sort_by_key(|(leg, _)| place(leg));
        let promise = &self.job.gateway.promise;
        let exhausted = promise.exhausted().filter(|_| !self.stopped);
        let told = match (self.failures.first(), self.failures.last()) {
            (Some((_, first)), Some((_, last))) => match promise.error {
                // What a fallback objects to may be of our own making.
                ErrorChoice::First => self.job.gateway.sabotage.shown(first.clone(), last.clone()),
                ErrorChoice::Last => last.clone(),
                ErrorChoice::Aggregate => first.joined(&self.failures),
                ErrorChoice::Masked => first.masked(),
            },
            _ => Failure::transport(),
        };
        match exhausted {
            Some(status) => told.under(status),
            None => told,
        }
    }
}
