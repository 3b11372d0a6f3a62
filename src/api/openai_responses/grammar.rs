//! The grammar of OpenAI Responses streams (rules R..).
//!
//! MUST where the stream or the stream helper of an official SDK raises, hangs or loses data: each such level was read
//! in openai 3.57.0 (Python) and openai 6.49.0 (Node). Truncation is no finding: the ending is judged. That a text
//! which is said again as a whole equals its deltas is no finding either: both stand in `Completion::finals`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::items::Item;

use crate::answer::Stage;
use crate::api::body::text_at;
use crate::api::reading::{Grammar, Seen};
use crate::api::{FinishReason, Level, Part, Say, StreamError};
use crate::sse;

use Level::{Must, Should};

/// Reads events, and knows which may follow which.
#[derive(Debug, Default)]
pub(super) struct ResponsesGrammar {
    pub(super) state: State,
    /// Id of the response.
    id: Option<String>,
    /// Number of the next event; `None` before the first, or where numbers are missing.
    sequence: Option<u64>,
    numbers_missing: bool,
    pub(super) items: BTreeMap<u64, Item>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Before `response.created`.
    #[default]
    Start,
    /// In the response.
    Open,
    /// After an `error`: `response.failed` may follow.
    Error,
    /// After `response.completed`, `.incomplete` or `.failed`.
    End,
}

/// Events of items that this API runs itself, and of kinds that carry nothing which is judged here.
const OF_OTHER_ITEMS: [&str; 14] = [
    "response.web_search_call.",
    "response.file_search_call.",
    "response.code_interpreter_call",
    "response.image_generation_call.",
    "response.image_gen_call.",
    "response.mcp_call",
    "response.mcp_list_tools.",
    "response.custom_tool_call_input.",
    "response.shell_call",
    "response.computer_call",
    "response.audio.",
    "response.audio_transcript.",
    "response.compaction.",
    "response.steer",
];

/// An error as its event says it: in an `error` object, as OpenAI sends it, or flat, as its pages show it.
pub(super) fn error_of(offset: usize, data: &Value) -> StreamError {
    let error = data.get("error").filter(|error| !error.is_null()).unwrap_or(data);
    let kind = if error.get("error").is_some() || std::ptr::eq(error, data) { None } else { text_at(error, "type") };
    let message = text_at(error, "message").or(error.as_str()).map_or_else(|| error.to_string(), str::to_owned);
    StreamError { offset, kind: kind.or(text_at(error, "code")).map(str::to_owned), message, visible: true }
}

/// Why a response ended, in neutral words and in its own.
pub(super) fn ended(status: &str, response: &Value, parts: &[Part]) -> (FinishReason, String) {
    let reason = response.pointer("/incomplete_details/reason").and_then(Value::as_str);
    let neutral = match (status, reason) {
        ("incomplete", Some("max_output_tokens")) => FinishReason::Length,
        ("incomplete", Some("content_filter")) => FinishReason::Refusal,
        ("incomplete", _) => FinishReason::Other,
        _ if parts.iter().any(|part| matches!(part, Part::ToolCall { .. })) => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    };
    (neutral, reason.filter(|_| status == "incomplete").unwrap_or(status).to_owned())
}

impl Grammar for ResponsesGrammar {
    type Source = sse::Decoder;

    fn step(&mut self, event: &sse::Event, seen: &mut Seen) -> Vec<Say> {
        let at = event.span.start;
        if event.data.starts_with("[DONE]") {
            seen.find("R01", Should, at, "`[DONE]`, which this API does not have");
            return Vec::new();
        }
        let data = match serde_json::from_str::<Value>(&event.data) {
            Ok(data @ Value::Object(_)) => data,
            Ok(_) => {
                seen.find("R04", Must, at, "the data is JSON, but no object");
                return Vec::new();
            }
            // An event without data is a finding of its own.
            Err(_) if event.data.is_empty() => return Vec::new(),
            Err(error) => {
                seen.find("R03", Must, at, format!("the data is not JSON: {error}"));
                return Vec::new();
            }
        };
        let kind = text_at(&data, "type").unwrap_or_default();
        match event.name.as_deref() {
            Some(name) if name == kind => {}
            None if kind.is_empty() => {}
            Some(name) => seen.find("R02", Should, at, format!("the `event:` line says `{name}`, the data `{kind}`")),
            None => seen.find("R02", Should, at, format!("`{kind}` has no `event:` line")),
        }
        // Whatever its type, an event with an error object makes an SDK raise.
        if kind == "error" || data.get("error").is_some_and(is_truthy) {
            self.error(at, &data, seen);
            self.number(at, &data, seen);
            return Vec::new();
        }
        if kind.is_empty() {
            seen.find("R05", Must, at, "the event has no `type`: clients cannot tell what it is");
            self.number(at, &data, seen);
            return Vec::new();
        }
        self.order(at, kind, seen);
        self.number(at, &data, seen);
        self.event(at, kind, &data, seen)
    }

    fn unfinished(&mut self, event: &sse::Event, seen: &mut Seen) {
        // The SDKs of this API deliver a last event that lacks its blank line, if it is whole.
        if serde_json::from_str::<Value>(&event.data).is_ok() {
            seen.find("S01", Should, event.span.start, "the last event has no blank line behind it");
            self.step(event, seen);
        }
    }

    fn end(&mut self, seen: &mut Seen) {
        self.close_calls(seen);
    }

    fn level(rule: sse::Rule) -> Level {
        match rule {
            // The Python SDK fails on these, or loses the first event.
            sse::Rule::Bom | sse::Rule::Utf8 | sse::Rule::NoData | sse::Rule::EmptyData => Must,
            sse::Rule::BareJson | sse::Rule::TooLong => Must,
            sse::Rule::NoField | sse::Rule::Blank | sse::Rule::ManyLines => Should,
            sse::Rule::LineEnd | sse::Rule::IdOrRetry | sse::Rule::Comment => Should,
        }
    }
}

fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

impl ResponsesGrammar {
    /// Reads the arguments of every call; gives whether all are JSON.
    fn close_calls(&self, seen: &mut Seen) -> bool {
        let calls = self.items.values().filter_map(Item::call);
        calls.filter(|part| !seen.close_call(*part)).count() == 0
    }

    fn error(&mut self, at: usize, data: &Value, seen: &mut Seen) {
        if matches!(self.state, State::End | State::Error) {
            seen.find("R27", Should, at, "an error after the end of the response");
        }
        self.state = State::Error;
        seen.completion.errors.push(error_of(at, data));
    }

    /// What may come where.
    fn order(&mut self, at: usize, kind: &str, seen: &mut Seen) {
        match self.state {
            State::Start if kind != "response.created" => {
                seen.find("R09", Must, at, format!("`{kind}` before `response.created`"));
                self.state = State::Open;
            }
            State::Error if kind != "response.failed" => {
                seen.find("R27", Should, at, format!("`{kind}` after the error"));
            }
            State::End if kind != "response.created" => {
                seen.find("R27", Should, at, format!("`{kind}` after the end of the response"));
            }
            _ => {}
        }
    }

    /// Events are numbered from zero, without a gap.
    fn number(&mut self, at: usize, data: &Value, seen: &mut Seen) {
        let Some(number) = data.get("sequence_number").and_then(Value::as_u64) else {
            if !std::mem::replace(&mut self.numbers_missing, true) {
                seen.find("R06", Should, at, "the event has no `sequence_number`");
            }
            self.sequence = None;
            return;
        };
        match self.sequence {
            None if number != 0 && !self.numbers_missing => {
                seen.find("R07", Should, at, format!("the first sequence_number is {number}, not 0"));
            }
            Some(next) if next != number => {
                seen.find("R08", Should, at, format!("sequence_number is {number}, but {next} is next"));
            }
            _ => {}
        }
        self.sequence = Some(number.saturating_add(1));
    }

    fn event(&mut self, at: usize, kind: &str, data: &Value, seen: &mut Seen) -> Vec<Say> {
        let name = kind.strip_prefix("response.").unwrap_or_default();
        match name {
            "created" => self.created(at, data, seen),
            "queued" | "in_progress" => {
                self.response(at, kind, data, seen);
            }
            "completed" | "incomplete" => return self.ended(at, name, data, seen),
            "failed" => self.failed(at, kind, data, seen),
            "output_item.added" => return self.item_added(at, data, seen),
            "output_item.done" => return self.item_done(at, data, seen),
            "content_part.added" | "reasoning_summary_part.added" => self.part_added(at, name, data, seen),
            "content_part.done" | "reasoning_summary_part.done" => self.part_done(at, name, data, seen),
            "output_text.delta" | "refusal.delta" | "reasoning_text.delta" | "reasoning_summary_text.delta" => {
                return self.text_delta(at, name, data, seen);
            }
            "output_text.done" | "refusal.done" | "reasoning_text.done" | "reasoning_summary_text.done" => {
                self.text_done(at, name, data, seen);
            }
            "function_call_arguments.delta" => return self.arguments_delta(at, data, seen),
            "function_call_arguments.done" => return self.arguments_done(at, data, seen),
            "output_text.annotation.added" => {}
            _ if OF_OTHER_ITEMS.iter().any(|known| kind.starts_with(known)) => {}
            _ => seen.find("R05", Should, at, format!("`{kind}` is no event of this API")),
        }
        Vec::new()
    }

    fn created(&mut self, at: usize, data: &Value, seen: &mut Seen) {
        if self.state != State::Start {
            seen.find("R10", Must, at, "a second `response.created`");
            // What follows is another response, and is read as such.
            self.id = None;
            self.close_calls(seen);
            self.items.clear();
        }
        self.state = State::Open;
        let response = self.response(at, "response.created", data, seen);
        seen.start(at, text_at(&response, "id"), text_at(&response, "model"));
    }

    /// The response object of an event.
    fn response(&mut self, at: usize, kind: &str, data: &Value, seen: &mut Seen) -> Value {
        let Some(response) = data.get("response").filter(|response| response.is_object()) else {
            seen.find("R12", Must, at, format!("`{kind}` has no `response` object"));
            return Value::Null;
        };
        for (key, fits) in [
            ("id", response.get("id").is_some_and(Value::is_string)),
            ("object", text_at(response, "object") == Some("response")),
            ("created_at", response.get("created_at").is_some_and(Value::is_number)),
            ("model", response.get("model").is_some_and(Value::is_string)),
            ("status", response.get("status").is_some_and(Value::is_string)),
            ("output", response.get("output").is_some_and(Value::is_array)),
        ] {
            if !fits {
                seen.find("R13", Should, at, format!("the response's `{key}` is missing or of another kind"));
            }
        }
        let status = text_at(response, "status");
        let wanted = kind.strip_prefix("response.").filter(|kind| *kind != "created");
        if let (Some(status), Some(wanted)) = (status, wanted)
            && status != wanted
        {
            seen.find("R14", Should, at, format!("`{kind}` has the status `{status}`"));
        }
        let id = text_at(response, "id");
        seen.name(id.filter(|id| !id.is_empty()), text_at(response, "model").filter(|model| !model.is_empty()));
        if let Some(id) = id {
            let first = self.id.get_or_insert_with(|| id.to_owned());
            if first != id {
                seen.find("R11", Must, at, format!("the response's id is `{id}`, but was `{first}` before"));
            }
        }
        if let Some(usage) = response.get("usage").filter(|usage| usage.is_object()) {
            seen.completion.usage = Some(usage.clone());
        }
        response.clone()
    }

    fn failed(&mut self, at: usize, kind: &str, data: &Value, seen: &mut Seen) {
        let response = self.response(at, kind, data, seen);
        self.state = State::End;
        let Some(error) = response.get("error").filter(|error| is_truthy(error)) else {
            seen.find("R26", Should, at, "`response.failed` does not say the error");
            let error =
                StreamError { offset: at, kind: None, message: "the response failed".to_owned(), visible: true };
            seen.completion.errors.push(error);
            return;
        };
        let error = error_of(at, &serde_json::json!({ "error": error }));
        // The event before says the same.
        if seen.completion.errors.last().is_none_or(|last| last.message != error.message) {
            seen.completion.errors.push(error);
        }
    }

    fn ended(&mut self, at: usize, status: &str, data: &Value, seen: &mut Seen) -> Vec<Say> {
        let response = self.response(at, &format!("response.{status}"), data, seen);
        let output = response.get("output").and_then(Value::as_array);
        self.open_items(at, status, output, seen);
        self.output_again(at, status, output, seen);
        let whole = self.close_calls(seen);
        if status == "completed" && !whole {
            seen.find("R25", Must, at, "the response is completed, but arguments are not JSON");
        }
        let (reason, raw) = ended(status, &response, &seen.completion.parts);
        if status == "incomplete" && reason == FinishReason::Other {
            seen.find("R24", Should, at, format!("the response is incomplete for no reason of this API: `{raw}`"));
        }
        if self.state != State::End {
            seen.finish(at, reason, &raw);
            seen.terminator(at);
        }
        self.state = State::End;
        seen.reach(Stage::Terminator);
        Vec::new()
    }
}
