//! `error.*`: what the client is told when something failed.

mod inflicted;
mod internals;
mod shape;
mod traces;

pub(super) use inflicted::NOT_SELF_INFLICTED;
pub(super) use internals::NO_INTERNALS;
pub(super) use shape::SHAPE;
