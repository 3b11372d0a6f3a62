//! The decoder.

use super::{Event, Finding, Rule, Tail};

/// Longest line that is kept, in bytes; the rest of a longer one is skipped.
const MAX_LINE: usize = 32 << 20;
/// Findings of one rule that are kept; a stream that breaks a rule mostly breaks it everywhere.
const MAX_PER_RULE: u8 = 4;
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Decodes server-sent events from bytes that are cut anywhere; the same bytes give the same events however they are cut.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The line that has no end yet.
    line: Vec<u8>,
    /// Offset of its first byte.
    line_start: usize,
    /// Offset of the next byte.
    at: usize,
    /// The last byte was a CR: an LF now belongs to it.
    after_cr: bool,
    /// First bytes are out: no byte order mark can follow.
    begun: bool,
    block: Block,
    last_id: Option<String>,
    findings: Vec<Finding>,
    counts: [u8; 16],
}

/// The fields since the last blank line.
#[derive(Debug, Default)]
struct Block {
    start: Option<usize>,
    name: String,
    data: String,
    data_lines: u32,
}

impl Decoder {
    /// A decoder at the start of a body.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes and gives the events that they complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.after_cr && rest[0] == b'\n' {
                // The second half of a CR LF: the line ended with the CR.
                self.after_cr = false;
                self.at += 1;
                self.line_start = self.at;
                rest = &rest[1..];
                continue;
            }
            self.after_cr = false;
            let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.extend_line(rest);
                break;
            };
            self.extend_line(&rest[..end]);
            if rest[end] == b'\r' {
                self.find(Rule::LineEnd, self.at, "the line ends in CR, vendors of this API end lines in LF");
                self.after_cr = true;
            }
            self.at += 1;
            events.extend(self.end_line());
            self.line_start = self.at;
            rest = &rest[end + 1..];
        }
        events
    }

    fn extend_line(&mut self, more: &[u8]) {
        let room = MAX_LINE.saturating_sub(self.line.len());
        if more.len() > room {
            self.find(Rule::TooLong, self.line_start, "the line is longer than 32 MiB; the rest is skipped");
        }
        self.line.extend_from_slice(&more[..more.len().min(room)]);
        self.at += more.len();
    }

    /// Findings since they were last taken.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    /// The body is over.
    pub fn finish(mut self) -> Tail {
        let end = self.at;
        if !self.line.is_empty() {
            let known = self.findings.len();
            self.end_line();
            // The line was cut off: half a field's name, comment or character is truncation, no finding.
            let cut: Vec<Finding> = self.findings.drain(known..).collect();
            self.findings.extend(
                cut.into_iter().filter(|found| !matches!(found.rule, Rule::NoField | Rule::Comment | Rule::Utf8)),
            );
        }
        let unfinished = self.block.start.map(|start| Event {
            name: Some(std::mem::take(&mut self.block.name)).filter(|name| !name.is_empty()),
            data: self.block.data.strip_suffix('\n').unwrap_or_default().to_owned(),
            id: self.last_id.clone(),
            span: start..end,
        });
        Tail { unfinished, findings: self.findings }
    }

    fn find(&mut self, rule: Rule, offset: usize, message: impl Into<String>) {
        let count = &mut self.counts[rule as usize];
        if *count < MAX_PER_RULE {
            *count += 1;
            self.findings.push(Finding { rule, offset, message: message.into() });
        }
    }

    /// The line is whole.
    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let mut bytes = line.as_slice();
        if !self.begun {
            self.begun = true;
            if let Some(rest) = bytes.strip_prefix(BOM) {
                self.find(Rule::Bom, 0, "the body begins with a byte order mark");
                bytes = rest;
            }
        }
        let start = self.line_start + (line.len() - bytes.len());
        if bytes.is_empty() {
            return self.dispatch();
        }
        let text = String::from_utf8_lossy(bytes);
        if let Err(error) = std::str::from_utf8(bytes) {
            self.find(Rule::Utf8, start + error.valid_up_to(), "the bytes are not UTF-8");
        }
        if text.starts_with(':') {
            self.find(Rule::Comment, start, "a comment, which this API's vendor does not send");
        } else {
            self.field(&text, start);
        }
        None
    }

    fn field(&mut self, line: &str, start: usize) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let trimmed = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => {
                if !value.is_empty() && (value == trimmed || trimmed.starts_with(' ')) {
                    self.find(Rule::Blank, start, "`data:` is not followed by exactly one blank");
                }
                if self.block.data.len() <= MAX_LINE {
                    self.block.data.push_str(trimmed);
                    self.block.data.push('\n');
                }
                self.block.data_lines += 1;
                if self.block.data_lines == 2 {
                    self.find(Rule::ManyLines, start, "the event has several data lines");
                }
            }
            "event" => trimmed.clone_into(&mut self.block.name),
            "id" => {
                self.find(Rule::IdOrRetry, start, "an `id:` line, which no vendor sends");
                if !trimmed.contains('\0') {
                    self.last_id = Some(trimmed.to_owned()).filter(|id| !id.is_empty());
                }
            }
            "retry" => self.find(Rule::IdOrRetry, start, "a `retry:` line, which no vendor sends"),
            _ if line.starts_with(['{', '[']) => {
                self.find(Rule::BareJson, start, "JSON without `data:` in front, which clients skip");
                return;
            }
            _ => {
                self.find(Rule::NoField, start, format!("`{}` is no field of SSE", clip(name)));
                return;
            }
        }
        self.block.start.get_or_insert(start);
    }

    /// A blank line.
    fn dispatch(&mut self) -> Option<Event> {
        let block = std::mem::take(&mut self.block);
        let start = block.start?;
        if block.data_lines == 0 {
            self.find(Rule::NoData, start, "a block of fields without `data:`");
            return None;
        }
        let data = block.data.strip_suffix('\n').unwrap_or_default().to_owned();
        if data.is_empty() {
            self.find(Rule::EmptyData, start, "the event's data is empty");
        }
        Some(Event {
            name: Some(block.name).filter(|name| !name.is_empty()),
            data,
            id: self.last_id.clone(),
            span: start..self.at,
        })
    }
}

/// The first letters of a text from outside, for a message.
fn clip(text: &str) -> String {
    text.chars().take(40).collect()
}
