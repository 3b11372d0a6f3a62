//! `crossfade completions` and `crossfade man`: what a shell and its user want to know of the command line.

use clap::CommandFactory as _;

use super::args::Cli;
use super::{Failure, print};
use crate::runner::Exit;

/// The name under which shells know the program.
const NAME: &str = "crossfade";

/// What the pages of the manual say that they are of.
const VERSION: &str = concat!("crossfade ", env!("CARGO_PKG_VERSION"));

/// Prints the completions of a shell.
pub(super) fn completions(shell: clap_complete::Shell) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
    print(&String::from_utf8_lossy(&script));
    Exit::AsExpected
}

/// Prints a page of the manual.
pub(super) fn man(path: &[String]) -> Result<Exit, Failure> {
    let page = page(path).map_err(Failure::usage)?;
    print(&page);
    Ok(Exit::AsExpected)
}

fn page(path: &[String]) -> Result<String, String> {
    let mut command = Cli::command();
    command.build();
    for name in path {
        let of = command.get_display_name().unwrap_or(NAME).replace('-', " ");
        let below = command.find_subcommand(name).cloned();
        command = below.ok_or_else(|| format!("there is no command `{of} {name}`; `crossfade --help` lists them"))?;
    }
    let title = command.get_display_name().unwrap_or(NAME).to_owned();
    let mut page = Vec::new();
    // A vector takes all that is written.
    let _ = clap_mangen::Man::new(command).title(title).source(VERSION).manual("Crossfade").render(&mut page);
    Ok(String::from_utf8_lossy(&page).into_owned())
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_completes_commands_options_and_values() {
        for shell in clap_complete::Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), NAME, &mut script);
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("explore") && script.contains("repeat"), "{shell}");
        }
        let mut script = Vec::new();
        clap_complete::generate(clap_complete::Shell::Bash, &mut Cli::command(), NAME, &mut script);
        let script = String::from_utf8(script).unwrap();
        for value in ["anthropic-messages", "text-doubled", "fallback.accepted", "error_event", "parallel-tools"] {
            assert!(script.contains(value), "{value}");
        }
    }

    #[test]
    fn every_command_has_a_page() {
        let mut cli = Cli::command();
        cli.build();
        for command in cli.get_subcommands().filter(|command| command.get_name() != "help") {
            let own = page(&[command.get_name().to_owned()]).unwrap();
            assert!(own.contains(".SH SYNOPSIS") && own.contains(VERSION), "{own}");
            for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
                page(&[command.get_name().to_owned(), below.get_name().to_owned()]).unwrap();
            }
        }
        assert!(page(&[]).unwrap().contains("130"), "exit codes are told");
        let error = page(&["rules".to_owned(), "tri".to_owned()]).unwrap_err();
        assert_eq!(error, "there is no command `crossfade rules tri`; `crossfade --help` lists them");
    }
}
