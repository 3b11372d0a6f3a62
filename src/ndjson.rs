//! Newline-delimited JSON: one value per line (`application/x-ndjson`).
//!
//! Bytes are the truth; a [`Line`] is a view with the place of its bytes. The decoder splits lines as clients do, at LF
//! or CR LF, skips blank ones, and notes what a strict reader would object to.

use std::ops::Range;

/// Its media type.
pub const MEDIA_TYPE: &str = "application/x-ndjson";

/// Longest line that is kept, in bytes; the rest of a longer one is skipped.
const MAX_LINE: usize = 32 << 20;
/// Findings that are kept.
const MAX_FINDINGS: usize = 16;

/// One line that is not blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it says, without its line end.
    pub data: String,
    /// Its bytes in the body, the line end included.
    pub span: Range<usize>,
}

/// Something that no vendor sends, or that some client trips over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind.
    pub rule: Rule,
    /// Byte offset in the body.
    pub offset: usize,
    /// What was seen.
    pub message: String,
}

/// The rules of this layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// N01: a blank line.
    Blank,
    /// N02: bytes that are not UTF-8.
    Utf8,
    /// N03: a line longer than any client takes.
    TooLong,
}

impl Rule {
    /// Its id in findings.
    pub fn id(self) -> &'static str {
        match self {
            Self::Blank => "N01",
            Self::Utf8 => "N02",
            Self::TooLong => "N03",
        }
    }
}

/// Finds lines in bytes that are cut anywhere; the same bytes give the same lines however they are cut.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The line that has no end yet, as far as it is kept.
    line: Vec<u8>,
    /// Offset of its first byte.
    start: usize,
    /// Offset of the next byte.
    at: usize,
    findings: Vec<Finding>,
    /// Findings that were ever kept: how often they are taken changes nothing.
    found: usize,
}

impl Decoder {
    /// A decoder at the start of a body.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes and gives the lines that they complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.extend(piece);
            if piece.ends_with(b"\n") {
                lines.extend(self.end_line());
            }
        }
        lines
    }

    /// Findings since they were last taken.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    /// The body is over: a last line without its end, which clients read like any other.
    pub fn finish(&mut self) -> Option<Line> {
        if self.line.is_empty() { None } else { self.end_line() }
    }

    fn extend(&mut self, more: &[u8]) {
        let room = MAX_LINE.saturating_sub(self.line.len());
        if more.len() > room && self.line.len() < MAX_LINE {
            self.find(Rule::TooLong, self.start, "the line is longer than 32 MiB; the rest is skipped");
        }
        self.line.extend_from_slice(&more[..more.len().min(room)]);
        self.at += more.len();
    }

    fn end_line(&mut self) -> Option<Line> {
        let (line, start) = (std::mem::take(&mut self.line), std::mem::replace(&mut self.start, self.at));
        let text = String::from_utf8_lossy(&line);
        if let Err(error) = std::str::from_utf8(&line) {
            self.find(Rule::Utf8, start + error.valid_up_to(), "the bytes are not UTF-8");
        }
        let data = text.trim_end_matches(['\n', '\r']);
        if data.trim().is_empty() {
            self.find(Rule::Blank, start, "a blank line");
            return None;
        }
        Some(Line { data: data.to_owned(), span: start..self.at })
    }

    fn find(&mut self, rule: Rule, offset: usize, message: &str) {
        if self.found < MAX_FINDINGS {
            self.found += 1;
            self.findings.push(Finding { rule, offset, message: message.to_owned() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as `start..end data`, findings as `rule@offset`; the same however the bytes are cut.
    #[track_caller]
    fn check(body: &[u8], lines: &[&str], tail: Option<&str>, findings: &[&str]) {
        for size in [1, 2, 3, body.len().max(1)] {
            let mut decoder = Decoder::new();
            let shown = |line: Line| format!("{}..{} {}", line.span.start, line.span.end, line.data);
            let got: Vec<String> = body.chunks(size).flat_map(|chunk| decoder.feed(chunk)).map(shown).collect();
            assert_eq!(got, lines, "in pieces of {size}");
            assert_eq!(decoder.finish().map(shown).as_deref(), tail);
            let found = decoder.take_findings();
            let found: Vec<String> = found.iter().map(|f| format!("{}@{}", f.rule.id(), f.offset)).collect();
            assert_eq!(found, findings);
        }
    }

    #[test]
    fn lines() {
        check(b"", &[], None, &[]);
        check(b"{}\n", &["0..3 {}"], None, &[]);
        check(b"{\"a\":1}\n{}\n", &["0..8 {\"a\":1}", "8..11 {}"], None, &[]);
        check(b"{}\r\n{}\r\n", &["0..4 {}", "4..8 {}"], None, &[]);
        check("{\"é\":1}\n".as_bytes(), &["0..9 {\"é\":1}"], None, &[]);
        check(b"{}\n{}", &["0..3 {}"], Some("3..5 {}"), &[]);
        check(b"{}\n\n \r\n{}\n", &["0..3 {}", "7..10 {}"], None, &["N01@3", "N01@4"]);
        check(b"\"a\xff\"\n", &["0..5 \"a\u{FFFD}\""], None, &["N02@2"]);
        check(b"{}\n\"a\xff\"\n", &["0..3 {}", "3..8 \"a\u{FFFD}\""], None, &["N02@5"]);
    }

    #[test]
    fn a_line_has_a_limit() {
        let mut decoder = Decoder::new();
        let long = vec![b'a'; MAX_LINE + 5];
        assert_eq!(decoder.feed(&long), []);
        assert_eq!(decoder.feed(b"more"), []);
        let lines = decoder.feed(b"\n{}\n");
        assert_eq!((lines[0].data.len(), lines[0].span.clone()), (MAX_LINE, 0..MAX_LINE + 10));
        assert_eq!(lines[1], Line { data: "{}".to_owned(), span: MAX_LINE + 10..MAX_LINE + 13 });
        let found: Vec<Rule> = decoder.take_findings().iter().map(|found| found.rule).collect();
        assert_eq!(found, [Rule::TooLong]);
        // As long as it may be.
        let mut decoder = Decoder::new();
        assert_eq!(decoder.feed(&long[5..]), []);
        assert_eq!(
            (decoder.finish().map(|line| line.data.len()), decoder.take_findings()),
            (Some(MAX_LINE), Vec::new())
        );
    }

    #[test]
    fn findings_have_a_limit() {
        let mut decoder = Decoder::new();
        decoder.feed(&[b'\n'; MAX_FINDINGS + 1]);
        assert_eq!(decoder.take_findings().len(), MAX_FINDINGS);
        decoder.feed(b"\n");
        assert_eq!(decoder.take_findings(), [], "also where they are taken in between");
        assert_eq!([Rule::Blank, Rule::Utf8, Rule::TooLong].map(Rule::id), ["N01", "N02", "N03"]);
    }
}
