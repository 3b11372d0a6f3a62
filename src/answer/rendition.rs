//! An answer as the bytes of a response: what both a rendered script and a replayed cassette come down to.

use std::time::Duration;

use bytes::Bytes;

use crate::api::PieceKind;
use crate::framing::Framing;
use crate::wire::Headers;

/// How far a stream has got once an event has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Events that precede content.
    Preamble,
    /// Content, and what stands between it (pings, block borders).
    Content,
    /// The event with the finish reason.
    Finish,
    /// What follows it before the end mark (usage, block ends).
    Tail,
    /// The end mark.
    Terminator,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Kind.
    pub kind: PieceKind,
    /// The delta, never empty.
    pub text: String,
}

/// One event of the body: a view on its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Byte offset of its first byte in the body.
    pub start: usize,
    /// Byte offset behind its last byte.
    pub end: usize,
    /// How far the stream has got with it.
    pub stage: Stage,
    /// The content it carries.
    pub piece: Option<Piece>,
}

/// A piece of the body that is sent as one HTTP chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenditionChunk {
    /// Recorded or scripted time since the chunk before (the first: since the request).
    pub after: Duration,
    /// The bytes.
    pub data: Bytes,
}

/// A response as bytes, with marks where its events stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendition {
    /// HTTP status.
    pub status: u16,
    /// Headers in order, without `content-length` and `transfer-encoding`.
    pub headers: Headers,
    /// Whether this is a stream of events; a unary body has no marks.
    pub stream: bool,
    /// The body, cut where HTTP chunks end.
    pub chunks: Vec<RenditionChunk>,
    /// Events in order, none overlapping; bytes between them belong to none.
    pub marks: Vec<Mark>,
}

impl Rendition {
    /// How the stream is framed, by its content type.
    pub fn framing(&self) -> Framing {
        Framing::of(self.headers.get("content-type").unwrap_or_default()).unwrap_or(Framing::Sse)
    }

    /// The whole body.
    pub fn body(&self) -> Vec<u8> {
        self.chunks.iter().flat_map(|chunk| chunk.data.iter().copied()).collect()
    }

    /// The joined text of the answer.
    pub fn text(&self) -> String {
        self.marks
            .iter()
            .filter_map(|mark| mark.piece.as_ref())
            .filter(|piece| piece.kind == PieceKind::Text)
            .map(|piece| piece.text.as_str())
            .collect()
    }
}
