//! Writing Anthropic Messages answers as Anthropic does.

use serde_json::{Value, json};

use crate::answer::{Piece, Rendition, Spoken, Stage};
use crate::api::seeded::Seeded;
use crate::api::{ApiError, EncodeContext, FinishReason, PieceKind, Say, StreamWriter, Usage, Written, render};

/// What kind of block is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    Tool,
}

/// What the events of this API are put into.
pub(in crate::api) trait Envelope: Send + std::fmt::Debug {
    /// An event in it.
    fn event(&mut self, name: &str, data: &Value) -> Vec<u8>;

    /// A sign of life, where one is sent.
    fn ping(&self) -> Option<Vec<u8>>;

    /// An error; nothing follows.
    fn error(&self, error: &ApiError) -> Vec<u8>;

    /// What ids of this vendor's are marked with.
    fn mark(&self) -> &'static str {
        ""
    }
}

/// Server-sent events, as the vendor's own servers send them.
#[derive(Debug)]
pub(super) struct Events {
    /// Lengths of the padding: by place alone, so that byte n stands in the same place of every answer of the same
    /// shape.
    padding: Seeded,
}

impl Default for Events {
    fn default() -> Self {
        Self { padding: Seeded::new(0, "padding") }
    }
}

impl Envelope for Events {
    /// 0 to 15 blanks before the last brace, as the vendor sends them.
    fn event(&mut self, name: &str, data: &Value) -> Vec<u8> {
        let data = data.to_string();
        let blanks = " ".repeat(self.padding.below(16) as usize);
        let body = data.strip_suffix('}').unwrap_or(&data);
        format!("event: {name}\ndata: {body}{blanks}}}\n\n").into_bytes()
    }

    fn ping(&self) -> Option<Vec<u8>> {
        // Without padding.
        Some(b"event: ping\ndata: {\"type\": \"ping\"}\n\n".to_vec())
    }

    fn error(&self, error: &ApiError) -> Vec<u8> {
        super::errors::event(error)
    }
}

/// Writes events.
#[derive(Debug)]
pub(in crate::api) struct MessagesWriter<E> {
    context: EncodeContext,
    envelope: E,
    begun: bool,
    /// Blocks that were begun.
    blocks: u64,
    open: Option<Kind>,
    /// Content is out: what comes between is content too.
    content: bool,
    /// The model refused, in words.
    refused: bool,
}

/// The id of an answer; `mark` is that of who serves the model.
pub(super) fn message_id(mark: &str, seed: u64) -> String {
    format!("msg_{mark}01{}", Seeded::new(seed, "message").base58(22))
}

/// Ids of Anthropic begin with a version; a script's id has 24 characters.
pub(super) fn call_id(mark: &str, id: &str) -> String {
    format!("toolu_{mark}01{}", id.get(2..).unwrap_or(id))
}

pub(super) fn raw_finish(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Length => "max_tokens",
        FinishReason::ToolCalls => "tool_use",
        FinishReason::Refusal => "refusal",
        FinishReason::Stop | FinishReason::Other => "end_turn",
    }
}

pub(super) fn usage(input: u64, output: u64) -> Value {
    json!({
        "input_tokens": input,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output,
        "service_tier": "standard",
        "inference_geo": "global",
    })
}

impl<E: Envelope> MessagesWriter<E> {
    pub(in crate::api) fn new(context: &EncodeContext, envelope: E) -> Self {
        Self { context: context.clone(), envelope, begun: false, blocks: 0, open: None, content: false, refused: false }
    }

    fn event(&mut self, name: &str, data: &Value, stage: Stage, piece: Option<Piece>) -> Written {
        Written { bytes: self.envelope.event(name, data), stage, piece }
    }

    /// How far the stream is while no content comes with an event.
    fn stage(&self) -> Stage {
        if self.content { Stage::Content } else { Stage::Preamble }
    }

    fn close(&mut self) -> Option<Written> {
        self.open.take()?;
        let data = json!({"type": "content_block_stop", "index": self.blocks - 1});
        Some(self.event("content_block_stop", &data, self.stage(), None))
    }

    /// Makes sure that a block of this kind is open.
    fn block(&mut self, kind: Kind, start: &Value) -> Vec<Written> {
        let mut written = if self.begun { Vec::new() } else { self.begin() };
        if self.open == Some(kind) && kind != Kind::Tool {
            return written;
        }
        written.extend(self.close());
        if kind == Kind::Tool {
            self.content = true;
        }
        let data = json!({"type": "content_block_start", "index": self.blocks, "content_block": start});
        let stage = self.stage();
        written.push(self.event("content_block_start", &data, stage, None));
        if self.blocks == 0 {
            // Once per message.
            let ping = self.envelope.ping();
            written.extend(ping.map(|bytes| Written { bytes, stage, piece: None }));
        }
        self.blocks += 1;
        self.open = Some(kind);
        written
    }

    fn delta(&mut self, delta: &Value, piece: Option<(PieceKind, &str)>) -> Written {
        self.content |= piece.is_some();
        let data = json!({"type": "content_block_delta", "index": self.blocks.saturating_sub(1), "delta": delta});
        let piece = piece.map(|(kind, text)| Piece { kind, text: text.to_owned() });
        let stage = self.stage();
        self.event("content_block_delta", &data, stage, piece)
    }
}

impl<E: Envelope> StreamWriter for MessagesWriter<E> {
    fn begin(&mut self) -> Vec<Written> {
        self.begun = true;
        let data = json!({"type": "message_start", "message": {
            "model": self.context.model,
            "id": message_id(self.envelope.mark(), self.context.seed),
            "type": "message",
            "role": "assistant",
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            "stop_details": null,
            "usage": usage(self.context.input_tokens, 1),
        }});
        vec![self.event("message_start", &data, Stage::Preamble, None)]
    }

    fn say(&mut self, say: &Say) -> Vec<Written> {
        let text_block = json!({"type": "text", "text": ""});
        match say {
            Say::Text(text) | Say::Refusal(text) | Say::Thinking(text) | Say::Arguments(text) if text.is_empty() => {
                Vec::new()
            }
            // A refusal is text here; only the stop reason says what it is.
            Say::Text(text) | Say::Refusal(text) => {
                self.refused |= matches!(say, Say::Refusal(_));
                let mut written = self.block(Kind::Text, &text_block);
                let delta = json!({"type": "text_delta", "text": text});
                written.push(self.delta(&delta, Some((PieceKind::Text, text))));
                written
            }
            Say::Thinking(text) => {
                let start = json!({"type": "thinking", "thinking": "", "signature": ""});
                let mut written = self.block(Kind::Thinking, &start);
                let delta = json!({"type": "thinking_delta", "thinking": text});
                written.push(self.delta(&delta, Some((PieceKind::Thinking, text))));
                written
            }
            Say::Signature(signature) => {
                let start = json!({"type": "thinking", "thinking": "", "signature": ""});
                let mut written = self.block(Kind::Thinking, &start);
                written.push(self.delta(&json!({"type": "signature_delta", "signature": signature}), None));
                // Nothing follows a signature in its block.
                written.extend(self.close());
                written
            }
            Say::ToolCall { id, name } => {
                let start =
                    json!({"type": "tool_use", "id": id, "name": name, "input": {}, "caller": {"type": "direct"}});
                let mut written = self.block(Kind::Tool, &start);
                written.push(self.delta(&json!({"type": "input_json_delta", "partial_json": ""}), None));
                written
            }
            Say::Arguments(text) => {
                let delta = json!({"type": "input_json_delta", "partial_json": text});
                vec![self.delta(&delta, Some((PieceKind::Arguments, text)))]
            }
        }
    }

    fn finish(&mut self, reason: FinishReason, used: Usage) -> Vec<Written> {
        let mut written = if self.begun { Vec::new() } else { self.begin() };
        written.extend(self.close());
        // Elsewhere a refusal in words ends like any other answer.
        let reason = if self.refused && reason == FinishReason::Stop { FinishReason::Refusal } else { reason };
        let data = json!({
            "type": "message_delta",
            "delta": {"stop_reason": raw_finish(reason), "stop_sequence": null, "stop_details": null},
            "usage": {
                "input_tokens": used.input,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": used.output,
            },
        });
        written.push(self.event("message_delta", &data, Stage::Finish, None));
        written.push(self.event("message_stop", &json!({"type": "message_stop"}), Stage::Terminator, None));
        written
    }

    fn error(&mut self, error: &ApiError) -> Vec<Written> {
        vec![Written { bytes: self.envelope.error(error), stage: Stage::Terminator, piece: None }]
    }
}

/// Every event of an answer.
pub(in crate::api) fn write(spoken: &Spoken, context: &EncodeContext, envelope: impl Envelope) -> Vec<Written> {
    let mark = envelope.mark();
    let mut writer = MessagesWriter::new(context, envelope);
    let says = render::says(spoken, |id| call_id(mark, id));
    render::stream(&mut writer, &says, spoken, context.input_tokens)
}

/// An answer as a stream.
pub(super) fn render_stream(spoken: &Spoken, context: &EncodeContext) -> Rendition {
    let mut headers = super::errors::headers("text/event-stream; charset=utf-8", context.seed);
    headers.push("cache-control", "no-cache");
    render::stream_rendition(write(spoken, context, Events::default()), headers)
}
