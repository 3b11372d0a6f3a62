//! From a recorded exchange to a rendition.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::{Rendition, RenditionChunk};
use crate::api::Api;
use crate::cassette::{Exchange, RecordedChunk};
use crate::framing::Framing;

/// Headers that frame a body or belong to the connection: a leg makes its own.
const FRAMING: [&str; 5] = ["content-length", "transfer-encoding", "connection", "keep-alive", "trailer"];

/// What a recorded exchange plays: its bytes and chunk borders exactly, with marks so that it can be cut.
pub fn from_cassette(exchange: &Exchange, api: &dyn Api) -> Rendition {
    let response = &exchange.response;
    let chunks: Vec<RenditionChunk> = response
        .chunks
        .iter()
        .map(|chunk| RenditionChunk {
            after: chunk.after.map_or(Duration::ZERO, crate::scenario::Millis::duration),
            data: bytes_of(chunk),
        })
        .collect();
    let content_type = response.headers.get("content-type").unwrap_or_default();
    let stream = Framing::of(content_type).is_some() && (200..300).contains(&response.status);
    let coded = response.headers.get("content-encoding").is_some_and(|coding| coding != "identity");
    let body: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.data.iter().copied()).collect();
    Rendition {
        status: response.status,
        headers: response
            .headers
            .iter()
            .filter(|(name, _)| !FRAMING.iter().any(|framing| name.eq_ignore_ascii_case(framing)))
            .collect(),
        stream,
        // The events of a compressed body cannot be seen: it plays, but it cannot be cut at them.
        marks: if stream && !coded { api.marks(&body) } else { Vec::new() },
        chunks,
    }
}

/// The bytes of a chunk. The loader has refused base64 that does not decode; here it is nothing.
fn bytes_of(chunk: &RecordedChunk) -> Bytes {
    match (&chunk.data, &chunk.base64) {
        (Some(text), _) => text.clone().into_bytes().into(),
        (None, Some(text)) => STANDARD.decode(text).unwrap_or_default().into(),
        (None, None) => Bytes::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ApiId;
    use crate::cassette::{RecordedRequest, RecordedResponse};
    use crate::scenario::Millis;

    #[test]
    fn a_recording_keeps_its_chunks_and_gets_marks() {
        let api = ApiId::AnthropicMessages.spoken().expect("spoken");
        let start = "event: message_start\r\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"usage\":{}}}\r\n\r\n";
        let (head, tail) = start.split_at(30);
        let chunk = |data: &str, after| RecordedChunk { after, data: Some(data.to_owned()), base64: None };
        let exchange = Exchange {
            request: RecordedRequest {
                method: "POST".to_owned(),
                target: "/v1/messages".to_owned(),
                headers: [("a", "b")].into_iter().collect(),
                ..RecordedRequest::default()
            },
            response: RecordedResponse {
                status: 200,
                headers: [("Content-Type", "text/event-stream; charset=utf-8"), ("Transfer-Encoding", "chunked")]
                    .into_iter()
                    .collect(),
                chunks: vec![
                    chunk(head, Some(Millis(40))),
                    chunk(tail, None),
                    RecordedChunk { after: None, data: None, base64: Some("/w==".to_owned()) },
                ],
                ..RecordedResponse::default()
            },
        };
        let rendition = from_cassette(&exchange, api);
        assert_eq!(rendition.chunks.iter().map(|c| c.data.len()).collect::<Vec<_>>(), [30, tail.len(), 1]);
        assert_eq!(rendition.chunks[0].after, Duration::from_millis(40));
        assert_eq!(rendition.headers.0, [("Content-Type".to_owned(), "text/event-stream; charset=utf-8".to_owned())]);
        assert_eq!(rendition.marks.len(), 1);
        assert_eq!((rendition.marks[0].start, rendition.marks[0].end), (0, start.len()));
    }
}
