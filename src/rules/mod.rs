//! Rejection rules: what the real models refuse, with their status and their words.

mod judge;

pub use judge::{Incoming, RuleBook, Ruling};
