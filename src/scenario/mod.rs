//! Scenarios: the YAML that people write, and the fully resolved cases that it expands to.

mod case;
mod model;
mod values;

pub use case::{AnswerPlan, Case, ClientPlan, LegPlan, Play, Shape, ShapeLeg, StepPlan};
pub use model::{
    Answer, At, Barrier, By, Client, Cut, Edit, Expect, Leave, Leg, Obeys, Outcome, Pace, Patch, Pool, Scenario,
    Settings, Stall, Status, Toggle,
};
pub use values::{Count, Millis};
