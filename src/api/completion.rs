//! A response in neutral form.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Part;

/// What kind of content a piece of a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PieceKind {
    /// Text of the answer.
    Text,
    /// A piece of a tool call's arguments.
    Arguments,
    /// Reasoning.
    Thinking,
    /// A refusal.
    Refusal,
}

/// One non-empty delta of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// Byte offset of its event in the body.
    pub offset: usize,
    /// Kind.
    pub kind: PieceKind,
    /// What it says.
    pub text: String,
}

/// A message begins (`message_start`, a delta with a role).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Byte offset of its event in the body.
    pub offset: usize,
    /// Id of the message.
    pub id: Option<String>,
    /// Model that is named.
    pub model: Option<String>,
}

/// Why an answer ended, in neutral words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model was done.
    Stop,
    /// The token limit.
    Length,
    /// Tools are to be called.
    ToolCalls,
    /// The model or a filter refused.
    Refusal,
    /// Anything else.
    Other,
}

/// The event that says why the answer ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finish {
    /// Byte offset of its event in the body.
    pub offset: usize,
    /// In neutral words.
    pub reason: FinishReason,
    /// As the API spells it.
    pub raw: String,
}

/// An error inside a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamError {
    /// Byte offset of its event in the body.
    pub offset: usize,
    /// Type, if given.
    pub kind: Option<String>,
    /// Text.
    pub message: String,
    /// Whether the official SDK of this API raises on it. A nameless error on Anthropic is dropped, for example.
    pub visible: bool,
}

/// What a stream has said in deltas, said again as a whole (`response.output_text.done`, the output of
/// `response.completed`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Final {
    /// Byte offset of its event in the body.
    pub offset: usize,
    /// Kind.
    pub kind: PieceKind,
    /// Who says it of what: `response.completed: output[0].content[0]`.
    pub place: String,
    /// The whole, as it says.
    pub text: String,
    /// The same, as the deltas said it: joined, empty if there were none.
    pub said: String,
}

/// A response in neutral form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    /// Starts of a message; a clean stream has one.
    pub starts: Vec<Start>,
    /// Every distinct id, in order of first use.
    pub ids: Vec<String>,
    /// Every distinct model named, in order of first use.
    pub models: Vec<String>,
    /// Accumulated content; a tool call whose arguments do not parse keeps them as a JSON string.
    pub parts: Vec<Part>,
    /// Joined text of the answer.
    pub text: String,
    /// Non-empty deltas in order.
    pub deltas: Vec<Delta>,
    /// What was said again as a whole, in order; in a clean stream each equals what its deltas said.
    #[serde(default)]
    pub finals: Vec<Final>,
    /// Finish events in order; a clean stream has one.
    pub finishes: Vec<Finish>,
    /// Byte offset of the end mark (`[DONE]`, `message_stop`), if it came.
    pub terminator: Option<usize>,
    /// Errors in the stream.
    pub errors: Vec<StreamError>,
    /// Usage as last reported.
    pub usage: Option<Value>,
}

impl Completion {
    /// The first error that an SDK would raise.
    pub fn visible_error(&self) -> Option<&StreamError> {
        self.errors.iter().find(|error| error.visible)
    }
}

/// How strictly a requirement binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Not met: a failure.
    Must,
    /// Not met: a warning.
    Should,
}

/// A deviation of a stream from its grammar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Rule of the grammar, for example `A11`.
    pub rule: String,
    /// MUST where an official SDK raises, hangs or loses data.
    pub level: Level,
    /// Byte offset in the body.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
}

/// A stream read to its end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// What it said.
    pub completion: Completion,
    /// Where it left its grammar. Truncation is no finding: it is judged by the ending.
    pub findings: Vec<Finding>,
}
