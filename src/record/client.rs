//! The client's side of a connection.

use std::sync::Arc;

use bytes::{Buf as _, BytesMut};
use tokio::net::TcpStream;

use super::Clock;
use super::take::Asked;
use super::upstream::Refusal;
use crate::http1::{BodyDecoder, Framing, Got, RequestHead, request_head};
use crate::leg::Socket;

/// Most bytes that are read ahead of what can be forwarded.
const AHEAD: usize = 256 << 10;

/// What becomes of the client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parting {
    /// It asks again.
    Open,
    /// FIN.
    Close,
    /// RST.
    Reset,
    /// The client has gone.
    Gone,
}

/// The client of one connection.
pub(super) struct Client {
    pub(super) socket: Arc<Socket>,
    /// What was read and is not taken yet.
    pub(super) ahead: Vec<u8>,
}

impl Client {
    pub(super) fn new(stream: TcpStream) -> Self {
        // Without it small chunks wait for acknowledgements. An error means that the client has gone already.
        let _ = stream.set_nodelay(true);
        Self { socket: Socket::new(stream), ahead: Vec::new() }
    }

    /// The next head; `None` once the client has gone.
    pub(super) async fn head(&mut self) -> Option<Result<RequestHead, Refusal>> {
        loop {
            match request_head(&self.ahead) {
                Err(why) => return Some(Err(Refusal::new(400, why))),
                Ok(Some((head, length))) => {
                    self.ahead.drain(..length);
                    return Some(Ok(head));
                }
                Ok(None) => {}
            }
            if !matches!(self.socket.read(&mut self.ahead).await, Ok(1..)) {
                return None;
            }
        }
    }

    /// Answers in our own words; whoever has gone does not hear it.
    pub(super) async fn refuse(&self, refusal: &Refusal) {
        let _ = self.socket.write(&refusal.bytes()).await;
    }

    /// Ends the connection as it is to end.
    pub(super) async fn part(&self, parting: Parting) {
        match parting {
            Parting::Open | Parting::Close => {
                self.socket.end();
                self.socket.drain().await;
            }
            Parting::Reset => self.socket.reset().await,
            Parting::Gone => {}
        }
    }
}

/// The body of a request on its way.
pub(super) struct Upload {
    pub(super) head: RequestHead,
    decoder: BodyDecoder,
    /// It cannot be told where the body ends: all that comes is forwarded.
    raw: bool,
    /// Bytes that are to go out, in their framing.
    pub(super) pending: BytesMut,
}

impl Upload {
    pub(super) fn new(head: RequestHead, framing: Framing) -> Self {
        Self { head, decoder: BodyDecoder::new(framing), raw: false, pending: BytesMut::new() }
    }

    /// Whether nothing more of it is to come.
    pub(super) fn is_whole(&self) -> bool {
        self.decoder.is_done() && !self.raw
    }

    /// The head goes before what is pending.
    pub(super) fn put_head(&mut self) {
        let body = self.pending.split();
        self.pending.extend_from_slice(&self.head.bytes());
        self.pending.extend_from_slice(&body);
    }

    /// Whether all of it is out.
    pub(super) fn is_out(&self) -> bool {
        self.is_whole() && self.pending.is_empty()
    }

    /// Takes what belongs to the body off what was read.
    pub(super) fn take(&mut self, ahead: &mut Vec<u8>, asked: &mut Asked, clock: Clock) {
        let mut buffer = BytesMut::from(&ahead[..]);
        let mut got = Vec::new();
        self.decoder.feed(&mut buffer, &mut got);
        for got in &got {
            asked.hear(clock.now(), got);
            self.raw |= matches!(got, Got::Bad(_));
        }
        if self.raw {
            buffer.clear();
        }
        let taken = ahead.len() - buffer.len();
        self.pending.extend_from_slice(&ahead[..taken]);
        ahead.drain(..taken);
    }

    /// Reads the whole body, before anything is forwarded; `false` once the client has gone.
    pub(super) async fn gather(
        &mut self,
        client: &mut Client,
        asked: &mut Asked,
        clock: Clock,
    ) -> Result<bool, Refusal> {
        if self.head.waits() {
            self.head.headers.0.retain(|(name, _)| !name.eq_ignore_ascii_case("expect"));
            if client.socket.write(b"HTTP/1.1 100 Continue\r\n\r\n").await.is_err() {
                return Ok(false);
            }
        }
        loop {
            self.take(&mut client.ahead, asked, clock);
            if self.raw {
                return Err(Refusal::new(400, "the body of the request is not framed as HTTP"));
            }
            if self.is_whole() {
                return Ok(true);
            }
            if asked.is_too_large() {
                return Err(Refusal::new(
                    413,
                    "the request is longer than the 16 MiB that the recorder can hold; with `--http1 --mode new` longer ones pass",
                ));
            }
            if !matches!(client.socket.read(&mut client.ahead).await, Ok(1..)) {
                return Ok(false);
            }
        }
    }

    /// Whether more may be read of the client.
    pub(super) fn has_room(&self, ahead: &[u8]) -> bool {
        !self.is_whole() || ahead.len() < AHEAD
    }

    /// This many of the pending bytes are out.
    pub(super) fn sent(&mut self, n: usize) {
        self.pending.advance(n);
    }
}
