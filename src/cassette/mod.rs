//! Cassettes: recorded exchanges with a provider, byte by byte.

mod bundled;
mod diff;
mod load;
mod look;
mod save;
#[cfg(test)]
mod tests;
mod transcript;
mod verify;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use bundled::BUNDLED;
pub use diff::{CassetteDifference, diff};
pub use load::{FORMAT, load, load_text};
pub use save::{SCHEMA, save, save_below};
pub use transcript::transcript;
pub use verify::{Remark, days_between, grammar};

use crate::api::ApiId;
use crate::scenario::Millis;
use crate::wire::Headers;

/// A cassette file, format 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cassette {
    /// Version of the format: 1.
    pub cassette: u32,
    /// One sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// API that was spoken.
    pub api: ApiId,
    /// Where it comes from.
    pub provenance: Provenance,
    /// Exchanges in order.
    pub exchanges: Vec<Exchange>,
}

impl Cassette {
    /// SHA-256, hex, over the response bodies in order.
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for chunk in self.exchanges.iter().flat_map(|exchange| &exchange.response.chunks) {
            hasher.update(chunk.bytes());
        }
        hasher.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// Where a cassette comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// How it came to be.
    pub how: How,
    /// From what.
    pub source: String,
    /// `YYYY-MM-DD`.
    pub date: String,
    /// The tool that wrote it, with its version.
    pub tool: String,
    /// What was taken out, in words.
    #[serde(default)]
    pub redacted: Vec<String>,
    /// What the source no longer had of the exchange on the wire, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<String>,
    /// SHA-256, hex, over the response bodies in order.
    pub sha256: String,
}

/// How a cassette came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// By our recorder from a real provider.
    Recorded,
    /// From a recording in another format.
    Imported,
    /// From a script.
    Synthesized,
}

/// One recorded exchange.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The request.
    pub request: RecordedRequest,
    /// The response.
    pub response: RecordedResponse,
}

/// A recorded request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordedRequest {
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Headers, credentials removed.
    #[serde(default)]
    pub headers: Headers,
    /// The body, as JSON text where it was JSON.
    #[serde(default)]
    pub body: String,
    /// The body instead, where it is no clean text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

impl RecordedRequest {
    /// Bytes of the body; a loaded cassette has one form of them at most.
    pub fn bytes(&self) -> Vec<u8> {
        match &self.base64 {
            Some(text) => STANDARD.decode(text).unwrap_or_default(),
            None => self.body.as_bytes().to_vec(),
        }
    }

    /// Takes these bytes for the body: as text where they are UTF-8, else as base64.
    pub fn set_bytes(&mut self, bytes: &[u8]) {
        (self.body, self.base64) = match std::str::from_utf8(bytes) {
            Ok(text) => (text.to_owned(), None),
            Err(_) => (String::new(), Some(STANDARD.encode(bytes))),
        };
    }
}

/// A recorded response.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordedResponse {
    /// HTTP status.
    pub status: u16,
    /// Version of HTTP in which it came, if it is known: `1.1`, `2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// Headers in order.
    #[serde(default)]
    pub headers: Headers,
    /// The body, cut where HTTP chunks ended.
    pub chunks: Vec<RecordedChunk>,
    /// Headers that came behind the body.
    #[serde(default, skip_serializing_if = "Headers::is_empty")]
    pub trailers: Headers,
    /// How it ended: `complete`, `close` or `reset`.
    #[serde(default)]
    pub end: RecordedEnd,
}

/// One HTTP chunk: exactly one of `data` and `base64`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordedChunk {
    /// Time since the chunk before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Millis>,
    /// The bytes, where they are clean text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The bytes, where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

impl RecordedChunk {
    /// A chunk with these bytes: as text where they are UTF-8, else as base64.
    pub fn new(after: Option<Millis>, bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { after, data: Some(text.to_owned()), base64: None },
            Err(_) => Self { after, data: None, base64: Some(STANDARD.encode(bytes)) },
        }
    }

    /// The bytes; a chunk of a loaded cassette always has some form of them.
    pub fn bytes(&self) -> Vec<u8> {
        match (&self.data, &self.base64) {
            (Some(text), _) => text.as_bytes().to_vec(),
            (None, Some(text)) => STANDARD.decode(text).unwrap_or_default(),
            (None, None) => Vec::new(),
        }
    }
}

/// How a recorded response ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordedEnd {
    /// Properly.
    #[default]
    Complete,
    /// FIN inside the body.
    Close,
    /// RST.
    Reset,
}
