//! Single cases on a live launch: started once with a few shapes, then asked to play whatever comes.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, RwLock, mpsc};

use super::case::{self, Order};
use super::control::Controls;
use super::given::Given;
use super::group::LaunchPlan;
use super::lanes::Slots;
use super::plan::launches;
use super::rig::Rig;
use super::run::patience;
use super::task::{Task, by_the_clock, control_of, trace};
use super::words::Words;
use super::{Pace, Target};
use crate::check::{Judgement, Value};
use crate::history::{Control, History};
use crate::rules::RuleBook;
use crate::scenario::{Case, Shape};

/// What a session is opened with.
#[derive(Debug)]
pub struct SessionPlan<'a> {
    /// The proxy.
    pub target: &'a Target,
    /// Attached: where the legs listen.
    pub listen: Option<SocketAddr>,
    /// What the legs refuse.
    pub rules: &'a Arc<RuleBook>,
    /// A plain case of each shape that will be played; cases bring no other shapes and settings.
    pub samples: Vec<Case>,
    /// Seed of every word.
    pub seed: u64,
    /// Most plays: each has words of its own.
    pub plays: usize,
    /// Cases at a time, at most.
    pub jobs: usize,
    /// Limit of one exchange of the client, instead of the case's own.
    pub time_limit: Option<Duration>,
    /// 1 for the first start of the proxy.
    pub number: usize,
    /// Whether a warning is a failure.
    pub strict: bool,
}

/// What was seen of a case, and its judgement.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Everything that was seen.
    pub history: History,
    /// The judgement.
    pub judgement: Judgement,
}

impl Seen {
    /// The first target that refuses or fails the client's request though nothing is broken, with what it says.
    pub fn refused(&self) -> Option<String> {
        let controls = self.history.steps.iter().flat_map(|step| &step.controls);
        controls.into_iter().find_map(|(leg, control)| match control {
            Control::Failed { status: 0, text, .. } => Some(format!("`{leg}`: {text}")),
            Control::Failed { status, text, .. } => Some(format!("`{leg}`: {status} {text}")),
            Control::Done { .. } | Control::Missing { .. } => None,
        })
    }
}

/// A launch that is up, for single cases.
pub struct Session {
    rig: Arc<Rig>,
    launch: LaunchPlan,
    words: Arc<Words>,
    others: Arc<AtomicU64>,
    given: Arc<Given>,
    controls: tokio::sync::Mutex<Controls>,
    desk: Mutex<Desk>,
    /// Told whenever a slot or a job is free again.
    freed: Notify,
    /// Held for reading by every case, for writing by one that is to run alone.
    alone: RwLock<()>,
    patience: f64,
    time_limit: Option<Duration>,
    strict: bool,
    /// Why the proxy is gone, once it is.
    gone: OnceLock<String>,
}

/// Who may begin.
#[derive(Debug)]
struct Desk {
    slots: Slots,
    pace: Pace,
    running: usize,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("rig", &self.rig).finish_non_exhaustive()
    }
}

/// The words of the try that is not the first one.
const AGAIN: u64 = 1;

impl Session {
    /// Starts the proxy and asks it for the first controls. An error says why the proxy is not up.
    pub async fn open(plan: SessionPlan<'_>) -> Result<Self, String> {
        let attached = plan.target.is_attached();
        let jobs = if attached { 1 } else { plan.jobs.max(1) };
        let samples: Vec<Arc<Case>> = plan.samples.into_iter().map(Arc::new).collect();
        // As many of each as shall run at a time.
        let wanted: Vec<Arc<Case>> =
            samples.iter().flat_map(|sample| std::iter::repeat_n(Arc::clone(sample), jobs)).collect();
        let mut launches = launches(&wanted, plan.target, jobs);
        let Some(launch) = launches.pop().filter(|_| launches.is_empty()) else {
            return Err("it takes a start of its own for every few cases".to_owned());
        };
        let rig = Arc::new(Rig::raise(plan.target, plan.listen, plan.rules, &launch, plan.number, None).await?);
        let legs = samples.iter().map(|sample| sample.shape.legs.len()).max().unwrap_or(1);
        let session = Self {
            words: Arc::new(Words::of_legs(plan.seed, std::iter::repeat_n(legs, plan.plays))),
            others: Arc::new(AtomicU64::new(0)),
            given: Arc::default(),
            controls: tokio::sync::Mutex::new(Controls::default()),
            desk: Mutex::new(Desk {
                slots: Slots::new(&launch.slots, true),
                pace: Pace::new(jobs, Duration::ZERO),
                running: 0,
            }),
            freed: Notify::new(),
            alone: RwLock::new(()),
            patience: 1.0,
            time_limit: plan.time_limit,
            strict: plan.strict,
            gone: OnceLock::new(),
            rig,
            launch,
        };
        session.measured(&samples, jobs).await
    }

    /// The proxy's pace, from controls of plain cases.
    async fn measured(mut self, samples: &[Arc<Case>], jobs: usize) -> Result<Self, String> {
        for sample in samples {
            let failed = self.ask_controls(sample).await;
            if let Some(reason) = self.rig.ended_with(failed).await {
                return Err(reason);
            }
        }
        let latency = self.controls.get_mut().latency();
        self.patience = patience(latency);
        self.desk().pace = Pace::new(jobs, latency);
        Ok(self)
    }

    /// Plays a case beside others and judges it. `number` gives it its words. What a limit of ours decided under load
    /// is played once more, alone. An error says why the proxy is gone.
    pub async fn play(&self, number: usize, case: Arc<Case>) -> Result<Seen, String> {
        let (seen, beside) = {
            let _others = self.alone.read().await;
            self.once(number, 0, Arc::clone(&case)).await?
        };
        if beside && by_the_clock(&seen.history) { self.play_alone(number, case).await } else { Ok(seen) }
    }

    /// Plays a case while no other one is played.
    pub async fn play_alone(&self, number: usize, case: Arc<Case>) -> Result<Seen, String> {
        let _nobody = self.alone.write().await;
        self.once(number, AGAIN, case).await.map(|(seen, _)| seen)
    }

    /// What is known of the proxy's version.
    pub fn version(&self) -> Option<String> {
        self.rig.proxy.facts("").version
    }

    /// Ends the proxy.
    pub async fn close(self) {
        self.rig.proxy.stop().await;
    }

    /// What was seen, and whether others ran beside it.
    async fn once(&self, number: usize, again: u64, case: Arc<Case>) -> Result<(Seen, bool), String> {
        let controls = self.controls_of(&case).await;
        let (slot, mut beside) = self.seat(&case.shape).await;
        if let Some(reason) = self.gone.get() {
            self.desk().slots.give(&case.shape, slot);
            self.answered();
            return Err(reason.clone());
        }
        let legs = case.shape.legs.len();
        let order = Order {
            slot: slot.clone(),
            unique: self.words.unique(number, again),
            voices: (0..legs).map(|leg| self.words.voice(number, legs, leg, again)).collect(),
            controls,
            limit: self.time_limit,
            quiet: None,
            patience: self.patience,
            watcher: None,
            case: Arc::clone(&case),
        };
        let (answered, mut told) = mpsc::unbounded_channel();
        let task = Task {
            rig: Arc::clone(&self.rig),
            words: Arc::clone(&self.words),
            others: Arc::clone(&self.others),
            given: Arc::clone(&self.given),
            control: control_of(&self.launch, &case),
            answered,
            order,
            beside: Vec::new(),
            index: number,
        };
        let mut playing = pin!(task.run());
        let mut answered = false;
        let played = tokio::select! {
            biased;
            Some(_) = told.recv() => {
                answered = true;
                beside |= self.answered() > 0;
                playing.await
            }
            played = &mut playing => played,
        };
        if !answered {
            beside |= self.answered() > 0;
        }
        trace(&played);
        {
            let mut desk = self.desk();
            desk.slots.give(&case.shape, slot);
            if let Some(took) = case::reaction(&played.history) {
                desk.pace.observe(took);
            }
        }
        self.freed.notify_waiters();
        if let Some(reason) = self.rig.gone(&played.history).await {
            return Err(self.gone.get_or_init(|| reason).clone());
        }
        let mut judgement = played.judgement;
        let warned = judgement.verdicts.iter_mut().filter(|verdict| verdict.value == Value::Warn);
        warned.filter(|_| self.strict).for_each(|verdict| verdict.value = Value::Fail);
        Ok((Seen { history: played.history, judgement }, beside))
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client of a case has its end: another one may ask. Gives the number of those that still wait.
    fn answered(&self) -> usize {
        let running = {
            let mut desk = self.desk();
            desk.running -= 1;
            desk.running
        };
        self.freed.notify_waiters();
        running
    }

    /// Waits until the proxy's pace and a slot allow the next case. Gives the slot, and whether others run.
    async fn seat(&self, shape: &Shape) -> (String, bool) {
        loop {
            let mut freed = pin!(self.freed.notified());
            freed.as_mut().enable();
            {
                let mut desk = self.desk();
                if desk.running < desk.pace.jobs()
                    && let Some(slot) = desk.slots.take(shape)
                {
                    desk.running += 1;
                    return (slot, desk.running > 1);
                }
            }
            freed.await;
        }
    }

    /// The controls of a case, asked for where they were not yet.
    async fn controls_of(&self, case: &Arc<Case>) -> Vec<BTreeMap<String, Control>> {
        self.ask_controls(case).await;
        self.controls.lock().await.of(case)
    }

    /// Asks for the controls of a case that were not asked for yet. Whether one failed.
    async fn ask_controls(&self, case: &Arc<Case>) -> bool {
        let mut controls = self.controls.lock().await;
        let mut failed = false;
        for (control, client) in controls.wanted(&self.launch, &[case]) {
            if self.gone.get().is_some() {
                break;
            }
            let n = self.others.fetch_add(1, Ordering::Relaxed);
            let result = controls.run(&self.rig, &self.words, n, &control, &client, self.time_limit).await;
            failed |= result.failed.is_some();
        }
        failed
    }
}

/// Whether one start of the proxy serves any number of cases.
pub fn is_playable(target: &Target) -> bool {
    target.is_attached() || target.profile().remembers == crate::proxy::Remembers::Nothing
}
