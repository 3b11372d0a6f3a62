//! The legs over TLS and HTTP/2, seen by the clients of others.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use hyper::http;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::super::testing::{chat, post, stage_over};
use super::super::{Authority, Transport};
use crate::api::ApiId;
use crate::history::{UpstreamEnd, UpstreamExchange};

const PATH: &str = "/s/primary/v1/chat/completions";
const SILENCE: Duration = Duration::from_millis(20);

fn secure(http2: bool) -> (Arc<Authority>, Transport) {
    let authority = Arc::new(Authority::new().unwrap());
    (Arc::clone(&authority), Transport { authority: Some(authority), http2 })
}

fn trusting(pem: &str, protocol: &[u8]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    Arc::new(config)
}

/// How a TLS connection was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parted {
    /// `close_notify`, then FIN.
    Goodbye,
    /// FIN without it.
    Torn,
    /// RST.
    Rst,
    /// Nothing more came.
    Silent,
}

/// Posts over TLS and gives everything that was read, with how it ended.
async fn over_tls(host: &str, pem: &str, request: &str) -> (Vec<u8>, Parted) {
    let socket = TcpStream::connect(host).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut client = Raw { socket, tls: ClientConnection::new(trusting(pem, b"http/1.1"), name).unwrap() };
    client.tls.writer_all(request.as_bytes());
    let mut plain = Vec::new();
    let mut goodbye = false;
    loop {
        let mut out = Vec::new();
        while client.tls.wants_write() {
            client.tls.write_tls(&mut out).unwrap();
        }
        client.socket.write_all(&out).await.unwrap();
        let mut bytes = vec![0; 16384];
        let read = match timeout(Duration::from_millis(500), client.socket.read(&mut bytes)).await {
            Err(_) => return (plain, Parted::Silent),
            Ok(Err(_)) => return (plain, Parted::Rst),
            Ok(Ok(0)) => return (plain, if goodbye { Parted::Goodbye } else { Parted::Torn }),
            Ok(Ok(read)) => read,
        };
        let mut bytes = &bytes[..read];
        while !bytes.is_empty() {
            client.tls.read_tls(&mut bytes).unwrap();
            goodbye |= client.tls.process_new_packets().unwrap().peer_has_closed();
            let mut more = Vec::new();
            // No more for now is no error of the test.
            let _ = std::io::Read::read_to_end(&mut client.tls.reader(), &mut more);
            plain.extend_from_slice(&more);
        }
    }
}

/// A client below whose TLS nothing is hidden.
struct Raw {
    socket: TcpStream,
    tls: ClientConnection,
}

trait WriteAll {
    fn writer_all(&mut self, bytes: &[u8]);
}

impl WriteAll for ClientConnection {
    fn writer_all(&mut self, bytes: &[u8]) {
        std::io::Write::write_all(&mut self.writer(), bytes).unwrap();
    }
}

fn scenario(cut: &str) -> String {
    let cut = if cut.is_empty() { String::new() } else { format!("cut: {cut}") };
    format!(
        "client: openai-chat\nsettings: {{http2: {}}}\nlegs:\n  primary: {{{cut}}}\n",
        cut.contains("rst_stream") || cut.contains("goaway")
    )
}

fn words(body: &[u8]) -> usize {
    let mut reader = ApiId::OpenaiChat.spoken().unwrap().stream_reader();
    reader.feed(body);
    reader.finish().completion.text.split_whitespace().count()
}

/// The data of HTTP chunks, as far as they are whole.
fn dechunked(response: &[u8]) -> (Vec<u8>, bool) {
    let body = response.windows(4).position(|window| window == b"\r\n\r\n").map_or(response.len(), |at| at + 4);
    let (mut rest, mut data) = (&response[body..], Vec::new());
    while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16);
        let Some(chunk) = size.ok().and_then(|size| rest.get(line + 2..line + 2 + size)) else { break };
        if chunk.is_empty() {
            return (data, true);
        }
        data.extend_from_slice(chunk);
        rest = &rest[line + 4 + chunk.len()..];
    }
    (data, false)
}

#[tokio::test]
async fn over_tls_each_break_is_what_it_says() {
    for (cut, parted, whole, said, end) in [
        ("", Parted::Silent, true, 24, UpstreamEnd::Complete),
        ("{at: {texts: 5}, by: eof}", Parted::Silent, true, 5, UpstreamEnd::Complete),
        ("{at: {texts: 5}, by: close}", Parted::Torn, false, 5, UpstreamEnd::Cut("close".to_owned())),
        ("{at: {texts: 5}, by: reset}", Parted::Rst, false, 5, UpstreamEnd::Cut("reset".to_owned())),
        ("{at: {texts: 5}, by: bad_chunk}", Parted::Torn, false, 5, UpstreamEnd::Cut("bad_chunk".to_owned())),
        ("{at: {texts: 5}, by: stall}", Parted::Silent, false, 5, UpstreamEnd::Cut("stall".to_owned())),
        ("{at: request, by: close}", Parted::Torn, false, 0, UpstreamEnd::Cut("close".to_owned())),
        ("{at: request, by: reset}", Parted::Rst, false, 0, UpstreamEnd::Cut("reset".to_owned())),
    ] {
        let (authority, transport) = secure(false);
        let (legs, session) = stage_over(transport, &scenario(cut)).await;
        let (response, left) = over_tls(&legs.host(0), authority.pem(), &post(PATH, &chat("Hello."))).await;
        let (body, complete) = dechunked(&response);
        assert_eq!((left, complete, words(&body)), (parted, whole, said), "{cut}");
        assert_eq!(ended(&session).await.end, end, "{cut}");
    }
}

#[tokio::test]
async fn a_connection_that_ends_as_it_should_says_goodbye() {
    let (authority, transport) = secure(false);
    let (legs, _session) = stage_over(transport, &scenario("")).await;
    assert!(legs.base_url("s", "primary", 0).starts_with("https://127.0.0.1:"));
    // By the wish of the client, and because HTTP/1.0 knows no chunks.
    let asked = post(PATH, &chat("Hello."));
    for request in [asked.replace("host: leg", "host: leg\r\nconnection: close"), asked.replace("HTTP/1.1", "HTTP/1.0")]
    {
        let (response, left) = over_tls(&legs.host(0), authority.pem(), &request).await;
        assert_eq!(left, Parted::Goodbye);
        assert!(response.starts_with(b"HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn who_does_not_trust_the_authority_gets_nowhere() {
    let (_, transport) = secure(false);
    let (legs, _session) = stage_over(transport, &scenario("")).await;
    let other = Authority::new().unwrap();
    let socket = TcpStream::connect(legs.host(0)).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connector = TlsConnector::from(trusting(other.pem(), b"http/1.1"));
    assert!(connector.connect(name, socket).await.is_err());
}

async fn ended(session: &super::super::Session) -> UpstreamExchange {
    // What stalls ends with the step.
    session.quiet(SILENCE).await;
    session.end_step().remove(0)
}

/// How a response of HTTP/2 ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ended {
    /// END_STREAM.
    Whole,
    /// RST_STREAM with this code.
    Reset(Reason),
    /// GOAWAY with this code.
    GoAway(Reason),
    /// The connection was gone.
    Gone,
    /// Nothing more came.
    Silent,
}

impl From<h2::Error> for Ended {
    fn from(error: h2::Error) -> Self {
        match error.reason() {
            Some(reason) if error.is_go_away() => Self::GoAway(reason),
            Some(reason) if error.is_reset() => Self::Reset(reason),
            _ => Self::Gone,
        }
    }
}

struct Heard {
    status: u16,
    frames: Vec<Bytes>,
    ended: Ended,
    /// Whether the connection took another request afterwards.
    goes_on: bool,
}

async fn ask<T: AsyncRead + AsyncWrite + Send + Unpin + 'static>(io: T) -> Heard {
    let (mut send, connection) = h2::client::handshake(io).await.unwrap();
    let driver = tokio::spawn(connection);
    let request = || {
        let request = http::Request::post(format!("http://leg{PATH}")).header("content-type", "application/json");
        request.header("authorization", "Bearer k").body(()).unwrap()
    };
    let mut heard = Heard { status: 0, frames: Vec::new(), ended: Ended::Whole, goes_on: false };
    let (response, mut body) = send.send_request(request(), false).unwrap();
    body.send_data(chat("Hello.").into(), true).unwrap();
    match timeout(Duration::from_millis(500), response).await {
        Err(_) => heard.ended = Ended::Silent,
        Ok(Err(error)) => heard.ended = error.into(),
        Ok(Ok(response)) => {
            heard.status = response.status().as_u16();
            let mut body = response.into_body();
            loop {
                match timeout(Duration::from_millis(500), body.data()).await {
                    Err(_) => {
                        heard.ended = Ended::Silent;
                        break;
                    }
                    Ok(None) => break,
                    Ok(Some(Err(error))) => {
                        heard.ended = error.into();
                        break;
                    }
                    Ok(Some(Ok(data))) => {
                        let _ = body.flow_control().release_capacity(data.len());
                        heard.frames.extend((!data.is_empty()).then_some(data));
                    }
                }
            }
        }
    }
    tokio::time::sleep(SILENCE).await;
    if let Ok(mut send) = send.ready().await {
        heard.goes_on = send.send_request(request(), true).is_ok();
    }
    // GOAWAY is told to the connection; its streams see no more than its end.
    if heard.ended == Ended::Gone
        && let Ok(Ok(Err(error))) = timeout(Duration::from_millis(500), driver).await
    {
        heard.ended = error.into();
    }
    heard
}

async fn connect(host: &str, authority: Option<&Authority>) -> Heard {
    let socket = TcpStream::connect(host).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let Some(authority) = authority else { return ask(socket).await };
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = TlsConnector::from(trusting(authority.pem(), b"h2")).connect(name, socket).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    ask(stream).await
}

#[tokio::test]
async fn over_http2_each_break_is_a_frame_or_the_end_of_the_connection() {
    let (authority, over_tls) = secure(true);
    let plain = Transport { authority: None, http2: true };
    let cut = |name: &str| UpstreamEnd::Cut(name.to_owned());
    for (by, ended_as, said, goes_on, end) in [
        ("", Ended::Whole, 24, true, UpstreamEnd::Complete),
        ("{at: {texts: 5}, by: eof}", Ended::Whole, 5, true, UpstreamEnd::Complete),
        ("{at: {texts: 5}, by: rst_stream}", Ended::Reset(Reason::INTERNAL_ERROR), 5, true, cut("rst_stream")),
        ("{at: {texts: 5}, by: {rst_stream: cancel}}", Ended::Reset(Reason::CANCEL), 5, true, cut("rst_stream")),
        (
            "{at: request, by: {rst_stream: {code: refused_stream}}}",
            Ended::Reset(Reason::REFUSED_STREAM),
            0,
            true,
            cut("rst_stream"),
        ),
        (
            "{at: {texts: 5}, by: {goaway: enhance_your_calm}}",
            Ended::GoAway(Reason::ENHANCE_YOUR_CALM),
            5,
            false,
            cut("goaway"),
        ),
        ("{at: {texts: 5}, by: close}", Ended::Gone, 5, false, cut("close")),
        ("{at: {texts: 5}, by: reset}", Ended::Gone, 5, false, cut("reset")),
        ("{at: {texts: 5}, by: stall}", Ended::Silent, 5, true, cut("stall")),
        ("{at: request, by: close}", Ended::Gone, 0, false, cut("close")),
    ] {
        for (transport, authority) in [(&plain, None), (&over_tls, Some(&*authority))] {
            let (legs, session) = stage_over(transport.clone(), &scenario(by)).await;
            let heard = connect(&legs.host(0), authority).await;
            let body = heard.frames.concat();
            assert_eq!((&heard.ended, words(&body), heard.goes_on), (&ended_as, said, goes_on), "{by}");
            assert_eq!(heard.status, if by.contains("request") { 0 } else { 200 }, "{by}");
            let exchange = ended(&session).await;
            assert_eq!(exchange.end, end, "{by}");
            assert_eq!(exchange.request.target, PATH);
            if by.is_empty() {
                // A frame for each event.
                assert!(heard.frames.iter().all(|frame| frame.ends_with(b"\n\n")));
                assert_eq!(heard.frames.len(), exchange.sent.len());
            }
        }
    }
}

#[tokio::test]
async fn a_connection_for_http2_alone_speaks_no_other() {
    let (authority, transport) = secure(true);
    let (legs, _session) = stage_over(transport, &scenario("")).await;
    let socket = TcpStream::connect(legs.host(0)).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connector = TlsConnector::from(trusting(authority.pem(), b"http/1.1"));
    assert!(connector.connect(name, socket).await.is_err());
}
