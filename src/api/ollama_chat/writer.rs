//! Writing streams as Ollama does.

use serde_json::{Value, json};

use super::errors;
use super::message::{call_value, figures, line, moment};
use crate::answer::{Piece, Rendition, Spoken, Stage};
use crate::api::calls::Waiting;
use crate::api::{ApiError, EncodeContext, FinishReason, PieceKind, Say, StreamWriter, Usage, Written, render};
use crate::ndjson;

/// Nanoseconds between two tokens.
const STEP: u64 = 5_000_000;

/// Writes lines.
#[derive(Debug)]
pub(super) struct OllamaWriter {
    context: EncodeContext,
    /// Since the answer's beginning.
    nanos: u64,
    /// A call whose arguments are not whole: this API says calls in one piece.
    call: Option<Waiting>,
    calls: usize,
}

/// Ids of calls are short here; what tells short ones of other vendors apart stands at their end.
pub(super) fn call_id(id: &str) -> String {
    let end = id.len().checked_sub(8).and_then(|at| id.get(at..)).unwrap_or(id);
    format!("call_{}", end.to_lowercase())
}

impl OllamaWriter {
    pub(super) fn new(context: &EncodeContext) -> Self {
        Self { context: context.clone(), nanos: 0, call: None, calls: 0 }
    }

    fn line(&mut self, message: &Value, end: Value) -> Vec<u8> {
        let created = moment(&self.context, self.nanos);
        self.nanos += STEP;
        let mut fields = json!({"model": self.context.model, "created_at": created, "message": message});
        if let (Some(fields), Value::Object(end)) = (fields.as_object_mut(), end) {
            fields.extend(end);
        }
        line(&fields)
    }

    /// A line with content.
    fn content(&mut self, message: &Value, kind: PieceKind, text: &str) -> Written {
        let bytes = self.line(message, json!({"done": false}));
        Written { bytes, stage: Stage::Content, piece: Some(Piece { kind, text: text.to_owned() }) }
    }

    /// The call that waits is whole.
    fn close(&mut self) -> Option<Written> {
        let call = self.call.take()?;
        let value = call_value(&call, self.calls)?;
        self.calls += 1;
        let text = value["function"]["arguments"].to_string();
        let message = json!({"role": "assistant", "content": "", "tool_calls": [value]});
        Some(self.content(&message, PieceKind::Arguments, &text))
    }
}

impl StreamWriter for OllamaWriter {
    fn begin(&mut self) -> Vec<Written> {
        // Nothing precedes content.
        Vec::new()
    }

    fn say(&mut self, say: &Say) -> Vec<Written> {
        if let Say::Arguments(text) = say {
            if let Some(call) = &mut self.call {
                call.push(text);
            }
            return Vec::new();
        }
        let mut written: Vec<Written> = self.close().into_iter().collect();
        match say {
            Say::Text(text) | Say::Thinking(text) | Say::Refusal(text) if text.is_empty() => {}
            // Nothing says that a refusal is one.
            Say::Text(text) | Say::Refusal(text) => {
                let message = json!({"role": "assistant", "content": text});
                written.push(self.content(&message, PieceKind::Text, text));
            }
            Say::Thinking(text) => {
                let message = json!({"role": "assistant", "content": "", "thinking": text});
                written.push(self.content(&message, PieceKind::Thinking, text));
            }
            Say::ToolCall { id, name } => self.call = Some(Waiting::new(id, name)),
            // There are no signatures.
            Say::Signature(_) | Say::Arguments(_) => {}
        }
        written
    }

    fn finish(&mut self, reason: FinishReason, used: Usage) -> Vec<Written> {
        let mut written: Vec<Written> = self.close().into_iter().collect();
        let end = figures(self.context.seed, reason, used);
        let bytes = self.line(&json!({"role": "assistant", "content": ""}), end);
        written.push(Written { bytes, stage: Stage::Terminator, piece: None });
        written
    }

    fn error(&mut self, error: &ApiError) -> Vec<Written> {
        vec![Written { bytes: errors::event(error), stage: Stage::Terminator, piece: None }]
    }
}

/// An answer as a stream.
pub(super) fn render_stream(spoken: &Spoken, context: &EncodeContext) -> Rendition {
    let mut writer = OllamaWriter::new(context);
    let says = render::says(spoken, call_id);
    let written = render::stream(&mut writer, &says, spoken, context.input_tokens);
    render::stream_rendition(written, errors::headers(ndjson::MEDIA_TYPE))
}
