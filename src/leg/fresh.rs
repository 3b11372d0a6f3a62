//! Fresh ids in an answer that others got before.
//!
//! Answers to the same request differ in what their seed gives: ids, and padding. Where it stands two such answers
//! show, for lengths never depend on the seed. A third gets the bytes of the first with a number of its own in each id:
//! what two ids have in common (prefixes, dashes) stays, and so does what is too short to be one.

use std::borrow::Cow;

use super::tape::Tape;

/// Digits of a number. An id differs in at least so many characters; padding that does is renumbered too, which nobody
/// sees.
const DIGITS: usize = 12;
/// Without zero: some alphabets of ids lack it, and all of them have the others.
const LETTERS: &[u8; 9] = b"123456789";
/// Spreads consecutive numbers over all digits. It shares no factor with 9, so none of the first hundred million are alike.
const SPREAD: u64 = 174_551_052_973;

/// Where the ids stand on a tape.
#[derive(Debug)]
pub(super) struct Ids {
    /// For each id the places of the characters that are replaced, in order.
    places: Vec<[usize; DIGITS]>,
}

impl Ids {
    /// Where the ids stand in two answers to the same request; `None` if these differ in more than ids and padding.
    pub(super) fn between(a: &Tape, b: &Tape) -> Option<Self> {
        let same_shape = a.framing == b.framing && a.moves == b.moves && a.bytes.len() == b.bytes.len();
        if !same_shape || a.plan.status != b.plan.status || a.plan.end != b.plan.end || is_coded(a) {
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
        Some(Self { places })
    }

    /// The ids of the answer with this number.
    pub(super) fn fresh(&self, number: u64) -> FreshIds<'_> {
        let mut rest = number.wrapping_add(1).wrapping_mul(SPREAD) % 9_u64.pow(DIGITS as u32);
        let digits = std::array::from_fn(|_| {
            let digit = LETTERS[(rest % 9) as usize];
            rest /= 9;
            digit
        });
        FreshIds { ids: self, digits }
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
    ids: &'a Ids,
    digits: [u8; DIGITS],
}

impl FreshIds<'_> {
    /// A part of the tape, which begins at `start`, with these ids.
    pub(super) fn put_into<'b>(&self, part: &'b [u8], start: usize) -> Cow<'b, [u8]> {
        let range = start..start + part.len();
        let places = &self.ids.places;
        // An id lies across two parts where a chunk ends in it.
        let first = places.partition_point(|id| id[DIGITS - 1] < range.start);
        let inside = || places[first..].iter().take_while(|id| id[0] < range.end);
        if inside().next().is_none() {
            return Cow::Borrowed(part);
        }
        let mut part = part.to_vec();
        for id in inside() {
            for (place, digit) in id.iter().zip(self.digits) {
                if range.contains(place) {
                    part[place - range.start] = digit;
                }
            }
        }
        Cow::Owned(part)
    }
}
