//! Exploration: draws cases, plays them on a live launch, judges them with the checks that always hold, and shrinks
//! what fails to a short scenario.
//!
//! The same seed draws the same cases in the same order, whatever runs when; what is found is told in the order of the
//! cases. The only user of proptest.

mod always;
mod draft;
mod draw;
mod finding;
mod kinds;
mod phase;
mod place;
mod pool;
mod run;
mod shrink;
#[cfg(test)]
mod tests;
mod write;

pub use always::{Failure, NEEDS_MORE, always_holds};
pub use finding::Finding;
pub use run::{Event, Plan, Summary, explore};
