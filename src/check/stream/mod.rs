//! `stream.*`: what the client gets of an answer.

mod finish;
mod grammar;
mod incremental;
mod model;
mod start;
mod text;
mod thinking;
mod tools;
mod truncation;
mod usage;
mod words;

pub(super) use finish::FINISH;
pub(super) use grammar::GRAMMAR;
pub(super) use incremental::INCREMENTAL;
pub(super) use model::MODEL;
pub(super) use start::SINGLE_START;
pub(super) use text::TEXT;
pub(super) use thinking::THINKING;
pub(super) use tools::TOOLS;
pub(super) use truncation::{TRUNCATION_VISIBLE, handed_on_unchanged};
pub(super) use usage::USAGE;
