//! In which order cases run: most in parallel, waiting ones in a quiet lane afterwards, then repeated ones,
//! few at a time, and alone at last.

use std::collections::{BTreeMap, VecDeque};

use super::group::SlotPlan;
use super::skip::{plays, stalls};
use crate::scenario::{Case, Pace, Shape};

/// Waiting cases that run at a time.
const QUIET_JOBS: usize = 8;
/// Cases that are repeated among few at a time.
const CALM_JOBS: usize = 4;
/// A pace of events longer than this makes a case a waiting one, in milliseconds.
const LONG_PACE: u64 = 100;

/// Cases of a launch that wait for their turn, by index.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    busy: VecDeque<usize>,
    quiet: VecDeque<usize>,
    calm: VecDeque<usize>,
    alone: VecDeque<usize>,
}

impl Lanes {
    /// Sorts cases into lanes.
    pub(super) fn new<'a>(cases: impl Iterator<Item = (usize, &'a Case)>) -> Self {
        let mut lanes = Self::default();
        for (index, case) in cases {
            if waits(case) { lanes.quiet.push_back(index) } else { lanes.busy.push_back(index) }
        }
        lanes
    }

    /// A case is to be run again, among few that wait as it does.
    pub(super) fn calm(&mut self, index: usize) {
        self.calm.push_back(index);
    }

    /// A case is to be run again, with nothing beside it.
    pub(super) fn alone(&mut self, index: usize) {
        self.alone.push_back(index);
    }

    /// Cases that have not begun.
    pub(super) fn left(&self) -> usize {
        self.busy.len() + self.quiet.len() + self.calm.len() + self.alone.len()
    }

    /// Leaves cases out that have not begun, and gives them.
    pub(super) fn leave_out(&mut self, out: impl Fn(usize) -> bool) -> Vec<usize> {
        let lanes = [&mut self.busy, &mut self.quiet, &mut self.calm, &mut self.alone];
        let mut left = Vec::new();
        for lane in lanes {
            let (gone, stay) = std::mem::take(lane).into_iter().partition::<VecDeque<_>, _>(|index| out(*index));
            *lane = stay;
            left.extend(gone);
        }
        left
    }

    /// Takes every case that has not begun.
    pub(super) fn rest(&mut self) -> Vec<usize> {
        let lanes = [&mut self.busy, &mut self.quiet, &mut self.calm, &mut self.alone];
        lanes.into_iter().flat_map(std::mem::take).collect()
    }

    /// The next case that may begin, whose slot `fits`, while `running` others are being answered and `bound` hold
    /// a slot.
    pub(super) fn next(
        &mut self,
        running: usize,
        bound: usize,
        jobs: usize,
        fits: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        if let Some(at) = self.busy.iter().position(|index| fits(*index)) {
            return (running < jobs).then(|| self.busy.remove(at)).flatten();
        }
        if !self.busy.is_empty() {
            return None;
        }
        if let Some(at) = self.quiet.iter().position(|index| fits(*index)) {
            return (running < jobs.clamp(1, QUIET_JOBS)).then(|| self.quiet.remove(at)).flatten();
        }
        if !self.quiet.is_empty() {
            return None;
        }
        if let Some(at) = self.calm.iter().position(|index| fits(*index)) {
            return (running < jobs.clamp(1, CALM_JOBS)).then(|| self.calm.remove(at)).flatten();
        }
        if !self.calm.is_empty() || bound > 0 {
            return None;
        }
        self.alone.pop_front()
    }
}

/// Whether most of the case is waiting: silence, a client that leaves, a long pace, a `retry-after`.
fn waits(case: &Case) -> bool {
    let leaves = case.steps.iter().any(|step| step.client.leave.is_some() || step.client.pause.is_some());
    let slow = plays(case).any(|play| {
        let long = matches!(play.pace, Pace::Every(every) if every.0 >= LONG_PACE) || play.pace == Pace::Recorded;
        let later = play.status.as_ref().is_some_and(|status| status.retry_after.is_some());
        let silent = matches!(&play.cut, Some(cut) if matches!(cut.by, crate::scenario::By::Stall(_)));
        long || later || silent
    });
    leaves || slow || stalls(case)
}

/// The slots of a launch that are free.
#[derive(Debug)]
pub(super) struct Slots {
    free: BTreeMap<Shape, VecDeque<String>>,
    reused: bool,
}

impl Slots {
    /// All slots are free; `reused` if a slot may serve a second case.
    pub(super) fn new(slots: &[SlotPlan], reused: bool) -> Self {
        let mut free: BTreeMap<Shape, VecDeque<String>> = BTreeMap::new();
        for slot in slots {
            free.entry(slot.shape.clone()).or_default().push_back(slot.name.clone());
        }
        Self { free, reused }
    }

    /// Whether so many slots of that shape are free.
    pub(super) fn has(&self, shape: &Shape, count: usize) -> bool {
        self.free.get(shape).is_some_and(|slots| slots.len() >= count)
    }

    /// Whether any slot is free.
    pub(super) fn any(&self) -> bool {
        self.free.values().any(|slots| !slots.is_empty())
    }

    /// Takes a slot.
    pub(super) fn take(&mut self, shape: &Shape) -> Option<String> {
        self.free.get_mut(shape)?.pop_front()
    }

    /// Gives a slot back. The one that was free longest is taken next.
    pub(super) fn give(&mut self, shape: &Shape, slot: String) {
        if self.reused {
            self.free.entry(shape.clone()).or_default().push_back(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::testing::case;
    use crate::scenario::{At, By, Leave, Millis, Status};

    #[test]
    fn waiting_cases_run_after_the_others_and_repeated_ones_at_last() {
        let mut leaving = case("x", "leaving");
        leaving.steps[0].client.leave = Some(Leave { at: At::Texts(1), by: By::Close });
        let cases = [case("x", "a"), leaving, case("x", "b")];
        let mut lanes = Lanes::new(cases.iter().enumerate());
        lanes.alone(7);
        lanes.calm(8);
        assert_eq!(lanes.left(), 5);
        assert_eq!(lanes.next(0, 0, 2, |_| true), Some(0));
        assert_eq!(lanes.next(1, 1, 2, |_| false), None, "no slot is free");
        assert_eq!(lanes.next(1, 1, 2, |_| true), Some(2));
        assert_eq!(lanes.next(2, 2, 2, |_| true), None, "enough run");
        assert_eq!(lanes.next(1, 2, 2, |_| true), Some(1));
        assert_eq!(lanes.next(1, 2, 2, |_| true), Some(8));
        assert_eq!(lanes.next(0, 1, 2, |_| true), None, "a case that is to run alone does");
        assert_eq!(lanes.next(0, 0, 2, |_| true), Some(7));
        assert_eq!(lanes.next(0, 0, 2, |_| true), None);
    }

    #[test]
    fn what_waits() {
        let check = |change: fn(&mut Case), expect: bool| {
            let mut case = case("x", "a");
            change(&mut case);
            assert_eq!(waits(&case), expect);
        };
        check(|_| (), false);
        check(|case| case.steps[0].legs[0].attempts[0].pace = Pace::Every(Millis(20)), false);
        check(|case| case.steps[0].legs[0].attempts[0].pace = Pace::Every(Millis(500)), true);
        let later = Status { code: 429, retry_after: Some(Millis(1_000)) };
        let mut slow = case("x", "a");
        slow.steps[0].legs[0].attempts[0].status = Some(later);
        assert!(waits(&slow));
    }

    #[test]
    fn a_slot_is_used_again_only_where_the_proxy_forgets() {
        let shape = case("x", "a").shape;
        let plan = [SlotPlan { name: "s1".to_owned(), shape: shape.clone() }];
        for reused in [true, false] {
            let mut slots = Slots::new(&plan, reused);
            let slot = slots.take(&shape).unwrap();
            assert!(!slots.has(&shape, 1));
            slots.give(&shape, slot);
            assert_eq!(slots.has(&shape, 1), reused);
        }
    }
}
