//! Writing ConverseStreams as Bedrock does.

use serde_json::{Value, json};

use crate::answer::{Piece, Rendition, Spoken, Stage};
use crate::api::bedrock;
use crate::api::seeded::Seeded;
use crate::api::{ApiError, EncodeContext, FinishReason, PieceKind, Say, StreamWriter, Usage, Written, render};
use crate::eventstream;

/// What kind of block is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    Tool,
}

/// Writes events.
#[derive(Debug)]
pub(super) struct ConverseWriter {
    latency: u64,
    /// Lengths of the padding: by place alone, so that byte n stands in the same place of every answer of the same
    /// shape.
    padding: Seeded,
    begun: bool,
    /// Blocks that were begun.
    blocks: u64,
    open: Option<Kind>,
    /// Content is out: what comes between is content too.
    content: bool,
    /// The model refused, in words.
    refused: bool,
}

/// Ids of calls begin with a word; a script's id has 24 characters.
pub(super) fn call_id(id: &str) -> String {
    format!("tooluse_{}", id.get(2..).unwrap_or(id))
}

pub(super) fn raw_finish(reason: FinishReason, refused: bool) -> &'static str {
    match reason {
        FinishReason::Length => "max_tokens",
        FinishReason::ToolCalls => "tool_use",
        FinishReason::Refusal => "content_filtered",
        // Elsewhere a refusal in words ends like any other answer.
        FinishReason::Stop if refused => "content_filtered",
        FinishReason::Stop | FinishReason::Other => "end_turn",
    }
}

pub(super) fn usage(used: Usage) -> Value {
    json!({
        "inputTokens": used.input,
        "outputTokens": used.output,
        "serverToolUsage": {},
        "totalTokens": used.input + used.output,
    })
}

impl ConverseWriter {
    pub(super) fn new(context: &EncodeContext) -> Self {
        Self {
            latency: bedrock::latency(context.seed),
            padding: Seeded::new(0, "padding"),
            begun: false,
            blocks: 0,
            open: None,
            content: false,
            refused: false,
        }
    }

    /// An event.
    fn event(&mut self, name: &str, data: &Value, stage: Stage, piece: Option<Piece>) -> Written {
        let payload = bedrock::padded(data, &mut self.padding);
        Written { bytes: eventstream::json("event", name, payload.as_bytes()), stage, piece }
    }

    /// How far the stream is while no content comes with an event.
    fn stage(&self) -> Stage {
        if self.content { Stage::Content } else { Stage::Preamble }
    }

    fn close(&mut self) -> Option<Written> {
        self.open.take()?;
        let data = json!({"contentBlockIndex": self.blocks - 1});
        Some(self.event("contentBlockStop", &data, self.stage(), None))
    }

    /// Makes sure that a block of this kind is open. Only a tool's says so.
    fn block(&mut self, kind: Kind, start: Option<&Value>) -> Vec<Written> {
        let mut written = if self.begun { Vec::new() } else { self.begin() };
        if self.open == Some(kind) && kind != Kind::Tool {
            return written;
        }
        written.extend(self.close());
        if let Some(start) = start {
            self.content = true;
            let data = json!({"contentBlockIndex": self.blocks, "start": start});
            written.push(self.event("contentBlockStart", &data, Stage::Content, None));
        }
        self.blocks += 1;
        self.open = Some(kind);
        written
    }

    fn delta(&mut self, delta: &Value, piece: Option<(PieceKind, &str)>) -> Written {
        self.content = true;
        let data = json!({"contentBlockIndex": self.blocks.saturating_sub(1), "delta": delta});
        let piece = piece.map(|(kind, text)| Piece { kind, text: text.to_owned() });
        self.event("contentBlockDelta", &data, Stage::Content, piece)
    }
}

impl StreamWriter for ConverseWriter {
    fn begin(&mut self) -> Vec<Written> {
        self.begun = true;
        vec![self.event("messageStart", &json!({"role": "assistant"}), Stage::Preamble, None)]
    }

    fn say(&mut self, say: &Say) -> Vec<Written> {
        match say {
            Say::Text(text) | Say::Refusal(text) | Say::Thinking(text) | Say::Arguments(text) if text.is_empty() => {
                Vec::new()
            }
            // A refusal is text here; only the stop reason says what it is.
            Say::Text(text) | Say::Refusal(text) => {
                self.refused |= matches!(say, Say::Refusal(_));
                let mut written = self.block(Kind::Text, None);
                written.push(self.delta(&json!({ "text": text }), Some((PieceKind::Text, text))));
                written
            }
            Say::Thinking(text) => {
                let mut written = self.block(Kind::Thinking, None);
                let delta = json!({"reasoningContent": {"text": text}});
                written.push(self.delta(&delta, Some((PieceKind::Thinking, text))));
                written
            }
            Say::Signature(signature) => {
                let mut written = self.block(Kind::Thinking, None);
                written.push(self.delta(&json!({"reasoningContent": {"signature": signature}}), None));
                // Nothing follows a signature in its block.
                written.extend(self.close());
                written
            }
            Say::ToolCall { id, name } => {
                let start = json!({"toolUse": {"name": name, "toolUseId": id, "type": "tool_use"}});
                let mut written = self.block(Kind::Tool, Some(&start));
                written.push(self.delta(&json!({"toolUse": {"input": ""}}), None));
                written
            }
            Say::Arguments(text) => {
                vec![self.delta(&json!({"toolUse": {"input": text}}), Some((PieceKind::Arguments, text)))]
            }
        }
    }

    fn finish(&mut self, reason: FinishReason, used: Usage) -> Vec<Written> {
        let mut written = if self.begun { Vec::new() } else { self.begin() };
        written.extend(self.close());
        let stop = json!({"stopReason": raw_finish(reason, self.refused)});
        written.push(self.event("messageStop", &stop, Stage::Finish, None));
        let metadata = json!({"metrics": {"latencyMs": self.latency}, "usage": usage(used)});
        written.push(self.event("metadata", &metadata, Stage::Terminator, None));
        written
    }

    fn error(&mut self, error: &ApiError) -> Vec<Written> {
        vec![Written { bytes: bedrock::errors::event(error, &[]), stage: Stage::Terminator, piece: None }]
    }
}

/// An answer as a stream.
pub(super) fn render_stream(spoken: &Spoken, context: &EncodeContext) -> Rendition {
    let mut writer = ConverseWriter::new(context);
    let says = render::says(spoken, call_id);
    let written = render::stream(&mut writer, &says, spoken, context.input_tokens);
    render::stream_rendition(written, bedrock::errors::headers(eventstream::MEDIA_TYPE, context.seed))
}
