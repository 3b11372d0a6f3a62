//! Requests of Gemini.

mod read;
mod schema;
mod write;

pub(super) use read::read;
pub(super) use write::write;

/// Keys of `generationConfig` with a neutral name.
const CONFIG: [(&str, &str); 8] = [
    ("maxOutputTokens", "max_tokens"),
    ("temperature", "temperature"),
    ("topP", "top_p"),
    ("topK", "top_k"),
    ("stopSequences", "stop"),
    ("seed", "seed"),
    ("presencePenalty", "presence_penalty"),
    ("frequencyPenalty", "frequency_penalty"),
];

/// Keys of `generationConfig` that ask for a format.
const FORMAT: [&str; 3] = ["responseMimeType", "responseSchema", "responseJsonSchema"];

/// Where the way of thinking stands.
const THINKING: &str = "/generationConfig/thinkingConfig";
