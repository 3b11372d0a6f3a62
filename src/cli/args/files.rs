//! `crossfade new`, `lint`, `accept` and the like: files that people write.

use std::path::PathBuf;

use clap::Args;

/// `crossfade new`.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct NewArgs {
    /// Name of the scenario; the file is NAME.yaml.
    pub(in crate::cli) name: String,
    /// API that the client speaks; left out: `openai-chat`.
    #[arg(long, value_name = "API", conflicts_with = "like")]
    pub(in crate::cli) client: Option<crate::api::ApiId>,
    /// Words of the answer after which the first leg breaks; left out: 5.
    #[arg(long, value_name = "N", conflicts_with = "like", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(in crate::cli) breaks_after: Option<u32>,
    /// How it breaks (`crossfade show faults`); left out: in four ways, a case for each.
    #[arg(long, value_name = "EFFECT", conflicts_with = "like")]
    pub(in crate::cli) by: Option<String>,
    /// Begin with a copy of this bundled scenario.
    #[arg(long, value_name = "SCENARIO")]
    pub(in crate::cli) like: Option<String>,
}

/// `crossfade lint`.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct LintArgs {
    /// Scenario files and folders, cassettes, baselines, `crossfade.yaml`.
    #[arg(value_name = "PATH", required = true)]
    pub(in crate::cli) paths: Vec<PathBuf>,
}

/// `crossfade review`, `accept` and `reject`.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct SnapshotArgs {
    /// Folders to look in, or snapshot files; left out: this folder.
    #[arg(value_name = "PATH")]
    pub(in crate::cli) paths: Vec<PathBuf>,
}
