//! The types of a scenario file, after its shorthands are expanded.
//!
//! The loader expands shorthands on the tree first (`client: openai-chat`, `by: close`, one outcome for a list,
//! a number for a count, ...), so that these types stay plain: externally tagged enums, unknown fields refused.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Count, Millis};
use crate::answer::AnswerScript;
use crate::api::{ApiId, ModelName};

/// A scenario file: one complete, runnable case, and what varies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// Name; the file's stem if left out.
    pub scenario: Option<String>,
    /// One sentence.
    pub summary: Option<String>,
    /// Where the bug was reported.
    pub source: Option<String>,
    /// Checks that this file is there to exercise; each must be judged by at least one case on `builtin`.
    pub checks: Vec<String>,
    /// Profiles for which this scenario is meant; empty for all.
    pub only: Vec<String>,
    /// What the client sends and does.
    pub client: Client,
    /// Neutral knobs that a profile maps to its own configuration.
    pub settings: Settings,
    /// Merged into the rendered configuration, per profile.
    pub proxy_config: BTreeMap<String, Value>,
    /// Fake upstreams, in the order in which the proxy shall try them.
    pub legs: IndexMap<String, Leg>,
    /// Workers of a proxy that knows no primary.
    pub pool: Option<Pool>,
    /// How many cases like this one, with nothing broken in them, run at the same time on routes of the same shape.
    pub beside: u32,
    /// The case is run once for each point at which a leg's answer can be cut.
    pub sweep: Option<Sweep>,
    /// Paths of this file and the values that they take; cases are the product.
    pub vary: IndexMap<String, Vec<Value>>,
    /// Combinations that are left out.
    pub except: Vec<IndexMap<String, Value>>,
    /// What is legal beyond the table of endings.
    pub expect: Expect,
    /// Patches of client, legs and expect; run in order, in one session.
    pub steps: Vec<Patch>,
    /// Limit of one case.
    pub time_limit: Option<Millis>,
}

/// What the client sends and does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Client {
    /// API of the client's request.
    pub api: ApiId,
    /// Whether it asks for a stream.
    pub stream: bool,
    /// Turns, each a map of one role to its text or parts.
    pub conversation: Vec<IndexMap<String, Value>>,
    /// Parameters under neutral names (`max_tokens`, `temperature`, `tools`, ...).
    pub params: IndexMap<String, Value>,
    /// Merged into the request body as it is.
    pub body: Option<Value>,
    /// Extra headers.
    pub headers: IndexMap<String, String>,
    /// Session name; requests of one session are marked as such where a profile can.
    pub session: Option<String>,
    /// The client goes away.
    pub leave: Option<Leave>,
    /// The client reads slowly.
    pub read: Option<Read>,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            api: ApiId::OpenaiChat,
            stream: true,
            conversation: vec![IndexMap::from([("user".to_owned(), Value::from("Tell me about crossfades."))])],
            params: IndexMap::from([("max_tokens".to_owned(), Value::from(256))]),
            body: None,
            headers: IndexMap::new(),
            session: None,
            leave: None,
            read: None,
        }
    }
}

/// Where and how the client goes away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Leave {
    /// Position in what the client receives, or `{asked: n}`.
    pub at: At,
    /// `close` or `reset`.
    pub by: By,
}

/// How the client reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// It stops reading for a while, and then goes on.
    pub pause: Pause,
}

/// A client that stops reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// Position in what the client receives.
    pub at: At,
    /// For how long.
    pub r#for: Millis,
}

/// Neutral knobs; each left out stays as the proxy ships it, except retries (0) and cooldown (off).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Retries of the same leg.
    pub retries: Option<u32>,
    /// Longest silence in a stream.
    pub idle_timeout: Option<Millis>,
    /// Longest wait for the first byte.
    pub first_byte_timeout: Option<Millis>,
    /// Whether a failing leg is put aside.
    pub cooldown: Option<Toggle>,
    /// Whether a broken stream is continued.
    pub continuation: Option<Toggle>,
    /// Whether a session stays with its leg.
    pub affinity: Option<Toggle>,
    /// Which failures lead to the fallback: statuses, classes like `5xx`, `timeout`.
    pub fallback_on: Option<Vec<String>>,
    /// How many fallbacks are tried.
    pub max_fallbacks: Option<u32>,
    /// Whether the legs speak TLS, under an authority that the proxy is told to trust.
    pub tls: Option<Toggle>,
    /// Whether the legs speak HTTP/2, and nothing else: over TLS by ALPN, else by prior knowledge.
    pub http2: Option<Toggle>,
}

/// A switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Toggle {
    /// On.
    On,
    /// Off.
    Off,
}

/// A fake upstream: which model it plays, and its script.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Leg {
    /// Whom it plays; the vendor default of the client's API if left out.
    pub model: Option<ModelName>,
    /// Its API. If left out, the vendor's; of two (`openai-chat`, `openai-responses`) the one that the client speaks.
    pub api: Option<ApiId>,
    /// What it answers.
    pub answer: Option<Answer>,
    /// A scripted failure.
    pub cut: Option<Cut>,
    /// Legal but odd framings.
    pub edits: Vec<Edit>,
    /// When events are sent.
    pub pace: Option<Pace>,
    /// Whether a cut waits for the client.
    pub barrier: Option<Barrier>,
    /// How it takes a request to continue.
    pub obeys: Option<Obeys>,
    /// An error status instead of an answer; wins over `answer`.
    pub status: Option<Status>,
    /// Patches of this leg for the 1st, 2nd, ... request; the last stays.
    pub attempts: Vec<Leg>,
}

/// What a leg answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A bundled answer, by name.
    Named(String),
    /// An answer file, relative to the scenario.
    File(String),
    /// An answer that stands here, as an answer file has it.
    Script(AnswerScript),
    /// A cassette, relative to the scenario or bundled; replayed byte by byte.
    Cassette(String),
}

/// A scripted failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Where.
    pub at: At,
    /// By which effect on the wire.
    pub by: By,
}

/// The points of a leg's answer at which it is cut, a case for each; the `at` of its `cut` is replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// What is counted.
    pub every: Every,
    /// Leg whose cut moves; left out: the first that has a `cut`.
    #[serde(default)]
    pub leg: Option<String>,
    /// First point; left out: 1.
    #[serde(default)]
    pub from: Option<u64>,
    /// Last point; left out: the end of the answer.
    #[serde(default)]
    pub to: Option<u64>,
    /// From one point to the next; left out: 1.
    #[serde(default)]
    pub step: Option<u64>,
}

/// What a sweep counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// Events of the stream.
    Event,
    /// Bytes of the body.
    Byte,
}

impl Every {
    /// The word that scenarios and addresses use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Byte => "byte",
        }
    }
}

/// A position in a response: after that much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// After the request: before the response head.
    Request,
    /// After the response head.
    Head,
    /// After the events that precede content.
    Preamble,
    /// After the n-th non-empty delta of text.
    Texts(u32),
    /// After the n-th non-empty delta of any kind.
    Pieces(u32),
    /// After the n-th event.
    Events(u32),
    /// After the n-th byte of the body.
    Bytes(u64),
    /// After the last delta of content.
    LastContent,
    /// After the event with the finish reason.
    Finish,
    /// After the end mark.
    Terminator,
    /// Of a client that leaves: once the legs have got n requests, whatever the client has.
    Asked(u32),
}

/// An effect on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// FIN inside the chunked body.
    Close,
    /// A proper end of the body, without the events that should follow.
    Eof,
    /// RST.
    Reset,
    /// Silence.
    Stall(Stall),
    /// The API's own error in the stream; then the body ends.
    ErrorEvent,
    /// The next event is sent with damaged JSON; then the stream goes on.
    BadJson,
    /// Half of the next event is sent; then the body ends properly.
    CutEvent,
    /// FIN inside the next character of several bytes.
    CutUtf8,
    /// A chunk whose size is no number; then FIN.
    BadChunk,
    /// The length of the whole body is announced, in place of chunks; then FIN.
    ContentLength,
    /// The rest comes without the end mark.
    NoTerminator,
    /// The last event with content comes once more, behind the end mark.
    AfterTerminator,
    /// The event before comes twice.
    Duplicate,
    /// The next event is left out.
    Drop,
    /// The next event is a megabyte long, by blanks inside its JSON.
    Oversize,
    /// The rest comes in pieces of a few bytes, each some time after the other.
    Slow,
    /// HTTP/2: RST_STREAM; `internal_error`, as a gateway in front of a model resets, unless a code is named.
    RstStream(Http2Error),
    /// HTTP/2: GOAWAY, and the end of the connection; `no_error` unless a code is named.
    Goaway(Http2Error),
}

impl By {
    /// The word that scenarios use.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Eof => "eof",
            Self::Reset => "reset",
            Self::Stall(_) => "stall",
            Self::ErrorEvent => "error_event",
            Self::BadJson => "bad_json",
            Self::CutEvent => "cut_event",
            Self::CutUtf8 => "cut_utf8",
            Self::BadChunk => "bad_chunk",
            Self::ContentLength => "content_length",
            Self::NoTerminator => "no_terminator",
            Self::AfterTerminator => "after_terminator",
            Self::Duplicate => "duplicate",
            Self::Drop => "drop",
            Self::Oversize => "oversize",
            Self::Slow => "slow",
            Self::RstStream(_) => "rst_stream",
            Self::Goaway(_) => "goaway",
        }
    }

    /// Why it cannot be over HTTP/2, or over HTTP/1.1; `None` if it can.
    pub fn misplaced(&self, http2: bool) -> Option<String> {
        let name = self.name();
        match self {
            Self::BadChunk if http2 => Some(format!("`{name}` needs HTTP/1.1: HTTP/2 has no chunks")),
            Self::RstStream(_) | Self::Goaway(_) if !http2 => Some(format!("`{name}` is a frame of HTTP/2")),
            _ => None,
        }
    }

    /// Whether it needs the events of a stream.
    pub fn needs_events(&self) -> bool {
        match self {
            Self::Close
            | Self::Eof
            | Self::Reset
            | Self::Stall(_)
            | Self::CutUtf8
            | Self::ContentLength
            | Self::Slow
            | Self::RstStream(_)
            | Self::Goaway(_) => false,
            Self::ErrorEvent
            | Self::BadJson
            | Self::CutEvent
            | Self::BadChunk
            | Self::NoTerminator
            | Self::AfterTerminator
            | Self::Duplicate
            | Self::Drop
            | Self::Oversize => true,
        }
    }
}

/// Silence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Stall {
    /// How long; then the stream goes on. Left out: until the proxy closes or the case ends.
    pub r#for: Option<Millis>,
}

/// Why a stream or a connection of HTTP/2 ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Http2Error {
    /// The code.
    pub code: Option<ErrorCode>,
}

/// An error code of HTTP/2 (RFC 9113, section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the standard says what each means")]
#[repr(u32)]
pub enum ErrorCode {
    NoError,
    ProtocolError,
    InternalError,
    FlowControlError,
    SettingsTimeout,
    StreamClosed,
    FrameSizeError,
    RefusedStream,
    Cancel,
    CompressionError,
    ConnectError,
    EnhanceYourCalm,
    InadequateSecurity,
    #[serde(rename = "http_1_1_required")]
    Http11Required,
}

/// A legal but odd framing of the same stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Edit {
    /// HTTP chunks of n bytes, whatever stands there.
    Split(u32),
    /// n events to an HTTP chunk.
    Merge(u32),
    /// CRLF for LF; nothing where events are no lines (Bedrock).
    Crlf,
    /// SSE comments between events; nothing in other framings (Bedrock).
    Comments,
    /// A byte order mark in front of the stream.
    Bom,
    /// Before each event with content, one of a kind that nobody knows, in the form in which the API may add kinds.
    UnknownEvent,
    /// `content-encoding: gzip`, if the request accepts it, flushed with each HTTP chunk.
    Gzip,
}

/// When events are sent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// At once.
    Instant,
    /// As recorded.
    Recorded,
    /// As recorded, times a factor.
    Scale(f64),
    /// One event every so often.
    Every(Millis),
    /// The next text delta only when the client has those before it.
    LockStep,
}

/// Whether a cut waits until the client has received what was sent before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Barrier {
    /// It waits.
    Seen,
    /// It does not: the race test.
    None,
}

/// How a leg takes a request to continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Obeys {
    /// Speaks the exact rest.
    Exactly,
    /// Answers from the start.
    StartsOver,
    /// Says the last word again, then the rest.
    RepeatsLastWord,
    /// Says something polite first.
    AddsPreface,
    /// Says nothing more.
    StopsAtOnce,
}

/// An error status instead of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// HTTP status.
    pub code: u16,
    /// `retry-after`.
    #[serde(default)]
    pub retry_after: Option<Millis>,
}

/// Workers without a primary: the script follows the order of requests, whoever gets them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// How many.
    pub workers: u32,
    /// Whom they play.
    pub model: ModelName,
    /// What happens on the 1st, 2nd, ... request.
    pub attempts: Vec<Leg>,
}

/// What is legal beyond the table of endings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// Endings that are legal here; empty: the table decides alone.
    pub outcome: Vec<Outcome>,
    /// Requests per leg.
    pub requests: BTreeMap<String, Count>,
    /// How soon a leg must notice that the client has gone.
    pub cancelled: BTreeMap<String, Millis>,
    /// HTTP status that the client gets.
    pub status: Option<u16>,
    /// `required`: a missing snapshot fails.
    pub snapshot: Option<String>,
}

/// How a client's exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// One leg's answer, whole.
    Completed,
    /// Another leg's answer, whole, nothing of the first delivered.
    Restarted,
    /// The first leg's text, continued by another.
    Continued,
    /// An error the client can see.
    Error,
    /// The transport visibly breaks.
    Broken,
    /// The client goes away, as scripted.
    Left,
    /// A truncated answer that looks finished.
    Silent,
    /// Text twice.
    Doubled,
    /// Text of one leg behind text of another that it does not continue.
    Spliced,
    /// No end within the limit.
    Hung,
}

impl Outcome {
    /// The word that scenarios use.
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// Whether no scenario can make it legal.
    pub fn is_never_legal(self) -> bool {
        matches!(self, Self::Silent | Self::Doubled | Self::Spliced | Self::Hung)
    }
}

/// A patch of the base for one step: maps merge, everything else replaces.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Patch {
    /// Patch of `client`.
    pub client: Option<Value>,
    /// Patch of `legs`.
    pub legs: Option<Value>,
    /// Patch of `expect`.
    pub expect: Option<Value>,
}
