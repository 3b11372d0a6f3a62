//! The grammar of Anthropic Messages streams (rules A..).
//!
//! MUST where the stream or the stream helper of an official SDK raises, hangs or loses data: each such level was
//! measured with anthropic 2.12.0 (Python) and @anthropic-ai/sdk 1.12.0 (Node). Truncation is no finding: the ending
//! is judged.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::blocks::Block;

use crate::api::body::text_at;
use crate::api::reading::{Grammar, Seen};
use crate::api::{FinishReason, Level, Part, Say, StreamError};
use crate::sse;

use Level::{Must, Should};

/// Reads events, and knows which may follow which.
#[derive(Debug, Default)]
pub(in crate::api) struct MessagesGrammar {
    pub(super) state: State,
    pub(super) blocks: BTreeMap<u64, Block>,
    /// The block that is open.
    pub(super) open: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Before `message_start`.
    #[default]
    Start,
    /// In the message, in a block or between two.
    Message,
    /// After `message_delta`.
    Delta,
    /// After `message_stop` or an error.
    End,
}

/// Stop reasons that the API knows.
pub(super) fn finish_reason(raw: &str) -> Option<FinishReason> {
    Some(match raw {
        "end_turn" | "stop_sequence" => FinishReason::Stop,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "refusal" => FinishReason::Refusal,
        "pause_turn" => FinishReason::Other,
        _ => return None,
    })
}

impl Grammar for MessagesGrammar {
    type Source = sse::Decoder;

    fn step(&mut self, event: &sse::Event, seen: &mut Seen) -> Vec<Say> {
        let at = event.span.start;
        if event.data.starts_with("[DONE]") {
            seen.find("A26", Should, at, "`[DONE]`, which this API does not have");
            return Vec::new();
        }
        if event.name.as_deref() == Some("error") {
            seen.completion.errors.push(error_of(at, &event.data, true));
            self.end_by_error(at, seen);
            return Vec::new();
        }
        let data = match serde_json::from_str::<Value>(&event.data) {
            Ok(data @ Value::Object(_)) => data,
            Ok(_) => {
                let level = if event.name.is_some() { Must } else { Should };
                seen.find("A04", level, at, "the data is JSON, but no object");
                return Vec::new();
            }
            Err(_) if event.data.is_empty() => return Vec::new(),
            Err(error) => {
                // Clients skip an event without a name before they parse it.
                let level = if event.name.is_some() { Must } else { Should };
                seen.find("A03", level, at, format!("the data is not JSON: {error}"));
                return Vec::new();
            }
        };
        let kind = text_at(&data, "type").unwrap_or_default();
        match event.name.as_deref() {
            None if kind.is_empty() => {}
            None => seen.find("A02", Must, at, format!("`{kind}` has no `event:` line: clients drop it")),
            Some(name) if name != kind => {
                seen.find("A02", Should, at, format!("the `event:` line says `{name}`, the data `{kind}`"));
            }
            Some(_) => {}
        }
        if kind == "error" || (kind.is_empty() && data.get("error").is_some_and(|error| !error.is_null())) {
            // Only the name makes a client raise.
            seen.completion.errors.push(error_of(at, &event.data, false));
            self.end_by_error(at, seen);
            return Vec::new();
        }
        self.event(at, kind, &data, seen)
    }

    fn end(&mut self, seen: &mut Seen) {
        for block in self.blocks.values() {
            seen.close_call(block.part);
        }
    }

    fn level(rule: sse::Rule) -> Level {
        match rule {
            sse::Rule::Bom | sse::Rule::Utf8 | sse::Rule::BareJson | sse::Rule::TooLong => Must,
            sse::Rule::NoField | sse::Rule::Blank | sse::Rule::ManyLines | sse::Rule::LineEnd => Should,
            sse::Rule::IdOrRetry | sse::Rule::NoData | sse::Rule::EmptyData | sse::Rule::Comment => Should,
        }
    }
}

fn error_of(offset: usize, data: &str, visible: bool) -> StreamError {
    let value: Value = serde_json::from_str(data).unwrap_or(Value::Null);
    let error = value.get("error").unwrap_or(&value);
    let message = text_at(error, "message").or(error.as_str()).map_or_else(|| data.to_owned(), str::to_owned);
    StreamError { offset, kind: text_at(error, "type").map(str::to_owned), message, visible }
}

impl MessagesGrammar {
    fn end_by_error(&mut self, at: usize, seen: &mut Seen) {
        if self.state == State::End {
            seen.find("A25", Should, at, "an error after the end of the message");
        }
        self.state = State::End;
    }

    fn event(&mut self, at: usize, kind: &str, data: &Value, seen: &mut Seen) -> Vec<Say> {
        if self.state == State::End && !kind.is_empty() && kind != "message_start" {
            seen.find("A25", Should, at, format!("`{kind}` after the end of the message"));
        }
        if kind == "ping" {
            if self.state == State::Start {
                seen.find("A08", Should, at, "a ping before `message_start`");
            }
            return Vec::new();
        }
        let known = matches!(
            kind,
            "content_block_start" | "content_block_delta" | "content_block_stop" | "message_delta" | "message_stop"
        );
        if self.state == State::Start && known {
            seen.find("A07", Must, at, format!("`{kind}` before `message_start`"));
            self.state = State::Message;
        }
        match kind {
            "message_start" => self.message_start(at, data, seen),
            "content_block_start" => return self.block_start(at, data, seen),
            "content_block_delta" => return self.block_delta(at, data, seen),
            "content_block_stop" => self.block_stop(at, data, seen),
            "message_delta" => self.message_delta(at, data, seen),
            "message_stop" => self.message_stop(at, seen),
            _ => seen.find("A05", Should, at, format!("`{kind}` is no event of this API")),
        }
        Vec::new()
    }

    fn message_start(&mut self, at: usize, data: &Value, seen: &mut Seen) {
        if self.state != State::Start {
            seen.find("A09", Must, at, "a second `message_start`");
        }
        self.state = State::Message;
        self.blocks.clear();
        self.open = None;
        let message = data.get("message").cloned().unwrap_or(Value::Null);
        seen.start(at, text_at(&message, "id"), text_at(&message, "model"));
        for (key, fits, level) in [
            ("content", message.get("content").is_some_and(Value::is_array), Must),
            ("usage", message.get("usage").is_some_and(Value::is_object), Must),
            ("id", message.get("id").is_some_and(Value::is_string), Should),
            ("model", message.get("model").is_some_and(Value::is_string), Should),
            ("type", text_at(&message, "type") == Some("message"), Should),
            ("role", text_at(&message, "role") == Some("assistant"), Should),
        ] {
            if !fits {
                seen.find("A06", level, at, format!("the message's `{key}` is missing or of another kind"));
            }
        }
        merge_usage(&mut seen.completion.usage, message.get("usage"));
    }

    fn message_delta(&mut self, at: usize, data: &Value, seen: &mut Seen) {
        if let Some(open) = self.open {
            seen.find("A21", Should, at, format!("`message_delta` while block {open} is open"));
        }
        if self.state == State::Delta {
            seen.find("A22", Should, at, "a second `message_delta`");
        }
        if self.state != State::End {
            self.state = State::Delta;
        }
        if !data.get("usage").is_some_and(Value::is_object) {
            seen.find("A20", Must, at, "`message_delta` has no `usage`, which SDKs read");
        }
        merge_usage(&mut seen.completion.usage, data.get("usage"));
        let raw = data.pointer("/delta/stop_reason").and_then(Value::as_str);
        let Some(raw) = raw else {
            seen.find("A23", Should, at, "`message_delta` has no stop_reason");
            return;
        };
        let reason = finish_reason(raw);
        if reason.is_none() {
            seen.find("A23", Should, at, format!("stop_reason `{raw}` is not one of this API"));
        }
        if raw == "tool_use" {
            let whole = |part: &Part| !matches!(part, Part::ToolCall { arguments: Value::String(_), .. });
            for block in self.blocks.values() {
                seen.close_call(block.part);
            }
            if !seen.completion.parts.iter().all(whole) {
                seen.find("A19", Must, at, "stop_reason is tool_use, but an input is not JSON");
            }
        }
        seen.finish(at, reason.unwrap_or(FinishReason::Other), raw);
    }

    fn message_stop(&mut self, at: usize, seen: &mut Seen) {
        if self.state == State::Message {
            seen.find("A24", Should, at, "`message_stop` without `message_delta` before it");
        }
        self.state = State::End;
        seen.terminator(at);
    }
}

/// Counts are cumulative: what is reported later replaces what was reported before.
fn merge_usage(usage: &mut Option<Value>, more: Option<&Value>) {
    let Some(more) = more.and_then(Value::as_object) else { return };
    if let Value::Object(fields) = usage.get_or_insert_with(|| Value::Object(Map::new())) {
        fields.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
}
