//! HTTP/2 to the upstream: each of its frames of data is a chunk of HTTP/1.1 to the client.

use std::fmt::Write as _;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Reason, RecvStream};
use hyper::http::{HeaderMap, Request, Response, StatusCode};

use super::client::{Client, Parting};
use super::take::{Ended, Heard, Take};
use super::upstream::Upstream;
use super::{Clock, Stop};
use crate::http1::{Framing, Got, RequestHead};
use crate::leg::Socket;
use crate::wire::Headers;

/// Headers that belong to a connection of HTTP/1.1, and have no place in HTTP/2 (RFC 9113, section 8.2.2).
const CONNECTION: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Forwards a request that was read to its end, and its answer.
pub(super) async fn relay(
    client: &mut Client,
    send: &mut SendRequest<Bytes>,
    upstream: &Upstream,
    head: &RequestHead,
    Take { asked, heard }: &mut Take,
    clock: Clock,
    stop: &Stop,
) -> (Ended, Parting) {
    let body = Bytes::copy_from_slice(asked.body());
    let Client { socket, ahead } = client;
    let gone = async {
        // What comes is the next request.
        while matches!(socket.read(ahead).await, Ok(1..)) && ahead.len() < (256 << 10) {}
        if ahead.len() >= (256 << 10) {
            std::future::pending::<()>().await;
        }
    };
    let exchange = async {
        match ask(send, upstream, head, body).await {
            Ok(response) => download(socket, response, head, heard, clock).await,
            Err(error) => broken(&error, heard),
        }
    };
    tokio::select! {
        biased;
        end = exchange => end,
        () = gone => (Ended::Left, Parting::Gone),
        () = stop.stopped() => (Ended::Stopped, Parting::Close),
    }
}

/// Sends the request and waits for the head of the answer. An answer may come before all of the request is out.
async fn ask(
    send: &mut SendRequest<Bytes>,
    upstream: &Upstream,
    head: &RequestHead,
    body: Bytes,
) -> Result<Response<RecvStream>, h2::Error> {
    let request = request(upstream, head, body.len()).ok_or(Reason::PROTOCOL_ERROR)?;
    std::future::poll_fn(|cx| send.poll_ready(cx)).await?;
    let (response, mut stream) = send.send_request(request, body.is_empty())?;
    if !body.is_empty() {
        // All of it is queued, and goes out as the upstream takes it.
        stream.send_data(body, true)?;
    }
    response.await
}

fn request(upstream: &Upstream, head: &RequestHead, length: usize) -> Option<Request<()>> {
    let scheme = if upstream.secure { "https" } else { "http" };
    let uri = format!("{scheme}://{}{}", upstream.authority, head.target);
    let mut request = Request::builder().method(head.method.as_str()).uri(uri);
    for (name, value) in head.headers.iter() {
        if !CONNECTION.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            request = request.header(name.to_ascii_lowercase(), value);
        }
    }
    if head.headers.get("content-length").is_some() || length > 0 {
        request = request.header("content-length", length);
    }
    request.body(()).ok()
}

/// How the body goes to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// There is none.
    Empty,
    /// As it is: its length was told, or the end of the connection tells it.
    Plain,
    /// In chunks.
    Chunks,
}

async fn download(
    socket: &Socket,
    response: Response<RecvStream>,
    asked: &RequestHead,
    heard: &mut Heard,
    clock: Clock,
) -> (Ended, Parting) {
    let (head, mut body) = response.into_parts();
    let headers = headers(&head.headers, heard);
    let told = headers.get("content-length").is_some();
    let shape = match head.status.as_u16() {
        204 | 304 => Shape::Empty,
        _ if asked.method == "HEAD" => Shape::Empty,
        _ if told || asked.minor == 0 => Shape::Plain,
        _ => Shape::Chunks,
    };
    let whole = if shape == Shape::Plain && !told { Parting::Close } else { Parting::Open };
    if socket.write(&head_bytes(head.status, &headers, shape)).await.is_err() {
        return (Ended::Left, Parting::Gone);
    }
    heard.begin("2", head.status.as_u16(), headers, Framing::Chunked);
    while let Some(data) = body.data().await {
        let data = match data {
            Ok(data) => data,
            Err(error) => return broken(&error, heard),
        };
        let at = clock.now();
        // A frame without bytes only ends the stream.
        if data.is_empty() {
            continue;
        }
        let written = match shape {
            Shape::Empty => Ok(()),
            Shape::Plain => socket.write(&data).await,
            Shape::Chunks => socket.write(&chunk(&data)).await,
        };
        // It fails once the stream is over.
        let _ = body.flow_control().release_capacity(data.len());
        heard.hear(at, Got::Data(data));
        heard.hear(at, Got::ChunkEnd);
        if written.is_err() {
            return (Ended::Left, Parting::Gone);
        }
    }
    let trailers = match body.trailers().await {
        Ok(trailers) => trailers.unwrap_or_default(),
        Err(error) => return broken(&error, heard),
    };
    let mut end = String::from("0\r\n");
    for (name, value) in self::headers(&trailers, heard).iter() {
        let _ = write!(end, "{name}: {value}\r\n");
        heard.hear(clock.now(), Got::Trailer(name.to_owned(), value.to_owned()));
    }
    end.push_str("\r\n");
    if shape == Shape::Chunks && socket.write(end.as_bytes()).await.is_err() {
        return (Ended::Left, Parting::Gone);
    }
    (Ended::Complete, whole)
}

/// What a broken stream is in HTTP/1.1: a stream that is reset is a connection that is. Behind GOAWAY it may go on, so
/// what breaks it then is the end of the connection.
fn broken(error: &h2::Error, heard: &mut Heard) -> (Ended, Parting) {
    let reset = error.get_io().is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset);
    if error.is_reset() && error.is_remote() {
        let code = error.reason().map_or_else(String::new, |reason| format!(" {reason:?}"));
        heard.lose(format!("that the stream ended by RST_STREAM{code}: kept as a reset"));
        return (Ended::Reset, Parting::Reset);
    }
    if reset { (Ended::Reset, Parting::Reset) } else { (Ended::Close, Parting::Close) }
}

/// In their order, as far as it is known: those of one name stand together.
fn headers(map: &HeaderMap, heard: &mut Heard) -> Headers {
    if map.len() > map.keys_len() {
        heard.lose("where among the others repeated headers stood".to_owned());
    }
    map.iter().map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned())).collect()
}

fn head_bytes(status: StatusCode, headers: &Headers, shape: Shape) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} {}\r\n", status.as_u16(), status.canonical_reason().unwrap_or_default());
    for (name, value) in headers.iter() {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if shape == Shape::Chunks {
        head.push_str("transfer-encoding: chunked\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}

fn chunk(data: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", data.len()).into_bytes();
    chunk.extend_from_slice(data);
    chunk.extend_from_slice(b"\r\n");
    chunk
}
