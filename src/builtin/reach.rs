//! How an upstream is reached: by TCP, or TLS over it, in HTTP/1.1 or HTTP/2.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::rt;
use hyper::{Request, Response, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::Config;

/// The connections of one gateway.
#[derive(Clone)]
pub(super) struct Reach {
    /// For upstreams with `https`; `None` where nobody vouches for any.
    tls: Option<TlsConnector>,
    http2: bool,
}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reach").field("http2", &self.http2).finish_non_exhaustive()
    }
}

/// A task that ends with its owner.
#[derive(Debug)]
pub(super) struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

type Sent = Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>> + Send>>;

impl Reach {
    /// As a configuration has it. A file of authorities that cannot be read vouches for nobody.
    pub(super) fn new(config: &Config) -> Self {
        let pem = config.authority.as_ref().and_then(|file| std::fs::read(file).ok());
        Self { tls: pem.and_then(|pem| connector(&pem, config.http2)), http2: config.http2 }
    }

    /// Sends a request to `base` over a connection of its own, and waits for the head of the answer.
    pub(super) async fn send(
        &self,
        base: &Uri,
        request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, Driver), ()> {
        let host = base.host().ok_or(())?.trim_start_matches('[').trim_end_matches(']');
        let secure = base.scheme_str() == Some("https");
        if !secure && base.scheme_str() != Some("http") {
            return Err(());
        }
        let port = base.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let socket = TcpStream::connect((host, port)).await.map_err(drop)?;
        socket.set_nodelay(true).map_err(drop)?;
        if !secure {
            return self.over(TokioIo::new(socket), base, request).await;
        }
        let name = ServerName::try_from(host.to_owned()).map_err(drop)?;
        let socket = self.tls.as_ref().ok_or(())?.connect(name, socket).await.map_err(drop)?;
        self.over(TokioIo::new(socket), base, request).await
    }

    async fn over<I>(
        &self,
        io: I,
        base: &Uri,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, Driver), ()>
    where
        I: rt::Read + rt::Write + Send + Unpin + 'static,
    {
        // Failures of a connection reach the request and the body.
        let (sent, driver): (Sent, _) = if self.http2 {
            // There the URI tells scheme and host.
            let whole = Uri::builder()
                .scheme(base.scheme_str().unwrap_or("http"))
                .authority(base.authority().ok_or(())?.as_str())
                .path_and_query(request.uri().path_and_query().map_or("/", |path| path.as_str()))
                .build();
            *request.uri_mut() = whole.map_err(drop)?;
            request.headers_mut().remove("host");
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.map_err(drop)?;
            let sent = Box::pin(async move { sender.send_request(request).await });
            (sent, tokio::spawn(async { drop(connection.await) }))
        } else {
            let (mut sender, connection) = http1::handshake(io).await.map_err(drop)?;
            let sent = Box::pin(async move { sender.send_request(request).await });
            (sent, tokio::spawn(async { drop(connection.await) }))
        };
        let driver = Driver(driver);
        Ok((sent.await.map_err(drop)?, driver))
    }
}

fn connector(pem: &[u8], http2: bool) -> Option<TlsConnector> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.ok()?).ok()?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![if http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
    Some(Arc::new(config).into())
}
