//! The objects that OpenAI Responses repeats: the response, its items, its usage.

use serde_json::{Value, json};

use crate::api::seeded::Seeded;
use crate::api::{EncodeContext, FinishReason, Usage};

/// How a response stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// It is being made.
    InProgress,
    /// It is whole.
    Completed,
    /// It ended before the model was done, for this reason.
    Incomplete(&'static str),
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
        }
    }

    /// How an answer stands that ended for this reason; `refused` if the model said so in words.
    pub(super) fn ended(reason: FinishReason, refused: bool) -> Self {
        match reason {
            FinishReason::Length => Self::Incomplete("max_output_tokens"),
            // The model's own refusal is an answer like any other.
            FinishReason::Refusal if !refused => Self::Incomplete("content_filter"),
            _ => Self::Completed,
        }
    }
}

/// The id of an item or a response: a prefix and 50 digits.
pub(super) fn id(prefix: &str, seed: u64, number: usize) -> String {
    format!("{prefix}_{}", Seeded::new(seed, &format!("{prefix} {number}")).hex(50))
}

/// The response without its usage: `output` are its items so far.
pub(super) fn response(context: &EncodeContext, status: Status, output: &[Value]) -> Value {
    let reason = match status {
        Status::Incomplete(reason) => json!({"reason": reason}),
        Status::InProgress | Status::Completed => Value::Null,
    };
    let done = status == Status::Completed;
    json!({
        "id": id("resp", context.seed, 0),
        "object": "response",
        "created_at": context.created,
        "status": status.name(),
        "background": false,
        "completed_at": done.then_some(context.created + 1),
        "error": null,
        "frequency_penalty": 0.0,
        "incomplete_details": reason,
        "instructions": null,
        "max_output_tokens": null,
        "max_tool_calls": null,
        "model": context.model,
        "output": output,
        "parallel_tool_calls": true,
        "presence_penalty": 0.0,
        "previous_response_id": null,
        "prompt_cache_key": null,
        "prompt_cache_retention": null,
        "reasoning": {"effort": null, "summary": null},
        "safety_identifier": null,
        "service_tier": if status == Status::InProgress { "auto" } else { "default" },
        "store": true,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": null,
        "user": null,
        "metadata": {},
    })
}

pub(super) fn usage(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input,
        "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.input + usage.output,
    })
}

/// A part of a message or of its reasoning.
pub(super) fn text_part(kind: &str, text: &str) -> Value {
    match kind {
        "output_text" => json!({"type": kind, "annotations": [], "logprobs": [], "text": text}),
        "refusal" => json!({"type": kind, "refusal": text}),
        _ => json!({"type": kind, "text": text}),
    }
}

pub(super) fn message(id: &str, status: &str, content: &[Value]) -> Value {
    json!({"id": id, "type": "message", "status": status, "content": content, "role": "assistant"})
}

/// Reasoning is shown by its summary; what the model can read again is encrypted.
pub(super) fn reasoning(id: &str, summary: &[Value], encrypted: Option<&str>) -> Value {
    let mut item = json!({"id": id, "type": "reasoning", "summary": summary});
    if let Some(encrypted) = encrypted {
        item["encrypted_content"] = encrypted.into();
    }
    item
}

pub(super) fn function_call(id: &str, status: &str, call_id: &str, name: &str, arguments: &str) -> Value {
    json!({
        "id": id, "type": "function_call", "status": status, "arguments": arguments, "call_id": call_id, "name": name
    })
}
