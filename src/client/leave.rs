//! When a client that is to go away has seen enough.

use crate::api::{Completion, PieceKind};
use crate::scenario::At;

/// Watches an answer for the position at which the client goes away.
#[derive(Debug)]
pub(super) struct Watch {
    at: At,
    events: EventCount,
}

impl Watch {
    pub(super) fn new(at: At) -> Self {
        Self { at, events: EventCount::default() }
    }

    /// Takes the next bytes of the body.
    pub(super) fn feed(&mut self, data: &[u8]) {
        self.events.feed(data);
    }

    /// Whether the position is reached: asked once the head is there, and after each piece of the body.
    ///
    /// `size` is the length of the body so far, `seen` what a stream has said so far.
    pub(super) fn reached(&self, size: usize, seen: Option<&Completion>) -> bool {
        match self.at {
            At::Head => true,
            At::Bytes(n) => size as u64 >= n,
            At::Events(n) => self.events.done >= n,
            At::Texts(n) => seen.is_some_and(|seen| {
                seen.deltas.iter().filter(|delta| delta.kind == PieceKind::Text).count() >= n as usize
            }),
            At::Pieces(n) => seen.is_some_and(|seen| seen.deltas.len() >= n as usize),
            At::Preamble => seen.is_some_and(|seen| !seen.starts.is_empty() || !seen.deltas.is_empty()),
            // That a delta was the last is known only by what follows it.
            At::LastContent | At::Finish => seen.is_some_and(|seen| !seen.finishes.is_empty()),
            At::Terminator => seen.is_some_and(|seen| seen.terminator.is_some()),
        }
    }
}

/// Counts the events of a stream: blocks of lines, comments apart, that a blank line ends.
#[derive(Debug, Default)]
struct EventCount {
    done: u32,
    /// Bytes of the line at hand, its end not counted.
    line: usize,
    comment: bool,
    /// Whether the block has a line that is no comment.
    block: bool,
    after_cr: bool,
}

impl EventCount {
    fn feed(&mut self, data: &[u8]) {
        for &byte in data {
            let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if after_cr => {}
                b'\n' | b'\r' => self.end_line(),
                _ => {
                    if self.line == 0 {
                        self.comment = byte == b':';
                    }
                    self.line += 1;
                }
            }
        }
    }

    fn end_line(&mut self) {
        if self.line == 0 {
            self.done += u32::from(self.block);
            self.block = false;
        } else if !self.comment {
            self.block = true;
        }
        self.line = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expect: u32) {
        let mut count = EventCount::default();
        count.feed(body.as_bytes());
        assert_eq!(count.done, expect);
        let mut count = EventCount::default();
        body.bytes().for_each(|byte| count.feed(&[byte]));
        assert_eq!(count.done, expect, "byte by byte");
    }

    #[test]
    fn events_end_with_a_blank_line() {
        check("", 0);
        check("data: a\n", 0);
        check("data: a\n\n", 1);
        check("event: x\ndata: a\n\ndata: b\n\n", 2);
        check("data: a\r\n\r\ndata: b\r\rdata: c\n\n", 3);
        check(": comment\n\n\n\ndata: a\n: in between\n\n", 1);
    }
}
