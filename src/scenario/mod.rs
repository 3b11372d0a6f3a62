//! Scenarios: the YAML that people write, and the fully resolved cases that it expands to.

mod bundled;
mod case;
mod conversation;
mod fit;
mod load;
mod model;
mod resolve;
mod shorthand;
mod sweep;
mod values;
mod vary;

pub use bundled::BUNDLED;
pub use case::{AnswerPlan, Case, ClientPlan, LegPlan, Play, Shape, ShapeLeg, StepPlan, SweepPoint};
pub use load::{discover, load, load_bundled, load_text};
pub use model::{
    Answer, At, Barrier, By, Client, Cut, Edit, ErrorCode, Every, Expect, Http2Error, Leave, Leg, Obeys, Outcome, Pace,
    Patch, Pause, Pool, Read, Scenario, Settings, Stall, Status, Sweep, Toggle,
};
pub use resolve::default_model;
pub use values::{Count, Millis};
