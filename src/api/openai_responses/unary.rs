//! Answers of OpenAI Responses as one JSON body.

use serde_json::{Value, json};

use super::grammar::{ended, error_of};
use super::object::{Status, function_call, id, message, reasoning, response, text_part, usage};
use crate::answer::{Rendition, Spoken, SpokenPart};
use crate::api::body::text_at;
use crate::api::reading::Seen;
use crate::api::{Completion, EncodeContext, FinishReason, Part, PieceKind, Usage, openai_errors, render};

/// An answer as one JSON body.
pub(super) fn render(spoken: &Spoken, context: &EncodeContext) -> Rendition {
    let mut output: Vec<Value> = Vec::new();
    let mut refused = false;
    for part in &spoken.parts {
        let number = output.len();
        let (kind, text) = match part {
            SpokenPart::Thinking(deltas, signature) => {
                let summary: Vec<Value> =
                    [deltas.concat()].iter().filter(|t| !t.is_empty()).map(|t| text_part("summary_text", t)).collect();
                output.push(reasoning(&id("rs", context.seed, number), &summary, signature.as_deref()));
                continue;
            }
            SpokenPart::ToolCall { id: call, name, arguments } => {
                let call = super::writer::call_id(call);
                let item = id("fc", context.seed, number);
                output.push(function_call(&item, "completed", &call, name, &arguments.concat()));
                continue;
            }
            SpokenPart::Text(deltas) => ("output_text", deltas.concat()),
            SpokenPart::Refusal(deltas) => ("refusal", deltas.concat()),
        };
        refused |= kind == "refusal";
        if text.is_empty() {
            continue;
        }
        match output.last_mut().filter(|last| text_at(last, "type") == Some("message")) {
            Some(last) => {
                if let Some(content) = last["content"].as_array_mut() {
                    content.push(text_part(kind, &text));
                }
            }
            None => output.push(message(&id("msg", context.seed, number), "completed", &[text_part(kind, &text)])),
        }
    }
    let status = Status::ended(spoken.finish.unwrap_or(FinishReason::Stop), refused);
    if let (Status::Incomplete(_), Some(last)) = (status, output.last_mut()) {
        last["status"] = json!("incomplete");
    }
    let mut body = response(context, status, &output);
    body["usage"] = usage(Usage { input: context.input_tokens, output: spoken.output_tokens });
    // OpenAI indents these bodies.
    let bytes = format!("{body:#}").into_bytes();
    render::unary_rendition(bytes, openai_errors::headers("application/json", context.seed))
}

/// What a unary body says.
pub(super) fn read(bytes: &[u8]) -> Result<Completion, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("the body is not JSON: {error}"))?;
    if text_at(&value, "object") != Some("response") {
        return Err("the body's `object` is not `response`".to_owned());
    }
    let output = value.get("output").and_then(Value::as_array).ok_or("the body has no `output` list")?;
    let mut seen = Seen::default();
    seen.start(0, text_at(&value, "id"), text_at(&value, "model"));
    seen.completion.usage = value.get("usage").filter(|usage| usage.is_object()).cloned();
    for item in output {
        read_item(item, &mut seen);
    }
    match text_at(&value, "status") {
        Some("failed") => seen.completion.errors.push(error_of(0, &value)),
        Some(status @ ("completed" | "incomplete")) => {
            let (reason, raw) = ended(status, &value, &seen.completion.parts);
            seen.finish(0, reason, &raw);
            seen.terminator(bytes.len());
        }
        // Still at work in the background: not an answer yet.
        _ => {}
    }
    Ok(seen.completion)
}

fn read_item(item: &Value, seen: &mut Seen) {
    let take = |key: &str| text_at(item, key).unwrap_or_default();
    match take("type") {
        "message" => {
            for part in item.get("content").and_then(Value::as_array).into_iter().flatten() {
                match (text_at(part, "type"), text_at(part, "text"), text_at(part, "refusal")) {
                    (Some("output_text"), Some(text), _) => push(seen, PieceKind::Text, Part::text(""), text),
                    (Some("refusal"), _, Some(text)) => {
                        push(seen, PieceKind::Refusal, Part::Refusal { text: String::new() }, text)
                    }
                    _ => seen.part(Part::Other(part.clone())),
                };
            }
        }
        "reasoning" => {
            let text = ["summary", "content"]
                .into_iter()
                .flat_map(|list| item.get(list).and_then(Value::as_array).into_iter().flatten())
                .filter_map(|part| text_at(part, "text"))
                .collect::<String>();
            let signature = text_at(item, "encrypted_content").map(str::to_owned);
            if !text.is_empty() || signature.is_some() {
                push(seen, PieceKind::Thinking, Part::Thinking { text: String::new(), signature }, &text);
            }
        }
        "function_call" => {
            let arguments = Value::String(String::new());
            let (id, name) = (take("call_id").to_owned(), take("name").to_owned());
            let part = push(seen, PieceKind::Arguments, Part::ToolCall { id, name, arguments }, take("arguments"));
            seen.close_call(part);
        }
        _ => {
            seen.part(Part::Other(item.clone()));
        }
    }
}

fn push(seen: &mut Seen, kind: PieceKind, part: Part, text: &str) -> usize {
    let part = seen.part(part);
    if !text.is_empty() {
        seen.content(0, kind, part, text);
    }
    part
}
