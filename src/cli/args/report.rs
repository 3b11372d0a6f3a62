//! Reports: where they go, what is made of them, and what changed between two.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{SelectArgs, hex};

/// Where reports go. On GitHub Actions annotations and a job summary are written as well.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub(in crate::cli) struct OutputArgs {
    /// Write the report for programs to this file (`-` for stdout, which moves the other report to stderr).
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) json: Option<PathBuf>,
    /// Write the report as one HTML file: every case opens, with its timeline and what was on the wire.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) html: Option<PathBuf>,
    /// Write the report as JUnit XML.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) junit: Option<PathBuf>,
    /// Write the report in Markdown, for a comment on a pull request.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) markdown: Option<PathBuf>,
}

/// `crossfade report`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ReportCommand {
    /// Join the reports of a run's shards, and exit as the whole run would have.
    Merge {
        /// JSON reports of the shards.
        #[arg(value_name = "REPORT.json", required = true)]
        reports: Vec<PathBuf>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Write one HTML page of the reports of several proxies: proxies and checks, and every case of each.
    ///
    /// A case opens as far as its folder is still kept (`run --keep` keeps all of them).
    Html {
        /// JSON reports, one for each proxy.
        #[arg(value_name = "REPORT.json", required = true)]
        reports: Vec<PathBuf>,
        /// The page.
        #[arg(long, value_name = "FILE", default_value = "crossfade.html")]
        out: PathBuf,
    },
}

/// What `compare` says of its exit codes.
const COMPARE_EXIT_CODES: &str = "Exit codes:
  0  nothing fails on B that did not fail on A
  1  something does
  2  the command line makes no sense
  3  a file does not load
  6  a proxy could not be installed, started or reached";

/// `crossfade compare`.
///
/// A and B are proxies as `--proxy` names them (`litellm@1.84.0`), on which the same cases are run with the same words,
/// or reports that `run --json` wrote. No accepted file is needed.
#[derive(Args, Clone, Debug)]
#[command(after_help = COMPARE_EXIT_CODES)]
pub(in crate::cli) struct CompareArgs {
    /// The proxy or report before.
    #[arg(value_name = "A")]
    pub(in crate::cli) from: String,
    /// The proxy or report after.
    #[arg(value_name = "B")]
    pub(in crate::cli) to: String,
    #[command(flatten)]
    pub(in crate::cli) select: SelectArgs,
    /// Cases at a time, at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(in crate::cli) jobs: Option<u32>,
    /// Seed of every word.
    #[arg(long, value_name = "HEX", value_parser = hex)]
    pub(in crate::cli) seed: Option<u64>,
    /// Write the comparison for programs to this file (`-` for stdout, instead of the other).
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(in crate::cli) json: Option<PathBuf>,
    /// Write the comparison in Markdown, for a comment on a pull request.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(in crate::cli) markdown: Option<PathBuf>,
}

/// `crossfade judge`.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct JudgeArgs {
    /// `history.json`, or the folder that holds it.
    pub(in crate::cli) history: PathBuf,
    /// Treat warnings as failures.
    #[arg(long)]
    pub(in crate::cli) strict: bool,
    /// Show what happened, event by event: the client and every leg in a lane, with times.
    #[arg(long)]
    pub(in crate::cli) trace: bool,
}
