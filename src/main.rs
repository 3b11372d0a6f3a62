//! Entry.

use std::ffi::OsString;
use std::process::ExitCode;

use crossfade::proxy::guard;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    // The guard of a proxy is this program too; it must stay small, and start before any thread does.
    if arguments.first().is_some_and(|first| first == guard::SUBCOMMAND) {
        return ExitCode::from(guard::run(&arguments[1..]));
    }
    ExitCode::SUCCESS
}
