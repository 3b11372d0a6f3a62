//! Requests: as bytes, and heads out of bytes.

use super::{Framing, MAX_FIELDS, MAX_HEAD, headers};
use crate::wire::{Headers, Request};

/// The request as bytes.
pub fn request_bytes(request: &Request) -> Vec<u8> {
    let head = RequestHead {
        method: request.method.clone(),
        target: request.target.clone(),
        minor: 1,
        headers: request.headers.clone(),
    };
    let mut bytes = head.bytes();
    bytes.extend_from_slice(&request.body.0);
    bytes
}

/// The head of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// Method.
    pub method: String,
    /// The target as on the request line.
    pub target: String,
    /// 0 or 1, of HTTP/1.0 and HTTP/1.1.
    pub minor: u8,
    /// Headers in order, as they were spelled.
    pub headers: Headers,
}

impl RequestHead {
    /// The bytes up to and with the empty line.
    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.{}\r\n", self.method, self.target, self.minor);
        for (name, value) in self.headers.iter() {
            for part in [name, ": ", value, "\r\n"] {
                head.push_str(part);
            }
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// How the body is framed; one that is framed twice, or in a way that is not known, is no request.
    pub fn framing(&self) -> Result<Framing, String> {
        let all = |wanted: &str| -> Vec<&str> {
            self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value).collect()
        };
        match (all("transfer-encoding").as_slice(), all("content-length").as_slice()) {
            ([], []) => Ok(Framing::Length(0)),
            ([coding], []) if coding.trim().eq_ignore_ascii_case("chunked") && self.minor == 1 => Ok(Framing::Chunked),
            ([], [length]) => {
                let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
                let length = digits.then(|| length.parse().ok()).flatten();
                length.map(Framing::Length).ok_or_else(|| "the content length is no number".to_owned())
            }
            ([], _) => Err("there are several content lengths".to_owned()),
            (_, []) => Err("only the transfer coding `chunked` is known".to_owned()),
            _ => Err("there are a content length and a transfer coding".to_owned()),
        }
    }

    /// Whether the client waits for `100 Continue` before it sends the body.
    pub fn waits(&self) -> bool {
        self.minor == 1 && self.headers.get("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
    }
}

/// The head with which these bytes begin, and its length; `None` where it is not whole yet.
pub fn request_head(bytes: &[u8]) -> Result<Option<(RequestHead, usize)>, String> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => {
            let head = RequestHead {
                method: request.method.unwrap_or_default().to_owned(),
                target: request.path.unwrap_or_default().to_owned(),
                minor: request.version.unwrap_or(1),
                headers: headers(request.headers),
            };
            Ok(Some((head, length)))
        }
        Ok(httparse::Status::Partial) if bytes.len() > MAX_HEAD => Err("an endless head".to_owned()),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(error) => Err(format!("not HTTP: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_as_they_are_spelled() {
        let text = "POST /v1/x?a=b HTTP/1.1\r\nHost: here\r\nX-Two:  b \r\nx-two: c\r\n\r\n";
        let (head, length) = request_head(format!("{text}body").as_bytes()).unwrap().unwrap();
        assert_eq!(length, text.len());
        assert_eq!((head.method.as_str(), head.target.as_str(), head.minor), ("POST", "/v1/x?a=b", 1));
        assert_eq!(head.headers.iter().collect::<Vec<_>>(), [("Host", "here"), ("X-Two", "b"), ("x-two", "c")]);
        assert_eq!(String::from_utf8(head.bytes()).unwrap(), text.replace("  b ", " b"));
        for end in [0, 4, length - 1] {
            assert_eq!(request_head(&text.as_bytes()[..end]), Ok(None), "{end} bytes");
        }
        assert!(request_head(b"garbage\r\n\r\n").is_err());
    }

    #[test]
    fn framings_are_told_apart() {
        let check = |lines: &str, expect: Result<Framing, &str>| {
            let text = format!("POST / HTTP/1.1\r\n{lines}\r\n");
            let (head, _) = request_head(text.as_bytes()).unwrap().unwrap();
            assert_eq!(head.framing(), expect.map_err(str::to_owned), "{lines}");
        };
        check("", Ok(Framing::Length(0)));
        check("Content-Length: 12\r\n", Ok(Framing::Length(12)));
        check("Transfer-Encoding: Chunked\r\n", Ok(Framing::Chunked));
        check("Content-Length: +1\r\n", Err("the content length is no number"));
        check("Content-Length: 1\r\nContent-Length: 1\r\n", Err("there are several content lengths"));
        check("Transfer-Encoding: gzip, chunked\r\n", Err("only the transfer coding `chunked` is known"));
        let both = "there are a content length and a transfer coding";
        check("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", Err(both));
    }
}
