//! The way to the upstream: TCP, or TLS over it, with HTTP/1.1 or HTTP/2 as both agree.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::upstream::Upstream;

/// Longest wait for a connection, its TLS included.
const CONNECT: Duration = Duration::from_secs(30);
/// How much of a response may be on its way: more than is ever waited for.
const WINDOW: u32 = 16 << 20;

/// Why nobody can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file of authorities cannot be used.
    #[error("{}: {why}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The system has none.
    #[error("the system has no certificate authorities ({0}); give a file of them with `--ca`")]
    System(String),
    /// The transport takes it not.
    #[error("no TLS: {0}")]
    Transport(#[from] rustls::Error),
}

/// How the upstream is reached.
#[derive(Clone)]
pub(super) struct Reach {
    upstream: Upstream,
    tls: Option<TlsConnector>,
}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reach").field("upstream", &self.upstream).finish_non_exhaustive()
    }
}

/// A connection to the upstream.
pub(super) enum Line {
    /// In HTTP/1.1, byte by byte.
    Http1(ReadHalf<Io>, WriteHalf<Io>),
    /// In HTTP/2, one request at a time.
    Http2(SendRequest<Bytes>, Driver),
}

impl Line {
    /// Whether it is known to have ended. HTTP/1.1 tells it by what is read.
    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Http2(_, Driver(driver)) if driver.is_finished())
    }
}

/// A task that ends with its owner.
pub(super) struct Driver(JoinHandle<Result<(), h2::Error>>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Reach {
    /// Trusts the authorities of a file, or those of the system. `http1` asks for no HTTP/2.
    pub(super) fn new(upstream: Upstream, ca: Option<&Path>, http1: bool) -> Result<Self, TrustError> {
        let tls = if upstream.secure { Some(connector(roots(ca)?, http1)?) } else { None };
        Ok(Self { upstream, tls })
    }

    pub(super) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// A new connection, or in words why there is none.
    pub(super) async fn connect(&self) -> Result<Line, String> {
        match timeout(CONNECT, self.open()).await {
            Ok(Ok(line)) => Ok(line),
            Ok(Err(error)) => Err(format!("{} cannot be reached: {error}", self.upstream)),
            Err(_) => Err(format!("{} cannot be reached within {} s", self.upstream, CONNECT.as_secs())),
        }
    }

    async fn open(&self) -> io::Result<Line> {
        let Upstream { host, port, .. } = &self.upstream;
        let socket = TcpStream::connect((host.as_str(), *port)).await?;
        socket.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            let (read, write) = split(Io::Plain(socket));
            return Ok(Line::Http1(read, write));
        };
        let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
        let socket = tls.connect(name, socket).await?;
        if socket.get_ref().1.alpn_protocol() != Some(b"h2") {
            let (read, write) = split(Io::Tls(Box::new(socket)));
            return Ok(Line::Http1(read, write));
        }
        let mut http2 = h2::client::Builder::new();
        http2.initial_window_size(WINDOW).initial_connection_window_size(WINDOW).enable_push(false);
        let (send, connection) = http2.handshake(socket).await.map_err(io::Error::other)?;
        // How it ends reaches the request that is open then.
        Ok(Line::Http2(send, Driver(tokio::spawn(connection))))
    }
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca {
        let wrong = |why: String| TrustError::File { path: path.to_owned(), why };
        let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| wrong(format!("this is no PEM: {error}")))?;
            roots.add(certificate).map_err(|error| wrong(format!("a certificate cannot be used: {error}")))?;
        }
        if roots.is_empty() {
            return Err(wrong("it holds no certificate".to_owned()));
        }
        return Ok(roots);
    }
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map_or_else(|| "none was found".to_owned(), ToString::to_string);
        return Err(TrustError::System(why));
    }
    Ok(roots)
}

fn connector(roots: RootCertStore, http1: bool) -> Result<TlsConnector, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = if http1 { vec![] } else { vec![b"h2".to_vec()] };
    config.alpn_protocols.push(b"http/1.1".to_vec());
    Ok(Arc::new(config).into())
}

/// The socket of HTTP/1.1.
pub(super) enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Io {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buffer),
            Self::Tls(socket) => Pin::new(socket).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Tls(socket) => Pin::new(socket).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tls(socket) => Pin::new(socket).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(socket) => Pin::new(socket).poll_shutdown(cx),
        }
    }
}
