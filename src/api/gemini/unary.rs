//! Answers of Gemini as one JSON body.

use serde_json::{Value, json};

use super::parts::{PartsReader, word};
use super::writer::{call_id, call_part, raw_finish, response_id, usage};
use crate::answer::{Rendition, Spoken, SpokenPart};
use crate::api::body::text_at;
use crate::api::calls::Waiting;
use crate::api::reading::Seen;
use crate::api::{Completion, EncodeContext, FinishReason, render};

/// An answer as one JSON body.
pub(super) fn render(spoken: &Spoken, context: &EncodeContext) -> Rendition {
    let mut parts: Vec<Value> = Vec::new();
    let (mut signature, mut refused, mut malformed) = (None::<&str>, false, false);
    for part in &spoken.parts {
        let mut written = match part {
            SpokenPart::Text(deltas) => json!({"text": deltas.concat()}),
            SpokenPart::Refusal(deltas) => {
                refused = true;
                json!({"text": deltas.concat()})
            }
            SpokenPart::Thinking(deltas, signed) => {
                parts.push(json!({"text": deltas.concat(), "thought": true}));
                signature = signed.as_deref();
                continue;
            }
            SpokenPart::ToolCall { id, name, arguments } => {
                let mut call = Waiting::new(&call_id(id), name);
                call.push(&arguments.concat());
                let Some(part) = call_part(&call) else {
                    malformed = true;
                    continue;
                };
                part
            }
        };
        // A signature goes with the part that follows it.
        if let Some(signature) = signature.take() {
            written["thoughtSignature"] = signature.into();
        }
        parts.push(written);
    }
    if signature.is_some() || parts.is_empty() {
        let mut last = json!({"text": ""});
        if let Some(signature) = signature {
            last["thoughtSignature"] = signature.into();
        }
        parts.push(last);
    }
    let finish = raw_finish(spoken.finish.unwrap_or(FinishReason::Stop), refused, malformed);
    let body = json!({
        "candidates": [{"content": {"parts": parts, "role": "model"}, "finishReason": finish, "index": 0}],
        "usageMetadata": usage(context.input_tokens, Some(spoken.output_tokens)),
        "modelVersion": context.model,
        "responseId": response_id(context.seed),
    });
    // Gemini indents these bodies and ends them with a line end.
    let bytes = format!("{body:#}\n").into_bytes();
    render::unary_rendition(bytes, super::errors::headers("application/json; charset=UTF-8", context.seed))
}

/// What a unary body says.
pub(super) fn read(bytes: &[u8]) -> Result<Completion, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("the body is not JSON: {error}"))?;
    let blocked = value.pointer("/promptFeedback/blockReason").and_then(word);
    let candidate = value.get("candidates").and_then(|candidates| candidates.get(0));
    if candidate.is_none() && blocked.is_none() {
        return Err("the body has no candidate".to_owned());
    }
    let mut seen = Seen::default();
    seen.start(0, text_at(&value, "responseId"), text_at(&value, "modelVersion"));
    seen.completion.usage = value.get("usageMetadata").filter(|usage| usage.is_object()).cloned();
    let mut parts = PartsReader::default();
    if let Some(candidate) = candidate {
        parts.candidate(0, candidate, &mut seen);
        if let Some(raw) = candidate.get("finishReason").and_then(word) {
            seen.finish(0, parts.reason(&raw).unwrap_or(FinishReason::Other), &raw);
        }
    } else if let Some(raw) = blocked {
        seen.finish(0, FinishReason::Refusal, &raw);
    }
    seen.terminator(bytes.len());
    Ok(seen.completion)
}
