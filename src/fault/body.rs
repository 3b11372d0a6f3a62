//! The flat body of a rendition with everything that stands at an offset of it, kept right through edits.

use std::ops::Range;
use std::time::Duration;

use crate::answer::{Rendition, Stage};
use crate::api::{Api, PieceKind};
use crate::framing::Framing;

/// An event of the body.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// Where it stands.
    pub(super) span: Range<usize>,
    /// How far the stream has got with it.
    pub(super) stage: Stage,
    /// Kind of the non-empty delta that it carries.
    pub(super) kind: Option<PieceKind>,
    /// Its text, if it is text of the answer.
    pub(super) text: Option<String>,
    /// Its content, if it is of another kind: arguments, thinking, a refusal.
    pub(super) beyond: Option<String>,
}

/// The flat body of a rendition.
#[derive(Clone, Debug)]
pub(super) struct Body {
    /// How its events are framed.
    pub(super) framing: Framing,
    /// Every byte.
    pub(super) bytes: Vec<u8>,
    /// Events in order.
    pub(super) events: Vec<Event>,
    /// Where each HTTP chunk begins, and its recorded time since the request.
    pub(super) chunks: Vec<(usize, Duration)>,
    /// Offsets that must stay put through edits: the cut, the gates.
    pub(super) pins: Vec<usize>,
}

/// Replaces the bytes of a range; an empty range inserts before its offset.
#[derive(Clone, Debug)]
pub(super) struct Replace {
    /// What is replaced.
    pub(super) range: Range<usize>,
    /// By what.
    pub(super) with: Vec<u8>,
}

impl Body {
    /// The flat body of a rendition.
    pub(super) fn new(rendition: &Rendition) -> Self {
        let mut bytes = Vec::new();
        let mut chunks = Vec::new();
        let mut time = Duration::ZERO;
        for chunk in &rendition.chunks {
            time = time.saturating_add(chunk.after);
            if !chunk.data.is_empty() {
                chunks.push((bytes.len(), time));
                bytes.extend_from_slice(&chunk.data);
            }
        }
        let events = rendition
            .marks
            .iter()
            .filter(|mark| mark.start <= mark.end && mark.end <= bytes.len())
            .map(|mark| {
                let piece = mark.piece.as_ref().filter(|piece| !piece.text.is_empty());
                let of = |text: bool| piece.filter(|piece| (piece.kind == PieceKind::Text) == text);
                Event {
                    span: mark.start..mark.end,
                    stage: mark.stage,
                    kind: piece.map(|piece| piece.kind),
                    text: of(true).map(|piece| piece.text.clone()),
                    beyond: of(false).map(|piece| piece.text.clone()),
                }
            })
            .collect();
        Self { framing: rendition.framing(), bytes, events, chunks, pins: Vec::new() }
    }

    /// Recorded time of the chunk in which a byte stands.
    pub(super) fn recorded(&self, offset: usize) -> Duration {
        let chunk = self.chunks.partition_point(|(start, _)| *start <= offset);
        chunk.checked_sub(1).map_or(Duration::ZERO, |chunk| self.chunks[chunk].1)
    }

    /// Index of the event to which a byte belongs: the last that begins at or before it.
    pub(super) fn event_at(&self, offset: usize) -> usize {
        self.events.partition_point(|event| event.span.start <= offset).saturating_sub(1)
    }

    /// Replaces ranges, which are in order and do not overlap.
    pub(super) fn edit(&mut self, replaces: &[Replace]) {
        let mut bytes = Vec::with_capacity(self.bytes.len());
        let mut kept = 0;
        for replace in replaces {
            bytes.extend_from_slice(&self.bytes[kept..replace.range.start]);
            bytes.extend_from_slice(&replace.with);
            kept = replace.range.end;
        }
        bytes.extend_from_slice(&self.bytes[kept..]);
        self.bytes = bytes;

        let map = OffsetMap::new(replaces);
        for event in &mut self.events {
            // What is inserted at an event's first byte stands before the event.
            event.span = map.after(event.span.start)..map.before(event.span.end);
        }
        for (start, _) in &mut self.chunks {
            *start = map.before(*start);
        }
        for pin in &mut self.pins {
            *pin = map.before(*pin);
        }
    }

    /// Puts an SSE comment between any two events.
    pub(super) fn insert_comments(&mut self) {
        let replaces: Vec<_> = self
            .events
            .iter()
            .skip(1)
            .map(|event| Replace { range: event.span.start..event.span.start, with: b": keep-alive\n\n".to_vec() })
            .collect();
        self.edit(&replaces);
    }

    /// Puts an event that nobody knows before each event with content; where events are numbered, they stay so.
    pub(super) fn insert_unknown(&mut self, api: &dyn Api) {
        let mut replaces = Vec::new();
        let mut inserted = 0_u64;
        for event in &self.events {
            let bytes = &self.bytes[event.span.clone()];
            let renumbered = |by: u64| {
                let place = api.number_in(bytes)?;
                let number: u64 = std::str::from_utf8(&bytes[place.clone()]).ok()?.parse().ok()?;
                let number = number.saturating_add(by).to_string().into_bytes();
                let range = event.span.start + place.start..event.span.start + place.end;
                Some((
                    Replace { range, with: number.clone() },
                    [&bytes[..place.start], &number, &bytes[place.end..]].concat(),
                ))
            };
            let now = renumbered(inserted).map(|(_, bytes)| bytes);
            let unknown = event.kind.and_then(|_| api.unknown_event(now.as_deref().unwrap_or(bytes)));
            if let Some(with) = unknown {
                inserted += 1;
                replaces.push(Replace { range: event.span.start..event.span.start, with });
            }
            if inserted > 0 {
                replaces.extend(renumbered(inserted).map(|(replace, _)| replace));
            }
        }
        self.edit(&replaces);
    }

    /// Puts a byte order mark in front.
    pub(super) fn insert_bom(&mut self) {
        self.edit(&[Replace { range: 0..0, with: "\u{FEFF}".into() }]);
    }

    /// Ends each line in CRLF.
    pub(super) fn make_crlf(&mut self) {
        let replaces: Vec<_> = bare_line_feeds(&self.bytes)
            .map(|offset| Replace { range: offset..offset, with: b"\r".to_vec() })
            .collect();
        self.edit(&replaces);
    }
}

/// Offsets of line feeds without a carriage return before them.
fn bare_line_feeds(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    (0..bytes.len()).filter(|&i| bytes[i] == b'\n' && (i == 0 || bytes[i - 1] != b'\r'))
}

/// The same bytes with each line ended in CRLF.
pub(super) fn crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 8);
    let mut kept = 0;
    for offset in bare_line_feeds(bytes) {
        out.extend_from_slice(&bytes[kept..offset]);
        out.push(b'\r');
        kept = offset;
    }
    out.extend_from_slice(&bytes[kept..]);
    out
}

/// Where offsets of the old bytes stand in the new ones.
#[derive(Debug)]
struct OffsetMap {
    /// Start and end of each replaced range, length of what stands there now, and bytes won before it.
    edits: Vec<(Range<usize>, usize, isize)>,
    /// Bytes won by all edits.
    total: isize,
}

impl OffsetMap {
    fn new(replaces: &[Replace]) -> Self {
        let mut total = 0;
        let mut edits = Vec::with_capacity(replaces.len());
        for replace in replaces {
            edits.push((replace.range.clone(), replace.with.len(), total));
            total += replace.with.len().cast_signed() - replace.range.len().cast_signed();
        }
        Self { edits, total }
    }

    /// The new offset; before what was inserted at exactly this offset.
    fn before(&self, offset: usize) -> usize {
        self.map(offset, self.edits.partition_point(|(range, ..)| range.start < offset))
    }

    /// The new offset; behind what was inserted at exactly this offset.
    fn after(&self, offset: usize) -> usize {
        self.map(offset, self.edits.partition_point(|(range, ..)| range.start < offset || range.end <= offset))
    }

    /// The new offset, where the first `passed` edits begin before it.
    fn map(&self, offset: usize, passed: usize) -> usize {
        if let Some((range, length, won)) = passed.checked_sub(1).map(|last| &self.edits[last])
            && offset < range.end
        {
            // Inside a replaced range: as far into what stands there now as it goes.
            return range.start.saturating_add_signed(*won) + (offset - range.start).min(*length);
        }
        offset.saturating_add_signed(self.edits.get(passed).map_or(self.total, |(_, _, won)| *won))
    }
}
