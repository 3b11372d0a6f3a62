//! `stream.*`: what the client gets of an answer.

mod finals;
mod finish;
mod grammar;
mod incremental;
mod model;
mod passthrough;
mod start;
mod terminator;
mod text;
mod thinking;
mod tools;
mod truncation;
mod usage;
mod utf8;
mod words;

pub(super) use finals::FINAL;
#[cfg(test)]
pub(super) use finals::finals;
pub(super) use finish::FINISH;
pub(super) use grammar::GRAMMAR;
pub(super) use incremental::INCREMENTAL;
pub(super) use model::MODEL;
pub(super) use passthrough::PASSTHROUGH;
pub(super) use start::SINGLE_START;
pub(super) use terminator::TERMINATOR;
pub(super) use text::TEXT;
pub(super) use thinking::THINKING;
pub(super) use tools::TOOLS;
pub(super) use truncation::{TRUNCATION_VISIBLE, handed_on_unchanged};
pub(super) use usage::USAGE;
pub(super) use utf8::UTF8;
