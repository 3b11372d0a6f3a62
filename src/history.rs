//! Everything that was seen in a case, in order, as offsets from its start: recorded first, judged afterwards.
//!
//! A history is complete: [`crate::check::judge`] needs nothing else, so a saved `history.json` can be judged
//! again without a network.

mod hide;
mod moment;
mod read;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::{ApiError, ApiId};
use crate::proxy::Policy;
use crate::scenario::Case;
use crate::wire::{Chunk, Headers, Micros, Request};

pub use moment::{Call, ClientMoment, LegMoment, Moment, What};
pub use read::read;

/// Version of the format of `history.json`. A field that is added has a serde default, so that older histories are
/// still read; any other change is a new format, with a step in [`read`](mod@read) that leads to it.
pub const FORMAT: u32 = 2;

/// Everything that was seen in one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// [`FORMAT`].
    pub format: u32,
    /// Version of Crossfade that wrote it.
    pub crossfade: String,
    /// The case.
    pub case: Case,
    /// What is known about the proxy.
    pub proxy: ProxyFacts,
    /// The case's unique word.
    pub unique: String,
    /// Per step, the control of each leg that was reached, by leg name.
    pub steps: Vec<StepHistory>,
    /// Neighbours that ran at the same time, with nothing broken in them.
    #[serde(default)]
    pub beside: Vec<History>,
    /// Requests that fit no running case.
    pub strays: Vec<Stray>,
    /// Whether the proxy still served a plain request afterwards; `None` if that was not tried.
    pub survived: Option<Survival>,
    /// Two running cases got each other's requests: nothing here is attributable.
    pub misrouted: Option<String>,
    /// Whose words the run speaks; `None` where that was not kept.
    #[serde(default)]
    pub words: Option<RunWords>,
    /// Ids that another case was given, too; `None` where nobody looked.
    #[serde(default)]
    pub shared_ids: Option<Vec<SharedId>>,
}

/// Whose invented words a run speaks: what is needed to tell a word of another case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunWords {
    /// Seed of the [lexicon](crate::answer::Lexicon).
    pub seed: u64,
    /// Voices of cases have numbers from 1 to below this.
    pub voices: u64,
    /// The first voice of controls and plain requests.
    pub others_from: u64,
    /// Behind the last of them.
    pub others_to: u64,
    /// Unique words that were given out: the first of voice 0.
    pub uniques: u64,
    /// Voices of this case, in any of its tries.
    pub own_voices: Vec<u64>,
    /// Numbers of this case's unique words, in any of its tries.
    pub own_uniques: Vec<u64>,
    /// Who owns the words of other cases that were found here, by voice, or by `0/n` for a unique word.
    pub owners: BTreeMap<String, String>,
}

/// An id that this case's client was given, and another case's client before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedId {
    /// The id.
    pub id: String,
    /// What it is the id of.
    pub what: String,
    /// The case that was given it first.
    pub owner: String,
}

/// What is known about the proxy under test: from its profile, and from this launch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyFacts {
    /// Name of the profile, or `attached`.
    pub name: String,
    /// Version, where it is known.
    pub version: Option<String>,
    /// What it promises.
    pub policy: Policy,
    /// Whether its client side is a front of ours (client-side checks are then n/a).
    pub front_ours: bool,
    /// Whether each leg has a key of its own.
    pub key_per_leg: bool,
    /// Whether each leg has a model of its own.
    pub model_per_leg: bool,
    /// Attached by URL: nothing of ours is configured in it.
    pub attached: bool,
    /// The legs of this case's route, in order.
    pub legs: Vec<LegFacts>,
    /// Keys of other routes of this launch, by `route/leg`.
    pub other_keys: BTreeMap<Arc<str>, Arc<str>>,
    /// Values that must never show up anywhere, by what they are (`decoy key`, `decoy route`, `decoy variable`, `admin key`).
    pub decoys: BTreeMap<String, String>,
}

/// What this launch configured for one leg.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegFacts {
    /// Name of the leg.
    pub name: String,
    /// The canary key that it was given.
    pub key: String,
    /// A second one, where the proxy may be given two.
    #[serde(default)]
    pub spare_key: String,
    /// Spellings under which it may be asked for its model.
    pub models: Vec<String>,
}

/// One request of the client and what followed from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepHistory {
    /// The client's side.
    pub client: ClientExchange,
    /// Requests that reached the legs, in order of arrival.
    pub upstream: Vec<UpstreamExchange>,
    /// Controls of the legs, by leg name.
    pub controls: BTreeMap<String, Control>,
}

/// How a control went: the same proxy, the target as only leg, nothing broken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// It went through.
    Done {
        /// The request that reached the target.
        request: Request,
        /// The control's own unique word.
        unique: String,
        /// The client's side of it.
        client: Box<ClientExchange>,
    },
    /// There is none.
    Missing {
        /// Why.
        reason: String,
    },
    /// It was refused or failed.
    Failed {
        /// HTTP status that the client got, 0 if none.
        status: u16,
        /// What it said.
        text: String,
        /// What the target was asked all the same, if it was.
        #[serde(default)]
        asked: Option<Box<Asked>>,
    },
}

/// What a control that failed had asked the target: enough to tell what the proxy made of the client's request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The request that reached the target.
    pub request: Request,
    /// The control's own unique word.
    pub unique: String,
    /// The client's side of it.
    pub client: ClientExchange,
}

/// The client's side of an exchange.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientExchange {
    /// API of the request.
    pub api: ApiId,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// The request.
    pub request: Request,
    /// When it was sent.
    pub sent_at: Micros,
    /// Head of the response, if one came.
    pub response: Option<ResponseHead>,
    /// Body of the response as it came.
    pub chunks: Vec<Chunk>,
    /// When the client stopped reading, and when it went on; `None` if it always read.
    #[serde(default)]
    pub paused: Option<(Micros, Micros)>,
    /// How it ended.
    pub end: ClientEnd,
    /// When.
    pub ended_at: Micros,
}

impl ClientExchange {
    /// The whole body of the response.
    pub fn body(&self) -> Vec<u8> {
        self.chunks.iter().flat_map(|chunk| chunk.data.0.iter().copied()).collect()
    }
}

/// Status and headers of a response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResponseHead {
    /// When it came.
    pub at: Micros,
    /// HTTP status.
    pub status: u16,
    /// Headers in order.
    pub headers: Headers,
}

/// How the client's exchange ended on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientEnd {
    /// The body came to its proper end.
    Complete,
    /// The transport broke: reset, or an end inside the body.
    Broken(String),
    /// The client left, as scripted.
    Left,
    /// No end within the limit (given in milliseconds); the client gave up.
    TimedOut(u64),
    /// No response head, for this reason.
    NoResponse(String),
}

/// A request that reached a leg, and what the leg did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamExchange {
    /// Leg.
    pub leg: String,
    /// API in which the leg was asked, by path; `None` for a path that it does not know.
    pub api: Option<ApiId>,
    /// 1 for the first generation call to this leg in this step.
    pub attempt: u32,
    /// When the request was whole.
    pub at: Micros,
    /// The request.
    pub request: Request,
    /// A call that asks for no generation (`GET /v1/models`, count-tokens); it is no attempt.
    pub side_call: bool,
    /// A rule of the real model that refused it.
    pub refused: Option<Refusal>,
    /// Further rules that matched, with the guessed ones that only warn.
    pub also_matched: Vec<String>,
    /// Whether it asks to go on from something.
    pub continuation: Continuation,
    /// HTTP status that was answered.
    pub status: u16,
    /// What the leg said.
    pub said: Said,
    /// Body bytes that were sent, with times.
    pub sent: Vec<Chunk>,
    /// When it fell silent, as scripted.
    #[serde(default)]
    pub silences: Vec<Micros>,
    /// How the barrier before the cut ended.
    pub barrier: BarrierEnd,
    /// Lock step: deltas that the client lacked when the gate opened by time; `None` if it never did.
    pub gate_opened: Option<u32>,
    /// Whether the lock-step gate was in force.
    pub gated: bool,
    /// How the response ended.
    pub end: UpstreamEnd,
    /// When.
    pub ended_at: Micros,
    /// Body bytes accepted by the socket after the client had left.
    pub after_leave: u64,
}

impl UpstreamExchange {
    /// Whether the leg went away, as scripted, before it began to answer.
    pub fn unanswered(&self) -> bool {
        self.status == 0 && matches!(self.end, UpstreamEnd::Cut(_))
    }
}

/// A refusal by a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Id of the rule.
    pub rule: String,
    /// The error.
    pub error: ApiError,
    /// Whether the rule rests on evidence; a guessed or inferred rule never fails a proxy.
    pub certain: bool,
}

/// Whether, and how, a request asks a leg to go on from what was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Continuation {
    /// It does not.
    None,
    /// By a trailing assistant turn.
    Prefill {
        /// The text quoted.
        quoted: String,
    },
    /// By quoting text in a turn after the client's last.
    UserMessage {
        /// The text quoted.
        quoted: String,
    },
    /// It goes beyond its control, but nothing that was said is quoted in a way the leg understands.
    Unrecognised {
        /// Why.
        reason: String,
    },
}

/// What a leg said in text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// Whose words: the leg whose voice (or cassette) it is; a continuing leg speaks the voice that it was quoted.
    pub voice: String,
    /// Character offset in that voice at which this begins.
    pub from: usize,
    /// The text that would be said in all.
    pub whole: String,
    /// The text that was sent.
    pub text: String,
    /// Whether the words come from a cassette.
    pub cassette: bool,
}

/// How the barrier before a cut ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BarrierEnd {
    /// The client had everything.
    Seen,
    /// It did not, within the limit.
    TimedOut,
    /// There was none to wait for.
    #[default]
    None,
}

/// How a leg's response ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamEnd {
    /// Answered to its end, or with a scripted clean end (`eof`, `error_event`).
    Complete,
    /// Broken as scripted: `close`, `reset`; or `stall`, which the proxy ended by going away.
    Cut(String),
    /// The proxy went away before that, or after the client had left.
    ProxyGone,
    /// The case ended first; a stall that the proxy never ended, for example.
    CaseOver,
}

/// A request that fits no running case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stray {
    /// Where it arrived: slot and leg, as far as they could be told.
    pub place: String,
    /// The request.
    pub request: Request,
    /// Why it fits none.
    pub reason: String,
}

/// What a plain request after the case met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Survival {
    /// It was served.
    Served,
    /// It was not, for this reason.
    Failed(String),
}
