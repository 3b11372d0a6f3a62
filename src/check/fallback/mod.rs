//! `fallback.*`: the requests that reach the legs behind the first.

mod accepted;
mod attempts;
mod control;
mod credentials;

pub(super) use accepted::ACCEPTED;
pub(super) use attempts::ATTEMPTS;
pub(super) use control::SAME_AS_CONTROL;
pub(super) use credentials::{CREDENTIALS, carries};

/// Reason of a check that had no fallback request to look at.
const NONE: &str = "no request reached a leg behind the first";
