//! Reports that go to files, and what a CI system is told.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use super::args::OutputArgs;
use super::{Failure, print, variable};
use crate::report::{Detail, Report, Shown, github, html, junit, markdown};

impl OutputArgs {
    /// Whether the report for programs takes stdout.
    pub(super) fn takes_stdout(&self) -> bool {
        self.json.as_deref() == Some(Path::new("-"))
    }

    /// Opens every file that will be written: nobody wants to learn after the run that its report went nowhere.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let files = [&self.json, &self.html, &self.junit, &self.markdown].into_iter().flatten();
        for path in files.filter(|path| *path != Path::new("-")) {
            let open = OpenOptions::new().append(true).create(true).open(path);
            open.map_err(|error| Failure::usage(format!("cannot write the report to {}: {error}", path.display())))?;
        }
        Ok(())
    }

    /// Writes what was asked for; `details` are what the page shows of cases, by id.
    pub(super) fn write(&self, report: &Report, details: &BTreeMap<String, Detail>) -> Result<(), Failure> {
        if let Some(path) = &self.json {
            let text = serde_json::to_string_pretty(report).map_err(|error| Failure::file("the report", error))?;
            write(path, &(text + "\n"))?;
        }
        if let Some(path) = &self.html {
            write(path, &html(&[Shown { report, details }]))?;
        }
        if let Some(path) = &self.junit {
            write(path, &junit(report))?;
        }
        if let Some(path) = &self.markdown {
            write(path, &markdown(report))?;
        }
        if variable("GITHUB_ACTIONS").as_deref() == Some("true") {
            self.tell_github(report);
        }
        Ok(())
    }

    /// Annotations, and the job summary. That they cannot be written fails no run.
    fn tell_github(&self, report: &Report) {
        let annotations = github(report);
        if self.takes_stdout() {
            // The runner reads commands from both.
            let _ = std::io::stderr().write_all(annotations.as_bytes());
        } else {
            print(&annotations);
        }
        let Some(path) = variable("GITHUB_STEP_SUMMARY") else { return };
        let written = OpenOptions::new().append(true).create(true).open(&path);
        if let Err(error) = written.and_then(|mut file| file.write_all(markdown(report).as_bytes())) {
            log::warn!("no job summary in {path}: {error}");
        }
    }
}

/// Writes a report; `-` is stdout.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if path == Path::new("-") {
        print(text);
        return Ok(());
    }
    std::fs::write(path, text).map_err(|error| Failure::file(&path.display().to_string(), error))
}
