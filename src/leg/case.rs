//! The state of a case on its slot: what its legs have said, and what was recorded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::timeout;

use super::rest::Speech;
use super::session::{Binding, LegBinding};
use crate::fault::Plan;
use crate::history::{BarrierEnd, LegMoment, Moment, Stray, UpstreamEnd, UpstreamExchange};
use crate::progress::Progress;
use crate::scenario::StepPlan;
use crate::wire::{Blob, Chunk, Micros};

/// Longest wait for quiet.
const QUIET_LIMIT: Duration = Duration::from_secs(10);
/// Most strays that are kept.
pub(super) const MOST_STRAYS: usize = 1_000;

/// A case on its slot.
#[derive(Debug)]
pub(super) struct CaseState {
    pub(super) binding: Binding,
    step: Mutex<StepState>,
    /// Number of the last step that is over.
    over: watch::Sender<u64>,
    activity: watch::Sender<Activity>,
    aside: Mutex<Aside>,
}

#[derive(Debug, Default)]
struct StepState {
    /// Counts steps from 1, so that what belongs to an earlier step can be told.
    number: u64,
    /// Place in the case's steps.
    index: usize,
    open: bool,
    progress: Option<Progress>,
    /// The addresses that were asked, by the names of their legs, in order of their first request.
    asked: Vec<String>,
    attempts: BTreeMap<String, u32>,
    speeches: BTreeMap<String, Speech>,
    /// What each leg answered last: a late stray gets it again.
    last: BTreeMap<String, Arc<Plan>>,
    exchanges: Vec<UpstreamExchange>,
    gate_open: bool,
}

impl StepState {
    /// Whether the client of this step has gone away.
    fn left(&self) -> bool {
        self.progress.as_ref().is_some_and(Progress::has_left)
    }

    fn tell(&self, moment: impl FnOnce() -> Moment) {
        if let Some(progress) = &self.progress {
            progress.tell(moment);
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Activity {
    /// Requests that are being received or answered.
    busy: usize,
    /// When the last one came or went.
    last: Instant,
}

/// What was noticed beside the steps.
#[derive(Debug, Default)]
struct Aside {
    strays: Vec<Stray>,
    misrouted: Option<String>,
}

/// Locks; a panic elsewhere leaves these plain values usable.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl CaseState {
    pub(super) fn new(binding: Binding) -> Arc<Self> {
        Arc::new(Self {
            binding,
            step: Mutex::default(),
            over: watch::Sender::new(0),
            activity: watch::Sender::new(Activity { busy: 0, last: Instant::now() }),
            aside: Mutex::default(),
        })
    }

    /// Time since the start of the case.
    pub(super) fn now(&self) -> Micros {
        self.binding.started.elapsed().as_micros() as Micros
    }

    /// Begins a step; `speeches` is what each leg would say on its first attempt.
    pub(super) fn begin_step(&self, index: usize, progress: Option<Progress>, speeches: BTreeMap<String, Speech>) {
        let mut step = lock(&self.step);
        let number = step.number + 1;
        let (last, gate_open) = (std::mem::take(&mut step.last), step.gate_open);
        self.over.send_replace(step.number);
        *step = StepState { number, index, open: true, progress, speeches, last, gate_open, ..StepState::default() };
    }

    /// Ends the step: what still runs is cut off.
    pub(super) fn end_step(&self) -> Vec<UpstreamExchange> {
        let now = self.now();
        let mut step = lock(&self.step);
        step.open = false;
        let mut exchanges = std::mem::take(&mut step.exchanges);
        let still_run = |exchange: &UpstreamExchange| exchange.end == UpstreamEnd::CaseOver;
        for (number, exchange) in exchanges.iter_mut().enumerate().filter(|(_, exchange)| still_run(exchange)) {
            exchange.ended_at = now;
            step.tell(|| Moment::leg(now, number, LegMoment::Ends(UpstreamEnd::CaseOver, exchange.barrier)));
        }
        self.over.send_replace(step.number);
        exchanges
    }

    /// Whether nothing was busy, and nothing came, for `silence`.
    pub(super) async fn quiet(&self, silence: Duration) -> bool {
        let mut activity = self.activity.subscribe();
        let until = Instant::now() + QUIET_LIMIT.max(silence * 2);
        let asked = Instant::now();
        loop {
            let now = Instant::now();
            let Activity { busy, last } = *activity.borrow_and_update();
            let waited = now.saturating_duration_since(last.max(asked));
            if busy == 0 && waited >= silence {
                return true;
            }
            if now >= until {
                return false;
            }
            let left = if busy == 0 { silence.saturating_sub(waited) } else { QUIET_LIMIT };
            // Woken by time or by a request, it looks again.
            let _ = timeout(left.min(until.saturating_duration_since(now)), activity.changed()).await;
        }
    }

    /// A request begins to arrive.
    pub(super) fn arrive(self: &Arc<Self>) -> Presence {
        self.activity.send_modify(|activity| *activity = Activity { busy: activity.busy + 1, last: Instant::now() });
        Presence { case: Arc::clone(self) }
    }

    pub(super) fn stray(&self, stray: Stray) {
        let strays = &mut lock(&self.aside).strays;
        if strays.len() < MOST_STRAYS {
            strays.push(stray);
        }
    }

    pub(super) fn misrouted(&self, why: String) {
        lock(&self.aside).misrouted.get_or_insert(why);
    }

    pub(super) fn take_aside(&self) -> (Vec<Stray>, Option<String>) {
        let aside = std::mem::take(&mut *lock(&self.aside));
        (aside.strays, aside.misrouted)
    }

    /// The step that runs, with its number; `None` between steps.
    pub(super) fn running(&self) -> Option<Running<'_>> {
        let step = lock(&self.step);
        let plan = self.binding.case.steps.get(step.index)?;
        step.open.then(|| Running { index: step.index, plan, progress: step.progress.clone() })
    }

    /// The leg that a request for a generation at a leg's address is for: its own, unless legs have no order.
    pub(super) fn leg_asked<'a>(&'a self, at: &'a LegBinding) -> &'a LegBinding {
        if !self.binding.by_arrival || self.binding.case.shape.pool {
            return at;
        }
        let asked = &mut lock(&self.step).asked;
        let place = asked.iter().position(|name| *name == at.name).unwrap_or_else(|| {
            asked.push(at.name.clone());
            asked.len() - 1
        });
        self.binding.legs.get(place).unwrap_or(at)
    }

    /// The number of the next attempt, from 1: at this leg, and at any.
    pub(super) fn next_attempt(&self, leg: &str) -> (u32, u32) {
        let mut step = lock(&self.step);
        let attempt = step.attempts.entry(leg.to_owned()).or_default();
        *attempt += 1;
        (*attempt, step.attempts.values().sum())
    }

    /// What has been said in this step, and what would be.
    pub(super) fn speeches(&self) -> BTreeMap<String, Speech> {
        lock(&self.step).speeches.clone()
    }

    /// What each leg answered last.
    pub(super) fn last_plans(&self) -> BTreeMap<String, Arc<Plan>> {
        lock(&self.step).last.clone()
    }

    /// Notes what a leg is about to answer, and what it speaks anew.
    pub(super) fn answering(&self, leg: &str, plan: &Arc<Plan>, speech: Option<Speech>) {
        let mut step = lock(&self.step);
        step.last.insert(leg.to_owned(), Arc::clone(plan));
        if let Some(mut speech) = speech {
            let said = step.speeches.get(leg).filter(|old| old.whole() == speech.whole()).map_or(0, |old| old.said);
            speech.said = said;
            step.speeches.insert(leg.to_owned(), speech);
        }
    }

    /// Begins to record an exchange; `None` between steps.
    pub(super) fn record(self: &Arc<Self>, exchange: UpstreamExchange) -> Option<Recording> {
        let mut step = lock(&self.step);
        if !step.open {
            return None;
        }
        let index = step.exchanges.len();
        let generation = exchange.api.is_some() && !exchange.side_call;
        step.tell(|| Moment::leg(exchange.at, index, LegMoment::Asked(Box::new((&exchange).into()))));
        step.exchanges.push(exchange);
        if let Some(progress) = step.progress.as_ref().filter(|_| generation) {
            progress.ask();
        }
        let over = self.over.subscribe();
        Some(Recording {
            case: Arc::clone(self),
            step: step.number,
            index,
            over,
            ended: false,
            if_gone: UpstreamEnd::ProxyGone,
        })
    }

    /// Whether the lock-step gate was opened by time: it stays open for the rest of the case.
    pub(super) fn gate_is_open(&self) -> bool {
        lock(&self.step).gate_open
    }
}

/// The step that runs.
#[derive(Debug)]
pub(super) struct Running<'a> {
    pub(super) index: usize,
    pub(super) plan: &'a StepPlan,
    pub(super) progress: Option<Progress>,
}

/// A request that is being received or answered.
#[derive(Debug)]
pub(super) struct Presence {
    case: Arc<CaseState>,
}

impl Drop for Presence {
    fn drop(&mut self) {
        let less = |activity: &mut Activity| {
            *activity = Activity { busy: activity.busy.saturating_sub(1), last: Instant::now() };
        };
        self.case.activity.send_modify(less);
    }
}

/// The record of an exchange that goes on. Dropped without an end, the proxy has gone.
#[derive(Debug)]
pub(super) struct Recording {
    case: Arc<CaseState>,
    step: u64,
    index: usize,
    over: watch::Receiver<u64>,
    ended: bool,
    if_gone: UpstreamEnd,
}

impl Recording {
    /// Changes the exchange, unless its step is over.
    fn edit(&self, change: impl FnOnce(&mut UpstreamExchange, &mut StepScene<'_>)) {
        let now = self.case.now();
        let mut step = lock(&self.case.step);
        if step.number != self.step || !step.open {
            return;
        }
        let step = &mut *step;
        let mut scene = StepScene {
            now,
            number: self.index,
            left: step.left(),
            progress: step.progress.as_ref(),
            gate_open: &mut step.gate_open,
            speeches: &mut step.speeches,
        };
        if let Some(exchange) = step.exchanges.get_mut(self.index) {
            change(exchange, &mut scene);
        }
    }

    /// The head is out.
    pub(super) fn head(&self, status: u16) {
        self.edit(|exchange, scene| {
            exchange.status = status;
            scene.tell(|| LegMoment::Head(status));
        });
    }

    /// Body bytes are out, and with them so much of the plan's text.
    pub(super) fn sent(&self, data: &[u8], text: &str) {
        self.edit(|exchange, scene| {
            exchange.sent.push(Chunk { at: scene.now, data: Blob(data.to_vec()) });
            scene.tell(|| LegMoment::Says(Blob(data.to_vec())));
            if scene.left {
                exchange.after_leave += data.len() as u64;
            }
            if exchange.said.text.len() < text.len() {
                text.clone_into(&mut exchange.said.text);
                if let Some(speech) = scene.speeches.get_mut(&exchange.said.voice) {
                    speech.said = speech.said.max(exchange.said.from + text.chars().count());
                }
            }
        });
    }

    pub(super) fn barrier(&self, end: BarrierEnd) {
        self.edit(|exchange, _| exchange.barrier = end);
    }

    /// The gate opened by time, and the client lacked so many deltas.
    pub(super) fn gate_opened(&self, lacked: u32) {
        self.edit(|exchange, scene| {
            exchange.gate_opened = Some(lacked);
            *scene.gate_open = true;
        });
    }

    /// From now on nothing is said, as scripted: going away is what that is there to provoke.
    pub(super) fn falls_silent(&mut self) {
        self.if_gone = UpstreamEnd::Cut("stall".to_owned());
        self.edit(|exchange, scene| {
            exchange.silences.push(scene.now);
            scene.tell(|| LegMoment::FallsSilent);
        });
    }

    /// The silence is over.
    pub(super) fn speaks_on(&mut self) {
        self.if_gone = UpstreamEnd::ProxyGone;
    }

    pub(super) fn end(&mut self, end: UpstreamEnd) {
        self.ended = true;
        self.edit(|exchange, scene| {
            exchange.end = end;
            exchange.ended_at = scene.now;
            scene.tell(|| LegMoment::Ends(exchange.end.clone(), exchange.barrier));
        });
    }

    /// The proxy went away. Once the client has left, that is what a proxy shall do, whatever was scripted.
    pub(super) fn gone(&mut self) {
        let left = lock(&self.case.step).left();
        self.end(if left { UpstreamEnd::ProxyGone } else { self.if_gone.clone() });
    }

    /// Comes back when the step is over.
    pub(super) fn over(&self) -> impl Future<Output = ()> + Send + use<> {
        let (mut over, step) = (self.over.clone(), self.step);
        async move {
            // An error means that the case is gone, and so over.
            let _ = over.wait_for(|last| *last >= step).await;
        }
    }

    pub(super) fn case(&self) -> &CaseState {
        &self.case
    }
}

/// What a record may touch beside its exchange.
struct StepScene<'a> {
    now: Micros,
    /// The number of the exchange.
    number: usize,
    left: bool,
    progress: Option<&'a Progress>,
    gate_open: &'a mut bool,
    speeches: &'a mut BTreeMap<String, Speech>,
}

impl StepScene<'_> {
    fn tell(&self, what: impl FnOnce() -> LegMoment) {
        if let Some(progress) = self.progress {
            progress.tell(|| Moment::leg(self.now, self.number, what()));
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if !self.ended {
            self.gone();
        }
    }
}
