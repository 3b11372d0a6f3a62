//! The routes of an exploration: a fixed few, known when the proxy starts, so that one start serves every case.

use super::phase::Phase;
use crate::api::{ApiId, ModelName};

/// Models of the legs, in order: alike and unlike, with prefill and without, across APIs, and two fallbacks.
const SHAPES: [&[&str]; 10] = [
    &["openai/gpt-4o-mini", "openai/gpt-4o-mini"],
    &["anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"],
    &["anthropic/claude-opus-4-1", "anthropic/claude-sonnet-4-6"],
    &["openai/gpt-4o-mini", "anthropic/claude-sonnet-4-6"],
    &["anthropic/claude-sonnet-4-5", "openai/gpt-4o"],
    &["openai/gpt-4o-mini", "openai/gpt-4o"],
    &["openai/gpt-4o-mini", "anthropic/claude-opus-4-7", "openai/gpt-4o"],
    &["gemini/gemini-2.5-flash", "gemini/gemini-2.5-flash"],
    &["gemini/gemini-2.5-flash", "openai/gpt-4o-mini"],
    &["anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash"],
];

/// Names of the legs.
pub(super) const LEGS: [&str; 3] = ["primary", "fallback", "third"];

/// The legs of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) models: Vec<ModelName>,
}

impl Route {
    /// The API in which a leg is asked.
    pub(super) fn api(&self, leg: usize) -> Option<ApiId> {
        self.api_for(leg, ApiId::OpenaiChat)
    }

    fn api_for(&self, leg: usize, client: ApiId) -> Option<ApiId> {
        ApiId::of_vendor(&self.models.get(leg)?.vendor, client)
    }

    /// Whether the legs of a client are asked in the APIs of this route: where they are not, it is another route.
    fn serves(&self, client: ApiId) -> bool {
        (0..self.models.len()).all(|leg| self.api_for(leg, client) == self.api(leg))
    }
}

/// Client APIs and routes that can be drawn, the plainest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pool {
    pub(super) pairs: Vec<(ApiId, Route)>,
    pub(super) phase: Phase,
}

impl Pool {
    /// Every pair that is spoken and that `can` says can be played; `most` routes at most.
    pub(super) fn new(phase: Phase, most: usize, can: impl Fn(ApiId, &Route) -> bool) -> Self {
        let mut pairs = Vec::new();
        let mut routes = 0;
        for models in SHAPES {
            let models = models.iter().filter_map(|model| model.parse().ok()).collect();
            let route = Route { models };
            let spoken = |leg| route.api(leg).and_then(ApiId::spoken).is_some();
            let one_of_several = phase != Phase::OneFallback || route.models.len() > 2;
            if routes >= most || !one_of_several || !(0..route.models.len()).all(spoken) {
                continue;
            }
            let clients =
                ApiId::ALL.into_iter().filter(|api| api.spoken().is_some() && route.serves(*api) && can(*api, &route));
            let before = pairs.len();
            pairs.extend(clients.map(|api| (api, route.clone())));
            routes += usize::from(pairs.len() > before);
        }
        Self { pairs, phase }
    }

    /// The pair that a share stands for.
    pub(super) fn pair(&self, raw: u16) -> Option<&(ApiId, Route)> {
        self.pairs.get(usize::from(raw) * self.pairs.len() / (usize::from(u16::MAX) + 1))
    }

    /// One pair of each route.
    pub(super) fn routes(&self) -> impl Iterator<Item = &(ApiId, Route)> {
        let first = |index: usize| !self.pairs[..index].iter().any(|(_, route)| *route == self.pairs[index].1);
        (0..self.pairs.len()).filter(move |index| first(*index)).map(|index| &self.pairs[index])
    }
}
