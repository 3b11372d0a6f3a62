//! The grammar of OpenAI Chat Completions streams (rules C..).
//!
//! MUST where the stream or the stream helper of an official SDK raises, hangs or loses data: each such level was
//! measured with openai 3.54.0 (Python) and openai 6.49.0 (Node). Truncation is no finding: the ending is judged.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::choice::{Choice, DeltaOf, says_something};

use crate::answer::Stage;
use crate::api::body::text_at;
use crate::api::reading::{Grammar, Seen};
use crate::api::{Level, Say, StreamError};
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
    type Source = sse::Decoder;

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
            sse::Rule::LineEnd | sse::Rule::IdOrRetry | sse::Rule::Comment => Should,
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
            seen.find("C09", Must, at, "the choice has no `delta` object");
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
