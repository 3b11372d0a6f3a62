//! What a proxy promises. Contrary to a declaration fails; undeclared deviations warn.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scenario::Millis;

/// What a proxy promises; every key may be left out (unknown).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// On a failure before any content.
    pub before_content: Option<BeforeContent>,
    /// On a failure after content.
    pub after_content: Option<AfterContent>,
    /// Whether upstream bytes are handed on as they are.
    pub passthrough: Option<Passthrough>,
    /// Which failures lead to the fallback: statuses, classes like `5xx`, `timeout`.
    pub fallback_on: Option<Vec<String>>,
    /// Retries.
    pub retries: Option<Retries>,
    /// Requests in flight for one request of a client.
    pub hedge: Option<u32>,
    /// Whose credentials a leg sees.
    pub credentials: Option<Credentials>,
    /// Whether a leg has a model of its own.
    pub model: Option<ModelChoice>,
    /// Declared edits of requests (`merge_turns`, `ids`, `system_append`, ...).
    pub request_edits: Option<Vec<String>>,
    /// Declared edits of answers (`mask`, `strip_reasoning`, `model_name`, ...).
    pub answer_edits: Option<Vec<String>>,
    /// Whose error the client sees when all legs fail.
    pub error: Option<ErrorChoice>,
    /// `keep`, or a status, when all legs fail.
    pub exhausted_status: Option<String>,
    /// What follows an error in a stream.
    pub after_error: Option<AfterError>,
    /// Usage over several legs.
    pub usage: Option<UsageChoice>,
    /// Whether the id stays the same over a seam.
    pub id_at_seam: Option<IdAtSeam>,
    /// `off`, `exact` or `semantic`.
    pub cache: Option<String>,
    /// Deltas that are held back.
    pub buffer: Option<u32>,
    /// How soon an upstream is cancelled once the client has gone.
    #[schemars(with = "Option<String>")]
    pub cancel_within: Option<Millis>,
    /// Silence after which a case is over.
    #[schemars(with = "Option<String>")]
    pub quiet: Option<Millis>,
    /// Requests that are no generation, like `GET /v1/models`.
    pub side_calls: Vec<String>,
}

impl Policy {
    /// This policy, with every key that `patch` declares replaced.
    #[must_use]
    pub fn patched(self, patch: &Self) -> Self {
        let patch = patch.clone();
        Self {
            before_content: patch.before_content.or(self.before_content),
            after_content: patch.after_content.or(self.after_content),
            passthrough: patch.passthrough.or(self.passthrough),
            fallback_on: patch.fallback_on.or(self.fallback_on),
            retries: patch.retries.or(self.retries),
            hedge: patch.hedge.or(self.hedge),
            credentials: patch.credentials.or(self.credentials),
            model: patch.model.or(self.model),
            request_edits: patch.request_edits.or(self.request_edits),
            answer_edits: patch.answer_edits.or(self.answer_edits),
            error: patch.error.or(self.error),
            exhausted_status: patch.exhausted_status.or(self.exhausted_status),
            after_error: patch.after_error.or(self.after_error),
            usage: patch.usage.or(self.usage),
            id_at_seam: patch.id_at_seam.or(self.id_at_seam),
            cache: patch.cache.or(self.cache),
            buffer: patch.buffer.or(self.buffer),
            cancel_within: patch.cancel_within.or(self.cancel_within),
            quiet: patch.quiet.or(self.quiet),
            side_calls: if patch.side_calls.is_empty() { self.side_calls } else { patch.side_calls },
        }
    }
}

/// On a failure before any content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BeforeContent {
    /// The next leg is asked.
    Fallback,
    /// The client gets an error.
    Error,
}

/// On a failure after content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AfterContent {
    /// The client gets an error.
    Error,
    /// The next leg is asked, in a user message, to go on.
    ContinueUser,
    /// The next leg is asked to go on from a trailing assistant turn.
    ContinuePrefill,
    /// Nothing is delivered before the answer is whole.
    BufferAll,
}

/// Whether upstream bytes are handed on as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Passthrough {
    /// They are not.
    None,
    /// Equal as JSON.
    Json,
    /// Equal as bytes.
    Bytes,
}

/// Retries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retries {
    /// Of the same leg.
    pub same_leg: u32,
    /// On another key of the same leg.
    pub other_key: u32,
}

/// Whose credentials a leg sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Credentials {
    /// Its own.
    Own,
    /// The client's.
    Passthrough,
}

/// Whether a leg has a model of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelChoice {
    /// It has.
    PerLeg,
    /// All legs have the client's.
    Same,
}

/// Whose error the client sees when all legs fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorChoice {
    /// The first leg's.
    First,
    /// The last leg's.
    Last,
    /// All of them.
    Aggregate,
    /// None of them.
    Masked,
}

/// What follows an error in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AfterError {
    /// Nothing.
    Nothing,
    /// The end mark.
    Terminator,
}

/// Usage over several legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsageChoice {
    /// The last leg's.
    Last,
    /// The sum.
    Sum,
    /// None.
    None,
}

/// Whether the id stays the same over a seam.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdAtSeam {
    /// It stays.
    Keep,
    /// It changes.
    Change,
}
