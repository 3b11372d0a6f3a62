//! From a whole request to its answer: which case and leg it is for, and what is recorded of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::address::Place;
use super::audience::Audience;
use super::case::{CaseState, Presence, Running};
use super::connection::{Answer, Stage};
use super::decide::{Asked, Decision};
use super::registry::{Owner, Registry};
use super::seed::seed;
use super::session::LegBinding;
use super::side::{self, Call};
use super::{reply, words};
use crate::api::{Api, ApiId, Wrong};
use crate::fault::Plan;
use crate::history::{BarrierEnd, Continuation, Said, Stray, UpstreamEnd, UpstreamExchange};
use crate::scenario::{LegPlan, Play};
use crate::wire::Request;

/// Longest wait of barrier and gate, before the binding's factor.
const PATIENCE: Duration = Duration::from_secs(2);

impl Stage for Registry {
    type Memory = ();

    fn arrive(&self, _ordinal: usize, path: &str) -> Option<Presence> {
        self.case(&self.addressing.place(path)).map(|case| case.arrive())
    }

    fn answer(&self, ordinal: usize, request: Request, oversize: bool, (): &()) -> Answer {
        let path = path(&request.target).to_owned();
        let place = self.addressing.place(&path);
        let Some(case) = self.case(&place) else {
            return self.nowhere(&place, &request, "no case is running here");
        };
        let by_name = |leg: &&LegBinding| place.leg.map_or(leg.ordinal == ordinal, |name| leg.name == name);
        let Some(leg) = case.binding.legs.iter().find(by_name) else {
            return self.nowhere(&place, &request, "the case has no such leg");
        };
        let names = words::words(&request.body.0);
        let owners = self.owners(&names);
        let own = owners.iter().any(|owner| matches!(owner, Owner::Running(owner) if Arc::ptr_eq(owner, &case)));
        for owner in &owners {
            match owner {
                Owner::Running(other) if !Arc::ptr_eq(other, &case) => misrouted(&case, other),
                Owner::Finished { case: finished, .. } if !own => {
                    let reason = format!("a late request of the finished case {finished}");
                    case.stray(stray(&place, &request, &reason));
                    return self.nowhere(&place, &request, &reason);
                }
                _ => {}
            }
        }
        let leg = leg.clone();
        let Some(running) = case.running() else {
            let reason = "it came between two steps";
            case.stray(stray(&place, &request, reason));
            let last = case.last_plans().remove(&leg.name);
            let plan = last.unwrap_or_else(|| Arc::new(unknown(&request, place.path)));
            return Answer { plan, recording: None, audience: None };
        };
        Caller { registry: self, case: &case, leg: &leg, running, path: place.path }.answer(request, oversize)
    }
}

/// The path of a request line, without its query.
pub(super) fn path(target: &str) -> &str {
    target.split(['?', '#']).next().unwrap_or_default()
}

/// Seconds since 1970.
pub(super) fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn misrouted(case: &CaseState, other: &CaseState) {
    let (here, there) = (case.binding.case.id(), other.binding.case.id());
    case.misrouted(format!("a request of {there} reached a leg of this case"));
    other.misrouted(format!("a request of this case reached a leg of {here}"));
}

fn stray(place: &Place<'_>, request: &Request, reason: &str) -> Stray {
    let names = [place.slot, place.leg].into_iter().flatten().collect::<Vec<_>>();
    let place = if names.is_empty() { "/".to_owned() } else { names.join("/") };
    Stray { place, request: request.clone(), reason: reason.to_owned() }
}

/// The error for a request that fits nothing, in the shape that it seems to expect.
pub(super) fn unknown(request: &Request, path: &str) -> Plan {
    match ApiId::shown_by(&request.headers, path).spoken() {
        Some(api) => {
            let error = api.refuse(Wrong::Path { method: &request.method, path });
            reply::error(api, &request.target, &error, seed(&[path]))
        }
        None => reply::unary(404, crate::wire::Headers::default(), Vec::new()),
    }
}

impl Registry {
    /// A request that fits no running case: kept as a stray, unless it asks for no generation.
    fn nowhere(&self, place: &Place<'_>, request: &Request, reason: &str) -> Answer {
        if let Call::Side(plan) = side::call(request, place.path, None, &[], &self.side_calls) {
            return Answer::aside(plan);
        }
        let owners = self.owners(&words::words(&request.body.0));
        let late = owners.into_iter().find_map(|owner| match owner {
            Owner::Finished { case, last } => Some((case, last)),
            Owner::Running(_) => None,
        });
        self.stray(match &late {
            Some((case, _)) => stray(place, request, &format!("a late request of the finished case {case}")),
            None => stray(place, request, reason),
        });
        let last = late.and_then(|(_, mut last)| {
            let named = place.leg.and_then(|leg| last.remove(leg));
            named.or_else(|| last.into_values().next())
        });
        let plan = last.unwrap_or_else(|| Arc::new(unknown(request, place.path)));
        Answer { plan, recording: None, audience: None }
    }
}

/// A request to a leg of a running case.
#[derive(Debug)]
struct Caller<'a> {
    registry: &'a Registry,
    case: &'a Arc<CaseState>,
    leg: &'a LegBinding,
    running: Running<'a>,
    /// The vendor's path.
    path: &'a str,
}

impl Caller<'_> {
    fn answer(self, request: Request, oversize: bool) -> Answer {
        let leg = self.leg;
        let models: Vec<&str> = leg
            .models
            .iter()
            .map(String::as_str)
            .chain(leg.models.is_empty().then_some(leg.model.model.as_str()))
            .collect();
        let call = if oversize {
            side::too_large(leg.speaks())
        } else {
            side::call(&request, self.path, leg.speaks(), &models, &self.registry.side_calls)
        };
        let mut exchange = self.exchange(request);
        match call {
            Call::Generate(api) => {
                let leg = self.case.leg_asked(leg);
                exchange.leg.clone_from(&leg.name);
                Caller { leg, ..self }.generate(api, exchange)
            }
            Call::Side(plan) => {
                exchange.side_call = true;
                self.recorded(Arc::new(plan), exchange, None)
            }
            Call::Wrong(error) => {
                let plan = match leg.speaks() {
                    Some(api) => reply::error(
                        api,
                        &exchange.request.target,
                        &error,
                        seed(&[&self.case.binding.unique, &leg.name]),
                    ),
                    None => unknown(&exchange.request, self.path),
                };
                self.recorded(Arc::new(plan), exchange, None)
            }
        }
    }

    fn exchange(&self, request: Request) -> UpstreamExchange {
        let now = self.case.now();
        let other = || ApiId::of_path(self.path).map(Api::id);
        UpstreamExchange {
            leg: self.leg.name.clone(),
            api: self.leg.speaks().filter(|api| api.own_path(self.path).is_some()).map(Api::id).or_else(other),
            attempt: 0,
            at: now,
            request,
            side_call: false,
            refused: None,
            also_matched: Vec::new(),
            continuation: Continuation::None,
            status: 0,
            said: Said::default(),
            sent: Vec::new(),
            silences: Vec::new(),
            barrier: BarrierEnd::None,
            gate_opened: None,
            gated: false,
            end: UpstreamEnd::CaseOver,
            ended_at: now,
            after_leave: 0,
        }
    }

    fn generate(self, api: &'static dyn Api, mut exchange: UpstreamExchange) -> Answer {
        let (binding, name) = (&self.case.binding, &self.leg.name);
        let Some(script) = self.running.plan.legs.iter().find(|plan| plan.name == *name) else {
            let plan = unknown(&exchange.request, self.path);
            return self.recorded(Arc::new(plan), exchange, None);
        };
        let (attempt, of_all) = self.case.next_attempt(name);
        // The script of a pool follows the order of requests, whoever gets them.
        let turn = if binding.case.shape.pool { of_all } else { attempt };
        let play = play_of(script, turn);
        let control = binding.controls.get(self.running.index).and_then(|controls| controls.get(name));
        let mut unique = vec![binding.unique.clone()];
        unique.extend(control.map(|control| control.unique.clone()));
        let client = &self.running.plan.client;
        let speeches = self.case.speeches();
        let Decision { plan, refused, also_matched, continuation, said, speech } = Asked {
            leg: self.leg,
            api,
            request: &exchange.request,
            play,
            attempt: turn,
            speeches: &speeches,
            reference: control.map_or(&client.conversation, |control| &control.conversation),
            unique: &unique,
            key: None,
            rules: &self.registry.rules,
            holds: binding.lock_step as usize,
            seed: seed(&[&binding.unique, name, &self.running.index.to_string(), &attempt.to_string()]),
            created: unix_now(),
        }
        .decide();
        let plan = Arc::new(plan);
        self.case.answering(name, &plan, speech);
        let audience = self.running.progress.clone().map(|progress| Audience {
            progress,
            limit: PATIENCE.mul_f64(binding.patience.clamp(0.1, 100.0)),
            lock_step: binding.lock_step as usize,
            follows: client.conversation.stream && plan.chunked && !binding.holds_back,
            before: speeches.get(&said.voice).map(|speech| speech.up_to(said.from)).unwrap_or_default(),
            cassette: said.cassette,
        });
        exchange.attempt = attempt;
        exchange.refused = refused;
        exchange.also_matched = also_matched;
        exchange.continuation = continuation;
        exchange.said = said;
        exchange.gated = audience.is_some() && plan.steps.contains(&crate::fault::Step::Gate);
        self.recorded(plan, exchange, audience)
    }

    fn recorded(&self, plan: Arc<Plan>, exchange: UpstreamExchange, audience: Option<Audience>) -> Answer {
        Answer { plan, recording: self.case.record(exchange), audience }
    }
}

/// What a leg does on an attempt: the last entry stays.
pub(super) fn play_of(script: &LegPlan, attempt: u32) -> &Play {
    let last = script.attempts.len().saturating_sub(1);
    &script.attempts[(attempt.max(1) as usize - 1).min(last)]
}
