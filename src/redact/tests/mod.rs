mod kinds;
mod places;
mod planted;

use std::sync::OnceLock;

use super::shapes::Book;
use super::{RedactRules, Redactor};

/// What knows only what is always secret; made once, for it takes its time.
fn redactor() -> &'static Redactor {
    static REDACTOR: OnceLock<Redactor> = OnceLock::new();
    REDACTOR.get_or_init(|| Redactor::new(&RedactRules::default()).expect("no rules are good rules"))
}

/// A text with the gaps of an example filled, and what they were filled with.
#[derive(Clone, Debug)]
struct Secret {
    text: String,
    gaps: Vec<String>,
}

impl Secret {
    /// For each seed another. What is shorter than 8 characters tells nothing by itself and is no gap.
    fn new(example: &str, seed: u64) -> Self {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = move || {
            // xorshift64*
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize
        };
        let (mut text, mut gaps, mut rest) = (String::new(), Vec::new(), example);
        while let Some((before, after)) = rest.split_once('{') {
            let (gap, behind) = after.split_once('}').expect("a gap has an end");
            let (count, kind) = gap.split_once(':').unwrap_or((gap, ""));
            let letters: &[u8] = match kind {
                "upper" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
                "letters" => b"abcdefghijklmnopqrstuvwyz",
                "digits" => b"0123456789",
                "hex" => b"0123456789abcdef",
                "" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwyz0123456789",
                kind => panic!("no letters are called {kind}"),
            };
            let count: usize = count.parse().expect("a number");
            let mut filled: Vec<u8> = (0..count).map(|_| letters[next() % letters.len()]).collect();
            if count >= 8 && matches!(kind, "" | "hex" | "upper") {
                // No example is all letters or all digits by chance.
                filled[1] = b'7';
                filled[2] = if kind == "upper" { b'B' } else { b'b' };
            }
            let filled = String::from_utf8(filled).expect("ASCII");
            text += before;
            text += &filled;
            gaps.extend(Some(filled).filter(|gap| gap.len() >= 8));
            rest = behind;
        }
        Self { text: text + rest, gaps }
    }

    /// Whether 8 characters or more of it stand in a text.
    fn shows_in(&self, text: &[u8]) -> bool {
        let windows = self.gaps.iter().flat_map(|gap| gap.as_bytes().windows(8));
        windows.into_iter().any(|window| contains(text, window))
    }
}

fn contains(text: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(text, needle).is_some()
}

/// Every example of the book, filled in so many ways.
fn secrets(ways: u64) -> Vec<Secret> {
    let book = Book::bundled().expect("the book");
    let examples: Vec<&String> = book.secrets.iter().flat_map(|shape| &shape.example).collect();
    let numbered = (0..ways).flat_map(|way| examples.iter().map(move |example| (way, example))).enumerate();
    numbered.map(|(seed, (_, example))| Secret::new(example, seed as u64 + 1)).collect()
}
