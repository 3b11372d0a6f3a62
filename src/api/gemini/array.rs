//! The stream as one JSON array, which is what a client gets that does not ask for events.

use serde_json::Value;

use crate::answer::{Mark, Rendition, RenditionChunk, Stage};

/// Longest item that is kept.
const MAX_ITEM: usize = 32 << 20;

/// Finds the items of an array in bytes that are cut anywhere.
#[derive(Debug, Default)]
pub(super) struct Items {
    /// Offset of the next byte.
    at: usize,
    /// Bytes of the item that is not whole yet, and where it began.
    item: Vec<u8>,
    start: usize,
    depth: usize,
    in_text: bool,
    escaped: bool,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// An item: where it stands, and its bytes.
    Item(usize, Vec<u8>),
    /// The array's last bracket.
    End(usize),
}

impl Items {
    /// Takes the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        for byte in bytes {
            let at = self.at;
            self.at += 1;
            let inside = self.depth > 1;
            if self.in_text {
                self.in_text = self.escaped || *byte != b'"';
                self.escaped = !self.escaped && *byte == b'\\';
            } else {
                match byte {
                    b'"' => self.in_text = true,
                    b'{' | b'[' => {
                        self.depth += 1;
                        if self.depth == 2 {
                            self.start = at;
                        }
                    }
                    b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
            }
            if (inside || self.depth > 1) && self.item.len() < MAX_ITEM {
                self.item.push(*byte);
            }
            if inside && self.depth == 1 {
                found.push(Found::Item(self.start, std::mem::take(&mut self.item)));
            } else if self.depth == 0 && *byte == b']' && !self.in_text {
                found.push(Found::End(at));
            }
        }
        found
    }
}

/// The array that says what a stream of events says.
pub(super) fn of_events(events: &Rendition) -> Rendition {
    let body = events.body();
    let mut chunks = Vec::new();
    let mut marks = Vec::new();
    let mut at = 0;
    let mut push = |text: String, stage: Stage, piece, after| {
        // What stands around the items belongs to none.
        let before = text.find(['{', ']']).unwrap_or_default();
        let end = at + text.trim_end().len();
        marks.push(Mark { start: at + before, end, stage, piece });
        at += text.len();
        chunks.push(RenditionChunk { after, data: text.into_bytes().into() });
    };
    for (number, mark) in events.marks.iter().enumerate() {
        let event = body.get(mark.start..mark.end).unwrap_or_default();
        let data = event.strip_prefix(b"data: ").unwrap_or(event);
        let Ok(value) = serde_json::from_slice::<Value>(data) else { continue };
        let before = if number == 0 { "[" } else { ",\r\n" };
        // Here the end mark is a bracket of its own.
        let stage = mark.stage.min(Stage::Finish);
        let after = events.chunks.get(number).map(|chunk| chunk.after).unwrap_or_default();
        push(format!("{before}{value:#}\n"), stage, mark.piece.clone(), after);
    }
    push("]".to_owned(), Stage::Terminator, None, std::time::Duration::ZERO);
    let mut headers = events.headers.clone();
    headers.0.retain(|(name, _)| !matches!(name.as_str(), "content-type" | "content-disposition"));
    headers.0.insert(0, ("content-type".to_owned(), "application/json; charset=UTF-8".to_owned()));
    Rendition { status: events.status, headers, stream: true, chunks, marks }
}
