//! `bad_json`: an event whose data is no JSON any more, while its framing stays whole.

use std::ops::Range;

use super::body::Replace;
use crate::framing::Framing;

/// The replacements that take the closing half of an event's JSON away; `None` if its data is no JSON object or
/// array (a `[DONE]`, say). `event` is the event's bytes, which begin at `start` in the body.
pub(super) fn damage(framing: Framing, event: &[u8], start: usize) -> Option<Vec<Replace>> {
    match framing {
        Framing::Sse => damage_lines(event, start),
        // The checksums are those of what is left, and a line keeps its end.
        Framing::EventStream | Framing::Ndjson => {
            let with = framing.rewritten(event, |json| half(json).map(str::to_owned))?;
            Some(vec![Replace { range: start..start + event.len(), with }])
        }
    }
}

/// The first half of an object or array. A proper beginning of one is never JSON itself. Blanks in front do not count.
fn half(json: &str) -> Option<&str> {
    let value: serde_json::Value = serde_json::from_str(json).ok()?;
    (value.is_object() || value.is_array()).then(|| &json[..half_of(json)])
}

/// Where the first half of a text ends.
fn half_of(text: &str) -> usize {
    let blanks = text.len() - text.trim_start().len();
    let mut keep = blanks + ((text.trim().len() / 2).max(1));
    while !text.is_char_boundary(keep) {
        keep += 1;
    }
    keep
}

fn damage_lines(event: &[u8], start: usize) -> Option<Vec<Replace>> {
    let lines = data_lines(event);
    let mut joined = Vec::new();
    for line in &lines {
        joined.extend_from_slice(&event[line.payload.clone()]);
        joined.push(b'\n');
    }
    let json: serde_json::Value = serde_json::from_slice(&joined).ok()?;
    if !json.is_object() && !json.is_array() {
        return None;
    }
    let (first, others) = lines.split_first()?;
    let payload = std::str::from_utf8(&event[first.payload.clone()]).ok()?;
    let cut = first.payload.start + half_of(payload)..first.payload.end;
    let mut replaces = vec![Replace { range: start + cut.start..start + cut.end, with: Vec::new() }];
    replaces.extend(
        others.iter().map(|line| Replace { range: start + line.whole.start..start + line.whole.end, with: Vec::new() }),
    );
    Some(replaces)
}

/// A `data` line of an event.
#[derive(Debug)]
struct DataLine {
    /// With its line end.
    whole: Range<usize>,
    /// What it says.
    payload: Range<usize>,
}

/// The `data` lines of an event.
fn data_lines(event: &[u8]) -> Vec<DataLine> {
    let mut lines = Vec::new();
    let mut start = 0;
    while start < event.len() {
        let end = event[start..].iter().position(|&byte| byte == b'\n').map_or(event.len(), |line| start + line + 1);
        let mut text_end = end;
        while text_end > start && matches!(event[text_end - 1], b'\n' | b'\r') {
            text_end -= 1;
        }
        if let Some(payload) = event[start..text_end].strip_prefix(b"data:") {
            let payload_start = text_end - payload.strip_prefix(b" ").unwrap_or(payload).len();
            lines.push(DataLine { whole: start..end, payload: payload_start..text_end });
        }
        start = end;
    }
    lines
}
