//! HTTP/1.1 as a client reads it, bytes in, events out: no sockets here.

use bytes::{Buf as _, Bytes, BytesMut};

use crate::wire::{Headers, Request};

/// Longest head, and longest chunk-size or trailer line.
const MAX_HEAD: usize = 256 << 10;
/// Most header fields of a head.
const MAX_FIELDS: usize = 256;

/// The request as bytes.
pub(super) fn request_bytes(request: &Request) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.target);
    for (name, value) in request.headers.iter() {
        head.push_str(name);
        head.push_str(": ");
        head.push_str(value);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(&request.body.0);
    bytes
}

/// Something that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// The final head: status and headers, spelled and ordered as they were sent.
    Head(u16, Headers),
    /// Bytes of the body: an HTTP chunk, or as much of it as had come.
    Data(Bytes),
    /// The body came to its proper end.
    End,
    /// This is no HTTP; nothing follows.
    Bad(String),
}

/// Where in a response the next byte stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Head,
    /// Bytes that are still to come.
    Length(u64),
    UntilClose,
    ChunkSize,
    ChunkData(u64),
    /// The line end behind a chunk.
    ChunkEnd,
    Trailer,
    Done,
}

/// Takes a response apart.
#[derive(Debug)]
pub(super) struct ResponseDecoder {
    state: State,
    /// Bytes not yet taken.
    buffer: BytesMut,
    without_body: bool,
    length: u64,
}

impl ResponseDecoder {
    /// For the answer to a request of this method.
    pub(super) fn new(method: &str) -> Self {
        Self { state: State::Head, buffer: BytesMut::new(), without_body: method == "HEAD", length: 0 }
    }

    /// Takes the next bytes, cut anywhere.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Got> {
        self.buffer.extend_from_slice(bytes);
        let mut got = Vec::new();
        while self.state != State::Done {
            match self.step(&mut got) {
                Ok(true) => {}
                Ok(false) => break,
                Err(why) => {
                    self.state = State::Done;
                    got.push(Got::Bad(why));
                }
            }
        }
        got
    }

    /// The connection ended: whether that is the proper end of the response.
    pub(super) fn eof(&self) -> Result<(), String> {
        match self.state {
            State::UntilClose | State::Done => Ok(()),
            State::Head if self.buffer.is_empty() => Err("the connection was closed before any answer".to_owned()),
            State::Head => Err("the connection was closed inside the head".to_owned()),
            State::Length(missing) => {
                Err(format!("the connection was closed after {} of {} bytes", self.length - missing, self.length))
            }
            State::ChunkSize | State::ChunkData(_) | State::ChunkEnd | State::Trailer => {
                Err("the connection was closed inside the chunked body".to_owned())
            }
        }
    }

    /// Takes what can be taken at once; `false` if more bytes are needed.
    fn step(&mut self, got: &mut Vec<Got>) -> Result<bool, String> {
        match self.state {
            State::Head => self.head(got),
            State::UntilClose => Ok(self.data(u64::MAX, got) > 0),
            State::Length(0) => Ok(self.end(got)),
            State::Length(missing) => {
                let taken = self.data(missing, got);
                self.state = State::Length(missing - taken);
                Ok(taken > 0)
            }
            State::ChunkSize => {
                let Some(line) = self.line()? else { return Ok(false) };
                let size = line.split(';').next().unwrap_or_default().trim();
                if size.is_empty() || !size.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return Err(format!("`{}` is no chunk size", line.escape_debug()));
                }
                let size = u64::from_str_radix(size, 16).map_err(|_| format!("a chunk of {size} bytes"))?;
                self.state = if size == 0 { State::Trailer } else { State::ChunkData(size) };
                Ok(true)
            }
            State::ChunkData(missing) => {
                let taken = self.data(missing, got);
                self.state = if taken == missing { State::ChunkEnd } else { State::ChunkData(missing - taken) };
                Ok(taken > 0)
            }
            State::ChunkEnd => match self.line()? {
                None => Ok(false),
                Some(line) if line.is_empty() => {
                    self.state = State::ChunkSize;
                    Ok(true)
                }
                Some(_) => Err("a chunk is longer than its size".to_owned()),
            },
            State::Trailer => match self.line()? {
                None => Ok(false),
                Some(line) if line.is_empty() => Ok(self.end(got)),
                Some(_) => Ok(true),
            },
            State::Done => Ok(false),
        }
    }

    fn end(&mut self, got: &mut Vec<Got>) -> bool {
        self.state = State::Done;
        got.push(Got::End);
        true
    }

    /// Takes up to `most` bytes of the body.
    fn data(&mut self, most: u64, got: &mut Vec<Got>) -> u64 {
        let n = usize::try_from(most).unwrap_or(usize::MAX).min(self.buffer.len());
        if n > 0 {
            got.push(Got::Data(self.buffer.split_to(n).freeze()));
        }
        n as u64
    }

    /// Takes a line without its end.
    fn line(&mut self) -> Result<Option<String>, String> {
        let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') else {
            return if self.buffer.len() > MAX_HEAD { Err("a line without an end".to_owned()) } else { Ok(None) };
        };
        let line = self.buffer.split_to(end + 1);
        let line = String::from_utf8_lossy(&line);
        Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
    }

    fn head(&mut self, got: &mut Vec<Got>) -> Result<bool, String> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        let end = match response.parse(&self.buffer) {
            Ok(httparse::Status::Complete(end)) => end,
            Ok(httparse::Status::Partial) if self.buffer.len() > MAX_HEAD => return Err("an endless head".to_owned()),
            Ok(httparse::Status::Partial) => return Ok(false),
            Err(error) => return Err(format!("not HTTP: {error}")),
        };
        let status = response.code.unwrap_or_default();
        let old = response.version == Some(0);
        let headers: Headers = response
            .headers
            .iter()
            .map(|field| (field.name, String::from_utf8_lossy(field.value).into_owned()))
            .collect();
        self.buffer.advance(end);
        if (100..200).contains(&status) && status != 101 {
            return Ok(true);
        }
        self.state = self.framing(status, old, &headers)?;
        got.push(Got::Head(status, headers));
        Ok(true)
    }

    /// How the body is framed (RFC 9112, section 6.3).
    fn framing(&mut self, status: u16, old: bool, headers: &Headers) -> Result<State, String> {
        if self.without_body || matches!(status, 101 | 204 | 304) {
            return Ok(State::Length(0));
        }
        if let Some(coding) = headers.get("transfer-encoding") {
            let last = coding.rsplit(',').next().unwrap_or_default().trim();
            let chunked = last.eq_ignore_ascii_case("chunked") && !old;
            return Ok(if chunked { State::ChunkSize } else { State::UntilClose });
        }
        match headers.get("content-length") {
            None => Ok(State::UntilClose),
            Some(text) => {
                self.length = text.trim().parse().map_err(|_| format!("`{text}` is no content length"))?;
                Ok(State::Length(self.length))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of the bytes, neighbouring data joined, and whether an end here would be a proper one.
    fn decode(bytes: &[u8], piece: usize) -> (Vec<Got>, Result<(), String>) {
        let mut decoder = ResponseDecoder::new("POST");
        let mut all: Vec<Got> = Vec::new();
        for got in bytes.chunks(piece).flat_map(|bytes| decoder.feed(bytes)) {
            match (all.last_mut(), got) {
                (Some(Got::Data(old)), Got::Data(new)) => *old = [&old[..], &new[..]].concat().into(),
                (_, got) => all.push(got),
            }
        }
        (all, decoder.eof())
    }

    #[track_caller]
    fn check(text: &str, expect: &str) {
        for piece in [1, 3, usize::MAX >> 1] {
            let (got, eof) = decode(text.as_bytes(), piece);
            let mut shown: Vec<String> = got
                .iter()
                .map(|got| match got {
                    Got::Head(status, headers) => format!("{status} {} headers", headers.0.len()),
                    Got::Data(data) => String::from_utf8_lossy(data).into_owned(),
                    Got::End => "end".to_owned(),
                    Got::Bad(why) => format!("bad: {why}"),
                })
                .collect();
            if let Err(why) = eof {
                shown.push(why);
            }
            assert_eq!(shown.join(" | "), expect, "in pieces of {piece}");
        }
    }

    #[test]
    fn bodies_end_as_they_are_framed() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200 1 headers | hi | end");
        check("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 1 headers | end");
        check("HTTP/1.1 204 OK\r\n\r\n", "204 0 headers | end");
        check("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 OK\r\n\r\n", "204 0 headers | end");
        check("HTTP/1.1 200 OK\r\n\r\nuntil the end", "200 0 headers | until the end");
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        check(&format!("{chunked}2\r\nhi\r\nA;x=y\r\n there, yo\r\n0\r\n\r\n"), "200 1 headers | hi there, yo | end");
        check(&format!("{chunked}2\r\nhi\r\n0\r\nX: y\r\n\r\n"), "200 1 headers | hi | end");
    }

    #[test]
    fn cut_bodies_are_told() {
        check("", "the connection was closed before any answer");
        check("HTTP/1.1 200", "the connection was closed inside the head");
        check(
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi",
            "200 1 headers | hi | the connection was closed after 2 of 9 bytes",
        );
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for rest in ["", "5", "5\r\n", "2\r\nhi", "2\r\nhi\r\n", "2\r\nhi\r\n0\r\n"] {
            let data = if rest.contains("hi") { "hi | " } else { "" };
            check(
                &format!("{chunked}{rest}"),
                &format!("200 1 headers | {data}the connection was closed inside the chunked body"),
            );
        }
    }

    #[test]
    fn what_is_no_http_is_told() {
        check("garbage\r\n\r\n", "bad: not HTTP: invalid HTTP version");
        check("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "bad: `x` is no content length");
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        check(&format!("{chunked}xyz\r\n"), "200 1 headers | bad: `xyz` is no chunk size");
        check(&format!("{chunked}2\r\nhix\r\n"), "200 1 headers | hi | bad: a chunk is longer than its size");
    }
}
