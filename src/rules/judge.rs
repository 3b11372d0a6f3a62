//! Asking the rules.

use crate::api::{ApiId, ModelName};
use crate::history::Refusal;
use crate::wire::Headers;

/// A request as a leg gets it.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// API it is asked in.
    pub api: ApiId,
    /// Whom the leg plays.
    pub model: &'a ModelName,
    /// Spellings under which the leg may be asked for its model; empty: any.
    pub models: &'a [String],
    /// Headers.
    pub headers: &'a Headers,
    /// Body.
    pub body: &'a [u8],
    /// The key that must be presented; `None`: any.
    pub expected_key: Option<&'a str>,
}

/// What the rules say to a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruling {
    /// The refusal: the first rule that matches and is not merely guessed.
    pub refusal: Option<Refusal>,
    /// Ids of the other rules that match; guessed ones are marked with `?` behind the id.
    pub also: Vec<String>,
}

/// Every rule.
#[derive(Clone, Debug, Default)]
pub struct RuleBook {}

impl RuleBook {
    /// The rules that ship with Crossfade.
    pub fn bundled() -> &'static Self {
        static BOOK: std::sync::LazyLock<RuleBook> = std::sync::LazyLock::new(RuleBook::default);
        &BOOK
    }

    /// What the real model would say to a request.
    pub fn judge(&self, _incoming: &Incoming<'_>) -> Ruling {
        Ruling::default()
    }
}
