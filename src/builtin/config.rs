//! What the reference proxy is configured with.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Defect;
use crate::api::ApiId;
use crate::scenario::Millis;

/// The configuration of the reference proxy, as a file or as a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Key that clients must present, as bearer token or as `x-api-key`; left out: none is asked for.
    pub client_key: Option<String>,
    /// Routes; the client names one as its model.
    pub routes: Vec<Route>,
    /// A route that no client is meant to use, and whose name and key must never show up.
    pub decoy: Option<Decoy>,
    /// What happens when a stream breaks after content was delivered.
    pub policy: OnBreak,
    /// Models that accept a trailing assistant turn as the beginning of their answer; `*` stands for any end.
    pub prefill_models: Vec<String>,
    /// What is done wrong on purpose.
    pub defects: BTreeSet<Defect>,
    /// Longest silence of an upstream inside its answer.
    #[schemars(with = "String")]
    pub idle_timeout: Millis,
    /// Longest wait for an upstream's response head.
    #[schemars(with = "String")]
    pub first_byte_timeout: Millis,
    /// How often the same leg is asked again, before content and where the failure may pass.
    pub retries: u32,
    /// Failures after which the next leg is asked: statuses, classes like `5xx`, `timeout`, `transport`.
    pub fallback_on: Vec<String>,
    /// Most legs that are asked after the first; left out: all.
    pub max_fallbacks: Option<u32>,
    /// Whether a request is fitted to its leg's model: parameters that it refuses left out, limits lowered.
    pub fit: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            client_key: None,
            routes: Vec::new(),
            decoy: None,
            policy: OnBreak::ContinueUser,
            prefill_models: PREFILL_MODELS.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect(),
            defects: BTreeSet::new(),
            idle_timeout: Millis(60_000),
            first_byte_timeout: Millis(60_000),
            retries: 0,
            fallback_on: ["408", "429", "5xx", "timeout", "transport"].map(str::to_owned).to_vec(),
            max_fallbacks: None,
            fit: false,
        }
    }
}

impl Config {
    /// The route that a client names.
    pub(super) fn route(&self, name: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.name == name)
    }

    /// The legs of a route that may be asked.
    pub(super) fn legs<'a>(&self, route: &'a Route) -> &'a [Leg] {
        let most = self.max_fallbacks.map_or(usize::MAX, |n| (n as usize).saturating_add(1));
        &route.legs[..route.legs.len().min(most)]
    }

    /// Whether this model takes a trailing assistant turn as the beginning of its answer.
    pub(super) fn takes_prefill(&self, model: &str) -> bool {
        self.prefill_models.iter().any(|pattern| model_matches(pattern, model))
    }
}

/// The models that are known to take a prefill, with their source.
const PREFILL_MODELS: &str = include_str!("prefill-models.txt");

/// Whether `pattern`, in which a trailing `*` stands for any end, is the model's name.
pub(super) fn model_matches(pattern: &str, model: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => model.starts_with(beginning),
        None => pattern == model,
    }
}

/// A name for clients, and the upstreams behind it in the order in which they are tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The model that a client names.
    pub name: String,
    /// Upstreams in order.
    pub legs: Vec<Leg>,
}

/// One upstream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Leg {
    /// Name, for people.
    pub name: String,
    /// Model as the vendor spells it.
    pub model: String,
    /// The API it speaks.
    pub api: ApiId,
    /// Base URL, to which the API's path is appended; `http` only.
    pub base_url: String,
    /// Key.
    pub key: String,
}

/// A route that must never show up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decoy {
    /// Its name.
    pub route: String,
    /// Its key.
    pub key: String,
}

/// What happens when a stream breaks after content was delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnBreak {
    /// The client gets the error.
    Error,
    /// The next leg is asked, in a user turn, to go on.
    #[default]
    ContinueUser,
    /// The next leg is asked to go on from a trailing assistant turn if its model can, else in a user turn.
    ContinuePrefill,
    /// Nothing is delivered before an answer is whole, so the next leg simply answers.
    BufferAll,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_from_4_6_on_take_no_prefill() {
        let config = Config::default();
        let takes = |model: &str| config.takes_prefill(model);
        for model in ["claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "claude-opus-4-1", "claude-haiku-4-5-20251001"]
        {
            assert!(takes(model), "{model}");
        }
        for model in ["claude-sonnet-4-6", "claude-opus-4-6", "claude-opus-4-7", "claude-sonnet-5", "gpt-4o-mini"] {
            assert!(!takes(model), "{model}");
        }
    }
}
