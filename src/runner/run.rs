//! The run: launches one after the other, cases inside them as the proxy's pace allows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::case::{self, Order};
use super::control::Controls;
use super::event::{CaseReport, Event, Judged, SnapshotReport, SnapshotState, Start, Summary};
use super::given::Given;
use super::group::{LaunchPlan, slots_of};
use super::keep::Keeper;
use super::lanes::{Lanes, Slots};
use super::live::Live;
use super::plan::{Plan, SWEEP_JOBS, launches};
use super::plays;
use super::rig::{Rig, describe};
use super::smallest::Smallest;
use super::task::{Played, Task, by_the_clock, control_of, trace};
use super::tries::{Then, Tries};
use super::words::Words;
use super::{Pace, Plays, skip};
use crate::baseline::Tallies;
use crate::check::{Judgement, Value, Verdict};
use crate::history::{History, Moment, Stray};
use crate::proxy::{LegBy, Remembers};
use crate::scenario::Case;
use crate::snapshot;
use crate::wire::Request;

/// The control's latency from which on waits for the client are stretched.
const FAST: Duration = Duration::from_millis(200);
/// Deaths of the proxy in one launch that are too many, each of another case.
const MOST_DEATHS: usize = 12;

/// Runs a plan. Every event goes to `emit`; when `stop` turns true the run ends early, in order.
pub async fn run(plan: &Plan, stop: watch::Receiver<bool>, emit: &mut dyn FnMut(Event)) -> Summary {
    let started = Instant::now();
    let once: Vec<Arc<Case>> = plan.cases.iter().cloned().map(Arc::new).collect();
    let cases = std::iter::repeat_n(&once, plan.plays.max(1)).flatten().cloned().collect::<Vec<_>>();
    emit(Event::Started(Start { cases: once.len(), bundled: plan.bundled, proxy: plan.line.clone(), seed: plan.seed }));
    let words = Arc::new(Words::new(plan.seed, &cases));
    let mut run = Run {
        plan,
        keeper: plan.folder.as_ref().map(|folder| Keeper::new(folder.clone(), plan.keep)),
        once: once.len(),
        plays: BTreeMap::new(),
        cases,
        words,
        given: Arc::default(),
        others: Arc::new(AtomicU64::new(0)),
        stop,
        emit,
        histories: BTreeMap::new(),
        tallies: Tallies::new(&plan.baseline, &plan.all),
        smallest: Smallest::default(),
        summary: Summary { bundled: plan.bundled, proxy: plan.line.clone(), ..Summary::default() },
        finished: 0,
    };
    run.all().await;
    let mut summary = run.summary;
    summary.took = started.elapsed();
    emit(Event::Finished(Box::new(summary.clone())));
    summary
}

struct Run<'a> {
    plan: &'a Plan,
    keeper: Option<Keeper>,
    /// Every play of every case: all cases once, then all of them again.
    cases: Vec<Arc<Case>>,
    /// How many cases there are, each counted once.
    once: usize,
    /// What the plays of a case came to so far, where there are to be more.
    plays: BTreeMap<usize, Vec<CaseReport>>,
    words: Arc<Words>,
    /// Number of the next control or plain request.
    others: Arc<AtomicU64>,
    /// Ids that clients were given.
    given: Arc<Given>,
    stop: watch::Receiver<bool>,
    emit: &'a mut dyn FnMut(Event),
    /// Histories of judged cases, by index, for the snapshots.
    histories: BTreeMap<usize, Arc<History>>,
    /// How the entries of the baseline fare.
    tallies: Tallies,
    /// Which points of sweeps are worth keeping.
    smallest: Smallest,
    summary: Summary,
    /// Plays that are over.
    finished: usize,
}

/// How the cases of a launch ended.
enum Drained {
    All,
    Died(String),
    Stopped,
}

impl Run<'_> {
    async fn all(&mut self) {
        let profile = self.plan.target.profile();
        let attached = self.plan.target.is_attached();
        let mut runnable = Vec::new();
        for index in 0..self.cases.len() {
            let case = Arc::clone(&self.cases[index]);
            match skip::reason(&case, profile, attached) {
                Some(_) if index >= self.once => {}
                Some(reason) => {
                    let repeat = self.plan.repeat.command(&case);
                    self.tell(CaseReport::skipped(case, reason, repeat));
                }
                None => runnable.push(index),
            }
        }
        let chosen: Vec<Arc<Case>> = runnable.iter().map(|index| Arc::clone(&self.cases[*index])).collect();
        let mut launches = launches(&chosen, &self.plan.target, self.plan.jobs);
        for launch in &mut launches {
            for index in &mut launch.cases {
                *index = runnable[*index];
            }
        }
        let mut controls: HashMap<usize, Controls> = HashMap::new();
        for launch in &launches {
            let members: Vec<usize> = launches
                .iter()
                .filter(|other| other.group == launch.group)
                .flat_map(|other| other.cases.clone())
                .collect();
            let controls = controls.entry(launch.group).or_default();
            if !self.launch(launch, &members, controls).await {
                break;
            }
        }
        for plays in std::mem::take(&mut self.plays).into_values() {
            self.fold(plays);
        }
        self.summary.baseline = self.tallies.counts();
        self.snapshots();
    }

    /// Runs a launch, again as long as the proxy dies of single cases. `false`: the run is over.
    async fn launch(&mut self, launch: &LaunchPlan, members: &[usize], controls: &mut Controls) -> bool {
        let cases = self.cases.clone();
        let mut lanes = Lanes::new(launch.cases.iter().map(|index| (*index, &*cases[*index])));
        let mut deaths = 0;
        let mut suspects = BTreeSet::new();
        loop {
            let before = self.finished;
            self.summary.launches += 1;
            let number = self.summary.launches;
            (self.emit)(Event::Launching {
                number,
                routes: launch.slots.len() + launch.controls.len(),
                cases: lanes.left(),
                what: describe(&launch.settings, launch.overlay.is_some()),
            });
            let begun = Instant::now();
            let rig = tokio::select! {
                rig = Rig::raise(&self.plan.target, self.plan.listen, &self.plan.rules, launch, number, None) => rig,
                () = stopped(&mut self.stop) => { self.interrupted(); return false }
            };
            let rig = match rig {
                Ok(rig) => Arc::new(rig),
                Err(reason) => {
                    self.summary.proxy_down = Some(reason);
                    return false;
                }
            };
            let version = rig.proxy.facts("").version;
            (self.emit)(Event::Launched { took: begun.elapsed(), version });
            let mut drained = self.controls(&rig, launch, members, controls).await;
            if let (Drained::All, Some(hold), false) = (&drained, &self.plan.hold, launch.cases.is_empty()) {
                let (hold, text) = (hold.clone(), rig.describe(launch));
                let waited = tokio::task::spawn_blocking(move || (hold.0)(&text));
                tokio::select! {
                    _ = waited => {}
                    () = stopped(&mut self.stop) => drained = Drained::Stopped,
                }
            }
            if matches!(drained, Drained::All) {
                self.past_the_end(&mut lanes, controls);
                drained = self.drain(&rig, launch, &mut lanes, controls, &mut suspects).await;
            }
            self.astray(launch, &rig.legs.take_strays());
            rig.proxy.stop().await;
            match drained {
                Drained::All => return true,
                Drained::Stopped => {
                    self.interrupted();
                    return false;
                }
                Drained::Died(reason) => {
                    deaths += 1;
                    let over = lanes.left() == 0;
                    let in_vain = deaths > 1 && self.finished == before || deaths >= MOST_DEATHS;
                    (self.emit)(Event::ProxyDied { reason: reason.clone(), again: !in_vain && !over });
                    if in_vain && !over {
                        let times = if deaths == 2 { "twice".to_owned() } else { format!("{deaths} times") };
                        self.summary.proxy_down = Some(format!("it died {times}: {reason}"));
                        return false;
                    }
                    self.summary.deaths += 1;
                    if over {
                        return true;
                    }
                }
            }
        }
    }

    /// Leaves out the points of sweeps that lie behind the end of the answer as this proxy asks for it.
    fn past_the_end(&mut self, lanes: &mut Lanes, controls: &Controls) {
        let mut ends: HashMap<String, Option<u64>> = HashMap::new();
        let cases = self.cases.clone();
        let mut lies_beyond = |case: &Case| {
            let Some(point) = &case.sweep else { return false };
            let end = *ends.entry(point.of.clone()).or_insert_with(|| controls.extent(case));
            end.is_some_and(|end| point.at > end)
        };
        let beyond: BTreeSet<usize> = (0..cases.len()).filter(|index| lies_beyond(&cases[*index])).collect();
        let mut fewer: BTreeMap<String, usize> = BTreeMap::new();
        for index in lanes.leave_out(|index| beyond.contains(&index)).into_iter().filter(|index| *index < self.once) {
            let of = cases[index].sweep.as_ref().map(|point| point.of.clone()).unwrap_or_default();
            *fewer.entry(of).or_default() += 1;
        }
        for (sweep, points) in fewer {
            (self.emit)(Event::Fewer { sweep, points });
        }
    }

    /// Counts requests that fit no running case. Where the proxy was configured by hand the first of them may say why
    /// nothing else comes.
    fn astray(&mut self, launch: &LaunchPlan, strays: &[Stray]) {
        self.summary.strays += strays.len();
        let by_prefix = self.plan.target.profile().leg_by == LegBy::Prefix;
        let (Some(first), Some(listen), Some(slot)) = (strays.first(), self.plan.listen, launch.slots.first()) else {
            return;
        };
        if by_prefix {
            let legs = slot.shape.legs.iter().map(|leg| format!("http://{listen}/{}", leg.name));
            let legs = legs.collect::<Vec<_>>().join(" and ");
            let Request { method, target, .. } = &first.request;
            let path = target.split('?').next().unwrap_or_default();
            let note = format!("the proxy asked {method} {path}, where no leg of a running case is; legs are {legs}");
            (self.emit)(Event::Note(note));
        }
    }

    fn interrupted(&mut self) {
        if !self.summary.interrupted {
            self.summary.interrupted = true;
            (self.emit)(Event::Interrupted);
        }
    }

    /// Runs the controls that are not done yet, one at a time.
    async fn controls(
        &mut self,
        rig: &Arc<Rig>,
        launch: &LaunchPlan,
        members: &[usize],
        controls: &mut Controls,
    ) -> Drained {
        let cases: Vec<&Arc<Case>> = members.iter().map(|member| &self.cases[*member]).collect();
        let wanted = controls.wanted(launch, &cases);
        let mut extra = wanted.iter().cycle();
        let mut next = 0;
        while next < wanted.len() || (controls.wants_samples() && next < 8) {
            let Some((control, client)) = extra.next() else { break };
            next += 1;
            let n = self.others.fetch_add(1, Ordering::Relaxed);
            let result = tokio::select! {
                result = controls.run(rig, &self.words, n, control, client, self.plan.time_limit) => result,
                () = stopped(&mut self.stop) => return Drained::Stopped,
            };
            let failed = result.failed.is_some();
            if next <= wanted.len() {
                if let Some(why) = &result.failed {
                    *self.summary.controls.entry(why.clone()).or_default() += 1;
                }
                (self.emit)(Event::Control { what: result.what, failed: result.failed });
            }
            if let Some(reason) = rig.ended_with(failed).await {
                return Drained::Died(reason);
            }
        }
        Drained::All
    }

    /// Runs the cases that are left on this launch.
    async fn drain(
        &mut self,
        rig: &Arc<Rig>,
        launch: &LaunchPlan,
        lanes: &mut Lanes,
        controls: &Controls,
        suspects: &mut BTreeSet<usize>,
    ) -> Drained {
        let remembers = launch.remembers;
        let mut slots = Slots::new(&launch.slots, remembers == Remembers::Nothing);
        let latency = controls.latency();
        let swept = launch.cases.iter().filter(|index| self.cases[**index].sweep.is_some()).count();
        let jobs = match () {
            () if rig.attached || self.plan.live => 1,
            // Most of a cut is waiting, for the client and for silence.
            () if swept * 2 > launch.cases.len() => self.plan.jobs * SWEEP_JOBS,
            () => self.plan.jobs,
        };
        let mut pace = Pace::new(jobs, latency);
        let patience = patience(latency);
        let mut tasks: JoinSet<Played> = JoinSet::new();
        // Cases whose client waits for an answer; others only wait for silence on their slot, which is no load.
        let mut running: BTreeSet<usize> = BTreeSet::new();
        let (answered, mut told) = mpsc::unbounded_channel();
        let mut live = Live::new(self.plan.live, rig.proxy.secrets());
        let mut tries = Tries::default();
        let crowded = lanes.leave_out(|index| !slots.has(&self.cases[index].shape, slots_of(&self.cases[index])));
        for index in crowded {
            let case = Arc::clone(&self.cases[index]);
            let reason = format!("it takes {} routes of its shape at a time: the proxy has fewer", slots_of(&case));
            let repeat = self.plan.repeat.command(&case);
            self.done(index, CaseReport::skipped(case, reason, repeat));
        }
        loop {
            while let Some(index) = {
                let cases = &self.cases;
                let any = slots.any();
                // Watched, one case is over before the next one begins.
                let busy = if self.plan.live { tasks.len() } else { running.len() };
                lanes.next(busy, tasks.len(), pace.jobs(), |index| {
                    any && slots.has(&cases[index].shape, slots_of(&cases[index]))
                })
            } {
                let case = Arc::clone(&self.cases[index]);
                let Some(slot) = slots.take(&case.shape) else {
                    let repeat = self.plan.repeat.command(&case);
                    self.done(index, CaseReport::skipped(case, "no slot is left to repeat it on".to_owned(), repeat));
                    continue;
                };
                let again = tries.of(index);
                let unique = self.words.unique(index, again);
                (self.emit)(Event::CaseStarted { case: Arc::clone(&case), unique: unique.clone() });
                let legs = case.shape.legs.len();
                let control = control_of(launch, &case);
                let beside = self.neighbours(&case, &mut slots, controls, patience);
                let order = Order {
                    slot: slot.clone(),
                    unique,
                    voices: (0..legs).map(|leg| self.words.voice(index, legs, leg, again)).collect(),
                    controls: controls.of(&case),
                    limit: self.plan.time_limit,
                    quiet: None,
                    patience,
                    watcher: live.watcher(),
                    case,
                };
                let task = Task {
                    rig: Arc::clone(rig),
                    words: Arc::clone(&self.words),
                    others: Arc::clone(&self.others),
                    given: Arc::clone(&self.given),
                    control,
                    answered: answered.clone(),
                    order,
                    beside,
                    index,
                };
                tasks.spawn(task.run());
                running.insert(index);
                tries.beside(&running);
            }
            let played = tokio::select! {
                played = tasks.join_next() => played,
                Some(index) = told.recv() => {
                    running.remove(&index);
                    continue;
                }
                moments = live.next() => {
                    self.seen(moments);
                    continue;
                }
                () = stopped(&mut self.stop) => {
                    tasks.shutdown().await;
                    return Drained::Stopped;
                }
            };
            let played = match played {
                None => break,
                Some(Ok(played)) => played,
                Some(Err(error)) => {
                    // A bug of ours: said aloud, never green.
                    tasks.shutdown().await;
                    return Drained::Died(format!("a task of the runner failed: {error}"));
                }
            };
            self.seen(live.rest());
            let index = played.index;
            running.remove(&index);
            for slot in played.beside.iter().chain([&played.slot]) {
                slots.give(&self.cases[index].shape, slot.clone());
            }
            if let Some(took) = case::reaction(&played.history) {
                pace.observe(took);
            }
            if let Some(reason) = rig.gone(&played.history).await {
                let mut victims = vec![played];
                while let Some(Ok(other)) = tasks.join_next().await {
                    victims.push(other);
                }
                for victim in victims {
                    // A suspect runs alone: it was this one.
                    if suspects.insert(victim.index) {
                        lanes.alone(victim.index);
                    } else {
                        self.finish(rig, victim, Vec::new());
                    }
                }
                return Drained::Died(reason);
            }
            let clock = remembers == Remembers::Nothing && by_the_clock(&played.history);
            match tries.played(index, &played.judgement.verdicts, clock) {
                Then::Stands(differed) => self.finish(rig, played, differed),
                Then::Calm => lanes.calm(index),
                Then::Alone => lanes.alone(index),
            }
        }
        // Nothing is left out in silence.
        for index in lanes.rest() {
            let case = Arc::clone(&self.cases[index]);
            let repeat = self.plan.repeat.command(&case);
            self.done(index, CaseReport::skipped(case, "no slot of its shape was free".to_owned(), repeat));
        }
        Drained::All
    }

    /// Orders for a case's neighbours, as far as there are slots for them.
    fn neighbours(&self, case: &Case, slots: &mut Slots, controls: &Controls, patience: f64) -> Vec<Order> {
        let neighbour = |_| {
            let slot = slots.take(&case.shape)?;
            let neighbour = Arc::new(case.neighbour());
            let mut words =
                case.shape.legs.iter().map(|_| self.words.other(self.others.fetch_add(1, Ordering::Relaxed)));
            let (unique, first) = words.next()?;
            Some(Order {
                slot,
                unique,
                voices: std::iter::once(first).chain(words.map(|(_, voice)| voice)).collect(),
                controls: controls.of(&neighbour),
                limit: self.plan.time_limit,
                quiet: None,
                patience,
                watcher: None,
                case: neighbour,
            })
        };
        (0..case.beside).filter_map(neighbour).collect()
    }

    fn seen(&mut self, moments: Vec<Moment>) {
        for moment in moments {
            (self.emit)(Event::Seen(Box::new(moment)));
        }
    }

    /// Turns a played case into its report.
    fn finish(&mut self, rig: &Rig, played: Played, flaky: Vec<Verdict>) {
        let case = Arc::clone(&self.cases[played.index]);
        trace(&played);
        let Judgement { outcomes, verdicts, texts } = played.judgement;
        let verdicts = verdicts.into_iter().map(|verdict| self.judged(&case, verdict)).collect();
        let history = Arc::new(played.history);
        // A snapshot of thousands of cuts would show nothing, and their histories would fill the memory; of a pool it
        // would show whose turn it was.
        if case.sweep.is_none() && !case.shape.pool {
            self.histories.entry(played.index % self.once).or_insert_with(|| Arc::clone(&history));
        }
        let mut report = CaseReport {
            skipped: None,
            outcomes,
            texts,
            verdicts,
            flaky,
            plays: Plays::default(),
            history: Some(history),
            kept: None,
            repeat: self.plan.repeat.command(&case),
            source: self.plan.sources.get(&case.file).cloned(),
            took: played.took,
            case,
        };
        if let Some(keeper) = self.keeper.as_mut().filter(|_| self.smallest.tells(&report)) {
            let play = (self.plan.plays > 1).then_some(played.index / self.once + 1);
            match keeper.keep(&report, play, &rig.proxy, played.log) {
                Ok(kept) => report.kept = kept,
                Err(why) => (self.emit)(Event::Note(format!("cannot keep {}: {why}", report.case.id()))),
            }
        }
        self.done(played.index, report);
    }

    fn judged(&self, case: &Case, mut verdict: Verdict) -> Judged {
        if self.plan.strict && verdict.value == Value::Warn {
            verdict.value = Value::Fail;
        }
        let known = self.plan.baseline.known(&case.id(), &verdict.check).filter(|_| verdict.value == Value::Fail);
        let known = known.map(|known| known.reason.clone());
        Judged { verdict, known }
    }

    /// A play is over; with the last one of its case the case is.
    fn done(&mut self, index: usize, report: CaseReport) {
        self.finished += 1;
        let case = index % self.once;
        let plays = self.plays.entry(case).or_default();
        plays.push(report);
        if plays.len() >= self.plan.plays.max(1) {
            let plays = self.plays.remove(&case).unwrap_or_default();
            self.fold(plays);
        }
    }

    fn fold(&mut self, plays: Vec<CaseReport>) {
        if let Some(report) = plays::fold(plays) {
            self.tell(report);
        }
    }

    /// Counts and tells what a case came to.
    fn tell(&mut self, report: CaseReport) {
        if report.skipped.is_none() {
            let id = report.case.id();
            for judged in &report.verdicts {
                self.tallies.count(&id, &judged.verdict.check, &judged.verdict.value);
            }
        }
        self.summary.count(&report);
        (self.emit)(Event::CaseDone(Box::new(report)));
    }

    /// Compares the snapshot of each scenario of which every case was selected and run as far as it can be.
    fn snapshots(&mut self) {
        let Some(how) = self.plan.snapshots.as_ref().filter(|_| !self.plan.bundled) else { return };
        if self.summary.interrupted || self.summary.proxy_down.is_some() {
            return;
        }
        let mut scenarios: Vec<(String, Vec<usize>)> = Vec::new();
        for (index, case) in self.cases[..self.once].iter().enumerate() {
            match scenarios.iter_mut().find(|(file, _)| *file == case.file) {
                Some((_, members)) => members.push(index),
                None => scenarios.push((case.file.clone(), vec![index])),
            }
        }
        for (file, members) in scenarios {
            let scenario = self.cases[members[0]].scenario.clone();
            let of_scenario = |id: &&String| id.split('[').next() == Some(scenario.as_str());
            let played: Vec<_> = members
                .iter()
                .filter_map(|index| Some((self.cases[*index].id(), &**self.histories.get(index)?)))
                .collect();
            if played.is_empty() || members.len() < self.plan.all.iter().filter(of_scenario).count() {
                continue;
            }
            let path = snapshot::path(Path::new(&file), &scenario, &self.plan.line.name, how.name.as_deref());
            let required = members.iter().any(|index| {
                self.cases[*index].steps.iter().any(|step| step.expect.snapshot.as_deref() == Some("required"))
            });
            let state = match snapshot::settle(&path, &file, &snapshot::render(&played), how.mode) {
                Ok(snapshot::State::Unchanged) => SnapshotState::Unchanged,
                Ok(snapshot::State::New { pending }) => SnapshotState::New { pending, required },
                Ok(snapshot::State::Changed { diff, pending }) => SnapshotState::Changed { diff, pending },
                Ok(snapshot::State::Written) => SnapshotState::Written,
                Err(error) => {
                    (self.emit)(Event::Note(format!("snapshot {}: {error}", path.display())));
                    continue;
                }
            };
            let report = SnapshotReport { scenario, path, state };
            self.summary.count_snapshot(&report);
            (self.emit)(Event::Snapshot(report));
        }
    }
}

/// The factor on waits for the client, from the control's latency.
pub(super) fn patience(latency: Duration) -> f64 {
    (latency.as_secs_f64() / FAST.as_secs_f64()).clamp(1.0, 5.0)
}

/// Returns once the run is to stop.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // Nobody can stop the run any more.
        std::future::pending::<()>().await;
    }
}
