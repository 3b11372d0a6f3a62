//! One report from those of several shards.

use std::collections::{BTreeMap, BTreeSet};

use super::json::{FORMAT, Report, Summary};
use crate::baseline::Tally;
use crate::runner::Exit;

/// Why reports are not those of one run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// There is none.
    #[error("there is no report to merge")]
    Nothing,
    /// A report of another format.
    #[error("the report is of format {0}, this Crossfade reads format {FORMAT}")]
    Format(u32),
    /// Two proxies.
    #[error("the reports are of two proxies: {0} and {1}; `crossfade compare` is for those")]
    Proxies(String, String),
    /// A case that ran twice.
    #[error("`{0}` is in two of the reports: shards of one run have no case in common")]
    Twice(String),
}

/// The report of the whole run: every case, the counts added up, the exit code that the whole comes to.
pub fn merge(reports: Vec<Report>) -> Result<Report, MergeError> {
    let mut reports = reports.into_iter();
    let mut whole = reports.next().ok_or(MergeError::Nothing)?;
    let mut exits = vec![whole.summary.exit];
    same_format(&whole)?;
    for shard in reports {
        same_format(&shard)?;
        let (a, b) = (&whole.proxy, &shard.proxy);
        if (&a.name, &a.version, &a.commit, a.dirty) != (&b.name, &b.version, &b.commit, b.dirty) {
            return Err(MergeError::Proxies(a.label(), b.label()));
        }
        exits.push(shard.summary.exit);
        whole.cases.extend(shard.cases);
        whole.sweeps.extend(shard.sweeps);
        whole.snapshots.extend(shard.snapshots);
        add(&mut whole.summary, shard.summary);
    }
    let mut met = BTreeSet::new();
    if let Some(twice) = whole.cases.iter().map(super::json::Case::id).find(|id| !met.insert(id.clone())) {
        return Err(MergeError::Twice(twice));
    }
    let summary = &mut whole.summary;
    let stale = summary.baseline.iter().filter(|tally| tally.is_stale());
    summary.stale = stale.map(|tally| format!("{} ({})", tally.address, tally.reason)).collect();
    summary.exit = exit(summary, &exits).code();
    Ok(whole)
}

fn same_format(report: &Report) -> Result<(), MergeError> {
    if report.format == FORMAT { Ok(()) } else { Err(MergeError::Format(report.format)) }
}

fn add(whole: &mut Summary, shard: Summary) {
    let counts = [
        (&mut whole.cases, shard.cases),
        (&mut whole.verdicts, shard.verdicts),
        (&mut whole.skips, shard.skips),
        (&mut whole.inconclusive, shard.inconclusive),
        (&mut whole.controls, shard.controls),
    ];
    for (whole, shard) in counts {
        add_counts(whole, shard);
    }
    for tally in shard.baseline {
        match whole.baseline.iter_mut().find(|own| own.address == tally.address) {
            Some(own) => add_tally(own, &tally),
            None => whole.baseline.push(tally),
        }
    }
    whole.flaky.extend(shard.flaky);
    whole.proxy_down = whole.proxy_down.take().or(shard.proxy_down);
    whole.interrupted |= shard.interrupted;
    whole.launches += shard.launches;
    whole.deaths += shard.deaths;
    // They ran side by side, or might have.
    whole.took_ms = whole.took_ms.max(shard.took_ms);
}

fn add_counts(whole: &mut BTreeMap<String, usize>, shard: BTreeMap<String, usize>) {
    for (key, count) in shard {
        *whole.entry(key).or_default() += count;
    }
}

fn add_tally(whole: &mut Tally, shard: &Tally) {
    whole.failed += shard.failed;
    whole.held += shard.held;
    whole.skipped += shard.skipped;
}

/// What the whole comes to. A shard in which nothing was judged is none if something was judged in another.
fn exit(summary: &Summary, shards: &[u8]) -> Exit {
    let judged = ["pass", "fail", "warn"].iter().any(|value| summary.verdicts.contains_key(*value));
    let shards = shards.iter().filter_map(|code| Exit::of_code(*code));
    let exit = shards.filter(|exit| !judged || *exit != Exit::NothingJudged).fold(Exit::AsExpected, Exit::and);
    if summary.stale.is_empty() { exit } else { exit.and(Exit::Failed) }
}

#[cfg(test)]
mod tests {
    use super::super::json::{Case, Proxy};
    use super::*;

    fn shard(case: &str, verdict: &str, exit: Exit, held: usize) -> Report {
        let count = |word: &str| BTreeMap::from([(word.to_owned(), 1)]);
        let tally = Tally {
            address: "s/route.reached".to_owned(),
            reason: "filed".to_owned(),
            covers: 2,
            failed: 0,
            held,
            skipped: 0,
            gone: false,
        };
        let case = Case {
            scenario: "s".to_owned(),
            case: case.to_owned(),
            file: "s.yaml".to_owned(),
            line: 1,
            word: "pass".to_owned(),
            skipped: None,
            outcome: None,
            verdicts: Vec::new(),
            flaky: Vec::new(),
            plays: 1,
            differing: Vec::new(),
            requests: Vec::new(),
            asked: None,
            kept: None,
            repeat: String::new(),
            took_ms: 1,
        };
        Report {
            format: FORMAT,
            proxy: Proxy { name: "p".to_owned(), ..Proxy::default() },
            summary: Summary {
                exit: exit.code(),
                cases: count("pass"),
                verdicts: count(verdict),
                baseline: vec![tally],
                ..Summary::default()
            },
            cases: vec![case],
            ..Report::default()
        }
    }

    #[track_caller]
    fn check(shards: Vec<Report>, exit: Exit) {
        let whole = merge(shards).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(Exit::of_code(whole.summary.exit), Some(exit));
        assert_eq!(whole.cases.len(), whole.summary.cases["pass"]);
    }

    #[test]
    fn the_exit_code_is_that_of_the_whole_run() {
        let pass = |case: &str| shard(case, "pass", Exit::AsExpected, 0);
        check(vec![pass("a"), pass("b")], Exit::AsExpected);
        check(vec![pass("a"), shard("b", "skip", Exit::NothingJudged, 0)], Exit::AsExpected);
        check(vec![shard("a", "skip", Exit::NothingJudged, 0)], Exit::NothingJudged);
        check(vec![pass("a"), shard("b", "fail", Exit::Failed, 0)], Exit::Failed);
        check(vec![shard("a", "fail", Exit::Failed, 0), shard("b", "pass", Exit::ProxyDown, 0)], Exit::ProxyDown);
    }

    #[test]
    fn an_entry_is_stale_only_over_all_shards() {
        let held = |case: &str| shard(case, "pass", Exit::AsExpected, 1);
        check(vec![held("a")], Exit::AsExpected);
        check(vec![held("a"), held("b")], Exit::Failed);
    }

    #[test]
    fn only_shards_of_one_run() {
        let pass = |case: &str| shard(case, "pass", Exit::AsExpected, 0);
        assert_eq!(merge(Vec::new()), Err(MergeError::Nothing));
        assert_eq!(merge(vec![pass("a"), pass("a")]), Err(MergeError::Twice("s[a]".to_owned())));
        let mut other = pass("b");
        other.proxy.version = Some("2".to_owned());
        assert_eq!(merge(vec![pass("a"), other]), Err(MergeError::Proxies("p".to_owned(), "p@2".to_owned())));
        let newer = Report { format: 2, ..pass("b") };
        assert_eq!(merge(vec![pass("a"), newer]), Err(MergeError::Format(2)));
    }
}
