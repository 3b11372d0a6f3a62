//! `lifecycle.*`: what becomes of connections when someone goes or falls silent, and of the proxy afterwards.

mod bounded;
mod cancel;
mod survives;

pub(super) use bounded::BOUNDED;
pub(super) use cancel::CANCEL;
pub(crate) use cancel::CANCEL_WITHIN;
pub(super) use survives::SURVIVES;
