//! The grammar of ConverseStream (rules B..).
//!
//! MUST where the official SDKs raise or lose what is said: they parse each payload as JSON, tell events from exceptions
//! by `:message-type`, and name an event by `:event-type`. Truncation is no finding: the ending is judged.

use std::collections::BTreeMap;

use serde_json::Value;

use super::blocks::Block;
use super::errors;
use crate::api::body::text_at;
use crate::api::reading::Seen;
use crate::api::{FinishReason, Level, Part, Say, StreamError};
use crate::eventstream::Message;

use Level::{Must, Should};

/// Where the stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    #[default]
    Start,
    Message,
    /// Behind `messageStop`.
    Stopped,
    /// Behind `metadata`, or an exception.
    End,
}

/// Reads messages, and knows which may follow which.
#[derive(Debug, Default)]
pub(super) struct ConverseGrammar {
    pub(super) state: State,
    pub(super) blocks: BTreeMap<u64, Block>,
    /// The block that has begun and not ended.
    pub(super) open: Option<u64>,
}

/// The reason, where the word is one of this API.
pub(super) fn finish_reason(raw: &str) -> Option<FinishReason> {
    Some(match raw {
        "end_turn" | "stop_sequence" => FinishReason::Stop,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "content_filtered" | "guardrail_intervened" | "refusal" => FinishReason::Refusal,
        "malformed_model_output" | "malformed_tool_use" => FinishReason::Other,
        _ => return None,
    })
}

impl ConverseGrammar {
    /// Takes one message.
    pub(super) fn step(&mut self, message: &Message, seen: &mut Seen) -> Vec<Say> {
        let at = message.span.start;
        match message.text(":message-type") {
            Some("event") => self.event(at, message, seen),
            Some("exception" | "error") => {
                self.failed(at, message, seen);
                Vec::new()
            }
            other => {
                let other = other.unwrap_or("missing");
                seen.find("B02", Must, at, format!("`:message-type` is {other}: SDKs know `event` and `exception`"));
                Vec::new()
            }
        }
    }

    /// The body is over.
    pub(super) fn end(&self, seen: &mut Seen) {
        for block in self.blocks.values() {
            seen.close_call(block.part);
        }
    }

    fn failed(&mut self, offset: usize, message: &Message, seen: &mut Seen) {
        if self.state == State::End {
            seen.find("B16", Should, offset, "an exception behind the end");
        }
        let value: Value = serde_json::from_slice(&message.payload).unwrap_or_default();
        let text = errors::message(&value).or(message.text(":error-message"));
        let text = text.map_or_else(|| String::from_utf8_lossy(&message.payload).into_owned(), str::to_owned);
        let kind = message.name().map(str::to_owned);
        seen.completion.errors.push(StreamError { offset, kind, message: text, visible: true });
        self.state = State::End;
    }

    fn event(&mut self, at: usize, message: &Message, seen: &mut Seen) -> Vec<Say> {
        let Some(name) = message.text(":event-type") else {
            seen.find("B03", Must, at, "the event has no `:event-type`");
            return Vec::new();
        };
        if let Some(kind) = message.text(":content-type").filter(|kind| *kind != "application/json") {
            seen.find("B18", Should, at, format!("the payload's type is {kind:?}"));
        }
        let data = match serde_json::from_slice::<Value>(&message.payload) {
            Ok(data) if data.is_object() => data,
            Ok(_) => {
                seen.find("B01", Must, at, "the payload is JSON, but no object");
                return Vec::new();
            }
            Err(error) => {
                seen.find("B01", Must, at, format!("the payload is not JSON: {error}"));
                return Vec::new();
            }
        };
        if self.state == State::End {
            seen.find("B16", Should, at, format!("`{name}` behind the end"));
        }
        match name {
            "messageStart" => self.message_start(at, seen),
            "contentBlockStart" | "contentBlockDelta" | "contentBlockStop" => {
                return self.block(at, name, &data, seen);
            }
            "messageStop" => self.message_stop(at, &data, seen),
            "metadata" => self.metadata(at, &data, seen),
            _ => seen.find("B04", Should, at, format!("`{name}` is no event of this API")),
        }
        Vec::new()
    }

    fn message_start(&mut self, at: usize, seen: &mut Seen) {
        if self.state != State::Start {
            seen.find("B06", Should, at, "a second `messageStart`");
        }
        self.state = self.state.max(State::Message);
        seen.start(at, None, None);
    }

    fn block(&mut self, at: usize, name: &str, data: &Value, seen: &mut Seen) -> Vec<Say> {
        match self.state {
            State::Start => {
                seen.find("B05", Should, at, format!("`{name}` before `messageStart`"));
                self.state = State::Message;
            }
            State::Stopped => seen.find("B13", Should, at, format!("`{name}` behind `messageStop`")),
            State::Message | State::End => {}
        }
        let Some(index) = data.get("contentBlockIndex").and_then(Value::as_u64) else {
            seen.find("B07", Must, at, format!("`{name}` has no `contentBlockIndex`"));
            return Vec::new();
        };
        match name {
            "contentBlockStart" => self.block_start(at, index, data, seen),
            "contentBlockDelta" => self.block_delta(at, index, data, seen),
            _ => {
                self.block_stop(at, index, seen);
                Vec::new()
            }
        }
    }

    fn message_stop(&mut self, at: usize, data: &Value, seen: &mut Seen) {
        match self.state {
            State::Start => seen.find("B05", Should, at, "`messageStop` before `messageStart`"),
            State::Stopped => seen.find("B13", Should, at, "a second `messageStop`"),
            State::Message | State::End => {}
        }
        if let Some(open) = self.open {
            seen.find("B12", Should, at, format!("`messageStop` while block {open} is open"));
        }
        self.state = self.state.max(State::Stopped);
        let Some(raw) = text_at(data, "stopReason") else {
            seen.find("B14", Should, at, "`messageStop` has no stopReason");
            return;
        };
        let reason = finish_reason(raw);
        if reason.is_none() {
            seen.find("B14", Should, at, format!("stopReason `{raw}` is not one of this API"));
        }
        if raw == "tool_use" {
            for block in self.blocks.values() {
                seen.close_call(block.part);
            }
            let half = |part: &Part| matches!(part, Part::ToolCall { arguments: Value::String(_), .. });
            if seen.completion.parts.iter().any(half) {
                seen.find("B15", Must, at, "stopReason is tool_use, but an input is not JSON");
            }
        }
        seen.finish(at, reason.unwrap_or(FinishReason::Other), raw);
    }

    fn metadata(&mut self, at: usize, data: &Value, seen: &mut Seen) {
        if self.state < State::Stopped {
            seen.find("B13", Should, at, "`metadata` before `messageStop`");
        }
        match data.get("usage").filter(|usage| usage.is_object()) {
            Some(usage) => seen.completion.usage = Some(usage.clone()),
            None => seen.find("B19", Should, at, "`metadata` has no usage"),
        }
        self.state = State::End;
        seen.terminator(at);
    }
}
