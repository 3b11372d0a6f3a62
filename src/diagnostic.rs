//! Errors in files that people write: what is wrong, where, and the way out.

use std::fmt;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

/// A source line longer than this, in bytes, is shown in part.
const LONGEST_LINE: usize = 160;

/// A file as it was read: its name as the user gave it, and its text. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceFile(Arc<Inner>);

#[derive(PartialEq, Eq)]
struct Inner {
    name: String,
    text: String,
}

impl SourceFile {
    /// A file with this name and text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self(Arc::new(Inner { name: name.into(), text: text.into() }))
    }

    /// Reads bytes as UTF-8; a byte order mark is no part of the text.
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Result<Self, Diagnostic> {
        match String::from_utf8(bytes) {
            Ok(mut text) => {
                if text.starts_with('\u{feff}') {
                    text.drain(..'\u{feff}'.len_utf8());
                }
                Ok(Self::new(name, text))
            }
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let byte = error.as_bytes()[at];
                let line_start = error.as_bytes()[..at].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
                // Only up to the damaged byte: what follows may be anything, and long.
                let mut text = String::from_utf8_lossy(&error.as_bytes()[..at]).into_owned();
                let shown_from = text.len() - (at - line_start);
                text.push('\u{fffd}');
                let end = text.len();
                let span = Span { start: end - '\u{fffd}'.len_utf8(), end };
                debug_assert!(shown_from <= span.start);
                Err(Diagnostic::new(&Self::new(name, text), span, format!("the file is not UTF-8: byte 0x{byte:02x}"))
                    .help("files are UTF-8 text; bytes that are no text go into `base64:`"))
            }
        }
    }

    /// The name as the user gave it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Line and column of a byte offset, both from 1, columns in characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let offset = floor_boundary(self.text(), offset);
        let before = &self.text()[..offset];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }
}

impl fmt::Debug for SourceFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceFile").field("name", &self.name()).field("bytes", &self.text().len()).finish()
    }
}

/// A range of byte offsets in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
}

/// One error in a file: the message, the place, and the way out.
#[derive(Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// The file.
    pub file: SourceFile,
    /// Where; `None` where the file as a whole is meant.
    pub span: Option<Span>,
    /// What stands behind the caret.
    pub label: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn new(file: &SourceFile, span: Span, message: impl Into<String>) -> Self {
        Self { message: message.into(), file: file.clone(), span: Some(span), label: None, help: None }
    }

    /// An error about a file as a whole, or one that could not be read.
    pub fn of_file(name: impl Into<String>, message: impl Into<String>) -> Self {
        let file = SourceFile::new(name, "");
        Self { message: message.into(), file, span: None, label: None, help: None }
    }

    /// Adds what stands behind the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Line of the place, from 1.
    pub fn line(&self) -> Option<usize> {
        self.span.map(|span| self.file.position(span.start).0)
    }

    /// The error as rustc would print it, in colour or plain.
    pub fn render(&self, colour: bool) -> String {
        let excerpt = self.span.map(|span| Excerpt::of(&self.file, span));
        let mut group = Level::ERROR.primary_title(self.message.as_str()).elements(None::<Origin<'_>>);
        group = match &excerpt {
            Some(excerpt) => group.element(
                Snippet::source(excerpt.text.as_str())
                    .path(excerpt.path.as_str())
                    .line_start(excerpt.line)
                    .annotation(AnnotationKind::Primary.span(excerpt.start..excerpt.end).label(self.label.as_deref())),
            ),
            None => group.element(Origin::path(self.file.name())),
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut text = renderer.render(&[group]);
        text.push('\n');
        text
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(false).trim_end())
    }
}

impl fmt::Debug for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Diagnostic {}

/// The line of a span, cut to what fits on a screen, with the span in it.
struct Excerpt {
    path: String,
    text: String,
    line: usize,
    start: usize,
    end: usize,
}

impl Excerpt {
    fn of(file: &SourceFile, span: Span) -> Self {
        let text = file.text();
        let start = floor_boundary(text, span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |i| start + i);
        let line_end = if text[line_start..line_end].ends_with('\r') { line_end - 1 } else { line_end };
        let end = floor_boundary(text, span.end.clamp(start, line_end.max(start)));
        let end = start + text[start..end].trim_end().len();
        let (line, _) = file.position(start);
        // A long line is cut around the place. The column of the header is then that of the excerpt, so it is
        // left to the message; lines this long are written by programs.
        let from = if line_end - line_start > LONGEST_LINE {
            floor_boundary(text, start.saturating_sub(LONGEST_LINE / 2).max(line_start))
        } else {
            line_start
        };
        let to = floor_boundary(text, line_end.min(from + LONGEST_LINE)).max(start);
        let shown: String = text[from..to].chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect();
        // Replacing a control character by a blank may shorten what stands before the place.
        let width = |to: usize| -> usize {
            text[from..to].chars().map(|c| if c.is_control() && c != '\t' { 1 } else { c.len_utf8() }).sum()
        };
        let (at, behind) = (width(start), width(end.min(to)));
        Self { path: file.name().to_owned(), line, start: at, end: behind.max(at), text: shown }
    }
}

fn floor_boundary(text: &str, mut offset: usize) -> usize {
    offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// The candidate that was most likely meant, if one is near enough.
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(score, _)| *score >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// The help for an unknown name: the candidate that was most likely meant, else all of them.
pub fn suggestion<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    if let Some(meant) = did_you_mean(name, candidates.iter().copied()) {
        return Some(format!("did you mean `{meant}`?"));
    }
    match candidates.as_slice() {
        [] => None,
        [one] => Some(format!("known: `{one}`")),
        many => {
            let shown: Vec<String> = many.iter().take(24).map(|c| format!("`{c}`")).collect();
            let more = if many.len() > shown.len() { ", ..." } else { "" };
            Some(format!("one of {}{more}", shown.join(", ")))
        }
    }
}

/// A name from a file, in backticks, made harmless: escaped and of bounded length.
pub fn quoted(name: &str) -> String {
    let mut text: String = name.chars().take(60).flat_map(char::escape_debug).collect();
    text = text.replace("\\'", "'").replace("\\\"", "\"");
    if name.chars().nth(60).is_some() {
        text.push_str("...");
    }
    format!("`{text}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_the_place_with_a_caret_and_the_way_out() {
        let file = SourceFile::new("a.yaml", "one: 1\nlegs: {primry: {}}\n");
        let error = Diagnostic::new(&file, Span { start: 14, end: 20 }, "unknown leg `primry`")
            .label("here")
            .help("did you mean `primary`?");
        insta::assert_snapshot!(error.render(false), @r"
        error: unknown leg `primry`
         --> a.yaml:2:8
          |
        2 | legs: {primry: {}}
          |        ^^^^^^ here
          |
          = help: did you mean `primary`?
        ");
    }

    #[test]
    fn renders_a_file_as_a_whole() {
        let error = Diagnostic::of_file("a.yaml", "cannot be read").help("check the path");
        insta::assert_snapshot!(error.render(false), @r"
        error: cannot be read
        --> a.yaml
         = help: check the path
        ");
    }

    #[test]
    fn says_where_a_file_is_not_utf8() {
        let error = SourceFile::from_bytes("a.yaml", b"a: 1\nb: \xff\xfe".to_vec()).expect_err("no UTF-8");
        assert_eq!(error.line(), Some(2));
        assert!(error.to_string().contains("0xff"), "{error}");
    }

    #[test]
    fn shows_part_of_a_long_line_and_nothing_that_rings() {
        let text = format!("a: {}\u{7}x{}", "y".repeat(5_000), "z".repeat(5_000));
        let file = SourceFile::new("a.yaml", text);
        let shown = Diagnostic::new(&file, Span { start: 5_004, end: 5_005 }, "bad").render(false);
        assert!(shown.len() < 1_000, "{shown}");
        assert!(!shown.contains('\u{7}'));
    }

    #[test]
    fn suggests_what_was_meant() {
        assert_eq!(did_you_mean("casette", ["cassette", "file"]), Some("cassette"));
        assert_eq!(did_you_mean("zzz", ["cassette", "file"]), None);
        assert_eq!(suggestion("zzz", ["a", "b"]).as_deref(), Some("one of `a`, `b`"));
    }
}
