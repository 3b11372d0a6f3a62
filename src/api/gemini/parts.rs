//! The parts of an answer, as a stream's chunks and a unary body have them alike.

use serde_json::Value;

use crate::api::body::text_at;
use crate::api::calls::UNNAMED;
use crate::api::reading::Seen;
use crate::api::{FinishReason, Level, Part, PieceKind, Say};

use Level::Should;

/// Reads parts of content, one after the other.
#[derive(Debug, Default)]
pub(super) struct PartsReader {
    /// The part to which text of this kind is added.
    open: Option<(PieceKind, usize)>,
    /// Calls so far.
    pub(super) calls: usize,
}

/// Finish reasons that the API knows, as words or, where a client asks for numbers, as numbers.
pub(super) fn finish_reason(raw: &str) -> Option<FinishReason> {
    Some(match raw {
        "STOP" | "1" => FinishReason::Stop,
        "MAX_TOKENS" | "2" => FinishReason::Length,
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" => FinishReason::Refusal,
        "IMAGE_SAFETY" | "IMAGE_PROHIBITED_CONTENT" | "IMAGE_RECITATION" => FinishReason::Refusal,
        "3" | "4" | "6" | "7" | "8" => FinishReason::Refusal,
        "OTHER" | "LANGUAGE" | "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "TOO_MANY_TOOL_CALLS" => {
            FinishReason::Other
        }
        "MISSING_THOUGHT_SIGNATURE" | "MALFORMED_RESPONSE" | "NO_IMAGE" | "IMAGE_OTHER" | "5" | "9" => {
            FinishReason::Other
        }
        _ => return None,
    })
}

/// A word, or a number in its place.
pub(super) fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl PartsReader {
    /// The parts of a candidate.
    pub(super) fn candidate(&mut self, at: usize, candidate: &Value, seen: &mut Seen) -> Vec<Say> {
        let mut said = Vec::new();
        let Some(content) = candidate.get("content").filter(|content| !content.is_null()) else { return said };
        if !content.is_object() {
            seen.find("G06", Should, at, "the candidate's `content` is no object");
            return said;
        }
        if text_at(content, "role").is_some_and(|role| role != "model") {
            seen.find("G12", Should, at, format!("the role is {}, not \"model\"", content["role"]));
        }
        match content.get("parts") {
            None | Some(Value::Null) => {}
            Some(Value::Array(parts)) => {
                for part in parts {
                    self.part(at, part, seen, &mut said);
                }
            }
            Some(_) => seen.find("G06", Should, at, "the content's `parts` is no list"),
        }
        said
    }

    fn part(&mut self, at: usize, part: &Value, seen: &mut Seen, said: &mut Vec<Say>) {
        let thought = part.get("thought") == Some(&Value::Bool(true));
        if let Some(signature) = text_at(part, "thoughtSignature").filter(|signature| !signature.is_empty()) {
            self.sign(signature, seen);
            said.push(Say::Signature(signature.to_owned()));
        }
        if let Some(call) = part.get("functionCall") {
            self.call(at, call, seen, said);
        } else if let Some(text) = text_at(part, "text") {
            let kind = if thought { PieceKind::Thinking } else { PieceKind::Text };
            self.text(at, kind, text, seen, said);
        } else if !part.is_object() {
            seen.find("G06", Should, at, "a part is no object");
        } else if part.as_object().is_some_and(|fields| fields.keys().any(|key| !key.starts_with("thought"))) {
            // Code that was run, images, ...
            self.open = None;
            seen.part(Part::Other(part.clone()));
        }
    }

    /// A signature closes the thoughts before it; without any it stands alone.
    fn sign(&mut self, signature: &str, seen: &mut Seen) {
        self.open = None;
        if let Some(Part::Thinking { signature: signed @ None, .. }) = seen.completion.parts.last_mut() {
            *signed = Some(signature.to_owned());
            return;
        }
        seen.part(Part::Thinking { text: String::new(), signature: Some(signature.to_owned()) });
    }

    fn text(&mut self, at: usize, kind: PieceKind, text: &str, seen: &mut Seen, said: &mut Vec<Say>) {
        if text.is_empty() {
            return;
        }
        let part = match self.open {
            Some((open, part)) if open == kind => part,
            _ if kind == PieceKind::Thinking => seen.part(Part::Thinking { text: String::new(), signature: None }),
            _ => seen.part(Part::text(String::new())),
        };
        self.open = Some((kind, part));
        seen.content(at, kind, part, text);
        said.push(match kind {
            PieceKind::Thinking => Say::Thinking(text.to_owned()),
            _ => Say::Text(text.to_owned()),
        });
    }

    fn call(&mut self, at: usize, call: &Value, seen: &mut Seen, said: &mut Vec<Say>) {
        self.open = None;
        let name = text_at(call, "name").unwrap_or_default().to_owned();
        if name.is_empty() {
            seen.find("G11", Should, at, "the function call has no name");
        }
        let given = text_at(call, "id").filter(|id| !id.is_empty()).map(str::to_owned);
        let id = given.unwrap_or_else(|| format!("{UNNAMED}{}", self.calls));
        self.calls += 1;
        let arguments = match call.get("args") {
            None | Some(Value::Null) => "{}".to_owned(),
            Some(args) => {
                if !args.is_object() {
                    seen.find("G14", Level::Must, at, "the call's `args` is no object");
                }
                args.as_str().map_or_else(|| args.to_string(), str::to_owned)
            }
        };
        let part = Part::ToolCall { id: id.clone(), name: name.clone(), arguments: Value::String(String::new()) };
        let part = seen.part(part);
        seen.content(at, PieceKind::Arguments, part, &arguments);
        seen.close_call(part);
        said.push(Say::ToolCall { id, name });
        said.push(Say::Arguments(arguments));
    }

    /// What a finish means: an answer that calls a tool says STOP too.
    pub(super) fn reason(&self, raw: &str) -> Option<FinishReason> {
        let reason = finish_reason(raw);
        if reason == Some(FinishReason::Stop) && self.calls > 0 { Some(FinishReason::ToolCalls) } else { reason }
    }
}
