//! How many cases run at a time: as many as the proxy takes without slowing down.

use std::time::Duration;

/// Below this, a slower answer says nothing about load.
const FLOOR: Duration = Duration::from_millis(25);

/// The number of jobs, steered by how long the proxy takes until it asks a leg.
///
/// That time does not depend on what a case's legs do, so stalls and retries do not look like load. After each window
/// of as many measurements as jobs its median decides: near the control's, jobs grow (they double until the first
/// setback, then go up one by one); beyond three times that, they are halved.
#[derive(Clone, Debug)]
pub struct Pace {
    jobs: usize,
    most: usize,
    control: Duration,
    window: Vec<Duration>,
    setback: bool,
}

impl Pace {
    /// Starts with 2 jobs. `control` is the median time that one request at a time took.
    pub fn new(most: usize, control: Duration) -> Self {
        Self { jobs: most.clamp(1, 2), most: most.max(1), control, window: Vec::new(), setback: false }
    }

    /// How many cases may run now.
    pub fn jobs(&self) -> usize {
        self.jobs
    }

    /// Whether a case that timed out now did so under load.
    pub fn loaded(&self) -> bool {
        self.jobs > 1
    }

    /// Takes a measurement.
    pub fn observe(&mut self, took: Duration) {
        self.window.push(took);
        if self.window.len() < self.jobs.max(2) {
            return;
        }
        let median = median(&mut self.window);
        self.window.clear();
        if median > (self.control * 3).max(FLOOR * 2) {
            self.setback = true;
            self.jobs = (self.jobs / 2).max(1);
        } else if median <= (self.control * 2).max(FLOOR) {
            let next = if self.setback { self.jobs + 1 } else { self.jobs * 2 };
            self.jobs = next.min(self.most);
        }
    }
}

/// The median (the upper one of an even number); zero of nothing.
pub(super) fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Jobs after each measurement, in milliseconds, with a control of 30 ms.
    fn check(most: usize, took: &[u64], expect: &[usize]) {
        let mut pace = Pace::new(most, Duration::from_millis(30));
        let mut seen = vec![pace.jobs()];
        for each in took {
            pace.observe(Duration::from_millis(*each));
            seen.push(pace.jobs());
        }
        seen.dedup();
        assert_eq!(seen, expect);
    }

    #[test]
    fn it_grows_while_the_proxy_stays_fast() {
        check(16, &[30; 40], &[2, 4, 8, 16]);
    }

    #[test]
    fn it_stops_at_the_limit() {
        check(5, &[30; 40], &[2, 4, 5]);
        check(1, &[30; 40], &[1]);
        check(0, &[30; 4], &[1]);
    }

    #[test]
    fn it_halves_when_the_proxy_slows_down_and_then_grows_by_one() {
        check(16, &[30, 30, 30, 30, 30, 30, 200, 200, 200, 200, 200, 200, 200, 200, 30, 30, 30, 30], &[2, 4, 8, 4, 5]);
    }

    #[test]
    fn it_stays_in_between() {
        check(16, &[75; 20], &[2]);
    }

    #[test]
    fn it_never_goes_below_one_and_recovers() {
        check(16, &[500, 500, 500, 500, 30, 30], &[2, 1, 2]);
    }

    #[test]
    fn a_fast_control_does_not_make_noise_look_like_load() {
        let mut pace = Pace::new(8, Duration::from_millis(1));
        pace.observe(Duration::from_millis(20));
        pace.observe(Duration::from_millis(20));
        assert_eq!(pace.jobs(), 4);
    }
}
