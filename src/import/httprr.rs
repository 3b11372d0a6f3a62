//! httprr: two lengths on a line, then request and response as they would stand on the wire in HTTP/1.

use super::Loss;
use super::recorded::{Body, Piece, Recorded, Side};
use crate::diagnostic::{Diagnostic, SourceFile, Span};
use crate::wire::Headers;

/// The first line.
pub(super) const MAGIC: &[u8] = b"httprr trace v1\n";

/// Reads the exchanges of a trace. Bodies are bytes: the file need not be text.
pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Vec<Recorded>, Diagnostic> {
    let error = |at: usize, message: &str| {
        let file = SourceFile::new(name, String::from_utf8_lossy(bytes));
        let start = String::from_utf8_lossy(&bytes[..at]).len();
        Diagnostic::new(&file, Span { start, end: start + 1 }, message)
    };
    if !bytes.starts_with(MAGIC) {
        return Err(error(0, "a trace begins with the line `httprr trace v1`"));
    }
    let mut at = MAGIC.len();
    let mut found = Vec::new();
    while at < bytes.len() {
        let line = bytes[at..].split(|byte| *byte == b'\n').next().unwrap_or_default();
        let lengths: Option<Vec<usize>> =
            std::str::from_utf8(line).ok().and_then(|line| line.split(' ').map(|length| length.parse().ok()).collect());
        let Some([request, response]) = lengths.as_deref() else {
            return Err(error(at, "here stand the two lengths of a request and its response")
                .help("lengths count bytes: an editor may have changed the bytes of what stands before"));
        };
        let start = at + line.len() + 1;
        let middle = start.saturating_add(*request);
        let end = middle.saturating_add(*response);
        let (Some(asked), Some(answered)) = (bytes.get(start..middle), bytes.get(middle..end)) else {
            return Err(error(at, "the file is shorter than these lengths say")
                .help("lengths count bytes: restore the file as it was recorded"));
        };
        let (line, request) = message(asked).ok_or_else(|| error(start, "here stands no request of HTTP"))?;
        let (status, response) = message(answered).ok_or_else(|| error(middle, "here stands no response of HTTP"))?;
        let mut asked = line.split(' ');
        let mut answer = status.splitn(3, ' ');
        let (method, url) = (asked.next(), asked.next());
        let (http, code) = (answer.next(), answer.next().and_then(|code| code.parse().ok()));
        let Some(code) = code.filter(|code| (100..=599).contains(code)) else {
            return Err(error(middle, "here stands no status of HTTP"));
        };
        found.push(Recorded {
            method: method.map(str::to_owned),
            url: url.map(str::to_owned),
            request,
            status: Some(code),
            http: http.map(str::to_owned),
            response,
            lost: [Loss::HeaderOrder, Loss::HeaderCase].into(),
            ..Recorded::default()
        });
        at = end;
    }
    Ok(found)
}

/// The first line of a message, and what follows it.
fn message(bytes: &[u8]) -> Option<(String, Side)> {
    let end = |mark: &[u8]| bytes.windows(mark.len()).position(|window| window == mark).map(|at| (at, at + mark.len()));
    let (head, body) = end(b"\r\n\r\n").or_else(|| end(b"\n\n"))?;
    let (head, body) = (std::str::from_utf8(&bytes[..head]).ok()?, &bytes[body..]);
    let mut lines = head.lines();
    let first = lines.next()?.to_owned();
    let header = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
    let headers: Headers = lines.map(header).collect::<Option<_>>()?;
    let is_chunked = headers.get("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
    let body = match is_chunked.then(|| dechunked(body)).flatten() {
        Some(pieces) => Body::Pieces(pieces),
        None => Body::Bytes(body.to_vec()),
    };
    Some((first, Side { headers: Some(headers), body }))
}

/// The chunks of a body that was kept with their frames.
fn dechunked(body: &[u8]) -> Option<Vec<Piece>> {
    let (mut found, mut rest) = (Vec::new(), body);
    loop {
        let at = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..at]).ok()?, 16).ok()?;
        if size == 0 {
            return Some(found);
        }
        let start = at + 2;
        let end = start.checked_add(size)?;
        found.push(Piece::new(rest.get(start..end)?.to_vec()));
        rest = rest.get(end..)?.strip_prefix(b"\r\n")?;
    }
}
