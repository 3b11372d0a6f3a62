//! `crossfade run --record`.

use std::path::PathBuf;

use clap::Args;

use super::RecordMode;
use crate::record::Upstream;

/// Real providers in the place of legs.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Recording")]
pub(in crate::cli) struct RecordingArgs {
    /// Record into this folder what real providers answer in the place of legs; nothing is judged. Faults of those legs
    /// are left out, other legs stay fakes.
    #[arg(long, value_name = "FOLDER", requires = "upstream", conflicts_with_all = JUDGING)]
    pub(in crate::cli) record: Option<PathBuf>,
    /// What becomes of recordings that are there: `new` (or left out) wants none, `missing` plays them and records the
    /// rest, `all` records anew.
    #[arg(long, value_enum, value_name = "MODE", requires = "record", hide_possible_values = true)]
    pub(in crate::cli) record_mode: Option<RecordMode>,
    /// Base URL of the provider in the place of a leg (may be repeated).
    #[arg(long, value_name = "LEG=URL", requires = "record", value_parser = of_leg::<Upstream>)]
    pub(in crate::cli) upstream: Vec<(String, Upstream)>,
    /// Certificate authorities (PEM) to trust in the place of the system's.
    #[arg(long, value_name = "FILE", requires = "record")]
    pub(in crate::cli) upstream_ca: Option<PathBuf>,
    /// Environment variable with the provider's key: it replaces the made-up key of the proxy on the way out, and no
    /// file gets it (may be repeated).
    #[arg(long, value_name = "LEG=VARIABLE", requires = "record", value_parser = of_leg::<String>)]
    pub(in crate::cli) upstream_key: Vec<(String, String)>,
}

/// Options of judgement and its reports.
const JUDGING: [&str; 14] = [
    "baseline",
    "update_baseline",
    "new_only",
    "strict",
    "snapshots",
    "partition",
    "jobs",
    "json",
    "html",
    "junit",
    "markdown",
    "keep",
    "repeat",
    "trace",
];

/// `LEG=VALUE`.
fn of_leg<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<(String, T), String> {
    let (leg, value) = text.split_once('=').ok_or("it is written LEG=VALUE, like `primary=...`")?;
    Ok((leg.to_owned(), value.parse().map_err(|error: T::Err| error.to_string())?))
}
