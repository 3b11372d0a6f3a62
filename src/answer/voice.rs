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

    /// Whose word this is: the number of its voice, and its own number in that. Every string that has the shape of a
    /// word is one of some voice; whether the run has that voice is for the caller to know.
    pub fn whose(self, word: &str) -> Option<(u64, u64)> {
        let number = read(word)?;
        let length = word.len();
        let short = Series::of(length, true);
        let (series, per_voice, from) =
            if number < short.base + short.room { (short, SHORT, 0) } else { (Series::of(length, false), LONG, SHORT) };
        let rank = u64::try_from(self.unshuffle(number - series.base, series.room)).ok()?;
        let found = (rank / per_voice, from + rank % per_voice);
        (self.voice(found.0).word(found.1) == word).then_some(found)
    }

    /// A seeded bijection on `0..room`: no two words of one length collide.
    fn shuffle(self, rank: u128, room: u128) -> u128 {
        let (factor, offset) = self.key(room);
        (rank * factor + offset) % room
    }

    fn unshuffle(self, shuffled: u128, room: u128) -> u128 {
        let (factor, offset) = self.key(room);
        (shuffled + room - offset) % room * inverse(factor, room) % room
    }

    fn key(self, room: u128) -> (u128, u128) {
        let mix = crate::api::seeded::mix;
        let offset = u128::from(mix(self.seed)) % room;
        let mut factor = u128::from(mix(self.seed ^ 0x5bf0_3635)) % room;
        while common_divisor(factor, room) != 1 {
            factor += 1;
        }
        (factor, offset)
    }
}

/// The words of one length that the voices share: how many, and where they begin among all strings of that shape.
struct Series {
    base: u128,
    room: u128,
}

impl Series {
    /// Nine-letter words come from both series: the long one has the upper nine tenths of them.
    fn of(length: usize, short: bool) -> Self {
        let room = (INNER.len() as u128).pow(length as u32 - 2) * (FIRST.len() * LAST.len()) as u128;
        match (length, short) {
            (9, true) => Self { base: 0, room: room / 10 },
            (9, false) => Self { base: room / 10, room: room - room / 10 },
            _ => Self { base: 0, room },
        }
    }
}

/// The strings of a text that have the shape of a word, each by itself or glued to others of its kind.
pub fn word_shapes(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter_map(split_shapes).flatten()
}

/// All of a run of letters as words; only a first letter begins one, and only a last one ends it.
fn split_shapes(run: &str) -> Option<Vec<&str>> {
    let mut words = Vec::new();
    let mut rest = run;
    while !rest.is_empty() {
        let end = rest.bytes().position(|letter| LAST.contains(&letter))? + 1;
        let (word, behind) = rest.split_at(end);
        read(word)?;
        words.push(word);
        rest = behind;
    }
    Some(words)
}

/// The number of a word among those of its length: the inverse of [`Voice::spell`].
fn read(word: &str) -> Option<u128> {
    let (&first, rest) = word.as_bytes().split_first()?;
    let (&last, inner) = rest.split_last()?;
    if !(5..=7).contains(&inner.len()) {
        return None;
    }
    let digit = |letters: &[u8], letter: u8| letters.iter().position(|known| *known == letter).map(|at| at as u128);
    let mut number = digit(LAST, last)?;
    for letter in inner.iter().rev() {
        number = number * INNER.len() as u128 + digit(INNER, *letter)?;
    }
    Some(number * FIRST.len() as u128 + digit(FIRST, first)?)
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
        let Series { base, room } = Series::of(length, n < SHORT);
        Self::spell(base + self.lexicon.shuffle(rank % room, room), length)
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

/// The number that, multiplied with `factor`, gives one modulo `room`; the two have no common divisor.
fn inverse(factor: u128, room: u128) -> u128 {
    // Everything here is below 2^40.
    let (room, factor) = (room.cast_signed(), factor.cast_signed());
    let (mut a, mut b) = (room, factor);
    let (mut x, mut y) = (0_i128, 1_i128);
    while b != 0 {
        let quotient = a / b;
        (a, b) = (b, a - quotient * b);
        (x, y) = (y, x - quotient * y);
    }
    x.rem_euclid(room).unsigned_abs()
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
    fn a_word_tells_whose_it_is() {
        for seed in [0, 7, u64::MAX] {
            let lexicon = Lexicon::new(seed);
            for voice in [0, 1, 39, 20_000, 29_999] {
                for n in [0, 1, 3, 7, 62, 63, 64, 65, 5_000, 65_599] {
                    let word = lexicon.voice(voice).word(n);
                    assert_eq!(lexicon.whose(&word), Some((voice, n)), "{seed}: {word}");
                    assert_ne!(Lexicon::new(seed ^ 1).whose(&word), Some((voice, n)), "{seed}: {word}");
                }
            }
            for no_word in ["", "b", "hello", "malvorus1", "malvoru", "Malvoruz", "bäääääz", "baaaaaaaaz"] {
                assert_eq!(lexicon.whose(no_word), None, "{no_word}");
            }
        }
    }

    #[test]
    fn shapes_in_a_text() {
        let check = |text: &str, expect: &[&str]| assert_eq!(word_shapes(text).collect::<Vec<_>>(), expect, "{text}");
        check("say {\"a\":\"baleous\"}, tuyeous!", &["baleous", "tuyeous"]);
        check("baleoustuyeous", &["baleous", "tuyeous"]);
        check("baleousx xbaleous baleous7 Baleous", &[]);
        check("the policies of 9 baleoüs", &["policies"]);
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
