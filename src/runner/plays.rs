//! Several plays of one case as one report: what counts is the worst, and the verdicts that differ are named.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::{CaseReport, Judged};
use crate::check::Value;

/// The plays of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plays {
    /// How often it was played.
    pub count: usize,
    /// Checks whose verdicts were not the same every time.
    pub differing: Vec<Differing>,
}

/// A check that is flaky: the same case, different verdicts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Differing {
    /// Id of the check.
    pub check: String,
    /// How often it came to which verdict.
    pub verdicts: BTreeMap<String, usize>,
}

impl Default for Plays {
    fn default() -> Self {
        Self { count: 1, differing: Vec::new() }
    }
}

impl Differing {
    /// `fail 2, pass 3`: the worst first.
    pub fn told(&self) -> String {
        let mut counts: Vec<_> = self.verdicts.iter().collect();
        counts.sort_by_key(|(value, _)| rank(value));
        counts.iter().map(|(value, count)| format!("{value} {count}")).collect::<Vec<_>>().join(", ")
    }
}

/// Values, the worst first.
const RANKS: [&str; 6] = ["fail", "inconclusive", "warn", "pass", "not-exercised", "skip"];

fn rank(value: &str) -> usize {
    RANKS.iter().position(|rank| *rank == value).unwrap_or(RANKS.len())
}

/// Words of cases, the worst first.
const WORDS: [&str; 6] = ["FAIL", "inconclusive", "known", "warn", "pass", "none"];

/// One report of all plays: that of the worst play, in which each check has its worst verdict. `None` without plays.
///
/// Plays that did not come about tell nothing, unless there are no others.
pub(super) fn fold(mut plays: Vec<CaseReport>) -> Option<CaseReport> {
    if plays.iter().any(|play| play.skipped.is_none()) {
        plays.retain(|play| play.skipped.is_none());
    }
    let worst = |play: &CaseReport| WORDS.iter().position(|word| *word == play.word()).unwrap_or(WORDS.len());
    let at = (0..plays.len()).min_by_key(|at| worst(&plays[*at]))?;
    let mut report = plays.remove(at);
    report.plays = Plays { count: plays.len() + 1, differing: Vec::new() };
    for judged in &mut report.verdicts {
        let check = &judged.verdict.check;
        let others: Vec<&Judged> =
            plays.iter().filter_map(|play| play.verdicts.iter().find(|other| other.verdict.check == *check)).collect();
        let mut verdicts: BTreeMap<String, usize> = BTreeMap::new();
        for each in others.iter().copied().chain([&*judged]) {
            *verdicts.entry(each.verdict.value.name().to_owned()).or_default() += 1;
        }
        if verdicts.len() > 1 {
            report.plays.differing.push(Differing { check: check.clone(), verdicts });
        }
        let worse = others.into_iter().min_by_key(|other| rank(other.verdict.value.name()));
        if let Some(worse) = worse.filter(|worse| rank(worse.verdict.value.name()) < rank(judged.verdict.value.name()))
        {
            *judged = worse.clone();
            judged.verdict.reason = format!("in another play: {}", reason(&worse.verdict.value, &worse.verdict.reason));
        }
    }
    report.took += plays.iter().map(|play| play.took).sum::<std::time::Duration>();
    Some(report)
}

fn reason<'r>(value: &'r Value, reason: &'r str) -> &'r str {
    match value {
        Value::Skip(why) | Value::Inconclusive(why) if reason.is_empty() => why,
        _ => reason,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::check::{Level, Verdict};
    use crate::runner::testing::case;

    fn play(values: [Value; 2]) -> CaseReport {
        let mut report = CaseReport::skipped(Arc::new(case("x", "a")), String::new(), String::new());
        report.skipped = None;
        let verdict = |(check, value): (&str, Value)| Judged {
            verdict: Verdict {
                check: check.to_owned(),
                level: Level::Must,
                reason: format!("{check} {}", value.name()),
                value,
                evidence: Vec::new(),
            },
            known: None,
        };
        report.verdicts = ["a", "b"].into_iter().zip(values).map(verdict).collect();
        report
    }

    #[track_caller]
    fn check(plays: Vec<[Value; 2]>, word: &str, values: [&str; 2], differing: &[&str]) {
        let report = fold(plays.into_iter().map(play).collect()).expect("there are plays");
        assert_eq!(report.word(), word);
        let found: Vec<&str> = report.verdicts.iter().map(|judged| judged.verdict.value.name()).collect();
        assert_eq!(found, values);
        let found = report.plays.differing.iter().map(|each| format!("{}: {}", each.check, each.told()));
        assert_eq!(found.collect::<Vec<_>>(), differing);
    }

    #[test]
    fn each_check_has_its_worst_verdict_and_those_that_differ_are_named() {
        use Value::{Fail, NotExercised, Pass, Warn};
        let unsure = || Value::Inconclusive("load".to_owned());
        check(vec![[Pass, Pass], [Pass, Pass]], "pass", ["pass", "pass"], &[]);
        check(vec![[Pass, Pass], [Fail, Pass], [Pass, Pass]], "FAIL", ["fail", "pass"], &["a: fail 1, pass 2"]);
        check(vec![[Fail, Pass], [Pass, Fail]], "FAIL", ["fail", "fail"], &["a: fail 1, pass 1", "b: fail 1, pass 1"]);
        check(vec![[Pass, Warn], [Pass, NotExercised]], "warn", ["pass", "warn"], &["b: warn 1, not-exercised 1"]);
        check(
            vec![[unsure(), Pass], [Pass, Pass]],
            "inconclusive",
            ["inconclusive", "pass"],
            &["a: inconclusive 1, pass 1"],
        );
    }

    #[test]
    fn a_verdict_of_another_play_says_so() {
        let plays = [[Value::Fail, Value::Pass], [Value::Pass, Value::Fail]].map(play).to_vec();
        let report = fold(plays).expect("there are plays");
        let reasons: Vec<&str> = report.verdicts.iter().map(|judged| judged.verdict.reason.as_str()).collect();
        assert_eq!(reasons, ["a fail", "in another play: b fail"]);
    }

    #[test]
    fn a_play_that_did_not_come_about_tells_nothing() {
        let skipped = || CaseReport::skipped(Arc::new(case("x", "a")), "no slot".to_owned(), String::new());
        let report = fold(vec![skipped(), play([Value::Pass, Value::Pass])]).expect("there are plays");
        assert_eq!((report.word(), report.plays.count, report.plays.differing), ("pass", 1, Vec::new()));
        assert_eq!(fold(vec![skipped(), skipped()]).expect("there are plays").word(), "skip");
        assert!(fold(Vec::new()).is_none());
    }
}
