//! The blocks and calls of a stream: how they begin, go on and end. They are counted apart.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::answer::Stage;
use crate::api::body::text_at;
use crate::api::reading::Seen;
use crate::api::{Level, Part, PieceKind, Say};

use Level::{Must, Should};

/// Blocks, and calls, that are kept of one stream.
const MOST: usize = 10_000;

/// What has begun.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// Parts of the content by index.
    content: BTreeMap<u64, usize>,
    /// Parts of calls by index.
    calls: BTreeMap<u64, usize>,
    /// The part of the plan.
    plan: Option<usize>,
    /// What is open: whether it is a call, and its index.
    open: Option<(bool, u64)>,
}

impl Blocks {
    /// What is open, in words.
    pub(super) fn open(&self) -> Option<String> {
        self.open.map(|(call, index)| format!("{} {index}", if call { "call" } else { "block" }))
    }

    /// No more arguments come.
    pub(super) fn close_calls(&self, seen: &mut Seen) {
        for part in self.calls.values() {
            seen.close_call(*part);
        }
    }

    pub(super) fn content_start(&mut self, at: usize, data: &Value, message: &Value, seen: &mut Seen) -> Vec<Say> {
        let content = message.get("content").unwrap_or(&Value::Null);
        let (part, kind, text) = match text_at(content, "type") {
            Some("thinking") => {
                (Part::Thinking { text: String::new(), signature: None }, PieceKind::Thinking, "thinking")
            }
            Some("text") => (Part::text(String::new()), PieceKind::Text, "text"),
            other => {
                let other = other.unwrap_or("missing");
                seen.find("H10", Should, at, format!("the block's type is {other}"));
                (Part::text(String::new()), PieceKind::Text, "text")
            }
        };
        let Some(part) = self.begin(at, false, data, part, seen) else { return Vec::new() };
        said(at, kind, part, text_at(content, text).unwrap_or_default(), seen)
    }

    pub(super) fn content_delta(&mut self, at: usize, data: &Value, message: &Value, seen: &mut Seen) -> Vec<Say> {
        let content = message.get("content").unwrap_or(&Value::Null);
        let found = [("text", PieceKind::Text), ("thinking", PieceKind::Thinking)]
            .into_iter()
            .find_map(|(key, kind)| Some((kind, text_at(content, key)?)));
        let Some((kind, text)) = found else {
            seen.find("H11", Should, at, "a delta with neither text nor thinking");
            return Vec::new();
        };
        let index = index(data);
        if self.open != Some((false, index)) {
            seen.find("H09", Should, at, format!("a delta for block {index}, which is not open"));
        }
        let known = self.content.get(&index).copied();
        let fits = known.filter(|part| match seen.completion.parts.get(*part) {
            Some(Part::Thinking { .. }) => kind == PieceKind::Thinking,
            Some(_) => kind == PieceKind::Text,
            None => false,
        });
        let part = fits.unwrap_or_else(|| {
            if known.is_some() {
                seen.find("H11", Should, at, format!("block {index} is of another kind than this delta"));
            }
            // Clients take a delta for what it says, wherever it stands.
            let part = match kind {
                PieceKind::Thinking => Part::Thinking { text: String::new(), signature: None },
                _ => Part::text(String::new()),
            };
            let part = seen.part(part);
            if self.content.len() < MOST {
                self.content.insert(index, part);
            }
            part
        });
        said(at, kind, part, text, seen)
    }

    /// What the model means to do with its tools.
    pub(super) fn plan(&mut self, at: usize, message: &Value, seen: &mut Seen) -> Vec<Say> {
        let text = text_at(message, "tool_plan").unwrap_or_default();
        if text.is_empty() {
            return Vec::new();
        }
        let begin = || seen.part(Part::Thinking { text: String::new(), signature: None });
        let part = *self.plan.get_or_insert_with(begin);
        said(at, PieceKind::Thinking, part, text, seen)
    }

    pub(super) fn call_start(&mut self, at: usize, data: &Value, message: &Value, seen: &mut Seen) -> Vec<Say> {
        let call = message.get("tool_calls").unwrap_or(&Value::Null);
        let function = call.get("function").unwrap_or(&Value::Null);
        let id = text_at(call, "id").unwrap_or_default().to_owned();
        let name = text_at(function, "name").unwrap_or_default().to_owned();
        if id.is_empty() || name.is_empty() {
            seen.find("H10", Must, at, "the tool call begins without id or name");
        }
        let part = Part::ToolCall { id: id.clone(), name: name.clone(), arguments: Value::String(String::new()) };
        let Some(part) = self.begin(at, true, data, part, seen) else { return Vec::new() };
        seen.reach(Stage::Content);
        let mut says = vec![Say::ToolCall { id, name }];
        says.extend(said(at, PieceKind::Arguments, part, text_at(function, "arguments").unwrap_or_default(), seen));
        says
    }

    pub(super) fn call_delta(&mut self, at: usize, data: &Value, message: &Value, seen: &mut Seen) -> Vec<Say> {
        let index = index(data);
        let Some(part) = self.calls.get(&index).copied() else {
            seen.find("H09", Must, at, format!("arguments for call {index}, which never began: nobody knows its name"));
            return Vec::new();
        };
        if self.open != Some((true, index)) {
            seen.find("H09", Should, at, format!("arguments for call {index}, which is not open"));
        }
        let arguments = message.pointer("/tool_calls/function/arguments").and_then(Value::as_str);
        said(at, PieceKind::Arguments, part, arguments.unwrap_or_default(), seen)
    }

    pub(super) fn end(&mut self, at: usize, kind: &str, data: &Value, seen: &mut Seen) {
        let (call, index) = (kind == "tool-call-end", index(data));
        if self.open != Some((call, index)) {
            seen.find("H12", Should, at, format!("`{kind}` for {index}, which is not open"));
        }
        self.open = None;
        if let Some(part) = self.calls.get(&index).filter(|_| call) {
            seen.close_call(*part);
        }
    }

    /// Begins a block or a call, unless there are too many.
    fn begin(&mut self, at: usize, call: bool, data: &Value, part: Part, seen: &mut Seen) -> Option<usize> {
        if let Some(open) = self.open() {
            seen.find("H08", Should, at, format!("another begins while {open} is open"));
        }
        let known = if call { &mut self.calls } else { &mut self.content };
        let (index, next) = (index(data), known.len() as u64);
        if index != next {
            seen.find("H08", Should, at, format!("the index is {index}, but {next} is next"));
        }
        if known.len() >= MOST {
            return None;
        }
        let part = seen.part(part);
        known.insert(index, part);
        self.open = Some((call, index));
        Some(part)
    }
}

fn index(data: &Value) -> u64 {
    data.get("index").and_then(Value::as_u64).unwrap_or_default()
}

fn said(at: usize, kind: PieceKind, part: usize, text: &str, seen: &mut Seen) -> Vec<Say> {
    if text.is_empty() {
        return Vec::new();
    }
    seen.content(at, kind, part, text);
    vec![match kind {
        PieceKind::Thinking => Say::Thinking(text.to_owned()),
        PieceKind::Arguments => Say::Arguments(text.to_owned()),
        PieceKind::Text | PieceKind::Refusal => Say::Text(text.to_owned()),
    }]
}
