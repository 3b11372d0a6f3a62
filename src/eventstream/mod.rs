//! AWS event streams (`application/vnd.amazon.eventstream`): messages with headers, a payload and two checksums.
//!
//! ```text
//! u32 length of all | u32 length of the headers | u32 CRC of these 8 bytes | headers | payload | u32 CRC of all before
//! ```
//!
//! Numbers are big endian, the CRC is that of zlib. Bytes are the truth; a [`Message`] is a view with the place of its
//! bytes. Every client gives up at the first message that is damaged, and so does the decoder.

mod crc32;
mod decode;
mod encode;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub use decode::Decoder;
pub use encode::{encode, seal};

/// Its media type.
pub const MEDIA_TYPE: &str = "application/vnd.amazon.eventstream";

/// Lengths and their checksum.
const PRELUDE: usize = 12;
/// The checksum of all.
const CHECKSUM: usize = 4;
/// Longest headers that clients take.
const MAX_HEADERS: usize = 128 << 10;
/// Longest payload that clients take.
const MAX_PAYLOAD: usize = 24 << 20;

/// The value of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Types 0 and 1.
    Bool(bool),
    /// Type 2.
    Byte(i8),
    /// Type 3.
    Short(i16),
    /// Type 4.
    Int(i32),
    /// Type 5.
    Long(i64),
    /// Type 6.
    Bytes(Vec<u8>),
    /// Type 7, the only one that Bedrock sends.
    Text(String),
    /// Type 8: milliseconds since 1970.
    Time(i64),
    /// Type 9.
    Uuid([u8; 16]),
}

/// Headers in order.
pub type Headers = Vec<(String, Value)>;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Headers in order.
    pub headers: Headers,
    /// What it carries.
    pub payload: Vec<u8>,
    /// Its bytes in the body, checksums included.
    pub span: Range<usize>,
}

impl Message {
    /// The value of a header that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).and_then(|(_, value)| match value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// What it is, whether an event, an exception or an error.
    pub fn name(&self) -> Option<&str> {
        [":event-type", ":exception-type", ":error-code"].into_iter().find_map(|name| self.text(name))
    }
}

/// Where a stream cannot be read on, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What kind.
    pub rule: Rule,
    /// Byte offset of the message in the body.
    pub offset: usize,
    /// What was seen.
    pub message: String,
}

/// The rules of this layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// F01: the checksum of the lengths is wrong.
    Prelude,
    /// F02: the checksum of the message is wrong.
    Checksum,
    /// F03: lengths that no message has.
    Length,
    /// F04: headers that cannot be read.
    Headers,
}

impl Rule {
    /// Its id in findings.
    pub fn id(self) -> &'static str {
        match self {
            Self::Prelude => "F01",
            Self::Checksum => "F02",
            Self::Length => "F03",
            Self::Headers => "F04",
        }
    }
}

/// A message of Bedrock's: an event, or an exception, with JSON.
pub fn json(kind: &str, name: &str, payload: &[u8]) -> Vec<u8> {
    let text = |name: &str, value: &str| (name.to_owned(), Value::Text(value.to_owned()));
    let headers = vec![
        text(&format!(":{kind}-type"), name),
        text(":content-type", "application/json"),
        text(":message-type", kind),
    ];
    // Names of events are short, and nothing that is said here is longer than a message may be.
    encode(&headers, payload).unwrap_or_default()
}
