//! What a stream says in pieces: a secret may stand in several events.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;

use super::forms::View;
use crate::eventstream;
use crate::framing::Framing;

/// Deepest JSON that is looked into.
const DEPTH: usize = 64;

/// The JSON of an event.
#[derive(Debug)]
pub(super) struct Said {
    name: Option<String>,
    range: Range<usize>,
}

/// The JSON of each event of a stream, by its place in the body.
pub(super) fn said(framing: Framing, body: &[u8]) -> Vec<Said> {
    if framing == Framing::EventStream {
        let said = |message: eventstream::Message| {
            let end = message.span.end.saturating_sub(4);
            Said { name: message.name().map(str::to_owned), range: end.saturating_sub(message.payload.len())..end }
        };
        return eventstream::Decoder::new().feed(body).into_iter().map(said).collect();
    }
    let said = |event: crate::framing::Event| {
        let start = body.get(event.span.clone())?.iter().position(|byte| *byte == b'{')?;
        Some(Said { name: event.name, range: event.span.start + start..event.span.end })
    };
    framing.events(body).into_iter().filter_map(said).collect()
}

/// The texts that stand in several events under the same path, joined.
pub(super) fn joined(body: &[u8], said: &[Said]) -> Vec<View> {
    let mut found: IndexMap<(Option<&str>, String), (usize, View)> = IndexMap::new();
    for event in said {
        texts(&body[event.range.clone()], |path, range| {
            let (pieces, view) = found.entry((event.name.as_deref(), path)).or_default();
            *pieces += 1;
            view.extend(body, event.range.start + range.start..event.range.start + range.end);
        });
    }
    found.into_values().filter(|(pieces, _)| *pieces > 1).map(|(_, view)| view).collect()
}

/// Searches with `clean` the events that a stream carries in base64, in the field `bytes`, as if they stood in a stream
/// of their own.
pub(super) fn in_bytes(body: &mut [u8], said: &[Said], clean: impl FnOnce(&mut [u8], &[Said])) {
    let (mut inner, mut places) = (Vec::new(), Vec::new());
    for event in said {
        texts(&body[event.range.clone()], |path, range| {
            let range = event.range.start + range.start..event.range.start + range.end;
            if path == ".bytes"
                && let Ok(bytes) = STANDARD.decode(&body[range.clone()])
            {
                places.push((range, inner.len()..inner.len() + bytes.len()));
                inner.extend(bytes);
            }
        });
    }
    let events: Vec<Said> = places.iter().map(|(_, range)| Said { name: None, range: range.clone() }).collect();
    let before = inner.clone();
    clean(&mut inner, &events);
    for (place, range) in places {
        if inner[range.clone()] != before[range.clone()] {
            body[place].copy_from_slice(STANDARD.encode(&inner[range]).as_bytes());
        }
    }
}

/// Calls `tell` with every text of a JSON value: its path, and where it stands, without its quotes.
fn texts(json: &[u8], mut tell: impl FnMut(String, Range<usize>)) {
    /// What is open: an object with the key that is being told, or a list with how many items were told.
    enum Open {
        Object(Range<usize>),
        List(usize),
    }
    let mut open: Vec<Open> = Vec::new();
    let mut at = 0;
    while at < json.len() {
        match json[at] {
            b'{' if open.len() < DEPTH => open.push(Open::Object(0..0)),
            b'[' if open.len() < DEPTH => open.push(Open::List(0)),
            b'{' | b'[' => return,
            b'}' | b']' => {
                open.pop();
                if open.is_empty() {
                    return;
                }
            }
            b',' => {
                if let Some(Open::List(count)) = open.last_mut() {
                    *count += 1;
                }
            }
            b'"' => {
                let range = at + 1..end_of_text(json, at + 1);
                at = range.end;
                let behind = json[(at + 1).min(json.len())..].iter().find(|byte| !byte.is_ascii_whitespace());
                match open.last_mut() {
                    Some(Open::Object(key)) if behind == Some(&b':') => *key = range,
                    _ => {
                        let step = |open: &Open| match open {
                            Open::Object(key) => format!(".{}", String::from_utf8_lossy(&json[key.clone()])),
                            Open::List(count) => format!("[{count}]"),
                        };
                        tell(open.iter().map(step).collect(), range);
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// Where the quote stands that ends a text, or the end of all.
fn end_of_text(json: &[u8], mut at: usize) -> usize {
    while at < json.len() && json[at] != b'"' {
        at += if json[at] == b'\\' { 2 } else { 1 };
    }
    at.min(json.len())
}

/// Makes the checksums of the messages right that are not what they were.
pub(super) fn sealed(body: &mut [u8], before: &[u8]) {
    for message in eventstream::Decoder::new().feed(before) {
        if body[message.span.clone()] != before[message.span.clone()] {
            eventstream::seal(&mut body[message.span]);
        }
    }
}
