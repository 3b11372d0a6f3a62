//! A stream as it comes from a leg, event by event, with what is wrong with it.

use bytes::{Bytes, BytesMut};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::failure::Failure;
use crate::api::{Api, FinishReason, Say, StreamReader};
use crate::framing::{Decoder, Framing};

/// Longest event that is waited for.
const MAX_EVENT: usize = 32 << 20;

/// Something that was heard.
#[derive(Debug)]
pub(super) enum Heard {
    /// An event as it came; what it says follows.
    Event(Bytes),
    /// A piece of the answer.
    Said(Say),
    /// The answer failed here; nothing behind it counts.
    Failed(Failure),
    /// The end mark.
    Done,
}

impl Heard {
    /// Whether it is content or an end, and no mere preamble.
    pub(super) fn is_telling(&self) -> bool {
        match self {
            Self::Event(_) => false,
            Self::Said(say) => !is_empty(say),
            Self::Failed(_) | Self::Done => true,
        }
    }
}

/// Listens to one stream.
#[derive(Debug)]
pub(super) struct Hearing {
    api: &'static dyn Api,
    reader: Box<dyn StreamReader>,
    decoder: Decoder,
    /// Bytes of the event that is not whole yet.
    pending: BytesMut,
    /// Offset of their first in the body.
    at: usize,
}

impl Hearing {
    pub(super) fn new(api: &'static dyn Api) -> Self {
        Self { api, reader: api.stream_reader(), decoder: api.framing().decoder(), pending: BytesMut::new(), at: 0 }
    }

    /// Takes the next bytes. An event counts once it is whole, and only if it can be read.
    pub(super) fn feed(&mut self, bytes: &Bytes) -> Vec<Heard> {
        let mut heard = Vec::new();
        self.pending.extend_from_slice(bytes);
        for event in self.decoder.feed(bytes) {
            let block = self.pending.split_to(event.span.end.saturating_sub(self.at).min(self.pending.len()));
            self.at += block.len();
            if !is_readable(self.api.framing(), &block, &event.data) {
                heard.push(Heard::Failed(Failure::damaged()));
                return heard;
            }
            let block = block.freeze();
            heard.push(Heard::Event(block.clone()));
            heard.extend(self.reader.feed(&block).into_iter().map(Heard::Said));
            let seen = self.reader.so_far();
            if let Some(error) = seen.errors.first() {
                heard.push(Heard::Failed(Failure::in_stream(self.api, error)));
                return heard;
            }
            if seen.terminator.is_some() {
                heard.push(Heard::Done);
                return heard;
            }
        }
        if self.pending.len() > MAX_EVENT || self.decoder.damage().is_some() {
            heard.push(Heard::Failed(Failure::damaged()));
        }
        heard
    }

    /// Bytes that came and are no whole event.
    pub(super) fn rest(&mut self) -> Bytes {
        self.pending.split().freeze()
    }

    /// Usage, as the leg last reported it.
    pub(super) fn usage(&self) -> Option<&Value> {
        self.reader.so_far().usage.as_ref()
    }

    /// The stream is over: whole if it said why it ended, else the failure.
    ///
    /// Many servers send no end mark, and what breaks behind the finish breaks nothing of the answer.
    pub(super) fn ended(&self, failure: Failure) -> Result<FinishReason, Failure> {
        self.reader.so_far().finishes.last().map(|finish| finish.reason).ok_or(failure)
    }
}

/// An event carries JSON, or an end mark in brackets.
fn is_readable(framing: Framing, block: &[u8], data: &str) -> bool {
    let mark = data.is_empty() || data == "[DONE]";
    std::str::from_utf8(&framing.text(block)).is_ok() && (mark || serde_json::from_str::<IgnoredAny>(data).is_ok())
}

/// Whether this says nothing.
pub(super) fn is_empty(say: &Say) -> bool {
    match say {
        Say::Text(text) | Say::Thinking(text) | Say::Signature(text) | Say::Arguments(text) | Say::Refusal(text) => {
            text.is_empty()
        }
        Say::ToolCall { .. } => false,
    }
}
