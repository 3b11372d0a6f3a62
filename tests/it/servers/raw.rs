//! A client and a tee that see HTTP/1.1 as it stands on the wire, chunk by chunk. Nothing in them is ours: what the
//! recorder wrote is held to what they saw.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossfade::api::ApiId;

use crate::support::{read_request, server};

/// A response on the wire.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    /// Whether it came in chunks; else `chunks` is the body in one.
    pub(super) chunked: bool,
    pub(super) chunks: Vec<Vec<u8>>,
    /// Whether it ended properly.
    pub(super) whole: bool,
}

/// Reads what came on a connection; a head without an end is nothing.
fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let header = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
    let headers: Vec<_> = lines.filter_map(header).collect();
    let said =
        |wanted: &str| headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value);
    let body = &bytes[end + 4..];
    let chunked = said("transfer-encoding").is_some_and(|value| value == "chunked");
    let (chunks, whole) = if chunked {
        unchunked(body)
    } else {
        let length = said("content-length").and_then(|value| value.parse::<usize>().ok());
        (vec![body.to_vec()], length.is_none_or(|length| length == body.len()))
    };
    Some(Answer { status, headers, chunked, chunks, whole })
}

/// The chunks, and whether the last one was there.
fn unchunked(mut body: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut chunks = Vec::new();
    while let Some(line) = body.windows(2).position(|window| window == b"\r\n") {
        let Ok(size) = usize::from_str_radix(&String::from_utf8_lossy(&body[..line]), 16) else { break };
        let rest = &body[line + 2..];
        if size == 0 {
            return (chunks, true);
        }
        chunks.push(rest[..size.min(rest.len())].to_vec());
        body = rest.get(size + 2..).unwrap_or_default();
    }
    (chunks, false)
}

/// Posts a body where the API's generations are asked for.
pub(super) fn ask(base: &str, api: ApiId, body: &str) -> Answer {
    ask_and_watch(base, api, body, |_| ())
}

/// `watch` is given all that has come so far, each time that more has come.
pub(super) fn ask_and_watch(base: &str, api: ApiId, body: &str, mut watch: impl FnMut(&[u8])) -> Answer {
    let (host, prefix) = place(base);
    let path = match api {
        ApiId::AnthropicMessages => "/v1/messages",
        ApiId::OpenaiResponses => "/v1/responses",
        _ => "/v1/chat/completions",
    };
    let mut stream = TcpStream::connect(host).expect("it listens");
    let head = format!(
        "POST {prefix}{path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\nauthorization: Bearer sk-any\r\n\
         x-api-key: sk-any\r\nanthropic-version: 2023-06-01\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("it reads");
    stream.write_all(body.as_bytes()).expect("it reads");
    stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a time");
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
            Err(error) => {
                assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "it is silent");
                break;
            }
        }
        watch(&bytes);
        if parse(&bytes).is_some_and(|answer| answer.whole && answer.chunked) {
            break;
        }
    }
    parse(&bytes).unwrap_or_else(|| panic!("no head in {:?}", String::from_utf8_lossy(&bytes)))
}

/// Whether a server says that it is well.
pub(super) fn is_ready(base: &str) -> bool {
    let (host, _) = place(base);
    let Ok(mut stream) = TcpStream::connect(host) else { return false };
    let mut answer = String::new();
    let head = format!("GET /health HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

/// Host with port, and path.
fn place(base: &str) -> (&str, &str) {
    let rest = base.strip_prefix("http://").expect("plain HTTP");
    rest.find('/').map_or((rest, ""), |at| rest.split_at(at))
}

/// Request bodies, and the bytes of what each was answered.
type Heard = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// Stands in front of a server, passes everything on, and keeps what it heard.
pub(super) struct Tee {
    pub(super) url: String,
    heard: Heard,
}

impl Tee {
    pub(super) fn start(upstream: &str) -> Self {
        let heard = Heard::default();
        let (kept, upstream) = (heard.clone(), place(upstream).0.to_owned());
        let address = server(move |mut client| {
            if let Some((head, body)) = read_request(&mut client) {
                let mut upstream = TcpStream::connect(&upstream).expect("the server listens");
                // Its end is the answer's.
                let head = head.replacen("\r\n", "\r\nconnection: close\r\n", 1);
                upstream.write_all(head.as_bytes()).expect("it reads");
                upstream.write_all(&body).expect("it reads");
                let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
                while let Ok(n @ 1..) = upstream.read(&mut buffer) {
                    bytes.extend_from_slice(&buffer[..n]);
                    if client.write_all(&buffer[..n]).is_err() {
                        return;
                    }
                }
                kept.lock().expect("no thread panics").push((String::from_utf8_lossy(&body).into_owned(), bytes));
            }
        });
        Self { url: format!("http://{address}"), heard }
    }

    /// Each request's body, and what it was answered.
    pub(super) fn answers(&self) -> Vec<(String, Answer)> {
        let heard = self.heard.lock().expect("no thread panics");
        heard.iter().map(|(request, bytes)| (request.clone(), parse(bytes).expect("a head"))).collect()
    }
}
