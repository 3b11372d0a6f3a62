//! Words of a run: unique words and voices, and where a unique word stands in a request.

use std::sync::Arc;

use crate::answer::{Lexicon, Voice};
use crate::api::{Conversation, Part, Role};
use crate::scenario::Case;

/// Tries of a case: a second one gets words of its own.
const TRIES: u64 = 2;
/// The first number of the voices of controls and of plain requests; cases take those below.
const OTHERS: u64 = 20_000;

/// Hands out words. The same seed and the same cases give the same words, whatever runs when.
#[derive(Clone, Debug)]
pub(super) struct Words {
    lexicon: Lexicon,
    /// Number of the first voice of each case.
    first: Vec<u64>,
    cases: u64,
}

impl Words {
    pub(super) fn new(seed: u64, cases: &[Arc<Case>]) -> Self {
        Self::of_legs(seed, cases.iter().map(|case| case.shape.legs.len()))
    }

    /// For as many cases as there are numbers of legs.
    pub(super) fn of_legs(seed: u64, legs: impl Iterator<Item = usize>) -> Self {
        // Voice 0 is that of the unique words.
        let mut next = 1;
        let first: Vec<u64> = legs
            .map(|legs| {
                let first = next;
                next += legs as u64 * TRIES;
                first % OTHERS
            })
            .collect();
        Self { lexicon: Lexicon::new(seed), cases: first.len() as u64, first }
    }

    /// The unique word of a case's n-th try (from 0).
    pub(super) fn unique(&self, case: usize, again: u64) -> String {
        self.lexicon.voice(0).word(case as u64 * TRIES + again)
    }

    /// The voice of a case's leg in its n-th try (from 0).
    pub(super) fn voice(&self, case: usize, legs: usize, leg: usize, again: u64) -> Voice {
        self.lexicon.voice(self.first[case] + again * legs as u64 + leg as u64)
    }

    /// Unique word and voice of the n-th control or plain request of the run.
    pub(super) fn other(&self, n: u64) -> (String, Voice) {
        (self.lexicon.voice(0).word(self.cases * TRIES + n), self.lexicon.voice(OTHERS + n % 9_000))
    }
}

/// Appends the unique word to the last text of the user, else to the system text. `false` if there is neither.
pub(super) fn mark(conversation: &mut Conversation, unique: &str) -> bool {
    for role in [Role::User, Role::System] {
        let turns = conversation.turns.iter_mut().rev().filter(|turn| turn.role == role);
        let texts = turns.flat_map(|turn| turn.parts.iter_mut().rev());
        for part in texts {
            if let Part::Text { text, .. } = part {
                text.push(' ');
                text.push_str(unique);
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Turn;

    #[track_caller]
    fn check(turns: &[(Role, &str)], expect: &[&str]) {
        let turn =
            |(role, text): &(Role, &str)| Turn { role: *role, parts: vec![Part::text(*text)], place: String::new() };
        let mut conversation = Conversation { turns: turns.iter().map(turn).collect(), ..Conversation::default() };
        let marked = mark(&mut conversation, "word");
        let texts: Vec<_> = conversation.turns.iter().map(Turn::text).collect();
        assert_eq!(texts, expect);
        assert_eq!(marked, expect.iter().any(|text| text.ends_with(" word")));
    }

    #[test]
    fn the_word_goes_to_the_last_user_text_else_to_the_system() {
        check(&[(Role::System, "s"), (Role::User, "u"), (Role::Assistant, "a")], &["s", "u word", "a"]);
        check(&[(Role::User, "u"), (Role::Assistant, "a"), (Role::User, "v")], &["u", "a", "v word"]);
        check(&[(Role::System, "s"), (Role::Assistant, "a")], &["s word", "a"]);
        check(&[(Role::Assistant, "a")], &["a"]);
    }

    #[test]
    fn tries_and_cases_have_words_of_their_own() {
        let cases: Vec<_> = (0..3).map(|n| Arc::new(crate::runner::testing::case("x", &n.to_string()))).collect();
        let words = Words::new(7, &cases);
        let mut all = Vec::new();
        for case in 0..3 {
            for again in 0..2 {
                all.push(words.unique(case, again));
                for leg in 0..2 {
                    all.push(words.voice(case, 2, leg, again).word(0));
                }
            }
        }
        for n in 0..3 {
            let (unique, voice) = words.other(n);
            all.extend([unique, voice.word(0)]);
        }
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
