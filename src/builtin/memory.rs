//! What the reference proxy remembers from one request to the next: legs that are put aside, and who served a session.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::failure::Failure;
use super::{Config, Leg, Route};

/// Longest time that a leg is put aside, whatever it asks for.
const LONGEST: Duration = Duration::from_mins(10);
/// Sessions that are remembered; with more, all are forgotten.
const MOST_SESSIONS: usize = 10_000;

/// A leg of a route, by name.
type Place = (String, String);

/// What is remembered.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Until when a leg is put aside.
    aside: Mutex<HashMap<Place, Instant>>,
    /// The leg that served a session last, by route and session.
    served: Mutex<HashMap<(String, String), String>>,
}

impl Memory {
    /// A leg failed: it is put aside, unless what it refused was the request.
    pub(super) fn failed(&self, config: &Config, route: &Route, leg: &Leg, failure: &Failure) {
        if config.cooldown && failure.may_pass() {
            let time = failure.asks_for().unwrap_or(config.cooldown_time.duration()).min(LONGEST);
            let mut aside = self.aside.lock().unwrap_or_else(PoisonError::into_inner);
            aside.insert(place(route, leg), Instant::now() + time);
        }
    }

    /// How long a leg is still put aside.
    pub(super) fn aside_for(&self, route: &Route, leg: &Leg) -> Option<Duration> {
        let aside = self.aside.lock().unwrap_or_else(PoisonError::into_inner);
        let left = aside.get(&place(route, leg))?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// A leg served a session.
    pub(super) fn served(&self, config: &Config, route: &Route, session: Option<&str>, leg: &Leg) {
        if let (true, Some(session)) = (config.affinity, session) {
            let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
            if served.len() >= MOST_SESSIONS {
                served.clear();
            }
            served.insert((route.name.clone(), session.to_owned()), leg.name.clone());
        }
    }

    /// The leg that served a session last.
    pub(super) fn server(&self, route: &Route, session: Option<&str>) -> Option<String> {
        let served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        served.get(&(route.name.clone(), session?.to_owned())).cloned()
    }
}

fn place(route: &Route, leg: &Leg) -> Place {
    (route.name.clone(), leg.name.clone())
}
