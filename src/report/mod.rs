//! Reports: consumers of the runner's [events](crate::runner::Event), and of nothing else.

mod client;
mod failure;
mod human;
mod json;
mod requests;
mod summary;
mod sweep;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use failure::block;
pub use human::{Human, Style};
pub use json::{FORMAT, JsonReport, Report};
pub use summary::summary;
