//! What a leg says, and what remains of it to be said by a leg that is asked to go on.

use crate::answer::{Spoken, SpokenPart};
use crate::api::FinishReason;
use crate::scenario::Obeys;

/// What a leg that adds a preface says first.
const PREFACE: &str = "Certainly, here is the rest: ";

/// What a leg says in text, in all.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Speech {
    /// The text, cut into deltas.
    pub(super) deltas: Vec<String>,
    /// Characters that have been sent, from the start.
    pub(super) said: usize,
    /// Whether it can be gone on with: plain text of a script.
    pub(super) continues: bool,
    /// Why it ends.
    pub(super) finish: Option<FinishReason>,
}

impl Speech {
    /// The text of an answer.
    pub(super) fn of(spoken: &Spoken) -> Self {
        let deltas = spoken.parts.iter().filter_map(|part| match part {
            SpokenPart::Text(deltas) => Some(deltas.iter().cloned()),
            _ => None,
        });
        let continues = spoken.parts.iter().all(|part| matches!(part, SpokenPart::Text(_)));
        Self { deltas: deltas.flatten().collect(), said: 0, continues, finish: spoken.finish }
    }

    /// The whole text.
    pub(super) fn whole(&self) -> String {
        self.deltas.concat()
    }

    /// The text that has been sent.
    pub(super) fn said(&self) -> String {
        self.up_to(self.said)
    }

    /// The text before a character.
    pub(super) fn up_to(&self, character: usize) -> String {
        self.deltas.iter().flat_map(|delta| delta.chars()).take(character).collect()
    }

    /// Characters at which the deltas end.
    pub(super) fn pieces(&self) -> impl Iterator<Item = usize> {
        self.deltas.iter().scan(0, |at, delta| {
            *at += delta.chars().count();
            Some(*at)
        })
    }

    /// Where the client may stand that lacks up to `held` deltas of what has been sent.
    pub(super) fn borders(&self, held: usize) -> Vec<usize> {
        let ends: Vec<usize> = self.pieces().filter(|end| *end <= self.said).collect();
        // The last border is where everything has been given; of a delta that was cut, a part.
        ends.iter().rev().copied().filter(|end| *end < self.said).take(held).collect()
    }

    /// The deltas from a character on; the first may be the rest of one.
    fn from(&self, from: usize) -> Vec<String> {
        let mut skip = from;
        let mut rest = Vec::new();
        for delta in &self.deltas {
            let length = delta.chars().count();
            if skip >= length {
                skip -= length;
            } else {
                rest.push(delta.chars().skip(skip).collect());
                skip = 0;
            }
        }
        rest
    }

    /// What a leg says that is asked to go on from character `quoted`, and at which character of this speech it
    /// begins.
    pub(super) fn go_on(&self, obeys: Obeys, quoted: usize) -> (Spoken, usize) {
        let (deltas, from) = match obeys {
            Obeys::Exactly => (self.from(quoted), quoted),
            Obeys::StartsOver => (self.from(0), 0),
            Obeys::RepeatsLastWord => {
                let from = self.last_word(quoted);
                (self.from(from), from)
            }
            Obeys::AddsPreface => {
                let preface = PREFACE.split_inclusive(' ').map(str::to_owned);
                (preface.chain(self.from(quoted)).collect(), quoted)
            }
            Obeys::StopsAtOnce => (Vec::new(), quoted),
        };
        let output_tokens = deltas.len().max(1) as u64;
        let parts = if deltas.is_empty() { Vec::new() } else { vec![SpokenPart::Text(deltas)] };
        (Spoken { parts, finish: self.finish.or(Some(FinishReason::Stop)), output_tokens }, from)
    }

    /// The character at which the last word of the first `quoted` characters begins.
    fn last_word(&self, quoted: usize) -> usize {
        let text: Vec<char> = self.deltas.iter().flat_map(|delta| delta.chars()).take(quoted).collect();
        let end = text.iter().rposition(|c| !c.is_whitespace()).map_or(0, |last| last + 1);
        text[..end].iter().rposition(|c| c.is_whitespace()).map_or(0, |blank| blank + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speech() -> Speech {
        let deltas = ["one", " two", " dréi", " four"].map(str::to_owned).to_vec();
        Speech { deltas, said: 0, continues: true, finish: Some(FinishReason::Stop) }
    }

    fn text(obeys: Obeys, quoted: usize) -> (Vec<String>, usize) {
        let (spoken, from) = speech().go_on(obeys, quoted);
        let deltas = spoken.parts.into_iter().flat_map(|part| match part {
            SpokenPart::Text(deltas) => deltas,
            _ => Vec::new(),
        });
        (deltas.collect(), from)
    }

    #[test]
    fn the_rest_is_exact() {
        let check = |quoted, expect: &[&str]| {
            let (deltas, from) = text(Obeys::Exactly, quoted);
            assert_eq!((deltas, from), (expect.iter().map(ToString::to_string).collect(), quoted));
        };
        check(0, &["one", " two", " dréi", " four"]);
        check(3, &[" two", " dréi", " four"]);
        check(4, &["two", " dréi", " four"]);
        check(10, &["éi", " four"]);
        check(17, &[]);
        check(99, &[]);
    }

    #[test]
    fn a_disobedient_leg_says_more_or_less() {
        assert_eq!(text(Obeys::StartsOver, 7), (speech().deltas, 0));
        assert_eq!(text(Obeys::RepeatsLastWord, 7).0.concat(), "two dréi four");
        assert_eq!(text(Obeys::RepeatsLastWord, 8).0.concat(), "two dréi four");
        assert_eq!(text(Obeys::RepeatsLastWord, 0).0.concat(), "one two dréi four");
        assert_eq!(text(Obeys::AddsPreface, 7).0.concat(), format!("{PREFACE} dréi four"));
        assert_eq!(text(Obeys::StopsAtOnce, 7).0, Vec::<String>::new());
    }

    #[test]
    fn what_was_said_counts_characters() {
        assert_eq!(Speech { said: 11, ..speech() }.said(), "one two dré");
    }

    #[test]
    fn a_client_may_stand_at_earlier_borders() {
        let check = |said, held, expect: &[usize]| assert_eq!(Speech { said, ..speech() }.borders(held), expect);
        check(12, 0, &[]);
        check(12, 1, &[7]);
        check(12, 3, &[7, 3]);
        // Of a delta that was cut, a part is out.
        check(11, 1, &[7]);
        check(0, 3, &[]);
    }
}
