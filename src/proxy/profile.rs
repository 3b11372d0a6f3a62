//! A profile: how to get, configure, start and address a proxy, and what it promises.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Policy;
use crate::api::ApiId;
use crate::scenario::Millis;

/// A profile, `src/profiles/<name>/profile.yaml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Name.
    pub profile: String,
    /// One sentence.
    pub summary: String,
    /// How it is got; `builtin` runs in-process.
    pub get: GetBy,
    /// Versions that can be installed, the default first, each with what it promises otherwise than the profile says.
    #[serde(default)]
    pub versions: IndexMap<String, Version>,
    /// Where `--from PATH` finds the program, relative to that path; the first that exists is taken.
    #[serde(default)]
    pub from: Vec<String>,
    /// Its own repository.
    #[serde(default)]
    pub repository: Option<Repository>,
    /// Files of configuration: name in the run folder -> template beside the profile.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Where a scenario's `proxy_config` is merged into; left out: nowhere, such a case is skipped.
    #[serde(default)]
    pub overlay: Option<Overlay>,
    /// Program and arguments, each a template; `{{ bin }}`, `{{ install_dir }}`, `{{ run_dir }}`, `{{ port }}`, ...
    #[serde(default)]
    pub command: Vec<String>,
    /// The whole environment of the program, each value a template.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Path that answers when it is up, with the accepted statuses.
    #[serde(default)]
    pub ready: Option<Ready>,
    /// How the client asks, per client API.
    #[serde(default)]
    pub endpoints: BTreeMap<ApiId, Endpoint>,
    /// How the client picks the route.
    pub case_by: CaseBy,
    /// How the fake tells the legs apart.
    pub leg_by: LegBy,
    /// How many routes one launch takes; left out: any number.
    #[serde(default)]
    pub routes: Option<u32>,
    /// How many legs in order a route has room for; left out: any number. A pool is not bound by it.
    #[serde(default)]
    pub legs: Option<u32>,
    /// Whether it tells the legs of a route apart by the name of their model, so that a leg whose model another has
    /// too is asked for `vendor/model`.
    #[serde(default)]
    pub vendor_before_model: bool,
    /// Whether it can balance over workers of which none comes first.
    #[serde(default)]
    pub pools: bool,
    /// Whether its legs have no order: the one that is asked first is then the first of the case, and so on. Such legs
    /// share a model and a key.
    #[serde(default)]
    pub legs_by_arrival: bool,
    /// Whether each leg can have a model (and so an API) of its own.
    #[serde(default = "yes")]
    pub model_per_leg: bool,
    /// APIs that a leg may have for a client API, where not every pair works.
    #[serde(default)]
    pub leg_apis: BTreeMap<ApiId, Vec<ApiId>>,
    /// Whether each leg can have a key of its own.
    #[serde(default = "yes")]
    pub key_per_leg: bool,
    /// What it remembers from one request to the next.
    #[serde(default)]
    pub remembers: Remembers,
    /// Whether its client side is a front of ours.
    #[serde(default)]
    pub front_ours: bool,
    /// Silence after which a case is over; 250 ms if left out.
    #[schemars(with = "Option<String>")]
    #[serde(default)]
    pub quiet: Option<Millis>,
    /// Settings that it cannot be told, each with the sentence that a skipped case shows.
    #[serde(default)]
    pub cannot: BTreeMap<String, String>,
    /// What it promises.
    #[serde(default)]
    pub policy: Policy,
}

fn yes() -> bool {
    true
}

/// How a proxy is got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum GetBy {
    /// In-process: the reference proxy.
    Builtin,
    /// From PyPI into a virtual environment, by a lock file beside the profile (`{version}` in its name).
    Pip {
        /// Lock file.
        lock: String,
        /// Program inside the environment.
        bin: String,
    },
    /// From the npm registry, by `package.json` and `package-lock.json` beside the profile.
    Npm {
        /// Program inside the tree.
        bin: String,
    },
    /// From the cargo registry, built here by the lock file that the crate brings.
    Cargo {
        /// Name of the crate.
        package: String,
        /// Releases in the place of locked ones that the registry does not give: package -> release.
        #[serde(default)]
        precise: BTreeMap<String, String>,
        /// Program inside the installation.
        bin: String,
    },
    /// The system's: checked, never installed.
    System {
        /// Program.
        bin: String,
        /// What installs it.
        hint: String,
        /// Arguments that print its version.
        version_args: Vec<String>,
    },
}

/// The repository of a proxy, for `crossfade init`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// A file of it.
    pub file: String,
    /// A text in that file that no other project has; the version stands behind it.
    pub says: String,
    /// Commands of a POSIX shell that make of a fresh checkout what `from` finds.
    pub build: Vec<String>,
}

/// What one version promises otherwise than its profile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Version {
    /// Keys of the policy that differ.
    pub policy: Policy,
    /// Settings that this version alone cannot be told.
    pub cannot: BTreeMap<String, String>,
}

/// Where a scenario's `proxy_config` is merged into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overlay {
    /// A rendered file of YAML or JSON (by its extension), one of `files`.
    File(String),
    /// A header of the endpoints, whose value is JSON.
    Header(String),
}

/// When a proxy is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    /// Path to GET.
    pub path: String,
    /// Accepted statuses.
    pub status: Vec<u16>,
    /// Longest wait.
    #[schemars(with = "String")]
    pub within: Millis,
}

/// How the client asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Endpoint {
    /// Path, a template over the route; `{{ model }}` and `{{ method }}` stand for what a request says, in APIs that
    /// name them in the path.
    pub path: String,
    /// The key that the client presents as its API does, a template over the route; left out: none.
    pub key: Option<String>,
    /// Further headers, each value a template over the route.
    pub headers: BTreeMap<String, String>,
    /// The `model` of the request body, a template over the route.
    pub model: Option<String>,
    /// The header that names the client's session; left out: the proxy knows no sessions.
    pub session: Option<String>,
}

/// How the client picks the route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaseBy {
    /// By the model's name.
    Model,
    /// By the path.
    Path,
    /// By a header.
    Header,
    /// By the body.
    Body,
    /// Not at all.
    None,
}

/// How the fake tells the legs apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LegBy {
    /// By the path's first segments: `/<slot>/<leg>`.
    Prefix,
    /// By the port, the slot by the path's first segment.
    Port,
}

/// What a proxy remembers from one request to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Remembers {
    /// Nothing that matters.
    #[default]
    Nothing,
    /// State per route: a slot serves one case.
    PerRoute,
    /// State per process: a launch serves one case.
    PerProcess,
}
