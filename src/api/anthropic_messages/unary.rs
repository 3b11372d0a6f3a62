//! Answers of Anthropic Messages as one JSON body.

use serde_json::{Value, json};

use super::writer::{call_id, message_id, raw_finish, usage};
use crate::answer::{Rendition, Spoken, SpokenPart};
use crate::api::body::{parse_arguments, text_at};
use crate::api::reading::Seen;
use crate::api::{Completion, EncodeContext, FinishReason, Part, PieceKind, render};

/// An answer as one JSON body, with the headers of the vendor's own servers.
pub(super) fn render(spoken: &Spoken, context: &EncodeContext) -> Rendition {
    let headers = super::errors::headers("application/json", context.seed);
    render::unary_rendition(write(spoken, context, ""), headers)
}

/// The body; `mark` is that of who serves the model.
pub(in crate::api) fn write(spoken: &Spoken, context: &EncodeContext, mark: &str) -> Vec<u8> {
    let content: Vec<Value> = spoken
        .parts
        .iter()
        .map(|part| match part {
            SpokenPart::Text(deltas) | SpokenPart::Refusal(deltas) => json!({"type": "text", "text": deltas.concat()}),
            SpokenPart::Thinking(deltas, signature) => {
                json!({"type": "thinking", "thinking": deltas.concat(), "signature": signature.as_deref().unwrap_or_default()})
            }
            SpokenPart::ToolCall { id, name, arguments } => {
                let input = parse_arguments(&arguments.concat());
                json!({"type": "tool_use", "id": call_id(mark, id), "name": name, "input": input, "caller": {"type": "direct"}})
            }
        })
        .collect();
    let body = json!({
        "model": context.model,
        "id": message_id(mark, context.seed),
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": raw_finish(spoken.finish.unwrap_or(FinishReason::Stop)),
        "stop_sequence": null,
        "stop_details": null,
        "usage": usage(context.input_tokens, spoken.output_tokens),
    });
    body.to_string().into_bytes()
}

/// What a unary body says.
pub(in crate::api) fn read(bytes: &[u8]) -> Result<Completion, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("the body is not JSON: {error}"))?;
    if text_at(&value, "type") != Some("message") {
        return Err("the body's `type` is not `message`".to_owned());
    }
    let content = value.get("content").and_then(Value::as_array).ok_or("the body has no `content` list")?;
    let mut seen = Seen::default();
    seen.start(0, text_at(&value, "id"), text_at(&value, "model"));
    seen.completion.usage = value.get("usage").filter(|usage| usage.is_object()).cloned();
    for block in content {
        let take = |key: &str| text_at(block, key).unwrap_or_default();
        match take("type") {
            "text" => {
                seen.whole(PieceKind::Text, Part::text(String::new()), take("text"));
            }
            "thinking" => {
                let signature = text_at(block, "signature").filter(|text| !text.is_empty()).map(str::to_owned);
                seen.whole(PieceKind::Thinking, Part::Thinking { text: String::new(), signature }, take("thinking"));
            }
            "tool_use" => {
                let arguments = block.get("input").cloned().unwrap_or(Value::Null);
                let text = arguments.to_string();
                let (id, name) = (take("id").to_owned(), take("name").to_owned());
                seen.whole(PieceKind::Arguments, Part::ToolCall { id, name, arguments }, &text);
            }
            _ => {
                seen.part(Part::Other(block.clone()));
            }
        }
    }
    if let Some(raw) = text_at(&value, "stop_reason") {
        seen.finish(0, super::grammar::finish_reason(raw).unwrap_or(FinishReason::Other), raw);
    }
    seen.terminator(bytes.len());
    Ok(seen.completion)
}
