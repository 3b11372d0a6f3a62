//! `crossfade explore`.

use std::path::PathBuf;

use clap::Args;

use super::{ProxyArgs, hex};

/// `crossfade explore`.
///
/// Draws conversations, answers, failures and framings, plays each case on one start of the proxy, and judges it by the
/// checks that always hold. What fails is made smaller as long as it fails in the same way, and written as a scenario.
/// The same seed gives the same cases, findings and files.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct ExploreArgs {
    #[command(flatten)]
    pub(in crate::cli) proxy: ProxyArgs,
    /// Cases to draw.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(in crate::cli) cases: u32,
    /// Seed of every draw and every word, as the first line shows it; left out: a random one.
    #[arg(long, value_name = "HEX", value_parser = hex)]
    pub(in crate::cli) seed: Option<u64>,
    /// Cases at a time, at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(in crate::cli) jobs: Option<u32>,
    /// Limit of one exchange of the client; left out: `10s`.
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) time_limit: Option<crate::scenario::Millis>,
    /// Treat warnings as failures.
    #[arg(long)]
    pub(in crate::cli) strict: bool,
    /// Draw no more cases once so many failed.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) max_fail: Option<u32>,
    /// Folder for the scenarios of what is found; made if something is.
    #[arg(long, value_name = "FOLDER", default_value = "found", help_heading = "Output")]
    pub(in crate::cli) out: PathBuf,
    /// Write the findings for programs to this file (`-` for stdout, instead of the other report).
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(in crate::cli) json: Option<PathBuf>,
}
