//! Further tries of cases in which a limit of ours decided while others ran beside them.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::Verdict;

/// What is to be done with a case that was played.
#[derive(Debug, PartialEq)]
pub(super) enum Then {
    /// Its verdicts stand. Those of earlier tries, the first of each check that differed.
    Stands(Vec<Verdict>),
    /// It is played again among few that wait.
    Calm,
    /// It is played again with nothing beside it.
    Alone,
}

/// The tries of the cases of a launch.
#[derive(Debug, Default)]
pub(super) struct Tries {
    /// Cases that run beside others.
    loaded: BTreeSet<usize>,
    /// The verdicts of the tries before.
    before: BTreeMap<usize, Vec<Vec<Verdict>>>,
}

impl Tries {
    /// These run at the same time.
    pub(super) fn beside(&mut self, running: &BTreeSet<usize>) {
        if running.len() > 1 {
            self.loaded.extend(running);
        }
    }

    /// How often a case was tried.
    pub(super) fn of(&self, index: usize) -> u64 {
        self.before.get(&index).map_or(0, |tries| tries.len() as u64)
    }

    /// A case was played; `clock` if a limit of ours decided something, and it can be played again. Twice the same
    /// under a load that fell is no work of the load.
    pub(super) fn played(&mut self, index: usize, verdicts: &[Verdict], clock: bool) -> Then {
        let loaded = self.loaded.remove(&index);
        let before = self.before.entry(index).or_default();
        let confirmed = before.last().is_some_and(|last| differing(last, verdicts).is_empty());
        if !(clock && loaded) || confirmed {
            let mut differed: Vec<Verdict> = Vec::new();
            for verdict in self.before.remove(&index).into_iter().flatten().flat_map(|try_| differing(&try_, verdicts))
            {
                if differed.iter().all(|other| other.check != verdict.check) {
                    differed.push(verdict);
                }
            }
            return Then::Stands(differed);
        }
        before.push(verdicts.to_vec());
        if before.len() == 1 { Then::Calm } else { Then::Alone }
    }
}

/// The verdicts of an earlier try that are others now.
fn differing(earlier: &[Verdict], now: &[Verdict]) -> Vec<Verdict> {
    let same = |verdict: &&Verdict| {
        let now = now.iter().find(|now| now.check == verdict.check);
        now.is_some_and(|now| now.value.name() == verdict.value.name())
    };
    earlier.iter().filter(|verdict| !same(verdict)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Level, Value};

    fn verdicts(value: Value) -> Vec<Verdict> {
        let (check, reason) = ("stream.incremental".to_owned(), String::new());
        vec![Verdict { check, level: Level::Must, value, reason, evidence: Vec::new() }]
    }

    #[test]
    fn what_the_clock_decided_stands_when_it_comes_twice_or_alone() {
        let (fail, pass) = (verdicts(Value::Fail), verdicts(Value::Pass));
        let together = BTreeSet::from([1, 2]);
        let mut tries = Tries::default();

        tries.beside(&BTreeSet::from([1]));
        assert_eq!(tries.played(1, &fail, true), Then::Stands(Vec::new()), "nothing ran beside it");

        tries.beside(&together);
        assert_eq!(tries.played(2, &fail, false), Then::Stands(Vec::new()), "no limit decided");
        assert_eq!(tries.played(1, &fail, true), Then::Calm);
        assert_eq!(tries.of(1), 1);
        tries.beside(&together);
        assert_eq!(tries.played(1, &fail, true), Then::Stands(Vec::new()), "twice the same");
        assert_eq!(tries.of(1), 0);

        tries.beside(&together);
        assert_eq!(tries.played(1, &fail, true), Then::Calm);
        tries.beside(&together);
        assert_eq!(tries.played(1, &pass, true), Then::Alone, "once this, once that");
        assert_eq!(tries.played(1, &pass, true), Then::Stands(fail), "the flaky one is told");
    }
}
