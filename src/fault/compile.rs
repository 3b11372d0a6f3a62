//! From a rendition, a cut and edits to a plan.

use std::time::Duration;

use bytes::Bytes;

use super::body::{self, Body};
use super::{End, Plan, Step, damage, position};
use crate::answer::Rendition;
use crate::scenario::{At, Barrier, By, Edit, Pace, Play};

/// Characters of content beside the text by which a barrier knows that it has arrived.
const TAIL: usize = 12;
/// What a barrier waits beyond the text, for events that carry none.
const SETTLE: Duration = Duration::from_millis(50);

/// A script that does not fit its answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The position lies behind the end of the answer.
    #[error("the cut at `{}` lies past the end: the answer has {has}", position::words(*.at))]
    PastTheEnd {
        /// The position.
        at: At,
        /// What the answer has of that unit.
        has: String,
    },
    /// A unary answer has no such position.
    #[error("a unary answer knows `head` and `{{bytes: n}}`, not `{}`", position::words(*.at))]
    Unary {
        /// The position.
        at: At,
    },
    /// A unary answer has no events.
    #[error("`{by}` needs a streamed answer")]
    NeedsAStream {
        /// The effect.
        by: &'static str,
    },
    /// No event behind the position holds JSON.
    #[error("`bad_json` at `{}`: no event with JSON follows", position::words(*.at))]
    NothingToDamage {
        /// The position.
        at: At,
    },
}

/// Compiles what a leg does with one request. `error_event` is the API's own error in a stream.
///
/// Positions are those of the answer without its edits. HTTP chunks stay as recorded, except that a cut, a paced
/// event and a gate begin one of their own, and where an edit says otherwise.
pub fn compile(rendition: &Rendition, play: &Play, error_event: &[u8]) -> Result<Plan, CompileError> {
    let mut body = Body::new(rendition);
    let cut = match &play.cut {
        Some(cut) => Some((position::offset(&body, rendition.stream, cut.at)?, cut)),
        None => None,
    };
    if !rendition.stream {
        match cut.map(|(_, cut)| &cut.by) {
            Some(By::ErrorEvent) => return Err(CompileError::NeedsAStream { by: "error_event" }),
            Some(By::BadJson) => return Err(CompileError::NeedsAStream { by: "bad_json" }),
            _ => {}
        }
    }

    // The cut is the first pin, gates are the others.
    body.pins.push(cut.map_or(usize::MAX, |(offset, _)| offset));
    if play.pace == Pace::LockStep && merged(&play.edits).is_none() {
        let gates = body.events.iter().filter(|event| event.text.is_some()).skip(1).map(|event| event.span.start);
        body.pins.extend(gates.collect::<Vec<_>>());
    }
    if let Some((offset, cut)) = cut
        && cut.by == By::BadJson
    {
        damage_next(&mut body, offset).ok_or(CompileError::NothingToDamage { at: cut.at })?;
    }
    if rendition.stream && play.edits.contains(&Edit::Comments) {
        body.insert_comments();
    }
    let crlf = rendition.stream && play.edits.contains(&Edit::Crlf);
    if crlf {
        body.make_crlf();
    }

    let mut writer = Writer::new(&body, play);
    let full = body.bytes.len();
    let at = body.pins[0];
    let end = match cut.map(|(_, cut)| &cut.by) {
        None => {
            writer.send(0, full);
            End::Complete
        }
        Some(by) => {
            writer.send(0, at);
            writer.barrier();
            match by {
                By::Close => End::Close,
                By::Eof => End::Complete,
                By::Reset => End::Reset,
                By::ErrorEvent => {
                    let event = if crlf { body::crlf(error_event) } else { error_event.to_vec() };
                    writer.send_event(event);
                    End::Complete
                }
                By::BadJson => {
                    writer.send(at, full);
                    End::Complete
                }
                By::Stall(stall) => match stall.r#for {
                    None => {
                        writer.steps.push(Step::Stall(None));
                        End::Close
                    }
                    Some(time) => {
                        writer.steps.push(Step::Stall(Some(time.duration())));
                        writer.delay = time.duration();
                        writer.send(at, full);
                        End::Complete
                    }
                },
            }
        }
    };
    let Writer { steps, text, sent, .. } = writer;
    Ok(Plan {
        status: rendition.status,
        headers: rendition.headers.clone(),
        chunked: rendition.stream,
        length: if end == End::Complete { sent } else { full },
        steps,
        end,
        text,
    })
}

/// What the answer says before its cut, without edits: nothing if there is no cut.
pub fn before_the_cut(rendition: &Rendition, play: &Play) -> Vec<u8> {
    let Some(cut) = &play.cut else { return Vec::new() };
    let body = Body::new(rendition);
    let offset = position::offset(&body, rendition.stream, cut.at).unwrap_or_default();
    let mut bytes = body.bytes;
    bytes.truncate(offset);
    bytes
}

/// Damages the first event with JSON that begins at or behind an offset; it says nothing any more.
fn damage_next(body: &mut Body, offset: usize) -> Option<()> {
    let (index, replaces) =
        body.events.iter().enumerate().filter(|(_, event)| event.span.start >= offset).find_map(|(index, event)| {
            damage::damage(&body.bytes[event.span.clone()], event.span.start).map(|replaces| (index, replaces))
        })?;
    body.events[index].kind = None;
    body.events[index].text = None;
    body.edit(&replaces);
    Some(())
}

/// Events to an HTTP chunk, if that is scripted.
fn merged(edits: &[Edit]) -> Option<usize> {
    edits.iter().find_map(|edit| if let Edit::Merge(n) = edit { Some((*n as usize).max(1)) } else { None })
}

/// Turns ranges of the body into steps.
#[derive(Debug)]
struct Writer<'a> {
    body: &'a Body,
    play: &'a Play,
    /// Where HTTP chunks begin.
    borders: Vec<usize>,
    /// Where a gate stands.
    gates: Vec<usize>,
    /// Added to each deadline: a stall that has passed.
    delay: Duration,
    steps: Vec<Step>,
    /// Text that is out.
    text: String,
    /// Characters of it.
    characters: usize,
    /// Content of other kinds that is out.
    beyond: String,
    /// Events that are out, or passed over.
    passed: usize,
    /// Bytes that are out.
    sent: usize,
}

impl<'a> Writer<'a> {
    fn new(body: &'a Body, play: &'a Play) -> Self {
        let split = play
            .edits
            .iter()
            .find_map(|edit| if let Edit::Split(n) = edit { Some((*n as usize).max(1)) } else { None });
        let starts = || body.events.iter().map(|event| event.span.start);
        let merged = merged(&play.edits);
        let mut gates: Vec<usize> = body.pins[1..].to_vec();
        let mut borders: Vec<usize> = match (split, merged) {
            (Some(n), _) => split_borders(body, &gates, n),
            (None, Some(n)) => starts().step_by(n).collect(),
            (None, None) => body.chunks.iter().map(|(start, _)| *start).collect(),
        };
        if let (Some(n), Pace::LockStep) = (merged, play.pace) {
            // Merged events go out together, so the gate stands before each chunk with text but the first.
            gates = body
                .events
                .chunks(n)
                .filter(|chunk| chunk.iter().any(|event| event.text.is_some()))
                .skip(1)
                .map(|chunk| chunk[0].span.start)
                .collect();
        }
        if split.is_none() && merged.is_none() && matches!(play.pace, Pace::Every(_)) {
            borders.extend(starts());
        }
        borders.extend(&gates);
        borders.sort_unstable();
        borders.dedup();
        Self {
            body,
            play,
            borders,
            gates,
            delay: Duration::ZERO,
            steps: Vec::new(),
            text: String::new(),
            characters: 0,
            beyond: String::new(),
            passed: 0,
            sent: 0,
        }
    }

    /// Sends a range of the body, cut at the borders inside it.
    fn send(&mut self, from: usize, to: usize) {
        let mut start = from;
        while start < to {
            let next = self.borders.partition_point(|border| *border <= start);
            let end = self.borders.get(next).map_or(to, |border| (*border).min(to));
            if self.gates.binary_search(&start).is_ok() {
                self.steps.push(Step::Gate);
            }
            self.pass(end);
            let data = Bytes::copy_from_slice(&self.body.bytes[start..end]);
            self.sent += data.len();
            self.steps.push(Step::Send { at: self.due(end - 1), data, text: self.characters });
            start = end;
        }
    }

    /// Sends bytes that do not stand in the body, as soon as everything before them is out.
    fn send_event(&mut self, event: Vec<u8>) {
        let at =
            self.steps.iter().rev().find_map(|step| if let Step::Send { at, .. } = step { Some(*at) } else { None });
        self.sent += event.len();
        self.steps.push(Step::Send { at: at.unwrap_or_default(), data: event.into(), text: self.characters });
    }

    /// The barrier before an effect, if there is anything to wait for.
    fn barrier(&mut self) {
        if self.play.barrier == Barrier::Seen && self.sent > 0 {
            let from = self.beyond.char_indices().rev().take(TAIL).last().map_or(0, |(at, _)| at);
            self.steps.push(Step::Barrier { settle: SETTLE, beyond: self.beyond[from..].to_owned() });
        }
    }

    /// Counts the text of the events that are whole at an offset.
    fn pass(&mut self, end: usize) {
        while let Some(event) = self.body.events.get(self.passed)
            && event.span.end <= end
        {
            if let Some(text) = &event.text {
                self.text.push_str(text);
                self.characters += text.chars().count();
            }
            self.beyond.push_str(event.beyond.as_deref().unwrap_or_default());
            self.passed += 1;
        }
    }

    /// When a byte is due since the response began.
    fn due(&self, offset: usize) -> Duration {
        let time = match self.play.pace {
            Pace::Instant | Pace::LockStep => Duration::ZERO,
            Pace::Recorded => self.body.recorded(offset),
            Pace::Scale(factor) => scale(self.body.recorded(offset), factor),
            Pace::Every(time) => {
                let event = u32::try_from(self.body.event_at(offset)).unwrap_or(u32::MAX);
                time.duration().saturating_mul(event)
            }
        };
        time.saturating_add(self.delay)
    }
}

/// Borders every n bytes, counted anew from each gate.
fn split_borders(body: &Body, gates: &[usize], n: usize) -> Vec<usize> {
    let mut borders = Vec::new();
    let mut start = 0;
    for end in gates.iter().copied().chain([body.bytes.len()]) {
        borders.extend((start..end).step_by(n));
        start = end;
    }
    borders
}

/// A time times a factor; a factor that gives no time counts as 0.
fn scale(time: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(time.as_secs_f64() * factor).unwrap_or_default()
}
