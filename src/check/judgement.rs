//! What judging gives: verdicts, how each step ended, and whose words the client got.

use serde::{Deserialize, Serialize};

use super::Level;
use crate::scenario::Outcome;

/// The judgement of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// How each step's exchange ended; `None` where the harness cannot tell.
    pub outcomes: Vec<Option<Outcome>>,
    /// Exactly one verdict per check of [`CATALOGUE`](super::CATALOGUE), in its order.
    pub verdicts: Vec<Verdict>,
    /// Per step, the client's text with the legs that spoke it, in order.
    pub texts: Vec<Vec<Run>>,
}

impl Judgement {
    /// Takes over what is worse for a neighbour: nothing was broken there, so whatever it lacks came from this case.
    pub(super) fn join(&mut self, neighbour: Self) {
        for (own, theirs) in self.verdicts.iter_mut().zip(neighbour.verdicts) {
            if theirs.value.severity() > own.value.severity() {
                let reason = format!("beside it, where nothing was broken: {}", theirs.reason);
                let mut evidence = theirs.evidence;
                for each in &mut evidence {
                    each.exchange = format!("beside: {}", each.exchange);
                }
                *own = Verdict { reason, evidence, ..theirs };
            }
        }
    }
}

/// A run of the client's text that one leg spoke without a gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The text.
    pub text: String,
    /// Who spoke it; `None` where no leg did.
    pub speaker: Option<Speaker>,
}

/// Who spoke a run of text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Speaker {
    /// Index in the step's upstream exchanges.
    pub exchange: usize,
    /// The leg that sent it.
    pub leg: String,
    /// Whose words they are; a continuing leg speaks the voice that it was quoted.
    pub voice: String,
    /// Character offset in that voice.
    pub from: usize,
}

/// The value of a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// Met.
    Pass,
    /// A MUST was not met, or something contrary to the profile's declaration.
    Fail,
    /// A SHOULD was not met, or something undeclared.
    Warn,
    /// Not asked of this proxy, for this reason.
    Skip(String),
    /// Nothing happened that this check is about.
    NotExercised,
    /// The harness cannot tell, for this reason.
    Inconclusive(String),
}

impl Value {
    /// How bad it is; 0 for whatever is no finding.
    pub(super) fn severity(&self) -> u8 {
        match self {
            Self::Fail => 3,
            Self::Inconclusive(_) => 2,
            Self::Warn => 1,
            Self::Pass | Self::Skip(_) | Self::NotExercised => 0,
        }
    }

    /// `pass`, `fail`, `warn`, `skip`, `not-exercised`, `inconclusive`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Skip(_) => "skip",
            Self::NotExercised => "not-exercised",
            Self::Inconclusive(_) => "inconclusive",
        }
    }
}

/// The result of a check on a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Stable id of the check, for example `fallback.accepted`.
    pub check: String,
    /// How strictly the check binds.
    pub level: Level,
    /// The value.
    pub value: Value,
    /// In one sentence, why; empty for a plain pass.
    pub reason: String,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
}

/// What a verdict rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// `client`, or `upstream 2` (by order of arrival in the step), with the step where there are several.
    pub exchange: String,
    /// JSON pointer, or byte offset, in what the exchange carried.
    pub path: Option<String>,
    /// What was expected.
    pub expected: Option<String>,
    /// What was there.
    pub got: Option<String>,
}
