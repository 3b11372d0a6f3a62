//! Of the points of a sweep that fail in the same way, the smallest one tells: which cases of it are worth keeping.

use std::collections::BTreeMap;

use super::CaseReport;

/// The smallest failing point so far, by sweep and by the checks that fail.
#[derive(Debug, Default)]
pub(super) struct Smallest(BTreeMap<(String, Vec<String>), u64>);

impl Smallest {
    /// Whether a case tells more than those before it. A case that is no point of a sweep always does.
    pub(super) fn tells(&mut self, report: &CaseReport) -> bool {
        let Some(point) = &report.case.sweep else { return true };
        let failing = report.failing();
        if failing.is_empty() && !report.inconclusive() {
            return false;
        }
        let smallest = self.0.entry((point.of.clone(), failing)).or_insert(u64::MAX);
        let tells = point.at < *smallest;
        *smallest = point.at.min(*smallest);
        tells
    }
}
