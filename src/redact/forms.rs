//! The forms in which a secret may stand in a text: escaped as in JSON, as in an address, in base64, in pieces.
//!
//! A form is read, searched, and what was filled in it is written back where it stood, at the same length.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::FILLER;

/// Shortest run of base64 that can hold a secret.
const LEAST_RUN: usize = 20;
/// Shortest run of text in what comes out of base64 that is taken for text.
const LEAST_TEXT: usize = 12;

/// A text read in another way, and where each of its bytes stands.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) bytes: Vec<u8>,
    /// Place and width of what a byte stands for; the width is 0 where the byte in front stands for it too.
    places: Vec<(u32, u8)>,
}

impl View {
    fn with_capacity(capacity: usize) -> Self {
        Self { bytes: Vec::with_capacity(capacity), places: Vec::with_capacity(capacity) }
    }

    fn push(&mut self, byte: u8, at: usize, width: u8) {
        self.bytes.push(byte);
        self.places.push((u32::try_from(at).unwrap_or(u32::MAX), width));
    }

    /// Takes bytes as they are.
    pub(super) fn extend(&mut self, text: &[u8], range: Range<usize>) {
        for at in range {
            self.push(text[at], at, 1);
        }
    }

    /// Searches the view with `clean`, and fills in the text what it filled.
    pub(super) fn cleaned(&self, text: &mut [u8], clean: impl FnOnce(&mut [u8])) {
        let mut bytes = self.bytes.clone();
        clean(&mut bytes);
        for (index, byte) in bytes.iter().enumerate().filter(|(index, byte)| **byte != self.bytes[*index]) {
            let (at, width) = self.places[index];
            let Some(place) = text.get_mut(at as usize..).and_then(|rest| rest.get_mut(..usize::from(width))) else {
                continue;
            };
            match width {
                1 => place[0] = *byte,
                3 => place.copy_from_slice(b"%78"),
                6 => place.copy_from_slice(b"\\u0078"),
                12 => place.copy_from_slice(b"\\u0078\\u0078"),
                // A letter has no escape of two characters. A slash, a quote or a line end tells nothing by itself.
                _ => {}
            }
        }
    }
}

/// A text without the escapes of JSON; `None` where it has none.
pub(super) fn unescaped(text: &[u8]) -> Option<View> {
    text.contains(&b'\\').then_some(())?;
    let mut view = View::with_capacity(text.len());
    let (mut at, mut escapes) = (0, 0);
    while at < text.len() {
        match (text[at], text.get(at + 1)) {
            (b'\\', Some(b'u')) if hex(text, at + 2).is_some() => {
                let (char, width) = escaped_char(text, at);
                let mut buffer = [0; 4];
                for (index, byte) in char.encode_utf8(&mut buffer).bytes().enumerate() {
                    view.push(byte, at, if index == 0 { width } else { 0 });
                }
                at += usize::from(width);
                escapes += 1;
            }
            (b'\\', Some(escaped)) => {
                let byte = match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'f' => 12,
                    b'"' | b'\\' | b'/' => *escaped,
                    _ => {
                        view.push(b'\\', at, 1);
                        at += 1;
                        continue;
                    }
                };
                view.push(byte, at, 2);
                at += 2;
                escapes += 1;
            }
            (byte, _) => {
                view.push(byte, at, 1);
                at += 1;
            }
        }
    }
    (escapes > 0).then_some(view)
}

/// The character of `\uXXXX`, or of two of them, and how many bytes that is.
fn escaped_char(text: &[u8], at: usize) -> (char, u8) {
    let first = hex(text, at + 2).unwrap_or_default();
    let second = (text.get(at + 6..at + 8) == Some(b"\\u")).then(|| hex(text, at + 8)).flatten();
    if let (0xd800..0xdc00, Some(low @ 0xdc00..0xe000)) = (first, second) {
        let code = 0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}

fn hex(text: &[u8], at: usize) -> Option<u32> {
    let digits = text.get(at..at + 4)?;
    digits.iter().try_fold(0, |code, digit| Some(code * 16 + char::from(*digit).to_digit(16)?))
}

/// A text without the escapes of an address; `None` where it has none.
pub(super) fn percent_decoded(text: &[u8]) -> Option<View> {
    text.contains(&b'%').then_some(())?;
    let mut view = View::with_capacity(text.len());
    let (mut at, mut escapes) = (0, 0);
    let digit = |at: usize| text.get(at).and_then(|digit| char::from(*digit).to_digit(16));
    while at < text.len() {
        match (text[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                view.push((high * 16 + low) as u8, at, 3);
                at += 3;
                escapes += 1;
            }
            (byte, ..) => {
                view.push(byte, at, 1);
                at += 1;
            }
        }
    }
    (escapes > 0).then_some(view)
}

/// Searches with `clean` what the runs of base64 in a text hold as text, in either alphabet and wherever in a run it
/// begins. Bytes that are no text stay.
pub(super) fn in_base64(text: &mut [u8], clean: &mut dyn FnMut(&mut [u8])) {
    let mut at = 0;
    while at < text.len() {
        let run = text[at..].iter().take_while(|byte| value(**byte).is_some()).count();
        if run >= LEAST_RUN {
            for from in 0..4 {
                clean_run(&mut text[at + from..at + run], clean);
            }
        }
        at += run + 1;
    }
}

fn clean_run(run: &mut [u8], clean: &mut dyn FnMut(&mut [u8])) {
    let plain = decoded(run);
    let texts = texts(&plain);
    if texts.is_empty() {
        return;
    }
    let mut cleaned = plain.clone();
    for text in texts {
        clean(&mut cleaned[text]);
    }
    let safe = run.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let alphabet = if safe { &URL_SAFE_NO_PAD } else { &STANDARD_NO_PAD };
    for (group, (old, new)) in plain.chunks(3).zip(cleaned.chunks(3)).enumerate() {
        if old != new {
            let encoded = alphabet.encode(new);
            run[group * 4..group * 4 + encoded.len()].copy_from_slice(encoded.as_bytes());
        }
    }
}

/// The bytes that a run of base64 holds, as many as are whole.
fn decoded(run: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(run.len() / 4 * 3 + 2);
    for group in run.chunks(4) {
        let bits = group.iter().fold(0, |bits, byte| bits << 6 | u32::from(value(*byte).unwrap_or_default()));
        let bits = bits << (6 * (4 - group.len()));
        plain.extend(&bits.to_be_bytes()[1..group.len()]);
    }
    plain
}

fn value(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

/// Where bytes are text: all of them, else the runs of ASCII that are too long for chance.
fn texts(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let printable = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r');
    if bytes.len() >= LEAST_TEXT && std::str::from_utf8(bytes).is_ok() {
        found.push(0..bytes.len());
        return found;
    }
    let mut at = 0;
    while at < bytes.len() {
        let run = bytes[at..].iter().take_while(|byte| printable(byte)).count();
        if run >= LEAST_TEXT {
            found.push(at..at + run);
        }
        at += run + 1;
    }
    found
}

/// Fills a range, but not the second half of an escape that begins in front of it.
pub(super) fn fill(text: &mut [u8], range: Range<usize>) {
    let backslashes = text[..range.start].iter().rev().take_while(|byte| **byte == b'\\').count();
    let start = range.start + backslashes % 2;
    if let Some(place) = text.get_mut(start..range.end) {
        place.fill(FILLER);
    }
}
