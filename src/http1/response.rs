//! Responses out of bytes.

use bytes::{Buf as _, BytesMut};

use super::{BodyDecoder, Framing, Got, MAX_FIELDS, MAX_HEAD, headers};
use crate::wire::Headers;

/// The head of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// Status.
    pub status: u16,
    /// 0 or 1, of HTTP/1.0 and HTTP/1.1.
    pub minor: u8,
    /// Headers in order, as they were spelled.
    pub headers: Headers,
}

/// Takes a response apart.
#[derive(Debug)]
pub struct ResponseDecoder {
    /// Once the head has come.
    body: Option<BodyDecoder>,
    /// Bytes not yet taken.
    buffer: BytesMut,
    without_body: bool,
    bad: bool,
}

impl ResponseDecoder {
    /// For the answer to a request of this method.
    pub fn new(method: &str) -> Self {
        Self { body: None, buffer: BytesMut::new(), without_body: method == "HEAD", bad: false }
    }

    /// Takes the next bytes, cut anywhere.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Got> {
        self.buffer.extend_from_slice(bytes);
        let mut got = Vec::new();
        while self.body.is_none() && !self.bad {
            match self.head(&mut got) {
                Ok(true) => {}
                Ok(false) => return got,
                Err(why) => {
                    self.bad = true;
                    got.push(Got::Bad(why));
                }
            }
        }
        if let Some(body) = &mut self.body {
            body.feed(&mut self.buffer, &mut got);
        }
        got
    }

    /// The connection ended: whether that is the proper end of the response.
    pub fn eof(&self) -> Result<(), String> {
        match &self.body {
            Some(body) => body.eof(),
            None if self.bad => Ok(()),
            None if self.buffer.is_empty() => Err("the connection was closed before any answer".to_owned()),
            None => Err("the connection was closed inside the head".to_owned()),
        }
    }

    /// The body that is being read, once the head has come.
    pub fn body(&self) -> Option<&BodyDecoder> {
        self.body.as_ref()
    }

    /// Takes a head; `false` if more bytes are needed.
    fn head(&mut self, got: &mut Vec<Got>) -> Result<bool, String> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        let end = match response.parse(&self.buffer) {
            Ok(httparse::Status::Complete(end)) => end,
            Ok(httparse::Status::Partial) if self.buffer.len() > MAX_HEAD => return Err("an endless head".to_owned()),
            Ok(httparse::Status::Partial) => return Ok(false),
            Err(error) => return Err(format!("not HTTP: {error}")),
        };
        let head = ResponseHead {
            status: response.code.unwrap_or_default(),
            minor: response.version.unwrap_or(1),
            headers: headers(response.headers),
        };
        self.buffer.advance(end);
        if (100..200).contains(&head.status) && head.status != 101 {
            got.push(Got::Interim(head));
            return Ok(true);
        }
        let framing = self.framing(&head)?;
        self.body = Some(BodyDecoder::new(framing));
        got.push(Got::Head(head, framing));
        Ok(true)
    }

    /// How the body is framed (RFC 9112, section 6.3).
    fn framing(&self, head: &ResponseHead) -> Result<Framing, String> {
        if self.without_body || matches!(head.status, 101 | 204 | 304) {
            return Ok(Framing::Length(0));
        }
        if let Some(coding) = head.headers.get("transfer-encoding") {
            let last = coding.rsplit(',').next().unwrap_or_default().trim();
            let chunked = last.eq_ignore_ascii_case("chunked") && head.minor != 0;
            return Ok(if chunked { Framing::Chunked } else { Framing::UntilClose });
        }
        match head.headers.get("content-length") {
            None => Ok(Framing::UntilClose),
            Some(text) => {
                text.trim().parse().map(Framing::Length).map_err(|_| format!("`{text}` is no content length"))
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
                    Got::Interim(head) => format!("({})", head.status),
                    Got::Head(head, _) => format!("{} {} headers", head.status, head.headers.0.len()),
                    Got::ChunkEnd => "/".to_owned(),
                    Got::Trailer(name, value) => format!("{name}={value}"),
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
        check("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 OK\r\n\r\n", "(100) | 204 0 headers | end");
        check("HTTP/1.1 200 OK\r\n\r\nuntil the end", "200 0 headers | until the end");
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        check(
            &format!("{chunked}2\r\nhi\r\nA;x=y\r\n there, yo\r\n0\r\n\r\n"),
            "200 1 headers | hi | / |  there, yo | / | end",
        );
        check(&format!("{chunked}2\r\nhi\r\n0\r\nX: y\r\n\r\n"), "200 1 headers | hi | / | X=y | end");
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
            let data = if rest.contains("hi") { "hi | / | " } else { "" };
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
        check(&format!("{chunked}2\r\nhix\r\n"), "200 1 headers | hi | / | bad: a chunk is longer than its size");
    }
}
