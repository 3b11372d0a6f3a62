//! `isolation.*`: nothing of another case.

mod ids;
mod words;

pub(super) use ids::IDS;
pub(crate) use ids::given;
pub(super) use words::WORDS;
pub(crate) use words::{foreign, owner_key};

#[cfg(test)]
mod tests;
