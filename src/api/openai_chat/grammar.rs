//! The grammar of OpenAI Chat Completions streams (rules C..).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::answer::Stage;
use crate::api::body::text_at;
use crate::api::reading::{Grammar, Seen};
use crate::api::{FinishReason, Level, Part, PieceKind, Say, StreamError};
use crate::sse;

use Level::{Must, Should};

/// Reads chunks, and knows which may follow which.
#[derive(Debug, Default)]
pub(super) struct ChatGrammar {
    /// `id`, `created` and `model` of the first chunk that names them.
    first: Option<(Value, Value, Value)>,
    choices: BTreeMap<u64, Choice>,
    usage_chunk: bool,
    done: bool,
    failed: bool,
}

/// One choice of the answer.
#[derive(Debug, Default)]
struct Choice {
    role: bool,
    /// Content came without a role since the message began.
    went_on: bool,
    finished: bool,
    text: Option<usize>,
    refusal: Option<usize>,
    thinking: Option<usize>,
    calls: BTreeMap<u64, usize>,
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

/// An error object as an SDK reads it; any truthy top-level `error` makes it raise.
pub(super) fn stream_error(offset: usize, data: &Value) -> Option<StreamError> {
    let error = data.get("error")?;
    let message = match error {
        Value::Null | Value::Bool(false) => return None,
        Value::String(text) if text.is_empty() => return None,
        Value::String(text) => text.clone(),
        _ => text_at(error, "message").map_or_else(|| error.to_string(), str::to_owned),
    };
    let kind = text_at(error, "type").map(str::to_owned);
    Some(StreamError { offset, kind, message, visible: true })
}

impl Grammar for ChatGrammar {
    fn step(&mut self, event: &sse::Event, seen: &mut Seen) -> Vec<Say> {
        let at = event.span.start;
        if event.name.is_some() {
            seen.find("C01", Should, at, "the event has an `event:` line; this API's events are `data:` lines alone");
        }
        if self.done {
            seen.find("C02", Should, at, "an event after `[DONE]`; clients ignore it");
            return Vec::new();
        }
        if event.data.starts_with("[DONE]") {
            self.done = true;
            if !self.failed && (self.choices.is_empty() || self.choices.values().any(|choice| !choice.finished)) {
                seen.find("C16", Must, at, "`[DONE]` before every choice has its finish_reason");
            }
            seen.terminator(at);
            return Vec::new();
        }
        let data = match serde_json::from_str::<Value>(&event.data) {
            Ok(data @ Value::Object(_)) => data,
            Ok(_) => {
                seen.find("C04", Must, at, "the data is JSON, but no object");
                return Vec::new();
            }
            // An event without data is a finding of its own.
            Err(_) if event.data.is_empty() => return Vec::new(),
            Err(error) => {
                seen.find("C03", Must, at, format!("the data is not JSON: {error}"));
                return Vec::new();
            }
        };
        if let Some(error) = stream_error(at, &data) {
            seen.completion.errors.push(error);
            self.failed = true;
            // Some gateways put the error into a chunk that says more; an SDK raises before it looks.
            return Vec::new();
        }
        if self.failed {
            seen.find("C03", Should, at, "a chunk after the error");
        }
        self.chunk(at, &data, seen)
    }

    fn unfinished(&mut self, event: &sse::Event, seen: &mut Seen) {
        // The SDKs of this API deliver a last event that lacks its blank line, if it is whole.
        let whole = event.data.starts_with("[DONE]") || serde_json::from_str::<Value>(&event.data).is_ok();
        if whole {
            seen.find("S01", Should, event.span.start, "the last event has no blank line behind it");
            self.step(event, seen);
        }
    }

    fn end(&mut self, seen: &mut Seen) {
        let open: Vec<usize> = self.choices.values().flat_map(|choice| choice.calls.values().copied()).collect();
        for part in open {
            seen.close_call(part);
        }
    }

    fn level(rule: sse::Rule) -> Level {
        match rule {
            // The Python SDK fails on these, or loses the first event.
            sse::Rule::Bom | sse::Rule::Utf8 | sse::Rule::NoData | sse::Rule::EmptyData => Must,
            sse::Rule::BareJson | sse::Rule::TooLong => Must,
            sse::Rule::NoField | sse::Rule::Blank | sse::Rule::ManyLines => Should,
            sse::Rule::LineEnd | sse::Rule::IdOrRetry => Should,
        }
    }
}

impl ChatGrammar {
    fn chunk(&mut self, at: usize, data: &Value, seen: &mut Seen) -> Vec<Say> {
        let id = text_at(data, "id").filter(|id| !id.is_empty());
        let model = text_at(data, "model").filter(|model| !model.is_empty());
        seen.name(id, model);
        let Some(choices) = data.get("choices").and_then(Value::as_array) else {
            seen.find("C06", Must, at, "the chunk has no `choices` list");
            return Vec::new();
        };
        // Azure's first chunk, with the filter results of the prompt, names nothing.
        let nameless = choices.is_empty() && data.get("prompt_filter_results").is_some();
        if !nameless {
            self.same_over_the_stream(at, data, seen);
        }
        if let Some(usage) = data.get("usage").filter(|usage| usage.is_object()) {
            seen.completion.usage = Some(usage.clone());
        }
        if choices.is_empty() && !nameless {
            self.no_choices(at, data, seen);
        }
        let mut said = Vec::new();
        for choice in choices {
            said.extend(self.choice(at, data, choice, seen));
        }
        said
    }

    fn same_over_the_stream(&mut self, at: usize, data: &Value, seen: &mut Seen) {
        for (key, fits) in [
            ("id", data.get("id").is_some_and(Value::is_string)),
            ("object", text_at(data, "object") == Some("chat.completion.chunk")),
            ("created", data.get("created").is_some_and(Value::is_number)),
            ("model", data.get("model").is_some_and(Value::is_string)),
        ] {
            if !fits {
                seen.find("C05", Should, at, format!("the chunk's `{key}` is missing or of another kind"));
            }
        }
        let pick = |key: &str| data.get(key).cloned().unwrap_or(Value::Null);
        let these = (pick("id"), pick("created"), pick("model"));
        let first = self.first.get_or_insert_with(|| these.clone());
        for (key, one, other) in
            [("id", &first.0, &these.0), ("created", &first.1, &these.1), ("model", &first.2, &these.2)]
        {
            if one != other {
                seen.find("C07", Should, at, format!("`{key}` is {other}, but was {one} before"));
            }
        }
    }

    fn no_choices(&mut self, at: usize, data: &Value, seen: &mut Seen) {
        if !data.get("usage").is_some_and(Value::is_object) {
            if data.get("moderation").is_none() {
                seen.find("C33", Should, at, "a chunk with neither choices nor usage");
            }
            return;
        }
        if self.usage_chunk {
            seen.find("C34", Should, at, "a second usage chunk");
        }
        if self.choices.is_empty() || self.choices.values().any(|choice| !choice.finished) {
            seen.find("C34", Should, at, "the usage chunk comes before the last finish_reason");
        }
        self.usage_chunk = true;
        if seen.stage == Stage::Finish {
            seen.reach(Stage::Tail);
        }
    }

    fn choice(&mut self, at: usize, data: &Value, raw: &Value, seen: &mut Seen) -> Vec<Say> {
        let Some(index) = raw.get("index").and_then(Value::as_u64) else {
            seen.find("C08", Must, at, "the choice has no `index`");
            return Vec::new();
        };
        let empty = Map::new();
        let delta = raw.get("delta").and_then(Value::as_object);
        if delta.is_none() && raw.get("content_filter_results").is_none() {
            seen.find("C09", Should, at, "the choice has no `delta` object");
        }
        let delta = delta.unwrap_or(&empty);
        let mut said = Vec::new();
        if self.choices.len() > 128 {
            return said;
        }
        let choice = self.choices.entry(index).or_default();
        let ended = raw.get("finish_reason").and_then(Value::as_str);
        if choice.finished && says_something(delta) {
            seen.find("C18", Should, at, format!("choice {index} goes on after its finish_reason"));
        }
        let mut delta_of = DeltaOf { at, index, choice, seen, said: &mut said };
        delta_of.role(data, delta, ended.is_some());
        delta_of.texts(delta);
        delta_of.calls(delta);
        if let Some(ended) = ended {
            delta_of.finish(ended);
        } else if raw.get("finish_reason").is_some_and(|reason| !reason.is_null()) {
            seen.find("C17", Should, at, "finish_reason is no string");
        }
        said
    }
}

/// Whether a delta carries content.
fn says_something(delta: &Map<String, Value>) -> bool {
    let full = |key| match delta.get(key) {
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(fields)) => !fields.is_empty(),
        _ => false,
    };
    ["content", "refusal", "tool_calls", "function_call", "reasoning_content", "reasoning"].into_iter().any(full)
}

/// One delta of one choice, while it is read.
struct DeltaOf<'a> {
    at: usize,
    index: u64,
    choice: &'a mut Choice,
    seen: &'a mut Seen,
    said: &'a mut Vec<Say>,
}

impl DeltaOf<'_> {
    fn find(&mut self, rule: &str, level: Level, message: impl Into<String>) {
        self.seen.find(rule, level, self.at, message);
    }

    fn role(&mut self, data: &Value, delta: &Map<String, Value>, ends: bool) {
        let id = text_at(data, "id");
        match delta.get("role") {
            None | Some(Value::Null) => {
                self.choice.went_on |= says_something(delta);
                if !self.choice.role && says_something(delta) {
                    self.choice.role = true;
                    self.find("C21", Should, format!("the first delta of choice {} has no role", self.index));
                }
            }
            Some(role) => {
                if role != "assistant" {
                    self.find("C22", Should, format!("the role is {role}, not \"assistant\""));
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

    fn texts(&mut self, delta: &Map<String, Value>) {
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

    fn calls(&mut self, delta: &Map<String, Value>) {
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
                self.find("C25", Should, format!("tool call {index} names its id again"));
            }
            if name.is_some_and(|name| !name.is_empty()) {
                self.find("C27", Should, format!("tool call {index} names its function again"));
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

    fn finish(&mut self, raw: &str) {
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
