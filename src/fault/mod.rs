//! Faults: a cut and edits over a rendition, compiled to a plan that is tested without sockets.

mod compile;
mod plan;

pub use compile::{CompileError, compile};
pub use plan::{End, Plan, Step};
