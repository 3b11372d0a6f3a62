//! Which checks judge a drawn case: those that hold whatever the scenario and the proxy's policy.

use crate::check::{Judgement, Value};
use crate::scenario::Outcome;

/// Checks that say nothing of a drawn case, and why.
pub const NEEDS_MORE: &[(&str, &str)] = &[
    ("expect.requests", "needs a scenario that counts requests"),
    ("expect.status", "needs a scenario that expects a status"),
];

/// Whether a check always holds.
pub fn always_holds(check: &str) -> bool {
    !NEEDS_MORE.iter().any(|(id, _)| *id == check)
}

/// How a case failed: what makes failures the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Failure {
    /// Checks that failed, in the catalogue's order.
    pub checks: Vec<String>,
    /// How the client's last exchange ended; `None` where the harness cannot tell.
    pub outcome: Option<Outcome>,
}

impl Failure {
    /// The failure in a judgement, if there is one.
    pub(super) fn of(judgement: &Judgement) -> Option<Self> {
        let failed = |verdict: &&crate::check::Verdict| verdict.value == Value::Fail && always_holds(&verdict.check);
        let checks: Vec<String> =
            judgement.verdicts.iter().filter(failed).map(|verdict| verdict.check.clone()).collect();
        let outcome = judgement.outcomes.last().copied().flatten();
        (!checks.is_empty()).then_some(Self { checks, outcome })
    }

    /// Both, for people.
    pub fn words(&self) -> String {
        let outcome = self.outcome.map_or_else(|| "unclear".to_owned(), Outcome::name);
        format!("{} ({outcome})", self.checks.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_a_check() {
        for (id, why) in NEEDS_MORE {
            assert!(crate::check::info(id).is_some() && !why.is_empty(), "{id}");
        }
        assert!(always_holds("stream.text") && !always_holds("expect.status"));
    }
}
