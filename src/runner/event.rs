//! What the runner tells while it runs. Reports consume these events and nothing else.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Exit, Plays};
use crate::baseline::Tally;
use crate::check::{CATALOGUE, CheckInfo, Run, Value, Verdict};
use crate::diagnostic::SourceFile;
use crate::history::{History, Moment};
use crate::scenario::{Case, Outcome};

/// Something that happened in a run, in order.
#[derive(Clone, Debug)]
pub enum Event {
    /// The run begins. Always the first event.
    Started(Start),
    /// The proxy is being started.
    Launching {
        /// 1 for the first start of the run.
        number: usize,
        /// Routes that it is configured with, those of controls among them.
        routes: usize,
        /// Cases that run on this start.
        cases: usize,
        /// Settings and overlay in one line; empty for none.
        what: String,
    },
    /// The proxy is up.
    Launched {
        /// How long that took.
        took: Duration,
        /// Version, where it told.
        version: Option<String>,
    },
    /// A control went through, was refused or failed.
    Control {
        /// Target, API of the client and API of the leg, in one line.
        what: String,
        /// What went wrong; `None` if nothing did.
        failed: Option<String>,
    },
    /// A sweep has fewer points on this proxy: the others lie past the end of the answer as it asks for it.
    Fewer {
        /// Address of the sweep.
        sweep: String,
        /// How many points are left out.
        points: usize,
    },
    /// A case begins.
    CaseStarted {
        /// The case.
        case: Arc<Case>,
        /// Its unique word.
        unique: String,
    },
    /// Something happened in the case that runs: where one runs at a time, and the plan says that somebody watches.
    Seen(Box<Moment>),
    /// A case is over, or was skipped.
    CaseDone(Box<CaseReport>),
    /// A snapshot was compared.
    Snapshot(SnapshotReport),
    /// Something that a reader should know and no verdict says.
    Note(String),
    /// The proxy died, or hung, while it was needed.
    ProxyDied {
        /// What it was about, with the end of its log.
        reason: String,
        /// Whether it is started again.
        again: bool,
    },
    /// Interrupted: what was done so far is reported.
    Interrupted,
    /// The run is over. Always the last event.
    Finished(Box<Summary>),
}

/// The beginning of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Number of selected cases.
    pub cases: usize,
    /// Whether these are the bundled scenarios.
    pub bundled: bool,
    /// The proxy.
    pub proxy: ProxyLine,
    /// Seed of every word and key of the run.
    pub seed: u64,
}

/// The proxy under test, as far as reports name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyLine {
    /// Name of the profile, or `attached`.
    pub name: String,
    /// Version, where it is known.
    pub version: Option<String>,
    /// Commit of the checkout, where it is known.
    pub commit: Option<String>,
    /// Whether the checkout is not as that commit has it.
    pub dirty: bool,
    /// `in-process`, `installed`, `path`, `bin` or `attached`, with the place.
    pub how: String,
}

impl ProxyLine {
    /// `name` or `name@version`.
    pub fn label(&self) -> String {
        match &self.version {
            Some(version) => format!("{}@{version}", self.name),
            None => self.name.clone(),
        }
    }

    /// How it was got, with the commit of its checkout.
    pub fn told(&self) -> String {
        let dirty = if self.dirty { " with changes" } else { "" };
        let commit = self.commit.as_ref().map(|id| format!("commit {}{dirty}", id.get(..12).unwrap_or(id)));
        [Some(self.how.clone()).filter(|how| !how.is_empty()), commit]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// How a case went.
#[derive(Clone, Debug)]
pub struct CaseReport {
    /// The case.
    pub case: Arc<Case>,
    /// Why it was not run.
    pub skipped: Option<String>,
    /// How the client's exchange of each step ended; `None` where the harness cannot tell.
    pub outcomes: Vec<Option<Outcome>>,
    /// Per step, the client's text with the legs that spoke it.
    pub texts: Vec<Vec<Run>>,
    /// Every verdict.
    pub verdicts: Vec<Judged>,
    /// Verdicts of the first try, under load, where they differ from those that stand.
    pub flaky: Vec<Verdict>,
    /// How often it was played, and what differed.
    pub plays: Plays,
    /// Everything that was seen; `None` for a skipped case.
    pub history: Option<Arc<History>>,
    /// The folder with what was kept.
    pub kept: Option<PathBuf>,
    /// The command that repeats it.
    pub repeat: String,
    /// The scenario's file, where it could be read.
    pub source: Option<SourceFile>,
    /// How long it took.
    pub took: Duration,
}

impl CaseReport {
    /// A case that is not run: every check is skipped for this reason.
    pub fn skipped(case: Arc<Case>, reason: String, repeat: String) -> Self {
        let skip = |info: &CheckInfo| Verdict {
            check: info.id.to_owned(),
            level: info.level,
            value: Value::Skip(reason.clone()),
            reason: reason.clone(),
            evidence: Vec::new(),
        };
        let verdicts = CATALOGUE.iter().map(|info| Judged { verdict: skip(info), known: None }).collect();
        Self {
            case,
            skipped: Some(reason),
            outcomes: Vec::new(),
            texts: Vec::new(),
            verdicts,
            flaky: Vec::new(),
            plays: Plays::default(),
            history: None,
            kept: None,
            repeat,
            source: None,
            took: Duration::ZERO,
        }
    }

    /// Whether a verdict failed and the baseline does not list it.
    pub fn failed(&self) -> bool {
        self.verdicts.iter().any(Judged::unexpected)
    }

    /// The checks that failed and that the baseline does not list, sorted.
    pub fn failing(&self) -> Vec<String> {
        let failing = self.verdicts.iter().filter(|judged| judged.unexpected());
        let mut failing: Vec<String> = failing.map(|judged| judged.verdict.check.clone()).collect();
        failing.sort();
        failing
    }

    /// Whether the harness could not tell.
    pub fn inconclusive(&self) -> bool {
        self.verdicts.iter().any(|judged| matches!(judged.verdict.value, Value::Inconclusive(_)))
    }

    /// The word for the whole case: `skip`, `FAIL`, `inconclusive`, `known`, `warn` or `pass`.
    pub fn word(&self) -> &'static str {
        let has = |name: &str| self.verdicts.iter().any(|judged| judged.verdict.value.name() == name);
        if self.skipped.is_some() {
            "skip"
        } else if self.failed() {
            "FAIL"
        } else if self.inconclusive() {
            "inconclusive"
        } else if has("fail") {
            "known"
        } else if has("warn") {
            "warn"
        } else if has("pass") {
            "pass"
        } else {
            "none"
        }
    }
}

/// A verdict, and whether it was to be expected. Under `--strict` warnings have become failures already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// The baseline's reason for a failure that it lists.
    pub known: Option<String>,
}

impl Judged {
    /// Whether this is a failure that the baseline does not list.
    pub fn unexpected(&self) -> bool {
        self.verdict.value == Value::Fail && self.known.is_none()
    }
}

/// How a snapshot compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotReport {
    /// Scenario.
    pub scenario: String,
    /// The `.snap` file.
    pub path: PathBuf,
    /// What came out.
    pub state: SnapshotState,
}

/// The state of a snapshot: no verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotState {
    /// As accepted.
    Unchanged,
    /// There is none yet.
    New {
        /// A pending file was written for review.
        pending: bool,
        /// The scenario says `snapshot: required`.
        required: bool,
    },
    /// Not as accepted.
    Changed {
        /// The difference.
        diff: String,
        /// A pending file was written for review.
        pending: bool,
    },
    /// Written as the mode asked.
    Written,
}

impl SnapshotState {
    /// Whether the run fails by it.
    pub fn fails(&self) -> bool {
        matches!(self, Self::Changed { .. } | Self::New { required: true, .. })
    }
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Cases by their [word](CaseReport::word).
    pub cases: BTreeMap<String, usize>,
    /// Verdicts by value.
    pub verdicts: BTreeMap<String, usize>,
    /// Skipped cases by reason.
    pub skips: BTreeMap<String, usize>,
    /// Inconclusive verdicts by reason.
    pub inconclusive: BTreeMap<String, usize>,
    /// Checks that a scenario names and that were left out in a case of it, with the reason.
    pub unjudged: BTreeMap<String, usize>,
    /// Checks that scenarios name (`scenario/check`), and whether one was judged in any case of its scenario.
    pub named: BTreeMap<String, bool>,
    /// Controls that were refused or failed, by status and text.
    pub controls: BTreeMap<String, usize>,
    /// How each entry of the baseline fared.
    pub baseline: Vec<Tally>,
    /// Snapshots by state.
    pub snapshots: BTreeMap<String, usize>,
    /// Cases that were played several times and had different verdicts.
    pub flaky: Vec<String>,
    /// Requests that fitted no running case.
    pub strays: usize,
    /// Points of sweeps that were run.
    pub swept: usize,
    /// Starts of the proxy.
    pub launches: usize,
    /// How often the proxy died and was started again. A run with a death is never green.
    pub deaths: usize,
    /// Why the proxy could not be used.
    pub proxy_down: Option<String>,
    /// Whether the run was interrupted.
    pub interrupted: bool,
    /// Whether these were the bundled scenarios.
    pub bundled: bool,
    /// The proxy.
    pub proxy: ProxyLine,
    /// How long the run took.
    pub took: Duration,
}

impl Summary {
    /// Counts a finished case.
    pub fn count(&mut self, report: &CaseReport) {
        *self.cases.entry(report.word().to_owned()).or_default() += 1;
        if !report.plays.differing.is_empty() {
            self.flaky.push(report.case.id());
        }
        self.swept += usize::from(report.case.sweep.is_some() && report.skipped.is_none());
        if let Some(reason) = &report.skipped {
            *self.skips.entry(reason.clone()).or_default() += 1;
        }
        for judged in &report.verdicts {
            *self.verdicts.entry(judged.verdict.value.name().to_owned()).or_default() += 1;
            if let Value::Inconclusive(reason) = &judged.verdict.value {
                *self.inconclusive.entry(reason.clone()).or_default() += 1;
            }
            if report.skipped.is_none() && report.case.checks.contains(&judged.verdict.check) {
                self.named(&report.case.scenario, &judged.verdict);
            }
        }
        self.strays += report.history.as_ref().map_or(0, |history| history.strays.len());
    }

    fn named(&mut self, scenario: &str, verdict: &Verdict) {
        let judged = self.named.entry(format!("{scenario}/{}", verdict.check)).or_default();
        match &verdict.value {
            Value::Skip(reason) => {
                // The reason is told, once is enough.
                *judged = true;
                *self.unjudged.entry(format!("{}: {reason}", verdict.check)).or_default() += 1;
            }
            Value::NotExercised => {}
            Value::Pass | Value::Warn | Value::Fail | Value::Inconclusive(_) => *judged = true,
        }
    }

    /// Entries of the baseline that no longer fail.
    pub fn stale(&self) -> impl Iterator<Item = &Tally> {
        self.baseline.iter().filter(|tally| tally.is_stale())
    }

    /// Counts a compared snapshot.
    pub fn count_snapshot(&mut self, report: &SnapshotReport) {
        let word = match &report.state {
            SnapshotState::Unchanged => "unchanged",
            SnapshotState::New { required: false, .. } => "new",
            SnapshotState::New { required: true, .. } => "missing",
            SnapshotState::Changed { .. } => "changed",
            SnapshotState::Written => "written",
        };
        *self.snapshots.entry(word.to_owned()).or_default() += 1;
    }

    /// The exit code that this comes to.
    pub fn exit(&self) -> Exit {
        let any = |map: &BTreeMap<String, usize>, keys: &[&str]| keys.iter().any(|key| map.contains_key(*key));
        let mut exit = Exit::AsExpected;
        if !any(&self.verdicts, &["pass", "fail", "warn"]) {
            exit = exit.and(Exit::NothingJudged);
        }
        if any(&self.verdicts, &["inconclusive"]) || self.deaths > 0 {
            exit = exit.and(Exit::Inconclusive);
        }
        if any(&self.cases, &["FAIL"]) || any(&self.snapshots, &["changed", "missing"]) || self.stale().next().is_some()
        {
            exit = exit.and(Exit::Failed);
        }
        if self.proxy_down.is_some() {
            exit = exit.and(Exit::ProxyDown);
        }
        if self.interrupted {
            exit = exit.and(Exit::Interrupted);
        }
        exit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Level;
    use crate::runner::testing::case;

    fn report(values: &[(Value, Option<&str>)]) -> CaseReport {
        let mut report = CaseReport::skipped(Arc::new(case("x", "a")), String::new(), String::new());
        report.skipped = None;
        report.verdicts = values
            .iter()
            .map(|(value, known)| Judged {
                verdict: Verdict {
                    check: "route.reached".to_owned(),
                    level: Level::Must,
                    value: value.clone(),
                    reason: String::new(),
                    evidence: Vec::new(),
                },
                known: known.map(str::to_owned),
            })
            .collect();
        report
    }

    #[track_caller]
    fn check(reports: &[CaseReport], change: impl FnOnce(&mut Summary), expect: Exit) {
        let mut summary = Summary::default();
        for report in reports {
            summary.count(report);
        }
        change(&mut summary);
        assert_eq!(summary.exit(), expect);
    }

    #[test]
    fn exit_codes() {
        let pass = || report(&[(Value::Pass, None)]);
        let fail = || report(&[(Value::Pass, None), (Value::Fail, None)]);
        let known = || report(&[(Value::Fail, Some("filed"))]);
        let unsure = || report(&[(Value::Pass, None), (Value::Inconclusive("load".to_owned()), None)]);
        let idle = || report(&[(Value::NotExercised, None)]);
        let stale = || Tally {
            address: "x[a]/c".to_owned(),
            reason: "filed".to_owned(),
            covers: 1,
            failed: 0,
            held: 1,
            skipped: 0,
            gone: false,
        };
        let skip = || CaseReport::skipped(Arc::new(case("x", "a")), "cannot".to_owned(), String::new());
        check(&[], |_| (), Exit::NothingJudged);
        check(&[skip(), idle()], |_| (), Exit::NothingJudged);
        check(&[pass(), skip()], |_| (), Exit::AsExpected);
        check(&[pass(), fail()], |_| (), Exit::Failed);
        check(&[known()], |_| (), Exit::AsExpected);
        check(&[pass(), unsure()], |_| (), Exit::Inconclusive);
        check(&[fail(), unsure()], |_| (), Exit::Failed);
        check(&[pass()], |summary| summary.baseline.push(stale()), Exit::Failed);
        check(&[fail()], |summary| summary.proxy_down = Some("died".to_owned()), Exit::ProxyDown);
        check(&[], |summary| summary.proxy_down = Some("died".to_owned()), Exit::ProxyDown);
        check(&[pass()], |summary| summary.deaths = 1, Exit::Inconclusive);
        check(&[fail()], |summary| summary.interrupted = true, Exit::Interrupted);
    }

    #[test]
    fn words() {
        let check = |values: &[(Value, Option<&str>)], expect: &str| assert_eq!(report(values).word(), expect);
        check(&[], "none");
        check(&[(Value::Pass, None), (Value::NotExercised, None)], "pass");
        check(&[(Value::Warn, None), (Value::Pass, None)], "warn");
        check(&[(Value::Fail, Some("filed")), (Value::Warn, None)], "known");
        check(&[(Value::Inconclusive("x".into()), None), (Value::Pass, None)], "inconclusive");
        check(&[(Value::Inconclusive("x".into()), None), (Value::Fail, None)], "FAIL");
    }
}
