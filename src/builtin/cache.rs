//! Answers that are given again to a request that is the same, byte by byte.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::outlet::Outlet;
use super::relay::Job;
use crate::api::Api;
use crate::framing::Framing;
use crate::wire::Headers;

/// Answers that are kept; the oldest goes first.
const MOST: usize = 256;
/// Longest answer that is kept.
const LONGEST: usize = 1 << 20;

/// A request: the hash of its API, its route, whether it streams, and its body.
type Key = [u8; 32];

/// A whole answer.
#[derive(Debug)]
pub(super) enum Kept {
    Unary(Vec<u8>),
    /// Its events.
    Stream(Vec<Bytes>),
}

/// The answers.
#[derive(Debug, Default)]
pub(super) struct Answers(Mutex<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    answers: HashMap<Key, Arc<Kept>>,
    /// The oldest first.
    order: VecDeque<Key>,
}

impl Answers {
    /// The answer to the same request.
    pub(super) fn get(&self, job: &Job) -> Option<Arc<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).answers.get(&key(job)).cloned()
    }

    /// Keeps an answer that was whole.
    pub(super) fn keep(&self, job: &Job, answer: Kept) {
        let length: usize = match &answer {
            Kept::Unary(body) => body.len(),
            Kept::Stream(events) => events.iter().map(Bytes::len).sum(),
        };
        if length > LONGEST {
            return;
        }
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(job);
        if shelf.answers.insert(key, Arc::new(answer)).is_none() {
            shelf.order.push_back(key);
        }
        if shelf.order.len() > MOST
            && let Some(oldest) = shelf.order.pop_front()
        {
            shelf.answers.remove(&oldest);
        }
    }
}

impl Kept {
    /// Gives it again.
    pub(super) async fn tell(&self, api: &dyn Api, mut outlet: Outlet) {
        match self {
            Self::Unary(body) => super::unary::reply(outlet, body.clone()),
            Self::Stream(events) => {
                outlet.begin(stream_headers(api));
                for event in events {
                    outlet.send(event.to_vec()).await;
                }
            }
        }
    }
}

/// Headers of every stream of an API.
pub(super) fn stream_headers(api: &dyn Api) -> Headers {
    let kind = match api.framing() {
        Framing::Sse => "text/event-stream; charset=utf-8",
        other => other.media_type(),
    };
    [("content-type", kind), ("cache-control", "no-cache")].into_iter().collect()
}

fn key(job: &Job) -> Key {
    let mut hash = Sha256::new();
    hash.update(job.api.id().name());
    // Where an API says these in its path, the body does not.
    hash.update([0, u8::from(job.asked.stream)]);
    hash.update(&job.route.name);
    hash.update([0]);
    hash.update(&job.body);
    hash.finalize().into()
}
