//! Requests that come again: a client under load, or one of many, gets what was made for the first two of a second.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::case::lock;
use super::fresh::{FreshIds, Ids};
use super::tape::Tape;

/// Most requests that are kept, and most bytes of one.
const MOST: usize = 16;
const LONGEST: usize = 64 << 10;

/// The requests of this second.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    kept: Mutex<VecDeque<Kept>>,
    /// Answers that were given again.
    given: AtomicU64,
}

/// A request, byte by byte, and what it got.
#[derive(Debug)]
struct Kept {
    request: Vec<u8>,
    /// Unix seconds: answers tell the time.
    second: u64,
    answer: Known,
}

/// What is known of the answer to a request.
#[derive(Debug)]
enum Known {
    /// One: another is needed to tell what of it is its own.
    One(Arc<Tape>),
    All(Arc<Tape>, Arc<Ids>),
}

/// An answer that is given again.
#[derive(Clone, Debug)]
pub(super) struct Again {
    /// Bytes of the request.
    pub(super) length: usize,
    tape: Arc<Tape>,
    ids: Arc<Ids>,
    number: u64,
}

impl Again {
    pub(super) fn tape(&self) -> &Tape {
        &self.tape
    }

    pub(super) fn ids(&self) -> FreshIds<'_> {
        self.ids.fresh(self.number)
    }
}

impl Repeats {
    /// The answer to the request with which these bytes begin, if it is known. A kept request was whole, so bytes that
    /// begin with it begin with the same request.
    pub(super) fn find(&self, bytes: &[u8], second: u64) -> Option<Again> {
        let kept = lock(&self.kept);
        let kept = kept.iter().find(|kept| kept.second == second && bytes.starts_with(&kept.request))?;
        let Known::All(tape, ids) = &kept.answer else { return None };
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        Some(Again { length: kept.request.len(), tape: Arc::clone(tape), ids: Arc::clone(ids), number })
    }

    /// Learns what a request got.
    pub(super) fn learn(&self, request: &[u8], second: u64, tape: &Arc<Tape>) {
        if request.len() > LONGEST {
            return;
        }
        let mut kept = lock(&self.kept);
        if let Some(known) = kept.iter_mut().find(|kept| kept.second == second && kept.request == request) {
            if let Known::One(first) = &known.answer
                && let Some(ids) = Ids::between(first, tape)
            {
                known.answer = Known::All(Arc::clone(first), Arc::new(ids));
            }
            return;
        }
        kept.retain(|kept| kept.second == second);
        if kept.len() == MOST {
            kept.pop_front();
        }
        kept.push_back(Kept { request: request.to_vec(), second, answer: Known::One(Arc::clone(tape)) });
    }
}
