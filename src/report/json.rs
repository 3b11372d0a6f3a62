//! The report for programs, format 1. It grows by new keys; a key that is there keeps its meaning.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sweep::{self, Sweeps, Taken};
use crate::baseline::{Baseline, Known, Tally};
use crate::check::{Level, Value, Verdict};
use crate::history::{Continuation, History};
use crate::runner::{CaseReport, Differing, Event, ProxyLine, SnapshotState};
use crate::scenario::{Every, Outcome};
use crate::snapshot;

/// Version of the format.
pub const FORMAT: u32 = 1;

/// The report of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of the format: 1.
    pub format: u32,
    /// Version of Crossfade.
    pub crossfade: String,
    /// The proxy under test.
    pub proxy: Proxy,
    /// Counts.
    pub summary: Summary,
    /// Every selected case, in the order in which they ended. Of a sweep only the smallest point of each set of failing
    /// checks: `sweeps` has the others.
    pub cases: Vec<Case>,
    /// Every sweep.
    pub sweeps: Vec<Sweep>,
    /// Every compared snapshot.
    pub snapshots: Vec<Snapshot>,
}

/// The proxy under test.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proxy {
    /// Name of the profile, or `attached`.
    pub name: String,
    /// Version, where it is known.
    pub version: Option<String>,
    /// Commit of the checkout, where it is known.
    pub commit: Option<String>,
    /// Whether the checkout is not as that commit has it.
    #[serde(default)]
    pub dirty: bool,
    /// How it was got: `in-process`, `installed`, a path, or a URL.
    pub how: String,
}

/// Counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// The exit code.
    pub exit: u8,
    /// Seed of the run's words, in hexadecimal as `--seed` takes it.
    pub seed: String,
    /// Cases by word: `pass`, `warn`, `FAIL`, `known`, `inconclusive`, `skip`, `none`.
    pub cases: BTreeMap<String, usize>,
    /// Verdicts by value.
    pub verdicts: BTreeMap<String, usize>,
    /// Skipped cases by reason.
    pub skips: BTreeMap<String, usize>,
    /// Inconclusive verdicts by reason.
    pub inconclusive: BTreeMap<String, usize>,
    /// Controls that were refused or failed.
    pub controls: BTreeMap<String, usize>,
    /// Entries of the baseline that no longer fail.
    pub stale: Vec<String>,
    /// How each entry of the baseline fared.
    #[serde(default)]
    pub baseline: Vec<Tally>,
    /// Cases that were played several times and had different verdicts.
    #[serde(default)]
    pub flaky: Vec<String>,
    /// How often the proxy died and was started again.
    #[serde(default)]
    pub deaths: usize,
    /// Whether these were the bundled scenarios.
    #[serde(default)]
    pub bundled: bool,
    /// Why the proxy could not be used.
    pub proxy_down: Option<String>,
    /// Whether the run was interrupted.
    pub interrupted: bool,
    /// Starts of the proxy.
    pub launches: usize,
    /// Milliseconds that the run took.
    pub took_ms: u64,
}

/// One case.
#[expect(clippy::struct_field_names, reason = "the format names its keys")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Case {
    /// Scenario.
    pub scenario: String,
    /// Values of `vary`, joined; empty without `vary`.
    pub case: String,
    /// The scenario file.
    pub file: String,
    /// Its line.
    pub line: usize,
    /// The word for the whole case.
    pub word: String,
    /// Why it was not run.
    pub skipped: Option<String>,
    /// How the last step ended for the client.
    pub outcome: Option<Outcome>,
    /// Every verdict.
    pub verdicts: Vec<CaseVerdict>,
    /// Verdicts of a first try under load that differ from those that stand.
    pub flaky: Vec<CaseVerdict>,
    /// How often it was played (`--repeat`). Each check has its worst verdict; all else is of the worst play.
    #[serde(default = "once")]
    pub plays: usize,
    /// Checks whose verdicts differed from play to play.
    #[serde(default)]
    pub differing: Vec<Differing>,
    /// Requests that reached the legs.
    pub requests: Vec<Request>,
    /// The requests in the form of snapshots: what differs from run to run is taken out.
    #[serde(default)]
    pub asked: Option<String>,
    /// The folder with what was kept.
    pub kept: Option<String>,
    /// The command that repeats it.
    pub repeat: String,
    /// Milliseconds that it took.
    #[serde(default)]
    pub took_ms: u64,
}

fn once() -> usize {
    1
}

impl Report {
    /// Addresses of the failures that the baseline does not list, points of sweeps among them.
    pub fn unexpected(&self) -> BTreeSet<String> {
        self.failing(CaseVerdict::unexpected)
    }

    /// Everything that failed, known or not, as a baseline with this reason.
    pub fn failures(&self, reason: &str) -> Baseline {
        let known = |address| Known { address, reason: reason.to_owned(), line: 0 };
        let failing = self.failing(|verdict| verdict.verdict == "fail");
        Baseline { entries: failing.into_iter().map(known).collect() }
    }

    fn failing(&self, counts: impl Fn(&CaseVerdict) -> bool) -> BTreeSet<String> {
        let mut addresses: BTreeSet<String> = self.sweeps.iter().flat_map(Sweep::failures).collect();
        for case in &self.cases {
            let failing = case.verdicts.iter().filter(|verdict| counts(verdict));
            addresses.extend(failing.map(|verdict| format!("{}/{}", case.id(), verdict.check)));
        }
        addresses
    }
}

impl Sweep {
    /// Addresses of what fails at its points.
    fn failures(&self) -> impl Iterator<Item = String> {
        let case =
            self.address.strip_suffix(']').map_or_else(|| format!("{}[", self.address), |case| format!("{case},"));
        let points = |ranges: &[(u64, u64)]| ranges.iter().flat_map(|(from, to)| *from..=*to).collect::<Vec<_>>();
        self.failing.iter().flat_map(move |failing| {
            let address = |at| format!("{case}{}-{at}]/{}", self.every.name(), failing.check);
            points(&failing.ranges).into_iter().map(address).collect::<Vec<_>>()
        })
    }
}

impl Case {
    /// `scenario[case]`, or the scenario alone where nothing varies.
    pub fn id(&self) -> String {
        if self.case.is_empty() { self.scenario.clone() } else { format!("{}[{}]", self.scenario, self.case) }
    }

    /// The verdicts for which the case is `FAIL` or `inconclusive`.
    pub fn telling(&self) -> impl Iterator<Item = &CaseVerdict> {
        self.verdicts.iter().filter(|verdict| verdict.unexpected() || verdict.verdict == "inconclusive")
    }
}

impl CaseVerdict {
    /// Whether it is a failure that the baseline does not list.
    pub fn unexpected(&self) -> bool {
        self.verdict == "fail" && self.known.is_none()
    }
}

impl Proxy {
    /// `name` or `name@version`.
    pub fn label(&self) -> String {
        match &self.version {
            Some(version) => format!("{}@{version}", self.name),
            None => self.name.clone(),
        }
    }

    /// How it was got, with the commit of its checkout.
    pub fn told(&self) -> String {
        let Self { name, version, commit, dirty, how } = self.clone();
        ProxyLine { name, version, commit, dirty, how }.told()
    }
}

/// A sweep: one leg's answer, cut at many points, a case for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sweep {
    /// Address: `scenario[case]` without the point.
    pub address: String,
    /// The leg that was cut.
    pub leg: String,
    /// What is counted: `event` or `byte`.
    pub every: Every,
    /// Points that were run, skipped ones among them.
    pub points: usize,
    /// Points that the answer has, as this proxy asks for it.
    pub of: usize,
    /// Points by the word of their case.
    pub words: BTreeMap<String, usize>,
    /// Verdicts by check and value.
    pub verdicts: BTreeMap<String, BTreeMap<String, usize>>,
    /// Outcomes along the stream, points of the same outcome side by side joined.
    pub outcomes: Vec<SweepRun>,
    /// Where checks fail.
    pub failing: Vec<SweepCheck>,
    /// The smallest point at which a check fails; its case is among `cases`.
    pub smallest: Option<u64>,
}

/// Points side by side with the same outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SweepRun {
    /// First point.
    pub from: u64,
    /// Last point.
    pub to: u64,
    /// How the exchange ended for the client; `null` if that cannot be told.
    pub outcome: Option<Outcome>,
}

/// Where a check fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SweepCheck {
    /// Id of the check.
    pub check: String,
    /// Ranges of points, both ends included.
    pub ranges: Vec<(u64, u64)>,
}

/// One verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseVerdict {
    /// Id of the check.
    pub check: String,
    /// How strictly it binds.
    pub level: Level,
    /// `pass`, `fail`, `warn`, `skip`, `not-exercised` or `inconclusive`.
    pub verdict: String,
    /// Why, in one sentence.
    pub reason: String,
    /// The baseline's reason, where it lists this failure.
    pub known: Option<String>,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
}

/// What a verdict rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// `client`, or `upstream 2`, with the step where there are several.
    pub exchange: String,
    /// Place in what the exchange carried.
    pub path: Option<String>,
    /// What was expected.
    pub expected: Option<String>,
    /// What was there.
    pub got: Option<String>,
}

/// A request that reached a leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    /// Step, from 1.
    pub step: usize,
    /// Leg.
    pub leg: String,
    /// 1 for the first generation call to this leg in this step.
    pub attempt: u32,
    /// Method and path.
    pub target: String,
    /// Status that was answered.
    pub status: u16,
    /// Rule that refused it.
    pub refused: Option<String>,
    /// `none`, `prefill`, `user_message` or `unrecognised`.
    pub continuation: String,
}

/// A compared snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// Scenario.
    pub scenario: String,
    /// The `.snap` file.
    pub path: String,
    /// `unchanged`, `new`, `changed` or `written`.
    pub state: String,
}

/// Collects events into a [`Report`].
#[derive(Debug, Default)]
pub struct JsonReport {
    report: Report,
    sweeps: Sweeps,
}

impl JsonReport {
    /// An empty report.
    pub fn new() -> Self {
        let crossfade = env!("CARGO_PKG_VERSION").to_owned();
        let report = Report { format: FORMAT, crossfade, ..Report::default() };
        Self { report, sweeps: Sweeps::default() }
    }

    /// Takes the next event.
    pub fn take(&mut self, event: &Event) {
        let report = &mut self.report;
        match event {
            Event::Started(start) => report.summary.seed = format!("{:x}", start.seed),
            Event::CaseDone(case) => match self.sweeps.take(case) {
                Taken::Other => report.cases.push(of_case(case)),
                Taken::Point => {}
                Taken::Last(sweep) => of_sweep(report, &sweep),
            },
            Event::Fewer { sweep, points } => self.sweeps.fewer(sweep, *points),
            Event::Snapshot(snapshot) => report.snapshots.push(Snapshot {
                scenario: snapshot.scenario.clone(),
                path: snapshot.path.display().to_string(),
                state: match snapshot.state {
                    SnapshotState::Unchanged => "unchanged",
                    SnapshotState::New { .. } => "new",
                    SnapshotState::Changed { .. } => "changed",
                    SnapshotState::Written => "written",
                }
                .to_owned(),
            }),
            Event::Finished(summary) => {
                for sweep in self.sweeps.rest() {
                    of_sweep(report, &sweep);
                }
                let summary = summary.as_ref().clone();
                let stale = summary.stale().map(|tally| format!("{} ({})", tally.address, tally.reason)).collect();
                report.proxy = Proxy {
                    name: summary.proxy.name.clone(),
                    version: summary.proxy.version.clone(),
                    commit: summary.proxy.commit.clone(),
                    dirty: summary.proxy.dirty,
                    how: summary.proxy.how.clone(),
                };
                report.summary = Summary {
                    exit: summary.exit().code(),
                    seed: std::mem::take(&mut report.summary.seed),
                    cases: summary.cases,
                    verdicts: summary.verdicts,
                    skips: summary.skips,
                    inconclusive: summary.inconclusive,
                    controls: summary.controls,
                    stale,
                    baseline: summary.baseline,
                    flaky: summary.flaky,
                    deaths: summary.deaths,
                    bundled: summary.bundled,
                    proxy_down: summary.proxy_down,
                    interrupted: summary.interrupted,
                    launches: summary.launches,
                    took_ms: summary.took.as_millis() as u64,
                };
            }
            _ => {}
        }
    }

    /// The report so far.
    pub fn report(&self) -> &Report {
        &self.report
    }
}

fn of_sweep(report: &mut Report, sweep: &sweep::Sweep) {
    report.cases.extend(sweep.shown().into_iter().map(|(case, _)| of_case(case)));
    let mut words: BTreeMap<String, usize> = BTreeMap::new();
    for point in sweep.points.values() {
        *words.entry(point.word.to_owned()).or_default() += 1;
    }
    let failing = sweep.failing().into_iter();
    report.sweeps.push(Sweep {
        address: sweep.of.clone(),
        leg: sweep.leg.clone(),
        every: sweep.every,
        points: sweep.points.len(),
        of: sweep.count,
        words,
        verdicts: sweep.verdicts.clone(),
        outcomes: sweep.runs().into_iter().map(|(from, to, outcome)| SweepRun { from, to, outcome }).collect(),
        failing: failing.map(|(check, ranges)| SweepCheck { check: check.to_owned(), ranges }).collect(),
        smallest: sweep.smallest().and_then(|case| case.case.sweep.as_ref()).map(|point| point.at),
    });
}

fn of_case(report: &CaseReport) -> Case {
    let case = &report.case;
    Case {
        scenario: case.scenario.clone(),
        case: case.name.clone(),
        file: case.file.clone(),
        line: case.line,
        word: report.word().to_owned(),
        skipped: report.skipped.clone(),
        outcome: report.outcomes.last().copied().flatten(),
        verdicts: report.verdicts.iter().map(|judged| of_verdict(&judged.verdict, judged.known.clone())).collect(),
        plays: report.plays.count,
        differing: report.plays.differing.clone(),
        flaky: report.flaky.iter().map(|verdict| of_verdict(verdict, None)).collect(),
        requests: report.history.as_deref().map(requests).unwrap_or_default(),
        asked: report.history.as_deref().map(|history| snapshot::render(&[(case.id(), history)])),
        kept: report.kept.as_ref().map(|kept| kept.display().to_string()),
        repeat: report.repeat.clone(),
        took_ms: report.took.as_millis() as u64,
    }
}

fn of_verdict(verdict: &Verdict, known: Option<String>) -> CaseVerdict {
    let reason = match &verdict.value {
        Value::Skip(reason) | Value::Inconclusive(reason) if verdict.reason.is_empty() => reason.clone(),
        _ => verdict.reason.clone(),
    };
    let evidence = verdict.evidence.iter().map(|each| Evidence {
        exchange: each.exchange.clone(),
        path: each.path.clone(),
        expected: each.expected.clone(),
        got: each.got.clone(),
    });
    CaseVerdict {
        check: verdict.check.clone(),
        level: verdict.level,
        verdict: verdict.value.name().to_owned(),
        reason,
        known,
        evidence: evidence.collect(),
    }
}

fn requests(history: &History) -> Vec<Request> {
    let steps = history.steps.iter().enumerate();
    let requests = steps.flat_map(|(step, history)| history.upstream.iter().map(move |upstream| (step, upstream)));
    requests
        .filter(|(_, upstream)| !upstream.side_call)
        .map(|(step, upstream)| Request {
            step: step + 1,
            leg: upstream.leg.clone(),
            attempt: upstream.attempt,
            target: format!("{} {}", upstream.request.method, upstream.request.target),
            status: upstream.status,
            refused: upstream.refused.as_ref().map(|refusal| refusal.rule.clone()),
            continuation: match upstream.continuation {
                Continuation::None => "none",
                Continuation::Prefill { .. } => "prefill",
                Continuation::UserMessage { .. } => "user_message",
                Continuation::Unrecognised { .. } => "unrecognised",
            }
            .to_owned(),
        })
        .collect()
}
