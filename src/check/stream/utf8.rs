//! `stream.utf8`: characters that survive the way.

use crate::api::{Api, ApiId, Completion, Part};
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::view::{Call, StepView};
use crate::check::{Evidence, Level};
use crate::framing::Framing;
use crate::history::ClientEnd;

/// What decoders put where bytes are no character.
const REPLACEMENT: char = '\u{FFFD}';

/// `stream.utf8`.
pub(in crate::check) const UTF8: Check = Check {
    judge: Judge::Step(utf8),
    info: CheckInfo {
        id: "stream.utf8",
        level: Level::Must,
        requirement: "What the client gets is valid UTF-8, and no character in it was replaced on the way.",
        rationale: "A character is several bytes, and a network cuts anywhere: a proxy that decodes piece by piece breaks \
                    every emoji and every second name in the world. Some SDKs raise on invalid UTF-8, others show a blot.",
        passes: "Valid UTF-8 with the characters that the legs sent; a last character that a broken transport cut off.",
        fails: "Bytes that are no character, or U+FFFD where no leg sent one.",
        sources: &[],
    },
};

fn utf8(step: &StepView<'_>) -> Found {
    let framing = |api: Option<&'static dyn Api>| api.map_or(Framing::Sse, Api::framing);
    let body = &framing(step.client.api).text(&step.client.body);
    let sent = |call: &Call<'_>| framing(call.exchange.api.and_then(ApiId::spoken)).text(&call.body()).into_owned();
    let plain = |bytes: &[u8]| bytes.is_ascii() && !String::from_utf8_lossy(bytes).contains("\\u");
    if body.is_empty() || (plain(body) && step.calls.iter().all(|call| plain(&sent(call)))) {
        return Found::not_exercised("nothing beyond ASCII came");
    }
    if let Some(offset) = invalid(step, body) {
        if step.calls.iter().any(|call| std::str::from_utf8(&sent(call)).is_err()) {
            return Found::pass_for("bytes that are no character, as a leg sent them");
        }
        let from = offset.saturating_sub(20);
        let around = String::from_utf8_lossy(&body[from..body.len().min(offset + 20)]).into_owned();
        return Found::fail(format!("byte {offset} is no part of a character")).with(Evidence {
            exchange: step.client_name(),
            path: Some(format!("byte {offset}")),
            expected: None,
            got: Some(around),
        });
    }
    let (got, sent) = (blots(&step.client.answer), step.calls.iter().map(|call| blots(&call.completion)).sum());
    if got > sent {
        let reason = format!("{got} characters are replaced by U+FFFD; the legs sent {sent}");
        return Found::fail(reason).with(step.client_evidence(around_blot(&step.client.answer)));
    }
    Found::pass()
}

/// The first byte that is no part of a character; one that a broken transport cut off at the end is none.
fn invalid(step: &StepView<'_>, body: &[u8]) -> Option<usize> {
    let error = std::str::from_utf8(body).err()?;
    let cut_off = error.error_len().is_none() && !step.client.ended(&ClientEnd::Complete);
    (!cut_off).then(|| error.valid_up_to())
}

/// Every text of an answer, tool arguments included.
fn texts(answer: &Completion) -> Vec<String> {
    let texts = answer.parts.iter().map(|part| match part {
        Part::Text { text, .. } | Part::Thinking { text, .. } | Part::Refusal { text } => text.clone(),
        Part::ToolCall { arguments, .. } => arguments.as_str().map_or_else(|| arguments.to_string(), str::to_owned),
        Part::Image { .. } | Part::ToolResult { .. } | Part::Other(_) => String::new(),
    });
    texts.collect()
}

fn blots(answer: &Completion) -> usize {
    texts(answer).iter().map(|text| text.matches(REPLACEMENT).count()).sum()
}

fn around_blot(answer: &Completion) -> String {
    let text = texts(answer).into_iter().find(|text| text.contains(REPLACEMENT)).unwrap_or_default();
    let chars: Vec<char> = text.chars().collect();
    let at = chars.iter().position(|c| *c == REPLACEMENT).unwrap_or_default();
    chars[at.saturating_sub(20)..chars.len().min(at + 20)].iter().collect()
}
