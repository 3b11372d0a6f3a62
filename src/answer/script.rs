//! Answer scripts: what is said, without words, and what a voice makes of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::FinishReason;

/// An API-neutral answer: shape (lengths, paragraphs, emoji, JSON) without words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerScript {
    /// One sentence.
    #[serde(default)]
    pub summary: Option<String>,
    /// Parts in order.
    pub parts: Vec<ScriptPart>,
    /// The parts are said this many times.
    #[serde(default)]
    pub repeat: Option<u32>,
    /// How text is cut into deltas: `word` (default), `char`, or a number of characters.
    #[serde(default)]
    pub chunk: Option<String>,
    /// Why it ends; by content if left out.
    #[serde(default)]
    pub finish: Option<FinishReason>,
    /// Output tokens for usage; counted if left out.
    #[serde(default)]
    pub output_tokens: Option<u64>,
}

/// One part of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ScriptPart {
    /// Text: n words of the voice, or literal text in which `{word}` stands for a word of the voice.
    Text {
        /// Number of words.
        #[serde(default)]
        words: Option<u32>,
        /// Literal text.
        #[serde(default)]
        literal: Option<String>,
    },
    /// Reasoning.
    Thinking {
        /// Number of words.
        words: u32,
        /// Whether it is signed.
        #[serde(default)]
        signature: bool,
    },
    /// A tool call; strings `{word}` in the arguments stand for words of the voice.
    ToolCall {
        /// Tool; the client's first tool if left out.
        #[serde(default)]
        name: Option<String>,
        /// Arguments.
        arguments: Value,
    },
    /// A refusal of n words.
    Refusal {
        /// Number of words.
        words: u32,
    },
}

/// An answer with its words: what an API renders.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spoken {
    /// Parts in order.
    pub parts: Vec<SpokenPart>,
    /// Why it ends.
    pub finish: Option<FinishReason>,
    /// Output tokens for usage.
    pub output_tokens: u64,
}

/// One part of an answer with its words, cut into deltas.
#[derive(Clone, Debug, PartialEq)]
pub enum SpokenPart {
    /// Text.
    Text(Vec<String>),
    /// Reasoning, and its signature.
    Thinking(Vec<String>, Option<String>),
    /// A tool call: id, name, arguments cut into deltas.
    ToolCall {
        /// Id, without vendor prefix.
        id: String,
        /// Tool.
        name: String,
        /// Deltas of the arguments' JSON text.
        arguments: Vec<String>,
    },
    /// A refusal.
    Refusal(Vec<String>),
}

impl Spoken {
    /// The joined text of the answer.
    pub fn text(&self) -> String {
        self.parts
            .iter()
            .filter_map(|part| match part {
                SpokenPart::Text(deltas) => Some(deltas.concat()),
                _ => None,
            })
            .collect()
    }
}
