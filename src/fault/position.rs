//! Positions: what `at` means as an offset in the body.

use super::body::{Body, Event};
use super::compile::CompileError;
use crate::answer::Stage;
use crate::api::PieceKind;
use crate::scenario::At;

/// The offset behind which a cut stands. Positions mean *after*, and are those of the answer without its edits.
pub(super) fn offset(body: &Body, stream: bool, at: At) -> Result<usize, CompileError> {
    let past = |has: String| CompileError::PastTheEnd { at, has };
    let nth = |n: u32, singular: &str, matches: &dyn Fn(&Event) -> bool| {
        let Some(index) = (n as usize).checked_sub(1) else { return Ok(0) };
        let mut events = body.events.iter().filter(|event| matches(event));
        match events.nth(index) {
            Some(event) => Ok(event.span.end),
            None => Err(past(count(body.events.iter().filter(|event| matches(event)).count(), singular))),
        }
    };
    let last = |missing: &str, matches: &dyn Fn(&Event) -> bool| {
        let event = body.events.iter().rev().find(|event| matches(event));
        event.map(|event| event.span.end).ok_or_else(|| past(format!("no {missing}")))
    };
    match at {
        At::Request | At::Head => Ok(0),
        At::Bytes(n) => match usize::try_from(n) {
            Ok(n) if n <= body.bytes.len() => Ok(n),
            _ => Err(past(count(body.bytes.len(), "byte"))),
        },
        At::Asked(_) => Err(past("no request".to_owned())),
        _ if !stream => Err(CompileError::Unary { at }),
        At::Preamble => {
            let preamble = body.events.iter().take_while(|event| event.stage == Stage::Preamble).last();
            Ok(preamble.map_or(0, |event| event.span.end))
        }
        At::Texts(n) => nth(n, "text", &|event| event.kind == Some(PieceKind::Text)),
        At::Pieces(n) => nth(n, "piece", &|event| event.kind.is_some()),
        At::Events(n) => nth(n, "event", &|_| true),
        At::LastContent => last("content", &|event| event.kind.is_some()),
        // Where a stream has no end mark, its finish is the end.
        At::Finish => {
            let has_own = body.events.iter().any(|event| event.stage == Stage::Finish);
            let stage = if has_own { Stage::Finish } else { Stage::Terminator };
            last("finish reason", &|event| event.stage == stage)
        }
        At::Terminator => last("end mark", &|event| event.stage == Stage::Terminator),
    }
}

/// `24 texts`, `1 text`, `no text`.
fn count(n: usize, singular: &str) -> String {
    match n {
        0 => format!("no {singular}"),
        1 => format!("1 {singular}"),
        n => format!("{n} {singular}s"),
    }
}

/// A position as a scenario writes it.
pub(super) fn words(at: At) -> String {
    match at {
        At::Request => "request".to_owned(),
        At::Head => "head".to_owned(),
        At::Preamble => "preamble".to_owned(),
        At::Texts(n) => format!("{{texts: {n}}}"),
        At::Pieces(n) => format!("{{pieces: {n}}}"),
        At::Events(n) => format!("{{events: {n}}}"),
        At::Bytes(n) => format!("{{bytes: {n}}}"),
        At::LastContent => "last_content".to_owned(),
        At::Finish => "finish".to_owned(),
        At::Terminator => "terminator".to_owned(),
        At::Asked(n) => format!("asked {n}"),
    }
}
