//! Where an answer goes: the head once, then events, each in a chunk of its own.
//!
//! The work for a client runs inside the response body of that client: it goes on while the client reads, waits while
//! it does not, and is dropped, connections to upstreams included, the moment the client goes.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::sync::{mpsc, oneshot};

use crate::wire::Headers;

/// Events that wait for the client; more hold the work up.
const WAITING: usize = 16;

/// The work for one client.
pub(super) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Head of an answer, and the body where it is whole.
#[derive(Debug)]
struct Head {
    status: u16,
    headers: Headers,
    /// `None`: events follow.
    body: Option<Bytes>,
}

/// Takes the answer to one request.
#[derive(Debug)]
pub(super) struct Outlet {
    head: Option<oneshot::Sender<Head>>,
    events: mpsc::Sender<Result<Bytes, Broken>>,
}

/// The answer breaks off here, and the connection with it.
#[derive(Debug)]
pub(super) struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the upstream's answer broke off")
    }
}

impl std::error::Error for Broken {}

impl Outlet {
    /// Answers in one piece.
    pub(super) fn reply(mut self, status: u16, headers: Headers, body: Vec<u8>) {
        self.send_head(Head { status, headers, body: Some(body.into()) });
    }

    /// Sends the head of a stream.
    pub(super) fn begin(&mut self, headers: Headers) {
        self.send_head(Head { status: 200, headers, body: None });
    }

    /// Sends one event.
    pub(super) async fn send(&mut self, event: Vec<u8>) {
        if !event.is_empty() {
            // Whoever is gone gets nothing; the work itself is dropped with them.
            let _ = self.events.send(Ok(event.into())).await;
        }
    }

    /// Breaks the answer off, visibly.
    pub(super) async fn break_off(&mut self) {
        let _ = self.events.send(Err(Broken)).await;
    }

    fn send_head(&mut self, head: Head) {
        if let Some(sender) = self.head.take() {
            let _ = sender.send(head);
        }
    }
}

/// The other end of an [`Outlet`].
#[derive(Debug)]
pub(super) struct Awaited {
    head: oneshot::Receiver<Head>,
    events: mpsc::Receiver<Result<Bytes, Broken>>,
}

/// An outlet, and what comes out of it.
pub(super) fn outlet() -> (Outlet, Awaited) {
    let (head_sender, head) = oneshot::channel();
    let (events_sender, events) = mpsc::channel(WAITING);
    (Outlet { head: Some(head_sender), events: events_sender }, Awaited { head, events })
}

impl Awaited {
    /// Does the work until the head is there; the body does the rest of it. What is left of it when the client goes is
    /// dropped, or goes on as long as `lease` says.
    pub(super) async fn answer(mut self, work: Work, lease: Option<Lease>) -> Response<AnswerBody> {
        let mut work = Some(work);
        let head = poll_fn(|context| {
            poll_work(&mut work, context);
            Pin::new(&mut self.head).poll(context)
        })
        .await;
        let Ok(Head { status, headers, body }) = head else {
            return response(500, &Headers::default(), AnswerBody::Whole(Full::default()));
        };
        match body {
            Some(body) => response(status, &headers, AnswerBody::Whole(Full::new(body))),
            None => {
                response(status, &headers, AnswerBody::Events { work: Leased { work, lease }, events: self.events })
            }
        }
    }
}

fn poll_work(work: &mut Option<Work>, context: &mut Context<'_>) {
    if work.as_mut().is_some_and(|work| work.as_mut().poll(context).is_ready()) {
        *work = None;
    }
}

fn response(status: u16, headers: &Headers, body: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    for (name, value) in headers.iter() {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// How long work goes on without its client, and who does it then.
pub(super) type Lease = (Duration, mpsc::UnboundedSender<Work>);

/// Work that may outlive its client for a while.
pub(super) struct Leased {
    work: Option<Work>,
    lease: Option<Lease>,
}

impl Drop for Leased {
    fn drop(&mut self) {
        if let (Some(work), Some((time, sender))) = (self.work.take(), self.lease.take()) {
            // Nobody takes it once the proxy ends, and then it has to end.
            let _ = sender.send(Box::pin(async move {
                let _ = tokio::time::timeout(time, work).await;
            }));
        }
    }
}

/// The body of an answer.
pub(super) enum AnswerBody {
    /// In one piece.
    Whole(Full<Bytes>),
    /// Event by event.
    Events {
        /// What is left to do.
        work: Leased,
        /// What it gives.
        events: mpsc::Receiver<Result<Bytes, Broken>>,
    },
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut *self {
            Self::Whole(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
            Self::Events { work, events } => {
                // What waits goes out before more work is done.
                if let Poll::Ready(event) = events.poll_recv(context) {
                    return Poll::Ready(event.map(|event| event.map(Frame::data)));
                }
                poll_work(&mut work.work, context);
                events.poll_recv(context).map(|event| event.map(|event| event.map(Frame::data)))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Events { .. } => SizeHint::default(),
        }
    }
}
