//! Answers of OpenAI Chat Completions as one JSON body.

use serde_json::{Value, json};

use super::writer::{call_id, completion_id, fingerprint, raw_finish, usage};
use crate::answer::{Rendition, Spoken, SpokenPart};
use crate::api::body::text_at;
use crate::api::reading::Seen;
use crate::api::{Completion, EncodeContext, FinishReason, Part, PieceKind, Usage, openai_errors, render};

/// An answer as one JSON body.
pub(super) fn render(spoken: &Spoken, context: &EncodeContext) -> Rendition {
    let (mut text, mut refusal, mut thinking) = (None::<String>, None::<String>, None::<String>);
    let mut calls = Vec::new();
    for part in &spoken.parts {
        match part {
            SpokenPart::Text(deltas) => text.get_or_insert_default().push_str(&deltas.concat()),
            SpokenPart::Refusal(deltas) => refusal.get_or_insert_default().push_str(&deltas.concat()),
            SpokenPart::Thinking(deltas, _) => thinking.get_or_insert_default().push_str(&deltas.concat()),
            SpokenPart::ToolCall { id, name, arguments } => calls.push(json!({
                "id": call_id(id), "type": "function", "function": {"name": name, "arguments": arguments.concat()}
            })),
        }
    }
    let refused = refusal.is_some();
    let mut message = json!({"role": "assistant", "content": text});
    if let Some(thinking) = thinking {
        message["reasoning_content"] = thinking.into();
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    message["refusal"] = refusal.into();
    message["annotations"] = json!([]);
    let finish = raw_finish(spoken.finish.unwrap_or(FinishReason::Stop), refused);
    let body = json!({
        "id": completion_id(context.seed),
        "object": "chat.completion",
        "created": context.created,
        "model": context.model,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish}],
        "usage": usage(Usage { input: context.input_tokens, output: spoken.output_tokens }),
        "service_tier": "default",
        "system_fingerprint": fingerprint(context),
    });
    // OpenAI indents these bodies and ends them with a line end.
    let bytes = format!("{body:#}\n").into_bytes();
    render::unary_rendition(bytes, openai_errors::headers("application/json", context.seed))
}

/// What a unary body says.
pub(super) fn read(bytes: &[u8]) -> Result<Completion, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("the body is not JSON: {error}"))?;
    let choices = value.get("choices").and_then(Value::as_array).ok_or("the body has no `choices` list")?;
    let choice = choices.first().ok_or("`choices` is empty")?;
    let message = choice.get("message").and_then(Value::as_object).ok_or("the first choice has no `message`")?;
    let mut seen = Seen::default();
    seen.start(0, text_at(&value, "id"), text_at(&value, "model"));
    seen.completion.usage = value.get("usage").filter(|usage| usage.is_object()).cloned();
    for (key, kind) in
        [("reasoning_content", PieceKind::Thinking), ("content", PieceKind::Text), ("refusal", PieceKind::Refusal)]
    {
        let Some(text) = message.get(key).and_then(Value::as_str) else { continue };
        if text.is_empty() {
            continue;
        }
        let part = seen.part(match kind {
            PieceKind::Thinking => Part::Thinking { text: String::new(), signature: None },
            PieceKind::Refusal => Part::Refusal { text: String::new() },
            PieceKind::Text | PieceKind::Arguments => Part::text(String::new()),
        });
        seen.content(0, kind, part, text);
    }
    for call in message.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        let null = Value::Null;
        let function = call.get("function").unwrap_or(&null);
        let part = seen.part(Part::ToolCall {
            id: text_at(call, "id").unwrap_or_default().to_owned(),
            name: text_at(function, "name").unwrap_or_default().to_owned(),
            arguments: Value::String(String::new()),
        });
        let arguments = text_at(function, "arguments").unwrap_or_default();
        if !arguments.is_empty() {
            seen.content(0, PieceKind::Arguments, part, arguments);
        }
        seen.close_call(part);
    }
    if let Some(raw) = text_at(choice, "finish_reason") {
        seen.finish(0, super::choice::finish_reason(raw).unwrap_or(FinishReason::Other), raw);
    }
    seen.terminator(bytes.len());
    Ok(seen.completion)
}
