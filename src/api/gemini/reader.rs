//! Reading a stream in either of its forms: events, or the items of one JSON array.

use serde_json::Value;

use super::array::{Found, Items};
use super::grammar::GeminiGrammar;
use crate::answer::Mark;
use crate::api::reading::{Grammar as _, Reader, Seen};
use crate::api::{Completion, Level, Reading, Say, StreamReader};

/// Reads whichever form comes.
#[derive(Debug)]
pub(super) enum GeminiReader {
    /// Nothing but white space came.
    Unknown(Vec<u8>),
    Events(Box<Reader<GeminiGrammar>>),
    Array(Box<ArrayReader>),
}

impl Default for GeminiReader {
    fn default() -> Self {
        Self::Unknown(Vec::new())
    }
}

impl StreamReader for GeminiReader {
    fn feed(&mut self, bytes: &[u8]) -> Vec<Say> {
        match self {
            Self::Events(reader) => reader.feed(bytes),
            Self::Array(reader) => reader.feed(bytes),
            Self::Unknown(blanks) => {
                blanks.extend_from_slice(bytes);
                let Some(first) = blanks.iter().find(|byte| !byte.is_ascii_whitespace()).copied() else {
                    return Vec::new();
                };
                let bytes = std::mem::take(blanks);
                *self = if first == b'[' {
                    Self::Array(Box::new(ArrayReader::new()))
                } else {
                    Self::Events(Box::default())
                };
                self.feed(&bytes)
            }
        }
    }

    fn so_far(&self) -> &Completion {
        static NOTHING: std::sync::LazyLock<Completion> = std::sync::LazyLock::new(Completion::default);
        match self {
            Self::Events(reader) => reader.so_far(),
            Self::Array(reader) => &reader.seen.completion,
            Self::Unknown(_) => &NOTHING,
        }
    }

    fn finish(self: Box<Self>) -> Reading {
        match *self {
            Self::Events(reader) => reader.finish(),
            Self::Array(reader) => reader.finish(),
            Self::Unknown(blanks) => {
                let mut reader = Box::<Reader<GeminiGrammar>>::default();
                reader.feed(&blanks);
                reader.finish()
            }
        }
    }
}

/// Reads the items of an array.
#[derive(Debug)]
pub(super) struct ArrayReader {
    items: Items,
    grammar: GeminiGrammar,
    seen: Seen,
}

impl ArrayReader {
    fn new() -> Self {
        Self { items: Items::default(), grammar: GeminiGrammar::of_array(), seen: Seen::default() }
    }

    fn take(&mut self, bytes: &[u8], mut each: impl FnMut(std::ops::Range<usize>, Vec<Say>, &mut Seen)) {
        for found in self.items.feed(bytes) {
            match found {
                Found::Item(at, item) => {
                    let says = match serde_json::from_slice::<Value>(&item) {
                        Ok(value) => self.grammar.chunk(at, &value, &mut self.seen),
                        Err(error) => {
                            self.seen.find("G03", Level::Must, at, format!("an item is not JSON: {error}"));
                            Vec::new()
                        }
                    };
                    each(at..at + item.len(), says, &mut self.seen);
                    self.seen.piece = None;
                }
                Found::End(at) => {
                    self.seen.terminator(at);
                    each(at..at + 1, Vec::new(), &mut self.seen);
                }
            }
        }
    }

    fn feed(&mut self, bytes: &[u8]) -> Vec<Say> {
        let mut said = Vec::new();
        self.take(bytes, |_, says, _| said.extend(says));
        said
    }

    fn finish(self) -> Reading {
        let Self { mut grammar, mut seen, .. } = self;
        grammar.end(&mut seen);
        Reading { completion: seen.completion, findings: seen.findings }
    }
}

/// Where the events of a body, or the items of an array, stand and what they say.
pub(super) fn marks(body: &[u8]) -> Vec<Mark> {
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'[') {
        return crate::api::reading::marks::<GeminiGrammar>(body);
    }
    let mut marks = Vec::new();
    ArrayReader::new().take(body, |span, _, seen| {
        marks.push(Mark { start: span.start, end: span.end, stage: seen.stage, piece: seen.piece.take() });
    });
    marks
}
