//! Streams, read and written event by event.

use std::fmt;

use serde_json::Value;

use super::{ApiError, Completion, FinishReason, Reading};
use crate::answer::{Piece, Stage};

/// One thing said in a stream, in neutral form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Say {
    /// A delta of text.
    Text(String),
    /// A delta of reasoning.
    Thinking(String),
    /// The signature that closes reasoning.
    Signature(String),
    /// A tool call begins.
    ToolCall {
        /// Id of the call.
        id: String,
        /// Tool.
        name: String,
    },
    /// A delta of the arguments of the tool call begun last.
    Arguments(String),
    /// A delta of a refusal.
    Refusal(String),
}

/// Tokens, in neutral form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of the request.
    pub input: u64,
    /// Of the answer.
    pub output: u64,
}

impl Usage {
    /// Reads what an API reports, in whichever spelling; `None` where it names no tokens.
    pub fn read(value: &Value) -> Option<Self> {
        const INPUT: [&str; 5] =
            ["prompt_tokens", "input_tokens", "promptTokenCount", "inputTokens", "prompt_eval_count"];
        const OUTPUT: [&str; 5] =
            ["completion_tokens", "output_tokens", "candidatesTokenCount", "outputTokens", "eval_count"];
        // Cohere tells those that are billed beside them.
        let value = value.get("tokens").filter(|tokens| tokens.is_object()).unwrap_or(value);
        let tokens = |keys: [&str; 5]| keys.iter().find_map(|key| value.get(key)?.as_u64());
        let (input, output) = (tokens(INPUT), tokens(OUTPUT));
        (input.is_some() || output.is_some())
            .then(|| Self { input: input.unwrap_or_default(), output: output.unwrap_or_default() })
    }
}

/// One event as an API writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its bytes, with all that frames it.
    pub bytes: Vec<u8>,
    /// How far the stream has got with it.
    pub stage: Stage,
    /// The content it carries.
    pub piece: Option<Piece>,
}

/// Reads a streamed response body as its bytes arrive. Never fails: what it cannot read becomes a finding.
pub trait StreamReader: Send + fmt::Debug {
    /// Takes the next bytes, cut anywhere, and gives what was said in them.
    fn feed(&mut self, bytes: &[u8]) -> Vec<Say>;

    /// What was read so far.
    fn so_far(&self) -> &Completion;

    /// The body is over.
    fn finish(self: Box<Self>) -> Reading;
}

/// Writes a stream event by event, as the vendor does (padding, pings, usage habits).
pub trait StreamWriter: Send + fmt::Debug {
    /// Events that precede content.
    fn begin(&mut self) -> Vec<Written>;

    /// Events for one thing said; borders of blocks are opened and closed as needed.
    fn say(&mut self, say: &Say) -> Vec<Written>;

    /// Everything from the end of the content to the end mark.
    fn finish(&mut self, reason: FinishReason, usage: Usage) -> Vec<Written>;

    /// An error in the stream; nothing follows.
    fn error(&mut self, error: &ApiError) -> Vec<Written>;
}
