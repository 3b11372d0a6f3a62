//! A recorded exchange as a rendition.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::answer::{Rendition, RenditionChunk};
use crate::api::Api;
use crate::cassette::{Exchange, RecordedChunk};

/// The recorded response: status, headers, chunk borders and times as they were.
pub(super) fn rendition(exchange: &Exchange, api: &dyn Api) -> Rendition {
    let response = &exchange.response;
    let chunks: Vec<_> = response
        .chunks
        .iter()
        .map(|chunk| RenditionChunk {
            after: chunk.after.map_or(Duration::ZERO, |after| after.duration()),
            data: Bytes::from(bytes(chunk)),
        })
        .collect();
    let content_type = response.headers.get("content-type").unwrap_or_default();
    let stream = content_type.starts_with("text/event-stream");
    let body: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.data.iter().copied()).collect();
    let marks = if stream { api.marks(&body) } else { Vec::new() };
    Rendition { status: response.status, headers: response.headers.clone(), stream, chunks, marks }
}

fn bytes(chunk: &RecordedChunk) -> Vec<u8> {
    match (&chunk.data, &chunk.base64) {
        (Some(text), _) => text.clone().into_bytes(),
        (None, Some(text)) => STANDARD.decode(text).unwrap_or_default(),
        (None, None) => Vec::new(),
    }
}
