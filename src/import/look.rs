//! Values of a recorder's file, each with its place, so that what is wrong with one is told where it stands.

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::recorded::Body;
use crate::diagnostic::{Diagnostic, SourceFile, Span, quoted};
use crate::wire::Headers;
use crate::yaml::{BINARY, Content, Node};

/// A value in a file.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) file: &'a SourceFile,
    pub(super) node: &'a Node,
}

impl<'a> At<'a> {
    /// An error at this value.
    pub(super) fn error(self, message: impl Into<String>) -> Diagnostic {
        // A value may be a whole exchange: its first line is enough.
        let Span { start, end } = self.node.span;
        let line = self.file.text()[start..].find('\n').map_or(end, |length| start + length);
        Diagnostic::new(self.file, Span { start, end: end.min(line) }, message)
    }

    /// The value of a key, where there is one; `null` is none.
    pub(super) fn get(self, key: &str) -> Option<Self> {
        let node = self.node.get(key).filter(|node| !node.is_null())?;
        Some(Self { node, ..self })
    }

    /// The value of the first of these keys that there is.
    pub(super) fn any(self, keys: &[&str]) -> Option<Self> {
        keys.iter().find_map(|key| self.get(key))
    }

    /// The value of a key, or of another name of it.
    pub(super) fn need(self, keys: &[&str]) -> Result<Self, Diagnostic> {
        self.any(keys).ok_or_else(|| self.error(format!("`{}` is missing here", keys[0])))
    }

    /// The items of a list.
    pub(super) fn items(self) -> Result<impl Iterator<Item = Self> + use<'a>, Diagnostic> {
        let Some(list) = self.node.as_list() else { return Err(self.no("a list")) };
        Ok(list.iter().map(move |node| Self { node, ..self }))
    }

    /// Text; a number or a flag as it is spelled.
    pub(super) fn text(self) -> Result<String, Diagnostic> {
        match &self.node.content {
            Content::Text(text) => Ok(text.clone()),
            Content::Number(number) => Ok(number.to_string()),
            Content::Bool(flag) => Ok(flag.to_string()),
            _ => Err(self.no("text")),
        }
    }

    /// The text of a key, where there is some.
    pub(super) fn text_of(self, keys: &[&str]) -> Result<Option<String>, Diagnostic> {
        self.any(keys).map(Self::text).transpose()
    }

    /// A whole number.
    pub(super) fn number(self) -> Result<u64, Diagnostic> {
        let text = self.text()?;
        text.parse().map_err(|_| self.error(format!("{} is no whole number", quoted(&text))))
    }

    /// A status of HTTP.
    pub(super) fn status(self) -> Result<u16, Diagnostic> {
        let text = self.text()?;
        let status = text.parse().ok().filter(|status| (100..=599).contains(status));
        status.ok_or_else(|| self.error(format!("{} is no HTTP status", quoted(&text))))
    }

    /// Headers: a map of values or of lists of values, or a list of `{name, value}`.
    pub(super) fn headers(self) -> Result<Headers, Diagnostic> {
        let mut headers = Headers::default();
        match &self.node.content {
            Content::Map(map) => {
                for (name, entry) in map {
                    let value = Self { node: &entry.value, ..self };
                    match &value.node.content {
                        Content::List(_) => {
                            for value in value.items()? {
                                headers.push(name, value.header_value()?);
                            }
                        }
                        Content::Null => {}
                        _ => headers.push(name, value.header_value()?),
                    }
                }
            }
            Content::List(_) => {
                for item in self.items()? {
                    headers.push(item.need(&["name"])?.text()?, item.need(&["value"])?.header_value()?);
                }
            }
            _ => return Err(self.no("a map or a list of headers")),
        }
        Ok(headers)
    }

    /// Header values are bytes: Python and Ruby tag what is not ASCII.
    fn header_value(self) -> Result<String, Diagnostic> {
        match self.node.get(BINARY) {
            Some(_) => self.tagged().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
            None => self.text(),
        }
    }

    /// The headers of a key, where there are some.
    pub(super) fn headers_of(self, keys: &[&str]) -> Result<Option<Headers>, Diagnostic> {
        self.any(keys).map(Self::headers).transpose()
    }

    /// Bytes that stand as base64; line ends in it are none of it.
    pub(super) fn base64(self) -> Result<Vec<u8>, Diagnostic> {
        self.text().and_then(|text| self.decode(&text))
    }

    pub(super) fn decode(self, text: &str) -> Result<Vec<u8>, Diagnostic> {
        const LENIENT: GeneralPurpose = GeneralPurpose::new(
            &ALPHABET,
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
        );
        let clean: String = text.split_ascii_whitespace().collect();
        let why = |error: base64::DecodeError| error.to_string().to_lowercase();
        LENIENT.decode(clean).map_err(|error| self.error(format!("this is not base64: {}", why(error))))
    }

    /// Bytes that stand as hexadecimal digits.
    pub(super) fn hex(self) -> Result<Vec<u8>, Diagnostic> {
        let text = self.text()?;
        let byte = |pair: &[u8]| {
            let digits = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
            digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u8::from_str_radix(digits, 16).ok())?
        };
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
        bytes.ok_or_else(|| self.error("this is not hexadecimal: two digits for each byte"))
    }

    /// Bytes that are tagged as such.
    fn tagged(self) -> Result<Vec<u8>, Diagnostic> {
        self.need(&[BINARY])?.base64()
    }

    /// A body as VCR keeps it: text, bytes, or a map that has them.
    pub(super) fn wrapped(self) -> Result<Body, Diagnostic> {
        match &self.node.content {
            Content::Null => Ok(Body::Bytes(Vec::new())),
            Content::Map(map) if map.contains_key(BINARY) => self.tagged().map(Body::Bytes),
            Content::Map(map) => {
                if let Some(encoded) = self.any(&["base64_string", "b64"]) {
                    return encoded.base64().map(Body::Bytes);
                }
                match self.node.get("string").or(self.node.get("text")) {
                    Some(node) => Self { node, ..self }.wrapped(),
                    None if map.keys().all(|key| key == "encoding") => Ok(Body::Bytes(Vec::new())),
                    None => Err(self.error("a body of an unknown form").help(
                        "a body is text, or a map with `string` or `base64_string`; one that lies elsewhere is not read",
                    )),
                }
            }
            Content::List(_) => Err(self.no("a body")),
            _ => self.text().map(|text| Body::Bytes(text.into_bytes())),
        }
    }

    /// A body that is text, or else was parsed as JSON.
    pub(super) fn parsed(self) -> Body {
        match &self.node.content {
            Content::Null => Body::Bytes(Vec::new()),
            Content::Text(text) => Body::Bytes(text.clone().into_bytes()),
            _ => Body::Json(self.value()),
        }
    }

    /// The value without places.
    pub(super) fn value(self) -> Value {
        self.node.to_value()
    }

    fn no(self, expected: &str) -> Diagnostic {
        self.error(format!("this is {}, not {expected}", self.node.kind()))
    }
}
