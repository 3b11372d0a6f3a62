//! Answers of Anthropic Messages as a vendor writes them: other ids, and the ping in another place.

use bytes::Bytes;

use super::file::{Messages, Ping};
use crate::answer::Rendition;

/// What stands before the ids of messages, tool calls and requests.
const IDS: [&str; 3] = ["\"id\":\"msg_", "\"id\":\"toolu_", "\"request_id\":\"req_"];

/// A body with the vendor's mark in its ids. Inside a text each of these quotes would be escaped.
pub(super) fn mark(own: &Messages, body: &[u8]) -> Vec<u8> {
    let mut out = body.to_vec();
    for before in IDS {
        let mut from = 0;
        while let Some(at) = find(&out[from..], before.as_bytes()) {
            let end = from + at + before.len();
            out.splice(end..end, own.id_mark.bytes());
            from = end;
        }
    }
    out
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// An answer with the vendor's mark in its ids.
pub(super) fn marked(own: &Messages, mut rendition: Rendition) -> Rendition {
    for chunk in &mut rendition.chunks {
        chunk.data = Bytes::from(mark(own, &chunk.data));
    }
    rendition
}

/// A stream, in which each event is a chunk.
pub(super) fn stream(own: &Messages, rendition: Rendition) -> Rendition {
    let mut rendition = marked(own, rendition);
    if own.ping == Ping::BehindTheStart {
        let ping = rendition.chunks.iter().position(|chunk| chunk.data.starts_with(b"event: ping\n"));
        if let Some(ping @ 2..) = ping {
            rendition.chunks[1..=ping].rotate_right(1);
            rendition.marks[1..=ping].rotate_right(1);
            // The ping comes before content now.
            rendition.marks[1].stage = rendition.marks[0].stage;
        }
    }
    let mut at = 0;
    for (mark, chunk) in rendition.marks.iter_mut().zip(&rendition.chunks) {
        (mark.start, mark.end) = (at, at + chunk.data.len());
        at = mark.end;
    }
    rendition
}
