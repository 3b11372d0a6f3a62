//! Quotations of a voice in a text, as they stand or behind the escapes of JSON, XML and HTML.

use std::collections::HashMap;

use super::VoiceText;

/// Characters that a quotation has at least, unless it is all that the client has been given.
const LEAST: usize = 12;

/// A run of a voice that a text quotes; offsets in characters.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Which voice.
    pub(super) voice: usize,
    /// Where it begins in what was said.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
    /// The same run stands in the voice more than once.
    pub(super) ambiguous: bool,
}

/// The runs of that reading of a text (plain, or unescaped) which has the longest run.
pub(super) fn best_reading(text: &str, voices: &[VoiceText]) -> Vec<Run> {
    let json = unescape_json(text);
    let readings = [text.to_owned(), unescape_json(&json), unescape_markup(text), unescape_markup(&json), json];
    let mut best = Vec::new();
    let mut most = 0;
    for reading in readings {
        let found = runs(&reading, voices);
        let length = found.iter().map(|run| run.end - run.start).max().unwrap_or_default();
        if length > most {
            (most, best) = (length, found);
        }
    }
    best
}

/// Every quotation in a text: runs of at least [`LEAST`] characters, or all that a client has been given.
fn runs(text: &str, voices: &[VoiceText]) -> Vec<Run> {
    let text: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    for (number, voice) in voices.iter().enumerate() {
        let said: Vec<char> = voice.said.chars().collect();
        let bare = voice.said.trim();
        if bare.is_empty() {
            continue;
        }
        let long =
            if bare.chars().count() < LEAST { Vec::new() } else { long_runs(&text, &said, number, &voice.pieces) };
        if long.is_empty() {
            let ends = std::iter::once(said.len()).chain(voice.borders.iter().copied());
            out.extend(ends.filter_map(|end| all_given(&text, &said, end, number)).max_by_key(|run| run.end));
        }
        out.extend(long);
    }
    out
}

/// The quotation of all that a client has been given, if that is short: the first `given` characters that were said.
fn all_given(text: &[char], said: &[char], given: usize, voice: usize) -> Option<Run> {
    let start = said.iter().take_while(|c| c.is_whitespace()).count();
    let bare = said.get(start..given)?;
    let bare = &bare[..bare.len() - bare.iter().rev().take_while(|c| c.is_whitespace()).count()];
    if bare.is_empty() || bare.len() >= LEAST {
        return None;
    }
    let end = start + bare.len();
    let after = &said[end..given];
    // Blanks behind it that are quoted as they were said are not spoken again.
    let quoted = |at: usize| text[at + bare.len()..].iter().zip(after).take_while(|(a, b)| a == b).count();
    let blanks = alone(text, bare).map(quoted).max()?;
    Some(Run { voice, start, end: end + blanks, ambiguous: false })
}

/// Where a text holds a word or words that are not part of longer ones.
fn alone<'a>(text: &'a [char], words: &'a [char]) -> impl Iterator<Item = usize> + 'a {
    let outside = |index: Option<usize>| index.and_then(|index| text.get(index)).is_none_or(|c| !c.is_alphanumeric());
    text.windows(words.len())
        .enumerate()
        .filter(move |(at, window)| *window == words && outside(at.checked_sub(1)) && outside(Some(at + words.len())))
        .map(|(at, _)| at)
}

fn long_runs(text: &[char], said: &[char], voice: usize, pieces: &[usize]) -> Vec<Run> {
    let mut index: HashMap<&[char], Vec<usize>> = HashMap::new();
    for (at, window) in said.windows(LEAST).enumerate() {
        index.entry(window).or_default().push(at);
    }
    let mut out = Vec::new();
    let mut at = 0;
    while at + LEAST <= text.len() {
        // A blank in front may be the proxy's, and would lead to another place that has one.
        let Some(starts) = index.get(&text[at..at + LEAST]).filter(|_| !text[at].is_whitespace()) else {
            at += 1;
            continue;
        };
        let length_from = |start: usize| text[at..].iter().zip(&said[start..]).take_while(|(a, b)| a == b).count();
        let (longest, first) = starts.iter().map(|&start| (length_from(start), start)).max().unwrap_or_default();
        let (start, mut end) = (first, first + longest);
        let bare = end - said[start..end].iter().rev().take_while(|c| c.is_whitespace()).count();
        // More was said: words come with their blank in front, so the blank belongs to what stands behind the
        // quotation, unless a piece ends with it.
        let in_a_piece = pieces.contains(&end) && !pieces.contains(&bare);
        if end < said.len() && !in_a_piece {
            end = bare;
        }
        let run = &said[start..end];
        let ambiguous = run.is_empty() || said.windows(run.len()).filter(|window| *window == run).count() > 1;
        out.push(Run { voice, start, end, ambiguous });
        at += longest;
    }
    out
}

/// Undoes escapes of JSON strings; what is no escape stays.
pub(super) fn unescape_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at..];
        let (decoded, length) = match escape.as_bytes().get(1) {
            Some(b'n') => ('\n', 2),
            Some(b't') => ('\t', 2),
            Some(b'r') => ('\r', 2),
            Some(b'b') => ('\u{8}', 2),
            Some(b'f') => ('\u{c}', 2),
            Some(&c @ (b'"' | b'\\' | b'/' | b'\'')) => (char::from(c), 2),
            Some(b'u') => unicode_escape(escape).unwrap_or(('\\', 1)),
            _ => ('\\', 1),
        };
        out.push(decoded);
        rest = &escape[length..];
    }
    out.push_str(rest);
    out
}

/// The character of `\uXXXX`, or of a pair of surrogates, and the length of the escape.
fn unicode_escape(escape: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = escape.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(0)?;
    if let Some(Ok(c)) = char::decode_utf16([first]).next() {
        return Some((c, 6));
    }
    char::decode_utf16([first, unit(6)?]).next()?.ok().map(|c| (c, 12))
}

/// Undoes character references of XML and HTML; what is none stays.
pub(super) fn unescape_markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let reference = &rest[at..];
        let end = reference.bytes().take(12).position(|byte| byte == b';');
        let decoded = end.and_then(|end| markup_character(&reference[1..end]).map(|c| (c, end + 1)));
        let (c, length) = decoded.unwrap_or(('&', 1));
        out.push(c);
        rest = &reference[length..];
    }
    out.push_str(rest);
    out
}

fn markup_character(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}
