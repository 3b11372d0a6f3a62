//! A socket that two write to: hyper, which reads requests that are not plain, and the player, which owns every byte
//! of a response.
//!
//! hyper parses requests, keeps connections alive and notices a peer that goes away; but it owns the framing of what
//! it sends. So the player writes its bytes past it, and the empty response that hyper is then given is swallowed.

use std::future::poll_fn;
use std::io;
#[cfg(unix)]
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::rt::ReadBufCursor;
#[cfg(unix)]
use rustix::net::RecvFlags;
use rustix::net::Shutdown;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::queue;
use super::tls::Tls;

/// Longest wait until the kernel has delivered what was written, before a reset.
const DELIVERY_LIMIT: Duration = Duration::from_secs(1);
/// Most bytes of one read.
const READ: usize = 8192;
/// Most that is read, and longest that is waited, for a peer to end its side after ours has ended.
const DRAIN_BYTES: usize = 1 << 20;
const DRAIN_LIMIT: Duration = Duration::from_secs(1);

/// hyper's output goes to the peer.
const THROUGH: u8 = 0;
/// hyper's next response is dropped: the player has answered.
const SWALLOW: u8 = 1;
/// The player has sent FIN.
const ENDED: u8 = 2;
/// The last drop sends RST.
const RESET: u8 = 3;

/// The socket of one connection.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: Arc<TcpStream>,
    /// What lies over it, if something does: bytes go through it, while ends and breaks are the stream's.
    tls: Option<Tls>,
    output: AtomicU8,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Arc<Self> {
        Arc::new(Self { stream: Arc::new(stream), tls: None, output: AtomicU8::new(THROUGH) })
    }

    /// The same over TLS, once peer and leg have greeted each other.
    pub(super) async fn secure(stream: TcpStream, acceptor: &TlsAcceptor) -> io::Result<Arc<Self>> {
        let stream = Arc::new(stream);
        let tls = Some(Tls::accept(acceptor, Arc::clone(&stream)).await?);
        Ok(Arc::new(Self { stream, tls, output: AtomicU8::new(THROUGH) }))
    }

    /// Writes bytes past hyper.
    pub(crate) async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        if self.tls.is_some() {
            while !bytes.is_empty() {
                bytes = &bytes[poll_fn(|cx| self.poll_write(cx, bytes)).await?..];
            }
            return poll_fn(|cx| self.poll_flush(cx)).await;
        }
        while !bytes.is_empty() {
            match self.stream.try_write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.stream.writable().await?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Appends what has come to `buffer`, at least a byte; nothing is appended once the peer has ended its side.
    pub(crate) async fn read(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        if self.tls.is_some() {
            let mut bytes = vec![0; READ];
            let n = poll_fn(|cx| self.poll_read(cx, &mut bytes)).await?;
            buffer.extend_from_slice(&bytes[..n]);
            return Ok(n);
        }
        loop {
            self.stream.readable().await?;
            match self.try_read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }

    /// A read that leaves part of its room empty has drained the socket. The runtime learns this from a `WouldBlock`,
    /// as it does in reads of its own, and saves the call that would find nothing.
    #[cfg(unix)]
    fn try_read(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let mut room = [MaybeUninit::uninit(); READ];
        let mut got = None;
        let result = self.stream.try_io(Interest::READABLE, || {
            let ((bytes, _), _) = rustix::net::recv(&self.stream, &mut room, RecvFlags::empty())?;
            buffer.extend_from_slice(bytes);
            got = Some(bytes.len());
            if bytes.is_empty() || bytes.len() == READ {
                Ok(bytes.len())
            } else {
                Err(io::ErrorKind::WouldBlock.into())
            }
        });
        got.map_or(result, Ok)
    }

    #[cfg(not(unix))]
    fn try_read(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let mut bytes = [0; READ];
        let n = self.stream.try_read(&mut bytes)?;
        buffer.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    /// The response is whole: the one that hyper is given in its place is dropped.
    pub(super) fn answered(&self) {
        self.output.store(SWALLOW, Ordering::Relaxed);
    }

    /// Reads what the peer has sent; 0 bytes are its end.
    pub(super) fn poll_read(&self, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        if let Some(tls) = &self.tls {
            return tls.poll_read(cx, bytes);
        }
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            match self.stream.try_read(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    /// Writes some of these bytes.
    pub(super) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(tls) = &self.tls {
            return tls.poll_write(cx, bytes);
        }
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            match self.stream.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    /// Until what was written is in the kernel's hands.
    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tls.as_ref().map_or(Poll::Ready(Ok(())), |tls| tls.poll_flush(cx))
    }

    /// A proper end of the connection: over TLS a goodbye, then FIN.
    pub(super) fn poll_finish(&self, cx: &mut Context<'_>) -> Poll<()> {
        // An error means that the peer has gone already, or that this is the second end.
        if let Some(tls) = self.tls.as_ref().filter(|_| self.output.load(Ordering::Relaxed) < ENDED) {
            let _ = ready!(tls.poll_shutdown(cx));
        }
        self.end();
        Poll::Ready(())
    }

    /// Ends the connection as it should end.
    pub(super) async fn finish(&self) {
        poll_fn(|cx| self.poll_finish(cx)).await;
    }

    /// Sends FIN and no more: over TLS without a goodbye. Everything before it is delivered; [`Socket::drain`] before
    /// the last drop, or unread bytes of the peer turn the FIN into a reset.
    pub(crate) fn end(&self) {
        self.output.store(ENDED, Ordering::Relaxed);
        // An error means that the peer has gone already.
        let _ = rustix::net::shutdown(&self.stream, Shutdown::Write);
    }

    /// Makes the last drop send RST, once the kernel has delivered what was written.
    pub(crate) async fn reset(&self) {
        self.output.store(RESET, Ordering::Relaxed);
        queue::delivered(&self.stream, DELIVERY_LIMIT).await;
        // An error means that the peer has gone already.
        let _ = self.stream.set_zero_linger();
    }

    /// Whether FIN was sent, so that the peer is still to be read from.
    pub(super) fn has_ended(&self) -> bool {
        self.output.load(Ordering::Relaxed) == ENDED
    }

    /// Reads and drops what the peer still sends, until it ends its side or a limit is reached.
    pub(crate) async fn drain(&self) {
        let drained = async {
            let (mut bytes, mut left) = (Vec::new(), DRAIN_BYTES);
            while let Ok(n @ 1..) = self.read(&mut bytes).await
                && n < left
            {
                left -= n;
                bytes.clear();
            }
        };
        // Both outcomes mean that the peer had its chance.
        let _ = timeout(DRAIN_LIMIT, drained).await;
    }
}

/// hyper's view of a [`Socket`].
#[derive(Debug)]
pub(super) struct HyperSide {
    socket: Arc<Socket>,
    /// What was read before hyper came.
    before: Bytes,
}

impl HyperSide {
    pub(super) fn new(socket: Arc<Socket>, before: Vec<u8>) -> Self {
        Self { socket, before: before.into() }
    }
}

impl hyper::rt::Read for HyperSide {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        if !self.before.is_empty() {
            let n = buf.remaining().min(self.before.len());
            buf.put_slice(&self.before.split_to(n));
            return Poll::Ready(Ok(()));
        }
        let mut bytes = [0; READ];
        let room = buf.remaining().min(bytes.len());
        let n = ready!(self.socket.poll_read(cx, &mut bytes[..room]))?;
        buf.put_slice(&bytes[..n]);
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for HyperSide {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.socket.output.load(Ordering::Relaxed) {
            THROUGH => {}
            SWALLOW => {
                // Without vectored writes and pipelined flushes an empty response comes as one whole head.
                if buf.ends_with(b"\r\n\r\n") {
                    self.socket.output.store(THROUGH, Ordering::Relaxed);
                }
                return Poll::Ready(Ok(buf.len()));
            }
            _ => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
        self.socket.poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_finish(cx).map(Ok)
    }
}
