//! From what a file tells to an exchange that can be replayed, with a list of what is not as it was on the wire.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Loss;
use super::recorded::{Body, Piece, Recorded, Side};
use crate::cassette::{Exchange, RecordedChunk, RecordedRequest, RecordedResponse};
use crate::coding::{self, Coding};
use crate::framing::Framing;
use crate::scenario::Millis;
use crate::wire::{Headers, bad_header};

/// An exchange, and what was lost of it; `Err` says why it cannot be replayed.
pub(super) fn settle(recorded: Recorded) -> Result<(Exchange, BTreeSet<Loss>), String> {
    if let Some(why) = recorded.unusable {
        return Err(why);
    }
    let mut lost = recorded.lost;
    let request = request(recorded.method, recorded.url.as_deref(), recorded.request, &mut lost)?;
    let status = recorded.status.unwrap_or_else(|| {
        lost.insert(Loss::Status);
        200
    });
    let http = recorded.http.as_deref().and_then(version);
    if http.is_none() {
        lost.insert(Loss::Http);
    }
    let answer = answer(recorded.response, &mut lost)?;
    let framing = answer.headers.get("content-type").and_then(Framing::of).filter(|_| (200..300).contains(&status));
    let pieces = if let Some(framing) = framing {
        if answer.pieces.iter().all(|piece| piece.after.is_none()) {
            lost.insert(Loss::Times);
        }
        if answer.has_borders {
            answer.pieces
        } else {
            lost.insert(Loss::ChunkBorders);
            events(answer.pieces, framing)
        }
    } else {
        if lost.remove(&Loss::StreamBytes) {
            lost.insert(Loss::ResponseBytes);
        }
        answer.pieces
    };
    let chunks = pieces.iter().filter(|piece| !piece.bytes.is_empty());
    let response = RecordedResponse {
        status,
        http,
        headers: answer.headers,
        chunks: chunks.map(|piece| RecordedChunk::new(piece.after.map(Millis), &piece.bytes)).collect(),
        trailers: recorded.trailers,
        end: recorded.end,
    };
    Ok((Exchange { request, response }, lost))
}

/// `1.1` of `HTTP/1.1`, `2` of `h2` and `HTTP/2.0`.
fn version(text: &str) -> Option<String> {
    let lower = text.trim().to_lowercase();
    let number = lower.strip_prefix("http/").or_else(|| lower.strip_prefix('h')).unwrap_or(&lower);
    let known = [("1.0", "1.0"), ("1.1", "1.1"), ("2", "2"), ("2.0", "2"), ("3", "3"), ("3.0", "3")];
    known.into_iter().find(|(spelled, _)| *spelled == number).map(|(_, version)| version.to_owned())
}

fn request(
    method: Option<String>,
    url: Option<&str>,
    side: Side,
    lost: &mut BTreeSet<Loss>,
) -> Result<RecordedRequest, String> {
    if url.is_none() {
        lost.insert(Loss::RequestLine);
    }
    let headers = side.headers.unwrap_or_else(|| {
        lost.insert(Loss::RequestHeaders);
        Headers::default()
    });
    let mut headers = sendable(headers, lost);
    let bytes = match side.body {
        Body::Unknown | Body::Data(_) => {
            lost.insert(Loss::RequestBody);
            Vec::new()
        }
        Body::Bytes(bytes) => bytes,
        Body::Pieces(pieces) => pieces.into_iter().flat_map(|piece| piece.bytes).collect(),
        Body::Json(json) => {
            lost.insert(Loss::RequestBytes);
            json.to_string().into_bytes()
        }
    };
    let encoding = headers.get("content-encoding").unwrap_or_default().to_owned();
    let mut request = RecordedRequest {
        method: method.unwrap_or_else(|| "POST".to_owned()).to_uppercase(),
        target: target(url.unwrap_or_default()).to_owned(),
        headers: Headers::default(),
        body: String::new(),
        base64: None,
    };
    let plain = if Coding::is_gzip(&bytes) {
        headers.0.retain(|(name, _)| !name.eq_ignore_ascii_case("content-encoding"));
        undone("request", if encoding.is_empty() { "gzip" } else { &encoding }, vec![Piece::new(bytes)])?
            .into_iter()
            .flat_map(|piece| piece.bytes)
            .collect()
    } else {
        bytes
    };
    request.set_bytes(&plain);
    request.headers = headers;
    Ok(request)
}

/// Path and query of an address.
fn target(url: &str) -> &str {
    let after = url.split_once("://").map_or(url, |(_, after)| after);
    let target = after.find(['/', '?']).map_or("", |at| &after[at..]);
    let target = target.split('#').next().unwrap_or_default();
    if target.starts_with('/') { target } else { "/" }
}

struct Answer {
    headers: Headers,
    pieces: Vec<Piece>,
    has_borders: bool,
}

fn answer(side: Side, lost: &mut BTreeSet<Loss>) -> Result<Answer, String> {
    let headers = side.headers.unwrap_or_else(|| {
        lost.insert(Loss::ResponseHeaders);
        Headers::default()
    });
    let mut headers = sendable(headers, lost);
    let has_borders = matches!(side.body, Body::Pieces(_));
    let pieces = match side.body {
        Body::Unknown => return Err("the source has no body of the response".to_owned()),
        Body::Bytes(bytes) => vec![Piece::new(bytes)],
        Body::Pieces(pieces) => pieces,
        Body::Json(json) => {
            lost.insert(Loss::ResponseBytes);
            vec![Piece::new(json.to_string().into_bytes())]
        }
        Body::Data(data) => vec![Piece::new(data.iter().flat_map(|data| event(data).into_bytes()).collect())],
    };
    let pieces = plain(&mut headers, pieces, lost)?;
    fit(&mut headers, &pieces, lost);
    Ok(Answer { headers, pieces, has_borders })
}

/// An event around its data: named where its API names events, which is by their type.
fn event(data: &str) -> String {
    let json: Value = serde_json::from_str(data).unwrap_or_default();
    let name = json.get("type").and_then(Value::as_str).map(|name| format!("event: {name}\n"));
    format!("{}data: {data}\n\n", name.unwrap_or_default())
}

/// Headers that a message can have: those of HTTP/2 that begin with a colon are its first line.
fn sendable(headers: Headers, lost: &mut BTreeSet<Loss>) -> Headers {
    let mut kept = Headers::default();
    for (name, value) in headers.0 {
        if name.starts_with(':') {
            continue;
        }
        match bad_header(&name, &value) {
            None => kept.push(name, value),
            Some(_) => {
                lost.insert(Loss::Header(name.chars().filter(|c| !c.is_control()).take(60).collect()));
            }
        }
    }
    kept
}

/// The body without its compression: only then can it be read, cut and played to any client.
fn plain(headers: &mut Headers, pieces: Vec<Piece>, lost: &mut BTreeSet<Loss>) -> Result<Vec<Piece>, String> {
    let named = headers.get("content-encoding").unwrap_or_default().to_owned();
    headers.0.retain(|(name, _)| !name.eq_ignore_ascii_case("content-encoding"));
    let body: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes.iter().copied()).collect();
    let is_gzip = Coding::is_gzip(&body);
    if !is_gzip && !coding::is_coded(&named) {
        return Ok(pieces);
    }
    let name = if is_gzip && !coding::is_coded(&named) { "gzip".to_owned() } else { named };
    lost.insert(Loss::Coding(name.clone()));
    match undone("response", &name, pieces.clone()) {
        // Recorders keep the header over bodies that they decoded: those are text.
        Err(_) if !is_gzip && std::str::from_utf8(&body).is_ok() => Ok(pieces),
        undone => undone,
    }
}

fn undone(of: &str, encoding: &str, pieces: Vec<Piece>) -> Result<Vec<Piece>, String> {
    let bytes: Vec<&[u8]> = pieces.iter().map(|piece| piece.bytes.as_slice()).collect();
    let decoded = coding::decode(encoding, &bytes, coding::MOST).map_err(|error| format!("its {of}: {error}"))?;
    if !decoded.whole {
        return Err(format!("its {of}: the {encoding} of the body has no end"));
    }
    // A piece of which nothing could be read yet goes with the next.
    let (mut found, mut waited) = (Vec::new(), None);
    for (piece, bytes) in pieces.into_iter().zip(decoded.pieces) {
        let after = match (waited.take(), piece.after) {
            (Some(waited), Some(after)) => Some(waited + after),
            (waited, after) => after.or(waited),
        };
        if bytes.is_empty() {
            waited = after;
        } else {
            found.push(Piece { after, bytes });
        }
    }
    Ok(found)
}

/// Makes headers fit the body: a content type that is missing or masked, and a length of another body.
fn fit(headers: &mut Headers, pieces: &[Piece], lost: &mut BTreeSet<Loss>) {
    let start: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes.iter().copied()).take(32).collect();
    if !headers.get("content-type").is_some_and(|kind| kind.contains('/')) {
        headers.0.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        if !start.is_empty() {
            lost.insert(Loss::ContentType);
            let starts = |mark: &str| start.starts_with(mark.as_bytes());
            let kind = match () {
                () if start.starts_with(b"\0") => Framing::EventStream.media_type(),
                () if ["data:", "event:", ":", "id:"].into_iter().any(starts) => Framing::Sse.media_type(),
                () => "application/json",
            };
            headers.push("content-type", kind);
        }
    }
    let length = pieces.iter().map(|piece| piece.bytes.len()).sum::<usize>().to_string();
    if headers.get("content-length").is_some_and(|told| told.trim() != length) {
        headers.0.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
        lost.insert(Loss::ContentLength);
    }
}

/// A stream of which no borders are known, an event at a time: so nearly every chunk of real streams ends.
fn events(pieces: Vec<Piece>, framing: Framing) -> Vec<Piece> {
    let body: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.bytes).collect();
    let mut ends: Vec<usize> = framing.events(&body).into_iter().map(|event| event.span.end).collect();
    // The LF of a CR LF is not counted; what stands behind the last event goes with it.
    for end in &mut ends {
        *end += usize::from(body.get(*end) == Some(&b'\n'));
    }
    match ends.last_mut() {
        Some(last) => *last = body.len(),
        None => ends.push(body.len()),
    }
    let mut from = 0;
    ends.into_iter().map(|end| Piece::new(body[std::mem::replace(&mut from, end)..end].to_vec())).collect()
}
