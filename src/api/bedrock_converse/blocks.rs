//! The blocks of a ConverseStream: how they begin, go on and end. Text and reasoning begin with their first delta.

use serde_json::Value;

use super::grammar::ConverseGrammar;
use crate::answer::Stage;
use crate::api::body::text_at;
use crate::api::reading::Seen;
use crate::api::{Level, Part, PieceKind, Say};

use Level::{Must, Should};

/// Blocks that are kept of one stream.
const MOST: usize = 10_000;

/// A block of the message.
#[derive(Debug)]
pub(super) struct Block {
    kind: Kind,
    pub(super) part: usize,
    ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    Tool,
    /// Images, results of tools, and what is not known here.
    Other,
}

impl ConverseGrammar {
    pub(super) fn block_start(&mut self, at: usize, index: u64, data: &Value, seen: &mut Seen) -> Vec<Say> {
        let start = data.get("start").unwrap_or(&Value::Null);
        let Some(call) = start.get("toolUse") else {
            if start.get("toolResult").or(start.get("image")).is_none() {
                seen.find("B10", Should, at, "a block that is no tool's has no `contentBlockStart` here");
            }
            // What it will be is told by its deltas; nothing is to be followed of images and results.
            if start.as_object().is_some_and(|start| !start.is_empty()) {
                self.begin(at, index, Kind::Other, Part::Other(start.clone()), seen);
            }
            return Vec::new();
        };
        let id = text_at(call, "toolUseId").unwrap_or_default().to_owned();
        let name = text_at(call, "name").unwrap_or_default().to_owned();
        if id.is_empty() || name.is_empty() {
            seen.find("B09", Must, at, "the tool call begins without toolUseId or name");
        }
        let part = Part::ToolCall { id: id.clone(), name: name.clone(), arguments: Value::String(String::new()) };
        if !self.begin(at, index, Kind::Tool, part, seen) {
            return Vec::new();
        }
        seen.reach(Stage::Content);
        vec![Say::ToolCall { id, name }]
    }

    pub(super) fn block_delta(&mut self, at: usize, index: u64, data: &Value, seen: &mut Seen) -> Vec<Say> {
        let delta = data.get("delta").unwrap_or(&Value::Null);
        if let Some(text) = text_at(delta, "text") {
            let begin = || Part::text(String::new());
            let Some(part) = self.part(at, index, Kind::Text, begin, seen) else { return Vec::new() };
            return said(at, PieceKind::Text, part, text, Say::Text, seen);
        }
        if let Some(call) = delta.get("toolUse") {
            if !self.blocks.contains_key(&index) {
                seen.find("B09", Must, at, format!("input for call {index}, which never began: nobody knows its name"));
                return Vec::new();
            }
            let nothing = || Part::Other(Value::Null);
            let Some(part) = self.part(at, index, Kind::Tool, nothing, seen) else { return Vec::new() };
            let input = text_at(call, "input").unwrap_or_default();
            return said(at, PieceKind::Arguments, part, input, Say::Arguments, seen);
        }
        if let Some(reasoning) = delta.get("reasoningContent") {
            return self.reasoning(at, index, reasoning, seen);
        }
        if ["citation", "image", "toolResult"].iter().all(|known| delta.get(known).is_none()) {
            seen.find("B17", Should, at, "a delta that is none of this API");
        }
        Vec::new()
    }

    fn reasoning(&mut self, at: usize, index: u64, reasoning: &Value, seen: &mut Seen) -> Vec<Say> {
        let begin = || Part::Thinking { text: String::new(), signature: None };
        let Some(part) = self.part(at, index, Kind::Thinking, begin, seen) else { return Vec::new() };
        if let Some(text) = text_at(reasoning, "text") {
            return said(at, PieceKind::Thinking, part, text, Say::Thinking, seen);
        }
        let Some(signature) = text_at(reasoning, "signature") else { return Vec::new() };
        seen.reach(Stage::Content);
        if let Some(Part::Thinking { signature: slot, .. }) = seen.completion.parts.get_mut(part) {
            *slot = Some(signature.to_owned());
        }
        vec![Say::Signature(signature.to_owned())]
    }

    pub(super) fn block_stop(&mut self, at: usize, index: u64, seen: &mut Seen) {
        match self.blocks.get_mut(&index).filter(|block| !block.ended) {
            Some(block) => {
                block.ended = true;
                seen.close_call(block.part);
            }
            None => seen.find("B12", Should, at, format!("block {index} ends, but is not open")),
        }
        self.open = None;
    }

    /// The part that a delta of a kind belongs to, begun where it is the first; `None` where clients lose it.
    fn part(
        &mut self,
        at: usize,
        index: u64,
        kind: Kind,
        begin: impl FnOnce() -> Part,
        seen: &mut Seen,
    ) -> Option<usize> {
        if !self.blocks.contains_key(&index) && !self.begin(at, index, kind, begin(), seen) {
            return None;
        }
        let block = self.blocks.get(&index)?;
        if block.kind != kind {
            seen.find("B10", Must, at, format!("block {index} is of another kind than this delta: clients lose it"));
            return None;
        }
        if block.ended {
            seen.find("B12", Should, at, format!("block {index} goes on, but has ended"));
        }
        Some(block.part)
    }

    /// Begins a block, unless there are too many.
    fn begin(&mut self, at: usize, index: u64, kind: Kind, part: Part, seen: &mut Seen) -> bool {
        let next = self.blocks.len() as u64;
        if index != next {
            seen.find("B08", Should, at, format!("the block's index is {index}, but {next} is next"));
        }
        if let Some(open) = self.open {
            seen.find("B08", Should, at, format!("block {index} begins while block {open} is open"));
        }
        if self.blocks.len() >= MOST {
            return false;
        }
        let part = seen.part(part);
        self.blocks.insert(index, Block { kind, part, ended: false });
        self.open = Some(index);
        true
    }
}

fn said(at: usize, kind: PieceKind, part: usize, text: &str, say: fn(String) -> Say, seen: &mut Seen) -> Vec<Say> {
    if text.is_empty() {
        return Vec::new();
    }
    seen.content(at, kind, part, text);
    vec![say(text.to_owned())]
}
