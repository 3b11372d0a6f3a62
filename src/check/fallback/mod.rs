//! `fallback.*`: the requests that reach the legs behind the first.

mod accepted;
mod attempts;
mod continuable;
mod control;
mod credentials;
mod model;
mod retry_after;
mod taken;

pub(super) use accepted::ACCEPTED;
pub(super) use attempts::ATTEMPTS;
pub(super) use continuable::CONTINUABLE;
pub(super) use control::SAME_AS_CONTROL;
pub(super) use credentials::CREDENTIALS;
pub(super) use model::MODEL;
pub(super) use retry_after::RETRY_AFTER;
pub(super) use taken::TAKEN;

/// Reason of a check that had no fallback request to look at.
const NONE: &str = "no request reached a leg behind the first";
