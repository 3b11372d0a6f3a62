//! Answers in one piece.

use serde_json::{Value, json};

use super::grammar::usage;
use super::message::{Messages, call_value, figures, finish_reason, line, moment};
use super::writer::call_id;
use crate::answer::{Rendition, Spoken, SpokenPart};
use crate::api::body::text_at;
use crate::api::calls::Waiting;
use crate::api::reading::Seen;
use crate::api::{Completion, EncodeContext, FinishReason, Usage, render};

/// An answer as one JSON body.
pub(super) fn render(spoken: &Spoken, context: &EncodeContext) -> Rendition {
    let (mut content, mut thinking, mut calls) = (String::new(), String::new(), Vec::new());
    for part in &spoken.parts {
        match part {
            SpokenPart::Text(deltas) | SpokenPart::Refusal(deltas) => content.extend(deltas.iter().map(String::as_str)),
            // There are no signatures.
            SpokenPart::Thinking(deltas, _) => thinking.extend(deltas.iter().map(String::as_str)),
            SpokenPart::ToolCall { id, name, arguments } => {
                let mut call = Waiting::new(&call_id(id), name);
                call.push(&arguments.concat());
                calls.extend(call_value(&call, calls.len()));
            }
        }
    }
    let mut message = json!({"role": "assistant", "content": content});
    if !thinking.is_empty() {
        message["thinking"] = thinking.into();
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    let mut body = json!({"model": context.model, "created_at": moment(context, 0), "message": message});
    let used = Usage { input: context.input_tokens, output: spoken.output_tokens };
    let end = figures(context.seed, spoken.finish.unwrap_or(FinishReason::Stop), used);
    if let (Some(fields), Value::Object(end)) = (body.as_object_mut(), end) {
        fields.extend(end);
    }
    let mut bytes = line(&body);
    bytes.pop();
    render::unary_rendition(bytes, super::errors::headers("application/json; charset=utf-8"))
}

/// What a unary body says.
pub(super) fn read(bytes: &[u8]) -> Result<Completion, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("the body is not JSON: {error}"))?;
    let message = value.get("message").filter(|message| message.is_object()).ok_or("the body has no `message`")?;
    let mut seen = Seen::default();
    seen.start(0, None, text_at(&value, "model"));
    let mut messages = Messages::default();
    messages.message(0, message, &mut seen);
    seen.completion.usage = usage(&value);
    if let Some(raw) = text_at(&value, "done_reason") {
        let reason = finish_reason(raw, messages.calls > 0);
        seen.finish(0, reason.unwrap_or(FinishReason::Other), raw);
    }
    seen.terminator(bytes.len());
    Ok(seen.completion)
}
