//! What the reference proxy is configured with.

use std::collections::BTreeSet;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Defect, Promise};
use crate::api::ApiId;
use crate::proxy::{AfterContent, Passthrough, UsageChoice};
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
    /// What it promises, and keeps.
    pub policy: Promise,
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
    /// Failures after which the next leg is asked, where it is not as promised.
    pub fallback_on: Option<Vec<String>>,
    /// Most legs that are asked after the first; left out: all.
    pub max_fallbacks: Option<u32>,
    /// Whether a request is fitted to its leg's model: parameters that it refuses left out, limits lowered.
    pub fit: bool,
    /// Whether upstreams may answer in `content-encoding: gzip`.
    pub accept_gzip: bool,
    /// File of the authorities (PEM) that upstreams with `https` are vouched for by.
    pub authority: Option<PathBuf>,
    /// Whether upstreams are spoken to in HTTP/2, and nothing else.
    pub http2: bool,
    /// Whether a stream that breaks after content is continued; left out: as promised.
    pub continuation: Option<bool>,
    /// Whether a leg that failed is put aside for the time that it asks for, else for `cooldown_time`.
    pub cooldown: bool,
    /// How long a leg is put aside that does not say how long.
    #[schemars(with = "String")]
    pub cooldown_time: Millis,
    /// Whether a session stays with the leg that served it last.
    pub affinity: bool,
    /// How long a leg may take to begin until the next is asked too, where requests are hedged.
    #[schemars(with = "String")]
    pub hedge_after: Millis,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            client_key: None,
            routes: Vec::new(),
            decoy: None,
            policy: Promise::default(),
            prefill_models: PREFILL_MODELS.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect(),
            defects: BTreeSet::new(),
            idle_timeout: Millis(60_000),
            first_byte_timeout: Millis(60_000),
            retries: 0,
            fallback_on: None,
            max_fallbacks: None,
            fit: false,
            accept_gzip: false,
            authority: None,
            http2: false,
            continuation: None,
            cooldown: false,
            cooldown_time: Millis(5_000),
            affinity: false,
            hedge_after: Millis(50),
        }
    }
}

impl Config {
    /// The route that a client names.
    pub(super) fn route(&self, name: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.name == name)
    }

    /// What it promises with these settings.
    pub fn promise(&self) -> Promise {
        let mut promise = self.policy.clone();
        if let Some(failures) = &self.fallback_on {
            promise.fallback_on.clone_from(failures);
        }
        match (self.continuation, promise.after_content) {
            (Some(false), AfterContent::ContinueUser | AfterContent::ContinuePrefill) => {
                promise.after_content = AfterContent::Error;
            }
            (Some(true), AfterContent::Error) => promise.after_content = AfterContent::ContinueUser,
            _ => {}
        }
        if promise.passthrough != Passthrough::None {
            // What is handed on as it comes is nobody's to continue, and its usage is its own.
            promise.after_content = AfterContent::Error;
            promise.usage = UsageChoice::Last;
        }
        promise
    }

    /// The most legs of a route that one request may reach.
    pub(super) fn most_legs(&self) -> usize {
        self.max_fallbacks.map_or(usize::MAX, |n| (n as usize).saturating_add(1))
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
    /// Whether the legs take turns in being asked first.
    #[serde(default)]
    pub pool: bool,
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
    /// Base URL, to which the API's path is appended; `https` needs an `authority`.
    pub base_url: String,
    /// Key.
    pub key: String,
    /// A second key, for retries on another one.
    #[serde(default)]
    pub spare_key: Option<String>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_change_what_is_promised() {
        use AfterContent::{BufferAll, ContinuePrefill, ContinueUser, Error};
        let check = |promised, continuation, expect| {
            let mut config = Config { continuation, ..Config::default() };
            config.policy.after_content = promised;
            assert_eq!(config.promise().after_content, expect, "{promised:?} {continuation:?}");
        };
        check(ContinuePrefill, None, ContinuePrefill);
        check(ContinuePrefill, Some(true), ContinuePrefill);
        check(ContinuePrefill, Some(false), Error);
        check(Error, Some(true), ContinueUser);
        check(BufferAll, Some(false), BufferAll);
        let mut config = Config { fallback_on: Some(vec!["503".to_owned()]), ..Config::default() };
        config.policy.passthrough = Passthrough::Bytes;
        let promise = config.promise();
        assert_eq!((promise.after_content, promise.usage), (Error, UsageChoice::Last));
        assert_eq!(promise.fallback_on, ["503"]);
    }

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
