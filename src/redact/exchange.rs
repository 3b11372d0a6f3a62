//! What is taken out of an exchange.

use super::body::{Body, Head};
use super::find::is_filled;
use super::{FILLER, Found, Names, Redactor};
use crate::cassette::{Cassette, Exchange, RecordedChunk, RecordedRequest, RecordedResponse};
use crate::scenario::Millis;
use crate::wire::Headers;

impl Redactor {
    /// Takes the secrets out of an exchange, and tells in words what they were: for `provenance.redacted`. The digest of
    /// the cassette is another then; [`Redactor::cassette`] writes both.
    pub fn exchange(&self, exchange: &mut Exchange) -> Vec<String> {
        let mut found = Found::default();
        self.request(&mut exchange.request, &mut found);
        self.response(&mut exchange.response, &mut found);
        found.words
    }

    /// Takes the secrets out of a cassette, writes down what they were, and the digest of what is left.
    pub fn cassette(&self, cassette: &mut Cassette) {
        let mut found = Found { words: std::mem::take(&mut cassette.provenance.redacted), ..Found::default() };
        for exchange in &mut cassette.exchanges {
            self.request(&mut exchange.request, &mut found);
            self.response(&mut exchange.response, &mut found);
        }
        for text in cassette.summary.iter_mut().chain([&mut cassette.provenance.source]) {
            self.line(text, "description", &mut found);
        }
        cassette.provenance.redacted = found.words;
        cassette.provenance.sha256 = cassette.digest();
    }

    pub(super) fn request(&self, request: &mut RecordedRequest, found: &mut Found) {
        self.target(&mut request.target, found);
        self.headers(&mut request.headers, "request", found);
        let (encoding, content_type) = described(&request.headers);
        let head = Head { encoding: &encoding, content_type: &content_type };
        match self.body(head, vec![request.bytes()], "request body", found) {
            Body::Same(pieces) => request.set_bytes(&pieces.concat()),
            Body::Decoded(pieces) => {
                let body = pieces.concat();
                uncoded(&mut request.headers, body.len());
                request.set_bytes(&body);
            }
        }
    }

    pub(super) fn response(&self, response: &mut RecordedResponse, found: &mut Found) {
        self.headers(&mut response.headers, "response", found);
        self.headers(&mut response.trailers, "response", found);
        let pieces = response.chunks.iter().map(RecordedChunk::bytes).collect();
        let (encoding, content_type) = described(&response.headers);
        let head = Head { encoding: &encoding, content_type: &content_type };
        match self.body(head, pieces, "response body", found) {
            Body::Same(pieces) => {
                for (chunk, bytes) in response.chunks.iter_mut().zip(pieces) {
                    if chunk.bytes() != bytes {
                        *chunk = RecordedChunk::new(chunk.after, &bytes);
                    }
                }
            }
            Body::Decoded(pieces) => {
                uncoded(&mut response.headers, pieces.iter().map(Vec::len).sum());
                let times = response.chunks.iter().map(|chunk| chunk.after);
                response.chunks = readable(times.zip(pieces));
            }
        }
    }

    fn headers(&self, headers: &mut Headers, side: &str, found: &mut Found) {
        headers.0.retain(|(name, _)| {
            let dropped = self.names.drops(name);
            if dropped {
                found.say(format!("{side} header {}", name.to_ascii_lowercase()));
            }
            !dropped
        });
        for (name, value) in &mut headers.0 {
            if self.names.fills(name) && !is_filled(value.as_bytes()) && !self.finder.keeps(value.as_bytes()) {
                *value = std::iter::repeat_n(char::from(FILLER), value.len()).collect();
                found.say(format!("value of the {side} header {}", name.to_ascii_lowercase()));
            }
            self.line(value, &format!("{side} header {}", name.to_ascii_lowercase()), found);
        }
    }

    fn target(&self, target: &mut String, found: &mut Found) {
        let Some((path, query)) = target.split_once('?') else {
            return self.line(target, "request path", found);
        };
        let pair = |pair: &str| match pair.split_once('=') {
            Some((name, value)) if self.names.is_secret_parameter(name) && !is_filled(value.as_bytes()) => {
                found.say(format!("query parameter {}", name.to_ascii_lowercase()));
                format!("{name}={}", "x".repeat(value.len()))
            }
            _ => pair.to_owned(),
        };
        *target = format!("{path}?{}", query.split('&').map(pair).collect::<Vec<_>>().join("&"));
        self.line(target, "request path", found);
    }

    /// Fills what is secret in a text of its own.
    pub(super) fn line(&self, text: &mut String, place: &str, found: &mut Found) {
        let mut bytes = text.clone().into_bytes();
        self.text(&mut bytes, place, found);
        if bytes != text.as_bytes() {
            *text = String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}

impl Names {
    fn drops(&self, header: &str) -> bool {
        self.dropped.iter().any(|name| fits(name, &header.to_ascii_lowercase()))
    }

    fn fills(&self, header: &str) -> bool {
        self.filled.iter().any(|name| fits(name, &header.to_ascii_lowercase()))
    }

    fn is_secret_parameter(&self, name: &str) -> bool {
        self.query.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// Whether a name fits, with `*` at either end for any part.
fn fits(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(_), Some(_)) => name.contains(pattern.trim_matches('*')),
        (Some(end), None) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (None, None) => name == pattern,
    }
}

/// `content-encoding` and `content-type`.
fn described(headers: &Headers) -> (String, String) {
    let get = |name: &str| headers.get(name).unwrap_or_default().to_owned();
    (get("content-encoding"), get("content-type"))
}

/// Headers of a body whose coding was taken off.
fn uncoded(headers: &mut Headers, length: usize) {
    headers.0.retain(|(name, _)| !name.eq_ignore_ascii_case("content-encoding"));
    for (name, value) in &mut headers.0 {
        if name.eq_ignore_ascii_case("content-length") {
            *value = length.to_string();
        }
    }
}

/// Chunks of what was readable with each piece; a piece with which nothing was adds its time to the next.
fn readable(pieces: impl Iterator<Item = (Option<Millis>, Vec<u8>)>) -> Vec<RecordedChunk> {
    let mut waited: Option<Millis> = None;
    let chunk = |(after, bytes): (Option<Millis>, Vec<u8>)| {
        waited = match (waited, after) {
            (Some(before), Some(after)) => Some(Millis(before.0 + after.0)),
            (before, after) => before.or(after),
        };
        (!bytes.is_empty()).then(|| RecordedChunk::new(waited.take(), &bytes))
    };
    pieces.filter_map(chunk).collect()
}
