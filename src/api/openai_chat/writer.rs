//! Writing OpenAI Chat Completions answers as OpenAI does.

use serde_json::{Value, json};

use crate::answer::{Piece, Rendition, Spoken, SpokenPart, Stage};
use crate::api::seeded::Seeded;
use crate::api::{
    ApiError, EncodeContext, FinishReason, PieceKind, Say, StreamWriter, Usage, Written, openai_errors, render,
};

/// What the first delta looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    /// Role and empty text, in a chunk of its own.
    Text,
    /// Role and `content: null`, alone: several tool calls follow.
    Calls,
    /// Role and `content: null` in the chunk in which the only tool call begins.
    OneCall,
    /// Role and `refusal: ""`.
    Refusal,
}

/// Writes chunks.
#[derive(Debug)]
pub(super) struct ChatWriter {
    context: EncodeContext,
    id: String,
    fingerprint: String,
    obfuscation: Seeded,
    /// How long the padding of each chunk is: by its place alone, so that byte n stands in the same place of every
    /// answer of the same shape.
    lengths: Seeded,
    opening: Opening,
    /// A chunk with the role is out.
    begun: bool,
    /// Tool calls that were begun.
    calls: u64,
    refused: bool,
}

/// The id of an answer.
pub(super) fn completion_id(seed: u64) -> String {
    format!("chatcmpl-{}", Seeded::new(seed, "completion").base62(29))
}

pub(super) fn fingerprint(context: &EncodeContext) -> String {
    // A property of the model's deployment, not of the answer.
    let seed = context.model.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    format!("fp_{}", Seeded::new(seed, "fingerprint").hex(10))
}

pub(super) fn call_id(id: &str) -> String {
    format!("call_{id}")
}

pub(super) fn raw_finish(reason: FinishReason, refused: bool) -> &'static str {
    match reason {
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        // The model's own refusal ends with `stop`; only a filter gives a reason of its own.
        FinishReason::Refusal if !refused => "content_filter",
        FinishReason::Stop | FinishReason::Refusal | FinishReason::Other => "stop",
    }
}

pub(super) fn usage(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0
        }
    })
}

impl ChatWriter {
    pub(super) fn new(context: &EncodeContext) -> Self {
        Self {
            context: context.clone(),
            id: completion_id(context.seed),
            fingerprint: fingerprint(context),
            obfuscation: Seeded::new(context.seed, "obfuscation"),
            lengths: Seeded::new(0, "lengths"),
            opening: Opening::Text,
            begun: false,
            calls: 0,
            refused: false,
        }
    }

    /// A writer that knows the whole answer, and so opens it as the vendor would.
    pub(super) fn for_answer(context: &EncodeContext, spoken: &Spoken) -> Self {
        let only = |wanted: fn(&SpokenPart) -> bool| spoken.parts.iter().all(wanted) && !spoken.parts.is_empty();
        let opening = match spoken.parts.first() {
            Some(SpokenPart::Refusal(_)) => Opening::Refusal,
            Some(SpokenPart::ToolCall { .. }) if spoken.parts.len() == 1 => Opening::OneCall,
            Some(_) if only(|part| matches!(part, SpokenPart::ToolCall { .. })) => Opening::Calls,
            _ => Opening::Text,
        };
        Self { opening, ..Self::new(context) }
    }

    /// A chunk with the given choices and, at the end of the stream, usage.
    fn chunk(&mut self, choices: &Value, usage: Option<Value>) -> Vec<u8> {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.context.created,
            "model": self.context.model,
            "service_tier": "default",
            "system_fingerprint": self.fingerprint,
            "choices": choices,
        });
        if self.context.include_usage {
            chunk["usage"] = usage.unwrap_or(Value::Null);
        }
        let length = 1 + self.lengths.below(16) as usize;
        chunk["obfuscation"] = self.obfuscation.base62(length).into();
        format!("data: {chunk}\n\n").into_bytes()
    }

    fn delta(&mut self, delta: &Value, finish: Option<&str>) -> Vec<u8> {
        self.chunk(&json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]), None)
    }

    /// A chunk that belongs to the content.
    fn content(&mut self, delta: &Value, kind: PieceKind, text: &str) -> Written {
        let piece = Some(Piece { kind, text: text.to_owned() }).filter(|piece| !piece.text.is_empty());
        Written { bytes: self.delta(delta, None), stage: Stage::Content, piece }
    }

    fn role(&mut self) -> Written {
        self.begun = true;
        let delta = match self.opening {
            Opening::Text => json!({"role": "assistant", "content": "", "refusal": null}),
            Opening::Calls | Opening::OneCall => json!({"role": "assistant", "content": null}),
            Opening::Refusal => json!({"role": "assistant", "content": null, "refusal": ""}),
        };
        Written { bytes: self.delta(&delta, None), stage: Stage::Preamble, piece: None }
    }
}

impl StreamWriter for ChatWriter {
    fn begin(&mut self) -> Vec<Written> {
        if self.opening == Opening::OneCall {
            // The role goes out with the call.
            return Vec::new();
        }
        vec![self.role()]
    }

    fn say(&mut self, say: &Say) -> Vec<Written> {
        let mut written = Vec::new();
        let with_role = !self.begun && matches!(say, Say::ToolCall { .. }) && self.opening == Opening::OneCall;
        if !self.begun && !with_role {
            written.push(self.role());
        }
        match say {
            Say::Text(text) | Say::Thinking(text) | Say::Refusal(text) | Say::Arguments(text) if text.is_empty() => {}
            // This API has no place for signatures.
            Say::Signature(_) => {}
            Say::Text(text) => written.push(self.content(&json!({"content": text}), PieceKind::Text, text)),
            // Not OpenAI's own, but what the OpenAI-like dialects that show reasoning send.
            Say::Thinking(text) => {
                written.push(self.content(&json!({"reasoning_content": text}), PieceKind::Thinking, text));
            }
            Say::Refusal(text) => {
                self.refused = true;
                written.push(self.content(&json!({"refusal": text}), PieceKind::Refusal, text));
            }
            Say::ToolCall { id, name } => {
                let call = json!([{
                    "index": self.calls, "id": id, "type": "function", "function": {"name": name, "arguments": ""}
                }]);
                self.calls += 1;
                let delta = if with_role {
                    self.begun = true;
                    json!({"role": "assistant", "content": null, "tool_calls": call, "refusal": null})
                } else {
                    json!({"tool_calls": call})
                };
                written.push(self.content(&delta, PieceKind::Arguments, ""));
            }
            Say::Arguments(text) => {
                let index = self.calls.saturating_sub(1);
                let delta = json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]});
                written.push(self.content(&delta, PieceKind::Arguments, text));
            }
        }
        written
    }

    fn finish(&mut self, reason: FinishReason, used: Usage) -> Vec<Written> {
        let mut written = Vec::new();
        if !self.begun {
            written.push(self.role());
        }
        let raw = raw_finish(reason, self.refused);
        let bytes = self.delta(&json!({}), Some(raw));
        written.push(Written { bytes, stage: Stage::Finish, piece: None });
        if self.context.include_usage {
            let bytes = self.chunk(&json!([]), Some(usage(used)));
            written.push(Written { bytes, stage: Stage::Tail, piece: None });
        }
        written.push(Written { bytes: b"data: [DONE]\n\n".to_vec(), stage: Stage::Terminator, piece: None });
        written
    }

    fn error(&mut self, error: &ApiError) -> Vec<Written> {
        vec![Written { bytes: error_event(error), stage: Stage::Terminator, piece: None }]
    }
}

/// An error inside a stream.
pub(super) fn error_event(error: &ApiError) -> Vec<u8> {
    format!("data: {}\n\n", openai_errors::object(error)).into_bytes()
}

/// An answer as a stream.
pub(super) fn render_stream(spoken: &Spoken, context: &EncodeContext) -> Rendition {
    let mut writer = ChatWriter::for_answer(context, spoken);
    let says = render::says(spoken, call_id);
    let written = render::stream(&mut writer, &says, spoken, context.input_tokens);
    render::stream_rendition(written, openai_errors::headers("text/event-stream; charset=utf-8", context.seed))
}
