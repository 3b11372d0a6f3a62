//! Runs cases on a proxy: launches, slots, controls, pace, limits. Joins everything, tells it as events.

mod event;
mod exit;
mod group;
mod pace;
mod select;
mod skip;
#[cfg(test)]
pub(crate) mod testing;

pub use event::{CaseReport, Event, Judged, ProxyLine, SnapshotReport, SnapshotState, Start, Summary};
pub use exit::Exit;
pub use group::{ControlPlan, LaunchPlan, Limits, SlotPlan, plan};
pub use pace::Pace;
pub use select::Selection;
