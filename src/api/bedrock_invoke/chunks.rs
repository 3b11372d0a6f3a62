//! Streams: each event of Anthropic Messages stands, in base64, in a chunk of an AWS event stream.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::MARK;
use crate::api::anthropic_messages::grammar::MessagesGrammar;
use crate::api::anthropic_messages::writer::Envelope;
use crate::api::bedrock::{self, Frame, errors};
use crate::api::body::text_at;
use crate::api::reading::{Grammar, Seen};
use crate::api::seeded::Seeded;
use crate::api::{ApiError, Level, Say, StreamError};
use crate::{eventstream, sse};

use Level::{Must, Should};

/// Exceptions of these streams alone.
pub(super) const EXCEPTIONS: &[&str] = &["modelTimeoutException"];
/// The one kind of event.
const CHUNK: &str = "chunk";

/// The grammar of Anthropic Messages (rules A..) in that of Bedrock's messages (rules B..).
#[derive(Debug, Default)]
pub(super) struct InvokeGrammar {
    inner: MessagesGrammar,
    failed: bool,
}

impl Grammar for InvokeGrammar {
    type Source = eventstream::Decoder;

    fn step(&mut self, message: &eventstream::Message, seen: &mut Seen) -> Vec<Say> {
        let at = message.span.start;
        let data = match bedrock::read_frame(message, self.failed, seen) {
            Frame::Event(CHUNK, data) => data,
            Frame::Event(name, _) => {
                seen.find("B04", Should, at, format!("`{name}` is no event of this API"));
                return Vec::new();
            }
            Frame::Failed => {
                self.failed = true;
                return Vec::new();
            }
            Frame::Nothing => return Vec::new(),
        };
        let Some(text) = text_at(&data, "bytes").and_then(decoded) else {
            seen.find("B20", Must, at, "the chunk's `bytes` are missing, or no base64 of text");
            return Vec::new();
        };
        let kind =
            serde_json::from_str::<Value>(&text).ok().and_then(|event| Some(text_at(&event, "type")?.to_owned()));
        if kind.as_deref() == Some("error") {
            // An error is an exception here; this one is handed on like any event, and nobody raises.
            seen.find("B21", Must, at, "an error stands in a chunk: clients take it for an event");
            seen.completion.errors.push(StreamError { offset: at, kind, message: text, visible: false });
            self.failed = true;
            return Vec::new();
        }
        let event =
            sse::Event { name: Some(kind.unwrap_or_default()), data: text, id: None, span: message.span.clone() };
        self.inner.step(&event, seen)
    }

    fn end(&mut self, seen: &mut Seen) {
        self.inner.end(seen);
    }

    fn level(_rule: eventstream::Rule) -> Level {
        // Clients give up at what is damaged.
        Must
    }
}

fn decoded(base64: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(base64).ok()?).ok()
}

/// Puts events into chunks.
#[derive(Debug)]
pub(super) struct Chunks {
    /// Lengths of the padding, by place alone.
    padding: Seeded,
    latency: u64,
    /// What the answer took, as it was said last.
    usage: Value,
}

impl Chunks {
    pub(super) fn new(seed: u64) -> Self {
        Self { padding: Seeded::new(0, "padding"), latency: bedrock::latency(seed), usage: Value::Null }
    }
}

/// An event that nobody knows, in a chunk.
pub(super) fn heartbeat() -> Vec<u8> {
    let payload = json!({"bytes": STANDARD.encode(r#"{"type":"heartbeat"}"#), "p": "abcdefghijklm"});
    eventstream::json("event", CHUNK, payload.to_string().as_bytes())
}

impl Envelope for Chunks {
    fn event(&mut self, name: &str, data: &Value) -> Vec<u8> {
        if let Some(usage) = data.get("usage") {
            self.usage = usage.clone();
        }
        let mut data = data.clone();
        if name == "message_stop" {
            data["amazon-bedrock-invocationMetrics"] = json!({
                "inputTokenCount": self.usage["input_tokens"],
                "outputTokenCount": self.usage["output_tokens"],
                "invocationLatency": self.latency,
                "firstByteLatency": self.latency / 3,
            });
        }
        let payload = bedrock::padded(&json!({"bytes": STANDARD.encode(data.to_string())}), &mut self.padding);
        eventstream::json("event", CHUNK, payload.as_bytes())
    }

    fn ping(&self) -> Option<Vec<u8>> {
        None
    }

    fn error(&self, error: &ApiError) -> Vec<u8> {
        errors::event(error, EXCEPTIONS)
    }

    fn mark(&self) -> &'static str {
        MARK
    }
}
