//! Whole answers of OpenAI Chat Completions as a vendor writes them.

use serde_json::Value;

use super::chat::{call_values, finish_words, values};
use super::file::Chat;
use super::template::fill;
use crate::answer::{Spoken, SpokenPart};
use crate::api::EncodeContext;

/// Names of the values that a message has.
pub(super) const MESSAGE: [&str; 3] = ["text", "thinking", "calls"];
/// Names of the values that a body has beside those of every answer.
pub(super) const BODY: [&str; 2] = ["message", "finish"];

/// The body.
pub(super) fn body(chat: &Chat, spoken: &Spoken, context: &EncodeContext) -> Vec<u8> {
    let (mut text, mut thinking) = (None::<String>, None::<String>);
    let mut calls = Vec::<Value>::new();
    for part in &spoken.parts {
        match part {
            SpokenPart::Text(deltas) | SpokenPart::Refusal(deltas) => {
                text.get_or_insert_default().push_str(&deltas.concat());
            }
            SpokenPart::Thinking(deltas, _) => thinking.get_or_insert_default().push_str(&deltas.concat()),
            SpokenPart::ToolCall { id, name, arguments } => {
                let values = call_values(chat, calls.len(), id, name, &arguments.concat());
                calls.push(fill(&chat.answer.call, &values));
            }
        }
    }
    let values = values(chat, spoken, context)
        .with_some("text", text)
        .with_some("thinking", thinking)
        .with_some("calls", (!calls.is_empty()).then_some(calls));
    let message = fill(&chat.answer.message, &values);
    let values = values.with("message", message).with("finish", finish_words(spoken));
    format!("{}{}", chat.answer.before, fill(&chat.answer.body, &values)).into_bytes()
}
