//! A request in neutral form.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ApiId;

/// Who speaks a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions; a system field is a leading system turn.
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
    /// Results of tools.
    Tool,
}

/// One piece of a turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Text.
    Text {
        /// The text.
        text: String,
        /// Whether it carries a cache mark.
        cache: bool,
    },
    /// An image, by what it is made of.
    Image {
        /// SHA-256 of the data, or the URL.
        digest: String,
        /// Media type.
        media_type: String,
        /// The image itself, in a form that every API can be told: a `data:` URL, or the URL.
        url: String,
    },
    /// Reasoning, with its signature.
    Thinking {
        /// The reasoning.
        text: String,
        /// The vendor's signature over it.
        signature: Option<String>,
    },
    /// A call of a tool.
    ToolCall {
        /// Id of the call.
        id: String,
        /// Tool.
        name: String,
        /// Arguments; a JSON string where they do not parse.
        arguments: Value,
    },
    /// What a tool gave back.
    ToolResult {
        /// Id of the call that this answers.
        id: String,
        /// The result.
        parts: Vec<Part>,
        /// Whether the tool failed.
        error: bool,
        /// Whether it carries a cache mark of its own.
        #[serde(default)]
        cache: bool,
    },
    /// A refusal by the model.
    Refusal {
        /// The text.
        text: String,
    },
    /// Something without a neutral form, verbatim.
    Other(Value),
}

impl Part {
    /// Plain text without a cache mark.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), cache: false }
    }
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub parts: Vec<Part>,
    /// Where the turn stands in the raw body, as a JSON pointer (`/messages/2`, `/system`).
    pub place: String,
}

impl Turn {
    /// The joined text of the turn.
    pub fn text(&self) -> String {
        self.parts
            .iter()
            .filter_map(|part| match part {
                Part::Text { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }
}

/// A tool that the model may call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolDefinition {
    /// Name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// JSON schema of the arguments.
    pub parameters: Value,
    /// Whether it carries a cache mark.
    #[serde(default)]
    pub cache: bool,
    /// Keys without a neutral name.
    pub rest: BTreeMap<String, Value>,
}

/// A request in neutral form. Nothing of the body is dropped: keys without a neutral name are in `rest`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    /// The API whose body this was read from: places and pointers in `rest` are of that body. `None` if it was made
    /// here; nothing of `rest` is said in another API.
    #[serde(default)]
    pub api: Option<ApiId>,
    /// Model as the request spells it.
    pub model: String,
    /// Turns in order; a system field is a leading system turn, later system turns keep their place.
    pub turns: Vec<Turn>,
    /// Tools.
    pub tools: Vec<ToolDefinition>,
    /// Neutral: `"auto"`, `"none"`, `"required"` or `{"tool": name}`.
    pub tool_choice: Option<Value>,
    /// Structured output, as the API says it.
    pub format: Option<Value>,
    /// Parameters under neutral names: `max_tokens`, `temperature`, `top_p`, `top_k`, `stop` (always a list),
    /// `thinking`, `seed`, `presence_penalty`, `frequency_penalty`, `parallel_tool_calls`, `reasoning_effort`.
    /// `max_completion_tokens` is read as `max_tokens`, and stands in `rest` too, so that it is written back as such.
    pub params: BTreeMap<String, Value>,
    /// Whether a stream is asked for.
    pub stream: bool,
    /// The end user's id.
    pub user: Option<String>,
    /// Every key without a neutral name, by JSON pointer.
    pub rest: BTreeMap<String, Value>,
}

impl Conversation {
    /// The last turn.
    pub fn last(&self) -> Option<&Turn> {
        self.turns.last()
    }
}
