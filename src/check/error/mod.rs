//! `error.*`: what the client is told when something failed.

mod inflicted;
mod internals;
mod shape;
mod traces;

pub(super) use inflicted::not_self_inflicted;
pub(super) use internals::no_internals;
pub(super) use shape::shape;
