//! The wire APIs: how each says a request, an answer, a stream and an error.
//!
//! Everything above this module speaks the neutral forms ([`Conversation`],
//! [`Completion`], [`ApiError`]); everything about one vendor's wire stands in
//! that API's own module and is reached through [`Api`].

mod anthropic_messages;
mod bedrock;
mod bedrock_converse;
mod bedrock_invoke;
mod body;
mod calls;
mod cohere_chat;
pub mod compare;
mod completion;
mod conversation;
mod error_form;
mod features;
mod gemini;
mod ollama_chat;
mod openai_chat;
mod openai_errors;
mod openai_responses;
mod openai_side;
mod reading;
mod render;
pub(crate) mod seeded;
mod side;
mod stream;
mod target;
mod vendor;
mod vendors;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use body::image;
pub use completion::{
    Completion, Delta, Final, Finding, Finish, FinishReason, Level, PieceKind, Reading, Start, StreamError,
};
pub use conversation::{Conversation, Part, Role, ToolDefinition, Turn};
pub use error_form::ErrorForm;
pub(crate) use error_form::replace;
pub use features::Features;
pub use side::{SideCall, Wrong};
pub use stream::{Say, StreamReader, StreamWriter, Usage, Written};
pub use vendor::Vendor;

use crate::answer::{Mark, Rendition, Spoken};
use crate::framing::Framing;
use crate::wire::{Headers, Request};

/// Every API in one place: its name in code and in files, and what speaks it.
macro_rules! apis {
    ($($(#[$doc:meta])* $name:ident = $text:literal: $implementation:path,)*) => {
        /// A wire API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum ApiId {
            $($(#[$doc])* $name,)*
        }

        impl ApiId {
            /// Every API that has a name, spoken or not.
            pub const ALL: [Self; [$($text),*].len()] = [$(Self::$name),*];

            /// The name used in files and on the command line.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The implementation, or `None` where this API is not spoken yet.
            pub fn spoken(self) -> Option<&'static dyn Api> {
                match self {
                    $(Self::$name => Some(&$implementation),)*
                }
            }
        }
    };
}

apis! {
    /// OpenAI Chat Completions, `POST /v1/chat/completions`.
    OpenaiChat = "openai-chat": openai_chat::OpenaiChat,
    /// OpenAI Responses, `POST /v1/responses`.
    OpenaiResponses = "openai-responses": openai_responses::OpenaiResponses,
    /// Anthropic Messages, `POST /v1/messages`.
    AnthropicMessages = "anthropic-messages": anthropic_messages::AnthropicMessages,
    /// Gemini `generateContent`.
    Gemini = "gemini": gemini::Gemini,
    /// Bedrock Converse.
    BedrockConverse = "bedrock-converse": bedrock_converse::BedrockConverse,
    /// Bedrock `InvokeModel`, for Claude.
    BedrockInvoke = "bedrock-invoke": bedrock_invoke::BedrockInvoke,
    /// Ollama's own chat, `POST /api/chat`.
    OllamaChat = "ollama-chat": ollama_chat::OllamaChat,
    /// Cohere's own chat, `POST /v2/chat`.
    CohereChat = "cohere-chat": cohere_chat::CohereChat,
}

impl ApiId {
    /// The API whose habits a request shows that no API has a path for; without any, the most common one.
    pub fn shown_by(headers: &Headers, path: &str) -> Self {
        let shows = |api: &Self| api.spoken().is_some_and(|api| api.shows(headers, path));
        Self::ALL.into_iter().rev().find(shows).unwrap_or(Self::OpenaiChat)
    }

    /// The implementation as a vendor speaks it.
    pub fn spoken_by(self, vendor: &str) -> Option<&'static dyn Api> {
        vendor::spoken_by(vendor, self).or_else(|| self.spoken())
    }

    /// The implementation that reads a request of this API: as the vendor speaks it whose path the target has.
    pub fn at(self, target: &str) -> Option<&'static dyn Api> {
        let (path, _) = target::split(target);
        Self::of_path(path).filter(|api| api.id() == self).or_else(|| self.spoken())
    }

    /// The spoken API whose requests are posted to `path` (query removed), by whichever vendor.
    pub fn of_path(path: &str) -> Option<&'static dyn Api> {
        let own = Self::ALL.into_iter().filter_map(Self::spoken).find(|api| api.own_path(path).is_some());
        own.or_else(|| vendor::of_path(path))
    }
}

impl fmt::Display for ApiId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ApiId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|api| api.name() == text).ok_or_else(|| format!("no API is called `{text}`"))
    }
}

/// Who is being faked: a vendor and its model, written `vendor/model`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelName {
    /// `anthropic`, `openai`, ...
    pub vendor: String,
    /// The model as the vendor spells it.
    pub model: String,
}

impl JsonSchema for ModelName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Model".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[^/]+/.+$",
            "description": "A vendor and its model: `anthropic/claude-sonnet-4-5`."
        })
    }
}

impl FromStr for ModelName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((vendor, model)) if !vendor.is_empty() && !model.is_empty() => {
                Ok(Self { vendor: vendor.to_owned(), model: model.to_owned() })
            }
            _ => Err(format!("a model is written `vendor/model`, not `{text}`")),
        }
    }
}

impl TryFrom<String> for ModelName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ModelName> for String {
    fn from(name: ModelName) -> Self {
        name.to_string()
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.vendor, self.model)
    }
}

/// An error in neutral form; each API writes it in the vendor's own serialisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiError {
    /// HTTP status; in a stream, the status that the vendor would have used.
    pub status: u16,
    /// The vendor's error type, for example `overloaded_error`.
    pub kind: String,
    /// The text.
    pub message: String,
    /// OpenAI's `code`, where there is one.
    pub code: Option<String>,
    /// OpenAI's `param`, where there is one.
    pub param: Option<String>,
}

/// What a response needs to know of the request that it answers.
#[derive(Clone, Debug)]
pub struct EncodeContext {
    /// The model name to give back.
    pub model: String,
    /// Whether the client asked for usage in the stream (`stream_options.include_usage`).
    pub include_usage: bool,
    /// Seed of ids and obfuscation; same seed, same bytes. Another seed gives other bytes in the same places: lengths
    /// never depend on it.
    pub seed: u64,
    /// Unix seconds for `created` fields.
    pub created: u64,
    /// Tokens of the request, for usage.
    pub input_tokens: u64,
}

/// One wire API. Implementations are stateless.
pub trait Api: Send + Sync + fmt::Debug {
    /// Which API this is.
    fn id(&self) -> ApiId;

    /// What its requests can say.
    fn features(&self) -> Features;

    /// The model of a leg that names none, with its vendor: `vendor/model`.
    fn usual_model(&self) -> &'static str;

    /// The key of an answer under which its model stands; `None` where answers name none.
    fn model_key(&self) -> Option<&'static str> {
        Some("model")
    }

    /// How its streams are framed.
    fn framing(&self) -> Framing {
        Framing::Sse
    }

    /// The path that clients post to, below the base URL. Where an API names the model and what is done with it there
    /// and not in the body, `{model}` and `{method}` stand for them.
    fn path(&self) -> &'static str;

    /// Path and query of a request for `model`, below the base URL.
    fn target(&self, model: &str, stream: bool) -> String {
        self.fill(self.path(), model, stream)
    }

    /// A path in which `{model}` and `{method}` may stand, for this model.
    fn fill(&self, path: &str, model: &str, _stream: bool) -> String {
        path.replace("{model}", &target::encode(model)).replace("{method}", "")
    }

    /// The part of a path (query removed) that is this API's own; what stands before it is a base. `None` where the
    /// path is another's.
    fn own_path<'p>(&self, path: &'p str) -> Option<&'p str> {
        path.ends_with(self.path()).then(|| &path[path.len() - self.path().len()..])
    }

    /// Headers that a client sends, the credential among them.
    fn request_headers(&self, key: &str) -> Headers;

    /// The credential that a request presents, in its headers or in its path and query.
    fn presented_key(&self, target: &str, headers: &Headers) -> Option<String>;

    /// Reads a request body. Total: what has no neutral name is kept in `rest`. A request with its path is read by
    /// [`Api::read`].
    fn read_request(&self, body: &Value) -> Conversation;

    /// Adds what path and query say, where they do: model and stream.
    fn read_target(&self, _target: &str, _conversation: &mut Conversation) {}

    /// Reads a whole request; `None` where its body is no JSON.
    fn read(&self, request: &Request) -> Option<Conversation> {
        let mut conversation = self.read_request(&request.json()?);
        self.read_target(&request.target, &mut conversation);
        Some(conversation)
    }

    /// Writes a request body for `model`.
    fn write_request(&self, conversation: &Conversation, model: &str) -> Value;

    /// A reader for the bytes of a streamed response.
    fn stream_reader(&self) -> Box<dyn StreamReader>;

    /// A writer of a stream, event by event.
    fn stream_writer(&self, context: &EncodeContext) -> Box<dyn StreamWriter>;

    /// Reads a unary 2xx response body; `Err` says what is wrong with its shape.
    fn read_unary(&self, body: &[u8]) -> Result<Completion, String>;

    /// Renders an answer as a stream: head, chunks (one per event) and marks.
    fn render_stream(&self, spoken: &Spoken, context: &EncodeContext) -> Rendition;

    /// Renders an answer as a unary response.
    fn render_unary(&self, spoken: &Spoken, context: &EncodeContext) -> Rendition;

    /// The answer in the form that the path and query of a request ask for, where an API has several.
    fn as_asked(&self, _target: &str, rendition: Rendition) -> Rendition {
        rendition
    }

    /// Where the events of a recorded stream stand, and what they say: what makes a cassette cuttable.
    fn marks(&self, body: &[u8]) -> Vec<Mark>;

    /// The body of an error response in the vendor's own serialisation.
    fn error_body(&self, error: &ApiError, seed: u64) -> Vec<u8>;

    /// Headers of an error response.
    fn error_headers(&self, error: &ApiError, seed: u64) -> Headers;

    /// Headers of an error response to a request with this path and query, where they tell.
    fn error_headers_for(&self, _target: &str, error: &ApiError, seed: u64) -> Headers {
        self.error_headers(error, seed)
    }

    /// The header that tells an error's type, where the body does not.
    fn error_type(&self, _error: &ApiError) -> Option<(String, String)> {
        None
    }

    /// Makes the error itself ask to wait, in APIs that do not say it in `retry-after`.
    fn ask_to_wait(&self, _error: &mut ApiError, _after: Duration) {}

    /// How long an error asks to wait before another request.
    fn wait_of(&self, headers: &Headers, _body: &[u8]) -> Option<Duration> {
        let number = |name| headers.get(name)?.trim().parse::<f64>().ok();
        let seconds = number("retry-after-ms").map(|millis| millis / 1_000.0).or_else(|| number("retry-after"));
        Duration::try_from_secs_f64(seconds?).ok()
    }

    /// The bytes of an error inside a stream that has said this so far.
    fn error_event(&self, error: &ApiError, seed: u64, behind: &[u8]) -> Vec<u8>;

    /// An event of a kind that nobody knows, as it may stand before the event `next`: clients are to pass over what
    /// they do not know. `None` where `next` is no event of this API, or nothing says that clients of this API do so.
    fn unknown_event(&self, _next: &[u8]) -> Option<Vec<u8>> {
        None
    }

    /// Where the number of an event stands in its bytes, in APIs that number their events.
    fn number_in(&self, _event: &[u8]) -> Option<Range<usize>> {
        None
    }

    /// Reads an error body in this API's shape; `None` where the shape is another.
    fn read_error(&self, status: u16, body: &[u8]) -> Option<ApiError>;

    /// The error a vendor of this API gives for a bare status (overload, rate limit, ...).
    fn status_error(&self, status: u16) -> ApiError;

    /// Answers a call beside the generations; `None` where this vendor has no such call.
    fn side(&self, call: &SideCall<'_>) -> Option<Value>;

    /// What the vendor says to a request that it cannot begin to read.
    fn refuse(&self, wrong: Wrong<'_>) -> ApiError;

    /// Whether a request to some other path shows the habits of this API's clients.
    fn shows(&self, _headers: &Headers, _path: &str) -> bool {
        false
    }

    /// Asks in a request body for JSON, of a schema where there is one; whatever this API cannot ask for is left out.
    fn ask_for_json(&self, _body: &mut Value, _schema: Option<&Value>) {}

    /// Takes usage out of a unary answer; where an API's SDKs cannot do without, it is 0.
    fn forget_usage(&self, body: &mut Value) {
        if let Some(usage) = body.get_mut("usage") {
            body::zero(usage);
        }
    }

    /// Whether this API reports usage in the answer to this request.
    fn tells_usage(&self, _request: &Value) -> bool {
        true
    }

    /// The text at the end of the request that asks the model to go on from it, if this API has such a thing and
    /// the request uses it: the joined text of a trailing assistant turn (for OpenAI that is history, so `None`).
    fn prefill(&self, conversation: &Conversation) -> Option<String>;
}

impl ApiError {
    /// An error without what only OpenAI says.
    fn new(status: u16, kind: &str, message: impl Into<String>) -> Self {
        Self { status, kind: kind.to_owned(), message: message.into(), code: None, param: None }
    }
}

/// The text of a trailing assistant turn, where that asks to go on. A turn that ends in a call waits for its result:
/// nothing is to be gone on from.
fn last_words(conversation: &Conversation) -> Option<String> {
    let last = conversation.last().filter(|turn| turn.role == Role::Assistant)?;
    let calls = last.parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
    (!calls).then(|| last.text())
}

/// The credential of an `Authorization: Bearer` header.
fn bearer(headers: &Headers) -> Option<String> {
    let (scheme, key) = headers.get("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
}

#[cfg(test)]
mod tests;
