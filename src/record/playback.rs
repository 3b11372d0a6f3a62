//! A recording as a client of HTTP/1.1 gets it again. No I/O.

use std::time::Duration;

use super::client::Parting;
use crate::cassette::{Exchange, RecordedChunk, RecordedEnd};
use crate::http1::RequestHead;

/// Headers that frame the body, which is framed anew.
const FRAMING: [&str; 4] = ["connection", "content-length", "keep-alive", "transfer-encoding"];

/// What goes out, each after the time since the one before, and how it ends.
#[derive(Debug, PartialEq)]
pub(super) struct Playback {
    pub(super) writes: Vec<(Duration, Vec<u8>)>,
    pub(super) end: Parting,
}

/// What plays a recording to whoever sent this request.
pub(super) fn playback(exchange: &Exchange, asked: &RequestHead) -> Playback {
    let response = &exchange.response;
    let empty = asked.method == "HEAD" || matches!(response.status, 204 | 304);
    let length = response.headers.get("content-length");
    // A body of HTTP/1 that told neither length nor chunks was as long as its connection.
    let until_close = response.http.as_deref().is_some_and(|http| http.starts_with('1'))
        && response.headers.get("transfer-encoding").is_none();
    let chunked = !empty && length.is_none() && !until_close && asked.minor == 1;
    let reason = hyper::StatusCode::from_u16(response.status).ok().and_then(|status| status.canonical_reason());
    let mut head = format!("HTTP/1.1 {} {}\r\n", response.status, reason.unwrap_or_default());
    let mut line = |name: &str, value: &str| {
        for part in [name, ": ", value, "\r\n"] {
            head.push_str(part);
        }
    };
    for (name, value) in response.headers.iter() {
        if !FRAMING.iter().any(|framing| name.eq_ignore_ascii_case(framing)) {
            line(name, value);
        }
    }
    let bodies: Vec<Vec<u8>> = response.chunks.iter().map(RecordedChunk::bytes).collect();
    match length {
        // What was taken out of it may have made the body another.
        Some(_) if response.end == RecordedEnd::Complete && !empty => {
            line("content-length", &bodies.iter().map(Vec::len).sum::<usize>().to_string());
        }
        Some(length) => line("content-length", length),
        None if chunked => line("transfer-encoding", "chunked"),
        None => {}
    }
    head.push_str("\r\n");
    let mut writes = vec![(Duration::ZERO, head.into_bytes())];
    for (chunk, body) in response.chunks.iter().zip(bodies).filter(|(_, body)| !empty && !body.is_empty()) {
        let bytes = if chunked { [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n"].concat() } else { body };
        writes.push((chunk.after.map_or(Duration::ZERO, crate::scenario::Millis::duration), bytes));
    }
    let end = match response.end {
        RecordedEnd::Complete if chunked => {
            let mut end = String::from("0\r\n");
            for (name, value) in response.trailers.iter() {
                for part in [name, ": ", value, "\r\n"] {
                    end.push_str(part);
                }
            }
            end.push_str("\r\n");
            writes.push((Duration::ZERO, end.into_bytes()));
            Parting::Open
        }
        RecordedEnd::Complete if empty || length.is_some() => Parting::Open,
        RecordedEnd::Complete | RecordedEnd::Close => Parting::Close,
        RecordedEnd::Reset => Parting::Reset,
    };
    Playback { writes, end }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cassette::{RecordedRequest, RecordedResponse};
    use crate::scenario::Millis;

    #[track_caller]
    fn check(method: &str, minor: u8, headers: &[(&str, &str)], end: RecordedEnd, expect: &str, parting: Parting) {
        let chunk = |text: &[u8]| RecordedChunk::new(Some(Millis(3)), text);
        let response = RecordedResponse {
            status: 200,
            headers: headers.iter().copied().collect(),
            chunks: vec![chunk(b"ab"), chunk(b"c")],
            trailers: [("x", "y")].into_iter().collect(),
            end,
            ..RecordedResponse::default()
        };
        let exchange = Exchange { request: RecordedRequest::default(), response };
        let (method, target) = (method.to_owned(), "/".to_owned());
        let asked = RequestHead { method, target, minor, headers: crate::wire::Headers::default() };
        let played = playback(&exchange, &asked);
        let texts: Vec<_> = played.writes.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect();
        assert_eq!(texts.join("|").replace("\r\n", "/"), expect);
        assert_eq!(played.end, parting);
    }

    #[test]
    fn a_recording_is_framed_for_whoever_asks() {
        let chunked = [("A", "b"), ("Transfer-Encoding", "chunked")];
        let whole = "HTTP/1.1 200 OK/A: b/transfer-encoding: chunked//|2/ab/|1/c/";
        check("POST", 1, &chunked, RecordedEnd::Complete, &format!("{whole}|0/x: y//"), Parting::Open);
        check("POST", 1, &chunked, RecordedEnd::Close, whole, Parting::Close);
        check("POST", 1, &chunked, RecordedEnd::Reset, whole, Parting::Reset);
        check("POST", 0, &chunked, RecordedEnd::Complete, "HTTP/1.1 200 OK/A: b//|ab|c", Parting::Close);
        check("HEAD", 1, &chunked, RecordedEnd::Complete, "HTTP/1.1 200 OK/A: b//", Parting::Open);
        let length = [("Content-Length", "5")];
        check("POST", 1, &length, RecordedEnd::Complete, "HTTP/1.1 200 OK/content-length: 3//|ab|c", Parting::Open);
        check("POST", 1, &length, RecordedEnd::Close, "HTTP/1.1 200 OK/content-length: 5//|ab|c", Parting::Close);
        check("HEAD", 1, &length, RecordedEnd::Complete, "HTTP/1.1 200 OK/content-length: 5//", Parting::Open);
    }
}
