//! From a rendition, a cut and edits to a plan.

use crate::answer::Rendition;
use crate::scenario::{At, Play};

use super::Plan;

/// A script that does not fit its answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The position lies behind the end of the answer.
    #[error("the cut `{at:?}` lies past the end: the answer has {has}")]
    PastTheEnd {
        /// The position.
        at: At,
        /// What the answer has of that unit.
        has: String,
    },
}

/// Compiles what a leg does with one request. `error_event` is the API's own error in a stream.
pub fn compile(_rendition: &Rendition, _play: &Play, _error_event: &[u8]) -> Result<Plan, CompileError> {
    unimplemented!()
}
