//! Voices: seeded streams of invented words, none a part of another, unique over a run.

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

    /// The voice with this number; voices of different numbers share no word.
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
        let _ = (self.lexicon.seed, self.number, n);
        unimplemented!()
    }
}
