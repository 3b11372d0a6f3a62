//! A case as it goes, a line for each event, each in its lane: the client's, then one for each leg.
//!
//! A [`Tracer`] takes what happened one by one: while a case is played, or out of its history.

mod lanes;
mod told;

use std::fmt;

use crate::history::{ClientMoment, LegMoment, Moment, StepHistory, Survival, What};
use crate::runner::CaseReport;
use crate::scenario::Case;
use crate::wire::Request;

use lanes::Lanes;
use told::{Asked, Client};

/// Events of one case that are told, at most.
const MOST: usize = 4_000;

/// A line, and the word of a verdict that says how to paint it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceLine {
    /// The line, without its end.
    pub text: String,
    /// `pass`, `FAIL` or `warn`; `None` for a line like any other.
    pub word: Option<&'static str>,
}

impl TraceLine {
    fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), word: None }
    }
}

/// The lines of a case that was played, in `width` columns. Times are milliseconds since it began.
pub fn trace(report: &CaseReport, width: usize) -> Vec<TraceLine> {
    let Some(history) = report.history.as_deref() else { return Vec::new() };
    let mut tracer = Tracer::new(&report.case, &history.unique, width);
    let mut lines = tracer.head();
    for moment in history.steps.iter().flat_map(StepHistory::moments) {
        lines.extend(tracer.take(&moment));
    }
    lines.extend(tracer.end(report));
    lines
}

/// Tells a case event by event.
pub struct Tracer {
    case: String,
    lanes: Lanes,
    unique: String,
    several: bool,
    step: usize,
    client: Client,
    /// The exchanges of the step that runs.
    asked: Vec<Asked>,
    /// Events that were taken.
    taken: usize,
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer").field("case", &self.case).field("taken", &self.taken).finish_non_exhaustive()
    }
}

impl Tracer {
    /// For a case with this unique word, in `width` columns.
    pub fn new(case: &Case, unique: &str, width: usize) -> Self {
        Self {
            case: case.id(),
            lanes: Lanes::of(case, width),
            unique: unique.to_owned(),
            several: case.steps.len() > 1,
            step: 0,
            client: Client::default(),
            asked: Vec::new(),
            taken: 0,
        }
    }

    /// Whether it tells this case.
    pub fn is_of(&self, report: &CaseReport) -> bool {
        self.case == report.case.id()
    }

    /// The lines above the first event.
    pub fn head(&self) -> Vec<TraceLine> {
        vec![TraceLine::plain(format!("trace {}", self.case)), TraceLine::plain(self.lanes.head())]
    }

    /// The line of an event, below that of its step where it is the first of one.
    pub fn take(&mut self, moment: &Moment) -> Vec<TraceLine> {
        let begins = matches!(moment.what, What::Client(ClientMoment::Asks { .. }));
        if begins {
            self.step += 1;
            self.asked.clear();
        }
        let (lane, told) = match &moment.what {
            What::Client(what) => (0, self.client.tell(what, &self.unique)),
            What::Leg { exchange, what } => {
                if let LegMoment::Asked(call) = what {
                    self.asked.push(Asked::new(call, &self.unique));
                }
                let Some(asked) = self.asked.get_mut(*exchange) else { return Vec::new() };
                (self.lanes.leg(&asked.leg), asked.tell(what, &self.unique))
            }
        };
        self.taken += 1;
        if self.taken > MOST {
            return Vec::new();
        }
        let step = (begins && self.several).then(|| TraceLine::plain(format!("step {}", self.step)));
        let line = TraceLine { text: self.lanes.line(moment.at, lane, &told), word: told.word };
        step.into_iter().chain([line]).collect()
    }

    /// The lines below the last event: what was seen beside it all, and what came out of it.
    pub fn end(&self, report: &CaseReport) -> Vec<TraceLine> {
        let mut lines = Vec::new();
        if self.taken > MOST {
            lines.push(TraceLine::plain(format!("... and {} more lines", self.taken - MOST)));
        }
        if let Some(history) = &report.history {
            for stray in &history.strays {
                let Request { method, target, .. } = &stray.request;
                lines
                    .push(TraceLine { text: format!("stray {method} {target}: {}", stray.reason), word: Some("warn") });
            }
            lines.extend(history.survived.as_ref().map(|survived| match survived {
                Survival::Served => TraceLine::plain("afterwards: a plain request is served"),
                Survival::Failed(why) => {
                    TraceLine { text: format!("afterwards: a plain request fails: {why}"), word: Some("FAIL") }
                }
            }));
        }
        lines.extend(verdicts(report));
        lines
    }
}

/// What came out of it: what failed, warned or could not be told, then how many of the others there are.
fn verdicts(report: &CaseReport) -> Vec<TraceLine> {
    let mut lines = Vec::new();
    let mut passed = 0;
    for judged in &report.verdicts {
        let verdict = &judged.verdict;
        let (name, word) = match (verdict.value.name(), &judged.known) {
            ("fail", Some(_)) => ("known", "warn"),
            ("fail", None) => ("fail", "FAIL"),
            (name @ ("warn" | "inconclusive"), _) => (name, "warn"),
            (name, _) => {
                passed += usize::from(name == "pass");
                continue;
            }
        };
        lines.push(TraceLine { text: format!("{name} {}: {}", verdict.check, verdict.reason), word: Some(word) });
    }
    lines.push(TraceLine { text: format!("pass {passed} checks"), word: Some("pass") });
    lines
}

#[cfg(test)]
mod tests {
    use super::super::testing::failure;
    use super::*;

    fn traced(report: &CaseReport, width: usize) -> String {
        trace(report, width).iter().flat_map(|line| [line.text.as_str(), "\n"]).collect()
    }

    #[test]
    fn a_case_in_lanes() {
        insta::assert_snapshot!(traced(&failure(), 120));
    }

    #[test]
    fn no_line_of_an_event_is_wider_than_the_terminal() {
        for width in [0, 60, 90, 200] {
            let report = failure();
            let lines = trace(&report, width);
            let events = lines.iter().filter(|line| line.text.starts_with("      "));
            assert!(events.clone().count() > 5);
            for line in events {
                assert!(line.text.chars().count() <= width.max(lanes::least(3)), "{width}: {}", line.text);
            }
        }
    }

    #[test]
    fn what_caused_something_stands_before_it() {
        let report = failure();
        let lines = traced(&report, 200);
        let at = |what: &str| lines.find(what).unwrap_or_else(|| panic!("{what}: {lines}"));
        assert!(at("> POST /v1/chat/completions") < at("> #1 POST /s1/primary"));
        assert!(at("refused by") < lines.rfind("< status 200").unwrap_or_default(), "{lines}");
        assert!(at("\"baluon\"") < at("= the response ended properly"));
    }
}
