//! Reports: consumers of the runner's [events](crate::runner::Event), and of nothing else.

mod client;
mod failure;
mod github;
mod human;
mod json;
mod junit;
mod markdown;
mod merge;
mod requests;
mod summary;
mod sweep;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use failure::block;
pub use human::{Human, Style};
pub use github::github;
pub use json::{FORMAT, JsonReport, Report};
pub use junit::junit;
pub use markdown::markdown;
pub use merge::{MergeError, merge};
pub use summary::summary;
