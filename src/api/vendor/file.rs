//! Vendor files: what one vendor does otherwise than the API that it speaks, all of it in one place.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::{ApiId, ErrorForm};

/// A vendor file: how one vendor speaks the APIs of others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vendor {
    /// Version of the format: 1.
    pub vendor_format: u32,
    /// Its name in `vendor/model`; the file is called so too.
    pub vendor: String,
    /// Who it is, in a line.
    pub summary: String,
    /// The APIs in which its models are asked; the first is the usual one.
    pub apis: Vec<Speaks>,
}

/// How a vendor speaks one API. What is not given is as in the API itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Speaks {
    /// The API.
    pub api: ApiId,
    /// Where it is asked. The API's own path is open as well, for whoever takes the vendor for any server of that API:
    /// what stands before it is the base URL, and that is ours.
    pub paths: Paths,
    /// How a client shows its key, if not as in the API; the API's own way is open as well.
    #[serde(default)]
    pub key: Option<Key>,
    /// What a client adds to the body of a request.
    #[serde(default)]
    pub request: Option<RequestBody>,
    /// Which assistant turn at the end of a request is one to go on from, if not as in the API.
    #[serde(default)]
    pub prefill: Option<Prefill>,
    /// Headers of its answers.
    pub headers: HeaderLists,
    /// How it writes answers of OpenAI Chat Completions.
    #[serde(default)]
    pub chat: Option<Chat>,
    /// How it writes answers of Anthropic Messages.
    #[serde(default)]
    pub messages: Option<Messages>,
    /// How it writes errors.
    #[serde(default)]
    pub errors: Option<Errors>,
    /// What differs too, and is not played.
    #[serde(default)]
    pub left_out: Vec<String>,
}

/// Where an API is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Paths {
    /// The paths, the usual one first. `{model}` stands for the model, every other name in braces for any one segment.
    pub at: Vec<String>,
    /// Paths that ask for streams alone, where a path says that.
    #[serde(default)]
    pub stream: Vec<String>,
    /// The query of a request.
    #[serde(default)]
    pub query: Option<String>,
    /// Where this was seen: `owner/repository:path` of a recording, the address of a page, or what was measured.
    pub source: Vec<String>,
}

/// How a client shows its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The header.
    pub header: String,
    /// The word before the key.
    #[serde(default)]
    pub scheme: Option<String>,
    /// Where this was seen.
    pub source: Vec<String>,
}

/// What a client adds to the body of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestBody {
    /// Members; `null` takes one away.
    pub with: Value,
    /// Where this was seen.
    pub source: Vec<String>,
}

/// Which assistant turn at the end of a request is one to go on from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prefill {
    /// Which.
    pub when: PrefillWhen,
    /// Where this was seen.
    pub source: Vec<String>,
}

/// Which assistant turn at the end of a request is one to go on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrefillWhen {
    /// Each.
    Always,
    /// One with `prefix: true`.
    Prefix,
}

/// Headers of answers, in place of the API's own. In a value, `<hex:32>` and the like stand for an id of that form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderLists {
    /// Of streams alone: name and value of each.
    #[serde(default)]
    pub stream: Vec<(String, String)>,
    /// Of whole answers alone.
    #[serde(default)]
    pub answer: Vec<(String, String)>,
    /// Of errors alone.
    #[serde(default)]
    pub error: Vec<(String, String)>,
    /// Of every answer.
    #[serde(default)]
    pub all: Vec<(String, String)>,
    /// Where they were seen.
    pub source: Vec<String>,
}

/// How a vendor writes answers of OpenAI Chat Completions.
///
/// What it writes is given as JSON in which `$name` stands for a value, `null` where there is none; with `$name?` the
/// member is then left out. `<hex:32>` and the like stand for an id of that form, the same throughout one answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Chat {
    /// The form of an answer's id.
    pub id: String,
    /// The form of a tool call's id.
    pub call_id: String,
    /// The form of `$fingerprint`, which belongs to the model.
    #[serde(default)]
    pub fingerprint: Option<String>,
    /// `$usage`: of `$input`, `$output` and `$total` tokens.
    pub usage: Value,
    /// Streams.
    pub stream: ChatStream,
    /// Whole answers.
    pub answer: ChatAnswer,
}

/// A stream: a chunk holds a choice, and that a delta.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatStream {
    /// What comes before everything else.
    #[serde(default)]
    pub before: Vec<Before>,
    /// Every chunk.
    pub chunk: Value,
    /// The choice in it.
    pub choice: Value,
    /// The event that begins the answer, where it is one of its own.
    #[serde(default)]
    pub start: Option<Event>,
    /// A delta of text.
    pub text: Event,
    /// A delta of reasoning, where it is shown.
    #[serde(default)]
    pub thinking: Option<Event>,
    /// Tool calls.
    pub calls: Calls,
    /// The end of the content.
    pub finish: Event,
    /// The event that tells usage, where it is one of its own.
    #[serde(default)]
    pub usage: Option<UsageEvent>,
    /// What is written otherwise in an answer that holds reasoning.
    #[serde(default)]
    pub if_thinking: Variant,
    /// What is written otherwise in an answer that begins with a tool call.
    #[serde(default)]
    pub if_calls: Variant,
    /// Blanks in the JSON.
    #[serde(default)]
    pub spacing: Spacing,
    /// How the stream ends.
    #[serde(default)]
    pub end: End,
    /// An error inside the stream.
    #[serde(default)]
    pub error: Option<ErrorEvent>,
    /// Where this was seen.
    pub source: Vec<String>,
}

/// What comes before the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Before {
    /// A comment.
    Comment(String),
    /// A chunk.
    Chunk(Value),
}

/// An event: its delta, and what its choice and its chunk have beyond the others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// The delta; without one, `choices` is empty.
    #[serde(default)]
    pub delta: Option<Value>,
    /// Members of the choice.
    #[serde(default)]
    pub choice: Value,
    /// Members of the chunk.
    #[serde(default)]
    pub chunk: Value,
}

/// Tool calls in a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Calls {
    /// In how many events.
    pub sent: CallsSent,
    /// The event; `$calls` are the calls in it.
    pub event: Event,
    /// A call as it begins.
    pub begin: Value,
    /// More of its arguments.
    #[serde(default)]
    pub more: Option<Value>,
}

/// In how many events a tool call is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallsSent {
    /// It begins without arguments, which follow in pieces.
    InPieces,
    /// Each whole, in an event of its own.
    Whole,
    /// All of them whole, in the event that ends the answer.
    WithFinish,
}

/// The event that tells usage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageEvent {
    /// When it is sent.
    pub sent: UsageSent,
    /// The event.
    #[serde(default)]
    pub event: Event,
}

/// When usage is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsageSent {
    /// Always.
    Always,
    /// Where the request has `stream_options.include_usage`.
    IfAsked,
}

/// What is written otherwise in some answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Variant {
    /// In place of `start`.
    pub start: Option<Event>,
    /// In place of `text`.
    pub text: Option<Event>,
    /// In place of `finish`.
    pub finish: Option<Event>,
}

/// Blanks in the JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Spacing {
    /// None.
    #[default]
    Compact,
    /// One behind each colon and comma.
    Spaced,
}

/// How a stream ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// `data: [DONE]`.
    #[default]
    Done,
    /// Nothing: the last event is the end.
    Nothing,
}

/// An error inside a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorEvent {
    /// The event's name, where it has one.
    #[serde(default)]
    pub event: Option<String>,
    /// Its data; beside `$message` and the like, the `$id`, `$model` and `$created` of the stream.
    pub data: Value,
    /// Blanks in the JSON.
    #[serde(default)]
    pub spacing: Spacing,
    /// Whether `[DONE]` follows.
    #[serde(default)]
    pub done: bool,
    /// Where this was seen.
    pub source: Vec<String>,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatAnswer {
    /// What stands before the body: blanks.
    #[serde(default)]
    pub before: String,
    /// The body; `$message` is the message, `$finish` the reason of the end.
    pub body: Value,
    /// The message; `$text`, `$thinking` and `$calls` are its content.
    pub message: Value,
    /// A call in it.
    pub call: Value,
    /// Where this was seen.
    pub source: Vec<String>,
}

/// How a vendor writes answers of Anthropic Messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Messages {
    /// What stands before ids of messages, tool calls and requests, behind `msg_`, `toolu_` and `req_`.
    pub id_mark: String,
    /// Where the ping stands.
    pub ping: Ping,
    /// Where this was seen.
    pub source: Vec<String>,
}

/// Where a stream of Anthropic Messages has its ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ping {
    /// Behind the first `content_block_start`.
    BehindTheFirstBlock,
    /// Behind `message_start`.
    BehindTheStart,
}

/// How a vendor writes errors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Errors {
    /// The body.
    pub form: ErrorForm,
    /// What it says with a bare status, and how, where that was seen.
    #[serde(default)]
    pub statuses: Vec<StatusError>,
    /// Where this was seen.
    pub source: Vec<String>,
}

/// What a vendor says with a bare status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusError {
    /// HTTP status.
    pub status: u16,
    /// The vendor's error type.
    pub kind: String,
    /// The text.
    pub message: String,
    /// OpenAI's `code`.
    #[serde(default)]
    pub code: Option<String>,
    /// How it is written, if not as the others.
    #[serde(default)]
    pub form: Option<ErrorForm>,
    /// Headers beyond the others'.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Where this was seen.
    pub source: Vec<String>,
}
