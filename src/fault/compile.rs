//! From a rendition, a cut and edits to a plan.

use std::time::Duration;

use bytes::Bytes;

use super::body::{self, Body};
use super::{End, Opening, Plan, Step, change, position};
use crate::answer::Rendition;
use crate::api::Api;
use crate::framing::Framing;
use crate::scenario::{At, Barrier, By, Cut, Edit, ErrorCode, Http2Error, Pace, Play, Stall};

/// Characters of content beside the text by which a barrier knows that it has arrived.
const TAIL: usize = 12;
/// What a barrier waits beyond the text, for events that carry none.
const SETTLE: Duration = Duration::from_millis(50);

/// Bytes of a piece of a body that comes slowly.
const SLOW_PIECE: usize = 16;
/// Time between two such pieces.
const SLOW_PAUSE: Duration = Duration::from_millis(5);

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
    /// The answer has nothing behind the position on which the effect could work.
    #[error("`{by}` at `{}`: {lacks}", position::words(*.at))]
    NothingThere {
        /// The effect.
        by: &'static str,
        /// The position.
        at: At,
        /// What is missing.
        lacks: &'static str,
    },
    /// Before the head there is nothing but the connection.
    #[error(
        "before the response head, a leg can `close`, `reset` or `stall` (over HTTP/2 also `rst_stream` and `goaway`), not `{by}`"
    )]
    BeforeTheHead {
        /// The effect.
        by: &'static str,
    },
}

/// Compiles what a leg of this API does with one request. `error_event` is the API's own error in a stream.
///
/// Positions are those of the answer without its edits. HTTP chunks stay as recorded, except that a cut, a paced
/// event and a gate begin one of their own, and where an edit says otherwise.
pub fn compile(rendition: &Rendition, play: &Play, api: &dyn Api, error_event: &[u8]) -> Result<Plan, CompileError> {
    let mut body = Body::new(rendition);
    let cut = match &play.cut {
        Some(cut) => Some((position::offset(&body, rendition.stream, cut.at)?, cut)),
        None => None,
    };
    if let Some((_, cut)) = cut
        && !rendition.stream
        && cut.by.needs_events()
    {
        return Err(CompileError::NeedsAStream { by: cut.by.name() });
    }

    // The cut is the first pin, gates are the others.
    body.pins.push(cut.map_or(usize::MAX, |(offset, _)| offset));
    if play.pace == Pace::LockStep && merged(&play.edits).is_none() {
        let gates = body.events.iter().filter(|event| event.text.is_some()).skip(1).map(|event| event.span.start);
        body.pins.extend(gates.collect::<Vec<_>>());
    }
    if let Some((offset, cut)) = cut {
        change::apply(&mut body, offset, cut)?;
    }
    let asks = |edit: Edit| rendition.stream && play.edits.contains(&edit);
    if asks(Edit::UnknownEvent) {
        body.insert_unknown(api);
    }
    // A mark and comments are legal in server-sent events alone.
    let has_comments = body.framing == Framing::Sse;
    if asks(Edit::Bom) && has_comments {
        body.insert_bom();
    }
    if asks(Edit::Comments) && has_comments {
        body.insert_comments();
    }
    let crlf = asks(Edit::Crlf) && body.framing.is_text();
    if crlf {
        body.make_crlf();
    }

    let mut writer = Writer::new(&body, play);
    let full = body.bytes.len();
    let mut opening = Opening::AtOnce;
    let end = match cut {
        None => {
            writer.send(0, full);
            End::Complete
        }
        Some((_, cut)) if cut.at == At::Request => {
            opening = match &cut.by {
                By::Close | By::Reset | By::RstStream(_) | By::Goaway(_) | By::Stall(Stall { r#for: None }) => {
                    Opening::Never
                }
                By::Stall(Stall { r#for: Some(time) }) => Opening::After(time.duration()),
                by => return Err(CompileError::BeforeTheHead { by: by.name() }),
            };
            writer.unopened(&cut.by, full)
        }
        Some((_, cut)) => {
            let at = body.pins[0];
            writer.send(0, at);
            writer.barrier();
            writer.effect(cut, at, error_event, crlf)?
        }
    };
    let Writer { steps, text, sent, .. } = writer;
    let announced = cut.is_some_and(|(_, cut)| cut.by == By::ContentLength);
    Ok(Plan {
        opening,
        status: rendition.status,
        headers: rendition.headers.clone(),
        chunked: rendition.stream && !announced,
        length: if end == End::Complete { sent } else { full },
        apart: play.edits.iter().any(|edit| matches!(edit, Edit::Split(_))),
        steps,
        end,
        text,
    })
}

/// What the answer says before its cut, without edits of its lines: nothing if there is no cut.
pub fn before_the_cut(rendition: &Rendition, play: &Play, api: &dyn Api) -> Vec<u8> {
    let Some(cut) = &play.cut else { return Vec::new() };
    let mut body = Body::new(rendition);
    body.pins.push(position::offset(&body, rendition.stream, cut.at).unwrap_or_default());
    if rendition.stream && play.edits.contains(&Edit::UnknownEvent) {
        body.insert_unknown(api);
    }
    let mut bytes = body.bytes;
    bytes.truncate(body.pins[0]);
    bytes
}

/// The frame of HTTP/2 that ends a response.
fn frame(by: &By) -> End {
    let code = |error: &Http2Error, usual| error.code.unwrap_or(usual) as u32;
    match by {
        By::RstStream(error) => End::RstStream(code(error, ErrorCode::InternalError)),
        By::Goaway(error) => End::GoAway(code(error, ErrorCode::NoError)),
        _ => End::Close,
    }
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
            self.steps.push(Step::Send { at: self.due(end - 1), data, coded: None, text: self.characters });
            start = end;
        }
    }

    /// What is done at the cut, where everything before it is out; gives the end of the response.
    fn effect(&mut self, cut: &Cut, at: usize, error_event: &[u8], crlf: bool) -> Result<End, CompileError> {
        let full = self.body.bytes.len();
        Ok(match &cut.by {
            By::Close | By::ContentLength => End::Close,
            By::Eof => End::Complete,
            By::Reset => End::Reset,
            By::BadChunk => End::BadChunk,
            By::RstStream(_) | By::Goaway(_) => frame(&cut.by),
            By::ErrorEvent => {
                self.send_event(if crlf { body::crlf(error_event) } else { error_event.to_vec() });
                End::Complete
            }
            By::CutEvent => {
                self.send(at, change::half_an_event(self.body, cut, at)?);
                End::Complete
            }
            By::CutUtf8 => {
                self.send(at, change::inside_a_character(self.body, cut, at)?);
                End::Close
            }
            By::Slow => {
                self.send_slowly(at, full);
                End::Complete
            }
            By::BadJson | By::NoTerminator | By::AfterTerminator | By::Duplicate | By::Drop | By::Oversize => {
                self.send(at, full);
                End::Complete
            }
            By::Stall(Stall { r#for: None }) => {
                self.steps.push(Step::Stall(None));
                End::Close
            }
            By::Stall(Stall { r#for: Some(time) }) => {
                self.steps.push(Step::Stall(Some(time.duration())));
                self.delay = time.duration();
                self.send(at, full);
                End::Complete
            }
        })
    }

    /// What is done in place of a head, or behind a head that comes late; gives the end of the response.
    fn unopened(&mut self, by: &By, full: usize) -> End {
        match by {
            By::Reset => End::Reset,
            By::Stall(Stall { r#for: None }) => {
                self.steps.push(Step::Stall(None));
                End::Close
            }
            By::Stall(_) => {
                self.send(0, full);
                End::Complete
            }
            By::RstStream(_) | By::Goaway(_) => frame(by),
            _ => End::Close,
        }
    }

    /// Sends a range in small pieces, each some time after the one before.
    fn send_slowly(&mut self, from: usize, to: usize) {
        for start in (from..to).step_by(SLOW_PIECE) {
            self.delay += SLOW_PAUSE;
            self.send(start, (start + SLOW_PIECE).min(to));
        }
    }

    /// Sends bytes that do not stand in the body, as soon as everything before them is out.
    fn send_event(&mut self, event: Vec<u8>) {
        let at =
            self.steps.iter().rev().find_map(|step| if let Step::Send { at, .. } = step { Some(*at) } else { None });
        self.sent += event.len();
        let at = at.unwrap_or_default();
        self.steps.push(Step::Send { at, data: event.into(), coded: None, text: self.characters });
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
