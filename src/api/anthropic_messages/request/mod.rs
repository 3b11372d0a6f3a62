//! Requests of Anthropic Messages.

mod read;
mod write;

pub(in crate::api) use read::read;
pub(in crate::api) use write::write;

/// Parameters whose names here are the neutral ones.
const PARAMS: [&str; 5] = ["max_tokens", "temperature", "top_p", "top_k", "thinking"];
