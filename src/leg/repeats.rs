//! Requests that come again: a client under load, or one of many, gets what was made for the first two of a second.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::case::lock;
use super::fresh::{FreshIds, Master};
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
    All(Arc<Master>),
}

/// An answer that is given again.
#[derive(Clone, Debug)]
pub(super) struct Again {
    /// Bytes of the request.
    pub(super) length: usize,
    master: Arc<Master>,
    number: u64,
}

impl Again {
    pub(super) fn tape(&self) -> &Tape {
        self.master.tape()
    }

    pub(super) fn ids(&self) -> FreshIds<'_> {
        self.master.fresh(self.number)
    }
}

impl Repeats {
    /// The answer to the request with which these bytes begin, if it is known. A kept request was whole, so bytes that
    /// begin with it begin with the same request.
    pub(super) fn find(&self, bytes: &[u8], second: u64) -> Option<Again> {
        let kept = lock(&self.kept);
        let kept = kept.iter().find(|kept| kept.second == second && bytes.starts_with(&kept.request))?;
        let Known::All(master) = &kept.answer else { return None };
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        Some(Again { length: kept.request.len(), master: Arc::clone(master), number })
    }

    /// Learns what a request got.
    pub(super) fn learn(&self, request: &[u8], second: u64, tape: &Arc<Tape>) {
        if request.len() > LONGEST {
            return;
        }
        let mut kept = lock(&self.kept);
        if let Some(known) = kept.iter_mut().find(|kept| kept.second == second && kept.request == request) {
            if let Known::One(first) = &known.answer
                && let Some(master) = Master::of(first, tape)
            {
                known.answer = Known::All(Arc::new(master));
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

#[cfg(test)]
mod tests {
    use hyper::{Method, Version};

    use super::super::head::Framing;
    use super::super::reply;
    use super::*;

    fn tape(body: &str) -> Arc<Tape> {
        let plan = reply::text(200, body);
        let framing = Framing::of(&plan, &Method::POST, Version::HTTP_11);
        Arc::new(Tape::new(Arc::new(plan), framing))
    }

    #[test]
    fn a_request_is_known_from_its_third_time_within_a_second() {
        let repeats = Repeats::default();
        let found = |bytes: &[u8], second| repeats.find(bytes, second).map(|again| again.length);
        assert_eq!(found(b"request", 7), None);
        repeats.learn(b"request", 7, &tape("an abcdefgh"));
        assert_eq!(found(b"request", 7), None);
        repeats.learn(b"request", 7, &tape("an ABCDEFGH"));
        assert_eq!(found(b"request", 7), Some(7));
        assert_eq!(found(b"request and more", 7), Some(7), "the next one may follow");
        assert_eq!(found(b"reques", 7), None);
        assert_eq!(found(b"Request", 7), None);
        assert_eq!(found(b"request", 8), None, "answers tell the time");
    }

    #[test]
    fn answers_of_different_shape_are_not_given_again() {
        let repeats = Repeats::default();
        for body in ["one", "three", "three"] {
            repeats.learn(b"request", 7, &tape(body));
            assert!(repeats.find(b"request", 7).is_none(), "{body}");
        }
    }

    #[test]
    fn few_and_short_requests_are_kept() {
        let repeats = Repeats::default();
        repeats.learn(&vec![b'a'; LONGEST + 1], 7, &tape("long"));
        assert!(lock(&repeats.kept).is_empty());
        for n in 0..=MOST {
            repeats.learn(format!("request {n};").as_bytes(), 7, &tape("short"));
        }
        assert_eq!(lock(&repeats.kept).len(), MOST);
        repeats.learn(b"later", 8, &tape("short"));
        assert_eq!(lock(&repeats.kept).len(), 1);
    }
}
