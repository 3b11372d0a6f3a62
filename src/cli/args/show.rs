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
