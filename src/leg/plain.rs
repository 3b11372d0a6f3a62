//! Requests that are plain: HTTP/1.1, with a length or without a body, on a connection that stays. Nearly all are.
//! Whatever else comes is hyper's.

use hyper::{Method, Uri};

use crate::wire::{Blob, Headers, Request};

/// Most bytes of a head, and most headers.
const HEAD: usize = 64 << 10;
const HEADERS: usize = 64;

/// What stands at the beginning of the bytes that came.
#[derive(Debug, PartialEq)]
pub(super) enum Looks {
    /// Not yet a head.
    Begun,
    /// The head of a plain request.
    Plain(Box<Head>),
    /// Something else.
    Odd,
}

/// The head of a plain request.
#[derive(Debug, PartialEq)]
pub(super) struct Head {
    /// Bytes of it.
    pub(super) length: usize,
    /// Bytes of the body behind it.
    pub(super) body: usize,
    pub(super) method: Method,
    pub(super) target: Uri,
    pub(super) headers: Headers,
}

impl Head {
    /// The request that these bytes are.
    pub(super) fn request(self, bytes: &[u8]) -> (Method, Request) {
        let request = Request {
            method: self.method.to_string(),
            target: self.target.to_string(),
            headers: self.headers,
            body: Blob(bytes[self.length..].to_vec()),
        };
        (self.method, request)
    }
}

/// Looks at the bytes of a connection. Bodies of more than `limit` bytes are not plain.
pub(super) fn look(bytes: &[u8], limit: usize) -> Looks {
    let mut fields = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => head(&request, length, limit).map_or(Looks::Odd, Looks::Plain),
        Ok(httparse::Status::Partial) if bytes.len() < HEAD => Looks::Begun,
        _ => Looks::Odd,
    }
}

fn head(request: &httparse::Request<'_, '_>, length: usize, limit: usize) -> Option<Box<Head>> {
    let method = Method::from_bytes(request.method?.as_bytes()).ok()?;
    let target = request.path.filter(|path| path.starts_with('/') && !path.contains('#'))?;
    let mut body = None;
    let mut headers: Vec<(String, String)> = Vec::with_capacity(request.headers.len());
    for header in request.headers.iter() {
        let name = header.name.to_ascii_lowercase();
        let value = String::from_utf8_lossy(header.value).into_owned();
        match name.as_str() {
            "content-length" => body = Some(number(&value)?),
            "connection" if !value.eq_ignore_ascii_case("keep-alive") => return None,
            "transfer-encoding" | "expect" | "upgrade" | "http2-settings" => return None,
            _ => {}
        }
        if headers.iter().any(|(known, _)| *known == name) {
            return None;
        }
        headers.push((name, value));
    }
    let body = body.unwrap_or(0);
    let plain = request.version == Some(1) && method != Method::CONNECT && body <= limit;
    let target = target.parse().ok().filter(|_| plain)?;
    Some(Box::new(Head { length, body, method, target, headers: Headers(headers) }))
}

/// A length in digits alone, as the standard wants it (RFC 9110, section 8.6).
fn number(value: &str) -> Option<usize> {
    value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1_000;

    fn plain(bytes: &str) -> Option<(usize, usize, Request)> {
        match look(bytes.as_bytes(), LIMIT) {
            Looks::Plain(head) => Some((head.length, head.body, head.request(bytes.as_bytes()).1)),
            Looks::Begun | Looks::Odd => None,
        }
    }

    #[test]
    fn a_plain_request_is_read() {
        let head = "POST /v1/x?a=b HTTP/1.1\r\nHost: leg\r\nX-Word:  \u{e9} \r\nContent-Length: 5\r\n\r\n";
        let (length, body, request) = plain(&format!("{head}hello")).unwrap();
        assert_eq!((length, body), (head.len(), 5));
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/v1/x?a=b"));
        let headers: Vec<_> = request.headers.iter().collect();
        assert_eq!(headers, [("host", "leg"), ("x-word", "\u{e9}"), ("content-length", "5")]);
        assert_eq!(plain("GET /v1/models HTTP/1.1\r\nconnection: keep-alive\r\n\r\n").map(|got| got.1), Some(0));
    }

    #[test]
    fn what_is_not_plain_is_left_to_others() {
        for head in [
            "POST / HTTP/1.0\r\n",
            "POST http://leg/ HTTP/1.1\r\n",
            "CONNECT leg:80 HTTP/1.1\r\n",
            "OPTIONS * HTTP/1.1\r\n",
            "POST /#a HTTP/1.1\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n",
            "POST / HTTP/1.1\r\nexpect: 100-continue\r\n",
            "POST / HTTP/1.1\r\nconnection: close\r\n",
            "POST / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 1\r\n",
            "POST / HTTP/1.1\r\ncontent-length: +1\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 1001\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 99999999999999999999999\r\n",
            "POST / HTTP/1.1\r\nx: a\r\nX: b\r\n",
            "POST / HTTP/1.1\r\nx y: a\r\n",
            "nothing\r\n",
        ] {
            assert_eq!(look(format!("{head}\r\n").as_bytes(), LIMIT), Looks::Odd, "{head}");
        }
        let many = "x-a: a\r\n".repeat(200);
        assert_eq!(look(format!("POST / HTTP/1.1\r\n{many}\r\n").as_bytes(), LIMIT), Looks::Odd);
    }

    #[test]
    fn a_head_comes_in_parts_and_has_a_limit() {
        let head = "POST / HTTP/1.1\r\nhost: leg\r\n\r\n";
        for end in 0..head.len() {
            assert_eq!(look(&head.as_bytes()[..end], LIMIT), Looks::Begun, "{end}");
        }
        let endless = format!("POST / HTTP/1.1\r\nx: {}", "a".repeat(HEAD));
        assert_eq!(look(endless.as_bytes(), LIMIT), Looks::Odd);
    }
}
