//! What is known to fail: the baseline, and the failures of an earlier report.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::args::RunArgs;
use super::files::Place;
use super::{Failure, print, report};
use crate::baseline::{self, Baseline};
use crate::report::Report;
use crate::runner::Exit;

/// What is known to fail, and where it stands.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) baseline: Baseline,
    file: Option<PathBuf>,
}

impl Known {
    /// The baseline of the command line or of `crossfade.yaml`, with the failures of `--new-only`; `all` are the ids of
    /// the cases that there are.
    pub(super) fn load(place: &Place, args: &RunArgs, all: &[String]) -> Result<Self, Failure> {
        let file = args.baseline.clone().or_else(|| place.config.baseline.clone());
        let mut baseline = match &file {
            // `--update-baseline` makes it.
            Some(path) if args.update_baseline && !path.exists() => Baseline::default(),
            Some(path) => Baseline::load_for(path, all).map_err(|error| Failure::load(&[error], false))?,
            None if args.update_baseline => {
                return Err(Failure::usage("which baseline? give `--baseline FILE`, or `baseline:` in crossfade.yaml"));
            }
            None => args.known.clone().unwrap_or_default(),
        };
        if let Some(path) = &args.new_only {
            baseline.extend(report::read(path)?.failures(&format!("it failed in {}, too", path.display())));
        }
        Ok(Self { baseline, file })
    }

    /// Writes the baseline anew. The run is then as expected, unless something failed that no baseline lists.
    pub(super) fn update(&self, report: &Report, quiet: bool) -> Result<Exit, Failure> {
        let exit = Exit::of_code(report.summary.exit).unwrap_or(Exit::Inconclusive);
        let Some(path) = &self.file else { return Ok(exit) };
        let name = path.display().to_string();
        if matches!(exit, Exit::ProxyDown | Exit::Interrupted) {
            log::warn!("{name} is left as it was: the run is not whole");
            return Ok(exit);
        }
        let text = if path.exists() { std::fs::read_to_string(path) } else { Ok(String::new()) };
        let text = text.map_err(|error| Failure::file(&name, error))?;
        let stale = report.summary.baseline.iter().filter(|tally| tally.is_stale());
        let stale: BTreeSet<String> = stale.map(|tally| tally.address.clone()).collect();
        let failed = report.unexpected();
        let reason = format!("not looked into yet; fails with {}", report.proxy.label());
        let updated =
            baseline::update(&name, &text, &stale, &failed, &reason).map_err(|error| Failure::load(&[error], false))?;
        std::fs::write(path, &updated.text).map_err(|error| Failure::file(&name, error))?;
        let snapshots = report.snapshots.iter().any(|snapshot| snapshot.state == "changed");
        let now = if exit == Exit::Failed && !snapshots { Exit::AsExpected } else { exit };
        if !quiet {
            let (added, removed) = (updated.added, updated.removed);
            // The run has told another.
            let code = if now == exit { String::new() } else { format!("; exit {}", now.code()) };
            print(&format!("{name}: {added} added, {removed} removed; each entry wants its reason{code}\n"));
        }
        Ok(now)
    }
}
