//! The grammar of Ollama's streams (rules O..).
//!
//! MUST where the official Python client (ollama 0.6.3) raises or loses what is said: it reads each line as JSON, raises
//! an `error` that stands in it, and checks the types of the rest. Truncation is no finding: the ending is judged.

use serde_json::Value;

use super::message::{Messages, finish_reason};
use crate::api::body::text_at;
use crate::api::reading::{Grammar, Seen};
use crate::api::{FinishReason, Level, Say, StreamError};
use crate::ndjson;

use Level::{Must, Should};

/// Where the stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Start,
    Message,
    /// Behind the line that is done, or an error.
    End,
}

/// Reads lines, and knows which may follow which.
#[derive(Debug, Default)]
pub(super) struct OllamaGrammar {
    state: State,
    model: Option<String>,
    messages: Messages,
}

impl Grammar for OllamaGrammar {
    type Source = ndjson::Decoder;

    fn step(&mut self, line: &ndjson::Line, seen: &mut Seen) -> Vec<Say> {
        let at = line.span.start;
        if line.data.contains(['\u{85}', '\u{2028}', '\u{2029}']) {
            seen.find("O02", Must, at, "the line holds a character at which SDKs break lines: it has to be escaped");
        }
        let data = match serde_json::from_str::<Value>(&line.data) {
            Ok(data) if data.is_object() => data,
            Ok(_) => {
                seen.find("O01", Must, at, "the line is JSON, but no object");
                return Vec::new();
            }
            Err(error) => {
                seen.find("O01", Must, at, format!("the line is not JSON: {error}"));
                return Vec::new();
            }
        };
        if self.state == State::End {
            seen.find("O08", Should, at, "a line behind the end");
        }
        if let Some(error) = data.get("error").filter(|error| !is_nothing(error)) {
            let message = error.as_str().map_or_else(|| error.to_string(), str::to_owned);
            seen.completion.errors.push(StreamError { offset: at, kind: None, message, visible: true });
            self.state = State::End;
            return Vec::new();
        }
        self.begin(at, &data, seen);
        let said = match data.get("message") {
            Some(message) if message.is_object() => self.messages.message(at, message, seen),
            _ => {
                seen.find("O03", Must, at, "the line has no `message`, without which SDKs do not read it");
                Vec::new()
            }
        };
        match data.get("done") {
            Some(Value::Bool(true)) => self.done(at, &data, seen),
            Some(Value::Bool(false)) => {}
            _ => seen.find("O09", Should, at, "the line does not say whether it is `done`"),
        }
        said
    }

    fn unfinished(&mut self, line: &ndjson::Line, seen: &mut Seen) {
        // Clients read a last line without its end, if it is whole.
        if serde_json::from_str::<Value>(&line.data).is_ok() {
            seen.find("O10", Should, line.span.start, "the last line has no end");
            self.step(line, seen);
        }
    }

    fn end(&mut self, _seen: &mut Seen) {}

    fn level(_rule: ndjson::Rule) -> Level {
        // The clients take a blank line for JSON, too.
        Must
    }
}

/// Whether a client takes an `error` for none.
fn is_nothing(error: &Value) -> bool {
    matches!(error, Value::Null | Value::Bool(false)) || *error == ""
}

impl OllamaGrammar {
    fn begin(&mut self, at: usize, data: &Value, seen: &mut Seen) {
        let model = text_at(data, "model");
        if self.state == State::Start {
            self.state = State::Message;
            seen.start(at, None, model);
        } else {
            seen.name(None, model);
        }
        let Some(model) = model else {
            seen.find("O11", Should, at, "the line names no model");
            return;
        };
        let first = self.model.get_or_insert_with(|| model.to_owned());
        if first != model {
            seen.find("O11", Should, at, format!("`model` is {model:?}, but was {first:?} before"));
        }
    }

    /// The last line: why the answer ended, and what it took.
    fn done(&mut self, at: usize, data: &Value, seen: &mut Seen) {
        self.state = State::End;
        let raw = text_at(data, "done_reason").unwrap_or_default();
        let reason = finish_reason(raw, self.messages.calls > 0);
        if reason.is_none() {
            seen.find("O12", Should, at, format!("done_reason `{raw}` is not one of this API"));
        }
        seen.finish(at, reason.unwrap_or(FinishReason::Other), raw);
        match usage(data) {
            Some(usage) => seen.completion.usage = Some(usage),
            None => seen.find("O13", Should, at, "the last line has no `eval_count`"),
        }
        seen.terminator(at);
    }
}

/// What an answer took, where it says so.
pub(super) fn usage(data: &Value) -> Option<Value> {
    let keys = ["prompt_eval_count", "eval_count"];
    let counts = keys.into_iter().filter_map(|key| Some((key.to_owned(), data.get(key)?.clone())));
    let counts: serde_json::Map<String, Value> = counts.collect();
    (!counts.is_empty()).then_some(Value::Object(counts))
}
