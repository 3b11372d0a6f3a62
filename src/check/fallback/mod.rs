//! `fallback.*`: the requests that reach the legs behind the first.

mod accepted;
mod attempts;
mod control;
mod credentials;

pub(super) use accepted::accepted;
pub(super) use attempts::attempts;
pub(super) use control::same_as_control;
pub(super) use credentials::{carries, credentials};

/// Reason of a check that had no fallback request to look at.
const NONE: &str = "no request reached a leg behind the first";
