//! One exchange while it is being recorded. No I/O: what came, and when, is told.

use std::time::Duration;

use crate::cassette::{Exchange, RecordedChunk, RecordedEnd, RecordedRequest, RecordedResponse};
use crate::framing;
use crate::http1::{Framing, Got, RequestHead};
use crate::scenario::Millis;
use crate::wire::{Headers, bad_header};

/// Most bytes that are kept of a body. A cassette file of twice as much does not load.
pub(super) const MAX_BODY: usize = 16 << 20;

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Properly.
    Complete,
    /// The upstream ended the connection inside the response.
    Close,
    /// The upstream reset it.
    Reset,
    /// The client went away.
    Left,
    /// The recorder was stopped.
    Stopped,
}

/// One exchange.
#[derive(Debug)]
pub(super) struct Take {
    pub(super) asked: Asked,
    pub(super) heard: Heard,
}

/// What was asked.
#[derive(Debug)]
pub(super) struct Asked {
    request: RecordedRequest,
    body: Vec<u8>,
    too_large: bool,
    garbled: bool,
    /// When the last of it had come.
    at: Duration,
}

/// What came back.
#[derive(Debug, Default)]
pub(super) struct Heard {
    response: RecordedResponse,
    borders: Borders,
    chunks: Vec<(Duration, Vec<u8>)>,
    /// Bytes of a chunk that is not whole yet, and when the last of them came.
    open: Option<(Duration, Vec<u8>)>,
    size: usize,
    lost: Vec<String>,
}

/// Where a recorded body is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Borders {
    /// Where chunks of HTTP ended.
    #[default]
    Chunks,
    /// Where reads ended: a stream without chunks.
    Reads,
    /// Nowhere: HTTP has no borders in it, and nobody reads it before it is whole.
    None,
}

/// An exchange for a cassette, and what could not be kept of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Recorded {
    pub(super) exchange: Exchange,
    pub(super) lost: Vec<String>,
}

impl Take {
    /// Of a request with this head, as the upstream gets it.
    pub(super) fn new(head: &RequestHead, at: Duration) -> Self {
        let request = RecordedRequest {
            method: head.method.clone(),
            target: head.target.clone(),
            headers: head.headers.clone(),
            ..RecordedRequest::default()
        };
        let asked = Asked { request, body: Vec::new(), too_large: false, garbled: false, at };
        Self { asked, heard: Heard::default() }
    }

    /// What is kept, or why nothing is.
    pub(super) fn end(mut self, how: Ended) -> Result<Recorded, String> {
        let limit = MAX_BODY >> 20;
        if self.asked.too_large {
            return Err(format!("the request is longer than {limit} MiB"));
        }
        if self.asked.garbled {
            return Err("the body of the request is not framed as HTTP".to_owned());
        }
        if self.heard.size > MAX_BODY {
            return Err(format!("the response is longer than {limit} MiB"));
        }
        match self.heard.response.status {
            0 => return Err(unanswered(how).to_owned()),
            101 => return Err("the connection speaks another protocol from here on".to_owned()),
            _ => {}
        }
        self.heard.cut();
        self.asked.request.set_bytes(&self.asked.body);
        let Heard { mut response, chunks, mut lost, .. } = self.heard;
        response.chunks = paced(&chunks, self.asked.at);
        response.end = match how {
            Ended::Complete => RecordedEnd::Complete,
            Ended::Reset => RecordedEnd::Reset,
            Ended::Close | Ended::Left | Ended::Stopped => RecordedEnd::Close,
        };
        match how {
            Ended::Left => lost.push("the end of the response: the client went away".to_owned()),
            Ended::Stopped => lost.push("the end of the response: the recorder was stopped".to_owned()),
            Ended::Complete | Ended::Close | Ended::Reset => {}
        }
        Ok(Recorded { exchange: Exchange { request: self.asked.request, response }, lost })
    }
}

fn unanswered(how: Ended) -> &'static str {
    match how {
        Ended::Complete | Ended::Close => "the upstream closed the connection before it answered",
        Ended::Reset => "the upstream reset the connection before it answered",
        Ended::Left => "the client went away before the upstream answered",
        Ended::Stopped => "the recorder was stopped before the upstream answered",
    }
}

/// Chunks with the time since the one before, the first since the request. Whole times are rounded, not differences:
/// rounding does not add up.
fn paced(chunks: &[(Duration, Vec<u8>)], asked: Duration) -> Vec<RecordedChunk> {
    let rounded = |time: Duration| (time.saturating_sub(asked).as_micros() as u64 + 500) / 1_000;
    let mut before = 0;
    chunks
        .iter()
        .map(|(at, bytes)| {
            let at = rounded(*at).max(before);
            let after = at - before;
            before = at;
            RecordedChunk::new(Some(Millis(after)), bytes)
        })
        .collect()
}

impl Asked {
    /// What came of the body.
    pub(super) fn hear(&mut self, at: Duration, got: &Got) {
        match got {
            Got::Data(data) => {
                self.too_large |= self.body.len() + data.len() > MAX_BODY;
                if !self.too_large {
                    self.body.extend_from_slice(data);
                }
            }
            Got::Bad(_) => self.garbled = true,
            _ => {}
        }
        self.at = at;
    }

    /// Whether it is more than is kept.
    pub(super) fn is_too_large(&self) -> bool {
        self.too_large
    }

    /// The body so far.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The request so far: an exchange of which nothing came back.
    pub(super) fn alone(&self) -> Exchange {
        let mut request = self.request.clone();
        request.set_bytes(&self.body);
        Exchange { request, response: RecordedResponse::default() }
    }
}

impl Heard {
    /// Something that came at a time.
    pub(super) fn hear(&mut self, at: Duration, got: Got) {
        match got {
            // This one belongs to how the request is sent.
            Got::Interim(head) if head.status == 100 => {}
            Got::Interim(head) => self.lose(format!("an interim response with status {}", head.status)),
            Got::Head(head, framing) => {
                let http = if head.minor == 0 { "1.0" } else { "1.1" };
                self.begin(http, head.status, head.headers, framing);
            }
            Got::Data(data) => self.data(at, &data),
            Got::ChunkEnd => self.cut(),
            Got::Trailer(name, value) if bad_header(&name, &value).is_some() => {
                self.lose("a trailer that is no header".to_owned());
            }
            Got::Trailer(name, value) => {
                self.size += name.len() + value.len();
                if self.size <= MAX_BODY {
                    self.response.trailers.push(name, value);
                }
            }
            Got::End => {}
            Got::Bad(why) => self.lose(format!("what followed, which is no HTTP: {why}")),
        }
    }

    /// The head has come.
    pub(super) fn begin(&mut self, http: &str, status: u16, headers: Headers, framing: Framing) {
        let content_type = headers.get("content-type").unwrap_or_default();
        self.borders = match framing {
            Framing::Chunked => Borders::Chunks,
            _ if framing::Framing::of(content_type).is_some() => Borders::Reads,
            _ => Borders::None,
        };
        if self.borders == Borders::Reads {
            self.lose("chunk borders: the stream came without chunks, and is cut as it arrived".to_owned());
        }
        self.response = RecordedResponse { status, http: Some(http.to_owned()), headers, ..self.response.clone() };
    }

    fn data(&mut self, at: Duration, data: &[u8]) {
        self.size += data.len();
        if self.size > MAX_BODY {
            return;
        }
        let (last, open) = self.open.get_or_insert_with(|| (at, Vec::new()));
        *last = at;
        open.extend_from_slice(data);
        if self.borders == Borders::Reads {
            self.cut();
        }
    }

    /// What is open is a chunk.
    fn cut(&mut self) {
        self.chunks.extend(self.open.take());
    }

    /// Something cannot be kept.
    pub(super) fn lose(&mut self, what: String) {
        if !self.lost.contains(&what) {
            self.lost.push(what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::{ResponseDecoder, request_head};

    const ASKED: &str = "POST /v1/chat/completions HTTP/1.1\r\nHost: there\r\n\r\n";

    /// The take of an answer that came in these pieces, 10 ms apart.
    fn take(pieces: &[&str], how: Ended) -> Result<Recorded, String> {
        let (head, _) = request_head(ASKED.as_bytes()).unwrap().unwrap();
        let mut take = Take::new(&head, Duration::from_millis(5));
        let mut decoder = ResponseDecoder::new("POST");
        for (n, piece) in pieces.iter().enumerate() {
            let at = Duration::from_millis(10 * (n as u64 + 1));
            decoder.feed(piece.as_bytes()).into_iter().for_each(|got| take.heard.hear(at, got));
        }
        take.end(how)
    }

    #[track_caller]
    fn check(pieces: &[&str], how: Ended, expect: &str) {
        let shown = match take(pieces, how) {
            Err(why) => why,
            Ok(Recorded { exchange: Exchange { response, .. }, lost }) => {
                let chunk = |chunk: &RecordedChunk| {
                    format!(
                        "{}ms {}",
                        chunk.after.map_or(0, |after| after.0),
                        String::from_utf8(chunk.bytes()).unwrap()
                    )
                };
                let chunks: Vec<_> = response.chunks.iter().map(chunk).collect();
                let trailers: Vec<_> =
                    response.trailers.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let http = response.http.as_deref().unwrap_or("?");
                format!("{http} {} {chunks:?} {trailers:?} {:?} {lost:?}", response.status, response.end)
            }
        };
        assert_eq!(shown, expect);
    }

    #[test]
    fn chunks_are_those_of_http_however_they_came() {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        check(
            &[head, "2\r\nh", "i\r\n1\r\n!\r\n", "0\r\nX-A: b\r\n\r\n"],
            Ended::Complete,
            r#"1.1 200 ["25ms hi", "0ms !"] ["X-A=b"] Complete []"#,
        );
        check(&[head, "2\r\nhi\r\n5\r\nyo"], Ended::Close, r#"1.1 200 ["15ms hi", "0ms yo"] [] Close []"#);
        check(&[head, "2\r\nhi\r\n"], Ended::Reset, r#"1.1 200 ["15ms hi"] [] Reset []"#);
        let left = r#"1.1 200 ["15ms hi"] [] Close ["the end of the response: the client went away"]"#;
        check(&[head, "2\r\nhi\r\n"], Ended::Left, left);
    }

    #[test]
    fn without_chunks_a_stream_is_cut_as_it_came_and_other_bodies_are_whole() {
        let lost = r#"["chunk borders: the stream came without chunks, and is cut as it arrived"]"#;
        check(
            &["HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", "hi", "yo"],
            Ended::Complete,
            &format!(r#"1.0 200 ["15ms hi", "10ms yo"] [] Complete {lost}"#),
        );
        check(
            &["HTTP/1.1 429 No\r\nContent-Length: 4\r\n\r\n", "hi", "yo"],
            Ended::Complete,
            r#"1.1 429 ["25ms hiyo"] [] Complete []"#,
        );
        check(&["HTTP/1.1 204 No\r\n\r\n"], Ended::Complete, "1.1 204 [] [] Complete []");
    }

    #[test]
    fn what_has_no_answer_is_not_kept() {
        check(&[], Ended::Close, "the upstream closed the connection before it answered");
        check(&["HTTP/1.1 100 Continue\r\n\r\n"], Ended::Left, "the client went away before the upstream answered");
        check(&["HTTP/1.1 101 Go\r\n\r\n"], Ended::Complete, "the connection speaks another protocol from here on");
    }

    #[test]
    fn rounding_does_not_add_up() {
        let chunks: Vec<_> = (1..=10).map(|n| (Duration::from_micros(n * 1_400), vec![])).collect();
        let all: u64 = paced(&chunks, Duration::ZERO).iter().filter_map(|chunk| chunk.after).map(|after| after.0).sum();
        assert_eq!(all, 14);
    }
}
