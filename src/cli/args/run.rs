//! `crossfade run`, `hold` and `list`: which cases.

use std::path::PathBuf;

use clap::Args;

use super::{OutputArgs, ProxyArgs, RecordingArgs, hex};

/// Which cases.
#[derive(Args, Clone, Debug, Default)]
pub(in crate::cli) struct SelectArgs {
    /// Scenario files, folders, one case of a file (`my-bug.yaml[close]`), or names of bundled scenarios or cases.
    #[arg(value_name = "PATH")]
    pub(in crate::cli) paths: Vec<String>,
    /// Only cases whose id contains this, or matches it with `*` and `?` (may be repeated).
    #[arg(long, value_name = "PATTERN", help_heading = "Selection")]
    pub(in crate::cli) filter: Vec<String>,
}

/// `crossfade run`.
#[derive(Args, Clone, Debug, Default)]
pub(in crate::cli) struct RunArgs {
    #[command(flatten)]
    pub(in crate::cli) select: SelectArgs,
    #[command(flatten)]
    pub(in crate::cli) proxy: ProxyArgs,
    /// File of the verdicts that are known to fail.
    #[arg(long, value_name = "FILE", help_heading = "Judgement")]
    pub(in crate::cli) baseline: Option<PathBuf>,
    /// Bring the baseline up to this run: stale entries go, each new failure gets an entry, reasons stay.
    #[arg(long, help_heading = "Judgement")]
    pub(in crate::cli) update_baseline: bool,
    /// Fail by new failures only: what failed in this report (of the main branch, say) is known.
    #[arg(long, value_name = "REPORT.json", help_heading = "Judgement")]
    pub(in crate::cli) new_only: Option<PathBuf>,
    /// Treat warnings as failures.
    #[arg(long, help_heading = "Judgement")]
    pub(in crate::cli) strict: bool,
    /// Sub-folder of the snapshots.
    #[arg(long, value_name = "NAME", help_heading = "Judgement")]
    pub(in crate::cli) snapshots: Option<String>,
    /// Cases at a time, at most.
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(in crate::cli) jobs: Option<u32>,
    /// Play every case so often, and name those whose verdicts differ; the worst verdict of each check counts.
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(in crate::cli) repeat: Option<u32>,
    /// Run one shard: `slice:1/4` is the first of four. Scenarios stay whole; `crossfade report merge` joins the reports.
    #[arg(long, value_name = "slice:M/N", help_heading = "Run")]
    pub(in crate::cli) partition: Option<crate::runner::Partition>,
    /// Seed of every word, as the first line of a run shows it.
    #[arg(long, value_name = "HEX", help_heading = "Run", value_parser = hex)]
    pub(in crate::cli) seed: Option<u64>,
    /// Limit of one exchange of the client, like `30s`.
    #[arg(long, value_name = "TIME", help_heading = "Run")]
    pub(in crate::cli) time_limit: Option<crate::scenario::Millis>,
    /// Show each case event by event while it runs: the client and every leg in a lane, with times. Cases run one after
    /// the other, unless `--jobs` says otherwise: then each is shown as soon as it is over.
    #[arg(long, help_heading = "Output")]
    pub(in crate::cli) trace: bool,
    #[command(flatten)]
    pub(in crate::cli) recording: RecordingArgs,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
    /// Keep every case's folder, not only those of failures.
    #[arg(long, help_heading = "Output")]
    pub(in crate::cli) keep: bool,
    /// What is known to fail where no file says it.
    #[arg(skip)]
    pub(in crate::cli) known: Option<crate::baseline::Baseline>,
}

/// `crossfade hold`.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct HoldArgs {
    /// Scenario file, one case of it (`my-bug.yaml[close]`), or a bundled case.
    #[arg(value_name = "CASE")]
    pub(in crate::cli) case: String,
    /// Only the case with this id.
    #[arg(long, value_name = "PATTERN", help_heading = "Selection")]
    pub(in crate::cli) filter: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) proxy: ProxyArgs,
}

/// `crossfade list`.
#[derive(Args, Clone, Debug, Default)]
pub(in crate::cli) struct ListArgs {
    #[command(flatten)]
    pub(in crate::cli) select: SelectArgs,
    #[command(flatten)]
    pub(in crate::cli) proxy: ProxyArgs,
    /// Show the starts of the proxy that a run would take.
    #[arg(long)]
    pub(in crate::cli) launches: bool,
}
