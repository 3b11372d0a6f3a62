//! Sweeps: thousands of cuts of one answer, told as one line of outcomes along the stream.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::check::Value;
use crate::history::{UpstreamEnd, UpstreamExchange};
use crate::runner::CaseReport;
use crate::scenario::{Every, Outcome, SweepPoint};

/// Checks with their failing points that are listed; ranges of each.
const MOST_CHECKS: usize = 12;
const MOST_RANGES: usize = 8;
/// The name of a line of the strip.
const LABEL: usize = 9;

/// Sweeps as far as they have been told, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Sweeps {
    open: Vec<Sweep>,
    /// Points that lie past the end, by sweep.
    fewer: BTreeMap<String, usize>,
}

/// What a case was to the sweeps.
#[derive(Debug)]
pub(super) enum Taken {
    /// No point of a sweep.
    Other,
    /// One of many.
    Point,
    /// The last one of this sweep.
    Last(Box<Sweep>),
}

/// One sweep.
#[derive(Debug)]
pub(super) struct Sweep {
    pub(super) of: String,
    pub(super) leg: String,
    pub(super) every: Every,
    /// Points that it has.
    pub(super) count: usize,
    /// Points that were told.
    pub(super) points: BTreeMap<u64, Point>,
    /// Verdicts by check and value.
    pub(super) verdicts: BTreeMap<String, BTreeMap<String, usize>>,
    /// The smallest point of each set of failing checks, and of those that could not be judged.
    shown: BTreeMap<Vec<String>, CaseReport>,
}

/// What came of one point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Point {
    /// How the client's exchange ended; `None` if that cannot be told.
    pub(super) outcome: Option<Outcome>,
    /// The word for the case.
    pub(super) word: &'static str,
    /// How far the leg got.
    stage: char,
    /// The checks that failed.
    pub(super) failing: Vec<String>,
    /// The checks that warned.
    warned: Vec<String>,
}

impl Sweeps {
    /// A sweep has fewer points than its scenario says.
    pub(super) fn fewer(&mut self, sweep: &str, points: usize) {
        *self.fewer.entry(sweep.to_owned()).or_default() += points;
    }

    /// Takes a case, unless it is no point of a sweep. The sweep is given back with its last point.
    pub(super) fn take(&mut self, report: &CaseReport) -> Taken {
        let Some(at) = &report.case.sweep else { return Taken::Other };
        let fewer = self.fewer.get(&at.of).copied().unwrap_or(0);
        let open = &mut self.open;
        let index = open.iter().position(|sweep| sweep.of == at.of).unwrap_or_else(|| {
            open.push(Sweep::new(at, fewer));
            open.len() - 1
        });
        open[index].take(at, report);
        let whole = open[index].points.len() == open[index].count;
        if whole { Taken::Last(Box::new(open.remove(index))) } else { Taken::Point }
    }

    /// What was told of sweeps that have more points: the run chose some, or was interrupted.
    pub(super) fn rest(&mut self) -> Vec<Sweep> {
        std::mem::take(&mut self.open)
    }
}

impl Sweep {
    fn new(point: &SweepPoint, fewer: usize) -> Self {
        Self {
            of: point.of.clone(),
            leg: point.leg.clone(),
            every: point.every,
            count: point.points.saturating_sub(fewer),
            points: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            shown: BTreeMap::new(),
        }
    }

    fn take(&mut self, at: &SweepPoint, report: &CaseReport) {
        let failing = report.failing();
        let word = report.word();
        if !failing.is_empty() || report.inconclusive() {
            let smaller = |known: &CaseReport| known.case.sweep.as_ref().is_some_and(|known| known.at < at.at);
            if !self.shown.get(&failing).is_some_and(smaller) {
                self.shown.insert(failing.clone(), report.clone());
            }
        }
        for verdict in report.verdicts.iter().map(|judged| &judged.verdict) {
            let counts = self.verdicts.entry(verdict.check.clone()).or_default();
            *counts.entry(verdict.value.name().to_owned()).or_default() += 1;
        }
        let outcome = report.outcomes.last().copied().flatten();
        let warned = report.verdicts.iter().filter(|judged| judged.verdict.value == Value::Warn);
        let warned = warned.map(|judged| judged.verdict.check.clone()).collect();
        self.points.insert(at.at, Point { outcome, word, stage: stage(report, &at.leg), failing, warned });
    }

    /// The smallest failing point of each set of checks, smallest first, with how many fail in the same way.
    pub(super) fn shown(&self) -> Vec<(&CaseReport, usize)> {
        let same = |failing: &Vec<String>| {
            let alike =
                |point: &&Point| point.failing == *failing && (!failing.is_empty() || point.word == "inconclusive");
            self.points.values().filter(alike).count()
        };
        let mut shown: Vec<_> = self.shown.iter().map(|(failing, report)| (report, same(failing))).collect();
        // Those that could not be judged come behind those that fail.
        shown.sort_by_key(|(report, _)| (!report.failed(), report.case.sweep.as_ref().map(|point| point.at)));
        shown
    }

    /// The smallest point at which a check fails.
    pub(super) fn smallest(&self) -> Option<&CaseReport> {
        self.shown().first().map(|(report, _)| *report).filter(|report| report.failed())
    }

    /// Points with the same outcome side by side: from, to, outcome; skipped points have none and are left out.
    pub(super) fn runs(&self) -> Vec<(u64, u64, Option<Outcome>)> {
        let mut runs: Vec<(u64, u64, Option<Outcome>)> = Vec::new();
        let mut beside = false;
        for (&at, point) in &self.points {
            if point.word == "skip" {
                beside = false;
                continue;
            }
            match runs.last_mut() {
                Some((_, to, outcome)) if beside && *outcome == point.outcome => *to = at,
                _ => runs.push((at, at, point.outcome)),
            }
            beside = true;
        }
        runs
    }

    /// Each failing check with the ranges of points at which it fails.
    pub(super) fn failing(&self) -> BTreeMap<&str, Vec<(u64, u64)>> {
        let checks: BTreeSet<&str> =
            self.points.values().flat_map(|point| &point.failing).map(String::as_str).collect();
        let ranges = |check: &str| {
            let mut ranges: Vec<(u64, u64)> = Vec::new();
            let mut beside = false;
            for (&at, point) in &self.points {
                let fails = point.failing.iter().any(|failing| failing == check);
                match ranges.last_mut() {
                    Some((_, to)) if fails && beside => *to = at,
                    _ if fails => ranges.push((at, at)),
                    _ => {}
                }
                beside = fails;
            }
            ranges
        };
        checks.into_iter().map(|check| (check, ranges(check))).collect()
    }

    /// The strip: a mark for each point, or for several where the width asks for it; a legend; what fails where.
    pub(super) fn strip(&self, width: usize) -> String {
        let (what, leg) = (self.every.name(), &self.leg);
        let told = self.points.len();
        let all = if told == self.count { String::new() } else { format!(" of {}", self.count) };
        let mut text = format!("sweep {}: {leg} cut behind {told}{all} {what}s\n", self.of);
        let points: Vec<(u64, &Point)> = self.points.iter().map(|(at, point)| (*at, point)).collect();
        let room = width.saturating_sub(LABEL + 2).max(10);
        let each = points.len().div_ceil(room).max(1);
        let buckets: Vec<&[(u64, &Point)]> = points.chunks(each).collect();
        let row = |mark: Mark| buckets.iter().map(|bucket| mark(bucket)).collect::<String>();
        let mut line = |label: &str, row: &str| {
            let _ = writeln!(text, "{}", format!("  {label:LABEL$}{row}").trim_end());
        };
        line("leg", &row(furthest));
        line("outcome", &row(outcome));
        line("checks", &row(verdict));
        line("", &ruler(&points, buckets.len()));
        self.legend(&mut text, each);
        self.where_it_fails(&mut text);
        text
    }

    fn legend(&self, text: &mut String, each: usize) {
        let outcomes: BTreeSet<Option<Outcome>> =
            self.points.values().filter(|point| point.word != "skip").map(|point| point.outcome).collect();
        let mut legend: Vec<String> = outcomes
            .into_iter()
            .map(|outcome| match outcome {
                Some(known) => format!("{} {}", mark(outcome), known.name()),
                None => format!("{} cannot be told", mark(outcome)),
            })
            .collect();
        let stages = [('-', "nothing"), ('p', "preamble"), ('c', "content"), ('f', "finish"), ('t', "terminator")];
        let seen = stages.iter().filter(|(stage, _)| self.points.values().any(|point| point.stage == *stage));
        let stages: Vec<String> = seen.map(|(stage, name)| format!("{stage} {name}")).collect();
        let marks: Vec<&str> = [("FAIL", "x fails"), ("inconclusive", "? inconclusive"), ("skip", "_ skipped")]
            .iter()
            .filter(|(word, _)| self.points.values().any(|point| point.word == *word))
            .map(|(_, name)| *name)
            .collect();
        legend.extend(marks.into_iter().map(str::to_owned));
        let _ = writeln!(text, "  {}; sent so far: {}", legend.join(", "), stages.join(", "));
        if each > 1 {
            let _ = writeln!(text, "  each mark stands for {each} points and shows the worst of them");
        }
    }

    fn where_it_fails(&self, text: &mut String) {
        let failing = self.failing();
        for (check, ranges) in failing.iter().take(MOST_CHECKS) {
            let shown: Vec<String> = ranges
                .iter()
                .take(MOST_RANGES)
                .map(|(from, to)| if from == to { from.to_string() } else { format!("{from}..{to}") })
                .collect();
            let more = if ranges.len() > MOST_RANGES { ", ..." } else { "" };
            let points = self.points.values().filter(|point| point.failing.iter().any(|each| each == check)).count();
            let what = self.every.name();
            let _ = writeln!(text, "  {check} fails behind {what} {}{more} ({points} points)", shown.join(", "));
        }
        if failing.len() > MOST_CHECKS {
            let _ = writeln!(text, "  and {} more checks fail", failing.len() - MOST_CHECKS);
        }
        let mut warned: BTreeMap<&str, usize> = BTreeMap::new();
        for check in self.points.values().flat_map(|point| &point.warned) {
            *warned.entry(check).or_default() += 1;
        }
        for (check, count) in warned {
            let _ = writeln!(text, "  {check} warns at {count} points");
        }
        if let Some(smallest) = self.smallest() {
            let _ = writeln!(text, "  smallest failing cut: {}", smallest.case.id());
        }
    }
}

/// What a mark of the strip is made of, and how.
type Mark = fn(&[(u64, &Point)]) -> char;

/// How far the leg got at the last of some points.
fn furthest(bucket: &[(u64, &Point)]) -> char {
    bucket.iter().map(|(_, point)| point.stage).max_by_key(|stage| far(*stage)).unwrap_or('-')
}

/// How far the leg got with what it sent: nothing, preamble, content, finish reason, end mark.
fn stage(report: &CaseReport, leg: &str) -> char {
    let step = report.history.as_ref().and_then(|history| history.steps.last());
    let cut = |upstream: &&UpstreamExchange| upstream.leg == leg && !upstream.side_call;
    let exchanges = step.map_or(&[][..], |step| &step.upstream);
    let broken = |upstream: &&UpstreamExchange| matches!(upstream.end, UpstreamEnd::Cut(_));
    let Some(exchange) = exchanges.iter().filter(cut).find(broken).or_else(|| exchanges.iter().find(cut)) else {
        return ' ';
    };
    let Some(api) = exchange.api.and_then(crate::api::ApiId::spoken) else { return ' ' };
    let mut reader = api.stream_reader();
    for chunk in &exchange.sent {
        let _ = reader.feed(&chunk.data.0);
    }
    let seen = reader.so_far();
    match () {
        () if seen.terminator.is_some() => 't',
        () if !seen.finishes.is_empty() => 'f',
        () if !seen.deltas.is_empty() => 'c',
        () if !seen.starts.is_empty() => 'p',
        () => '-',
    }
}

/// Stages in the order of the stream.
fn far(stage: char) -> usize {
    "-pcft".find(stage).map_or(0, |at| at + 1)
}

/// The letter of an outcome.
fn mark(outcome: Option<Outcome>) -> char {
    match outcome {
        Some(Outcome::Completed) => '.',
        Some(Outcome::Restarted) => 'R',
        Some(Outcome::Continued) => 'C',
        Some(Outcome::Error) => 'E',
        Some(Outcome::Broken) => 'B',
        Some(Outcome::Left) => 'L',
        Some(Outcome::Silent) => 'S',
        Some(Outcome::Doubled) => 'D',
        Some(Outcome::Spliced) => 'X',
        Some(Outcome::Hung) => 'H',
        None => '?',
    }
}

/// The worst outcome of some points: one never legal, else that of a failing point, else the most frequent.
fn outcome(bucket: &[(u64, &Point)]) -> char {
    let run = || bucket.iter().map(|(_, point)| *point).filter(|point| point.word != "skip");
    let illegal = run().find(|point| point.outcome.is_some_and(Outcome::is_never_legal));
    if let Some(worst) = illegal.or_else(|| run().find(|point| point.word == "FAIL")) {
        return mark(worst.outcome);
    }
    let mut counts: BTreeMap<Option<Outcome>, usize> = BTreeMap::new();
    for point in run() {
        *counts.entry(point.outcome).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map_or('_', |(outcome, _)| mark(outcome))
}

/// Whether a check fails at any of some points.
fn verdict(bucket: &[(u64, &Point)]) -> char {
    let any = |word: &str| bucket.iter().any(|(_, point)| point.word == word);
    if any("FAIL") {
        'x'
    } else if any("inconclusive") {
        '?'
    } else {
        ' '
    }
}

/// The first and the last point below their marks.
fn ruler(points: &[(u64, &Point)], width: usize) -> String {
    let (Some((first, _)), Some((last, _))) = (points.first(), points.last()) else { return String::new() };
    let (first, last) = (first.to_string(), last.to_string());
    if width > first.len() + last.len() { format!("{first}{last:>rest$}", rest = width - first.len()) } else { first }
}
