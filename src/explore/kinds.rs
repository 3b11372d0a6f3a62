//! Kinds of failures: one of each is shrunk, and played once more as it is written.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::pool::Pool;
use super::run::{Event, Explorer, Result, close, failure, play};
use super::shrink::Shrinker;
use super::{Failure, Finding, draw, finding, write};
use crate::answer::Library;
use crate::runner::Session;
use crate::scenario::Outcome;

/// Kinds of failures that are shrunk.
const KINDS: usize = 24;
/// Cases of a kind that are tried again before it is given up.
const TRIES: usize = 3;
/// Plays that shrinking one failure may take.
const PLAYS: usize = 80;
/// The same for a failure that shows when the time is up.
const SLOW_PLAYS: usize = 16;
/// Plays that all kinds take together, at most.
pub(super) const ALL_PLAYS: usize = KINDS * (PLAYS + TRIES + 2);

/// Why a case that kills the proxy fails.
const GONE: &str = "the proxy's process ended";

type Candidate = (super::draft::Draft, String);
type Context = (Pool, Library);

/// A kind of failure that is being shrunk.
struct Kind {
    failure: Failure,
    /// Cases of the run that failed in this way.
    count: usize,
    number: usize,
    /// The number of the first play.
    first: usize,
    plays: usize,
    /// It killed the proxy.
    gone: bool,
    shrinker: Shrinker<Context>,
}

/// What a draft is played as.
fn text_of((pool, library): &Context, draft: &super::draft::Draft) -> Option<String> {
    write::scenario(draft, pool, library).map(|tree| write::text(&tree))
}

impl Explorer<'_> {
    /// Shrinks one failure of each kind, all kinds at a time.
    pub(super) async fn shrink(&mut self, session: Arc<Session>) {
        let mut kinds: Vec<(Failure, Vec<usize>)> = Vec::new();
        for (number, result) in &self.results {
            let Some(failure) = failure(result) else { continue };
            match kinds.iter_mut().find(|(kind, _)| *kind == failure) {
                Some((_, members)) => members.push(*number),
                None => kinds.push((failure, vec![*number])),
            }
        }
        self.summary.left_out += kinds.len().saturating_sub(KINDS);
        kinds.truncate(KINDS);
        let mut shrinking = Vec::new();
        for (index, (failure, members)) in kinds.into_iter().enumerate() {
            let first = self.plan.cases + index * (PLAYS + TRIES + 2);
            match self.begin(&session, failure, &members, first).await {
                Some(kind) => shrinking.push(kind),
                None => {
                    self.summary.unrepeated += 1;
                    // No failure that would be one of enough.
                    self.results.extend(members.into_iter().map(|number| (number, Result::Inconclusive)));
                }
            }
        }
        let mut tasks = JoinSet::new();
        for (index, kind) in shrinking.iter_mut().enumerate() {
            self.step(&session, index, kind, &mut tasks);
        }
        while let Some(played) = tasks.join_next().await {
            let Ok((index, candidate, result)) = played else { continue };
            let kind = &mut shrinking[index];
            let (draft, text): Candidate = candidate;
            let same = matches!(&result, Result::Failed(failure) if failure.checks == kind.failure.checks);
            kind.shrinker.told(&draft, text, same);
            (self.emit)(Event::Shrinking { failure: kind.failure.words(), plays: kind.plays });
            self.step(&session, index, kind, &mut tasks);
        }
        for kind in shrinking {
            Box::pin(self.settle(&session, kind)).await;
        }
        close(session).await;
    }

    /// A failure that comes again when its case is played alone.
    async fn begin(
        &mut self,
        session: &Arc<Session>,
        failure: Failure,
        members: &[usize],
        first: usize,
    ) -> Option<Kind> {
        let count = members.len();
        for (n, number) in members.iter().copied().take(TRIES).enumerate() {
            let tree = draw::tree(self.plan.seed, number)?;
            let context = (self.pool.clone(), self.library.clone());
            let gone = matches!(self.results.get(&number), Some(Result::Gone(_)));
            let plays = match failure.outcome {
                // What kills the proxy is told as it is.
                _ if gone => 0,
                // Each play takes the whole limit.
                Some(Outcome::Hung) => SLOW_PLAYS,
                _ => PLAYS,
            };
            let shrinker = Shrinker::new(tree, context, text_of, plays)?;
            if !gone {
                let case = Arc::new(self.load(shrinker.text())?);
                let (_, result, _) = play(Arc::clone(session), first + n, case, true).await;
                if !matches!(&result, Result::Failed(again) if again.checks == failure.checks) {
                    continue;
                }
            }
            return Some(Kind { failure, count, number, first: first + TRIES, plays: 0, gone, shrinker });
        }
        None
    }

    /// Plays the next candidate of a failure.
    fn step(
        &self,
        session: &Arc<Session>,
        index: usize,
        kind: &mut Kind,
        tasks: &mut JoinSet<(usize, Candidate, Result)>,
    ) {
        while let Some((draft, text)) = kind.shrinker.next() {
            let Some(case) = self.load(&text) else {
                kind.shrinker.told(&draft, text, false);
                continue;
            };
            let number = kind.first + kind.plays;
            kind.plays += 1;
            let session = Arc::clone(session);
            tasks.spawn(async move {
                let (_, result, _) = play(session, number, Arc::new(case), false).await;
                (index, (draft, text), result)
            });
            return;
        }
    }

    /// The scenario of a failure that was shrunk, played once more, alone.
    async fn settle(&mut self, session: &Arc<Session>, kind: Kind) {
        let original = draw::tree(self.plan.seed, kind.number).map(|tree| tree.current());
        let mut found = None;
        for (n, draft) in [Some(kind.shrinker.best().clone()), original].into_iter().flatten().enumerate() {
            let Some(tree) = write::scenario(&draft, &self.pool, &self.library) else { continue };
            if kind.gone {
                found = Some((tree, kind.failure.clone(), vec![("lifecycle.survives".to_owned(), GONE.to_owned())]));
                break;
            }
            let Some(case) = self.load(&write::text(&tree)) else { continue };
            let number = kind.first + PLAYS + n;
            let (_, result, reasons) = play(Arc::clone(session), number, Arc::new(case), true).await;
            if let Result::Failed(failure) = result
                && failure.checks == kind.failure.checks
            {
                found = Some((tree, failure, reasons));
                break;
            }
        }
        let Some((tree, failure, reasons)) = found else {
            self.summary.unrepeated += 1;
            return;
        };
        if let Some(known) = self.summary.findings.iter_mut().find(|known| known.failure == failure) {
            known.count += kind.count;
            return;
        }
        let name = finding::name(&failure, kind.number);
        let summary = finding::summary(&tree);
        let comments = [format!("Found by `{}` as case {}, and shrunk.", self.plan.command, kind.number)];
        let text = finding::scenario(&name, &summary, &failure, &tree, &comments);
        let count = kind.count;
        self.summary.findings.push(Finding {
            failure,
            reasons,
            count,
            case: kind.number,
            name,
            summary,
            text,
            file: None,
        });
    }
}
