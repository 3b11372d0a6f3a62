//! Playing a plan on the wire.

use std::io;
use std::io::Write as _;
use std::time::Duration;

use hyper::{Method, Version};
use tokio::time::{Instant, sleep, sleep_until};

use super::audience::{Audience, Heard};
use super::case::Recording;
use super::head::{Framing, head};
use super::socket::Socket;
use crate::fault::{End, Opening, Plan, Step};
use crate::history::{BarrierEnd, UpstreamEnd};

/// Most bytes that are held back to go out in one write.
const OUTBOX: usize = 64 << 10;

/// What becomes of the connection after a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It serves the next request.
    Open,
    /// It has ended.
    Ended,
}

/// A plan on its way to one peer.
#[derive(Debug)]
pub(super) struct Player<'a> {
    pub(super) socket: &'a Socket,
    pub(super) plan: &'a Plan,
    pub(super) framing: Framing,
    /// Where it is recorded, if it is.
    pub(super) recording: Option<Recording>,
    /// Who listens at the other side of the proxy, if somebody does.
    pub(super) audience: Option<Audience>,
}

/// Wire bytes that are due at once: they go out together, each send an HTTP chunk of its own.
#[derive(Debug, Default)]
struct Outbox<'a> {
    bytes: Vec<u8>,
    /// The head is among them.
    begins: bool,
    /// The sends among them, and the characters of text that are out with each.
    pieces: Vec<(&'a [u8], usize)>,
}

impl<'a> Outbox<'a> {
    fn put(&mut self, data: &'a [u8], text: usize, framing: Framing) {
        self.pieces.push((data, text));
        match framing {
            Framing::Empty => {}
            Framing::Length(_) | Framing::UntilClose => self.bytes.extend_from_slice(data),
            Framing::Chunked if data.is_empty() => {}
            Framing::Chunked => {
                // Writing to memory cannot fail.
                let _ = write!(self.bytes, "{:x}\r\n", data.len());
                self.bytes.extend_from_slice(data);
                self.bytes.extend_from_slice(b"\r\n");
            }
        }
    }
}

impl<'a> Player<'a> {
    pub(super) fn new(socket: &'a Socket, plan: &'a Plan, method: &Method, version: Version) -> Self {
        Self { socket, plan, framing: Framing::of(plan, method, version), recording: None, audience: None }
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
            played = self.steps() => Some(played),
        };
        match played {
            // The record closed with its step.
            None => {
                self.socket.end();
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

    async fn steps(&mut self) -> io::Result<()> {
        let start = Instant::now();
        if let Opening::After(time) = self.plan.opening {
            self.stall(Some(time)).await;
        }
        let mut out = Outbox::default();
        if self.plan.opening != Opening::Never {
            out.bytes = head(self.plan, self.framing);
            out.begins = true;
        }
        // Characters of the text that are out, and where each delta ended.
        let before = self.audience.as_ref().map(|audience| audience.before.clone()).unwrap_or_default();
        let mut heard = Heard::new(&before, &self.plan.text);
        for step in &self.plan.steps {
            if let Step::Send { at, data, text } = step {
                // At 0 the timer would only round up to its next tick.
                if *at > start.elapsed() {
                    self.flush(&mut out, &mut heard).await?;
                    sleep_until(start + *at).await;
                }
                out.put(data, *text, self.framing);
                if self.plan.apart || out.bytes.len() >= OUTBOX {
                    self.flush(&mut out, &mut heard).await?;
                }
                continue;
            }
            self.flush(&mut out, &mut heard).await?;
            match step {
                Step::Send { .. } => {}
                Step::Gate => self.gate(&heard).await,
                Step::Barrier { settle, beyond } => self.barrier(&heard, beyond, *settle).await,
                Step::Stall(time) => self.stall(*time).await,
            }
        }
        if self.plan.end == End::Complete && self.framing == Framing::Chunked {
            out.bytes.extend_from_slice(b"0\r\n\r\n");
        }
        self.flush(&mut out, &mut heard).await
    }

    /// Writes what is due, and notes it down.
    async fn flush<'p>(&self, out: &mut Outbox<'p>, heard: &mut Heard<'p>) -> io::Result<()> {
        self.socket.write(&out.bytes).await?;
        out.bytes.clear();
        if let Some(recording) = self.recording.as_ref().filter(|_| out.begins) {
            recording.head(self.plan.status);
        }
        out.begins = false;
        for (data, text) in out.pieces.drain(..) {
            heard.sent(text);
            if let Some(recording) = &self.recording {
                recording.sent(data, heard.text());
            }
        }
        Ok(())
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
            // Going away is what a stall is there to provoke.
            recording.if_gone(UpstreamEnd::Cut("stall".to_owned()));
        }
        match time {
            Some(time) => sleep(time).await,
            None => std::future::pending().await,
        }
        if let Some(recording) = &mut self.recording {
            recording.if_gone(UpstreamEnd::ProxyGone);
        }
    }

    async fn end(&mut self) -> After {
        let (end, after) = match (self.plan.end, self.framing) {
            (End::Complete, Framing::UntilClose) => {
                self.socket.end();
                (UpstreamEnd::Complete, After::Ended)
            }
            (End::Complete, Framing::Chunked | Framing::Length(_) | Framing::Empty) => {
                (UpstreamEnd::Complete, After::Open)
            }
            (End::BadChunk, framing) => {
                if framing == Framing::Chunked {
                    // The peer may have gone already.
                    let _ = self.socket.write(b"no size\r\n").await;
                }
                self.socket.end();
                (UpstreamEnd::Cut("bad_chunk".to_owned()), After::Ended)
            }
            (End::Close, _) => {
                self.socket.end();
                (UpstreamEnd::Cut("close".to_owned()), After::Ended)
            }
            (End::Reset, _) => {
                self.socket.reset().await;
                (UpstreamEnd::Cut("reset".to_owned()), After::Ended)
            }
        };
        if after == After::Open {
            self.socket.answered();
        }
        if let Some(recording) = &mut self.recording {
            recording.end(end);
        }
        after
    }
}
