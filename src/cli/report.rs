//! `crossfade report`, and JSON reports as they are read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::args::{OutputArgs, ReportCommand};
use super::output::write;
use super::{Failure, print};
use crate::check;
use crate::report::{Detail, MergeError, Report, Shown, detail, html, merge};
use crate::runner::Exit;

/// A report is no larger.
const MOST: u64 = 256 << 20;

/// Runs the command.
pub(super) fn command(command: &ReportCommand) -> Result<Exit, Failure> {
    match command {
        ReportCommand::Merge { reports, output } => merged(reports, output),
        ReportCommand::Html { reports, out } => page(reports, out),
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
    let details = if output.html.is_some() { kept(&whole) } else { BTreeMap::new() };
    output.write(&whole, &details)?;
    Ok(exit)
}

/// Writes one page of several reports.
pub(super) fn page(paths: &[PathBuf], out: &Path) -> Result<Exit, Failure> {
    let reports = paths.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let details: Vec<_> = reports.iter().map(kept).collect();
    let runs: Vec<Shown<'_>> =
        reports.iter().zip(&details).map(|(report, details)| Shown { report, details }).collect();
    write(out, &html(&runs))?;
    if out != Path::new("-") {
        print(&format!("{}: {} reports\n", out.display(), reports.len()));
    }
    Ok(Exit::AsExpected)
}

/// What the page shows of the cases whose folders are still there.
fn kept(report: &Report) -> BTreeMap<String, Detail> {
    let of_case = |folder: &String| {
        let history = super::judge::read(&Path::new(folder).join("history.json")).ok()?;
        Some(detail(&history, &check::judge(&history).texts))
    };
    report.cases.iter().filter_map(|case| Some((case.id(), of_case(case.kept.as_ref()?)?))).collect()
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
    serde_json::from_str(&text).map_err(|error| failed(&format!("this is no report that `--json` wrote: {error}")))
}
