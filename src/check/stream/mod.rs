//! `stream.*`: what the client gets while an answer comes.

mod grammar;
mod incremental;
mod start;
mod text;
mod truncation;

pub(super) use grammar::grammar;
pub(super) use incremental::incremental;
pub(super) use start::single_start;
pub(super) use text::text;
pub(super) use truncation::{handed_on_unchanged, truncation_visible};
