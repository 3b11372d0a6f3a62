//! Words of a run: unique words and voices, and where a unique word stands in a request.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::answer::{Lexicon, Voice};
use crate::api::{Conversation, Part, Role};
use crate::history::RunWords;
use crate::scenario::Case;

/// Tries of a case: each gets words of its own.
const TRIES: u64 = 3;
/// The first number of the voices of controls and of plain requests; cases take those below.
const OTHERS: u64 = 20_000;
/// Voices of controls and plain requests; then they begin anew.
const OTHER_VOICES: u64 = 9_000;

/// Hands out words. The same seed and the same cases give the same words, whatever runs when.
#[derive(Clone, Debug)]
pub(super) struct Words {
    lexicon: Lexicon,
    seed: u64,
    /// Each case: the number of its first voice, how many it has, and its name.
    cases: Vec<Owner>,
    /// Behind the last voice of a case.
    voices: u64,
}

/// A case as the owner of voices.
#[derive(Clone, Debug)]
struct Owner {
    first: u64,
    count: u64,
    /// Where cases are drawn as the run goes, they have none.
    name: Option<String>,
}

impl Words {
    pub(super) fn new(seed: u64, cases: &[Arc<Case>]) -> Self {
        let mut words = Self::of_legs(seed, cases.iter().map(|case| case.shape.legs.len()));
        for (owner, case) in words.cases.iter_mut().zip(cases) {
            owner.name = Some(case.id());
        }
        words
    }

    /// For as many cases as there are numbers of legs.
    pub(super) fn of_legs(seed: u64, legs: impl Iterator<Item = usize>) -> Self {
        // Voice 0 is that of the unique words.
        let mut next = 1;
        let owners = legs.map(|legs| {
            let first = next % OTHERS;
            let count = legs as u64 * TRIES;
            next += count;
            Owner { first, count, name: None }
        });
        let cases = owners.collect();
        Self { lexicon: Lexicon::new(seed), seed, cases, voices: next.min(OTHERS) }
    }

    /// What a case's history needs to tell whose words are whose, once this many others were asked.
    pub(super) fn of_run(&self, case: usize, others: u64) -> RunWords {
        let owner = &self.cases[case];
        let uniques = self.cases.len() as u64 * TRIES;
        RunWords {
            seed: self.seed,
            // Voices of the last cases may go beyond where the next begin anew.
            voices: self.voices,
            others_from: OTHERS,
            others_to: OTHERS + others.min(OTHER_VOICES),
            uniques: uniques + others,
            own_voices: (owner.first..owner.first + owner.count).collect(),
            own_uniques: (0..TRIES).map(|again| case as u64 * TRIES + again).collect(),
            owners: BTreeMap::new(),
        }
    }

    /// The cases that speak with a voice, or have a unique word.
    pub(super) fn owner(&self, voice: u64, number: u64) -> Option<String> {
        if voice == 0 {
            return self.cases.get(usize::try_from(number / TRIES).ok()?)?.name.clone();
        }
        let owners = self.cases.iter().filter(|case| (case.first..case.first + case.count).contains(&voice));
        let names: Vec<&str> = owners.filter_map(|case| case.name.as_deref()).collect();
        (!names.is_empty()).then(|| names.join("` or `"))
    }

    /// The unique word of a case's n-th try (from 0).
    pub(super) fn unique(&self, case: usize, again: u64) -> String {
        self.lexicon.voice(0).word(case as u64 * TRIES + again)
    }

    /// The voice of a case's leg in its n-th try (from 0).
    pub(super) fn voice(&self, case: usize, legs: usize, leg: usize, again: u64) -> Voice {
        self.lexicon.voice(self.cases[case].first + again * legs as u64 + leg as u64)
    }

    /// Unique word and voice of the n-th control or plain request of the run.
    pub(super) fn other(&self, n: u64) -> (String, Voice) {
        let unique = self.lexicon.voice(0).word(self.cases.len() as u64 * TRIES + n);
        (unique, self.lexicon.voice(OTHERS + n % OTHER_VOICES))
    }
}

/// Appends the unique word to the last text of the user, else to the system text. `false` if there is neither, or no
/// word: what is recorded is asked in the client's own words.
pub(super) fn mark(conversation: &mut Conversation, unique: &str) -> bool {
    if unique.is_empty() {
        return false;
    }
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
        for (case, each) in cases.iter().enumerate() {
            let run = words.of_run(case, 3);
            let whose = |word: &str| Lexicon::new(run.seed).whose(word).expect("a word");
            let (voice, number) = whose(&words.unique(case, 1));
            assert!(voice == 0 && number < run.uniques && run.own_uniques.contains(&number));
            assert_eq!(words.owner(voice, number), Some(each.id()));
            let (voice, number) = whose(&words.voice(case, 2, 1, 1).word(9));
            assert!(voice < run.voices && run.own_voices.contains(&voice) && number == 9);
            assert_eq!(words.owner(voice, number), Some(each.id()));
            let other = (case + 1) % 3;
            assert!(!run.own_voices.contains(&whose(&words.voice(other, 2, 0, 0).word(0)).0));
            assert!(!run.own_uniques.contains(&whose(&words.unique(other, 0)).1));
            let (voice, _) = whose(&words.other(2).1.word(0));
            assert!((run.others_from..run.others_to).contains(&voice));
            assert_eq!(words.owner(voice, 0), None);
        }
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
