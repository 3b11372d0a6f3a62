//! Writing streams as Cohere does.

use serde_json::{Value, json};

use super::errors::{self, uuid};
use crate::answer::{Piece, Rendition, Spoken, Stage};
use crate::api::{ApiError, EncodeContext, FinishReason, PieceKind, Say, StreamWriter, Usage, Written, render};

/// What is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Text,
    Thinking,
    Call,
}

/// Writes events.
#[derive(Debug)]
pub(super) struct CohereWriter {
    id: String,
    begun: bool,
    open: Option<Open>,
    /// Blocks of content that were begun.
    blocks: u64,
    /// Calls that were begun: they are counted apart.
    calls: u64,
    /// Content is out: what comes between is content too.
    content: bool,
}

/// Ids of calls begin with the tool's name.
pub(super) fn call_id(name: &str, id: &str) -> String {
    let end = id.len().checked_sub(12).and_then(|at| id.get(at..)).unwrap_or(id);
    format!("{name}_{}", end.to_lowercase())
}

pub(super) fn raw_finish(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Length => "MAX_TOKENS",
        FinishReason::ToolCalls => "TOOL_CALL",
        // Nothing says that a refusal is one.
        FinishReason::Stop | FinishReason::Refusal | FinishReason::Other => "COMPLETE",
    }
}

pub(super) fn usage(used: Usage) -> Value {
    let tokens = json!({"input_tokens": used.input, "output_tokens": used.output});
    json!({"billed_units": tokens, "tokens": tokens, "cached_tokens": 0})
}

/// The id of an answer.
pub(super) fn answer_id(seed: u64) -> String {
    uuid(seed, "answer")
}

impl CohereWriter {
    pub(super) fn new(context: &EncodeContext) -> Self {
        let id = answer_id(context.seed);
        Self { id, begun: false, open: None, blocks: 0, calls: 0, content: false }
    }

    fn event(&self, data: &Value, piece: Option<(PieceKind, &str)>) -> Written {
        let name = data["type"].as_str().unwrap_or_default();
        Written {
            bytes: format!("event: {name}\ndata: {data}\n\n").into_bytes(),
            stage: if self.content { Stage::Content } else { Stage::Preamble },
            piece: piece.map(|(kind, text)| Piece { kind, text: text.to_owned() }),
        }
    }

    fn close(&mut self) -> Option<Written> {
        let data = match self.open.take()? {
            Open::Call => json!({"type": "tool-call-end", "index": self.calls - 1}),
            Open::Text | Open::Thinking => json!({"type": "content-end", "index": self.blocks - 1}),
        };
        Some(self.event(&data, None))
    }

    fn started(&mut self) -> Vec<Written> {
        if self.begun { Vec::new() } else { self.begin() }
    }

    /// A piece of content, in a block of its kind.
    fn content(&mut self, kind: PieceKind, text: &str) -> Vec<Written> {
        let (open, key) = match kind {
            PieceKind::Thinking => (Open::Thinking, "thinking"),
            _ => (Open::Text, "text"),
        };
        let mut written = self.started();
        if self.open != Some(open) {
            written.extend(self.close());
            let content = json!({"type": key, key: ""});
            let data =
                json!({"type": "content-start", "index": self.blocks, "delta": {"message": {"content": content}}});
            written.push(self.event(&data, None));
            self.blocks += 1;
            self.open = Some(open);
        }
        self.content = true;
        let data = json!({
            "type": "content-delta", "index": self.blocks - 1, "delta": {"message": {"content": {key: text}}}
        });
        written.push(self.event(&data, Some((kind, text))));
        written
    }

    fn call(&mut self, id: &str, name: &str) -> Vec<Written> {
        let mut written = self.started();
        written.extend(self.close());
        self.content = true;
        let call = json!({"id": id, "type": "function", "function": {"name": name, "arguments": ""}});
        let data = json!({"type": "tool-call-start", "index": self.calls, "delta": {"message": {"tool_calls": call}}});
        self.calls += 1;
        self.open = Some(Open::Call);
        written.push(self.event(&data, None));
        written
    }
}

impl StreamWriter for CohereWriter {
    fn begin(&mut self) -> Vec<Written> {
        self.begun = true;
        let message = json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
        let data = json!({"id": self.id, "type": "message-start", "delta": {"message": message}});
        vec![self.event(&data, None)]
    }

    fn say(&mut self, say: &Say) -> Vec<Written> {
        match say {
            Say::Text(text) | Say::Refusal(text) | Say::Thinking(text) | Say::Arguments(text) if text.is_empty() => {
                Vec::new()
            }
            // Nothing says that a refusal is one.
            Say::Text(text) | Say::Refusal(text) => self.content(PieceKind::Text, text),
            Say::Thinking(text) => self.content(PieceKind::Thinking, text),
            // There are no signatures.
            Say::Signature(_) => Vec::new(),
            Say::ToolCall { id, name } => self.call(id, name),
            Say::Arguments(text) => {
                let call = json!({"function": {"arguments": text}});
                let index = self.calls.saturating_sub(1);
                let data =
                    json!({"type": "tool-call-delta", "index": index, "delta": {"message": {"tool_calls": call}}});
                vec![self.event(&data, Some((PieceKind::Arguments, text)))]
            }
        }
    }

    fn finish(&mut self, reason: FinishReason, used: Usage) -> Vec<Written> {
        let mut written = self.started();
        written.extend(self.close());
        let delta = json!({"finish_reason": raw_finish(reason), "usage": usage(used)});
        let end = self.event(&json!({"type": "message-end", "delta": delta}), None);
        written.push(Written { stage: Stage::Finish, ..end });
        written.push(Written { bytes: b"data: [DONE]\n\n".to_vec(), stage: Stage::Terminator, piece: None });
        written
    }

    fn error(&mut self, error: &ApiError) -> Vec<Written> {
        vec![Written { bytes: errors::event(error), stage: Stage::Terminator, piece: None }]
    }
}

/// An answer as a stream.
pub(super) fn render_stream(spoken: &Spoken, context: &EncodeContext) -> Rendition {
    let mut writer = CohereWriter::new(context);
    let mut says = render::says(spoken, str::to_owned);
    for say in &mut says {
        if let Say::ToolCall { id, name } = say {
            *id = call_id(name, id);
        }
    }
    let written = render::stream(&mut writer, &says, spoken, context.input_tokens);
    render::stream_rendition(written, errors::headers("text/event-stream", context.seed))
}
