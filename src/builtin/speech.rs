//! A leg's answer while it is spoken.

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::Value;

use super::failure::Failure;
use super::hearing::{Heard, Hearing};
use super::upstream::Upstream;
use crate::api::{Api, FinishReason};

/// A stream of a leg, read as far as it was asked for.
#[derive(Debug)]
pub(super) struct Speech {
    upstream: Upstream,
    hearing: Hearing,
    heard: VecDeque<Heard>,
    /// Blanks that the leg has to say again; `None` if it answers from the start.
    pub(super) owed: Option<String>,
    /// What is made of bytes before they are read.
    decoder: fn(Bytes) -> Bytes,
}

impl Speech {
    pub(super) fn new(
        api: &'static dyn Api,
        upstream: Upstream,
        owed: Option<String>,
        decoder: fn(Bytes) -> Bytes,
    ) -> Self {
        Self { upstream, hearing: Hearing::new(api), heard: VecDeque::new(), owed, decoder }
    }

    /// Reads on until the answer begins: what stands before its first content says nothing yet.
    pub(super) async fn begin(&mut self) {
        while !self.heard.iter().any(Heard::is_telling) {
            self.read().await;
        }
    }

    /// The next that is heard; it ends with [`Heard::Failed`] or [`Heard::Done`].
    pub(super) async fn next(&mut self) -> Heard {
        loop {
            if let Some(heard) = self.heard.pop_front() {
                return heard;
            }
            self.read().await;
        }
    }

    async fn read(&mut self) {
        match self.upstream.next().await {
            Ok(Some(bytes)) => self.heard.extend(self.hearing.feed(&(self.decoder)(bytes))),
            Ok(None) => self.heard.push_back(Heard::Failed(Failure::truncated())),
            Err(failure) => self.heard.push_back(Heard::Failed(failure)),
        }
    }

    /// Everything that comes behind the end of the answer, such as the second half of its last line end.
    pub(super) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = self.hearing.rest().to_vec();
        while let Ok(Some(bytes)) = self.upstream.next().await {
            rest.extend_from_slice(&bytes);
        }
        rest
    }

    /// The failure with which it begins, and is over.
    pub(super) fn fails_at_once(&self) -> Option<Failure> {
        let Some(Heard::Failed(failure)) = self.heard.iter().find(|heard| heard.is_telling()) else { return None };
        self.ended(failure.clone()).err()
    }

    /// Usage, as the leg last reported it.
    pub(super) fn usage(&self) -> Option<&Value> {
        self.hearing.usage()
    }

    /// Why the answer ended, if it is whole; else the failure.
    pub(super) fn ended(&self, failure: Failure) -> Result<FinishReason, Failure> {
        self.hearing.ended(failure)
    }
}
