//! `crossfade report`, and JSON reports as they are read.

use std::path::{Path, PathBuf};

use super::args::{OutputArgs, ReportCommand};
use super::{Failure, print};
use crate::report::{MergeError, Report, merge};
use crate::runner::Exit;

/// A report is no larger.
const MOST: u64 = 256 << 20;

/// Runs the command.
pub(super) fn command(command: &ReportCommand) -> Result<Exit, Failure> {
    match command {
        ReportCommand::Merge { reports, output } => merged(reports, output),
    }
}

fn merged(paths: &[PathBuf], output: &OutputArgs) -> Result<Exit, Failure> {
    output.check()?;
    let reports = paths.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let whole = merge(reports).map_err(|error| match error {
        MergeError::Format(_) => Failure::file("a report", error),
        _ => Failure::usage(error),
    })?;
    let exit = Exit::of_code(whole.summary.exit).unwrap_or(Exit::Inconclusive);
    if !output.takes_stdout() {
        let cases = whole.summary.cases.iter().map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>();
        print(&format!(
            "{} reports on {}: {} cases: {}; exit {} ({})\n",
            paths.len(),
            whole.proxy.label(),
            whole.summary.cases.values().sum::<usize>(),
            cases.join(", "),
            exit.code(),
            exit.meaning()
        ));
    }
    output.write(&whole)?;
    Ok(exit)
}

/// Reads a JSON report.
pub(super) fn read(path: &Path) -> Result<Report, Failure> {
    let name = path.display().to_string();
    let failed = |error: &dyn std::fmt::Display| Failure::file(&name, error);
    let size = std::fs::metadata(path).map_err(|error| failed(&error))?.len();
    if size > MOST {
        return Err(failed(&format!("it is larger than a report may be ({} MiB)", MOST >> 20)));
    }
    let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
    serde_json::from_str(&text)
        .map_err(|error| failed(&format!("this is no report that `--json` wrote: {error}")))
}
