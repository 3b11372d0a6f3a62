//! Rejection rules: what the real models refuse, with their status and their words.
//!
//! The rules are data, `src/rules/<vendor>.yaml` and one more file for each further API of a vendor; each carries its evidence and examples that prove it both ways.

mod anthropic;
mod bedrock;
mod condition;
mod gemini;
mod judge;
mod openai;
mod openai_responses;
mod pack;
mod path;
#[cfg(test)]
mod tests;

pub use condition::Condition;
pub use judge::{Incoming, RuleBook, Ruling};
pub use pack::{ErrorTemplate, Evidence, Example, ExampleRequest, ModelLimits, Pack, Rule, Stage};
pub use path::Path;
