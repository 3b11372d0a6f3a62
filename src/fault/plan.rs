//! What a leg does with one response, byte by byte.

use std::time::Duration;

use bytes::Bytes;

use crate::wire::Headers;

/// One thing that a leg does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Sends one HTTP chunk (of a unary answer: body bytes).
    Send {
        /// Not before this time since the response began: an absolute deadline.
        at: Duration,
        /// The bytes.
        data: Bytes,
        /// What stands on the wire for them, where a content coding is on.
        coded: Option<Bytes>,
        /// Characters of the answer's text that are out once this is sent.
        text: usize,
    },
    /// Lock step: waits until the client has all but the last k deltas of what was sent, before the next text delta.
    Gate,
    /// Barrier: waits until the client's decoded text has reached what was sent, then for `settle`.
    Barrier {
        /// For events without content.
        settle: Duration,
        /// The end of what was sent beside the text (arguments, thinking); empty if there was nothing.
        beyond: String,
    },
    /// Silence; `None` lasts until the proxy closes or the case ends.
    Stall(Option<Duration>),
}

/// How a response ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The last chunk; the connection stays open.
    Complete,
    /// FIN inside the chunked body.
    Close,
    /// RST.
    Reset,
    /// The size of the next chunk is no number; then FIN.
    BadChunk,
    /// HTTP/2: RST_STREAM with this code; the connection stays open.
    RstStream(u32),
    /// HTTP/2: GOAWAY with this code, and the end of the connection.
    GoAway(u32),
}

/// What a leg does once it has a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opening {
    /// It answers.
    #[default]
    AtOnce,
    /// It answers after a silence.
    After(Duration),
    /// It sends no head: its steps and its end are all that there is.
    Never,
}

/// What a leg does with one response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Before the head.
    pub opening: Opening,
    /// HTTP status.
    pub status: u16,
    /// Headers in order, without framing headers.
    pub headers: Headers,
    /// Whether the body is chunked; else it has a content length.
    pub chunked: bool,
    /// The content length that an unchunked answer announces: of the whole answer, even where it is then cut by
    /// [`End::Close`] or [`End::Reset`].
    pub length: usize,
    /// Each HTTP chunk goes out in a write of its own, even where several are due at once.
    pub apart: bool,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// How it ends.
    pub end: End,
    /// The joined text of the steps, in the order in which it is sent. Empty for a unary answer, which has no marks.
    pub text: String,
}

impl Plan {
    /// Every byte of the body that is sent.
    pub fn body(&self) -> Vec<u8> {
        self.steps
            .iter()
            .filter_map(|step| match step {
                Step::Send { data, .. } => Some(data),
                _ => None,
            })
            .flat_map(|data| data.iter().copied())
            .collect()
    }
}
