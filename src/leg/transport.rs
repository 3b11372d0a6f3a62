//! What lies between a leg's socket and its HTTP.

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::authority::Authority;
use super::socket::Socket;

/// How legs are spoken to.
#[derive(Clone, Debug, Default)]
pub struct Transport {
    /// Who vouches for the legs, if they speak TLS.
    pub authority: Option<Arc<Authority>>,
    /// HTTP/2: over TLS agreed upon by ALPN, else by prior knowledge. There is then no HTTP/1.1.
    pub http2: bool,
}

impl Transport {
    /// The scheme of the legs' URLs.
    pub fn scheme(&self) -> &'static str {
        if self.authority.is_some() { "https" } else { "http" }
    }

    /// Ready for connections.
    pub(super) fn door(&self) -> Door {
        let protocol: &[u8] = if self.http2 { b"h2" } else { b"http/1.1" };
        let config = self.authority.as_ref().map(|authority| Arc::new(authority.config(protocol)));
        Door { tls: config.map(TlsAcceptor::from), http2: self.http2 }
    }
}

/// Where connections come in.
#[derive(Clone)]
pub(super) struct Door {
    tls: Option<TlsAcceptor>,
    pub(super) http2: bool,
}

impl Door {
    /// Greets a peer.
    pub(super) async fn open(&self, stream: TcpStream) -> io::Result<Arc<Socket>> {
        match &self.tls {
            None => Ok(Socket::new(stream)),
            Some(acceptor) => Socket::secure(stream, acceptor).await,
        }
    }
}
