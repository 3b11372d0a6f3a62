//! Playing a plan on the wire.

use std::io;
use std::ops::Range;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::audience::{Audience, Heard};
use super::case::Recording;
use super::fresh::FreshIds;
use super::head::Framing;
use super::http2::Stream;
use super::socket::Socket;
use super::tape::{Move, Tape};
use crate::fault::{End, Opening, Step};
use crate::history::{BarrierEnd, UpstreamEnd};

/// What becomes of the connection after a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It serves the next request.
    Open,
    /// It has ended.
    Ended,
}

/// Who is played to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Peer<'a> {
    /// A connection of HTTP/1, whose every byte is the player's.
    Http1(&'a Socket),
    /// A request among others of an HTTP/2 connection.
    Http2(&'a Stream),
}

/// A plan on its way to one peer.
#[derive(Debug)]
pub(super) struct Player<'a> {
    pub(super) peer: Peer<'a>,
    pub(super) tape: &'a Tape,
    /// The ids that it is given, where others got the same answer.
    pub(super) ids: Option<FreshIds<'a>>,
    /// Where it is recorded, if it is.
    pub(super) recording: Option<Recording>,
    /// Who listens at the other side of the proxy, if somebody does.
    pub(super) audience: Option<Audience>,
}

impl<'a> Player<'a> {
    pub(super) fn new(peer: Peer<'a>, tape: &'a Tape) -> Self {
        Self { peer, tape, ids: None, recording: None, audience: None }
    }

    /// Plays to the end, or until the proxy goes or the step is over.
    pub(super) async fn play(mut self) -> After {
        let over = self.recording.as_ref().map(Recording::over);
        let over = async {
            match over {
                Some(over) => over.await,
                None => std::future::pending().await,
            }
        };
        let played = tokio::select! {
            biased;
            () = over => None,
            played = self.moves() => Some(played),
        };
        match played {
            // The record closed with its step.
            None => {
                self.peer.cut_off().await;
                After::Ended
            }
            Some(Err(_)) => {
                if let Some(recording) = &mut self.recording {
                    recording.gone();
                }
                After::Ended
            }
            Some(Ok(())) => self.end().await,
        }
    }

    async fn moves(&mut self) -> io::Result<()> {
        let start = Instant::now();
        let plan = &self.tape.plan;
        if let Opening::After(time) = plan.opening {
            self.stall(Some(time)).await;
        }
        let before = self.audience.as_ref().map(|audience| audience.before.clone()).unwrap_or_default();
        let mut heard = Heard::new(&before, &plan.text);
        let mut begun = false;
        for next in &self.tape.moves {
            match next {
                Move::Write { at, bytes, steps } => {
                    // At 0 the timer would only round up to its next tick.
                    if !at.is_zero() && *at > start.elapsed() {
                        sleep_until(start + *at).await;
                    }
                    match self.peer {
                        Peer::Http1(socket) => self.write(socket, bytes.clone()).await?,
                        Peer::Http2(stream) => self.send(stream, &plan.steps[steps.clone()], !begun).await?,
                    }
                    self.note(&plan.steps[steps.clone()], &mut heard, !begun);
                    begun = true;
                }
                Move::Wait(step) => match &plan.steps[*step] {
                    Step::Send { .. } => {}
                    Step::Gate => self.gate(&heard).await,
                    Step::Barrier { settle, beyond } => self.barrier(&heard, beyond, *settle).await,
                    Step::Stall(time) => self.stall(*time).await,
                },
            }
        }
        Ok(())
    }

    async fn write(&self, socket: &Socket, range: Range<usize>) -> io::Result<()> {
        let Some(ids) = &self.ids else { return socket.write(&self.tape.bytes[range]).await };
        let copy = ids.copy(range.clone());
        let written = socket.write(&copy[range]).await;
        ids.give_back(copy);
        written
    }

    /// Sends each step as a frame of its own.
    async fn send(&self, stream: &Stream, steps: &[Step], begins: bool) -> io::Result<()> {
        if begins {
            stream.begin(&self.tape.plan)?;
        }
        for step in steps.iter().filter(|_| self.tape.framing == Framing::Frames) {
            if let Step::Send { data, coded, .. } = step {
                stream.send(coded.as_ref().unwrap_or(data).clone()).await?;
            }
        }
        Ok(())
    }

    /// Notes down what is out.
    fn note<'p>(&self, steps: &'p [Step], heard: &mut Heard<'p>, begins: bool) {
        let Some(recording) = &self.recording else { return };
        if begins {
            recording.head(self.tape.plan.status);
        }
        for step in steps {
            if let Step::Send { data, text, .. } = step {
                heard.sent(*text);
                recording.sent(data, heard.text());
            }
        }
    }

    async fn gate(&self, heard: &Heard<'_>) {
        if let (Some(audience), Some(recording)) = (&self.audience, &self.recording)
            && !recording.case().gate_is_open()
            && let Some(lacked) = audience.gate(heard).await
        {
            recording.gate_opened(lacked);
        }
    }

    async fn barrier(&self, heard: &Heard<'_>, beyond: &str, settle: Duration) {
        if let (Some(audience), Some(recording)) = (&self.audience, &self.recording) {
            let end = audience.barrier(heard, beyond).await;
            recording.barrier(end);
            if end == BarrierEnd::TimedOut {
                return;
            }
        }
        sleep(settle).await;
    }

    async fn stall(&mut self, time: Option<Duration>) {
        if let Some(recording) = &mut self.recording {
            recording.falls_silent();
        }
        match time {
            Some(time) => sleep(time).await,
            None => std::future::pending().await,
        }
        if let Some(recording) = &mut self.recording {
            recording.speaks_on();
        }
    }

    async fn end(&mut self) -> After {
        let cut = |name: &str| (UpstreamEnd::Cut(name.to_owned()), After::Ended);
        let (end, after) = match (self.tape.plan.end, self.tape.framing) {
            (End::Complete, framing) => {
                self.peer.complete(framing).await;
                let after = if framing == Framing::UntilClose { After::Ended } else { After::Open };
                (UpstreamEnd::Complete, after)
            }
            (End::BadChunk, framing) => {
                if let (Peer::Http1(socket), Framing::Chunked) = (self.peer, framing) {
                    // The peer may have gone already.
                    let _ = socket.write(b"no size\r\n").await;
                }
                self.peer.close();
                cut("bad_chunk")
            }
            (End::Close, _) => {
                self.peer.close();
                cut("close")
            }
            (End::Reset, _) => {
                self.peer.reset().await;
                cut("reset")
            }
            (End::RstStream(code), _) => {
                match self.peer {
                    Peer::Http2(stream) => stream.reset(code).await,
                    Peer::Http1(socket) => socket.reset().await,
                }
                cut("rst_stream")
            }
            (End::GoAway(code), _) => {
                match self.peer {
                    Peer::Http2(stream) => stream.go_away(code),
                    Peer::Http1(socket) => socket.end(),
                }
                cut("goaway")
            }
        };
        if let Some(recording) = &mut self.recording {
            recording.end(end);
        }
        after
    }
}

impl Peer<'_> {
    /// The response is whole.
    async fn complete(self, framing: Framing) {
        match self {
            Self::Http1(socket) if framing == Framing::UntilClose => socket.finish().await,
            Self::Http1(_) => {}
            // The peer may have gone already.
            Self::Http2(stream) => drop(stream.finish()),
        }
    }

    /// FIN: of HTTP/2 it takes every request of the connection.
    fn close(self) {
        match self {
            Self::Http1(socket) => socket.end(),
            Self::Http2(stream) => stream.close_connection(),
        }
    }

    /// RST: of HTTP/2 it takes every request of the connection.
    async fn reset(self) {
        match self {
            Self::Http1(socket) => socket.reset().await,
            Self::Http2(stream) => stream.reset_connection(),
        }
    }

    /// The case is over: nobody waits for this response any more.
    async fn cut_off(self) {
        const CANCEL: u32 = 8;
        match self {
            Self::Http1(socket) => socket.end(),
            Self::Http2(stream) => stream.reset(CANCEL).await,
        }
    }
}
