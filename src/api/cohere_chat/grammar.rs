//! The grammar of Cohere's streams (rules H..).
//!
//! MUST where the official Python SDK (cohere 7.3.1) loses what is said: it reads the data of each event as JSON, knows
//! an event by the `type` in it, and skips with a warning what it cannot read. Truncation is no finding: the ending is
//! judged.

use serde_json::Value;

use super::blocks::Blocks;
use crate::answer::Stage;
use crate::api::body::text_at;
use crate::api::reading::{Grammar, Seen};
use crate::api::{FinishReason, Level, Part, Say, StreamError};
use crate::sse;

use Level::{Must, Should};

/// Where the stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    #[default]
    Start,
    Message,
    /// Behind `message-end`.
    Ended,
    /// Behind the end mark.
    Done,
}

/// Reads events, and knows which may follow which.
#[derive(Debug, Default)]
pub(super) struct CohereGrammar {
    state: State,
    failed: bool,
    blocks: Blocks,
}

/// Reasons that the API gives for an end; `ERROR` is none of them.
pub(super) fn finish_reason(raw: &str) -> Option<FinishReason> {
    Some(match raw {
        "COMPLETE" | "STOP_SEQUENCE" => FinishReason::Stop,
        "MAX_TOKENS" => FinishReason::Length,
        "TOOL_CALL" => FinishReason::ToolCalls,
        "TIMEOUT" => FinishReason::Other,
        _ => return None,
    })
}

impl Grammar for CohereGrammar {
    type Source = sse::Decoder;

    fn step(&mut self, event: &sse::Event, seen: &mut Seen) -> Vec<Say> {
        let at = event.span.start;
        if event.data == "[DONE]" {
            self.done(at, seen);
            return Vec::new();
        }
        if event.data.is_empty() {
            return Vec::new();
        }
        let data = match serde_json::from_str::<Value>(&event.data) {
            Ok(data) if data.is_object() => data,
            Ok(_) => {
                seen.find("H01", Must, at, "the data is JSON, but no object");
                return Vec::new();
            }
            Err(error) => {
                seen.find("H01", Must, at, format!("the data is not JSON: {error}"));
                return Vec::new();
            }
        };
        let Some(kind) = text_at(&data, "type") else {
            seen.find("H02", Must, at, "the event has no `type`, by which it is known");
            return Vec::new();
        };
        if event.name.as_deref() != Some(kind) {
            let name = event.name.as_deref().unwrap_or_default();
            seen.find("H03", Should, at, format!("the `event:` line says `{name}`, the data `{kind}`"));
        }
        if self.state >= State::Ended {
            seen.find("H13", Should, at, format!("`{kind}` behind the end"));
        }
        self.event(at, kind, &data, seen)
    }

    fn end(&mut self, seen: &mut Seen) {
        self.blocks.close_calls(seen);
    }

    fn level(rule: sse::Rule) -> Level {
        match rule {
            sse::Rule::Utf8 | sse::Rule::BareJson | sse::Rule::TooLong | sse::Rule::Bom => Must,
            sse::Rule::NoField | sse::Rule::Blank | sse::Rule::ManyLines | sse::Rule::LineEnd => Should,
            sse::Rule::IdOrRetry | sse::Rule::NoData | sse::Rule::EmptyData | sse::Rule::Comment => Should,
        }
    }
}

impl CohereGrammar {
    fn event(&mut self, at: usize, kind: &str, data: &Value, seen: &mut Seen) -> Vec<Say> {
        if kind == "message-start" {
            self.message_start(at, data, seen);
            return Vec::new();
        }
        if self.state == State::Start {
            seen.find("H05", Should, at, format!("`{kind}` before `message-start`"));
            self.state = State::Message;
        }
        let message = data.pointer("/delta/message").unwrap_or(&Value::Null);
        match kind {
            "content-start" => self.blocks.content_start(at, data, message, seen),
            "content-delta" => self.blocks.content_delta(at, data, message, seen),
            "tool-plan-delta" => self.blocks.plan(at, message, seen),
            "tool-call-start" => self.blocks.call_start(at, data, message, seen),
            "tool-call-delta" => self.blocks.call_delta(at, data, message, seen),
            "content-end" | "tool-call-end" => {
                self.blocks.end(at, kind, data, seen);
                Vec::new()
            }
            "message-end" => {
                self.message_end(at, data, seen);
                Vec::new()
            }
            "citation-start" | "citation-end" | "debug" => Vec::new(),
            _ => {
                seen.find("H04", Should, at, format!("`{kind}` is no event of this API"));
                Vec::new()
            }
        }
    }

    fn message_start(&mut self, at: usize, data: &Value, seen: &mut Seen) {
        if self.state != State::Start {
            seen.find("H06", Should, at, "a second `message-start`");
        }
        self.state = self.state.max(State::Message);
        let id = text_at(data, "id");
        if id.is_none() {
            seen.find("H07", Should, at, "the message has no id");
        }
        let role = data.pointer("/delta/message/role").and_then(Value::as_str);
        if role != Some("assistant") {
            seen.find("H07", Should, at, "the message's role is not \"assistant\"");
        }
        seen.start(at, id, None);
    }

    fn message_end(&mut self, at: usize, data: &Value, seen: &mut Seen) {
        self.state = self.state.max(State::Ended);
        let delta = data.get("delta").unwrap_or(&Value::Null);
        let raw = text_at(delta, "finish_reason").unwrap_or_default();
        let error = text_at(delta, "error").filter(|error| !error.is_empty());
        if raw == "ERROR" || error.is_some() {
            let kind = text_at(delta, "error_type").map(str::to_owned);
            let message = error.unwrap_or(raw).to_owned();
            seen.completion.errors.push(StreamError { offset: at, kind, message, visible: true });
            self.failed = true;
            return;
        }
        if let Some(open) = self.blocks.open() {
            seen.find("H14", Should, at, format!("`message-end` while {open} is open"));
        }
        match delta.get("usage").filter(|usage| usage.is_object()) {
            Some(usage) => seen.completion.usage = Some(usage.clone()),
            None => seen.find("H17", Should, at, "`message-end` has no usage"),
        }
        let reason = finish_reason(raw);
        if reason.is_none() {
            seen.find("H15", Should, at, format!("finish_reason `{raw}` is not one of this API"));
        }
        if reason == Some(FinishReason::ToolCalls) {
            self.blocks.close_calls(seen);
            let half = |part: &Part| matches!(part, Part::ToolCall { arguments: Value::String(_), .. });
            if seen.completion.parts.iter().any(half) {
                seen.find("H16", Must, at, "finish_reason is TOOL_CALL, but arguments are not JSON");
            }
        }
        seen.finish(at, reason.unwrap_or(FinishReason::Other), raw);
    }

    fn done(&mut self, at: usize, seen: &mut Seen) {
        match self.state {
            State::Done => seen.find("H19", Should, at, "a second `[DONE]`"),
            State::Start | State::Message => seen.find("H18", Should, at, "`[DONE]` before `message-end`"),
            State::Ended => {}
        }
        self.state = State::Done;
        // Behind an error it belongs to the error, and ends no answer.
        if self.failed {
            seen.reach(Stage::Terminator);
        } else {
            seen.terminator(at);
        }
    }
}
