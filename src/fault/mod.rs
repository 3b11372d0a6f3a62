//! Faults: a cut and edits over a rendition, compiled to a plan that is tested without sockets.

mod body;
mod change;
mod compile;
mod damage;
mod gzip;
mod plan;
mod position;
#[cfg(test)]
mod tests;

pub use compile::{CompileError, before_the_cut, compile};
pub use gzip::{accepts_gzip, gzip};
pub use plan::{End, Opening, Plan, Step};
