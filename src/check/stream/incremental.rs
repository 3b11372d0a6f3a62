//! `stream.incremental`: whether text is handed on as it comes. Judged by the lock-step gate, by no clock.

use crate::api::PieceKind;
use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::view::{Call, StepView};
use crate::proxy::AfterContent;

/// `stream.incremental`.
pub(in crate::check) const INCREMENTAL: Check = Check {
    judge: Judge::Step(incremental),
    info: CheckInfo {
        id: "stream.incremental",
        level: Level::Must,
        requirement: "Text is handed on as it comes, not held back until the answer is whole.",
        rationale: "Streaming is asked for because the user watches; a buffered stream is no stream.",
        passes: "In lock step, the client has each delta before the next is sent, but for the declared buffer.",
        fails: "More is held back than the proxy declares. Undeclared buffering warns.",
        sources: &[],
    },
};

fn incremental(step: &StepView<'_>) -> Found {
    let gated: Vec<&Call<'_>> = step.calls.iter().filter(|call| call.exchange.gated).collect();
    if gated.is_empty() {
        return Found::not_exercised("no answer was paced in lock step");
    }
    if step.policy().after_content == Some(AfterContent::BufferAll) {
        return Found::skip("the proxy declares to hold answers back until they are whole");
    }
    let Some((call, lacked)) = gated.iter().find_map(|call| call.exchange.gate_opened.map(|lacked| (*call, lacked)))
    else {
        return Found::pass();
    };
    let deltas = call.completion.deltas.iter().filter(|delta| delta.kind == PieceKind::Text).count();
    let declared = step.policy().buffer;
    let reason = format!("the client lacked {lacked} of the deltas that `{}` had sent", call.name());
    let found = if let Some(buffer) = declared.filter(|buffer| lacked <= *buffer) {
        Found::pass_for(format!("{reason}; {buffer} are declared to be held back"))
    } else if lacked as usize >= deltas.max(2) || came_at_once(step, call) {
        Found::fail(format!("{reason}: the whole answer came at once"))
    } else {
        let promise = declared.map_or("nothing".to_owned(), |buffer| buffer.to_string());
        Found::undeclared(declared.is_some(), format!("{reason}; declared to be held back: {promise}"))
    };
    found.with(step.evidence(call))
}

/// Whether the client's first text came when the leg had already said everything, in one piece with the last.
fn came_at_once(step: &StepView<'_>, call: &Call<'_>) -> bool {
    let mut at = 0;
    let mut chunks = step.client.exchange.chunks.iter().map(|chunk| {
        at += chunk.data.0.len();
        (at, chunk.at)
    });
    let texts = step.client.answer.deltas.iter().filter(|delta| delta.kind == PieceKind::Text);
    let (Some(first), Some(last)) = (texts.clone().next(), texts.clone().next_back()) else { return false };
    let first_at = chunks.find(|(end, _)| *end > first.offset);
    let same_chunk = first_at.is_some_and(|(end, _)| end > last.offset);
    first.offset != last.offset
        && same_chunk
        && first_at.is_some_and(|(_, time)| call.exchange.sent.last().is_some_and(|sent| time >= sent.at))
}
