//! What the client hears of an answer.

use bytes::Bytes;
use serde_json::Value;

use super::seam::skipped;
use super::{Mischief, Sabotage};
use crate::answer::Stage;
use crate::api::{ApiId, FinishReason, Say, Usage, Written};
use crate::builtin::Defect;
use crate::builtin::failure::{Cause, Failure};
use crate::framing::Framing;

impl Sabotage {
    /// What is made of the bytes of a leg, piece by piece.
    pub(in crate::builtin) fn decoder(&self, framing: Framing) -> fn(Bytes) -> Bytes {
        let lossy = |bytes: Bytes| String::from_utf8_lossy(&bytes).into_owned().into();
        if self.has(Defect::Utf8BrokenAtChunkBorder) && framing.is_text() { lossy } else { |bytes| bytes }
    }

    /// What is heard of what a leg says.
    pub(in crate::builtin) fn heard(&self, mischief: &mut Mischief, say: Say) -> Option<Say> {
        let say = skipped(mischief, say)?;
        mischief.in_call = matches!(say, Say::ToolCall { .. } | Say::Arguments(_));
        mischief.calls += usize::from(matches!(say, Say::ToolCall { .. }));
        match say {
            Say::Thinking(_) | Say::Signature(_) if self.has(Defect::ThinkingDropped) => None,
            Say::Signature(_) if self.has(Defect::SignatureLost) => None,
            Say::ToolCall { .. } if self.has(Defect::ToolCallsMerged) && mischief.calls > 1 => None,
            Say::ToolCall { name, .. } if self.has(Defect::ToolIdChanged) => {
                Some(Say::ToolCall { id: format!("call_{:024}", mischief.calls), name })
            }
            Say::Arguments(_) if self.has(Defect::ToolArgumentsCut) => mischief.held.replace(say),
            Say::ToolCall { .. } if self.has(Defect::ToolArgumentsCut) => {
                mischief.held = None;
                Some(say)
            }
            Say::Text(text) => Some(Say::Text(self.mixed_up(mischief, text))),
            _ => Some(say),
        }
    }

    /// The finish that is invented for a stream that broke off.
    pub(in crate::builtin) fn finishes(&self, mischief: &Mischief, failure: &Failure) -> Option<FinishReason> {
        if !matches!(failure.cause, Cause::Transport | Cause::Truncated) {
            return None;
        }
        if self.has(Defect::HalfToolCallFinished) && mischief.in_call {
            return Some(FinishReason::ToolCalls);
        }
        self.has(Defect::TruncationFinished).then_some(FinishReason::Stop)
    }

    /// Why the answer is said to have ended.
    pub(in crate::builtin) fn reason(&self, reason: FinishReason) -> FinishReason {
        match reason {
            FinishReason::Length if self.has(Defect::LengthToldAsStop) => FinishReason::Stop,
            FinishReason::Length if self.has(Defect::FinishRewritten) => FinishReason::ToolCalls,
            FinishReason::Refusal if self.has(Defect::RefusalToldAsStop) => FinishReason::Stop,
            _ => reason,
        }
    }

    /// The usage that is told, of all legs and of the last.
    pub(in crate::builtin) fn usage(&self, sum: Usage, last: Usage) -> Usage {
        if self.has(Defect::UsageOfOneLeg) { last } else { sum }
    }

    /// Whether usage is told if the client asks for it.
    pub(in crate::builtin) fn tells_usage(&self) -> bool {
        !self.has(Defect::UsageLost)
    }

    /// What is made of the events of a stream.
    pub(in crate::builtin) fn written(
        &self,
        mischief: &Mischief,
        api: ApiId,
        mut events: Vec<Written>,
    ) -> Vec<Written> {
        if self.has(Defect::GrammarBroken) {
            events.retain(|event| !event.bytes.starts_with(b"event: content_block_stop"));
            replace(&mut events, "\"object\":\"chat.completion.chunk\",", "");
        }
        if mischief.behind_seam && api == ApiId::OpenaiChat {
            if self.has(Defect::ModelDrifts) {
                replace(&mut events, "\"model\":\"", "\"model\":\"vendor-");
            }
            if self.has(Defect::IdChanges) {
                replace(&mut events, "\"id\":\"chatcmpl-", "\"id\":\"chatcmpl-2");
            }
        }
        if mischief.behind_seam && api == ApiId::OpenaiResponses && self.has(Defect::FinalIsTheTail) {
            let head = Value::from(mischief.head.as_str()).to_string();
            let finals = events.iter_mut().filter(|event| !event.bytes.windows(6).any(|part| part == b".delta"));
            finals.for_each(|event| replace(std::slice::from_mut(event), head.trim_matches('"'), ""));
        }
        events
    }

    /// What is made of an event that is handed on as it came.
    pub(in crate::builtin) fn passed(&self, event: Vec<u8>) -> Vec<u8> {
        if !self.has(Defect::PassthroughRewritten) {
            return event;
        }
        let Ok(text) = std::str::from_utf8(&event) else { return event };
        text.replace("\"service_tier\":\"default\"", "\"service_tier\":\"auto\"").into_bytes()
    }

    /// What is made of the events that end a whole answer.
    pub(in crate::builtin) fn ending(&self, api: ApiId, mut events: Vec<Written>) -> Vec<Written> {
        // The end mark of Converse tells the usage, too: without it more would be lost.
        if self.has(Defect::TerminatorMissing) && api != ApiId::BedrockConverse {
            events.retain(|event| event.stage != Stage::Terminator);
        }
        events
    }

    /// What goes out now; the rest is added to what waits.
    pub(in crate::builtin) fn delayed(&self, waiting: &mut Vec<u8>, event: Vec<u8>) -> Vec<u8> {
        if self.has(Defect::BufferedStream) {
            waiting.extend(event);
            return Vec::new();
        }
        if self.has(Defect::OneEventLate) {
            return std::mem::replace(waiting, event);
        }
        event
    }
}

/// Replaces text in events that are text.
pub(super) fn replace(events: &mut [Written], from: &str, to: &str) {
    for event in events {
        if let Ok(text) = std::str::from_utf8(&event.bytes) {
            event.bytes = text.replace(from, to).into_bytes();
        }
    }
}
