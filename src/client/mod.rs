//! Our client: one connection per request, every byte of the answer with its time, and the truth about its end.
//!
//! It speaks HTTP/1.1 on the socket itself. An HTTP library would hide what a harness must see: how headers were
//! spelled, where chunks ended, and whether a body ended, was cut by FIN, or was reset.

mod leave;

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use crate::api::{Api, ApiId, StreamReader};
use crate::framing::Framing;
use crate::history::{ClientEnd, ClientExchange, ClientMoment, Moment, ResponseHead};
use crate::http1::{self, Got, ResponseDecoder};
use crate::progress::Progress;
use crate::scenario::{At, By, Leave, Pause};
use crate::wire::{Blob, Chunk, Micros, Request};

use leave::Watch;

/// Longest body that is kept; a longer one ends the exchange as broken.
const MAX_BODY: usize = 64 << 20;
/// What a client that stops reading keeps unread, as far as the system lets it choose.
const SMALL: u32 = 4 << 10;

/// One request, and how the client behaves while it is answered.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Where the proxy listens.
    pub addr: SocketAddr,
    /// The request. `host` and `content-length` are added where they are missing.
    pub request: Request,
    /// The API in which the answer is read.
    pub api: ApiId,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// The client goes away there.
    pub leave: Option<Leave>,
    /// The client stops reading there for a while.
    pub pause: Option<Pause>,
    /// Limit of the whole exchange, pauses apart.
    pub limit: Duration,
}

/// Sends the request and records the answer; never fails, for every failure is an end of the exchange.
///
/// `progress` is told the decoded text as it grows. Times are microseconds since `started`.
/// Dropping the future closes the connection.
pub async fn drive(ask: Ask, progress: &Progress, started: Instant) -> ClientExchange {
    let mut recorder = Recorder::new(&ask, progress, started);
    let request = complete(ask.request, ask.addr);
    let sent_at = micros(started);
    recorder.tell(sent_at, || ClientMoment::Asks { api: ask.api, stream: ask.stream, request: request.clone() });
    let limit = ask.limit.saturating_add(ask.pause.map_or(Duration::ZERO, |pause| pause.r#for.duration()));
    let end = match timeout(limit, recorder.run(ask.addr, &request, ask.leave.as_ref())).await {
        Ok(end) => end,
        Err(_) => ClientEnd::TimedOut(ask.limit.as_millis() as u64),
    };
    if end == ClientEnd::Complete {
        recorder.tell_unary();
    }
    let ended_at = recorder.left.unwrap_or_else(|| micros(started));
    recorder.tell(ended_at, || ClientMoment::Ends(end.clone()));
    ClientExchange {
        api: ask.api,
        stream: ask.stream,
        request,
        sent_at,
        response: recorder.response,
        chunks: recorder.chunks,
        paused: recorder.paused,
        end,
        ended_at,
    }
}

fn micros(started: Instant) -> Micros {
    started.elapsed().as_micros() as Micros
}

/// Adds the headers without which HTTP/1.1 does not work.
fn complete(mut request: Request, addr: SocketAddr) -> Request {
    if request.headers.get("host").is_none() {
        request.headers.0.insert(0, ("host".to_owned(), addr.to_string()));
    }
    if !request.body.0.is_empty() && request.headers.get("content-length").is_none() {
        request.headers.push("content-length", request.body.0.len().to_string());
    }
    request
}

/// What was received so far, and who is told of it.
struct Recorder<'a> {
    started: Instant,
    progress: &'a Progress,
    api: ApiId,
    stream: bool,
    /// Present while a 2xx stream is read.
    reader: Option<Box<dyn StreamReader>>,
    response: Option<ResponseHead>,
    chunks: Vec<Chunk>,
    size: usize,
    watch: Option<Watch>,
    /// Requests that the legs get before the client leaves.
    until_asked: Option<u32>,
    /// When the client began to leave.
    left: Option<Micros>,
    /// The pause that is still to come.
    pause: Option<(Watch, Duration)>,
    paused: Option<(Micros, Micros)>,
}

impl<'a> Recorder<'a> {
    fn new(ask: &Ask, progress: &'a Progress, started: Instant) -> Self {
        let framing = ask.api.spoken().map_or(Framing::Sse, Api::framing);
        Self {
            started,
            progress,
            api: ask.api,
            stream: ask.stream,
            reader: None,
            response: None,
            chunks: Vec::new(),
            size: 0,
            watch: ask.leave.as_ref().map(|leave| Watch::new(leave.at, framing)),
            until_asked: ask.leave.as_ref().and_then(|leave| match leave.at {
                At::Asked(times) => Some(times),
                _ => None,
            }),
            left: None,
            pause: ask.pause.map(|pause| (Watch::new(pause.at, framing), pause.r#for.duration())),
            paused: None,
        }
    }

    fn tell(&self, at: Micros, what: impl FnOnce() -> ClientMoment) {
        self.progress.tell(|| Moment::client(at, what()));
    }

    async fn run(&mut self, addr: SocketAddr, request: &Request, leave: Option<&Leave>) -> ClientEnd {
        let mut socket = match connect(addr, self.pause.is_some()).await {
            Ok(socket) => socket,
            Err(error) => return ClientEnd::NoResponse(format!("cannot connect: {}", plain(&error))),
        };
        // Without it a request in two segments can wait for an acknowledgement; an error changes nothing else.
        let _ = socket.set_nodelay(true);
        let end = self.exchange(&mut socket, request).await;
        if end == ClientEnd::Left {
            // Before the socket tells the proxy: what the proxy does about it comes after.
            self.left = Some(micros(self.started));
            self.progress.leave();
            match leave.map(|leave| &leave.by) {
                // An abortive close: RST instead of FIN.
                Some(By::Reset) => {
                    let _ = socket.set_zero_linger();
                }
                // Closing a socket with unread bytes sends only RST, so FIN goes first.
                _ => {
                    let _ = socket.shutdown().await;
                }
            }
        }
        end
    }

    /// Stops reading, if the position for it is reached.
    async fn rest(&mut self) {
        if let Some(time) = self.tired() {
            let from = micros(self.started);
            self.tell(from, || ClientMoment::StopsReading);
            sleep(time).await;
            let to = micros(self.started);
            self.tell(to, || ClientMoment::ReadsOn);
            self.paused = Some((from, to));
        }
    }

    /// How long it rests now; once only.
    fn tired(&mut self) -> Option<Duration> {
        self.response.as_ref()?;
        let (size, seen) = (self.size, self.reader.as_deref().map(StreamReader::so_far));
        self.pause.take_if(|(watch, _)| watch.reached(size, seen)).map(|(_, time)| time)
    }

    /// Sends and receives at the same time, since a server may answer before it has read the whole request.
    async fn exchange(&mut self, socket: &mut TcpStream, request: &Request) -> ClientEnd {
        let (mut read, mut write) = socket.split();
        let bytes = http1::request_bytes(request);
        let mut sending = pin!(async move { write.write_all(&bytes).await });
        let mut sent = false;
        let mut decoder = ResponseDecoder::new(&request.method);
        let mut buffer = vec![0; if self.pause.is_some() { SMALL as usize } else { 64 << 10 }];
        loop {
            let asked = async {
                match self.until_asked {
                    Some(times) => self.progress.asked(times).await,
                    None => std::future::pending().await,
                }
            };
            let got = tokio::select! {
                () = asked => return ClientEnd::Left,
                // A failed write shows in what is read: an early answer, an end or a reset.
                _ = &mut sending, if !sent => { sent = true; continue }
                got = read.read(&mut buffer) => got,
            };
            let events = match got {
                Ok(0) => return self.ended(decoder.eof()),
                Ok(n) => decoder.feed(&buffer[..n]),
                Err(error) => return self.ended(Err(plain(&error))),
            };
            for event in events {
                if let Some(end) = self.take(event) {
                    return end;
                }
                self.rest().await;
            }
        }
    }

    /// Records one thing that came; gives the end, if this was it.
    fn take(&mut self, got: Got) -> Option<ClientEnd> {
        let at = micros(self.started);
        match got {
            Got::Head(http1::ResponseHead { status, headers, .. }, _) => {
                if self.stream && (200..300).contains(&status) {
                    self.reader = self.api.spoken().map(crate::api::Api::stream_reader);
                }
                let head = ResponseHead { at, status, headers };
                self.tell(at, || ClientMoment::Head(head.clone()));
                self.response = Some(head);
            }
            Got::Data(data) => {
                self.size += data.len();
                if let Some(reader) = &mut self.reader {
                    let said = reader.feed(&data);
                    self.progress.hear(&said);
                }
                let pause = self.pause.as_mut().map(|(watch, _)| watch);
                for watch in self.watch.iter_mut().chain(pause) {
                    watch.feed(&data);
                }
                self.tell(at, || ClientMoment::Hears(Blob(data.to_vec())));
                self.chunks.push(Chunk { at, data: Blob(data.to_vec()) });
                if self.size > MAX_BODY {
                    return Some(ClientEnd::Broken(format!("the body is longer than {MAX_BODY} bytes")));
                }
            }
            Got::Interim(_) | Got::ChunkEnd | Got::Trailer(..) => return None,
            Got::End => return Some(ClientEnd::Complete),
            Got::Bad(why) => return Some(self.ended(Err(why))),
        }
        let watch = self.watch.as_ref()?;
        watch.reached(self.size, self.reader.as_deref().map(StreamReader::so_far)).then_some(ClientEnd::Left)
    }

    /// The end that an end of the connection is.
    fn ended(&self, how: Result<(), String>) -> ClientEnd {
        match (how, &self.response) {
            (Ok(()), _) => ClientEnd::Complete,
            (Err(why), Some(_)) => ClientEnd::Broken(why),
            (Err(why), None) => ClientEnd::NoResponse(why),
        }
    }

    /// Tells the text of an answer that came in one piece.
    fn tell_unary(&self) {
        let good = self.response.as_ref().is_some_and(|head| (200..300).contains(&head.status));
        if self.stream || !good {
            return;
        }
        let body: Vec<u8> = self.chunks.iter().flat_map(|chunk| chunk.data.0.iter().copied()).collect();
        if let Some(Ok(completion)) = self.api.spoken().map(|api| api.read_unary(&body)) {
            self.progress.set(&completion.text);
        }
    }
}

/// Connects. A client that stops reading keeps as little as it can, so that the proxy notices.
async fn connect(addr: SocketAddr, stops: bool) -> std::io::Result<TcpStream> {
    if !stops {
        return TcpStream::connect(addr).await;
    }
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Where the system keeps to its own size, the client is a little less slow.
    let _ = socket.set_recv_buffer_size(SMALL);
    socket.connect(addr).await
}

/// An error of the socket in words that do not depend on the platform.
fn plain(error: &Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            "the connection was reset".to_owned()
        }
        ErrorKind::ConnectionRefused => "the connection was refused".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
