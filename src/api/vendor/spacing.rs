//! Blanks in JSON.

use std::io;

use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

use super::file::Spacing;

impl Spacing {
    /// The value as text.
    pub(super) fn write(self, value: &Value) -> String {
        if self == Self::Compact {
            return value.to_string();
        }
        let mut bytes = Vec::new();
        match value.serialize(&mut Serializer::with_formatter(&mut bytes, Spaced)) {
            Ok(()) => String::from_utf8(bytes).unwrap_or_else(|_| value.to_string()),
            Err(_) => value.to_string(),
        }
    }
}

/// As Python's `json.dumps` writes.
struct Spaced;

impl Spaced {
    fn separate<W: ?Sized + io::Write>(writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }
}

impl Formatter for Spaced {
    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        Self::separate(writer, first)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        Self::separate(writer, first)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn blanks_stand_behind_colons_and_commas() {
        let value = json!({"a": [1, 2], "b": {"c": ", : "}});
        assert_eq!(Spacing::Compact.write(&value), r#"{"a":[1,2],"b":{"c":", : "}}"#);
        assert_eq!(Spacing::Spaced.write(&value), r#"{"a": [1, 2], "b": {"c": ", : "}}"#);
    }
}
