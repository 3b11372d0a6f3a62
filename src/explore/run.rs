//! An exploration: every case is drawn and played, failures are grouped, and one of each kind is shrunk.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::finding::Finding;
use super::kinds;
use super::phase::Phase;
use super::pool::{Pool, Route};
use super::{Failure, draw, write};
use crate::answer::Library;
use crate::api::ApiId;
use crate::check::Value;
use crate::rules::RuleBook;
use crate::runner::{Seen, Session, SessionPlan, Target, is_playable, skip_reason};
use crate::scenario::{self, Case};

/// Cases that are drawn ahead of the proxy's pace.
const AHEAD: usize = 24;
/// Starts of a proxy that dies, at most.
const STARTS: usize = 60;

/// What is explored.
#[derive(Debug)]
pub struct Plan {
    /// The proxy.
    pub target: Target,
    /// Attached: where the legs listen.
    pub listen: Option<SocketAddr>,
    /// What the legs refuse.
    pub rules: Arc<RuleBook>,
    /// Cases to draw.
    pub cases: usize,
    /// Seed of every draw and every word.
    pub seed: u64,
    /// Cases at a time, at most.
    pub jobs: usize,
    /// Limit of one exchange of the client.
    pub time_limit: Option<Duration>,
    /// Whether a warning is a failure.
    pub strict: bool,
    /// Failed cases that are enough: no more are drawn.
    pub max_fail: Option<usize>,
    /// The command that does the same again.
    pub command: String,
}

/// Something that happens meanwhile.
#[derive(Clone, Debug)]
pub enum Event {
    /// The proxy is up.
    Launched {
        /// Version, where it told.
        version: Option<String>,
        /// Routes that cases are drawn for.
        routes: usize,
    },
    /// A case was played.
    Played {
        /// So many are done.
        done: usize,
        /// So many of them failed.
        failed: usize,
    },
    /// A failure is being made smaller.
    Shrinking {
        /// In words.
        failure: String,
        /// Cases that were played for it.
        plays: usize,
    },
    /// The proxy died.
    Died(String),
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Cases that were drawn and played.
    pub played: usize,
    /// Cases whose request the target itself refuses: no finding. Most frequent reasons first.
    pub refused: usize,
    /// Why, and how often.
    pub refusals: BTreeMap<String, usize>,
    /// Cases of which some check could not tell.
    pub inconclusive: usize,
    /// Failures that did not come again.
    pub unrepeated: usize,
    /// Kinds of failures beyond those that are shrunk.
    pub left_out: usize,
    /// What was found, by case.
    pub findings: Vec<Finding>,
    /// Why the proxy is not up, or gone.
    pub proxy_down: Option<String>,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// How long it took.
    pub took: Duration,
}

/// How a case went.
#[derive(Clone, Debug)]
pub(super) enum Result {
    Fine,
    Refused(String),
    Inconclusive,
    Failed(Failure),
    /// The proxy was gone.
    Gone(String),
}

/// Explores a proxy. When `stop` turns true it ends early.
pub async fn explore(plan: &Plan, mut stop: watch::Receiver<bool>, emit: &mut dyn FnMut(Event)) -> Summary {
    let started = Instant::now();
    let mut explorer = Explorer {
        plan,
        library: Library::bundled(),
        pool: Pool::default(),
        phases: Vec::new(),
        done: (0, 0),
        results: BTreeMap::new(),
        summary: Summary::default(),
        starts: 0,
        emit,
    };
    tokio::select! {
        () = explorer.all() => {}
        () = stopped(&mut stop) => explorer.summary.interrupted = true,
    }
    explorer.count();
    explorer.summary.findings.sort_by_key(|finding| finding.case);
    explorer.summary.took = started.elapsed();
    explorer.summary
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

pub(super) struct Explorer<'a> {
    pub(super) plan: &'a Plan,
    pub(super) library: Library,
    pub(super) pool: Pool,
    /// Phases that the proxy can play.
    phases: Vec<Phase>,
    /// Cases of former phases, and how many of them failed.
    done: (usize, usize),
    pub(super) results: BTreeMap<usize, Result>,
    pub(super) summary: Summary,
    starts: usize,
    pub(super) emit: &'a mut dyn FnMut(Event),
}

impl Explorer<'_> {
    async fn all(&mut self) {
        let target = &self.plan.target;
        if !is_playable(target) {
            let reason = "it remembers failures, so it takes a start or a route of its own for each case";
            self.summary.proxy_down = Some(reason.to_owned());
            return;
        }
        // A proxy that was configured by hand has one route; elsewhere controls need routes, too.
        let most = match target.profile().routes {
            _ if target.is_attached() => 1,
            Some(routes) => (routes as usize / 2).max(1),
            None => usize::MAX,
        };
        let pool = |phase| {
            Pool::new(phase, most, |api, route| {
                let case = sample(api, route, phase, &self.library);
                case.is_some_and(|case| skip_reason(&case, target).is_none())
            })
        };
        let pools: Vec<Pool> = Phase::ALL.into_iter().map(pool).collect();
        let can = |pool: &&Pool| pool.phase == Phase::Plain || !pool.pairs.is_empty();
        self.phases = pools.iter().filter(can).map(|pool| pool.phase).collect();
        for pool in pools {
            let drawn = (0..self.plan.cases).any(|number| self.phase_of(number) == pool.phase);
            if !drawn || self.enough() {
                continue;
            }
            self.pool = pool;
            let Some(session) = self.open().await else { return };
            let Some(session) = self.draw(session).await else { return };
            Box::pin(self.shrink(session)).await;
            self.count();
        }
    }

    /// The phase in which a case is played: one that the proxy cannot be set to is played without settings.
    fn phase_of(&self, number: usize) -> Phase {
        let phase = Phase::of(number);
        if self.phases.contains(&phase) { phase } else { Phase::Plain }
    }

    /// Whether as many cases failed as are wanted.
    fn enough(&self) -> bool {
        let failed = self.done.1 + self.results.values().filter(|result| failure(result).is_some()).count();
        self.plan.max_fail.is_some_and(|most| failed >= most)
    }

    /// Starts the proxy.
    async fn open(&mut self) -> Option<Arc<Session>> {
        self.starts += 1;
        let routes = self.pool.routes();
        let samples = routes.filter_map(|(api, route)| sample(*api, route, self.pool.phase, &self.library)).collect();
        let plan = SessionPlan {
            target: &self.plan.target,
            listen: self.plan.listen,
            rules: &self.plan.rules,
            samples,
            seed: self.plan.seed,
            plays: self.plan.cases + kinds::ALL_PLAYS,
            jobs: self.plan.jobs,
            time_limit: self.plan.time_limit,
            number: self.starts,
            strict: self.plan.strict,
        };
        match Session::open(plan).await {
            Ok(session) => {
                let routes = self.pool.routes().count();
                (self.emit)(Event::Launched { version: session.version(), routes });
                Some(Arc::new(session))
            }
            Err(reason) => {
                self.summary.proxy_down = Some(reason);
                None
            }
        }
    }

    /// The scenario of a drawn case.
    fn drawn(&self, number: usize) -> Option<Case> {
        let draft = draw::tree(self.plan.seed, number)?.current();
        self.load(&write::text(&write::scenario(&draft, &self.pool, &self.library)?))
    }

    pub(super) fn load(&self, text: &str) -> Option<Case> {
        scenario::load_text("explore.yaml", text, &self.library).ok()?.pop()
    }

    /// Plays every case.
    async fn draw(&mut self, mut session: Arc<Session>) -> Option<Arc<Session>> {
        let mut failed = self.done.1;
        let mut tasks = JoinSet::new();
        let numbers = (0..self.plan.cases).filter(|number| self.phase_of(*number) == self.pool.phase);
        let mut numbers: VecDeque<usize> = numbers.collect();
        let mut victims: Vec<usize> = Vec::new();
        loop {
            let enough = self.plan.max_fail.is_some_and(|most| failed >= most);
            while tasks.len() < AHEAD && victims.is_empty() && !enough {
                let Some(next) = numbers.pop_front() else { break };
                if let Some(case) = self.drawn(next) {
                    tasks.spawn(play(Arc::clone(&session), next, Arc::new(case), false));
                }
            }
            let Some(played) = tasks.join_next().await else {
                if victims.is_empty() {
                    self.drop_surplus();
                    return Some(session);
                }
                // Whoever kills it alone is the one.
                session = self.again(session).await?;
                while let Some(number) = victims.pop() {
                    let Some(case) = self.drawn(number) else { continue };
                    let (_, result, _) = play(Arc::clone(&session), number, Arc::new(case), true).await;
                    if let Result::Gone(reason) = &result {
                        (self.emit)(Event::Died(reason.clone()));
                        session = self.again(session).await?;
                    }
                    self.results.insert(number, result);
                }
                continue;
            };
            let Ok((number, result, _)) = played else { continue };
            if let Result::Gone(reason) = result {
                if victims.is_empty() {
                    (self.emit)(Event::Died(reason));
                }
                victims.push(number);
                victims.sort_by_key(|number| std::cmp::Reverse(*number));
                continue;
            }
            failed += usize::from(failure(&result).is_some());
            self.results.insert(number, result);
            (self.emit)(Event::Played { done: self.done.0 + self.results.len(), failed });
        }
    }

    /// Forgets the cases behind the one with which enough had failed: which of them were played is chance.
    fn drop_surplus(&mut self) {
        let Some(most) = self.plan.max_fail else { return };
        let failed = self.results.iter().filter(|(_, result)| failure(result).is_some());
        if let Some(last) = failed.map(|(number, _)| *number).nth(most.saturating_sub(1 + self.done.1)) {
            self.results.retain(|number, _| *number <= last);
        }
    }

    /// Another start of a proxy that died.
    async fn again(&mut self, session: Arc<Session>) -> Option<Arc<Session>> {
        close(session).await;
        if self.starts >= STARTS {
            self.summary.proxy_down = Some(format!("it died {STARTS} times"));
            return None;
        }
        self.open().await
    }

    /// The results of a phase go into the summary.
    fn count(&mut self) {
        for result in std::mem::take(&mut self.results).values() {
            self.summary.played += 1;
            self.done = (self.done.0 + 1, self.done.1 + usize::from(failure(result).is_some()));
            match result {
                Result::Refused(why) => {
                    self.summary.refused += 1;
                    *self.summary.refusals.entry(why.clone()).or_default() += 1;
                }
                Result::Inconclusive => self.summary.inconclusive += 1,
                Result::Fine | Result::Failed(_) | Result::Gone(_) => {}
            }
        }
    }
}

pub(super) fn failure(result: &Result) -> Option<Failure> {
    match result {
        Result::Failed(failure) => Some(failure.clone()),
        Result::Gone(_) => Some(Failure { checks: vec!["lifecycle.survives".to_owned()], outcome: None }),
        Result::Fine | Result::Refused(_) | Result::Inconclusive => None,
    }
}

pub(super) async fn close(session: Arc<Session>) {
    if let Some(session) = Arc::into_inner(session) {
        session.close().await;
    }
}

/// A plain case of a pair.
fn sample(api: ApiId, route: &Route, phase: Phase, library: &Library) -> Option<Case> {
    let pool = Pool { pairs: vec![(api, route.clone())], phase };
    let text = write::text(&write::scenario(&super::draft::Draft::plain(), &pool, library)?);
    scenario::load_text("explore.yaml", &text, library).ok()?.pop()
}

/// Plays a case, and says how it went: its number, the result, and the reasons of what failed.
pub(super) async fn play(
    session: Arc<Session>,
    number: usize,
    case: Arc<Case>,
    alone: bool,
) -> (usize, Result, Vec<(String, String)>) {
    let seen = if alone { session.play_alone(number, case).await } else { session.play(number, case).await };
    let seen = match seen {
        Ok(seen) => seen,
        Err(reason) => return (number, Result::Gone(reason), Vec::new()),
    };
    let reasons = reasons(&seen);
    (number, result(&seen), reasons)
}

fn result(seen: &Seen) -> Result {
    if let Some(failure) = Failure::of(&seen.judgement) {
        return Result::Failed(failure);
    }
    if let Some(why) = seen.refused() {
        return Result::Refused(why);
    }
    let unclear = |verdict: &crate::check::Verdict| matches!(verdict.value, Value::Inconclusive(_));
    if seen.judgement.verdicts.iter().any(unclear) { Result::Inconclusive } else { Result::Fine }
}

fn reasons(seen: &Seen) -> Vec<(String, String)> {
    let failed = |verdict: &&crate::check::Verdict| verdict.value == Value::Fail && super::always_holds(&verdict.check);
    let failed = seen.judgement.verdicts.iter().filter(failed);
    failed.map(|verdict| (verdict.check.clone(), verdict.reason.clone())).collect()
}
