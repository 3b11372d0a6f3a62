//! One case on its way: played on its slot, judged, and asked behind it whether the proxy still serves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::case::{self, Order};
use super::control::still_serves;
use super::given::Given;
use super::group::{ControlPlan, LaunchPlan};
use super::rig::Rig;
use super::words::Words;
use crate::check::lifecycle::CANCEL_WITHIN;
use crate::check::{self, Judgement};
use crate::history::{BarrierEnd, ClientEnd, History, Survival, UpstreamEnd, UpstreamExchange};
use crate::proxy::Remembers;
use crate::scenario::{Case, Outcome, ShapeLeg};

/// One case on its way.
pub(super) struct Task {
    pub(super) rig: Arc<Rig>,
    pub(super) words: Arc<Words>,
    pub(super) others: Arc<AtomicU64>,
    pub(super) given: Arc<Given>,
    pub(super) control: Option<ControlPlan>,
    pub(super) answered: mpsc::UnboundedSender<usize>,
    pub(super) order: Order,
    /// Its neighbours.
    pub(super) beside: Vec<Order>,
    pub(super) index: usize,
}

impl Task {
    pub(super) async fn run(mut self) -> Played {
        let begun = Instant::now();
        let log_from = log_length(&self.rig);
        // Where nobody listens any more the run is over.
        let answered = || {
            let _ = self.answered.send(self.index);
        };
        let mut playing = JoinSet::new();
        let beside: Vec<String> = self.beside.iter().map(|order| order.slot.clone()).collect();
        for order in std::mem::take(&mut self.beside) {
            let rig = Arc::clone(&self.rig);
            playing.spawn(async move { (order.slot.clone(), case::play(&rig, &order, || ()).await) });
        }
        let mut history = case::play(&self.rig, &self.order, answered).await;
        let mut neighbours = playing.join_all().await;
        neighbours.sort_by(|(one, _), (other, _)| one.cmp(other));
        history.beside = neighbours.into_iter().map(|(_, history)| history).collect();
        self.tell_whose(&mut history);
        let mut judgement = check::judge(&history);
        if wants_survival(&history, &judgement) {
            let n = self.others.fetch_add(1, Ordering::Relaxed);
            let Order { slot, case, limit, .. } = &self.order;
            let control = self.control.as_ref();
            let survived = still_serves(&self.rig, &self.words, n, control, slot, case, *limit).await;
            history.survived = Some(survived);
            judgement = check::judge(&history);
        }
        let log = (log_from, log_length(&self.rig));
        Played { index: self.index, slot: self.order.slot, beside, history, judgement, took: begun.elapsed(), log }
    }
}

impl Task {
    /// Puts into the history what it takes to tell words and ids of other cases.
    fn tell_whose(&self, history: &mut History) {
        history.words = Some(self.words.of_run(self.index, self.others.load(Ordering::Relaxed)));
        let foreign = check::foreign(history);
        let owners = foreign
            .iter()
            .filter_map(|foreign| Some((check::owner_key(foreign), self.words.owner(foreign.voice, foreign.number)?)));
        let owners = owners.collect();
        if let Some(words) = &mut history.words {
            words.owners = owners;
        }
        history.shared_ids = Some(self.given.shared(self.index, history));
    }
}

/// Where the proxy is asked whether it still serves, if not on the case's own route: where it may still remember there
/// what failed, by the control of one of the case's own legs. Another target may be one that it cannot be asked in this
/// API.
pub(super) fn control_of(launch: &LaunchPlan, case: &Case) -> Option<ControlPlan> {
    if launch.remembers == Remembers::Nothing {
        return None;
    }
    let own = |target: &ShapeLeg| case.shape.legs.iter().any(|leg| leg.model == target.model && leg.api == target.api);
    launch.controls.iter().find(|control| own(&control.target)).cloned()
}

/// The log of a case: its exchanges, and their bytes.
pub(super) fn trace(played: &Played) {
    let history = &played.history;
    let id = history.case.id();
    log::info!("{id}: {} ms on slot {}", played.took.as_millis(), played.slot);
    for step in &history.steps {
        for upstream in &step.upstream {
            let (request, status) = (&upstream.request, upstream.status);
            log::debug!("{id}: {} got {} {}, answered {status}", upstream.leg, request.method, request.target);
            log::trace!("{id}: {} got {}", upstream.leg, request.body.to_text());
            for chunk in &upstream.sent {
                log::trace!("{id}: {} us {} sent {:?}", chunk.at, upstream.leg, chunk.data);
            }
            log::debug!("{id}: {} us {} ended: {:?}", upstream.ended_at, upstream.leg, upstream.end);
        }
        for chunk in &step.client.chunks {
            log::trace!("{id}: {} us the client got {:?}", chunk.at, chunk.data);
        }
        log::debug!("{id}: {} us the client's end: {:?}", step.client.ended_at, step.client.end);
    }
}

/// Whether it is asked if the proxy still serves: the client left, nothing came, a leg broke off, or no answer came out
/// of it.
fn wants_survival(history: &History, judgement: &Judgement) -> bool {
    let left = history
        .steps
        .iter()
        .any(|step| matches!(step.client.end, ClientEnd::Left | ClientEnd::NoResponse(_) | ClientEnd::TimedOut(_)));
    let bad = judgement
        .outcomes
        .iter()
        .flatten()
        .any(|outcome| !matches!(outcome, Outcome::Completed | Outcome::Restarted | Outcome::Continued));
    let upstream = history.steps.iter().flat_map(|step| &step.upstream);
    let broke = upstream.into_iter().any(|upstream| matches!(upstream.end, UpstreamEnd::Cut(_)));
    left || bad || broke
}

/// Whether a limit of ours decided something: under load that says nothing about the proxy.
pub(super) fn by_the_clock(history: &History) -> bool {
    // A busy proxy may be late with the plain request behind a case, too.
    matches!(history.survived, Some(Survival::Failed(_)))
        || history.steps.iter().any(|step| {
            let waited_in_vain = |upstream: &UpstreamExchange| {
                upstream.gate_opened.is_some() || upstream.barrier == BarrierEnd::TimedOut
            };
            // A busy proxy may see late that its client has gone.
            let within = CANCEL_WITHIN.0.saturating_mul(1_000);
            let left_late = |upstream: &UpstreamExchange| {
                step.client.end == ClientEnd::Left && upstream.ended_at > step.client.ended_at.saturating_add(within)
            };
            matches!(step.client.end, ClientEnd::TimedOut(_))
                || step.upstream.iter().any(|upstream| waited_in_vain(upstream) || left_late(upstream))
        })
}

fn log_length(rig: &Rig) -> u64 {
    rig.proxy.log_path().and_then(|path| path.metadata().ok()).map_or(0, |meta| meta.len())
}

/// What a case's task gives back.
pub(super) struct Played {
    pub(super) index: usize,
    pub(super) slot: String,
    /// Slots of its neighbours.
    pub(super) beside: Vec<String>,
    pub(super) history: History,
    pub(super) judgement: Judgement,
    pub(super) took: Duration,
    /// The part of the proxy's log that was written meanwhile.
    pub(super) log: (u64, u64),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::Lab;
    use crate::runner::group::{Limits, plan};
    use crate::runner::testing::{case, shape};
    use crate::scenario::Toggle;

    #[test]
    fn an_upstream_that_is_left_late_may_be_the_work_of_load() {
        let check = |end: ClientEnd, after: u64, expect: bool| {
            let lab = Lab::chat().answers("primary", 0).with(|history| {
                let step = &mut history.steps[0];
                (step.client.end, step.client.ended_at) = (end, 1_000);
                step.upstream[0].ended_at = 1_000 + after;
            });
            assert_eq!(by_the_clock(&lab.history), expect, "{after}");
        };
        check(ClientEnd::Left, 2_000_001, true);
        check(ClientEnd::Left, 2_000_000, false);
        check(ClientEnd::Complete, 2_000_001, false);
    }

    #[test]
    fn what_is_remembered_on_a_route_is_no_sign_of_life() {
        let check = |remembers, cooldown, asked: Option<&str>| {
            let mut case = case("x", "a");
            case.shape = shape(&["anthropic/claude-opus-4-1", "openai/gpt-4o-mini"]);
            case.settings.cooldown = cooldown;
            let limits =
                Limits { profile: "p".to_owned(), routes: None, remembers, slots: 8, sweep_slots: 64, controls: true };
            let case = Arc::new(case);
            let launch = &plan(&[Arc::clone(&case)], &limits)[0];
            let control = control_of(launch, &case).map(|control| control.name);
            assert_eq!(control.as_deref(), asked, "{remembers:?} {cooldown:?}");
        };
        check(Remembers::Nothing, None, None);
        check(Remembers::Nothing, Some(Toggle::Off), None);
        check(Remembers::Nothing, Some(Toggle::On), Some("c1"));
        check(Remembers::PerRoute, None, Some("c1"));
    }
}
