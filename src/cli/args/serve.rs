//! `crossfade serve` and `record`: what listens on its own.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::hex;
use crate::record::Upstream;

/// `crossfade serve`.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct ServeArgs {
    /// Scenario file, one case of it (`my-bug.yaml[close]`), or a bundled case; left out: every answer under every
    /// fault, at `/<answer>/...`, and as each vendor gives it at `/<vendor>/<answer>/...`.
    pub(in crate::cli) scenario: Option<String>,
    /// Only the case with this id.
    #[arg(long, value_name = "PATTERN")]
    pub(in crate::cli) filter: Vec<String>,
    /// Port to listen on; left out: a free one.
    #[arg(long, default_value_t = 0)]
    pub(in crate::cli) port: u16,
    /// Refuse requests that do not present this key, as the vendor does; left out: any or none will do.
    #[arg(long, value_name = "KEY")]
    pub(in crate::cli) key: Option<String>,
    /// Speak TLS, under an authority that is made for this run.
    #[arg(long)]
    pub(in crate::cli) tls: bool,
    /// Where the authority's certificate is written, for clients that are to trust it; left out: a temporary file.
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub(in crate::cli) ca: Option<PathBuf>,
    /// Speak HTTP/2 and nothing else: with `--tls` by ALPN, else by prior knowledge.
    #[arg(long)]
    pub(in crate::cli) http2: bool,
    /// Seed of every word.
    #[arg(long, value_name = "HEX", value_parser = hex)]
    pub(in crate::cli) seed: Option<u64>,
}

/// `crossfade record`.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct RecordArgs {
    /// Base URL of the provider; nothing is ever forwarded anywhere else.
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) upstream: Upstream,
    /// Folder for a file of each exchange, or a file (`*.yaml`) for all of them.
    #[arg(long, value_name = "PATH")]
    pub(in crate::cli) out: PathBuf,
    /// What becomes of recordings that are there.
    #[arg(long, value_enum, default_value_t = RecordMode::New)]
    pub(in crate::cli) mode: RecordMode,
    /// Port on loopback; left out: a free one.
    #[arg(long, default_value_t = 0)]
    pub(in crate::cli) port: u16,
    /// Certificate authorities (PEM) to trust in the place of the system's.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) ca: Option<PathBuf>,
    /// Ask the provider for HTTP/1.1, even where it would speak HTTP/2: keeps header names as they are spelled.
    #[arg(long)]
    pub(in crate::cli) http1: bool,
}

/// What becomes of recordings that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum RecordMode {
    /// There must be none.
    New,
    /// They are played to whoever asks the same; the rest is recorded.
    Missing,
    /// They are recorded anew.
    All,
}
