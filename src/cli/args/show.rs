//! `crossfade show` and `schema`.

use clap::ValueEnum;

/// `crossfade show`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Shown {
    /// Bundled answers and cassettes.
    Answers,
    /// Effects of a cut, and its positions.
    Faults,
    /// Checks, with their levels and requirements.
    Checks,
    /// Rejection rules.
    Rules,
    /// Defects of the reference proxy (`--defect`).
    Defects,
    /// Profiles of proxies, and what is installed.
    Proxies,
    /// Wire APIs that clients and legs speak.
    Apis,
    /// Vendors that speak an API in a way of their own.
    Vendors,
    /// Ways in which a client's exchange can end.
    Outcomes,
    /// What a leg obeys, its pace, and what its cuts wait for.
    Habits,
    /// Neutral settings of a scenario.
    Settings,
    /// Promises of a proxy, key by key.
    Policies,
    /// Every key of a scenario.
    Scenario,
    /// Every key of a profile.
    Profile,
}

/// Kinds of files that have a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum SchemaKind {
    /// Answers.
    Answer,
    /// Baselines.
    Baseline,
    /// Cassettes.
    Cassette,
    /// `crossfade.yaml`.
    Config,
    /// Profiles.
    Profile,
    /// The JSON report.
    Report,
    /// Rejection rules.
    Rules,
    /// Scenarios.
    Scenario,
    /// Vendors.
    Vendor,
}
