//! Effects that change what stands behind the cut: events damaged, doubled, dropped, or cut in two.

use std::ops::Range;

use super::body::{Body, Event, Replace};
use super::compile::CompileError;
use super::damage;
use crate::answer::Stage;
use crate::framing::Framing;
use crate::scenario::{By, Cut};

/// Bytes by which an event is made too long.
const OVERSIZE: usize = 1 << 20;

/// Changes the body as the cut's effect has it; effects that only end it change nothing.
pub(super) fn apply(body: &mut Body, offset: usize, cut: &Cut) -> Result<(), CompileError> {
    match cut.by {
        By::BadJson => damage_next(body, offset).ok_or(nothing(cut, "no event with JSON follows")),
        By::Oversize => swell_next(body, offset).ok_or(nothing(cut, "no event with JSON follows")),
        By::Drop => drop_next(body, offset).ok_or(nothing(cut, "no event follows")),
        By::Duplicate => double_last(body, offset).ok_or(nothing(cut, "no event comes before")),
        By::NoTerminator => drop_terminator(body, offset).ok_or(nothing(cut, "no end mark follows")),
        By::AfterTerminator => add_behind(body, offset).ok_or(nothing(cut, "no event with content comes before")),
        _ => Ok(()),
    }
}

/// The middle of the event that begins at the cut or behind it.
pub(super) fn half_an_event(body: &Body, cut: &Cut, at: usize) -> Result<usize, CompileError> {
    let next = body.events.iter().find(|event| event.span.start >= at && event.span.len() > 1);
    next.map(|event| event.span.start + event.span.len() / 2).ok_or(nothing(cut, "no event follows"))
}

/// Behind the first byte of the next character that has several.
pub(super) fn inside_a_character(body: &Body, cut: &Cut, at: usize) -> Result<usize, CompileError> {
    let lead = match body.framing {
        Framing::Sse | Framing::Ndjson => first_lead(&body.bytes, at..body.bytes.len()),
        // Lengths and checksums are no text.
        Framing::EventStream => {
            let mut behind = body.events.iter().filter(|event| event.span.start >= at);
            behind.find_map(|event| first_lead(&body.bytes, payload(body, event)))
        }
    };
    lead.map(|lead| lead + 1).ok_or(nothing(cut, "no character of several bytes follows"))
}

/// The first byte in a range that begins a character of several.
fn first_lead(bytes: &[u8], range: Range<usize>) -> Option<usize> {
    let start = range.start;
    bytes.get(range)?.iter().position(|byte| *byte >= 0xC0).map(|lead| start + lead)
}

/// Where the payload of a message stands: at its end, before the checksum.
fn payload(body: &Body, event: &Event) -> Range<usize> {
    let length = body.framing.text(&body.bytes[event.span.clone()]).len();
    let end = event.span.end.saturating_sub(4);
    end.saturating_sub(length)..end
}

fn nothing(cut: &Cut, lacks: &'static str) -> CompileError {
    CompileError::NothingThere { by: cut.by.name(), at: cut.at, lacks }
}

/// Damages the first event with JSON that begins at or behind an offset; it says nothing any more.
fn damage_next(body: &mut Body, offset: usize) -> Option<()> {
    let (index, replaces) =
        body.events.iter().enumerate().filter(|(_, event)| event.span.start >= offset).find_map(|(index, event)| {
            let bytes = &body.bytes[event.span.clone()];
            damage::damage(body.framing, bytes, event.span.start).map(|replaces| (index, replaces))
        })?;
    silence(&mut body.events[index]);
    body.edit(&replaces);
    Some(())
}

/// Blanks in front of what an event's JSON says first: legal, and longer than any buffer.
fn swell_next(body: &mut Body, offset: usize) -> Option<()> {
    let blanks = || vec![b' '; OVERSIZE];
    let replace = body.events.iter().filter(|event| event.span.start >= offset).find_map(|event| {
        let bytes = &body.bytes[event.span.clone()];
        damage::damage(body.framing, bytes, event.span.start)?;
        match body.framing {
            Framing::Sse | Framing::Ndjson => {
                let brace = bytes.iter().position(|byte| matches!(byte, b'{' | b'['))?;
                let place = event.span.start + brace + 1;
                Some(Replace { range: place..place, with: blanks() })
            }
            Framing::EventStream => {
                let swell = |json: &str| Some(format!("{}{}{}", json.get(..1)?, " ".repeat(OVERSIZE), json.get(1..)?));
                Some(Replace { range: event.span.clone(), with: body.framing.rewritten(bytes, swell)? })
            }
        }
    })?;
    body.edit(&[replace]);
    Some(())
}

fn drop_next(body: &mut Body, offset: usize) -> Option<()> {
    let index = body.events.iter().position(|event| event.span.start >= offset)?;
    remove(body, index);
    Some(())
}

fn drop_terminator(body: &mut Body, offset: usize) -> Option<()> {
    let mark = |event: &Event| event.stage == Stage::Terminator && event.span.start >= offset;
    let index = body.events.iter().rposition(mark)?;
    remove(body, index);
    Some(())
}

fn remove(body: &mut Body, index: usize) {
    let event = body.events.remove(index);
    body.edit(&[Replace { range: event.span, with: Vec::new() }]);
}

/// The event before comes again, and says what it says again.
fn double_last(body: &mut Body, offset: usize) -> Option<()> {
    let index = body.events.iter().rposition(|event| event.span.end <= offset)?;
    let event = body.events[index].clone();
    let (at, with) = (event.span.end, body.bytes[event.span.clone()].to_vec());
    let again = at..at + with.len();
    body.edit(&[Replace { range: at..at, with }]);
    body.events.insert(index + 1, Event { span: again, ..event });
    Some(())
}

/// The last event with content before an offset comes again at the end, where nobody should listen any more.
fn add_behind(body: &mut Body, offset: usize) -> Option<()> {
    let event = body.events.iter().rfind(|event| event.kind.is_some() && event.span.end <= offset)?;
    let (end, with) = (body.bytes.len(), body.bytes[event.span.clone()].to_vec());
    body.edit(&[Replace { range: end..end, with }]);
    Some(())
}

fn silence(event: &mut Event) {
    event.kind = None;
    event.text = None;
}
