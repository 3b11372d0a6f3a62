//! Writing Gemini answers as Gemini does.

use serde_json::{Value, json};

use super::spacing;
use crate::answer::{Piece, Rendition, Spoken, Stage};
use crate::api::calls::{Waiting, given};
use crate::api::seeded::Seeded;
use crate::api::{ApiError, EncodeContext, FinishReason, PieceKind, Say, StreamWriter, Usage, Written, render};

/// Writes chunks.
#[derive(Debug)]
pub(super) struct GeminiWriter {
    context: EncodeContext,
    id: String,
    /// A call whose arguments are not whole: this API says calls in one piece.
    call: Option<Waiting>,
    /// A signature goes with the part that follows it.
    signature: Option<String>,
    calls: usize,
    refused: bool,
    malformed: bool,
}

/// The id of an answer.
pub(super) fn response_id(seed: u64) -> String {
    format!("{}-{}", Seeded::new(seed, "response").base62(6), Seeded::new(seed, "answer").base62(15))
}

/// Ids of calls are short here; what tells short ones of other vendors apart stands at their end.
pub(super) fn call_id(id: &str) -> String {
    id.len().checked_sub(8).and_then(|at| id.get(at..)).unwrap_or(id).to_lowercase()
}

pub(super) fn raw_finish(reason: FinishReason, refused: bool, malformed: bool) -> &'static str {
    match reason {
        _ if malformed => "MALFORMED_FUNCTION_CALL",
        FinishReason::Length => "MAX_TOKENS",
        FinishReason::Refusal => "SAFETY",
        FinishReason::Stop | FinishReason::ToolCalls if refused => "SAFETY",
        FinishReason::Stop | FinishReason::ToolCalls => "STOP",
        FinishReason::Other => "OTHER",
    }
}

/// Tokens; those of the answer are there at its end alone.
pub(super) fn usage(input: u64, output: Option<u64>) -> Value {
    let mut usage = json!({ "promptTokenCount": input });
    if let Some(output) = output {
        usage["candidatesTokenCount"] = output.into();
    }
    usage["totalTokenCount"] = (input + output.unwrap_or_default()).into();
    usage["promptTokensDetails"] = json!([{"modality": "TEXT", "tokenCount": input}]);
    usage
}

/// A call as a part; `None` where the arguments are no object, which this API cannot say.
pub(super) fn call_part(whole: &Waiting) -> Option<Value> {
    let mut call = json!({ "name": whole.name, "args": whole.arguments()? });
    if let Some(id) = given(&whole.id) {
        call["id"] = id.into();
    }
    Some(json!({ "functionCall": call }))
}

impl GeminiWriter {
    pub(super) fn new(context: &EncodeContext) -> Self {
        Self {
            context: context.clone(),
            id: response_id(context.seed),
            call: None,
            signature: None,
            calls: 0,
            refused: false,
            malformed: false,
        }
    }

    fn chunk(&self, candidate: &Value, usage: &Value) -> Vec<u8> {
        spacing::event(&json!({
            "candidates": [candidate],
            "usageMetadata": usage,
            "modelVersion": self.context.model,
            "responseId": self.id,
        }))
    }

    /// A chunk that belongs to the content, with the signature that waits.
    fn content(&mut self, mut part: Value, kind: PieceKind, text: &str) -> Written {
        if let Some(signature) = self.signature.take() {
            part["thoughtSignature"] = signature.into();
        }
        let candidate = json!({"content": {"parts": [part], "role": "model"}, "index": 0});
        let bytes = self.chunk(&candidate, &usage(self.context.input_tokens, None));
        Written { bytes, stage: Stage::Content, piece: Some(Piece { kind, text: text.to_owned() }) }
    }

    /// The call that waits is whole.
    fn close(&mut self) -> Option<Written> {
        let call = self.call.take()?;
        let Some(part) = call_part(&call) else {
            self.malformed = true;
            return None;
        };
        self.calls += 1;
        let text = part["functionCall"]["args"].to_string();
        Some(self.content(part, PieceKind::Arguments, &text))
    }
}

impl StreamWriter for GeminiWriter {
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
            // A refusal is text here; only the finish reason says what it is.
            Say::Text(text) | Say::Refusal(text) => {
                self.refused |= matches!(say, Say::Refusal(_));
                written.push(self.content(json!({"text": text}), PieceKind::Text, text));
            }
            Say::Thinking(text) => {
                written.push(self.content(json!({"text": text, "thought": true}), PieceKind::Thinking, text));
            }
            Say::Signature(signature) => self.signature = Some(signature.clone()),
            Say::ToolCall { id, name } => {
                self.call = Some(Waiting::new(id, name));
            }
            Say::Arguments(_) => {}
        }
        written
    }

    fn finish(&mut self, reason: FinishReason, used: Usage) -> Vec<Written> {
        let mut written: Vec<Written> = self.close().into_iter().collect();
        let raw = raw_finish(reason, self.refused, self.malformed);
        let mut part = json!({"text": ""});
        if let Some(signature) = self.signature.take() {
            part["thoughtSignature"] = signature.into();
        }
        let content = json!({"parts": [part], "role": "model"});
        let mut candidate = json!({"content": content, "finishReason": raw, "index": 0});
        if self.calls > 0 && raw == "STOP" {
            candidate["finishMessage"] = "Model generated function call(s).".into();
        }
        let bytes = self.chunk(&candidate, &usage(used.input, Some(used.output)));
        written.push(Written { bytes, stage: Stage::Terminator, piece: None });
        written
    }

    fn error(&mut self, error: &ApiError) -> Vec<Written> {
        vec![Written { bytes: super::errors::event(error), stage: Stage::Terminator, piece: None }]
    }
}

/// An answer as a stream.
pub(super) fn render_stream(spoken: &Spoken, context: &EncodeContext) -> Rendition {
    let mut writer = GeminiWriter::new(context);
    let says = render::says(spoken, call_id);
    let written = render::stream(&mut writer, &says, spoken, context.input_tokens);
    render::stream_rendition(written, super::errors::stream_headers(context.seed))
}
