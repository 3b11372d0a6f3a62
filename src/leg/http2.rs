//! One connection that speaks HTTP/2: requests at the same time, each answered by a player of its own.
//!
//! The connection is driven here alone. What ends it, or must stand behind everything that was sent before, players
//! wish for: frames that are queued go out first.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use hyper::http::{Request as Asked, Response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::case::lock;
use super::connection::{BODY_LIMIT, Stage, headers};
use super::head::{Framing, fields};
use super::play::{After, Peer, Player};
use super::socket::Socket;
use super::tape::Tape;
use crate::fault::{End, Plan};
use crate::wire::Request;

/// Most requests of a connection at a time.
const STREAMS: u32 = 256;
/// Longest wait for the peer to greet, and for our goodbye to be out.
const LIMIT: Duration = Duration::from_secs(10);

/// What a player wishes of its connection, once everything that was sent before is out.
#[derive(Debug)]
enum Wish {
    /// To know that.
    Flushed(oneshot::Sender<()>),
    /// GOAWAY with this code, then the end of the connection.
    GoAway(u32),
    /// FIN.
    Close,
    /// RST.
    Reset,
}

/// One response, as its player sees it.
#[derive(Debug)]
pub(super) struct Stream {
    respond: Mutex<SendResponse<Bytes>>,
    body: Mutex<Option<SendStream<Bytes>>>,
    wishes: mpsc::UnboundedSender<Wish>,
}

impl Stream {
    /// Sends the head.
    pub(super) fn begin(&self, plan: &Plan) -> io::Result<()> {
        let mut response = Response::builder().status(plan.status);
        for (name, value) in fields(plan) {
            response = response.header(name, &*value);
        }
        if !plan.chunked {
            response = response.header("content-length", plan.length);
        }
        let response = response.body(()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let body = lock(&self.respond).send_response(response, false).map_err(gone)?;
        *lock(&self.body) = Some(body);
        Ok(())
    }

    /// Sends a piece of the body: a frame, or several where it is longer than the peer takes.
    pub(super) async fn send(&self, mut data: Bytes) -> io::Result<()> {
        while !data.is_empty() {
            let room = poll_fn(|cx| self.poll_room(cx, data.len())).await?;
            let piece = data.split_to(room.min(data.len()));
            self.with_body(|body| body.send_data(piece, false))?;
        }
        Ok(())
    }

    /// Ends the body as it should.
    pub(super) fn finish(&self) -> io::Result<()> {
        self.with_body(|body| body.send_data(Bytes::new(), true))
    }

    /// RST_STREAM with this code, behind everything that was sent.
    pub(super) async fn reset(&self, code: u32) {
        self.flushed().await;
        let reason = Reason::from(code);
        match &mut *lock(&self.body) {
            Some(body) => body.send_reset(reason),
            None => lock(&self.respond).send_reset(reason),
        }
        // No pause from here to the end of the record: from now on the stream counts as cancelled.
    }

    /// GOAWAY with this code behind everything that was sent; the connection ends with it.
    pub(super) fn go_away(&self, code: u32) {
        let _ = self.wishes.send(Wish::GoAway(code));
    }

    /// The connection ends by FIN, with every request on it.
    pub(super) fn close_connection(&self) {
        let _ = self.wishes.send(Wish::Close);
    }

    /// The connection ends by RST.
    pub(super) fn reset_connection(&self) {
        let _ = self.wishes.send(Wish::Reset);
    }

    async fn flushed(&self) {
        let (tell, told) = oneshot::channel();
        if self.wishes.send(Wish::Flushed(tell)).is_ok() {
            let _ = told.await;
        }
    }

    fn poll_room(&self, cx: &mut Context<'_>, wanted: usize) -> Poll<io::Result<usize>> {
        let mut body = lock(&self.body);
        let Some(body) = &mut *body else { return Poll::Ready(Err(io::ErrorKind::NotConnected.into())) };
        body.reserve_capacity(wanted);
        match body.capacity() {
            0 => match ready!(body.poll_capacity(cx)) {
                Some(room) => Poll::Ready(room.map_err(gone)),
                None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            },
            room => Poll::Ready(Ok(room)),
        }
    }

    fn with_body(&self, act: impl FnOnce(&mut SendStream<Bytes>) -> Result<(), h2::Error>) -> io::Result<()> {
        lock(&self.body).as_mut().map_or(Err(io::ErrorKind::NotConnected.into()), |body| act(body).map_err(gone))
    }

    /// Until the peer has cancelled this request, or the connection has failed.
    async fn cancelled(&self) {
        poll_fn(|cx| {
            let reset = match &mut *lock(&self.body) {
                Some(body) => body.poll_reset(cx),
                None => lock(&self.respond).poll_reset(cx),
            };
            reset.map(drop)
        })
        .await;
    }
}

fn gone(_: h2::Error) -> io::Error {
    io::ErrorKind::BrokenPipe.into()
}

/// Serves a connection to its end.
pub(super) async fn serve<S: Stage>(stage: Arc<S>, ordinal: usize, socket: Arc<Socket>) {
    let blocked = Arc::new(AtomicBool::new(false));
    let io = Side { socket: Arc::clone(&socket), blocked: Arc::clone(&blocked) };
    let Ok(Ok(connection)) =
        timeout(LIMIT, Builder::new().max_concurrent_streams(STREAMS).handshake::<_, Bytes>(io)).await
    else {
        return;
    };
    let (wishes, mut wished) = mpsc::unbounded_channel();
    let memory = Arc::new(S::Memory::default());
    let mut driver = Driver { connection, blocked, arrived: VecDeque::new() };
    let mut streams = JoinSet::new();
    let end = loop {
        while let Some((request, respond)) = driver.arrived.pop_front() {
            let stream = Stream { respond: Mutex::new(respond), body: Mutex::new(None), wishes: wishes.clone() };
            streams.spawn(answer(Arc::clone(&stage), ordinal, stream, Arc::clone(&memory), request));
        }
        tokio::select! {
            open = driver.more() => if !open {
                return;
            },
            Some(_) = streams.join_next() => {}
            Some(wish) = wished.recv() => {
                if !driver.flush().await {
                    return;
                }
                match wish {
                    // Whoever asked may have gone.
                    Wish::Flushed(tell) => drop(tell.send(())),
                    end => break end,
                }
            }
        }
    };
    match end {
        Wish::Flushed(_) => {}
        Wish::GoAway(code) => {
            driver.connection.abrupt_shutdown(Reason::from(code));
            let _ = timeout(LIMIT, poll_fn(|cx| driver.connection.poll_closed(cx))).await;
            socket.end();
        }
        Wish::Close => socket.end(),
        Wish::Reset => socket.reset().await,
    }
    drop(streams);
    if socket.has_ended() {
        socket.drain().await;
    }
}

/// Drives the connection.
struct Driver {
    connection: Connection<Side, Bytes>,
    /// Whether the socket takes no more for now.
    blocked: Arc<AtomicBool>,
    arrived: VecDeque<(Asked<RecvStream>, SendResponse<Bytes>)>,
}

impl Driver {
    /// Until a request has come; `false` at the end of the connection.
    async fn more(&mut self) -> bool {
        match self.connection.accept().await {
            Some(Ok(request)) => {
                self.arrived.push_back(request);
                true
            }
            _ => false,
        }
    }

    /// Until everything that was sent is out; `false` at the end of the connection.
    async fn flush(&mut self) -> bool {
        poll_fn(|cx| {
            loop {
                match self.connection.poll_accept(cx) {
                    Poll::Ready(Some(Ok(request))) => self.arrived.push_back(request),
                    Poll::Ready(_) => return Poll::Ready(false),
                    Poll::Pending if self.blocked.load(Ordering::Relaxed) => return Poll::Pending,
                    Poll::Pending => return Poll::Ready(true),
                }
            }
        })
        .await
    }
}

async fn answer<S: Stage>(
    stage: Arc<S>,
    ordinal: usize,
    stream: Stream,
    memory: Arc<S::Memory>,
    request: Asked<RecvStream>,
) {
    let (head, body) = request.into_parts();
    let presence = stage.arrive(ordinal, head.uri.path());
    // Never whole, it was never a request.
    let Some((body, oversize)) = whole(body).await else { return };
    let request = Request {
        method: head.method.to_string(),
        target: head.uri.path_and_query().map_or_else(|| head.uri.path().to_owned(), ToString::to_string),
        headers: headers(&head.headers),
        body: body.into(),
    };
    let answer = stage.answer(ordinal, request, oversize, &memory);
    let framing = Framing::of(&answer.plan, &head.method, head.version);
    let tape = Tape::new(answer.plan, framing);
    let mut player = Player::new(Peer::Http2(&stream), &tape);
    player.recording = answer.recording;
    player.audience = answer.audience;
    let played = async {
        let after = player.play().await;
        drop(presence);
        if after == After::Ended && !matches!(tape.plan.end, End::RstStream(_)) {
            // The connection is to end with its requests open: this one must not be given up before.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        () = played => {}
        () = stream.cancelled() => {}
    }
}

/// The whole body, or nothing and `true` if it is too large; `None` if it never came whole.
async fn whole(mut body: RecvStream) -> Option<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.ok()?;
        if bytes.len() + data.len() > BODY_LIMIT {
            return Some((Vec::new(), true));
        }
        bytes.extend_from_slice(&data);
        body.flow_control().release_capacity(data.len()).ok()?;
    }
    Some((bytes, false))
}

/// The connection's view of a [`Socket`].
#[derive(Debug)]
struct Side {
    socket: Arc<Socket>,
    blocked: Arc<AtomicBool>,
}

impl AsyncRead for Side {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let n = ready!(self.socket.poll_read(cx, buffer.initialize_unfilled()))?;
        buffer.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Side {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.socket.poll_write(cx, bytes);
        self.blocked.store(written.is_pending(), Ordering::Relaxed);
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.socket.poll_flush(cx);
        self.blocked.store(flushed.is_pending(), Ordering::Relaxed);
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_finish(cx).map(Ok)
    }
}
