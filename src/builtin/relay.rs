//! From leg to leg until one has answered, or all are lost.

use std::sync::Arc;
use std::time::Duration;

use super::continuation::{Way, way};
use super::failure::Failure;
use super::front::Gateway;
use super::hearing::{Heard, Hearing};
use super::message::Message;
use super::outlet::Outlet;
use super::request::for_leg;
use super::unary;
use super::upstream::Upstream;
use super::{Leg, Route};
use crate::api::{Api, Conversation, FinishReason};
use crate::wire::Headers;

/// Pause before the same leg is asked again.
const PAUSE: Duration = Duration::from_millis(50);
/// Longest pause that an upstream may ask for; if it wants more, the next leg is sooner.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// One request of a client, read and accepted.
pub(super) struct Job {
    pub(super) gateway: Arc<Gateway>,
    pub(super) route: Route,
    /// The client's API.
    pub(super) api: &'static dyn Api,
    pub(super) asked: Conversation,
    /// The client's headers.
    pub(super) headers: Headers,
}

impl Job {
    /// Answers it.
    pub(super) async fn run(self, outlet: Outlet) {
        if self.asked.stream { self.stream(outlet).await } else { self.unary(outlet).await }
    }

    async fn stream(self, outlet: Outlet) {
        let mut message = Message::new(&self, outlet);
        let mut failures = Failures::default();
        'legs: for (number, leg) in self.legs() {
            let mut tries = 0;
            loop {
                let nothing_yet = message.delivered.is_nothing();
                let way = way(&self.gateway, leg, &self.asked, &message.delivered);
                if !nothing_yet && way.is_none() {
                    break 'legs;
                }
                let had = message.delivered.clone();
                let failure = match self.relay(number, leg, way.filter(|_| !nothing_yet), &mut message).await {
                    Ok(reason) => return message.finish(reason).await,
                    Err(failure) => failure,
                };
                if self.gateway.sabotage.finishes(&failure) && !message.delivered.is_nothing() {
                    return message.finish(FinishReason::Stop).await;
                }
                if message.delivered == had && self.asks_again(&failure, tries).await {
                    tries += 1;
                } else if failures.note(failure, &self.gateway) {
                    break;
                } else {
                    break 'legs;
                }
            }
        }
        let failure = failures.shown(&self.gateway);
        message.fail(failure.shown_in(self.api), failure.retry_after()).await;
    }

    async fn unary(self, outlet: Outlet) {
        let mut failures = Failures::default();
        'legs: for (number, leg) in self.legs() {
            let mut tries = 0;
            loop {
                let failure = match self.ask_unary(number, leg).await {
                    Ok(body) => return unary::reply(outlet, body),
                    Err(failure) => failure,
                };
                if self.asks_again(&failure, tries).await {
                    tries += 1;
                } else if failures.note(failure, &self.gateway) {
                    break;
                } else {
                    break 'legs;
                }
            }
        }
        let failure = failures.shown(&self.gateway);
        self.gateway.fail(self.api, outlet, failure.shown_in(self.api), failure.retry_after());
    }

    /// The legs that may be asked, with their numbers.
    fn legs(&self) -> impl Iterator<Item = (usize, &Leg)> {
        self.gateway.config.legs(&self.route).iter().enumerate()
    }

    /// Asks one leg and hands on what it says; gives why its answer ended, if that was whole.
    async fn relay(
        &self,
        number: usize,
        leg: &Leg,
        way: Option<Way>,
        message: &mut Message<'_>,
    ) -> Result<FinishReason, Failure> {
        let api = leg.api.spoken().ok_or_else(Failure::transport)?;
        let go_on = way.map(|way| (way, message.delivered.text.as_str()));
        let request = for_leg(self, number, leg, api, go_on);
        message.next_leg(request.owed);
        let mut upstream = self.ask(leg, api, &request.headers, request.body).await?;
        let mut hearing = Hearing::new(api);
        loop {
            let bytes = match upstream.next().await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => return hearing.ended(Failure::truncated()),
                Err(failure) => return hearing.ended(failure),
            };
            let heard = hearing.feed(&bytes);
            if let Some(usage) = hearing.usage() {
                message.spend(usage);
            }
            for heard in heard {
                match heard {
                    Heard::Said(say) => message.say(say).await,
                    Heard::Failed(failure) => return hearing.ended(failure),
                    Heard::Done => return hearing.ended(Failure::truncated()),
                }
            }
        }
    }

    async fn ask_unary(&self, number: usize, leg: &Leg) -> Result<Vec<u8>, Failure> {
        let api = leg.api.spoken().ok_or_else(Failure::transport)?;
        let request = for_leg(self, number, leg, api, None);
        let body = self.ask(leg, api, &request.headers, request.body).await?.whole().await?;
        unary::translate(self, api, &body)
    }

    async fn ask(&self, leg: &Leg, api: &dyn Api, headers: &Headers, body: Vec<u8>) -> Result<Upstream, Failure> {
        let config = &self.gateway.config;
        let (first_byte, idle) = (config.first_byte_timeout.duration(), config.idle_timeout.duration());
        let target = api.target(&leg.model, self.asked.stream);
        Upstream::ask(leg, &target, headers, body, first_byte, idle).await?.accepted(api).await
    }

    /// Whether the same leg is asked again, after the pause that is due.
    async fn asks_again(&self, failure: &Failure, tries: u32) -> bool {
        if self.gateway.sabotage.asks_again(failure) && tries == 0 {
            return true;
        }
        let pause = failure.asks_for().unwrap_or(PAUSE);
        if tries >= self.gateway.config.retries || !failure.may_pass() || pause > LONGEST_PAUSE {
            return false;
        }
        tokio::time::sleep(pause).await;
        true
    }
}

/// The failures of the legs so far.
#[derive(Debug, Default)]
struct Failures {
    original: Option<Failure>,
    last: Option<Failure>,
}

impl Failures {
    /// Notes how a leg failed; gives whether the next is to be asked.
    fn note(&mut self, failure: Failure, gateway: &Gateway) -> bool {
        let leads_on = failure.leads_on(&gateway.config.fallback_on);
        self.original.get_or_insert_with(|| failure.clone());
        self.last = Some(failure);
        leads_on
    }

    /// The one that the client is told: the first leg's, for what a fallback objects to may be of our own making.
    fn shown(self, gateway: &Gateway) -> Failure {
        match (self.original, self.last) {
            (Some(original), Some(last)) => gateway.sabotage.shown(original, last),
            _ => Failure::transport(),
        }
    }
}
