//! Runs cases on a proxy: launches, slots, controls, pace, limits. Joins everything, tells it as events.

mod case;
mod control;
mod event;
mod exit;
mod given;
mod group;
mod keep;
mod lanes;
mod live;
mod pace;
mod partition;
mod plan;
mod plays;
mod recording;
mod repeat;
mod rig;
mod run;
mod select;
mod session;
mod skip;
mod smallest;
mod stand_in;
mod target;
mod task;
#[cfg(test)]
pub(crate) mod testing;
mod tries;
mod words;

pub use event::{CaseReport, Event, Judged, ProxyLine, SnapshotReport, SnapshotState, Start, Summary};
pub use exit::Exit;
pub use group::{ControlPlan, LaunchPlan, Limits, SlotPlan, plan};
pub use keep::new_run;
pub use pace::Pace;
pub use partition::Partition;
pub use plan::{Hold, Plan, Snapshots, describe_launches, skip_reason};
pub use plays::{Differing, Plays};
pub use recording::{Recorded, Recording, Told, record};
pub use repeat::{Found, Repeat, shell};
pub use run::run;
pub use select::Selection;
pub use session::{Seen, Session, SessionPlan, is_playable};
pub use stand_in::{LegUpstream, Secret, Upstreams};
pub use target::Target;
