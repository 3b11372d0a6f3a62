//! `crossfade new`, `init`, `lint`, `accept` and the like: files that people write.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::values;

/// `crossfade new`.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct NewArgs {
    /// Name of the scenario; the file is NAME.yaml.
    pub(in crate::cli) name: String,
    #[command(flatten)]
    pub(in crate::cli) sketch: SketchArgs,
    /// Begin with a copy of this bundled scenario.
    #[arg(long, value_name = "SCENARIO", value_parser = values::bundled(), hide_possible_values = true)]
    pub(in crate::cli) like: Option<String>,
}

/// What happens in a new scenario.
#[derive(Args, Clone, Debug, Default)]
pub(in crate::cli) struct SketchArgs {
    /// API that the client speaks; left out: `openai-chat`.
    #[arg(long, value_name = "API", conflicts_with = "like", value_parser = values::api(), hide_possible_values = true)]
    pub(in crate::cli) client: Option<crate::api::ApiId>,
    /// Words of the answer after which the first leg breaks; left out: 5.
    #[arg(long, value_name = "N", conflicts_with = "like", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(in crate::cli) breaks_after: Option<u32>,
    /// How it breaks (`crossfade show faults`); left out: in four ways, a case for each.
    #[arg(long, value_name = "EFFECT", conflicts_with = "like", value_parser = values::effect(), hide_possible_values = true)]
    pub(in crate::cli) by: Option<String>,
}

/// `crossfade init`.
///
/// Sets up `crossfade.yaml`, `scenarios/` with an example, an empty baseline and a workflow for CI. A file that is there
/// stays as it is.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct InitArgs {
    /// Profile of the proxy that this repository is of; left out: told by its files.
    #[arg(long, value_name = "PROFILE", value_parser = values::proxy(), hide_possible_values = true)]
    pub(in crate::cli) proxy: Option<String>,
    /// CI system that a workflow is written for.
    #[arg(long, value_enum, default_value_t = Ci::Github)]
    pub(in crate::cli) ci: Ci,
}

/// CI systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Ci {
    /// GitHub Actions: `.github/workflows/crossfade.yml`.
    Github,
    /// GitLab: `.gitlab/crossfade.yml`, to be included.
    Gitlab,
    /// None: no workflow.
    None,
}

/// `crossfade lint`.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct LintArgs {
    /// Scenario files and folders, cassettes, baselines, answers, rules, profiles (`profile.yaml`), `crossfade.yaml`.
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
