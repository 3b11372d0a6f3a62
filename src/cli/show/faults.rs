//! What can be broken in a leg's answer, and where.

use std::fmt::Write as _;

/// Effects of a cut (`by`).
const EFFECTS: &[(&str, &str)] = &[
    ("close", "FIN inside the chunked body"),
    ("eof", "a proper end of the body, without the events that should follow"),
    ("reset", "RST"),
    ("stall", "silence; `{stall: {for: 2s}}` goes on afterwards"),
    ("error_event", "the API's own error in the stream; then the body ends"),
    ("bad_json", "the next event is sent with damaged JSON; then the stream goes on"),
    ("cut_event", "half of the next event is sent; then the body ends properly"),
    ("cut_utf8", "FIN inside the next character of several bytes"),
    ("bad_chunk", "a chunk whose size is no number; then FIN"),
    ("content_length", "the length of the whole is announced, in place of chunks; then FIN"),
    ("no_terminator", "the rest comes without the end mark"),
    ("after_terminator", "the last event with content comes once more, behind the end mark"),
    ("duplicate", "the event before comes twice"),
    ("drop", "the next event is left out"),
    ("oversize", "the next event is a megabyte long, by blanks inside its JSON"),
    ("slow", "the rest comes in pieces of 16 bytes, 5 ms apart"),
    ("rst_stream", "HTTP/2: RST_STREAM, `internal_error` unless `{rst_stream: CODE}` names another"),
    ("goaway", "HTTP/2: GOAWAY, `no_error` unless `{goaway: CODE}` names another; then the connection ends"),
];

/// Positions of a cut (`at`): after that much.
const POSITIONS: &[(&str, &str)] = &[
    ("request", "the request: before the response head (`close`, `reset`, `stall`)"),
    ("head", "the response head"),
    ("preamble", "the events that precede content"),
    ("texts: n", "the n-th non-empty delta of text"),
    ("pieces: n", "the n-th non-empty delta of any kind"),
    ("events: n", "the n-th event"),
    ("bytes: n", "the n-th byte of the body"),
    ("last_content", "the last delta of content"),
    ("finish", "the event with the finish reason"),
    ("terminator", "the end mark"),
];

/// Legal but odd framings (`edits`).
const EDITS: &[(&str, &str)] = &[
    ("split: n", "HTTP chunks of n bytes, whatever stands there"),
    ("merge: n", "n events to an HTTP chunk"),
    ("crlf", "CRLF for LF, in server-sent events"),
    ("comments", "comments between events, in server-sent events"),
    ("bom", "a byte order mark in front of server-sent events"),
    ("unknown_event", "before each event with content, one of a kind that nobody knows"),
    ("gzip", "content-encoding gzip, if the request accepts it, flushed with each HTTP chunk"),
];

/// Names of the effects.
pub(in crate::cli) fn effects() -> impl Iterator<Item = &'static str> {
    EFFECTS.iter().map(|(name, _)| *name)
}

/// All of it, as text.
pub(super) fn listed() -> String {
    let mut text = String::new();
    for (title, rows) in [("by", EFFECTS), ("at", POSITIONS), ("edits", EDITS)] {
        let _ = writeln!(text, "{title}:");
        for (name, what) in rows {
            let _ = writeln!(text, "  {name:16} {what}");
        }
    }
    text.push_str("\n`status: {code: 503, retry_after: 1s}` on a leg is an error instead of an answer.\n");
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scenario::{At, By, Edit};

    #[test]
    fn every_fault_that_is_shown_is_one() {
        for (name, _) in EFFECTS {
            let has_more = ["stall", "rst_stream", "goaway"].contains(name);
            let value = if has_more { json!({ *name: {} }) } else { json!(name) };
            serde_json::from_value::<By>(value).unwrap();
        }
        let value = |name: &str| match name.split_once(": n") {
            Some((name, _)) => json!({ name: 1 }),
            None => json!(name),
        };
        for (name, _) in POSITIONS {
            serde_json::from_value::<At>(value(name)).unwrap();
        }
        for (name, _) in EDITS {
            serde_json::from_value::<Edit>(value(name)).unwrap();
        }
    }
}
