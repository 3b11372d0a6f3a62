//! Reports: consumers of the runner's [events](crate::runner::Event), and of nothing else.

mod client;
mod compare;
mod difference;
mod failure;
mod github;
mod html;
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
mod trace;

pub use compare::{Comparison, compare};
pub use difference::{difference, difference_markdown};
pub use failure::block;
pub use github::github;
pub use html::{Detail, Shown, detail, html};
pub use human::{Human, Style, Tracing};
pub use json::{FORMAT, JsonReport, Report};
pub use junit::junit;
pub use markdown::markdown;
pub use merge::{MergeError, merge};
pub use summary::summary;
pub use trace::{TraceLine, Tracer, trace};
