//! Every [`Defect`] in one place: hooks of the clean path that change nothing unless their defect is on.

use std::collections::BTreeSet;

use super::failure::{Cause, Failure};
use super::{Config, Defect, Leg, Route};
use crate::api::{ApiError, Conversation, Part, Role, Turn};
use crate::wire::Headers;

/// The defects that are on.
#[derive(Clone, Debug, Default)]
pub(super) struct Sabotage(BTreeSet<Defect>);

impl Sabotage {
    pub(super) fn new(defects: &BTreeSet<Defect>) -> Self {
        Self(defects.clone())
    }

    fn has(&self, defect: Defect) -> bool {
        self.0.contains(&defect)
    }

    /// Whether every target is asked to continue by prefill.
    pub(super) fn prefills_everyone(&self) -> bool {
        self.has(Defect::PrefillToEveryone) || self.has(Defect::Fallback400Shown)
    }

    /// What is done to the request of a fallback.
    pub(super) fn edit_fallback(&self, conversation: &mut Conversation) {
        const ADDED: &str = "Do not repeat what was generated before.";
        if self.has(Defect::SystemPromptEdited) {
            match conversation.turns.first_mut() {
                Some(turn) if turn.role == Role::System => turn.parts.push(Part::text(ADDED)),
                _ => conversation
                    .turns
                    .insert(0, Turn { role: Role::System, parts: vec![Part::text(ADDED)], place: String::new() }),
            }
        }
    }

    /// Which failure the client is told, once all is lost.
    pub(super) fn shown(&self, original: Failure, last: Failure) -> Failure {
        let instead = self.has(Defect::Fallback400Shown) && last.is_for_good();
        if instead { last } else { original }
    }

    /// Whether a stream that broke off is finished as if it were whole.
    pub(super) fn finishes(&self, failure: &Failure) -> bool {
        self.has(Defect::TruncationFinished) && matches!(failure.cause, Cause::Transport | Cause::Truncated)
    }

    /// What is said instead of the first text behind a seam.
    pub(super) fn at_seam(&self, delivered: &str, text: String) -> String {
        if self.has(Defect::SeamBlankLost) {
            return text.trim_start().to_owned();
        }
        if self.has(Defect::TextDoubled) {
            let word = delivered.trim_end().rfind(char::is_whitespace).map_or(delivered, |at| &delivered[at..]);
            return format!("{word}{text}");
        }
        text
    }

    /// Whether the message begins again at a seam.
    pub(super) fn starts_again(&self) -> bool {
        self.has(Defect::TwoStarts)
    }

    /// Headers that a fallback gets beside its own: the primary's key, in both schemes but the one that is in use.
    pub(super) fn leftovers(&self, primary: &Leg, headers: &mut Headers) {
        if self.has(Defect::PrimaryKeyOnFallback) {
            if headers.get("x-api-key").is_none() {
                headers.push("x-api-key", primary.key.clone());
            } else {
                headers.push("authorization", format!("Bearer {}", primary.key));
            }
        }
    }

    /// Whether a request is sent again though it was refused for good.
    pub(super) fn asks_again(&self, failure: &Failure) -> bool {
        self.has(Defect::RetryOn400) && failure.is_for_good()
    }

    /// What else an error tells.
    pub(super) fn leak(&self, config: &Config, error: &mut ApiError) {
        use std::fmt::Write as _;
        if self.has(Defect::RouteMapLeaked) {
            error.message.push_str(" Available routes:");
            for Route { name, legs } in &config.routes {
                let urls: Vec<&str> = legs.iter().map(|leg| leg.base_url.as_str()).collect();
                // Writing to a string cannot fail.
                let _ = write!(error.message, " {name}={urls:?}");
            }
            if let Some(decoy) = &config.decoy {
                let _ = write!(error.message, " {}=[]", decoy.route);
            }
        }
    }

    /// Whether the work for a client goes on when the client has gone.
    pub(super) fn outlives_client(&self) -> bool {
        self.has(Defect::UpstreamNotCancelled)
    }

    /// Whether events are held back until the end.
    pub(super) fn holds_events(&self) -> bool {
        self.has(Defect::BufferedStream)
    }
}
