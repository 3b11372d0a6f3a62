//! `crossfade rules`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::values;

/// What `rules try` says of its exit codes.
const TRY_EXIT_CODES: &str = "Exit codes:
  0  no rule refuses the request
  1  it is refused
  2  the command line makes no sense
  3  a file does not load";

/// `crossfade rules`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum RulesCommand {
    /// Say which rules would refuse a request: each with its status, body, evidence, and the place in the request.
    ///
    /// The rules are the bundled ones, with what `crossfade.yaml` adds and switches.
    #[command(after_help = TRY_EXIT_CODES)]
    Try(TryArgs),
}

/// `crossfade rules try`.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct TryArgs {
    /// File of the request's body (`-` for stdin).
    #[arg(value_name = "REQUEST.json")]
    pub(in crate::cli) request: PathBuf,
    /// Whom it is sent to: VENDOR/MODEL.
    #[arg(long, value_name = "MODEL")]
    pub(in crate::cli) model: crate::api::ModelName,
    /// Header of the request, `NAME: VALUE` (may be repeated); left out: the ones that clients of the API send.
    #[arg(long, value_name = "HEADER")]
    pub(in crate::cli) header: Vec<String>,
    /// API that it is written in; left out: the vendor's.
    #[arg(long, value_name = "API", value_parser = values::api(), hide_possible_values = true)]
    pub(in crate::cli) api: Option<crate::api::ApiId>,
}
