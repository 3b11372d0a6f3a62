//! Answers of Converse as one JSON body.

use serde_json::{Value, json};

use super::writer::{call_id, raw_finish, usage};
use crate::answer::{Rendition, Spoken, SpokenPart};
use crate::api::bedrock;
use crate::api::body::{parse_arguments, text_at};
use crate::api::reading::Seen;
use crate::api::{Completion, EncodeContext, FinishReason, Part, PieceKind, Usage, render};

/// An answer as one JSON body.
pub(super) fn render(spoken: &Spoken, context: &EncodeContext) -> Rendition {
    let mut refused = false;
    let content: Vec<Value> = spoken
        .parts
        .iter()
        .map(|part| match part {
            SpokenPart::Text(deltas) => json!({"text": deltas.concat()}),
            SpokenPart::Refusal(deltas) => {
                refused = true;
                json!({"text": deltas.concat()})
            }
            SpokenPart::Thinking(deltas, signature) => {
                let mut text = json!({"text": deltas.concat()});
                if let Some(signature) = signature {
                    text["signature"] = signature.as_str().into();
                }
                json!({"reasoningContent": {"reasoningText": text}})
            }
            SpokenPart::ToolCall { id, name, arguments } => {
                let input = parse_arguments(&arguments.concat());
                json!({"toolUse": {"input": input, "name": name, "toolUseId": call_id(id), "type": "tool_use"}})
            }
        })
        .collect();
    let used = Usage { input: context.input_tokens, output: spoken.output_tokens };
    let body = json!({
        "metrics": {"latencyMs": bedrock::latency(context.seed)},
        "output": {"message": {"content": content, "role": "assistant"}},
        "stopReason": raw_finish(spoken.finish.unwrap_or(FinishReason::Stop), refused),
        "usage": usage(used),
    });
    let headers = bedrock::errors::headers("application/json", context.seed);
    render::unary_rendition(body.to_string().into_bytes(), headers)
}

/// What a unary body says.
pub(super) fn read(bytes: &[u8]) -> Result<Completion, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("the body is not JSON: {error}"))?;
    let content = value.pointer("/output/message/content").and_then(Value::as_array);
    let content = content.ok_or("the body has no `output.message.content` list")?;
    let mut seen = Seen::default();
    seen.start(0, None, None);
    seen.completion.usage = value.get("usage").filter(|usage| usage.is_object()).cloned();
    for block in content {
        if let Some(text) = text_at(block, "text") {
            seen.whole(PieceKind::Text, Part::text(String::new()), text);
        } else if let Some(thought) = block.pointer("/reasoningContent/reasoningText") {
            let signature = text_at(thought, "signature").map(str::to_owned);
            seen.whole(
                PieceKind::Thinking,
                Part::Thinking { text: String::new(), signature },
                text_at(thought, "text").unwrap_or_default(),
            );
        } else if let Some(call) = block.get("toolUse") {
            let take = |key: &str| text_at(call, key).unwrap_or_default().to_owned();
            let arguments = call.get("input").cloned().unwrap_or(Value::Null);
            let text = arguments.to_string();
            seen.whole(
                PieceKind::Arguments,
                Part::ToolCall { id: take("toolUseId"), name: take("name"), arguments },
                &text,
            );
        } else {
            seen.part(Part::Other(block.clone()));
        }
    }
    if let Some(raw) = text_at(&value, "stopReason") {
        seen.finish(0, super::grammar::finish_reason(raw).unwrap_or(FinishReason::Other), raw);
    }
    seen.terminator(bytes.len());
    Ok(seen.completion)
}
