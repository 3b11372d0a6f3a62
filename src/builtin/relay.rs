//! From leg to leg until one has answered, or all are lost.

use std::sync::Arc;

use bytes::Bytes;

use super::cache::Kept;
use super::continuation::{Way, way};
use super::course::{Attempt, Course};
use super::failure::Failure;
use super::front::Gateway;
use super::message::Message;
use super::outlet::Outlet;
use super::passthrough;
use super::request::{LegRequest, for_leg};
use super::speech::Speech;
use super::upstream::Upstream;
use super::{Cache, Leg, Route, hedge, unary};
use crate::api::{Api, Completion, Conversation, FinishReason, Part, Say};
use crate::wire::Headers;

/// One request of a client, read and accepted.
pub(super) struct Job {
    pub(super) gateway: Arc<Gateway>,
    pub(super) route: Route,
    /// The client's API.
    pub(super) api: &'static dyn Api,
    pub(super) asked: Conversation,
    /// The client's headers.
    pub(super) headers: Headers,
    /// The key that the client presented.
    pub(super) key: Option<String>,
    /// The client's request as it came.
    pub(super) body: Bytes,
}

/// The header that names a client's session.
const SESSION: &str = "x-session";

impl Job {
    /// Answers it.
    pub(super) async fn run(self, outlet: Outlet) {
        self.gateway.sabotage.asked(&self.asked);
        if let Some(error) = self.gateway.sabotage.left_behind(&self.route.name) {
            self.gateway.fail(self.api, outlet, error, None);
        } else if let Some(text) = self.gateway.sabotage.own_answer() {
            self.say(text, outlet).await;
        } else if let Some(kept) = self.kept() {
            kept.tell(self.api, outlet).await;
        } else if self.asked.stream {
            self.stream(outlet).await;
        } else {
            self.unary(outlet).await;
        }
    }

    /// Answers without any leg, by defect.
    async fn say(self, text: &str, outlet: Outlet) {
        if self.asked.stream {
            let mut message = Message::new(&self, outlet);
            message.say(Say::Text(text.to_owned())).await;
            message.finish(FinishReason::Stop).await;
        } else {
            let completion = Completion { parts: vec![Part::text(text)], ..Completion::default() };
            unary::reply(outlet, unary::written(&self, &self.route.name, &completion));
        }
    }

    /// The answer that the same request got before.
    fn kept(&self) -> Option<Arc<Kept>> {
        (self.gateway.promise.cache == Cache::Exact).then(|| self.gateway.answers.get(self)).flatten()
    }

    /// The client's session.
    pub(super) fn session(&self) -> Option<&str> {
        self.headers.get(SESSION)
    }

    async fn stream(self, outlet: Outlet) {
        let mut message = Message::new(&self, outlet);
        let mut course = Course::new(&self);
        while let Some(attempt) = course.next().await {
            let nothing_yet = message.delivered.is_nothing();
            let way = way(&self.gateway, attempt.leg, &self.asked, &message.delivered);
            if !nothing_yet && way.is_none() {
                break;
            }
            let had = message.delivered.clone();
            let go_on = way.filter(|_| !nothing_yet).map(|way| (way, had.text.as_str()));
            message.next_leg();
            // A seam is one leg's to close: only what begins anew is asked of several.
            let most = if nothing_yet { self.gateway.promise.hedge } else { 1 };
            let ask = |attempt| self.open(attempt, go_on);
            let (attempt, speech) = hedge::first(&mut course, attempt, most, ask).await;
            let told = match speech {
                Ok(speech) => message.hear(attempt.leg, speech).await,
                Err(failure) => Err(failure),
            };
            let failure = match told {
                Ok(reason) => {
                    course.served(attempt);
                    return message.finish(reason).await;
                }
                Err(failure) => failure,
            };
            let nothing_yet = message.delivered.is_nothing();
            if let Some(reason) = message.invented_finish(&failure) {
                return message.finish(reason).await;
            }
            let is_final = self.gateway.sabotage.is_final(&failure, message.has_begun());
            course.failed(attempt, failure, message.delivered != had, nothing_yet);
            if is_final {
                break;
            }
        }
        message.fail(&course.lost()).await;
    }

    async fn unary(self, outlet: Outlet) {
        let mut course = Course::new(&self);
        while let Some(attempt) = course.next().await {
            let most = self.gateway.promise.hedge;
            let (attempt, answer) = hedge::first(&mut course, attempt, most, |attempt| self.ask_unary(attempt)).await;
            match answer {
                Ok(body) => {
                    course.served(attempt);
                    if self.gateway.promise.cache == Cache::Exact {
                        self.gateway.answers.keep(&self, Kept::Unary(body.clone()));
                    }
                    return unary::reply(outlet, body);
                }
                Err(failure) => {
                    let is_final = self.gateway.sabotage.is_final(&failure, false);
                    course.failed(attempt, failure, false, true);
                    if is_final {
                        break;
                    }
                }
            }
        }
        passthrough::tell_failure(&self, outlet, &course.lost());
    }

    /// Asks one leg for a stream.
    async fn open(&self, attempt: Attempt<'_>, go_on: Option<(Way, &str)>) -> Result<Speech, Failure> {
        let api = attempt.leg.api.spoken().ok_or_else(Failure::transport)?;
        let request = for_leg(self, attempt, api, go_on);
        let owed = request.owed.clone();
        let upstream = self.ask(attempt.leg, api, request).await?;
        let mut speech = Speech::new(api, upstream, owed, self.gateway.sabotage.decoder(api.framing()));
        speech.begin().await;
        // Beside others, a leg that begins with its failure has not won.
        match speech.fails_at_once().filter(|_| self.gateway.promise.hedge > 1) {
            Some(failure) => Err(failure),
            None => Ok(speech),
        }
    }

    async fn ask_unary(&self, attempt: Attempt<'_>) -> Result<Vec<u8>, Failure> {
        let api = attempt.leg.api.spoken().ok_or_else(Failure::transport)?;
        let request = for_leg(self, attempt, api, None);
        let body = self.ask(attempt.leg, api, request).await?.whole().await?;
        unary::translate(self, attempt.leg, api, &body)
    }

    async fn ask(&self, leg: &Leg, api: &dyn Api, request: LegRequest) -> Result<Upstream, Failure> {
        let Gateway { config, reach, sabotage, .. } = &*self.gateway;
        let first_byte = sabotage.wait(config.first_byte_timeout.duration());
        let idle = sabotage.wait(config.idle_timeout.duration());
        if sabotage.asks_twice() {
            drop(Upstream::ask(reach, leg, request.clone(), first_byte, idle).await);
        }
        Upstream::ask(reach, leg, request, first_byte, idle).await?.accepted(api).await
    }
}
