//! The run: launches one after the other, cases inside them as the proxy's pace allows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::case::{self, Order};
use super::control::{Controls, still_serves};
use super::event::{CaseReport, Event, Judged, ProxyLine, SnapshotReport, SnapshotState, Start, Summary};
use super::group::{self, ControlPlan, LaunchPlan, Limits};
use super::keep::Keeper;
use super::lanes::{Lanes, Slots};
use super::rig::{Rig, describe};
use super::target::Target;
use super::words::Words;
use super::{Pace, Repeat, skip};
use crate::baseline::{self, Baseline};
use crate::check::{self, Judgement, Value, Verdict};
use crate::diagnostic::SourceFile;
use crate::history::{BarrierEnd, ClientEnd, History, UpstreamExchange};
use crate::proxy::Remembers;
use crate::scenario::{Case, Outcome, Shape, ShapeLeg};
use crate::snapshot;

/// Slots of a shape, unless the command line asks for more jobs.
const SLOTS: usize = 8;
/// The control's latency from which on waits for the client are stretched.
const FAST: Duration = Duration::from_millis(200);

/// What is run, and how.
#[derive(Debug)]
pub struct Plan {
    /// The selected cases, in order.
    pub cases: Vec<Case>,
    /// Ids of all cases of the files that were loaded, selected or not.
    pub all: Vec<String>,
    /// The proxy.
    pub target: Target,
    /// The proxy, as reports name it.
    pub line: ProxyLine,
    /// Attached: where the legs listen.
    pub listen: Option<SocketAddr>,
    /// Whether the cases are the bundled ones.
    pub bundled: bool,
    /// Seed of every word.
    pub seed: u64,
    /// Cases at a time, at most.
    pub jobs: usize,
    /// Whether warnings are failures.
    pub strict: bool,
    /// Limit of one exchange of the client, instead of the case's own.
    pub time_limit: Option<Duration>,
    /// Scenario files as they were read, by name.
    pub sources: BTreeMap<String, SourceFile>,
    /// How a case is repeated.
    pub repeat: Repeat,
    /// Verdicts that are known to fail.
    pub baseline: Baseline,
    /// The folder of this run; left out: nothing is kept.
    pub folder: Option<PathBuf>,
    /// Whether cases that are as expected are kept too.
    pub keep: bool,
    /// Called once the proxy is up; the cases begin when it returns, without time limits.
    pub hold: Option<Hold>,
    /// How snapshots are compared; left out: not at all.
    pub snapshots: Option<Snapshots>,
}

/// How snapshots are compared.
#[derive(Clone, Debug)]
pub struct Snapshots {
    /// What may be written.
    pub mode: snapshot::Mode,
    /// Sub-folder.
    pub name: Option<String>,
}

/// Waits for a person, who is told what listens where.
#[derive(Clone)]
pub struct Hold(pub Arc<dyn Fn(&str) + Send + Sync>);

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hold(..)")
    }
}

/// Runs a plan. Every event goes to `emit`; when `stop` turns true the run ends early, in order.
pub async fn run(plan: &Plan, stop: watch::Receiver<bool>, emit: &mut dyn FnMut(Event)) -> Summary {
    let started = Instant::now();
    let cases: Vec<Arc<Case>> = plan.cases.iter().cloned().map(Arc::new).collect();
    emit(Event::Started(Start {
        cases: cases.len(),
        bundled: plan.bundled,
        proxy: plan.line.clone(),
        seed: plan.seed,
    }));
    let words = Arc::new(Words::new(plan.seed, &cases));
    let mut run = Run {
        plan,
        keeper: plan.folder.as_ref().map(|folder| Keeper::new(folder.clone(), plan.keep)),
        cases,
        words,
        others: Arc::new(AtomicU64::new(0)),
        stop,
        emit,
        histories: BTreeMap::new(),
        met: BTreeSet::new(),
        summary: Summary { bundled: plan.bundled, proxy: plan.line.clone(), ..Summary::default() },
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
    cases: Vec<Arc<Case>>,
    words: Arc<Words>,
    /// Number of the next control or plain request.
    others: Arc<AtomicU64>,
    stop: watch::Receiver<bool>,
    emit: &'a mut dyn FnMut(Event),
    /// Histories of judged cases, by index, for the snapshots.
    histories: BTreeMap<usize, Arc<History>>,
    /// Addresses of verdicts that were judged and do not fail.
    met: BTreeSet<String>,
    summary: Summary,
}

/// How the cases of a launch ended.
enum Drained {
    All,
    Died(String),
    Stopped,
}

/// What a case's task gives back.
struct Played {
    index: usize,
    slot: String,
    history: History,
    judgement: Judgement,
    took: Duration,
    /// The part of the proxy's log that was written meanwhile.
    log: (u64, u64),
}

impl Run<'_> {
    async fn all(&mut self) {
        let profile = self.plan.target.profile();
        let attached = self.plan.target.is_attached();
        let mut runnable = Vec::new();
        for index in 0..self.cases.len() {
            let case = Arc::clone(&self.cases[index]);
            match skip::reason(&case, profile, attached) {
                Some(reason) => {
                    let repeat = self.plan.repeat.command(&case);
                    self.done(CaseReport::skipped(case, reason, repeat));
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
        self.stale();
        self.snapshots();
    }

    /// Entries of the baseline whose verdict was judged and no longer fails, or whose case is there no more.
    fn stale(&mut self) {
        let scenario = |id: &str| id.split('[').next().unwrap_or_default().to_owned();
        for known in &self.plan.baseline.entries {
            let Some((id, _)) = baseline::split(&known.address) else { continue };
            let scenarios = || self.plan.all.iter().map(|id| scenario(id));
            let gone = !self.plan.all.iter().any(|each| each == id) && scenarios().any(|each| each == scenario(id));
            if gone || self.met.contains(&known.address) {
                self.summary.stale.push(format!("{} ({})", known.address, known.reason));
            }
        }
    }

    /// Runs a launch, once more if the proxy dies. `false`: the run is over.
    async fn launch(&mut self, launch: &LaunchPlan, members: &[usize], controls: &mut Controls) -> bool {
        let cases = self.cases.clone();
        let mut lanes = Lanes::new(launch.cases.iter().map(|index| (*index, &*cases[*index])));
        let mut again = false;
        loop {
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
                rig = Rig::raise(&self.plan.target, self.plan.listen, launch, number) => rig,
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
                drained = self.drain(&rig, launch, &mut lanes, controls, again).await;
            }
            self.summary.strays += rig.legs.take_strays().len();
            rig.proxy.stop().await;
            match drained {
                Drained::All => return true,
                Drained::Stopped => {
                    self.interrupted();
                    return false;
                }
                Drained::Died(reason) => {
                    (self.emit)(Event::ProxyDied { reason: reason.clone(), again: !again });
                    if again {
                        self.summary.proxy_down = Some(format!("it died twice: {reason}"));
                        return false;
                    }
                    self.summary.deaths += 1;
                    again = true;
                }
            }
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
            if next <= wanted.len() {
                if let Some(why) = &result.failed {
                    *self.summary.controls.entry(why.clone()).or_default() += 1;
                }
                (self.emit)(Event::Control { what: result.what, failed: result.failed });
            }
            if let Some(reason) = rig.exited() {
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
        last_try: bool,
    ) -> Drained {
        let remembers = if rig.attached { Remembers::Nothing } else { self.plan.target.profile().remembers };
        let mut slots = Slots::new(&launch.slots, remembers == Remembers::Nothing);
        let latency = controls.latency();
        let jobs = if rig.attached { 1 } else { self.plan.jobs };
        let mut pace = Pace::new(jobs, latency);
        let patience = (latency.as_secs_f64() / FAST.as_secs_f64()).clamp(1.0, 5.0);
        let mut tasks: JoinSet<Played> = JoinSet::new();
        // Cases whose client waits for an answer; others only wait for silence on their slot, which is no load.
        let mut running: BTreeSet<usize> = BTreeSet::new();
        let (answered, mut told) = mpsc::unbounded_channel();
        // Cases that ran beside others.
        let mut loaded: BTreeSet<usize> = BTreeSet::new();
        // First tries of cases that are repeated alone.
        let mut first: BTreeMap<usize, Vec<Verdict>> = BTreeMap::new();
        loop {
            while let Some(index) = {
                let cases = &self.cases;
                lanes.next(running.len(), tasks.len(), pace.jobs(), |index| slots.has(&cases[index].shape))
            } {
                let case = Arc::clone(&self.cases[index]);
                let Some(slot) = slots.take(&case.shape) else {
                    let repeat = self.plan.repeat.command(&case);
                    self.done(CaseReport::skipped(case, "no slot is left to repeat it on".to_owned(), repeat));
                    continue;
                };
                (self.emit)(Event::CaseStarted { id: case.id() });
                let again = u64::from(first.contains_key(&index));
                let legs = case.shape.legs.len();
                let control = control_of(launch, &case);
                let order = Order {
                    slot: slot.clone(),
                    unique: self.words.unique(index, again),
                    voices: (0..legs).map(|leg| self.words.voice(index, legs, leg, again)).collect(),
                    controls: controls.of(&case),
                    limit: self.plan.time_limit,
                    quiet: None,
                    patience,
                    case,
                };
                let task = Task {
                    rig: Arc::clone(rig),
                    words: Arc::clone(&self.words),
                    others: Arc::clone(&self.others),
                    control,
                    answered: answered.clone(),
                    order,
                    index,
                };
                tasks.spawn(task.run());
                running.insert(index);
                if running.len() > 1 {
                    loaded.extend(&running);
                }
            }
            let played = tokio::select! {
                played = tasks.join_next() => played,
                Some(index) = told.recv() => {
                    running.remove(&index);
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
            let index = played.index;
            running.remove(&index);
            slots.give(&self.cases[index].shape, played.slot.clone());
            if let Some(took) = case::reaction(&played.history) {
                pace.observe(took);
            }
            if let Some(reason) = rig.exited() {
                let mut victims = vec![played];
                while let Some(Ok(other)) = tasks.join_next().await {
                    victims.push(other);
                }
                for victim in victims {
                    if last_try {
                        self.finish(rig, victim, Vec::new());
                    } else {
                        lanes.again(victim.index);
                    }
                }
                return Drained::Died(reason);
            }
            let was_loaded = loaded.remove(&index);
            if was_loaded
                && by_the_clock(&played.history)
                && !first.contains_key(&index)
                && remembers == Remembers::Nothing
            {
                first.insert(index, played.judgement.verdicts);
                lanes.again(index);
                continue;
            }
            let before = first.remove(&index).unwrap_or_default();
            self.finish(rig, played, before);
        }
        // Nothing is left out in silence.
        for index in lanes.rest() {
            let case = Arc::clone(&self.cases[index]);
            let repeat = self.plan.repeat.command(&case);
            self.done(CaseReport::skipped(case, "no slot of its shape was free".to_owned(), repeat));
        }
        Drained::All
    }

    /// Turns a played case into its report.
    fn finish(&mut self, rig: &Rig, played: Played, before: Vec<Verdict>) {
        let case = Arc::clone(&self.cases[played.index]);
        trace(&played);
        let Judgement { outcomes, verdicts, texts } = played.judgement;
        let flaky = before
            .into_iter()
            .filter(|first| {
                let now = verdicts.iter().find(|now| now.check == first.check);
                now.is_none_or(|now| now.value.name() != first.value.name())
            })
            .collect();
        let verdicts = verdicts.into_iter().map(|verdict| self.judged(&case, verdict)).collect();
        let history = Arc::new(played.history);
        self.histories.insert(played.index, Arc::clone(&history));
        let mut report = CaseReport {
            skipped: None,
            outcomes,
            texts,
            verdicts,
            flaky,
            history: Some(history),
            kept: None,
            repeat: self.plan.repeat.command(&case),
            source: self.plan.sources.get(&case.file).cloned(),
            took: played.took,
            case,
        };
        if let Some(keeper) = &mut self.keeper {
            match keeper.keep(&report, &rig.proxy, played.log) {
                Ok(kept) => report.kept = kept,
                Err(why) => (self.emit)(Event::Note(format!("cannot keep {}: {why}", report.case.id()))),
            }
        }
        self.done(report);
    }

    fn judged(&mut self, case: &Case, mut verdict: Verdict) -> Judged {
        if self.plan.strict && verdict.value == Value::Warn {
            verdict.value = Value::Fail;
        }
        let address = format!("{}/{}", case.id(), verdict.check);
        let known = self.plan.baseline.reason(&address).filter(|_| verdict.value == Value::Fail).map(str::to_owned);
        if matches!(verdict.value, Value::Pass | Value::Warn | Value::NotExercised) {
            self.met.insert(address);
        }
        Judged { verdict, known }
    }

    fn done(&mut self, report: CaseReport) {
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
        for (index, case) in self.cases.iter().enumerate() {
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

/// The launches that cases take on a proxy.
fn launches(cases: &[Arc<Case>], target: &Target, jobs: usize) -> Vec<LaunchPlan> {
    let (profile, attached) = (target.profile(), target.is_attached());
    let limits = Limits {
        profile: profile.profile.clone(),
        routes: profile.routes.filter(|_| !attached).map(|routes| routes as usize),
        remembers: if attached { Remembers::Nothing } else { profile.remembers },
        slots: if attached { 1 } else { jobs.max(1) },
        controls: target.has_controls(),
    };
    let mut launches = group::plan(cases, &limits);
    if attached && target.has_controls() {
        // The fallback alone is all that can be asked of a proxy that was configured by hand.
        for launch in &mut launches {
            launch.controls.clear();
            for leg in launch.cases.iter().filter_map(|index| cases[*index].shape.legs.get(1)) {
                let known = |control: &ControlPlan| control.target.model == leg.model && control.target.api == leg.api;
                if !launch.controls.iter().any(known) {
                    let name = format!("c{}", launch.controls.len() + 1);
                    launch.controls.push(ControlPlan { name, target: leg.clone() });
                }
            }
        }
    }
    launches
}

/// Why a case is not run on a proxy; `None` if it is.
pub fn skip_reason(case: &Case, target: &Target) -> Option<String> {
    skip::reason(case, target.profile(), target.is_attached())
}

/// The starts of the proxy that cases take, for people.
pub fn describe_launches(cases: &[Case], target: &Target) -> String {
    let runnable = cases.iter().filter(|case| skip_reason(case, target).is_none());
    let runnable: Vec<Arc<Case>> = runnable.cloned().map(Arc::new).collect();
    let mut text = String::new();
    for (number, launch) in launches(&runnable, target, SLOTS).iter().enumerate() {
        let what = describe(&launch.settings, launch.overlay.is_some());
        let what = if what.is_empty() { "nothing set".to_owned() } else { what };
        let _ = writeln!(text, "launch {}: {what}; {} cases", number + 1, launch.cases.len());
        for control in &launch.controls {
            let _ = writeln!(text, "  control {} {} in {}", control.name, control.target.model, control.target.api);
        }
        let mut shapes: Vec<(&Shape, usize)> = Vec::new();
        for slot in &launch.slots {
            match shapes.iter_mut().find(|(shape, _)| **shape == slot.shape) {
                Some((_, count)) => *count += 1,
                None => shapes.push((&slot.shape, 1)),
            }
        }
        for (shape, count) in shapes {
            let legs: Vec<_> =
                shape.legs.iter().map(|leg| format!("{} {} in {}", leg.name, leg.model, leg.api)).collect();
            let _ = writeln!(text, "  {count} slots: {}", legs.join(", then "));
        }
    }
    let skipped = cases.len() - runnable.len();
    let _ = writeln!(text, "{} cases run, {skipped} are skipped", runnable.len());
    text
}

/// One case on its way.
struct Task {
    rig: Arc<Rig>,
    words: Arc<Words>,
    others: Arc<AtomicU64>,
    control: Option<ControlPlan>,
    answered: mpsc::UnboundedSender<usize>,
    order: Order,
    index: usize,
}

impl Task {
    async fn run(self) -> Played {
        let begun = Instant::now();
        let log_from = log_length(&self.rig);
        // Where nobody listens any more the run is over.
        let answered = || {
            let _ = self.answered.send(self.index);
        };
        let mut history = case::play(&self.rig, &self.order, answered).await;
        let mut judgement = check::judge(&history);
        if wants_survival(&history, &judgement) {
            let n = self.others.fetch_add(1, Ordering::Relaxed);
            let Order { slot, case, limit, .. } = &self.order;
            let survived = still_serves(&self.rig, &self.words, n, self.control.as_ref(), slot, case, *limit).await;
            history.survived = Some(survived);
            judgement = check::judge(&history);
        }
        let log = (log_from, log_length(&self.rig));
        Played { index: self.index, slot: self.order.slot, history, judgement, took: begun.elapsed(), log }
    }
}

/// The control of one of the case's own legs: another target may be one that the proxy cannot be asked in this API.
fn control_of(launch: &LaunchPlan, case: &Case) -> Option<ControlPlan> {
    let own = |target: &ShapeLeg| case.shape.legs.iter().any(|leg| leg.model == target.model && leg.api == target.api);
    launch.controls.iter().find(|control| own(&control.target)).cloned()
}

/// The log of a case: its exchanges, and their bytes.
fn trace(played: &Played) {
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

/// Whether it is asked if the proxy still serves: the client left, nothing came, or the ending is one never legal.
fn wants_survival(history: &History, judgement: &Judgement) -> bool {
    let left = history
        .steps
        .iter()
        .any(|step| matches!(step.client.end, ClientEnd::Left | ClientEnd::NoResponse(_) | ClientEnd::TimedOut(_)));
    let bad = judgement
        .outcomes
        .iter()
        .flatten()
        .any(|outcome| matches!(outcome, Outcome::Silent | Outcome::Doubled | Outcome::Spliced | Outcome::Hung));
    left || bad
}

/// Whether a limit of ours decided something: under load that says nothing about the proxy.
fn by_the_clock(history: &History) -> bool {
    history.steps.iter().any(|step| {
        let waited_in_vain =
            |upstream: &UpstreamExchange| upstream.gate_opened.is_some() || upstream.barrier == BarrierEnd::TimedOut;
        matches!(step.client.end, ClientEnd::TimedOut(_)) || step.upstream.iter().any(waited_in_vain)
    })
}

fn log_length(rig: &Rig) -> u64 {
    rig.proxy.log_path().and_then(|path| path.metadata().ok()).map_or(0, |meta| meta.len())
}

/// Returns once the run is to stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // Nobody can stop the run any more.
        std::future::pending::<()>().await;
    }
}
