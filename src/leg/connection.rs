//! One connection: hyper reads the requests, the player writes the responses.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::Response;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::TcpStream;

use super::audience::Audience;
use super::case::{Presence, Recording};
use super::play::{After, Player};
use super::socket::{HyperSide, Socket};
use crate::fault::Plan;
use crate::wire::{Headers, Request};

/// Most bytes of a request's body.
const BODY_LIMIT: usize = 32 << 20;

/// Who answers the requests of a connection.
pub(super) trait Stage: Send + Sync + 'static {
    /// What is known of one connection beyond the stage's own.
    type Memory: Send + Sync + Default;

    /// A request's head has come; what this gives is kept until the answer is over.
    fn arrive(&self, ordinal: usize, path: &str) -> Option<Presence>;

    /// What a whole request gets; `oversize` ones lack their body.
    fn answer(&self, ordinal: usize, request: Request, oversize: bool, memory: &Self::Memory) -> Answer;
}

/// What a request gets.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) plan: Arc<Plan>,
    pub(super) recording: Option<Recording>,
    pub(super) audience: Option<Audience>,
}

impl Answer {
    /// An answer that nobody records.
    pub(super) fn aside(plan: Plan) -> Self {
        Self { plan: Arc::new(plan), recording: None, audience: None }
    }
}

/// The connection has ended, as the plan says; hyper is to do nothing more.
#[derive(Debug)]
struct Ended;

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the response has ended the connection")
    }
}

impl std::error::Error for Ended {}

/// Serves a connection to its end.
pub(super) async fn serve<S: Stage>(stage: Arc<S>, ordinal: usize, stream: TcpStream) {
    // Without it small paced chunks wait for acknowledgements. An error means that the peer has gone already.
    let _ = stream.set_nodelay(true);
    let socket = Socket::new(stream);
    let memory = Arc::new(S::Memory::default());
    let service =
        service_fn(|request| respond(Arc::clone(&stage), ordinal, Arc::clone(&socket), Arc::clone(&memory), request));
    // One write for what hyper sends itself; half-closed counts as gone, for that is how a proxy goes.
    let mut http = http1::Builder::new();
    http.writev(false).half_close(false).keep_alive(true);
    // Errors are the peer's or our own scripted ends.
    let _ = http.serve_connection(HyperSide(Arc::clone(&socket)), service).await;
    if socket.has_ended() {
        socket.drain().await;
    }
}

async fn respond<S: Stage>(
    stage: Arc<S>,
    ordinal: usize,
    socket: Arc<Socket>,
    memory: Arc<S::Memory>,
    request: hyper::Request<Incoming>,
) -> Result<Response<Empty<Bytes>>, Ended> {
    let (head, body) = request.into_parts();
    let _presence = stage.arrive(ordinal, head.uri.path());
    let method = head.method.clone();
    let (body, oversize) = match whole(body).await {
        Ok(body) => body,
        // What is no HTTP gets the answer that hyper gives to heads that are none, and is hung up on.
        Err(Broken::Garbled) => return Ok(bad_request()),
        // Never whole, it was never a request.
        Err(Broken::Gone) => return Err(Ended),
    };
    let request = Request {
        method: head.method.to_string(),
        target: head.uri.path_and_query().map_or_else(|| head.uri.to_string(), ToString::to_string),
        headers: headers(&head.headers),
        body: body.into(),
    };
    let answer = stage.answer(ordinal, request, oversize, &memory);
    let mut player = Player::new(&socket, &answer.plan, &method, head.version);
    player.recording = answer.recording;
    player.audience = answer.audience;
    let after = player.play().await;
    if oversize && after == After::Open {
        // The rest of the body is not worth reading.
        socket.end();
        return Err(Ended);
    }
    match after {
        After::Open => Ok(Response::new(Empty::new())),
        After::Ended => Err(Ended),
    }
}

/// Why a body is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    /// The peer has gone.
    Gone,
    /// It is framed in no way that HTTP knows.
    Garbled,
}

fn bad_request() -> Response<Empty<Bytes>> {
    let mut response = Response::new(Empty::new());
    *response.status_mut() = hyper::StatusCode::BAD_REQUEST;
    response
}

/// The whole body, or nothing and `true` if it is too large.
async fn whole(body: Incoming) -> Result<(Vec<u8>, bool), Broken> {
    if body.size_hint().lower() > BODY_LIMIT as u64 {
        return Ok((Vec::new(), true));
    }
    match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => Ok((body.to_bytes().to_vec(), false)),
        Err(error) if error.is::<LengthLimitError>() => Ok((Vec::new(), true)),
        Err(error) => Err(broken(&*error)),
    }
}

/// Tells a bad chunk (hyper: invalid input or data) from an end of the connection.
fn broken(mut error: &(dyn std::error::Error + 'static)) -> Broken {
    while let Some(source) = error.source() {
        error = source;
    }
    match error.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
        Some(std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData) => Broken::Garbled,
        _ => Broken::Gone,
    }
}

fn headers(headers: &hyper::HeaderMap) -> Headers {
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str(), text(value))).collect()
}
