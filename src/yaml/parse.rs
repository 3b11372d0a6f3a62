//! From text to a tree with places.

use std::cell::Cell;

use indexmap::IndexMap;
use indexmap::map::Entry as Slot;
use saphyr_parser::{Event, Input, Parser, ScalarStyle, Span as RawSpan};
use serde::de::DeserializeOwned;

use super::{Content, DecodeError, Entry, Node, decode, scalar};
use crate::diagnostic::{Diagnostic, SourceFile, Span, quoted};

/// What a document may be at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub bytes: usize,
    /// Lists and maps inside each other.
    pub depth: usize,
    /// Values in all.
    pub nodes: usize,
}

impl Limits {
    /// Files that people write: 1 MiB.
    pub const SCENARIO: Self = Self { bytes: 1 << 20, depth: 64, nodes: 50_000 };
    /// Files that the recorder writes: 32 MiB.
    pub const CASSETTE: Self = Self { bytes: 32 << 20, depth: 64, nodes: 1_000_000 };
    /// Recordings that other programs wrote, unpacked: 64 MiB.
    pub const FOREIGN: Self = Self { bytes: 64 << 20, depth: 120, nodes: 1_000_000 };
}

/// A parsed document.
#[derive(Clone, Debug)]
pub struct Document {
    file: SourceFile,
    root: Node,
}

impl Document {
    /// Parses the one document of a file.
    pub fn parse(file: SourceFile, limits: Limits) -> Result<Self, Diagnostic> {
        if file.text().len() > limits.bytes {
            return Err(too_large(file.name(), limits));
        }
        refuse_control_characters(&file)?;
        let root = Builder::new(&file, limits).build()?;
        Ok(Self { file, root })
    }

    /// Reads and parses a file; a file that is too large is not read.
    pub fn read(path: &std::path::Path, limits: Limits) -> Result<Self, Diagnostic> {
        let name = path.display().to_string();
        let fail = |error: &std::io::Error| {
            Diagnostic::of_file(&name, format!("cannot read {}: {error}", quoted(&name)))
                .help("check the path and its permissions")
        };
        let metadata = std::fs::metadata(path).map_err(|error| fail(&error))?;
        if !metadata.is_file() {
            return Err(Diagnostic::of_file(&name, format!("{} is not a file", quoted(&name))));
        }
        if metadata.len() > limits.bytes as u64 {
            return Err(too_large(&name, limits));
        }
        let bytes = std::fs::read(path).map_err(|error| fail(&error))?;
        Self::parse(SourceFile::from_bytes(name, bytes)?, limits)
    }

    /// The file.
    pub fn file(&self) -> &SourceFile {
        &self.file
    }

    /// The tree.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The file and the tree.
    pub fn into_parts(self) -> (SourceFile, Node) {
        (self.file, self.root)
    }

    /// The document as a type; an error points at the value that does not fit.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Diagnostic> {
        decode(&self.root).map_err(|error: DecodeError| error.in_file(&self.file))
    }
}

pub(super) fn too_large(name: &str, limits: Limits) -> Diagnostic {
    Diagnostic::of_file(name, format!("the file is larger than {} MiB", limits.bytes >> 20))
        .help("such a file has no business here: is it the right one?")
}

/// YAML knows no control characters but tab and line ends, and some readers stop at them in silence.
fn refuse_control_characters(file: &SourceFile) -> Result<(), Diagnostic> {
    let bad = |c: char| (c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}')) || c == '\u{feff}';
    let plain = |byte: u8| (b' '..0x7f).contains(&byte) || byte == b'\n';
    if file.text().bytes().all(plain) {
        return Ok(());
    }
    match file.text().char_indices().find(|(_, c)| bad(*c)) {
        None => Ok(()),
        Some((at, c)) => {
            let span = Span { start: at, end: at + c.len_utf8() };
            Err(Diagnostic::new(file, span, format!("a control character, U+{:04X}, stands in the file", c as u32))
                .help("write it as an escape in a double-quoted text, like \"\\x00\""))
        }
    }
}

/// Most signs (`,`, `[`, `{`) between two events: the parser holds all of a bracketed list or map before it gives
/// the first event of it, at some 200 bytes for each sign.
const MOST_SIGNS: usize = 100_000;

fn is_sign(c: char) -> bool {
    matches!(c, ',' | '[' | '{')
}

/// Characters of a file that end early where there are too many signs since the last event.
struct Guarded<'a> {
    chars: std::str::Chars<'a>,
    signs: &'a Cell<usize>,
    limit: usize,
}

impl Iterator for Guarded<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        if self.signs.get() > self.limit {
            return None;
        }
        let next = self.chars.next()?;
        if is_sign(next) {
            self.signs.set(self.signs.get() + 1);
        }
        Some(next)
    }
}

/// A list or map that is not yet closed.
enum Open {
    List(Span, Vec<Node>),
    Map { start: Span, entries: IndexMap<String, Entry>, key: Option<(String, Span)> },
}

/// The events of a file, each with its place, as far as its signs and its syntax allow.
pub(super) struct Events<'a> {
    file: &'a SourceFile,
    limits: Limits,
    /// Most signs between two events.
    signs: usize,
    offsets: Offsets,
}

impl<'a> Events<'a> {
    pub(super) fn of(file: &'a SourceFile, limits: Limits, signs: usize) -> Self {
        Self { file, limits, signs: limits.nodes.min(signs), offsets: Offsets::of(file.text()) }
    }

    /// Tells each event, until one is refused.
    pub(super) fn tell(&self, each: impl FnMut(Event<'_>, Span) -> Result<(), Diagnostic>) -> Result<(), Diagnostic> {
        let text = self.file.text();
        let signs = Cell::new(0);
        if text.bytes().filter(|byte| is_sign(*byte as char)).nth(self.signs).is_none() {
            self.run(Parser::new_from_str(text), &signs, each)
        } else {
            let guarded = Guarded { chars: text.chars(), signs: &signs, limit: self.signs };
            self.run(Parser::new_from_iter(guarded), &signs, each)
        }
    }

    fn run<T: Input>(
        &self,
        mut parser: Parser<'_, T>,
        signs: &Cell<usize>,
        mut each: impl FnMut(Event<'_>, Span) -> Result<(), Diagnostic>,
    ) -> Result<(), Diagnostic> {
        let text = self.file.text();
        let mut last = Span::default();
        loop {
            signs.set(0);
            let next = parser.next_event();
            if signs.get() > self.signs {
                let message = "too much stands between these brackets";
                return Err(Diagnostic::new(self.file, last, message)
                    .help("a long list is written with one `-` line for each item"));
            }
            let (event, raw) = match next {
                None => return Ok(()),
                Some(Ok(found)) => found,
                Some(Err(parse_error)) => {
                    let at = self.offsets.byte(text, parse_error.marker().index());
                    let message = if parse_error.info().contains("recursion") {
                        too_deep(self.limits)
                    } else {
                        format!("this is not YAML: {}", parse_error.info())
                    };
                    let error = Diagnostic::new(self.file, Span { start: at, end: at + 1 }, message);
                    return Err(Diagnostic { help: way_out(parse_error.info()).map(str::to_owned), ..error });
                }
            };
            let span = self.span(raw);
            last = span;
            if matches!(event, Event::StreamEnd) {
                return Ok(());
            }
            each(event, span)?;
        }
    }

    fn span(&self, raw: RawSpan) -> Span {
        let text = self.file.text();
        let start = self.offsets.byte(text, raw.start.index());
        let end = if raw.is_empty() { start } else { self.offsets.byte(text, raw.end.index()) };
        Span { start, end }
    }
}

pub(super) fn too_deep(limits: Limits) -> String {
    format!("more than {} lists and maps inside each other", limits.depth)
}

pub(super) fn too_many(limits: Limits) -> String {
    format!("more than {} values in a file", limits.nodes)
}

struct Builder<'a> {
    file: &'a SourceFile,
    limits: Limits,
    open: Vec<Open>,
    nodes: usize,
    root: Option<Node>,
    documents: usize,
}

impl<'a> Builder<'a> {
    fn new(file: &'a SourceFile, limits: Limits) -> Self {
        Self { file, limits, open: Vec::new(), nodes: 0, root: None, documents: 0 }
    }

    fn build(mut self) -> Result<Node, Diagnostic> {
        Events::of(self.file, self.limits, MOST_SIGNS).tell(|event, span| self.event(event, span))?;
        Ok(self.root.unwrap_or(Node::new(Span::default(), Content::Null)))
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag) | Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                (*anchor, tag.as_ref())
            }
            _ => (0, None),
        };
        if anchor > 0 {
            return Err(self.error(span, "anchors are not allowed here").help("write the value out where it is used"));
        }
        if let Some(tag) = tag {
            let name = quoted(&format!("{}{}", tag.handle, tag.suffix));
            return Err(self.error(span, format!("the tag {name} is not allowed here")).help(
                "leave the tag out: types follow from the field; text that looks like a number is written in quotes",
            ));
        }
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(self
                        .error(span, "more than one document in a file")
                        .help("one file holds one document: remove the `---`, or split the file"));
                }
                Ok(())
            }
            Event::Alias(_) => {
                Err(self.error(span, "aliases are not allowed here").help("write the value out where it is used"))
            }
            Event::Scalar(text, style, ..) => self.scalar(&text, style, span),
            Event::SequenceStart(..) => self.push(span, |start| Open::List(start, Vec::new())),
            Event::MappingStart(..) => {
                self.push(span, |start| Open::Map { start, entries: IndexMap::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> Result<(), Diagnostic> {
        if let Some(Open::Map { entries, key: key @ None, .. }) = self.open.last_mut() {
            if let Some(first) = entries.get(text) {
                let (line, _) = self.file.position(first.key.start);
                let message = format!("duplicate key {}", quoted(text));
                return Err(Diagnostic::new(self.file, span, message).label(format!("first on line {line}")));
            }
            *key = Some((text.to_owned(), span));
            return Ok(());
        }
        let content = match style {
            ScalarStyle::Plain => scalar::resolve(text).map_err(|message| self.error(span, message))?,
            _ => Content::Text(text.to_owned()),
        };
        self.value(Node::new(span, content))
    }

    fn push(&mut self, span: Span, open: impl FnOnce(Span) -> Open) -> Result<(), Diagnostic> {
        if let Some(Open::Map { key: None, .. }) = self.open.last() {
            return Err(self.error(span, "a key must be plain text").help(
                "a value that starts with `{` or `[` stands in quotes if it is meant as text, for example a template",
            ));
        }
        if self.open.len() >= self.limits.depth {
            return Err(self.error(span, too_deep(self.limits)));
        }
        self.open.push(open(span));
        Ok(())
    }

    fn close(&mut self, span: Span) -> Result<(), Diagnostic> {
        let node = match self.open.pop() {
            Some(Open::List(start, list)) => Node::new(over(start, span), Content::List(list)),
            Some(Open::Map { start, entries, .. }) => Node::new(over(start, span), Content::Map(entries)),
            None => return Ok(()),
        };
        self.value(node)
    }

    fn value(&mut self, node: Node) -> Result<(), Diagnostic> {
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            return Err(self.error(node.span, too_many(self.limits)));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(_, list)) => list.push(node),
            Some(Open::Map { entries, key, .. }) => {
                if let Some((name, key)) = key.take()
                    && let Slot::Vacant(slot) = entries.entry(name)
                {
                    slot.insert(Entry { key, value: node });
                }
            }
        }
        Ok(())
    }

    fn error(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.file, span, message)
    }
}

/// What to do about the parser's usual complaints.
fn way_out(info: &str) -> Option<&'static str> {
    [
        ("tab", "indent with blanks, not with tabs"),
        ("flow construct", "a bracket on a line before this one is not closed"),
        ("flow", "a bracket is not closed, or a comma is missing"),
        ("quoted scalar", "the quote is not closed"),
        ("expected key", "is this line indented like the lines around it?"),
        ("block mapping", "is this line indented like the lines around it?"),
    ]
    .iter()
    .find(|(complaint, _)| info.contains(complaint))
    .map(|(_, help)| *help)
}

pub(super) fn over(start: Span, end: Span) -> Span {
    Span { start: start.start, end: end.end.max(start.end) }
}

/// Byte offsets of character offsets: the parser counts characters.
struct Offsets {
    /// Byte offset of every 64th character; empty where each character is a byte.
    every: Vec<usize>,
}

impl Offsets {
    const STEP: usize = 64;

    fn of(text: &str) -> Self {
        if text.is_ascii() {
            return Self { every: Vec::new() };
        }
        Self { every: text.char_indices().step_by(Self::STEP).map(|(at, _)| at).collect() }
    }

    fn byte(&self, text: &str, index: usize) -> usize {
        if self.every.is_empty() {
            return index.min(text.len());
        }
        let Some(base) = self.every.get(index / Self::STEP) else { return text.len() };
        text[*base..].char_indices().nth(index % Self::STEP).map_or(text.len(), |(at, _)| base + at)
    }
}

#[cfg(test)]
mod tests;
