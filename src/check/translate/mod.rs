//! `translate.*`: what a proxy makes of the client's request for a leg, when nothing is broken.
//!
//! The client's request is read through its API, the control's through the leg's, and each kind of content is
//! compared by itself. What has to differ between two APIs, or what the target refuses by its rules, is no finding.

mod cache;
mod calls;
mod format;
mod images;
mod pair;
mod params;
mod schema;
mod talk;
mod text;
mod thinking;
mod tools;
mod turns;

pub(super) use cache::CACHE;
pub(super) use calls::CALLS;
pub(super) use format::FORMAT;
pub(super) use images::IMAGES;
pub(super) use pair::Pairs;
pub(super) use params::PARAMS;
pub(super) use thinking::THINKING;
pub(super) use tools::TOOLS;
pub(super) use turns::TURNS;

use pair::Pair;

use super::Evidence;
use super::found::{Found, worst};
use super::view::StepView;
use crate::api::compare::{Difference, DifferenceKind};

/// Differences that are shown.
const MOST_SHOWN: usize = 20;
/// Paths that a reason names.
const MOST_NAMED: usize = 4;

/// What one comparison found.
#[derive(Debug, Default)]
struct Translation {
    /// Whether the client sent anything that this is about.
    exercised: bool,
    differences: Vec<Difference>,
    /// What differs and has to, in words.
    excuses: Vec<String>,
}

impl Translation {
    fn of(exercised: bool) -> Self {
        Self { exercised, ..Self::default() }
    }

    fn excuse(&mut self, why: impl Into<String>) {
        let why = why.into();
        if !self.excuses.contains(&why) {
            self.excuses.push(why);
        }
    }
}

/// Judges one kind of content for every leg that has a control.
fn judge(step: &StepView<'_>, nothing: &str, compare: fn(&Pair<'_>) -> Translation) -> Found {
    let pairs = step.pairs.get_or_init(|| Pairs::of(step));
    let found = pairs.pairs.iter().map(|pair| found(pair, compare(pair), nothing));
    // A leg without a control takes nothing from what the others show.
    let missing = pairs.missing.first().map(|reason| Found::skip(reason.clone()));
    worst(found.chain(missing)).unwrap_or_else(|| Found::skip("no control"))
}

fn found(pair: &Pair<'_>, translation: Translation, nothing: &str) -> Found {
    let Translation { exercised, differences, excuses } = translation;
    if differences.is_empty() {
        return match (excuses.is_empty(), exercised) {
            (false, _) => Found::pass_for(excuses.join("; ")),
            (true, true) => Found::pass(),
            (true, false) => Found::not_exercised(nothing),
        };
    }
    let mut words: Vec<String> =
        differences.iter().take(MOST_NAMED).map(|found| format!("{} {}", verb(found.kind), found.path)).collect();
    let more = differences.len().saturating_sub(MOST_NAMED);
    words.extend((more > 0).then(|| format!("{more} more")));
    let way = if pair.same_api() { String::new() } else { format!(" (from {})", pair.from.id()) };
    let reason = format!("the request to `{}` {}{way}", pair.leg, words.join(", "));
    Found::warn(reason).with_all(differences.into_iter().take(MOST_SHOWN).map(|found| shown(pair, found)))
}

fn verb(kind: DifferenceKind) -> &'static str {
    match kind {
        DifferenceKind::Lost => "loses",
        DifferenceKind::Added => "adds",
        DifferenceKind::Changed => "changes",
        DifferenceKind::Reordered => "moves",
    }
}

fn shown(pair: &Pair<'_>, difference: Difference) -> Evidence {
    let text = |value: Option<serde_json::Value>| value.map(|value| value.to_string());
    let (expected, got) = (text(difference.expected), text(difference.got));
    Evidence { path: Some(difference.path), expected, got, ..pair.evidence() }
}

#[cfg(test)]
mod tests;
