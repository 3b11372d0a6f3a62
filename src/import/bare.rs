//! Streams alone, without any word of their requests: server-sent events as text, and the data of events in lines.

use serde::de::IgnoredAny;

use super::Loss;
use super::recorded::{Body, Recorded, Side};
use crate::diagnostic::{Diagnostic, SourceFile, Span};

/// A stream as it is.
pub(super) fn stream(bytes: &[u8]) -> Vec<Recorded> {
    let body = Body::Bytes(bytes.to_vec());
    vec![Recorded { response: Side { headers: None, body }, ..Recorded::default() }]
}

/// A line of JSON for the data of each event.
pub(super) fn lines(file: &SourceFile) -> Result<Vec<Recorded>, Diagnostic> {
    let mut data = Vec::new();
    let mut at = 0;
    for line in file.text().split_inclusive('\n') {
        let json = line.trim();
        if !json.is_empty() {
            if let Err(error) = serde_json::from_str::<IgnoredAny>(json) {
                let indent = line.len() - line.trim_start().len();
                let start = at + indent + error.column().saturating_sub(1);
                return Err(Diagnostic::new(file, Span { start, end: start + 1 }, "this line is not JSON")
                    .help("in a file of this format each line is the JSON of one event"));
            }
            data.push(json.to_owned());
        }
        at += line.len();
    }
    let body = Body::Data(data);
    Ok(vec![Recorded { response: Side { headers: None, body }, lost: [Loss::Framing].into(), ..Recorded::default() }])
}

/// Whether bytes begin as a stream of server-sent events does.
pub(super) fn is_stream(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let first = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).find(|line| !line.is_empty()).unwrap_or_default();
    ["data:", "event:", "id:", "retry:", ":"].iter().any(|field| first.starts_with(field.as_bytes()))
}

/// Whether a text is JSON in lines: more than one, and the first is an object.
pub(super) fn is_lines(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default().trim();
    first.starts_with('{') && serde_json::from_str::<IgnoredAny>(first).is_ok() && lines.next().is_some()
}
