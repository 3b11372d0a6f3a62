//! The command line: the only reader of arguments and environment, and the only printer.

mod all;
mod args;
mod cassette;
mod clock;
mod compare;
mod explore;
mod files;
mod folder;
mod import;
mod init;
mod judge;
mod known;
mod list;
mod log;
mod new;
mod output;
mod proxy;
mod record;
mod recording;
mod report;
mod rules;
mod run;
mod serve;
mod shell;
mod show;
mod signals;
mod snapshots;
mod synth;

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::diagnostic::Diagnostic;
use crate::proxy::{ProxyError, guard};
use crate::runner::Exit;
use args::{Cli, Command};

/// Why a command ends early: what is said on stderr, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    text: String,
}

impl Failure {
    fn usage(text: impl fmt::Display) -> Self {
        Self { exit: Exit::Usage, text: format!("error: {text}\n") }
    }

    fn load(errors: &[Diagnostic], colour: bool) -> Self {
        let texts: Vec<String> = errors.iter().map(|error| error.render(colour)).collect();
        Self { exit: Exit::Load, text: texts.join("\n") }
    }

    fn proxy(text: impl fmt::Display) -> Self {
        Self { exit: Exit::ProxyDown, text: format!("error: {text}\n") }
    }

    fn interrupted() -> Self {
        Self { exit: Exit::Interrupted, text: "interrupted\n".to_owned() }
    }

    fn file(what: &str, error: impl fmt::Display) -> Self {
        Self { exit: Exit::Load, text: format!("error: {what}: {error}\n") }
    }
}

impl From<ProxyError> for Failure {
    fn from(error: ProxyError) -> Self {
        let exit = if error.is_usage() { Exit::Usage } else { Exit::ProxyDown };
        let mut text = format!("error: {error}\n");
        for line in error.tail() {
            let _ = writeln!(text, "  | {line}");
        }
        Self { exit, text }
    }
}

/// Runs the program and gives its exit code.
pub fn main() -> ExitCode {
    let mut raw = std::env::args_os();
    if raw.nth(1).is_some_and(|first| first == guard::SUBCOMMAND) {
        let arguments: Vec<_> = raw.collect();
        return ExitCode::from(guard::run(&arguments));
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Exit::Usage.code() } else { 0 });
        }
    };
    log::init(cli.quiet, cli.verbose);
    let exit = match dispatch(&cli) {
        Ok(exit) => exit,
        Err(failure) => {
            // Where stderr is closed there is nobody to tell.
            let _ = std::io::stderr().write_all(failure.text.as_bytes());
            failure.exit
        }
    };
    ExitCode::from(exit.code())
}

fn dispatch(cli: &Cli) -> Result<Exit, Failure> {
    match &cli.command {
        Command::Run(args) => run::run(args, cli.quiet, cli.verbose),
        Command::Explore(args) => explore::explore(args, cli.quiet),
        Command::List(args) => list::list(args),
        Command::Lint(args) => list::lint(args),
        Command::Serve(args) => serve::serve(args),
        Command::Record(args) => record::record(args),
        Command::Hold(args) => run::hold(args),
        Command::Review(args) => snapshots::review(args),
        Command::Accept(args) => snapshots::settle(args, true),
        Command::Reject(args) => snapshots::settle(args, false),
        Command::Compare(args) => compare::command(args, cli.quiet),
        Command::Judge(args) => judge::judge(args),
        Command::New(args) => new::new(args),
        Command::Init(args) => init::init(args),
        Command::Synth(args) => synth::synth(args),
        Command::Cassette(command) => cassette::command(command),
        Command::Import(args) => import::import(args),
        Command::Completions { shell } => Ok(shell::completions(*shell)),
        Command::Man { command } => shell::man(command),
        Command::Schema { kind } => show::schema(*kind),
        Command::Show { what, markdown } => show::show(*what, *markdown),
        Command::Explain { id } => show::explain(id),
        Command::Report(command) => report::command(command),
        Command::Rules(command) => rules::command(command),
        Command::Proxy(command) => proxy::command(command),
    }
}

/// Prints to stdout. A closed stdout (`| head`) is no error.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Columns of the terminal that stdout is; 0 where there is none, or it does not say.
fn width() -> usize {
    #[cfg(unix)]
    if let Ok(size) = rustix::termios::tcgetwinsize(std::io::stdout()) {
        return usize::from(size.ws_col);
    }
    0
}

/// An environment variable that is set and not empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether this is a CI system, by the convention of `CI`.
fn is_ci() -> bool {
    variable("CI").is_some_and(|value| value != "false" && value != "0") || variable("TF_BUILD").is_some()
}

/// Runs a future on a runtime of our own.
fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    block_on_with(tokio::runtime::Builder::new_multi_thread(), future)
}

/// The same on one thread: on a busy machine, what one does at once two hand over late.
fn block_on_one<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    block_on_with(tokio::runtime::Builder::new_current_thread(), future)
}

fn block_on_with<T>(mut runtime: tokio::runtime::Builder, future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = runtime
        .enable_all()
        .build()
        .map_err(|error| Failure { exit: Exit::Inconclusive, text: format!("error: no threads: {error}\n") })?;
    let result = runtime.block_on(future);
    // A blocked thread (a read of stdin) must not hold up the end.
    runtime.shutdown_background();
    Ok(result)
}
