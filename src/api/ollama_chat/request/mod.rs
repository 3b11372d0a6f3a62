//! Requests of Ollama's chat.

mod read;
mod write;

pub(super) use read::read;
pub(super) use write::write;

/// Keys of `options`, with their neutral names.
const OPTIONS: [(&str, &str); 8] = [
    ("num_predict", "max_tokens"),
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("top_k", "top_k"),
    ("stop", "stop"),
    ("seed", "seed"),
    ("presence_penalty", "presence_penalty"),
    ("frequency_penalty", "frequency_penalty"),
];
