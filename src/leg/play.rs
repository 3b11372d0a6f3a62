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
use crate::fault::{End, Plan, Step};
use crate::history::{BarrierEnd, UpstreamEnd};

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
        self.socket.write(&head(self.plan, self.framing)).await?;
        if let Some(recording) = &self.recording {
            recording.head(self.plan.status);
        }
        // Characters of the text that are out, and where each delta ended.
        let before = self.audience.as_ref().map(|audience| audience.before.clone()).unwrap_or_default();
        let mut heard = Heard::new(&before, &self.plan.text);
        for step in &self.plan.steps {
            match step {
                Step::Send { at, data, text } => {
                    // At 0 the timer would only round up to its next tick.
                    if *at > start.elapsed() {
                        sleep_until(start + *at).await;
                    }
                    self.send(data).await?;
                    heard.sent(*text);
                    if let Some(recording) = &self.recording {
                        recording.sent(data, heard.text());
                    }
                }
                Step::Gate => self.gate(&heard).await,
                Step::Barrier { settle, beyond } => self.barrier(&heard, beyond, *settle).await,
                Step::Stall(time) => self.stall(*time).await,
            }
        }
        Ok(())
    }

    /// One HTTP chunk in one write.
    async fn send(&self, data: &[u8]) -> io::Result<()> {
        match self.framing {
            _ if data.is_empty() => Ok(()),
            Framing::Empty => Ok(()),
            Framing::Length(_) | Framing::UntilClose => self.socket.write(data).await,
            Framing::Chunked => {
                let mut chunk = Vec::with_capacity(data.len() + 12);
                write!(chunk, "{:x}\r\n", data.len())?;
                chunk.extend_from_slice(data);
                chunk.extend_from_slice(b"\r\n");
                self.socket.write(&chunk).await
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
            (End::Complete, Framing::Chunked) => match self.socket.write(b"0\r\n\r\n").await {
                Ok(()) => (UpstreamEnd::Complete, After::Open),
                Err(_) => (UpstreamEnd::ProxyGone, After::Ended),
            },
            (End::Complete, Framing::Length(_) | Framing::Empty) => (UpstreamEnd::Complete, After::Open),
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
