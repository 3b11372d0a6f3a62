//! One choice of an OpenAI Chat Completions stream: which deltas may follow which.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::answer::Stage;
use crate::api::body::text_at;
use crate::api::reading::Seen;
use crate::api::{FinishReason, Level, Part, PieceKind, Say};

use Level::{Must, Should};

/// One choice of the answer.
#[derive(Debug, Default)]
pub(super) struct Choice {
    pub(super) role: bool,
    /// Content came without a role since the message began.
    pub(super) went_on: bool,
    pub(super) finished: bool,
    text: Option<usize>,
    refusal: Option<usize>,
    thinking: Option<usize>,
    pub(super) calls: BTreeMap<u64, usize>,
}

/// Finish reasons that the API knows.
pub(super) fn finish_reason(raw: &str) -> Option<FinishReason> {
    Some(match raw {
        "stop" => FinishReason::Stop,
        "length" => FinishReason::Length,
        "tool_calls" | "function_call" => FinishReason::ToolCalls,
        "content_filter" => FinishReason::Refusal,
        _ => return None,
    })
}

/// Whether a delta carries content.
pub(super) fn says_something(delta: &Map<String, Value>) -> bool {
    let full = |key| match delta.get(key) {
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(fields)) => !fields.is_empty(),
        _ => false,
    };
    ["content", "refusal", "tool_calls", "function_call", "reasoning_content", "reasoning"].into_iter().any(full)
}

/// One delta of one choice, while it is read.
pub(super) struct DeltaOf<'a> {
    pub(super) at: usize,
    pub(super) index: u64,
    pub(super) choice: &'a mut Choice,
    pub(super) seen: &'a mut Seen,
    pub(super) said: &'a mut Vec<Say>,
}

impl DeltaOf<'_> {
    fn find(&mut self, rule: &str, level: Level, message: impl Into<String>) {
        self.seen.find(rule, level, self.at, message);
    }

    pub(super) fn role(&mut self, data: &Value, delta: &Map<String, Value>, ends: bool) {
        let id = text_at(data, "id");
        match delta.get("role") {
            None | Some(Value::Null) => {
                self.choice.went_on |= says_something(delta);
                if !self.choice.role && says_something(delta) {
                    self.choice.role = true;
                    self.find("C21", Must, format!("the first delta of choice {} has no role", self.index));
                }
            }
            Some(role) => {
                if role != "assistant" {
                    self.find("C22", Must, format!("the role is {role}, not \"assistant\""));
                }
                let repeated = std::mem::replace(&mut self.choice.role, true);
                if repeated {
                    self.find("C20", Should, format!("choice {} names its role again", self.index));
                }
                let last = self.seen.completion.starts.last();
                let other_id = last.is_some_and(|start| start.id.as_deref() != id);
                // Some gateways repeat the role in every delta: that begins no message. It does where content had
                // gone on without.
                let again = self.choice.went_on && !says_something(delta) && !ends;
                let begins = self.index == 0 && (!repeated || other_id || again);
                if begins {
                    self.choice.went_on = false;
                    self.seen.start(self.at, id, text_at(data, "model"));
                }
            }
        }
    }

    pub(super) fn texts(&mut self, delta: &Map<String, Value>) {
        for (key, kind) in [
            ("reasoning_content", PieceKind::Thinking),
            ("reasoning", PieceKind::Thinking),
            ("content", PieceKind::Text),
            ("refusal", PieceKind::Refusal),
        ] {
            match delta.get(key) {
                Some(Value::String(text)) if !text.is_empty() => {
                    // `reasoning` repeats `reasoning_content` where both are there.
                    if key == "reasoning" && delta.get("reasoning_content").is_some_and(Value::is_string) {
                        continue;
                    }
                    self.text(kind, text);
                }
                None | Some(Value::Null | Value::String(_)) => {}
                Some(_) if kind == PieceKind::Thinking => {}
                Some(_) => self.find("C10", Must, format!("`{key}` of the delta is no string")),
            }
        }
    }

    fn text(&mut self, kind: PieceKind, text: &str) {
        let (slot, part, say) = match kind {
            PieceKind::Refusal => {
                (&mut self.choice.refusal, Part::Refusal { text: String::new() }, Say::Refusal(text.to_owned()))
            }
            PieceKind::Thinking => (
                &mut self.choice.thinking,
                Part::Thinking { text: String::new(), signature: None },
                Say::Thinking(text.to_owned()),
            ),
            PieceKind::Text | PieceKind::Arguments => {
                (&mut self.choice.text, Part::text(String::new()), Say::Text(text.to_owned()))
            }
        };
        let part = *slot.get_or_insert_with(|| self.seen.part(part));
        self.add(kind, part, text, say);
    }

    /// Further choices of `n > 1` are read, but they are no part of what is said.
    fn add(&mut self, kind: PieceKind, part: usize, text: &str, say: Say) {
        if self.index == 0 {
            self.seen.content(self.at, kind, part, text);
            self.said.push(say);
        } else {
            self.seen.append(part, text);
        }
    }

    pub(super) fn calls(&mut self, delta: &Map<String, Value>) {
        match delta.get("tool_calls") {
            None | Some(Value::Null) => {}
            Some(Value::Array(calls)) => {
                for call in calls {
                    self.call(call);
                }
            }
            Some(_) => self.find("C23", Must, "`tool_calls` of the delta is no list"),
        }
    }

    fn call(&mut self, call: &Value) {
        let Some(index) = call.get("index").and_then(Value::as_u64) else {
            self.find("C23", Must, "the tool call has no `index`");
            return;
        };
        let null = Value::Null;
        let function = call.get("function").unwrap_or(&null);
        let (id, name) = (text_at(call, "id"), text_at(function, "name"));
        if let Some(part) = self.choice.calls.get(&index).copied() {
            if id.is_some_and(|id| !id.is_empty()) {
                self.find("C25", Must, format!("tool call {index} names its id again"));
            }
            if name.is_some_and(|name| !name.is_empty()) {
                self.find("C27", Must, format!("tool call {index} names its function again"));
            }
            self.arguments(part, function);
            return;
        }
        if index != self.choice.calls.len() as u64 {
            self.find("C23", Must, format!("tool call {index} begins, but {} is next", self.choice.calls.len()));
        }
        if self.choice.calls.len() >= 1_000 {
            return;
        }
        if id.is_none_or(str::is_empty) || name.is_none_or(str::is_empty) || text_at(call, "type") != Some("function") {
            self.find("C24", Must, format!("tool call {index} begins without id, type `function` and function name"));
        }
        let (id, name) = (id.unwrap_or_default().to_owned(), name.unwrap_or_default().to_owned());
        let part = Part::ToolCall { id: id.clone(), name: name.clone(), arguments: Value::String(String::new()) };
        let part = self.seen.part(part);
        self.choice.calls.insert(index, part);
        if self.index == 0 {
            self.seen.reach(Stage::Content);
            self.said.push(Say::ToolCall { id, name });
        }
        self.arguments(part, function);
    }

    fn arguments(&mut self, part: usize, function: &Value) {
        match function.get("arguments") {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.is_empty() => {}
            Some(Value::String(text)) => {
                self.add(PieceKind::Arguments, part, text, Say::Arguments(text.clone()));
            }
            Some(_) => self.find("C26", Must, "`arguments` of the tool call is no string"),
        }
    }

    pub(super) fn finish(&mut self, raw: &str) {
        let reason = finish_reason(raw);
        if reason.is_none() {
            self.find("C17", Should, format!("finish_reason `{raw}` is not one of this API"));
        }
        if self.choice.finished {
            self.find("C19", Should, format!("choice {} has a second finish_reason", self.index));
        }
        self.choice.finished = true;
        let calls: Vec<usize> = self.choice.calls.values().copied().collect();
        let broken = calls.into_iter().filter(|part| !self.seen.close_call(*part)).count();
        if raw == "tool_calls" {
            if broken > 0 {
                self.find("C30", Must, "finish_reason is tool_calls, but arguments are not JSON");
            }
            if self.choice.calls.is_empty() {
                self.find("C31", Should, "finish_reason is tool_calls, but no tool was called");
            }
        }
        if self.index == 0 {
            self.seen.finish(self.at, reason.unwrap_or(FinishReason::Other), raw);
        }
    }
}
