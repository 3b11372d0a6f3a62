//! Where the lanes stand, and a line in one of them.

use crate::scenario::Case;
use crate::wire::Micros;

use super::told::{Told, cut};

/// Columns of the time.
const TIME: usize = 11;
/// Columns between the beginnings of two lanes, at most; text of a lane goes on to the right.
const LANE: usize = 26;
/// Columns that the last lane has at least.
const LAST: usize = 36;

/// The client's lane, then one for each leg.
#[derive(Debug)]
pub(super) struct Lanes {
    names: Vec<String>,
    step: usize,
    width: usize,
}

impl Lanes {
    pub(super) fn of(case: &Case, width: usize) -> Self {
        let mut names = vec!["client".to_owned()];
        names.extend(case.shape.legs.iter().map(|leg| leg.name.clone()));
        let width = width.max(least(names.len()));
        let step = (width - TIME - LAST) / (names.len() - 1).max(1);
        Self { names, step: step.clamp(1, LANE), width }
    }

    pub(super) fn head(&self) -> String {
        let mut head = format!("{:>9}  ", "ms");
        for (at, name) in self.names.iter().enumerate() {
            let from = TIME + at * self.step;
            let gap = from.saturating_sub(head.chars().count()).max(usize::from(at > 0));
            head.push_str(&" ".repeat(gap));
            head.push_str(name);
        }
        head
    }

    /// The lane of a leg; one that the case does not know stands in the last.
    pub(super) fn leg(&self, name: &str) -> usize {
        self.names.iter().position(|lane| lane == name).unwrap_or(self.names.len() - 1)
    }

    /// The line of what happened at a time in a lane.
    pub(super) fn line(&self, at: Micros, lane: usize, told: &Told) -> String {
        let from = lane * self.step;
        let text = cut(&told.text, self.width - TIME - from);
        let (ms, tenths) = (at / 1_000, at % 1_000 / 100);
        format!("{ms:>7}.{tenths}  {}{text}", " ".repeat(from))
    }
}

/// Columns that so many lanes take at least.
pub(super) fn least(lanes: usize) -> usize {
    TIME + LAST + lanes
}
