//! Server-sent events: a decoder that does what a client does and notes what a strict reader would object to.
//!
//! Bytes are the truth; an [`Event`] is a view with the place of its bytes. The decoder follows the WHATWG rules
//! (lenient); every deviation from what LLM vendors send (stream-level rules S..) becomes a [`Finding`] with its offset.

mod decode;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub use decode::Decoder;

/// One dispatched event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Value of its `event:` line, if it has one that is not empty.
    pub name: Option<String>,
    /// Its data lines, joined by LF.
    pub data: String,
    /// The last event id that is in force.
    pub id: Option<String>,
    /// Its bytes in the body: from its first field line to behind its blank line. Where the blank line ends in
    /// CR LF, the LF is not counted: it may not have come yet when the event is dispatched.
    pub span: Range<usize>,
}

/// Something that is legal in SSE, or ignored by its rules, but that no vendor sends or that some SDK trips over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind.
    pub rule: Rule,
    /// Byte offset in the body.
    pub offset: usize,
    /// What was seen.
    pub message: String,
}

/// The rules of the SSE layer, as in the grammar of streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// S02: a line that is neither a field nor a comment; clients skip it.
    NoField,
    /// S02: the same, and it is JSON: the client loses what it says.
    BareJson,
    /// S03: `data:` is not followed by exactly one blank.
    Blank,
    /// S04: an event with several data lines.
    ManyLines,
    /// S05: a line end other than LF.
    LineEnd,
    /// S06: a comment. By the rules of SSE it says nothing; some vendors send it, and some SDKs fail on it.
    Comment,
    /// S07: an `id:` or `retry:` line.
    IdOrRetry,
    /// S08: a byte order mark.
    Bom,
    /// S09: bytes that are not UTF-8.
    Utf8,
    /// S10: a line longer than any client takes.
    TooLong,
    /// S11: a block of fields without data; it dispatches nothing.
    NoData,
    /// S12: an event whose data is empty.
    EmptyData,
}

impl Rule {
    /// Its id in findings.
    pub fn id(self) -> &'static str {
        match self {
            Self::NoField | Self::BareJson => "S02",
            Self::Blank => "S03",
            Self::ManyLines => "S04",
            Self::LineEnd => "S05",
            Self::Comment => "S06",
            Self::IdOrRetry => "S07",
            Self::Bom => "S08",
            Self::Utf8 => "S09",
            Self::TooLong => "S10",
            Self::NoData => "S11",
            Self::EmptyData => "S12",
        }
    }
}

/// What was left when the body ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// An event without its blank line. By the rules it is dropped; some SDKs deliver it.
    pub unfinished: Option<Event>,
    /// Findings that were not taken before.
    pub findings: Vec<Finding>,
}
