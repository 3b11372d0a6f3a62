//! Requests of OpenAI Chat Completions.

mod read;
mod write;

pub(in crate::api) use read::{read, read_tool};
pub(in crate::api) use write::{write, write_tool};

/// Parameters whose names here are the neutral ones.
const PARAMS: [&str; 10] = [
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "parallel_tool_calls",
    "reasoning_effort",
    "thinking",
];
/// Where the newer name of the token limit is kept.
const MAX_COMPLETION: &str = "/max_completion_tokens";
