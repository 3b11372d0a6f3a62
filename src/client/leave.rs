//! When a client that is to go away has seen enough.

use crate::api::{Completion, PieceKind};
use crate::framing::{Decoder, Framing};
use crate::scenario::At;

/// Watches an answer for the position at which the client goes away.
#[derive(Debug)]
pub(super) struct Watch {
    at: At,
    decoder: Decoder,
    events: usize,
}

impl Watch {
    pub(super) fn new(at: At, framing: Framing) -> Self {
        Self { at, decoder: framing.decoder(), events: 0 }
    }

    /// Takes the next bytes of the body.
    pub(super) fn feed(&mut self, data: &[u8]) {
        self.events += self.decoder.feed(data).len();
    }

    /// Whether the position is reached: asked once the head is there, and after each piece of the body.
    ///
    /// `size` is the length of the body so far, `seen` what a stream has said so far.
    pub(super) fn reached(&self, size: usize, seen: Option<&Completion>) -> bool {
        match self.at {
            At::Request | At::Head => true,
            At::Bytes(n) => size as u64 >= n,
            At::Events(n) => self.events >= n as usize,
            At::Texts(n) => seen.is_some_and(|seen| {
                seen.deltas.iter().filter(|delta| delta.kind == PieceKind::Text).count() >= n as usize
            }),
            At::Pieces(n) => seen.is_some_and(|seen| seen.deltas.len() >= n as usize),
            At::Preamble => seen.is_some_and(|seen| !seen.starts.is_empty() || !seen.deltas.is_empty()),
            // That a delta was the last is known only by what follows it.
            At::LastContent | At::Finish => seen.is_some_and(|seen| !seen.finishes.is_empty()),
            // That is seen by the legs.
            At::Asked(_) => false,
            At::Terminator => seen.is_some_and(|seen| seen.terminator.is_some()),
        }
    }
}
