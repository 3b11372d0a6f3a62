//! Every check, in one ordered list: what it requires, why, what passes and fails it, and the function that judges it.
//! The pages of `explain` and the reports read this.

use super::found::Found;
use super::view::StepView;
use super::{Level, error, expect, fallback, isolation, lifecycle, route, stream, translate};
use crate::history::History;

/// A check: its page, and the function that judges it. Each stands in its own file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Check {
    pub(super) info: CheckInfo,
    pub(super) judge: Judge,
}

/// What a check looks at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Judge {
    /// Each step by itself.
    Step(fn(&StepView<'_>) -> Found),
    /// The case as a whole.
    Case(fn(&History) -> Found),
}

/// What a check requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckInfo {
    /// Stable id, `family.name`; the same for pass and fail.
    pub id: &'static str,
    /// How strictly it binds; a verdict may bind less, and then says so itself.
    pub level: Level,
    /// The requirement in one sentence.
    pub requirement: &'static str,
    /// Why it is required.
    pub rationale: &'static str,
    /// What passes.
    pub passes: &'static str,
    /// What fails.
    pub fails: &'static str,
    /// Where it was reported, or what it rests on.
    pub sources: &'static [&'static str],
}

impl CheckInfo {
    /// The family, `fallback` for `fallback.accepted`.
    pub fn family(&self) -> &'static str {
        self.id.split('.').next().unwrap_or_default()
    }
}

/// The check with this id.
pub fn info(id: &str) -> Option<&'static CheckInfo> {
    CATALOGUE.iter().find(|info| info.id == id)
}

/// Every check, in the order in which a case's verdicts are given.
pub(super) const CHECKS: &[Check] = &[
    route::REACHED,
    fallback::SAME_AS_CONTROL,
    fallback::MODEL,
    fallback::ACCEPTED,
    fallback::CREDENTIALS,
    fallback::ATTEMPTS,
    fallback::RETRY_AFTER,
    fallback::TAKEN,
    fallback::CONTINUABLE,
    translate::TURNS,
    translate::TOOLS,
    translate::CALLS,
    translate::IMAGES,
    translate::THINKING,
    translate::CACHE,
    translate::PARAMS,
    translate::FORMAT,
    stream::GRAMMAR,
    stream::TEXT,
    stream::TOOLS,
    stream::THINKING,
    stream::TRUNCATION_VISIBLE,
    stream::FINISH,
    stream::TERMINATOR,
    stream::FINAL,
    stream::UTF8,
    stream::USAGE,
    stream::SINGLE_START,
    stream::MODEL,
    stream::INCREMENTAL,
    stream::PASSTHROUGH,
    error::NOT_SELF_INFLICTED,
    error::ORIGINAL,
    error::SHAPE,
    error::STATUS,
    error::RETRY_AFTER,
    error::NO_INTERNALS,
    lifecycle::CANCEL,
    lifecycle::BOUNDED,
    lifecycle::SURVIVES,
    isolation::WORDS,
    isolation::IDS,
    expect::OUTCOME,
    expect::REQUESTS,
    expect::STATUS,
];

/// The page of every check, in the order in which a case's verdicts are given.
pub const CATALOGUE: &[CheckInfo] = &infos();

const fn infos() -> [CheckInfo; CHECKS.len()] {
    let mut infos = [CHECKS[0].info; CHECKS.len()];
    let mut at = 0;
    while at < CHECKS.len() {
        infos[at] = CHECKS[at].info;
        at += 1;
    }
    infos
}
