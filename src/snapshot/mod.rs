//! Snapshots: the accepted, normalised upstream requests of a scenario on a proxy, in insta's file format.
//!
//! One file per scenario and proxy; equal requests are stored once, with the cases that make them. What differs from
//! run to run has a placeholder: `<unique>`, `<key:fallback>`, `<id-1>`, `<primary:0..23>` for what a leg had said.
//! Everything else is verbatim. A snapshot covers all cases of its scenario: compare only where all were run.

mod redact;
mod render;
mod store;
mod volatile;

pub use redact::Redactor;
pub use render::render;
pub use store::{Mode, Pending, State, diff, path, pending, settle};

#[cfg(test)]
mod tests;
