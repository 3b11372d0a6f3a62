//! One connection: plain requests are read here, others by hyper; the player writes the responses.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, Version};
use tokio::net::TcpStream;

use super::audience::Audience;
use super::case::{Presence, Recording};
use super::dispatch::unix_now;
use super::head::Framing;
use super::http2;
use super::plain::{self, Head, Looks};
use super::play::{After, Peer, Player};
use super::repeats::Repeats;
use super::socket::{HyperSide, Socket};
use super::tape::Tape;
use super::transport::Door;
use crate::fault::Plan;
use crate::wire::{Headers, Request};

/// Most bytes of a request's body.
pub(super) const BODY_LIMIT: usize = 32 << 20;
/// Most bytes of further requests that are read while one is being answered.
const AHEAD: usize = 64 << 10;

/// Who answers the requests of a connection.
pub(super) trait Stage: Send + Sync + 'static {
    /// What is known of one connection beyond the stage's own.
    type Memory: Send + Sync + Default;

    /// A request's head has come; what this gives is kept until the answer is over.
    fn arrive(&self, ordinal: usize, path: &str) -> Option<Presence>;

    /// What a whole request gets; `oversize` ones lack their body.
    fn answer(&self, ordinal: usize, request: Request, oversize: bool, memory: &Self::Memory) -> Answer;

    /// The requests that get the same each time that they come, where nobody records.
    fn repeats(&self) -> Option<&Repeats> {
        None
    }
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
pub(super) async fn serve<S: Stage>(stage: Arc<S>, ordinal: usize, stream: TcpStream, door: Door) {
    // Without it small paced chunks wait for acknowledgements. An error means that the peer has gone already.
    let _ = stream.set_nodelay(true);
    // An error means that the peer does not trust us, or is none.
    let Ok(socket) = door.open(stream).await else { return };
    if door.http2 {
        return Box::pin(http2::serve(stage, ordinal, socket)).await;
    }
    let connection = Connection { stage, ordinal, socket, memory: S::Memory::default() };
    let mut bytes = Vec::new();
    let socket = match connection.plain(&mut bytes).await {
        After::Ended => connection.socket,
        After::Open => {
            let socket = Arc::clone(&connection.socket);
            Box::pin(connection.odd(bytes)).await;
            socket
        }
    };
    if socket.has_ended() {
        socket.drain().await;
    }
}

struct Connection<S: Stage> {
    stage: Arc<S>,
    ordinal: usize,
    socket: Arc<Socket>,
    memory: S::Memory,
}

impl<S: Stage> Connection<S> {
    /// Answers plain requests, up to the first that is not: `bytes` are then what has been read of it.
    async fn plain(&self, bytes: &mut Vec<u8>) -> After {
        loop {
            let again = self.stage.repeats().and_then(|repeats| repeats.find(bytes, unix_now()));
            let after = if let Some(again) = again {
                bytes.drain(..again.length);
                let mut player = Player::new(Peer::Http1(&self.socket), again.tape());
                player.ids = Some(again.ids());
                self.unless_gone(bytes, player).await
            } else {
                match plain::look(bytes, BODY_LIMIT) {
                    Looks::Odd => return After::Open,
                    Looks::Begun => self.more(bytes).await,
                    Looks::Plain(head) => self.one(*head, bytes).await,
                }
            };
            if after == After::Ended {
                return After::Ended;
            }
        }
    }

    /// Answers one plain request.
    async fn one(&self, head: Head, bytes: &mut Vec<u8>) -> After {
        let _presence = self.stage.arrive(self.ordinal, head.target.path());
        let length = head.length + head.body;
        while bytes.len() < length {
            if self.more(bytes).await == After::Ended {
                // Never whole, it was never a request.
                return After::Ended;
            }
        }
        let second = unix_now();
        let (method, request) = head.request(&bytes[..length]);
        let answer = self.stage.answer(self.ordinal, request, false, &self.memory);
        let framing = Framing::of(&answer.plan, &method, Version::HTTP_11);
        let tape = Arc::new(Tape::new(answer.plan, framing));
        if let Some(repeats) = self.stage.repeats() {
            repeats.learn(&bytes[..length], second, &tape);
        }
        bytes.drain(..length);
        let mut player = Player::new(Peer::Http1(&self.socket), &tape);
        player.recording = answer.recording;
        player.audience = answer.audience;
        self.unless_gone(bytes, player).await
    }

    async fn more(&self, bytes: &mut Vec<u8>) -> After {
        match self.socket.read(bytes).await {
            Ok(0) | Err(_) => After::Ended,
            Ok(_) => After::Open,
        }
    }

    /// Plays, unless the peer goes away, at least from one side: that is how a proxy goes. What it sends meanwhile is
    /// its next request.
    async fn unless_gone(&self, bytes: &mut Vec<u8>, player: Player<'_>) -> After {
        let gone = async {
            while bytes.len() < AHEAD {
                if self.more(bytes).await == After::Ended {
                    return;
                }
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            after = player.play() => after,
            () = gone => After::Ended,
        }
    }

    /// Lets hyper read the requests.
    async fn odd(self, bytes: Vec<u8>) {
        let io = HyperSide::new(Arc::clone(&self.socket), bytes);
        let connection = Arc::new(self);
        let service = service_fn(|request| Arc::clone(&connection).respond(request));
        // One write for what hyper sends itself; half-closed counts as gone, for that is how a proxy goes.
        let mut http = http1::Builder::new();
        http.writev(false).half_close(false).keep_alive(true);
        // Errors are the peer's or our own scripted ends.
        let _ = http.serve_connection(io, service).await;
    }

    async fn respond(self: Arc<Self>, request: hyper::Request<Incoming>) -> Result<Response<Empty<Bytes>>, Ended> {
        let (head, body) = request.into_parts();
        let _presence = self.stage.arrive(self.ordinal, head.uri.path());
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
        let answer = self.stage.answer(self.ordinal, request, oversize, &self.memory);
        let framing = Framing::of(&answer.plan, &head.method, head.version);
        let tape = Tape::new(answer.plan, framing);
        let mut player = Player::new(Peer::Http1(&self.socket), &tape);
        player.recording = answer.recording;
        player.audience = answer.audience;
        match player.play().await {
            After::Open if oversize => {
                // The rest of the body is not worth reading.
                self.socket.end();
                Err(Ended)
            }
            After::Open => {
                self.socket.answered();
                Ok(Response::new(Empty::new()))
            }
            After::Ended => Err(Ended),
        }
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

pub(super) fn headers(headers: &hyper::HeaderMap) -> Headers {
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str(), text(value))).collect()
}
