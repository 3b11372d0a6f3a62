//! JSON as Gemini writes it in a stream: a blank behind a key's colon, none behind a comma.

use std::io;

use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

struct Spaced;

impl Formatter for Spaced {
    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// The value as text.
pub(super) fn spaced(value: &Value) -> String {
    let mut bytes = Vec::new();
    match value.serialize(&mut Serializer::with_formatter(&mut bytes, Spaced)) {
        Ok(()) => String::from_utf8(bytes).unwrap_or_else(|_| value.to_string()),
        Err(_) => value.to_string(),
    }
}

/// An event of the stream.
pub(super) fn event(value: &Value) -> Vec<u8> {
    format!("data: {}\r\n\r\n", spaced(value)).into_bytes()
}
