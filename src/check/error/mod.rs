//! `error.*`: what the client is told when something failed.

mod inflicted;
mod internals;
mod original;
mod retry_after;
mod shape;
mod status;
mod traces;

pub(super) use inflicted::NOT_SELF_INFLICTED;
pub(super) use internals::NO_INTERNALS;
pub(super) use original::ORIGINAL;
pub(super) use retry_after::RETRY_AFTER;
pub(super) use shape::SHAPE;
pub(super) use status::STATUS;

/// A text without escapes: proxies quote one JSON inside another.
fn plain(text: &str) -> String {
    text.replace('\\', "")
}
