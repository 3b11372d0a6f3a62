//! The command line: a file for each kind of command.

mod cassette;
mod explore;
mod files;
mod proxy;
mod recording;
mod report;
mod rules;
mod run;
mod serve;
mod show;
mod values;

use clap::{Parser, Subcommand};

pub(super) use cassette::{CassetteCommand, ImportArgs, SynthArgs, VerifyArgs};
pub(super) use explore::ExploreArgs;
pub(super) use files::{Ci, InitArgs, LintArgs, NewArgs, SketchArgs, SnapshotArgs};
pub(super) use proxy::{ProxyArgs, ProxyCommand};
pub(super) use recording::RecordingArgs;
pub(super) use report::{CompareArgs, JudgeArgs, OutputArgs, ReportCommand};
pub(super) use rules::{RulesCommand, TryArgs};
pub(super) use run::{HoldArgs, ListArgs, RunArgs, SelectArgs};
pub(super) use serve::{RecordArgs, RecordMode, ServeArgs};
pub(super) use show::{SchemaKind, Shown};

/// What the program says of its exit codes.
const EXIT_CODES: &str = "Exit codes:
  0    all as expected
  1    an unexpected failure, a changed snapshot, or a stale baseline entry
  2    the command line makes no sense
  3    a file does not load
  4    nothing was judged
  5    inconclusive: the harness could not tell
  6    the proxy could not be installed, started or reached, or died
  130  interrupted";

/// A record-and-replay conformance harness for LLM proxies.
#[derive(Debug, Parser)]
#[command(name = "crossfade", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(super) struct Cli {
    /// Log errors only, and show no progress.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Log steps; twice: everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run scenarios against a proxy and judge what it did; without arguments the bundled suite on `builtin`.
    Run(Box<RunArgs>),
    /// Draw cases, judge what a proxy does with them, and write a short scenario for each failure found.
    Explore(Box<ExploreArgs>),
    /// List the cases that would run.
    List(Box<ListArgs>),
    /// Load files and say what is wrong with them; run nothing.
    Lint(LintArgs),
    /// Serve the fake legs alone, for any client.
    Serve(ServeArgs),
    /// Record a provider: a proxy on loopback that hands everything on and writes what it saw as cassettes.
    Record(RecordArgs),
    /// Set up one case, wait for Enter, then fire the client; without time limits.
    Hold(Box<HoldArgs>),
    /// Say what changed between two proxies, versions or reports: verdicts, and requests to the legs.
    Compare(Box<CompareArgs>),
    /// Judge a kept history again.
    Judge(JudgeArgs),
    /// Look at pending snapshots and accept or reject each.
    Review(SnapshotArgs),
    /// Accept pending snapshots.
    Accept(SnapshotArgs),
    /// Reject pending snapshots.
    Reject(SnapshotArgs),
    /// Write a scenario to begin with.
    New(NewArgs),
    /// Set up a proxy's repository: `crossfade.yaml`, an example, a baseline, a workflow for CI.
    Init(InitArgs),
    /// Write a cassette from an answer script.
    Synth(Box<SynthArgs>),
    /// Read, compare and verify cassettes.
    #[command(subcommand)]
    Cassette(CassetteCommand),
    /// Make cassettes of recordings in other formats: VCR, HAR, nock, go-vcr, WireMock, mitmproxy and more.
    Import(Box<ImportArgs>),
    /// Show what there is.
    Show {
        /// Of what.
        #[arg(value_enum)]
        what: Shown,
        /// As a page in Markdown (`checks` only).
        #[arg(long)]
        markdown: bool,
    },
    /// Explain a check, a rejection rule, a defect or an exit code.
    Explain {
        /// Its id.
        #[arg(value_parser = values::explained(), hide_possible_values = true)]
        id: String,
    },
    /// Work on JSON reports.
    #[command(subcommand)]
    Report(ReportCommand),
    /// Try rejection rules on a request.
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Install or start a proxy.
    #[command(subcommand)]
    Proxy(ProxyCommand),
    /// Print what makes a shell complete commands, options and names.
    ///
    /// bash: `source <(crossfade completions bash)`; zsh: into a file `_crossfade` of a folder of `fpath`;
    /// fish: into `~/.config/fish/completions/crossfade.fish`.
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the manual page, of the program or of one command: `crossfade man run | man -l -`.
    Man {
        /// A command, with the one below it where there is one.
        #[arg(value_name = "COMMAND")]
        command: Vec<String>,
    },
    /// Print a JSON schema.
    Schema {
        /// Of which files.
        #[arg(value_enum)]
        kind: SchemaKind,
    },
}

fn hex(text: &str) -> Result<u64, String> {
    u64::from_str_radix(text, 16).map_err(|_| "a seed is a hexadecimal number".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
