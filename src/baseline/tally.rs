//! How the entries of a baseline fared in a run, and which of them are stale.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Baseline, Known, scenario_of, split};
use crate::check::Value;

/// How one entry fared. The counts of a run's shards add up to those of the whole run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// The entry's address.
    pub address: String,
    /// Its reason.
    pub reason: String,
    /// Cases that it covers, run or not.
    pub covers: usize,
    /// Verdicts that it covers and that failed.
    pub failed: usize,
    /// Verdicts that it covers and that did not: they passed, warned, or were not exercised.
    pub held: usize,
    /// Verdicts that it covers and that were skipped: they tell nothing.
    pub skipped: usize,
    /// Whether its scenario is there and its case is not.
    pub gone: bool,
}

impl Tally {
    fn new(known: &Known, all: &[String]) -> Self {
        let case = split(&known.address).map_or("", |(case, _)| case);
        let covers = all.iter().filter(|id| case.is_empty() || *id == case || scenario_of(id) == case).count();
        let gone = known.is_one() && covers == 0 && all.iter().any(|id| scenario_of(id) == scenario_of(case));
        let (address, reason) = (known.address.clone(), known.reason.clone());
        Self { address, reason, covers, failed: 0, held: 0, skipped: 0, gone }
    }

    /// Whether it fails no more: all that it covers was judged, and something of it held.
    pub fn is_stale(&self) -> bool {
        self.gone || self.failed == 0 && self.held > 0 && self.held + self.skipped >= self.covers
    }
}

/// The tallies of a run.
#[derive(Clone, Debug, Default)]
pub struct Tallies {
    tallies: Vec<(Known, Tally)>,
}

impl Tallies {
    /// Nothing is judged yet; `all` are the ids of all cases of the files that were loaded.
    pub fn new(baseline: &Baseline, all: &[String]) -> Self {
        // What stands in no file cannot be taken out of it.
        let listed = baseline.entries.iter().filter(|known| known.line > 0);
        Self { tallies: listed.map(|known| (known.clone(), Tally::new(known, all))).collect() }
    }

    /// Counts a verdict on a case.
    pub fn count(&mut self, id: &str, check: &str, value: &Value) {
        for (_, tally) in self.tallies.iter_mut().filter(|(known, _)| known.covers(id, check)) {
            match value {
                Value::Fail => tally.failed += 1,
                Value::Pass | Value::Warn | Value::NotExercised => tally.held += 1,
                Value::Skip(_) => tally.skipped += 1,
                Value::Inconclusive(_) => {}
            }
        }
    }

    /// The counts, in the baseline's order.
    pub fn counts(&self) -> Vec<Tally> {
        self.tallies.iter().map(|(_, tally)| tally.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, verdicts: &[(&str, Value)], stale: bool) {
        let known = Known { address: address.to_owned(), reason: "r".to_owned(), line: 1 };
        let all = ["s[a]", "s[b]", "t"].map(str::to_owned);
        let mut tallies = Tallies::new(&Baseline { entries: vec![known] }, &all);
        for (id, value) in verdicts {
            tallies.count(id, "route.reached", value);
        }
        assert_eq!(tallies.counts()[0].is_stale(), stale, "{address} {verdicts:?}");
    }

    #[test]
    fn an_entry_is_stale_once_all_that_it_covers_holds() {
        let skip = || Value::Skip("no".to_owned());
        let unsure = || Value::Inconclusive("load".to_owned());
        check("s[a]/route.reached", &[("s[a]", Value::Pass)], true);
        check("s[a]/route.reached", &[("s[a]", Value::NotExercised)], true);
        check("s[a]/route.reached", &[("s[a]", Value::Fail)], false);
        check("s[a]/route.reached", &[("s[a]", unsure())], false);
        check("s[a]/route.reached", &[("s[b]", Value::Pass)], false);
        check("s[gone]/route.reached", &[("s[b]", Value::Pass)], true);
        check("elsewhere[x]/route.reached", &[("s[b]", Value::Pass)], false);
        check("s/route.reached", &[("s[a]", Value::Pass)], false);
        check("s/route.reached", &[("s[a]", Value::Pass), ("s[b]", Value::Pass)], true);
        check("s/route.reached", &[("s[a]", Value::Pass), ("s[b]", skip())], true);
        check("s/route.reached", &[("s[a]", skip()), ("s[b]", skip())], false);
        check("s/route.reached", &[("s[a]", Value::Pass), ("s[b]", Value::Fail)], false);
        check("route.reached", &[("s[a]", Value::Pass), ("s[b]", Value::Pass)], false);
        check("route.reached", &[("s[a]", Value::Pass), ("s[b]", Value::Pass), ("t", Value::Warn)], true);
    }
}
