//! What a check finds in one step, and how the findings of several steps become one verdict.

use super::{CheckInfo, Evidence, Level, Value, Verdict};

/// What a check finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) value: Value,
    /// Where it binds less, or more, than the check does.
    pub(super) level: Option<Level>,
    pub(super) reason: String,
    pub(super) evidence: Vec<Evidence>,
}

impl Found {
    fn new(value: Value, reason: impl Into<String>) -> Self {
        Self { value, level: None, reason: reason.into(), evidence: Vec::new() }
    }

    pub(super) fn pass() -> Self {
        Self::new(Value::Pass, "")
    }

    pub(super) fn pass_for(reason: impl Into<String>) -> Self {
        Self::new(Value::Pass, reason)
    }

    pub(super) fn fail(reason: impl Into<String>) -> Self {
        Self::new(Value::Fail, reason)
    }

    pub(super) fn warn(reason: impl Into<String>) -> Self {
        Self::new(Value::Warn, reason)
    }

    pub(super) fn skip(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::new(Value::Skip(reason.clone()), reason)
    }

    pub(super) fn not_exercised(reason: impl Into<String>) -> Self {
        Self::new(Value::NotExercised, reason)
    }

    pub(super) fn inconclusive(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::new(Value::Inconclusive(reason.clone()), reason)
    }

    /// Contrary to what the proxy declares fails; where it declares nothing, the same only warns.
    pub(super) fn undeclared(declared: bool, reason: impl Into<String>) -> Self {
        if declared { Self::fail(reason) } else { Self::warn(format!("{} (undeclared)", reason.into())) }
    }

    /// The same where it only should be met: what fails warns.
    pub(super) fn milder(mut self) -> Self {
        if self.value == Value::Fail {
            self.value = Value::Warn;
            self.level = Some(Level::Should);
        }
        self
    }

    pub(super) fn at(mut self, level: Level) -> Self {
        self.level = Some(level);
        self
    }

    pub(super) fn with(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    pub(super) fn with_all(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// What is worse comes first.
    fn weight(&self) -> u8 {
        match self.value {
            Value::Fail => 5,
            Value::Inconclusive(_) => 4,
            Value::Warn => 3,
            Value::Pass => 2,
            Value::Skip(_) => 1,
            Value::NotExercised => 0,
        }
    }
}

/// The worst of what was found; of equals the first.
pub(super) fn worst(found: impl IntoIterator<Item = Found>) -> Option<Found> {
    found.into_iter().reduce(|worst, next| if next.weight() > worst.weight() { next } else { worst })
}

/// One verdict over all steps: the worst, with its step named where there are several.
pub(super) fn verdict(info: &CheckInfo, mut steps: Vec<Found>) -> Verdict {
    let several = steps.len() > 1;
    if several {
        for (index, found) in steps.iter_mut().enumerate().filter(|(_, found)| !found.reason.is_empty()) {
            found.reason = format!("step {}: {}", index + 1, found.reason);
            match &mut found.value {
                Value::Skip(reason) | Value::Inconclusive(reason) => reason.clone_from(&found.reason),
                Value::Pass | Value::Fail | Value::Warn | Value::NotExercised => {}
            }
        }
    }
    let found = worst(steps).unwrap_or_else(|| Found::not_exercised("no step took place"));
    Verdict {
        check: info.id.to_owned(),
        level: found.level.unwrap_or(info.level),
        value: found.value,
        reason: found.reason,
        evidence: found.evidence,
    }
}
