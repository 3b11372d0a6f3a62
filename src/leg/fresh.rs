//! Fresh ids in an answer that others got before.
//!
//! Answers to the same request differ in what their seed gives: ids, and padding. Where it stands two such answers
//! show, for lengths never depend on the seed. A third gets the bytes of the first with a number of its own in each id:
//! what two ids have in common (prefixes, dashes) stays, and so does what is too short to be one.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use super::case::lock;
use super::tape::Tape;

/// Digits of a number. An id differs in at least so many characters; padding that does is renumbered too, which nobody
/// sees.
const DIGITS: usize = 8;
/// Without zero: some alphabets of ids lack it, and all of them have the others.
const LETTERS: &[u8; 9] = b"123456789";
/// Spreads consecutive numbers over all digits. It shares no factor with 9, so none of some 43 million are alike.
const SPREAD: u64 = 26_604_337;
/// Most copies of a tape that wait for their next ids.
const COPIES: usize = 8;

/// A tape with the places of its ids.
#[derive(Debug)]
pub(super) struct Master {
    tape: Arc<Tape>,
    /// Copies that are not being written.
    copies: Mutex<Vec<Vec<u8>>>,
    /// For each id the places of the characters that are replaced, in order.
    places: Vec<[usize; DIGITS]>,
}

impl Master {
    /// What two answers to the same request have in common; `None` if they differ in more than ids and padding.
    pub(super) fn of(a: &Arc<Tape>, b: &Tape) -> Option<Self> {
        let same_shape = a.framing == b.framing && a.moves == b.moves && a.payload == b.payload;
        if !same_shape
            || a.bytes.len() != b.bytes.len()
            || a.plan.status != b.plan.status
            || a.plan.end != b.plan.end
            || is_coded(a)
        {
            return None;
        }
        // The payload, without the framing of its chunks: these may end inside an id.
        let payload: Vec<usize> = a.payload.iter().cloned().flatten().collect();
        let letter = |at: &usize| a.bytes[*at].is_ascii_alphanumeric() || b"-_".contains(&a.bytes[*at]);
        let mut places = Vec::new();
        for run in payload.chunk_by(|left, right| letter(left) == letter(right)).filter(|run| letter(&run[0])) {
            let differing = run.iter().copied().filter(|at| a.bytes[*at] != b.bytes[*at]);
            places.extend(differing.collect::<Vec<_>>().first_chunk().copied());
        }
        Some(Self { tape: Arc::clone(a), copies: Mutex::default(), places })
    }

    pub(super) fn tape(&self) -> &Tape {
        &self.tape
    }

    /// The ids of the answer with this number.
    pub(super) fn fresh(&self, number: u64) -> FreshIds<'_> {
        let mut rest = number.wrapping_add(1).wrapping_mul(SPREAD) % 9_u64.pow(DIGITS as u32);
        let digits = std::array::from_fn(|_| {
            let digit = LETTERS[(rest % 9) as usize];
            rest /= 9;
            digit
        });
        FreshIds { master: self, digits }
    }
}

/// Whether the body is more than its text: replaced characters would break a checksum or a coding.
fn is_coded(tape: &Tape) -> bool {
    let headers = &tape.plan.headers;
    let is_text = |kind: &str| kind.starts_with("text/") || kind.starts_with("application/json");
    headers.get("content-encoding").is_some() || !headers.get("content-type").is_none_or(is_text)
}

/// The ids of one answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct FreshIds<'a> {
    master: &'a Master,
    digits: [u8; DIGITS],
}

impl FreshIds<'_> {
    /// A copy of the tape that has these ids within this range; [`give_back`](Self::give_back) it.
    pub(super) fn copy(&self, range: Range<usize>) -> Vec<u8> {
        let spare = lock(&self.master.copies).pop();
        let mut copy = spare.unwrap_or_else(|| self.master.tape.bytes.clone());
        let places = &self.master.places;
        // An id lies across two ranges where a chunk ends in it.
        let first = places.partition_point(|id| id[DIGITS - 1] < range.start);
        for id in places[first..].iter().take_while(|id| id[0] < range.end) {
            for (place, digit) in id.iter().zip(self.digits) {
                copy[*place] = digit;
            }
        }
        copy
    }

    /// The copy is written.
    pub(super) fn give_back(&self, copy: Vec<u8>) {
        let mut copies = lock(&self.master.copies);
        if copies.len() < COPIES {
            copies.push(copy);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::super::head::Framing;
    use super::super::reply;
    use super::*;
    use crate::fault::Step;

    /// An answer with these body chunks.
    fn tape(kind: &str, chunks: &[&str]) -> Arc<Tape> {
        let headers = [("content-type", kind), ("date", "then")].into_iter().collect();
        let mut plan = reply::unary(200, headers, Vec::new());
        plan.chunked = true;
        let send = |data: &&str| Step::Send {
            at: Duration::ZERO,
            data: Bytes::from((*data).to_owned()),
            coded: None,
            text: 0,
        };
        plan.steps = chunks.iter().map(send).collect();
        Arc::new(Tape::new(Arc::new(plan), Framing::Chunked))
    }

    /// The body of the third answer, given the first two.
    fn third(a: &[&str], b: &[&str]) -> Option<String> {
        let master = Master::of(&tape("text/event-stream", a), &tape("text/event-stream", b))?;
        let whole = 0..master.tape().bytes.len();
        let text = String::from_utf8(master.fresh(0).copy(whole)).unwrap();
        Some(text.split_once("\r\n\r\n").unwrap().1.replace("\r\n", "|"))
    }

    #[test]
    fn ids_are_renumbered_and_nothing_else() {
        let check = |a: &[&str], b: &[&str], expect: &str| assert_eq!(third(a, b).as_deref(), Some(expect));
        // An id keeps its prefix and what both have in common; words and short padding stay.
        check(
            &["{id_abcdxefghijkl pad0 word}", "{id_abcdxefghijkl}"],
            &["{id_ABCDxEFGHIJKL pad1 word}", "{id_ABCDxEFGHIJKL}"],
            "1c|{id_5639x5166ijkl pad0 word}|12|{id_5639x5166ijkl}|0||",
        );
        // A chunk ends in the id.
        check(&["{abcdef", "ghij}"], &["{ABCDEF", "GHIJ}"], "7|{563951|5|66ij}|0||");
        check(&["{same}"], &["{same}"], "6|{same}|0||");
    }

    #[test]
    fn a_part_of_a_tape_has_its_part_of_the_ids() {
        let master = Master::of(&tape("text/plain", &["abcdefgh"]), &tape("text/plain", &["ABCDEFGH"])).unwrap();
        let fresh = master.fresh(7);
        let end = master.tape().bytes.len();
        let whole = fresh.copy(0..end);
        for cut in 0..end {
            let parts = [&fresh.copy(0..cut)[..cut], &fresh.copy(cut..end)[cut..]].concat();
            assert_eq!(parts, whole, "{cut}");
        }
    }

    #[test]
    fn no_two_answers_have_the_same_ids() {
        let master = Master::of(&tape("text/plain", &["abcdefgh"]), &tape("text/plain", &["ABCDEFGH"])).unwrap();
        let mut seen = std::collections::HashSet::new();
        assert!((0..50_000).all(|number| seen.insert(master.fresh(number).digits)));
    }

    #[test]
    fn what_is_no_text_or_of_another_shape_is_not_given_again() {
        assert_eq!(third(&["ab"], &["abc"]), None);
        assert_eq!(third(&["ab", "c"], &["a", "bc"]), None);
        let frames = |data| tape("application/vnd.amazon.eventstream", &[data]);
        assert!(Master::of(&frames("abcdefgh"), &frames("ABCDEFGH")).is_none());
    }

    #[test]
    fn copies_are_used_again() {
        let master = Master::of(&tape("text/plain", &["abcdefgh"]), &tape("text/plain", &["ABCDEFGH"])).unwrap();
        let end = master.tape().bytes.len();
        let first = master.fresh(1).copy(0..end);
        master.fresh(1).give_back(first.clone());
        assert_ne!(master.fresh(2).copy(0..end), first);
        assert!(lock(&master.copies).is_empty());
        for number in 0..20 {
            master.fresh(number).give_back(first.clone());
        }
        assert_eq!(lock(&master.copies).len(), COPIES);
    }
}
