//! The report for people: lines as the run goes, a block for each failure, a table, a summary.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::time::Duration;

use super::sweep::{Sweep, Sweeps, Taken};
use super::{TraceLine, Tracer, failure, summary, trace};
use crate::check::Value;
use crate::runner::{CaseReport, Event, SnapshotReport, SnapshotState};

/// How the report looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether words are coloured. Nothing is said by colour alone.
    pub colour: bool,
    /// Whether a progress line is shown (stderr is a terminal and nobody asked for quiet).
    pub progress: bool,
    /// Whether cases that are as expected get a line too.
    pub every: bool,
    /// Whether each case is told event by event.
    pub trace: Tracing,
    /// Columns of the terminal; 0 where that is not known.
    pub width: usize,
}

/// When a case is told event by event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tracing {
    /// Never.
    #[default]
    Off,
    /// Once it is over.
    Over,
    /// While it runs.
    Live,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Columns where the terminal does not say.
const WIDTH: usize = 100;

/// Writes the report: the result to one stream, progress and notes to the other.
pub struct Human<'w> {
    out: Box<dyn Write + 'w>,
    log: Box<dyn Write + 'w>,
    style: Style,
    total: usize,
    done: usize,
    progress_shown: bool,
    scenarios: Vec<(String, [usize; WORDS.len()])>,
    /// Controls that are known to fail: each launch tries them, one note is enough.
    failed: BTreeSet<String>,
    sweeps: Sweeps,
    /// Tells the case that runs.
    tracer: Option<Tracer>,
}

/// Words of cases in the order of the table's columns.
const WORDS: [&str; 7] = ["pass", "warn", "FAIL", "known", "inconclusive", "skip", "none"];

impl fmt::Debug for Human<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Human").field("style", &self.style).field("done", &self.done).finish_non_exhaustive()
    }
}

impl<'w> Human<'w> {
    /// A report to these streams.
    pub fn new(out: impl Write + 'w, log: impl Write + 'w, style: Style) -> Self {
        let (out, log) = (Box::new(out), Box::new(log));
        Self {
            out,
            log,
            style,
            total: 0,
            done: 0,
            progress_shown: false,
            scenarios: Vec::new(),
            failed: BTreeSet::new(),
            sweeps: Sweeps::default(),
            tracer: None,
        }
    }

    /// Takes the next event. An error is one of the streams'.
    pub fn take(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Started(start) => {
                self.total = start.cases;
                let plural = if start.cases == 1 { "case" } else { "cases" };
                let suite = if start.bundled { "bundled suite on " } else { "on " };
                let how = start.proxy.told();
                let how = if how.is_empty() { how } else { format!(" ({how})") };
                let (proxy, cases) = (start.proxy.label(), start.cases);
                writeln!(
                    self.out,
                    "{suite}{proxy}{how}: {cases} {plural}, seed {:x}, crossfade {VERSION}",
                    start.seed
                )?;
            }
            Event::Launching { number, routes, cases, what } => {
                let what = if what.is_empty() { String::new() } else { format!(" with {what}") };
                self.progress(&format!("launch {number}: {routes} routes for {cases} cases{what}"))?;
            }
            Event::Launched { took, version } => {
                let version = version.as_deref().map(|version| format!(" (version {version})")).unwrap_or_default();
                self.progress(&format!("the proxy is up after {}{version}", seconds(*took)))?;
            }
            Event::Control { what, failed } => match failed {
                Some(why) => {
                    let note = format!("note: control failed: {what}: {why}");
                    if self.failed.insert(note.clone()) {
                        self.note(&note)?;
                    }
                }
                None => self.progress(&format!("control {what}"))?,
            },
            Event::Fewer { sweep, points } => {
                self.total = self.total.saturating_sub(*points);
                self.sweeps.fewer(sweep, *points);
            }
            Event::CaseStarted { case, unique } => {
                self.progress(&case.id())?;
                if self.style.trace == Tracing::Live {
                    self.trace_begins(Tracer::new(case, unique, self.width()))?;
                }
            }
            Event::Seen(moment) => {
                let lines = self.tracer.as_mut().map(|tracer| tracer.take(moment)).unwrap_or_default();
                self.trace(&lines)?;
            }
            Event::CaseDone(report) => self.case(report)?,
            Event::Snapshot(report) => self.snapshot(report)?,
            Event::Note(text) => self.note(&format!("note: {text}"))?,
            Event::ProxyDied { reason, again } => {
                let then = if *again { "; it is started again" } else { "" };
                self.note(&format!("the proxy is gone{then}: {reason}"))?;
            }
            Event::Interrupted => self.note("interrupted: finishing the report")?,
            Event::Finished(done) => {
                self.clear()?;
                for sweep in self.sweeps.rest() {
                    self.sweep(&sweep)?;
                }
                let table = self.table();
                write!(self.out, "{table}")?;
                let text = summary(done);
                let (rest, last) = text.trim_end().rsplit_once('\n').unwrap_or(("", text.trim_end()));
                if !rest.is_empty() {
                    writeln!(self.out, "{rest}")?;
                }
                let word = if done.exit().code() == 0 { "pass" } else { "FAIL" };
                writeln!(self.out, "{}", self.painted(word, last))?;
                self.out.flush()?;
            }
        }
        Ok(())
    }

    fn case(&mut self, report: &CaseReport) -> io::Result<()> {
        self.done += 1;
        let word = report.word();
        let scenario = &report.case.scenario;
        let row = self.scenarios.iter().position(|(name, _)| name == scenario).unwrap_or_else(|| {
            self.scenarios.push((scenario.clone(), [0; WORDS.len()]));
            self.scenarios.len() - 1
        });
        if let Some(column) = WORDS.iter().position(|each| *each == word) {
            self.scenarios[row].1[column] += 1;
        }
        self.trace_of(report)?;
        match self.sweeps.take(report) {
            Taken::Other => {}
            Taken::Point => return Ok(()),
            Taken::Last(sweep) => return self.sweep(&sweep),
        }
        self.clear()?;
        let id = report.case.id();
        match word {
            "FAIL" | "inconclusive" => self.block(report)?,
            "warn" | "known" => {
                writeln!(self.out, "{} {id}", self.painted("warn", word))?;
                for judged in &report.verdicts {
                    let verdict = &judged.verdict;
                    match (&verdict.value, &judged.known) {
                        (Value::Warn, _) => writeln!(self.out, "  {}: {}", verdict.check, verdict.reason)?,
                        (Value::Fail, Some(known)) => {
                            writeln!(self.out, "  {}: fails as known: {known}", verdict.check)?;
                        }
                        _ => {}
                    }
                }
            }
            "pass" if !report.flaky.is_empty() => {
                writeln!(self.out, "{} {id}", self.painted("warn", "flaky"))?;
                for first in &report.flaky {
                    writeln!(self.out, "  {}: `{}` under load only", first.check, first.value.name())?;
                }
            }
            _ if self.style.every && report.plays.differing.is_empty() => {
                let why = report.skipped.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
                let outcomes = report.outcomes.iter().flatten().map(|outcome| format!(" {outcome:?}").to_lowercase());
                let outcomes: String = outcomes.collect();
                writeln!(self.out, "{} {id}{outcomes}{why}", self.painted(word, word))?;
            }
            _ => {}
        }
        // The block of a case that fails has told it.
        if !matches!(word, "FAIL" | "inconclusive") && !report.plays.differing.is_empty() {
            let plays = format!("over {} plays", report.plays.count);
            writeln!(self.out, "{} {id} {plays}", self.painted("warn", "flaky"))?;
            for differing in &report.plays.differing {
                writeln!(self.out, "  {}: {}", differing.check, differing.told())?;
            }
        }
        self.out.flush()
    }

    fn trace_begins(&mut self, tracer: Tracer) -> io::Result<()> {
        let head = tracer.head();
        if self.tracer.replace(tracer).is_some() {
            // The one before has no report yet: it is played again.
            writeln!(self.out)?;
        }
        self.trace(&head)
    }

    /// What is still to be told of a case that is over.
    fn trace_of(&mut self, report: &CaseReport) -> io::Result<()> {
        let lines = match self.style.trace {
            Tracing::Off => Vec::new(),
            Tracing::Live => {
                let tracer = self.tracer.take_if(|tracer| tracer.is_of(report));
                tracer.map(|tracer| tracer.end(report)).unwrap_or_default()
            }
            Tracing::Over => trace(report, self.width()),
        };
        if lines.is_empty() {
            return Ok(());
        }
        self.trace(&lines)?;
        writeln!(self.out)
    }

    fn trace(&mut self, lines: &[TraceLine]) -> io::Result<()> {
        self.clear()?;
        for line in lines {
            let text = line.word.map_or_else(|| line.text.clone(), |word| self.painted(word, &line.text));
            writeln!(self.out, "{text}")?;
        }
        self.out.flush()
    }

    fn width(&self) -> usize {
        if self.style.width == 0 { WIDTH } else { self.style.width }
    }

    fn block(&mut self, report: &CaseReport) -> io::Result<()> {
        let block = failure::block(report);
        let (head, rest) = block.split_once('\n').unwrap_or((block.as_str(), ""));
        write!(self.out, "\n{}\n{rest}", self.painted(report.word(), head))
    }

    /// A block for the smallest point of each way to fail, then the strip.
    fn sweep(&mut self, sweep: &Sweep) -> io::Result<()> {
        self.clear()?;
        for (report, same) in sweep.shown() {
            self.block(report)?;
            if same > 1 {
                writeln!(self.out, "{} more points of this sweep are like this one", same - 1)?;
            }
        }
        let strip = sweep.strip(self.width());
        let (head, rest) = strip.split_once('\n').unwrap_or((strip.as_str(), ""));
        let word = if sweep.smallest().is_some() { "FAIL" } else { "pass" };
        write!(self.out, "\n{}\n{rest}", self.painted(word, head))?;
        self.out.flush()
    }

    fn snapshot(&mut self, report: &SnapshotReport) -> io::Result<()> {
        self.clear()?;
        let path = report.path.display();
        match &report.state {
            SnapshotState::Changed { diff, pending } => {
                let then = if *pending { "; `crossfade review` shows it" } else { "" };
                let head = format!("changed snapshot of {}: {path}{then}", report.scenario);
                writeln!(self.out, "\n{}\n{diff}", self.painted("FAIL", &head))
            }
            SnapshotState::New { required: true, .. } => {
                let head = format!("missing snapshot of {}: {path} (the scenario requires it)", report.scenario);
                writeln!(self.out, "{}", self.painted("FAIL", &head))
            }
            SnapshotState::Written => writeln!(self.out, "wrote snapshot {path}"),
            SnapshotState::New { .. } | SnapshotState::Unchanged => Ok(()),
        }
    }

    /// One row for each scenario.
    fn table(&self) -> String {
        let mut text = String::new();
        let width =
            self.scenarios.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max("scenario".len());
        let used: Vec<usize> =
            (0..WORDS.len()).filter(|column| self.scenarios.iter().any(|(_, counts)| counts[*column] > 0)).collect();
        if self.scenarios.is_empty() {
            return text;
        }
        let _ = write!(text, "\n{:width$}", "scenario");
        for column in &used {
            let _ = write!(text, "  {}", WORDS[*column].to_lowercase());
        }
        text.push('\n');
        for (name, counts) in &self.scenarios {
            let _ = write!(text, "{name:width$}");
            for column in &used {
                let count = if counts[*column] == 0 { "-".to_owned() } else { counts[*column].to_string() };
                let _ = write!(text, "  {count:>wide$}", wide = WORDS[*column].len());
            }
            text.push('\n');
        }
        text.push('\n');
        text
    }

    fn painted(&self, word: &str, text: &str) -> String {
        if !self.style.colour {
            return text.to_owned();
        }
        let code = match word {
            "pass" => "32",
            "FAIL" => "31;1",
            "warn" | "known" | "inconclusive" => "33",
            _ => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    fn note(&mut self, text: &str) -> io::Result<()> {
        self.clear()?;
        writeln!(self.log, "{text}")
    }

    /// Replaces the progress line.
    fn progress(&mut self, text: &str) -> io::Result<()> {
        if !self.style.progress {
            return Ok(());
        }
        let line: String = format!("[{}/{}] {text}", self.done, self.total).chars().take(100).collect();
        write!(self.log, "\r\x1b[2K{line}")?;
        self.progress_shown = true;
        self.log.flush()
    }

    fn clear(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.progress_shown) {
            write!(self.log, "\r\x1b[2K")?;
            self.log.flush()?;
        }
        Ok(())
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
