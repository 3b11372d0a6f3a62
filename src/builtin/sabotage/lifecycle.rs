//! When things end, and what is kept apart.

use std::time::Duration;

use super::{Mischief, Sabotage};
use crate::api::{ApiError, ApiId, Conversation, Turn};
use crate::builtin::Defect;
use crate::wire::Headers;

/// A wait that no test sees the end of.
const FOR_EVER: Duration = Duration::from_hours(24);

impl Sabotage {
    /// Whether the work for a client goes on when the client has gone.
    pub(in crate::builtin) fn outlives_client(&self) -> bool {
        self.has(Defect::UpstreamNotCancelled)
    }

    /// How long is really waited where `limit` is configured.
    pub(in crate::builtin) fn wait(&self, limit: Duration) -> Duration {
        if self.has(Defect::WaitsForEver) { FOR_EVER } else { limit }
    }

    /// The seed of an answer's ids.
    pub(in crate::builtin) fn seed(&self, seed: u64) -> u64 {
        if self.has(Defect::IdsRepeated) { 0 } else { seed }
    }

    /// A stream of this route broke after content.
    pub(in crate::builtin) fn broke(&self, route: &str) {
        if self.has(Defect::DiesAfterABreak) {
            self.memory().broken.insert(route.to_owned());
        }
    }

    /// The error that a request gets for what an earlier stream of its route left behind.
    pub(in crate::builtin) fn left_behind(&self, route: &str) -> Option<ApiError> {
        let api = ApiId::OpenaiChat.spoken()?;
        self.memory().broken.remove(route).then(|| api.status_error(500))
    }

    /// Notes what a client asks.
    pub(in crate::builtin) fn asked(&self, conversation: &Conversation) {
        if self.has(Defect::PromptsMixedUp) || self.has(Defect::ErrorQuotesAnother) {
            let prompt = conversation.last().map(Turn::text).filter(|text| !text.is_empty());
            let prompts = &mut self.memory().prompts;
            if prompts[0] != prompt {
                prompts.swap(0, 1);
                prompts[0] = prompt;
            }
        }
    }

    /// What a leg is told that is none of this client's.
    pub(in crate::builtin) fn bleed(&self, headers: &mut Headers) {
        let prompt = self.memory().prompts[1].clone();
        if let Some(prompt) = prompt.filter(|_| self.has(Defect::PromptsMixedUp)) {
            let visible: String = prompt.chars().filter(|char| char.is_ascii() && !char.is_ascii_control()).collect();
            headers.push("x-conversation", visible);
        }
    }

    /// A text of an answer, the first behind what another client heard.
    pub(super) fn mixed_up(&self, mischief: &mut Mischief, text: String) -> String {
        if !self.has(Defect::AnswersMixedUp) {
            return text;
        }
        let first = mischief.heard.is_empty();
        mischief.heard.push_str(&text);
        let others = self.memory().words.replace(mischief.heard.clone());
        match others.filter(|_| first) {
            Some(others) => format!("{others}{text}"),
            None => text,
        }
    }
}
