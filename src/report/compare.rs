//! Two runs of the same cases: verdicts and requests that changed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::json::{Case, Report};
use crate::snapshot;

/// What changed from one run to another. Cases that only one of them has are named and not compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Version of this format: 1.
    pub format: u32,
    /// The proxy before.
    pub from: String,
    /// The proxy after.
    pub to: String,
    /// Cases that both runs played.
    pub cases: usize,
    /// Verdicts that changed, by check.
    pub verdicts: Vec<VerdictChange>,
    /// Requests to the legs that changed.
    pub requests: Vec<RequestChange>,
    /// Cases that were played before and not after.
    pub only_from: Vec<String>,
    /// Cases that were played after and not before.
    pub only_to: Vec<String>,
}

/// Cases in which a check's verdict changed in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerdictChange {
    /// Id of the check.
    pub check: String,
    /// The verdict before.
    pub from: String,
    /// The verdict after.
    pub to: String,
    /// Why it is what it is now, in the first of the cases.
    pub reason: String,
    /// The cases.
    pub cases: Vec<String>,
}

/// Cases in which the requests to the legs changed in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestChange {
    /// The difference, in the form of snapshots.
    pub diff: String,
    /// The cases.
    pub cases: Vec<String>,
}

impl VerdictChange {
    /// Whether something fails that did not.
    pub fn is_worse(&self) -> bool {
        self.to == "fail"
    }

    /// Whether nothing fails that did.
    pub fn is_better(&self) -> bool {
        self.from == "fail"
    }
}

impl Comparison {
    /// Whether something fails that did not fail before.
    pub fn is_worse(&self) -> bool {
        self.verdicts.iter().any(VerdictChange::is_worse)
    }
}

/// Compares two runs.
pub fn compare(from: &Report, to: &Report) -> Comparison {
    let (before, after) = (played(from), played(to));
    let missing = |one: &BTreeMap<String, &Case>, other: &BTreeMap<String, &Case>| {
        one.keys().filter(|id| !other.contains_key(*id)).cloned().collect()
    };
    let both: Vec<(&String, &Case, &Case)> =
        before.iter().filter_map(|(id, old)| Some((id, *old, *after.get(id)?))).collect();
    Comparison {
        format: 1,
        from: from.proxy.label(),
        to: to.proxy.label(),
        cases: both.len(),
        verdicts: verdicts(&both),
        requests: requests(&both),
        only_from: missing(&before, &after),
        only_to: missing(&after, &before),
    }
}

fn played(report: &Report) -> BTreeMap<String, &Case> {
    report.cases.iter().filter(|case| case.skipped.is_none()).map(|case| (case.id(), case)).collect()
}

fn verdicts(both: &[(&String, &Case, &Case)]) -> Vec<VerdictChange> {
    let mut changes: BTreeMap<(String, String, String), VerdictChange> = BTreeMap::new();
    for (id, old, new) in both {
        for verdict in &new.verdicts {
            let Some(before) = old.verdicts.iter().find(|before| before.check == verdict.check) else { continue };
            if before.verdict == verdict.verdict {
                continue;
            }
            let key = (verdict.check.clone(), before.verdict.clone(), verdict.verdict.clone());
            let change = changes.entry(key).or_insert_with(|| VerdictChange {
                check: verdict.check.clone(),
                from: before.verdict.clone(),
                to: verdict.verdict.clone(),
                reason: verdict.reason.clone(),
                cases: Vec::new(),
            });
            change.cases.push((*id).clone());
        }
    }
    let mut changes: Vec<VerdictChange> = changes.into_values().collect();
    // What got worse first, then what got better.
    changes.sort_by_key(|change| (!change.is_worse(), !change.is_better()));
    changes
}

fn requests(both: &[(&String, &Case, &Case)]) -> Vec<RequestChange> {
    let mut changes: Vec<RequestChange> = Vec::new();
    for (id, old, new) in both {
        let (Some(old), Some(new)) = (&old.asked, &new.asked) else { continue };
        if old == new {
            continue;
        }
        // Its heading names the files of a snapshot.
        let diff = snapshot::diff(old, new).lines().skip(2).collect::<Vec<_>>().join("\n");
        match changes.iter_mut().find(|change| change.diff == diff) {
            Some(change) => change.cases.push((*id).clone()),
            None => changes.push(RequestChange { diff, cases: vec![(*id).clone()] }),
        }
    }
    changes.sort_by_key(|change| std::cmp::Reverse(change.cases.len()));
    changes
}
