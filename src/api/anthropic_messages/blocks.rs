//! The blocks of an Anthropic Messages stream: how they begin, go on and end.

use serde_json::Value;

use super::grammar::{MessagesGrammar, State};
use crate::answer::Stage;
use crate::api::body::text_at;
use crate::api::reading::Seen;
use crate::api::{Level, Part, PieceKind, Say};

use Level::{Must, Should};

/// A block of the message.
#[derive(Debug)]
pub(super) struct Block {
    kind: String,
    pub(super) part: usize,
    /// The signature is out.
    signed: bool,
}

/// Which deltas a block of a kind takes; `None` for a kind that is not known here.
fn allowed(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "text" => &["text_delta", "citations_delta"],
        "thinking" => &["thinking_delta", "signature_delta"],
        "redacted_thinking" => &[],
        "tool_use" | "server_tool_use" | "mcp_tool_use" => &["input_json_delta"],
        "compaction" => &["compaction_delta"],
        kind if kind.ends_with("_tool_result") => &[],
        _ => return None,
    })
}

impl MessagesGrammar {
    pub(super) fn block_start(&mut self, at: usize, data: &Value, seen: &mut Seen) -> Vec<Say> {
        if self.state == State::Delta {
            seen.find("A24", Should, at, "a block begins after `message_delta`");
        }
        let null = Value::Null;
        let block = data.get("content_block").unwrap_or(&null);
        let kind = text_at(block, "type").unwrap_or_default().to_owned();
        let next = self.blocks.len() as u64;
        let index = data.get("index").and_then(Value::as_u64);
        if index != Some(next) {
            let index = data.get("index").unwrap_or(&null);
            seen.find("A11", Must, at, format!("the block's index is {index}, but {next} is next"));
        }
        if let Some(open) = self.open {
            seen.find("A15", Should, at, format!("the block begins while block {open} is open"));
        }
        if allowed(&kind).is_none() {
            seen.find("A16", Should, at, format!("`{kind}` is no kind of block of this API"));
        }
        let index = index.unwrap_or(next);
        let mut said = Vec::new();
        if self.blocks.len() >= 10_000 {
            return said;
        }
        let part = seen.part(begin_part(&kind, block));
        match kind.as_str() {
            "tool_use" => {
                let (id, name) = (text_at(block, "id").unwrap_or_default(), text_at(block, "name").unwrap_or_default());
                if id.is_empty() || name.is_empty() {
                    seen.find("A16", Must, at, "the tool call begins without id or name");
                }
                seen.reach(Stage::Content);
                said.push(Say::ToolCall { id: id.to_owned(), name: name.to_owned() });
                if let Some(input) = block.get("input").filter(|input| input.as_object().is_some_and(|i| !i.is_empty()))
                {
                    let input = input.to_string();
                    seen.content(at, PieceKind::Arguments, part, &input);
                    said.push(Say::Arguments(input));
                }
            }
            "text" => {
                let text = text_at(block, "text").unwrap_or_default();
                if !text.is_empty() {
                    seen.content(at, PieceKind::Text, part, text);
                    said.push(Say::Text(text.to_owned()));
                }
            }
            _ => {}
        }
        self.blocks.insert(index, Block { kind, part, signed: false });
        self.open = Some(index);
        said
    }

    pub(super) fn block_delta(&mut self, at: usize, data: &Value, seen: &mut Seen) -> Vec<Say> {
        let index = data.get("index").and_then(Value::as_u64);
        let Some(block) = index.and_then(|index| self.blocks.get_mut(&index)) else {
            let index = data.get("index").unwrap_or(&Value::Null);
            seen.find("A13", Must, at, format!("a delta for block {index}, which never began"));
            return Vec::new();
        };
        if self.open != index {
            seen.find("A13", Should, at, "a delta for a block that is not open");
        }
        let null = Value::Null;
        let delta = data.get("delta").unwrap_or(&null);
        let kind = text_at(delta, "type").unwrap_or_default();
        if allowed(&block.kind).is_some_and(|allowed| !allowed.contains(&kind)) {
            seen.find("A14", Must, at, format!("`{kind}` in a `{}` block: clients lose it", block.kind));
        }
        let take = |key: &str| text_at(delta, key).unwrap_or_default();
        let (piece, text, say): (_, _, fn(String) -> Say) = match kind {
            "text_delta" => (PieceKind::Text, take("text"), Say::Text),
            "thinking_delta" => (PieceKind::Thinking, take("thinking"), Say::Thinking),
            "input_json_delta" if block.kind == "tool_use" => {
                (PieceKind::Arguments, take("partial_json"), Say::Arguments)
            }
            "signature_delta" => {
                if block.signed {
                    seen.find("A17", Should, at, "a second signature");
                }
                block.signed = true;
                let signature = take("signature").to_owned();
                if signature.is_empty() {
                    // Servers of other vendors' models sign with nothing.
                    return Vec::new();
                }
                seen.reach(Stage::Content);
                if let Some(Part::Thinking { signature: slot, .. }) = seen.completion.parts.get_mut(block.part) {
                    *slot = Some(signature.clone());
                }
                return vec![Say::Signature(signature)];
            }
            _ => return Vec::new(),
        };
        if block.signed && piece == PieceKind::Thinking {
            seen.find("A17", Should, at, "thinking goes on after its signature");
        }
        if text.is_empty() {
            return Vec::new();
        }
        seen.content(at, piece, block.part, text);
        vec![say(text.to_owned())]
    }

    pub(super) fn block_stop(&mut self, at: usize, data: &Value, seen: &mut Seen) {
        let index = data.get("index").and_then(Value::as_u64);
        if index.is_none() || self.open != index {
            let index = data.get("index").unwrap_or(&Value::Null);
            let began = index.as_u64().is_some_and(|index| self.blocks.contains_key(&index));
            let level = if began { Should } else { Must };
            seen.find("A13", level, at, format!("block {index} ends, but is not open"));
        }
        self.open = None;
        if let Some(block) = index.and_then(|index| self.blocks.get(&index)) {
            seen.close_call(block.part);
        }
    }
}

/// The part that a block begins.
fn begin_part(kind: &str, block: &Value) -> Part {
    match kind {
        "text" => Part::text(String::new()),
        "thinking" => {
            Part::Thinking { text: text_at(block, "thinking").unwrap_or_default().to_owned(), signature: None }
        }
        "tool_use" => Part::ToolCall {
            id: text_at(block, "id").unwrap_or_default().to_owned(),
            name: text_at(block, "name").unwrap_or_default().to_owned(),
            arguments: Value::String(String::new()),
        },
        _ => Part::Other(block.clone()),
    }
}
