//! Judgement: pure functions from a history to verdicts. Checks know no proxy.

mod catalogue;
mod judgement;

pub use catalogue::{CATALOGUE, CheckInfo, info};
pub use judgement::{Evidence, Judgement, Run, Speaker, Value, Verdict};

pub use crate::api::Level;
use crate::history::History;

/// Judges everything that was seen in a case.
pub fn judge(history: &History) -> Judgement {
    let outcomes = history.steps.iter().map(|_| None).collect();
    let texts = history.steps.iter().map(|_| Vec::new()).collect();
    let verdicts = CATALOGUE
        .iter()
        .map(|check| Verdict {
            check: check.id.to_owned(),
            level: check.level,
            value: Value::NotExercised,
            reason: String::new(),
            evidence: Vec::new(),
        })
        .collect();
    Judgement { outcomes, verdicts, texts }
}
