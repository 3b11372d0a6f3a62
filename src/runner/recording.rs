//! A run that records: the same cases through the same proxy, but legs are real providers, and nothing is judged.
//!
//! A verdict rests on legs that say what a script says, in words that are theirs alone, and on controls; a provider does
//! neither. Legs without an upstream stay fakes, with everything that is scripted for them, so a primary that breaks
//! on purpose brings a real fallback into play.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use super::case::{self, Order};
use super::group::LaunchPlan;
use super::keep::file_name;
use super::plan::{Plan, launches};
use super::rig::Rig;
use super::run::stopped;
use super::stand_in::{StandIns, Upstreams};
use super::words::Words;
use super::{Exit, skip};
use crate::history::{ClientEnd, ClientExchange, History};
use crate::proxy::Remembers;
use crate::record::{Keeping, Mode, News, holds};
use crate::redact::Redactor;
use crate::scenario::{Case, Toggle};

/// What is recorded, and where to.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The legs that are real.
    pub upstreams: Upstreams,
    /// The folder.
    pub out: PathBuf,
    /// What becomes of recordings that are there.
    pub mode: Mode,
    /// What is a secret.
    pub redactor: Redactor,
    /// Today, `YYYY-MM-DD`.
    pub date: String,
}

/// Something that happened, in order.
#[derive(Clone, Debug)]
pub enum Told {
    /// A case is not recorded, for this reason.
    Skipped {
        /// The case.
        case: String,
        /// Why not.
        why: String,
    },
    /// A case is over.
    Case {
        /// The case.
        case: String,
        /// What the client got, in words.
        client: String,
        /// What became of each exchange, with its leg.
        news: Vec<(String, News)>,
    },
    /// The proxy would not start, or has died.
    Down(String),
}

/// How much came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Exchanges that were written.
    pub written: usize,
    /// Exchanges that were played from recordings.
    pub played: usize,
    /// Exchanges that could not be kept.
    pub lost: usize,
    /// The proxy would not start, or has died.
    pub down: bool,
    /// The run was stopped.
    pub interrupted: bool,
}

impl Recorded {
    /// What the program says to its caller.
    pub fn exit(self) -> Exit {
        match self {
            Self { interrupted: true, .. } => Exit::Interrupted,
            Self { down: true, .. } => Exit::ProxyDown,
            Self { lost: 1.., .. } => Exit::Inconclusive,
            Self { written: 0, played: 0, .. } => Exit::NothingJudged,
            _ => Exit::AsExpected,
        }
    }

    fn count(&mut self, news: &[(String, News)]) {
        for (_, news) in news {
            match news {
                News::Kept { .. } => self.written += 1,
                News::Played { .. } => self.played += 1,
                News::NotKept { .. } => self.lost += 1,
                News::Passed { .. } => {}
            }
        }
    }
}

impl Recording {
    /// The folder of a case.
    fn folder(&self, case: &Case) -> PathBuf {
        let folder = self.out.join(file_name(&case.scenario));
        if case.name.is_empty() { folder } else { folder.join(file_name(&case.name)) }
    }

    /// The first recording that is there, where there shall be none: said before anything is asked.
    pub fn in_the_way(&self, cases: &[Case]) -> Option<PathBuf> {
        let legs = || self.upstreams.legs.keys();
        let folders = cases.iter().map(|case| self.folder(case));
        let mut folders = folders.filter(|folder| legs().any(|leg| holds(folder, leg)));
        if self.mode == Mode::New { folders.next() } else { None }
    }

    fn keeping(&self, case: &Case, leg: &str) -> Keeping {
        Keeping {
            out: self.folder(case),
            depth: if case.name.is_empty() { 1 } else { 2 },
            leg: Some(leg.to_owned()),
            mode: self.mode,
            redactor: self.redactor.clone(),
            date: self.date.clone(),
        }
    }

    /// The case with nothing broken at the legs that are real.
    fn of(&self, case: &Case) -> Case {
        let mut case = case.clone();
        case.beside = 0;
        let real = |name: &str| self.upstreams.legs.contains_key(name);
        for leg in case.steps.iter_mut().flat_map(|step| &mut step.legs).filter(|leg| real(&leg.name)) {
            for play in &mut leg.attempts {
                (play.cut, play.status) = (None, None);
                play.edits.clear();
            }
        }
        case
    }

    /// Why a case is not recorded; `None` if it is.
    fn reason(&self, case: &Case, plan: &Plan) -> Option<String> {
        let legs = &case.shape.legs;
        if !legs.iter().any(|leg| self.upstreams.legs.contains_key(&leg.name)) {
            let names: Vec<_> = legs.iter().map(|leg| format!("`{}`", leg.name)).collect();
            return Some(format!("none of its legs has an upstream: {}", names.join(", ")));
        }
        let on = |toggle: Option<Toggle>| toggle == Some(Toggle::On);
        if on(case.settings.tls) || on(case.settings.http2) {
            return Some("the proxy asks recorders in HTTP/1.1 without TLS: not under `tls` or `http2`".to_owned());
        }
        skip::reason(case, plan.target.profile(), plan.target.is_attached())
    }
}

/// Runs the cases of a plan one after the other and records what its legs' upstreams answer.
pub async fn record(
    plan: &Plan,
    recording: &Recording,
    mut stop: watch::Receiver<bool>,
    tell: &mut dyn FnMut(Told),
) -> Recorded {
    let mut recorded = Recorded::default();
    let mut cases = Vec::new();
    for case in &plan.cases {
        let case = Arc::new(recording.of(case));
        match recording.reason(&case, plan) {
            Some(why) => tell(Told::Skipped { case: case.id(), why }),
            None => cases.push(case),
        }
    }
    let words = Words::new(plan.seed, &cases);
    for (number, mut launch) in launches(&cases, &plan.target, 1).into_iter().enumerate() {
        // A control would be asked of a fake, and nothing is compared with it.
        launch.controls.clear();
        if launch.cases.is_empty() {
            continue;
        }
        let upstreams = Some(&recording.upstreams);
        let rig = tokio::select! {
            rig = Rig::raise(&plan.target, plan.listen, &plan.rules, &launch, number + 1, upstreams) => rig,
            () = stopped(&mut stop) => { recorded.interrupted = true; return recorded }
        };
        let mut rig = match rig {
            Ok(rig) => rig,
            Err(why) => {
                recorded.down = true;
                tell(Told::Down(why));
                return recorded;
            }
        };
        let Some(mut stand_ins) = rig.stand_ins.take() else { return recorded };
        let session = Session { plan, recording, words: &words, rig: &rig, launch: &launch };
        let went_on = session.run(&cases, &mut stand_ins, &mut stop, tell, &mut recorded).await;
        stand_ins.stop().await;
        rig.proxy.stop().await;
        if !went_on {
            break;
        }
    }
    recorded
}

/// A start of the proxy.
struct Session<'a> {
    plan: &'a Plan,
    recording: &'a Recording,
    words: &'a Words,
    rig: &'a Rig,
    launch: &'a LaunchPlan,
}

impl Session<'_> {
    /// `false`: the run is over.
    async fn run(
        &self,
        cases: &[Arc<Case>],
        stand_ins: &mut StandIns,
        stop: &mut watch::Receiver<bool>,
        tell: &mut dyn FnMut(Told),
        recorded: &mut Recorded,
    ) -> bool {
        // A slot that the proxy may remember is taken once.
        let mut free: Vec<_> = self.launch.slots.iter().collect();
        for index in &self.launch.cases {
            let case = &cases[*index];
            let Some(place) = free.iter().position(|slot| slot.shape == case.shape) else {
                tell(Told::Skipped { case: case.id(), why: "no slot of its shape was free".to_owned() });
                continue;
            };
            let slot = free.remove(place);
            if self.launch.remembers == Remembers::Nothing {
                free.push(slot);
            }
            if let Err(error) = stand_ins.begin(&slot.name, |leg| self.recording.keeping(case, leg)) {
                recorded.lost += 1;
                tell(Told::Skipped { case: case.id(), why: error.to_string() });
                continue;
            }
            let order = self.order(*index, case, &slot.name);
            let history = tokio::select! {
                history = case::play(self.rig, &order, || ()) => Some(history),
                () = stopped(stop) => None,
            };
            match &history {
                Some(_) => stand_ins.end(&slot.name, self.rig.quiet).await,
                // What is open is written as cut.
                None => stand_ins.stop().await,
            }
            let mut news = stand_ins.news();
            // Recorders tell when they have written; a user reads leg by leg.
            news.sort_by_key(|(leg, _)| case.shape.legs.iter().position(|each| each.name == *leg));
            recorded.count(&news);
            let client = history.as_ref().map_or_else(|| "the run was stopped".to_owned(), client);
            tell(Told::Case { case: case.id(), client, news });
            let Some(history) = history else {
                recorded.interrupted = true;
                return false;
            };
            if let Some(why) = self.rig.gone(&history).await {
                recorded.down = true;
                tell(Told::Down(why));
                return false;
            }
        }
        true
    }

    fn order(&self, index: usize, case: &Arc<Case>, slot: &str) -> Order {
        let legs = case.shape.legs.len();
        Order {
            case: Arc::clone(case),
            slot: slot.to_owned(),
            // The provider is asked as the scenario asks: the same request each time.
            unique: String::new(),
            voices: (0..legs).map(|leg| self.words.voice(index, legs, leg, 0)).collect(),
            controls: vec![BTreeMap::new(); case.steps.len()],
            limit: self.plan.time_limit,
            quiet: None,
            patience: 1.0,
            watcher: None,
        }
    }
}

/// What the client got, in words.
fn client(history: &History) -> String {
    let steps: Vec<String> = history.steps.iter().map(|step| got(&step.client)).collect();
    format!("the client got {}", steps.join(", then "))
}

fn got(client: &ClientExchange) -> String {
    let status = client.response.as_ref().map_or_else(|| "nothing".to_owned(), |head| head.status.to_string());
    match &client.end {
        ClientEnd::Complete => status,
        ClientEnd::Left => format!("{status} and left"),
        ClientEnd::TimedOut(ms) => format!("{status} and no end within {ms} ms (`time_limit`)"),
        ClientEnd::NoResponse(why) => format!("no answer: {why}"),
        ClientEnd::Broken(why) => format!("{status}, broken: {why}"),
    }
}
