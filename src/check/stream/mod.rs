//! `stream.*`: what the client gets while an answer comes.

mod grammar;
mod incremental;
mod start;
mod text;
mod truncation;

pub(super) use grammar::GRAMMAR;
pub(super) use incremental::INCREMENTAL;
pub(super) use start::SINGLE_START;
pub(super) use text::TEXT;
pub(super) use truncation::{TRUNCATION_VISIBLE, handed_on_unchanged};
