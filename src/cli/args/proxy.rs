//! The proxy, and `crossfade proxy`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::values;

/// The proxy, and how it is asked.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Proxy")]
pub(in crate::cli) struct ProxyArgs {
    /// Profile that lends a running proxy its endpoints and policy.
    #[arg(long = "as", value_name = "PROFILE", value_parser = values::proxy(), hide_possible_values = true)]
    pub(in crate::cli) lent: Option<String>,
    /// Start this program.
    #[arg(long, value_name = "PATH", conflicts_with = "from")]
    pub(in crate::cli) bin: Option<PathBuf>,
    /// Key that the client presents to a running proxy.
    #[arg(long, value_name = "KEY")]
    pub(in crate::cli) client_key: Option<String>,
    /// Model under which a running proxy asks the fallback alone.
    #[arg(long, value_name = "MODEL")]
    pub(in crate::cli) control_model: Option<String>,
    /// Break the reference proxy in one way (`builtin` only; may be repeated).
    #[arg(long, value_name = "NAME", value_parser = values::defect(), hide_possible_values = true)]
    pub(in crate::cli) defect: Vec<String>,
    /// Start the proxy from this checkout.
    #[arg(long, value_name = "PATH")]
    pub(in crate::cli) from: Option<PathBuf>,
    /// Header that the client sends to a running proxy, `NAME: VALUE` (may be repeated).
    #[arg(long, value_name = "HEADER")]
    pub(in crate::cli) header: Vec<String>,
    /// Where the legs listen for a running proxy.
    #[arg(long, value_name = "ADDRESS")]
    pub(in crate::cli) listen: Option<String>,
    /// Model that the client names to a running proxy.
    #[arg(long, value_name = "MODEL")]
    pub(in crate::cli) model: Option<String>,
    /// What the reference proxy promises and keeps: KEY=VALUE, or `error`, `continue_user`, `continue_prefill`,
    /// `buffer_all` for what it does when a stream breaks after content (`builtin` only; may be repeated).
    #[arg(long, value_name = "POLICY")]
    pub(in crate::cli) policy: Vec<String>,
    /// The proxy: NAME, NAME@VERSION, the URL of one that runs, or for `run` `all`: each that is there.
    #[arg(long, value_name = "PROXY", value_parser = values::proxy(), hide_possible_values = true)]
    pub(in crate::cli) proxy: Option<String>,
}

/// `crossfade proxy`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ProxyCommand {
    /// Install a proxy, pinned, in `$CROSSFADE_HOME`.
    Install {
        /// NAME or NAME@VERSION.
        #[arg(value_parser = values::proxy(), hide_possible_values = true)]
        proxy: String,
    },
    /// Start a proxy alone with a configuration of your own.
    Start {
        /// NAME or NAME@VERSION.
        proxy: String,
        /// Its configuration, taken as it is.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Port to listen on; left out: a free one.
        #[arg(long)]
        port: Option<u16>,
    },
}
