//! What the reference proxy promises and keeps: every key that a profile can declare, each with a value.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::proxy::{
    AfterContent, AfterError, BeforeContent, Credentials, ErrorChoice, IdAtSeam, ModelChoice, Passthrough, Policy,
    Retries, UsageChoice,
};
use crate::scenario::Millis;

/// What it promises; [`Policy`] says what each key means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Promise {
    /// On a failure before any content.
    pub before_content: BeforeContent,
    /// On a failure after content.
    pub after_content: AfterContent,
    /// How an answer in the client's own API is handed on.
    pub passthrough: Passthrough,
    /// Failures after which the next leg is asked: statuses, classes like `5xx`, `timeout`, `transport`.
    pub fallback_on: Vec<String>,
    /// Retries.
    pub retries: Retries,
    /// Legs that are asked at a time until one begins to answer.
    pub hedge: u32,
    /// Whose credentials a leg sees.
    pub credentials: Credentials,
    /// Whether a leg has a model of its own.
    pub model: ModelChoice,
    /// Edits of every request.
    pub request_edits: Vec<RequestEdit>,
    /// Edits of every answer.
    pub answer_edits: Vec<AnswerEdit>,
    /// Whose error the client sees when all legs fail.
    pub error: ErrorChoice,
    /// `keep`, or a status, when all legs fail.
    pub exhausted_status: String,
    /// What follows an error in a stream.
    pub after_error: AfterError,
    /// Usage over several legs.
    pub usage: UsageChoice,
    /// Whether the id stays the same over a seam.
    pub id_at_seam: IdAtSeam,
    /// Whether an identical request is answered from memory.
    pub cache: Cache,
    /// Pieces of an answer that are held back.
    pub buffer: u32,
    /// How long an upstream may go on once the client has gone; left out: not at all.
    #[schemars(with = "Option<String>")]
    pub cancel_within: Option<Millis>,
}

impl Default for Promise {
    fn default() -> Self {
        Self {
            before_content: BeforeContent::Fallback,
            after_content: AfterContent::ContinueUser,
            passthrough: Passthrough::None,
            fallback_on: ["408", "429", "5xx", "timeout", "transport"].map(str::to_owned).to_vec(),
            retries: Retries::default(),
            hedge: 1,
            credentials: Credentials::Own,
            model: ModelChoice::PerLeg,
            request_edits: Vec::new(),
            answer_edits: Vec::new(),
            error: ErrorChoice::First,
            exhausted_status: "keep".to_owned(),
            after_error: AfterError::Nothing,
            usage: UsageChoice::Sum,
            id_at_seam: IdAtSeam::Keep,
            cache: Cache::Off,
            buffer: 0,
            cancel_within: None,
        }
    }
}

/// An edit of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestEdit {
    /// Neighbouring turns of one role become one.
    MergeTurns,
    /// Ids of tool calls are given anew.
    Ids,
    /// A sentence is added to the system prompt.
    SystemAppend,
    /// `max_tokens` is lowered to what every model takes.
    MaxTokensClamp,
    /// The system prompt is marked for the cache.
    CacheHints,
}

/// An edit of every answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerEdit {
    /// E-mail addresses are masked.
    Mask,
    /// Thoughts are left out.
    StripReasoning,
    /// The model is named as the leg that speaks has it, not as the route is called.
    ModelName,
}

/// Whether an identical request is answered from memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cache {
    /// It is not.
    Off,
    /// If it is the same, byte by byte.
    Exact,
}

impl Promise {
    /// The same as a profile declares it.
    pub fn declared(&self) -> Policy {
        let words = |value: serde_json::Value| serde_json::from_value(value).unwrap_or_default();
        Policy {
            before_content: Some(self.before_content),
            after_content: Some(self.after_content),
            passthrough: Some(self.passthrough),
            fallback_on: Some(self.fallback_on.clone()),
            retries: Some(self.retries),
            hedge: Some(self.hedge),
            credentials: Some(self.credentials),
            model: Some(self.model),
            request_edits: Some(words(serde_json::json!(self.request_edits))),
            answer_edits: Some(words(serde_json::json!(self.answer_edits))),
            error: Some(self.error),
            exhausted_status: Some(self.exhausted_status.clone()),
            after_error: Some(self.after_error),
            usage: Some(self.usage),
            id_at_seam: Some(self.id_at_seam),
            cache: Some(if self.cache == Cache::Exact { "exact" } else { "off" }.to_owned()),
            // What is whole before anything is delivered is not counted in deltas.
            buffer: (self.after_content != AfterContent::BufferAll).then_some(self.buffer),
            cancel_within: self.cancel_within,
            quiet: None,
            side_calls: Vec::new(),
        }
    }

    /// Whether answers lose or change content.
    pub(super) fn edits_content(&self) -> bool {
        self.edits_answers(AnswerEdit::Mask) || self.edits_answers(AnswerEdit::StripReasoning)
    }

    /// Whether answers are edited so.
    pub(super) fn edits_answers(&self, edit: AnswerEdit) -> bool {
        self.answer_edits.contains(&edit)
    }

    /// The status of every error when all legs failed, unless it is the error's own.
    pub(super) fn exhausted(&self) -> Option<u16> {
        self.exhausted_status.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::Catalogue;

    #[test]
    fn the_profile_declares_what_is_promised() {
        let bundle = Catalogue::bundled().find("builtin").unwrap();
        assert_eq!(bundle.profile.policy, Promise::default().declared());
    }
}
