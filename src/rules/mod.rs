//! Rejection rules: what the real models refuse, with their status and their words.
//!
//! The rules are data, `src/rules/<vendor>.yaml` and one more file for each further API of a vendor; each carries its
//! evidence and examples that prove it both ways. What no request shows (how many tokens it has, how large an image is,
//! how an account or a server is set up) is no rule: the files list it under `left_out`, with the reason.

mod anthropic;
mod bedrock;
mod book;
mod condition;
mod gemini;
mod judge;
mod openai;
mod openai_responses;
mod pack;
mod path;
mod prove;
mod schema;
mod spelling;
mod subject;
#[cfg(test)]
mod tests;
mod turns;
mod write;

pub use book::{ChoiceError, RuleBook, RuleChoice};
pub use condition::Condition;
pub use judge::{Incoming, Matched, Ruling};
pub use pack::{ErrorTemplate, Evidence, Example, ExampleRequest, LeftOut, ModelLimits, Pack, Rule, Stage};
pub use path::Path;
pub use write::ErrorBody;
