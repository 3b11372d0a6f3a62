//! An exchange as a recorder's file tells it: what it knows of each thing, and what it no longer has.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Loss;
use crate::cassette::RecordedEnd;
use crate::wire::Headers;

/// An exchange as a file tells it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Recorded {
    /// HTTP method.
    pub(super) method: Option<String>,
    /// The address, or the path alone.
    pub(super) url: Option<String>,
    /// What was asked.
    pub(super) request: Side,
    /// Status of the answer.
    pub(super) status: Option<u16>,
    /// Version of HTTP in which the answer came.
    pub(super) http: Option<String>,
    /// What was answered.
    pub(super) response: Side,
    /// Headers behind the answer.
    pub(super) trailers: Headers,
    /// How the answer ended.
    pub(super) end: RecordedEnd,
    /// When, in whatever form.
    pub(super) when: Option<String>,
    /// What this recorder never keeps, beside what is seen to be missing.
    pub(super) lost: BTreeSet<Loss>,
    /// Why there is nothing to replay, where that is so.
    pub(super) unusable: Option<String>,
}

/// One side of an exchange.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Side {
    /// Headers, where some were kept.
    pub(super) headers: Option<Headers>,
    /// The body.
    pub(super) body: Body,
}

/// What is known of a body.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Body {
    /// It was not kept.
    #[default]
    Unknown,
    /// Its bytes.
    Bytes(Vec<u8>),
    /// Its bytes, in the pieces in which they came.
    Pieces(Vec<Piece>),
    /// What it says in JSON.
    Json(Value),
    /// The data of its events.
    Data(Vec<String>),
}

/// A piece of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    /// Milliseconds since the piece before.
    pub(super) after: Option<u64>,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
}

impl Piece {
    /// Bytes that came at an unknown time.
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { after: None, bytes }
    }
}
