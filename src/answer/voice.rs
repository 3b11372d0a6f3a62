//! Voices: seeded streams of invented words, none a part of another, unique over a run.

/// Letters that only begin a word.
const FIRST: &[u8; 8] = b"bdgkmptv";
/// Letters that only stand inside a word.
const INNER: &[u8; 13] = b"aceiouyflhjwq";
/// Letters that only end a word. With first letters that only begin one, no word can be a part of another.
const LAST: &[u8; 5] = b"nrsxz";

/// Lengths of the first words of a voice, by n modulo 8.
const LENGTHS: [usize; 8] = [7, 8, 7, 9, 8, 7, 9, 8];
/// Words from this one on have nine letters: the only length with room for long answers in every voice.
const SHORT: u64 = 64;
/// Words that a voice has beyond the first ones before they repeat.
const LONG: u64 = 1 << 16;

/// All words of a run. Every voice takes its words from here, so none is said twice.
#[derive(Clone, Copy, Debug)]
pub struct Lexicon {
    seed: u64,
}

impl Lexicon {
    /// The words of a run; another seed gives other words of the same lengths.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The voice with this number; voices of different numbers share no word (numbers below 30,000, the first 65,000
    /// words of each; beyond that words come again).
    pub fn voice(self, number: u64) -> Voice {
        Voice { lexicon: self, number }
    }
}

/// One stream of words.
#[derive(Clone, Copy, Debug)]
pub struct Voice {
    lexicon: Lexicon,
    number: u64,
}

impl Voice {
    /// The n-th word. Its length depends on n alone, so that a script has the same shape in every voice.
    pub fn word(self, n: u64) -> String {
        let (length, rank) = if n < SHORT {
            (LENGTHS[(n % 8) as usize], u128::from(self.number) * u128::from(SHORT) + u128::from(n))
        } else {
            (9, u128::from(self.number) * u128::from(LONG) + u128::from((n - SHORT) % LONG))
        };
        let inner = (INNER.len() as u128).pow(length as u32 - 2);
        let room = inner * (FIRST.len() * LAST.len()) as u128;
        // Nine-letter words come from both series: the long one has the upper nine tenths of them.
        let (base, room) = match (length, n < SHORT) {
            (9, true) => (0, room / 10),
            (9, false) => (room / 10, room - room / 10),
            _ => (0, room),
        };
        Self::spell(base + self.shuffle(rank % room, room), length)
    }

    /// A seeded bijection on `0..room`: no two words of one length collide.
    fn shuffle(self, rank: u128, room: u128) -> u128 {
        let mix = crate::api::seeded::mix;
        let offset = u128::from(mix(self.lexicon.seed)) % room;
        let mut factor = u128::from(mix(self.lexicon.seed ^ 0x5bf0_3635)) % room;
        while common_divisor(factor, room) != 1 {
            factor += 1;
        }
        (rank * factor + offset) % room
    }

    /// The word with this number among those of its length.
    fn spell(number: u128, length: usize) -> String {
        let mut left = number;
        let mut digit = |letters: &[u8]| {
            let letter = letters[(left % letters.len() as u128) as usize];
            left /= letters.len() as u128;
            char::from(letter)
        };
        let mut word = String::with_capacity(length);
        word.push(digit(FIRST));
        for _ in 0..length - 2 {
            word.push(digit(INNER));
        }
        word.push(digit(LAST));
        word
    }
}

fn common_divisor(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn words_are_unique_over_voices_and_none_is_part_of_another() {
        let lexicon = Lexicon::new(7);
        let words: Vec<String> = (0..40).flat_map(|v| (0..200).map(move |n| lexicon.voice(v).word(n))).collect();
        let distinct: HashSet<&String> = words.iter().collect();
        assert_eq!(distinct.len(), words.len());
        for word in words.iter().take(300) {
            assert_eq!(words.iter().filter(|other| other.contains(word.as_str())).count(), 1, "{word}");
        }
        let far: HashSet<String> =
            [0, 1, 9_999, 29_999].iter().flat_map(|v| [0, 63, 64, 60_000].map(|n| lexicon.voice(*v).word(n))).collect();
        assert_eq!(far.len(), 16);
    }

    #[test]
    fn length_depends_on_n_alone() {
        for n in [0, 1, 5, 63, 64, 5_000] {
            let lengths: HashSet<usize> =
                (0..20).map(|v| Lexicon::new(v * 31).voice(v).word(n).chars().count()).collect();
            assert_eq!(lengths.len(), 1, "word {n}");
        }
        assert_ne!(Lexicon::new(1).voice(0).word(0), Lexicon::new(2).voice(0).word(0));
    }
}
