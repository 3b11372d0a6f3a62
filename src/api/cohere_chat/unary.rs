//! Answers in one piece.

use serde_json::{Value, json};

use super::errors;
use super::grammar::finish_reason;
use super::writer::{answer_id, call_id, raw_finish, usage};
use crate::answer::{Rendition, Spoken, SpokenPart};
use crate::api::body::{parse_arguments, text_at};
use crate::api::reading::Seen;
use crate::api::{Completion, EncodeContext, FinishReason, Part, PieceKind, Usage, render};

/// An answer as one JSON body.
pub(super) fn render(spoken: &Spoken, context: &EncodeContext) -> Rendition {
    let (mut content, mut calls) = (Vec::new(), Vec::new());
    for part in &spoken.parts {
        match part {
            SpokenPart::Text(deltas) | SpokenPart::Refusal(deltas) => {
                content.push(json!({"type": "text", "text": deltas.concat()}));
            }
            // There are no signatures.
            SpokenPart::Thinking(deltas, _) => content.push(json!({"type": "thinking", "thinking": deltas.concat()})),
            SpokenPart::ToolCall { id, name, arguments } => calls.push(json!({
                "id": call_id(name, id), "type": "function",
                "function": {"name": name, "arguments": arguments.concat()}
            })),
        }
    }
    let mut message = json!({"role": "assistant"});
    if !content.is_empty() || calls.is_empty() {
        message["content"] = content.into();
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    let body = json!({
        "id": answer_id(context.seed),
        "message": message,
        "finish_reason": raw_finish(spoken.finish.unwrap_or(FinishReason::Stop)),
        "usage": usage(Usage { input: context.input_tokens, output: spoken.output_tokens }),
    });
    let mut headers = errors::headers("application/json", context.seed);
    headers.push("num-tokens", (context.input_tokens + spoken.output_tokens).to_string());
    render::unary_rendition(body.to_string().into_bytes(), headers)
}

/// What a unary body says.
pub(super) fn read(bytes: &[u8]) -> Result<Completion, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("the body is not JSON: {error}"))?;
    let message = value.get("message").filter(|message| message.is_object()).ok_or("the body has no `message`")?;
    let list = |key: &str| message.get(key).and_then(Value::as_array).into_iter().flatten();
    let mut seen = Seen::default();
    seen.start(0, text_at(&value, "id"), None);
    seen.completion.usage = value.get("usage").filter(|usage| usage.is_object()).cloned();
    if let Some(plan) = text_at(message, "tool_plan") {
        seen.whole(PieceKind::Thinking, Part::Thinking { text: String::new(), signature: None }, plan);
    }
    for item in list("content") {
        if let Some(text) = text_at(item, "text") {
            seen.whole(PieceKind::Text, Part::text(String::new()), text);
        } else if let Some(text) = text_at(item, "thinking") {
            seen.whole(PieceKind::Thinking, Part::Thinking { text: String::new(), signature: None }, text);
        } else {
            seen.part(Part::Other(item.clone()));
        }
    }
    for call in list("tool_calls") {
        let function = call.get("function").unwrap_or(&Value::Null);
        let take = |value: &Value, key: &str| text_at(value, key).unwrap_or_default().to_owned();
        let text = take(function, "arguments");
        let arguments = parse_arguments(&text);
        seen.whole(
            PieceKind::Arguments,
            Part::ToolCall { id: take(call, "id"), name: take(function, "name"), arguments },
            &text,
        );
    }
    if let Some(raw) = text_at(&value, "finish_reason") {
        seen.finish(0, finish_reason(raw).unwrap_or(FinishReason::Other), raw);
    }
    seen.terminator(bytes.len());
    Ok(seen.completion)
}
