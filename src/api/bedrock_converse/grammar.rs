//! The grammar of ConverseStream (rules B..).
//!
//! MUST where the official SDKs raise or lose what is said. Truncation is no finding: the ending is judged.

use std::collections::BTreeMap;

use serde_json::Value;

use super::blocks::Block;
use crate::api::bedrock::{self, Frame};
use crate::api::body::text_at;
use crate::api::reading::{Grammar, Seen};
use crate::api::{FinishReason, Level, Part, Say};
use crate::eventstream::{self, Message};

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

impl Grammar for ConverseGrammar {
    type Source = eventstream::Decoder;

    fn step(&mut self, message: &Message, seen: &mut Seen) -> Vec<Say> {
        let at = message.span.start;
        let (name, data) = match bedrock::read_frame(message, self.state == State::End, seen) {
            Frame::Event(name, data) => (name, data),
            Frame::Failed => {
                self.state = State::End;
                return Vec::new();
            }
            Frame::Nothing => return Vec::new(),
        };
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

    fn end(&mut self, seen: &mut Seen) {
        for block in self.blocks.values() {
            seen.close_call(block.part);
        }
    }

    fn level(_rule: eventstream::Rule) -> Level {
        // Clients give up at what is damaged.
        Must
    }
}

impl ConverseGrammar {
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
