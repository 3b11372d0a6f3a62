//! Settings of an exploration: each phase is one start of the proxy, and every case belongs to one.

use serde_json::{Value, json};

use crate::scenario::{By, Millis, Stall, Status};

/// A start of the proxy, and the cases that are drawn for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// No settings.
    #[default]
    Plain,
    /// Silence has a limit, and legs fall silent.
    Silence,
    /// A failed leg is asked once more.
    Retries,
    /// One fallback of several may be asked.
    OneFallback,
    /// Two requests of a session, which stays with the leg that served it.
    Affinity,
}

impl Phase {
    /// In the order in which they are played.
    pub(super) const ALL: [Self; 5] = [Self::Plain, Self::Silence, Self::Retries, Self::OneFallback, Self::Affinity];

    /// The phase of a case, whatever the number of cases.
    pub(super) fn of(number: usize) -> Self {
        match number % 10 {
            6 => Self::Affinity,
            7 => Self::Silence,
            8 => Self::Retries,
            9 => Self::OneFallback,
            _ => Self::Plain,
        }
    }

    /// What the proxy is set to, as a scenario says it.
    pub(super) fn settings(self) -> Option<Value> {
        match self {
            Self::Plain => None,
            Self::Silence => Some(json!({"idle_timeout": "500ms", "first_byte_timeout": "500ms"})),
            Self::Retries => Some(json!({"retries": 1})),
            Self::OneFallback => Some(json!({"max_fallbacks": 1})),
            Self::Affinity => Some(json!({"affinity": "on"})),
        }
    }

    /// How a leg is cut that was drawn to be cut by `by`: where silence has a limit, some fall silent instead.
    pub(super) fn effect(self, by: &By) -> By {
        match (self, by) {
            (Self::Silence, By::Reset | By::Stall(_)) => By::Stall(Stall { r#for: None }),
            _ => by.clone(),
        }
    }

    /// What a leg answers that was drawn to fail with `status`: where it is asked again, it says when that may be.
    pub(super) fn status(self, status: &Status) -> Status {
        match (self, status.code) {
            (Self::Retries, 502 | 504 | 529) => Status { code: 429, retry_after: Some(Millis(1_000)) },
            _ => status.clone(),
        }
    }
}
