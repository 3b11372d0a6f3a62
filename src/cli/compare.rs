//! `crossfade compare`.

use std::path::Path;

use super::args::{CompareArgs, ProxyArgs, RunArgs};
use super::files::{self, Place};
use super::output::write;
use super::run::{prepare, random};
use super::signals::signals;
use super::{Failure, block_on, print, report};
use crate::report::{JsonReport, Report, compare, difference, difference_markdown};
use crate::runner::{self, Event, Exit};

/// Compares two proxies, versions or reports.
pub(super) fn command(args: &CompareArgs, quiet: bool) -> Result<Exit, Failure> {
    let seed = args.seed.unwrap_or_else(random);
    let from = side(args, &args.from, seed, quiet)?;
    let to = side(args, &args.to, seed, quiet)?;
    let comparison = compare(&from, &to);
    let stdout = args.json.as_deref() == Some(Path::new("-"));
    if !stdout {
        print(&difference(&comparison));
    }
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&comparison).map_err(|error| Failure::file("the report", error))?;
        write(path, &(text + "\n"))?;
    }
    if let Some(path) = &args.markdown {
        write(path, &difference_markdown(&comparison))?;
    }
    if comparison.cases == 0 {
        return Ok(Exit::NothingJudged);
    }
    Ok(if comparison.is_worse() { Exit::Failed } else { Exit::AsExpected })
}

/// A report that is there, or the report of a run on a proxy.
fn side(args: &CompareArgs, which: &str, seed: u64, quiet: bool) -> Result<Report, Failure> {
    if Path::new(which).is_file() {
        return report::read(Path::new(which));
    }
    if Path::new(which).extension().is_some_and(|extension| extension == "json") {
        return Err(Failure::file(which, "there is no such report"));
    }
    let place = Place::find()?;
    let chosen = files::choose(&place, &args.select, true)?;
    let proxy = ProxyArgs { proxy: Some(which.to_owned()), ..ProxyArgs::default() };
    let run = RunArgs { select: args.select.clone(), proxy, seed: Some(seed), jobs: args.jobs, ..RunArgs::default() };
    let (mut plan, _, folder) = prepare(&place, &run, chosen, None, false)?;
    // Nothing is accepted and nothing is known: one run is held against the other.
    (plan.snapshots, plan.folder, plan.baseline) = (None, None, crate::baseline::Baseline::default());
    if !quiet {
        eprint(&format!("{}: {} cases\n", plan.line.label(), plan.cases.len()));
    }
    let mut report = JsonReport::new();
    let summary = block_on(async {
        let stop = signals();
        runner::run(&plan, stop, &mut |event: Event| report.take(&event)).await
    })?;
    folder.remove();
    if let Some(why) = &summary.proxy_down {
        return Err(Failure::proxy(format!("{which} could not be used: {why}")));
    }
    if summary.interrupted {
        return Err(Failure::interrupted());
    }
    Ok(report.report().clone())
}

/// Progress goes to stderr; where that is closed there is nobody to tell.
fn eprint(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stderr().write_all(text.as_bytes());
}
