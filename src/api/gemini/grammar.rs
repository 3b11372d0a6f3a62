//! The grammar of Gemini streams (rules G..).
//!
//! MUST where the official SDK raises: measured with google-genai 3.4.0 (Python). Truncation is no finding: the ending
//! is judged.

use serde_json::Value;

use super::parts::{PartsReader, word};
use crate::api::body::text_at;
use crate::api::reading::{Grammar, Seen};
use crate::api::{FinishReason, Level, Say, StreamError};
use crate::sse;

use Level::{Must, Should};

/// Reads chunks, and knows which may follow which.
#[derive(Debug, Default)]
pub(super) struct GeminiGrammar {
    begun: bool,
    response_id: Option<String>,
    parts: PartsReader,
    finished: bool,
    failed: bool,
    /// The chunks are items of an array, whose end is its last bracket.
    array: bool,
}

impl Grammar for GeminiGrammar {
    type Source = sse::Decoder;

    fn step(&mut self, event: &sse::Event, seen: &mut Seen) -> Vec<Say> {
        let at = event.span.start;
        if event.name.is_some() {
            seen.find("G01", Must, at, "the event has an `event:` line; this API's events are `data:` lines alone");
        }
        if event.data.starts_with("[DONE]") {
            seen.find("G02", Must, at, "`[DONE]`, which this API does not have");
            return Vec::new();
        }
        match serde_json::from_str::<Value>(&event.data) {
            Ok(data) => self.chunk(at, &data, seen),
            // An event without data is a finding of its own.
            Err(_) if event.data.is_empty() => Vec::new(),
            Err(error) => {
                seen.find("G03", Must, at, format!("the data is not JSON: {error}"));
                Vec::new()
            }
        }
    }

    fn unfinished(&mut self, event: &sse::Event, seen: &mut Seen) {
        // The SDK delivers a last event that lacks its blank line, if it is whole.
        if serde_json::from_str::<Value>(&event.data).is_ok() {
            seen.find("S01", Should, event.span.start, "the last event has no blank line behind it");
            self.step(event, seen);
        }
    }

    fn end(&mut self, _seen: &mut Seen) {}

    fn level(rule: sse::Rule) -> Level {
        match rule {
            // The SDK takes every line that does not begin with `data: ` for JSON, and each line for itself.
            sse::Rule::Bom | sse::Rule::NoField | sse::Rule::BareJson | sse::Rule::Blank | sse::Rule::ManyLines => Must,
            sse::Rule::IdOrRetry | sse::Rule::NoData | sse::Rule::Comment | sse::Rule::TooLong => Must,
            sse::Rule::Utf8 | sse::Rule::EmptyData | sse::Rule::LineEnd => Should,
        }
    }

    fn ignores(rule: sse::Rule) -> bool {
        // This vendor ends lines in CR LF.
        rule == sse::Rule::LineEnd
    }
}

impl GeminiGrammar {
    /// For the items of an array.
    pub(super) fn of_array() -> Self {
        Self { array: true, ..Self::default() }
    }

    /// One chunk: the data of an event, or an item of the array.
    pub(super) fn chunk(&mut self, at: usize, data: &Value, seen: &mut Seen) -> Vec<Say> {
        if !data.is_object() {
            seen.find("G04", Must, at, "the data is JSON, but no object");
            return Vec::new();
        }
        if self.failed {
            seen.find("G13", Should, at, "a chunk after the error");
        }
        if let Some(error) = stream_error(at, data) {
            seen.completion.errors.push(error);
            self.failed = true;
            return Vec::new();
        }
        self.name(at, data, seen);
        if let Some(usage) = data.get("usageMetadata").filter(|usage| usage.is_object()) {
            seen.completion.usage = Some(usage.clone());
        }
        let candidates = data.get("candidates").and_then(Value::as_array);
        let blocked = data.pointer("/promptFeedback/blockReason").and_then(word);
        let known = ["candidates", "promptFeedback", "usageMetadata"];
        if known.iter().all(|key| data.get(key).is_none()) {
            seen.find("G09", Should, at, "a chunk with neither candidates nor usage");
        }
        // Further candidates are no part of the answer that is followed.
        let is_first = |candidate: &&Value| candidate.get("index").is_none_or(|index| *index == 0);
        let candidate = candidates.into_iter().flatten().find(is_first);
        let said = candidate.map(|candidate| self.candidate(at, candidate, seen)).unwrap_or_default();
        if let Some(raw) = blocked.filter(|_| candidates.is_none_or(Vec::is_empty)) {
            self.finish(at, FinishReason::Refusal, &raw, seen);
        }
        said
    }

    fn name(&mut self, at: usize, data: &Value, seen: &mut Seen) {
        let (id, model) = (text_at(data, "responseId"), text_at(data, "modelVersion"));
        if std::mem::replace(&mut self.begun, true) {
            seen.name(id, model);
        } else {
            seen.start(at, id, model);
        }
        let Some(id) = id else { return };
        let first = self.response_id.get_or_insert_with(|| id.to_owned());
        if first != id {
            seen.find("G05", Should, at, format!("`responseId` is {id:?}, but was {first:?} before"));
        }
    }

    fn candidate(&mut self, at: usize, candidate: &Value, seen: &mut Seen) -> Vec<Say> {
        let said = self.parts.candidate(at, candidate, seen);
        if self.finished && !said.is_empty() {
            // Seen of the vendor itself.
            seen.find("G07", Should, at, "content after a finishReason");
        }
        let raw = candidate.get("finishReason").and_then(word);
        // The number 0, and its name, stand for none.
        if let Some(raw) = raw.filter(|raw| raw != "0" && raw != "FINISH_REASON_UNSPECIFIED") {
            let reason = self.parts.reason(&raw);
            if reason.is_none() {
                seen.find("G10", Should, at, format!("finishReason `{raw}` is not one of this API"));
            }
            self.finish(at, reason.unwrap_or(FinishReason::Other), &raw, seen);
        }
        said
    }

    /// Events have no end mark: nothing has to follow a finish.
    fn finish(&mut self, at: usize, reason: FinishReason, raw: &str, seen: &mut Seen) {
        self.finished = true;
        seen.finish(at, reason, raw);
        if !self.array {
            // Where content and another finish follow, the last is the end.
            seen.completion.terminator = None;
            seen.terminator(at);
        }
    }
}

/// An error object as the SDK reads it.
fn stream_error(offset: usize, data: &Value) -> Option<StreamError> {
    let error = data.get("error").filter(|error| !error.is_null())?;
    let message = text_at(error, "message").or(error.as_str()).map_or_else(|| error.to_string(), str::to_owned);
    Some(StreamError { offset, kind: text_at(error, "status").map(str::to_owned), message, visible: true })
}
