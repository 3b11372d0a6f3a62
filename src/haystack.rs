//! A text that is searched for a thousand needles, nearly all of them in vain: a launch has two keys for each leg of each
//! case, and no text may hold another's.

/// Bytes that are hashed at a time.
const WINDOW: usize = 8;

/// Bytes with an index of what stands in them.
#[derive(Debug)]
pub(crate) struct Haystack {
    bytes: Vec<u8>,
    /// A set of the places at which hashes of the text's windows fall, several times as many as there are windows.
    windows: Vec<bool>,
}

impl Haystack {
    pub(crate) fn of(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        let mut haystack = Self { windows: vec![false; (bytes.len() * 8).next_power_of_two()], bytes };
        for at in 0..haystack.bytes.len() {
            if let Some(window) = haystack.bytes[at..].first_chunk() {
                let place = haystack.place(*window);
                haystack.windows[place] = true;
            }
        }
        haystack
    }

    /// Whether the needle stands in the text. An empty one does in any.
    pub(crate) fn contains(&self, needle: &str) -> bool {
        let needle = needle.as_bytes();
        // Keys begin alike, and end each in its own way.
        let may = needle.last_chunk().is_none_or(|window| self.windows[self.place(*window)]);
        may && memchr::memmem::find(&self.bytes, needle).is_some()
    }

    /// Where the hash of a window falls.
    fn place(&self, window: [u8; WINDOW]) -> usize {
        let hash = u64::from_le_bytes(window).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32) as usize;
        hash & (self.windows.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_finds_what_a_plain_search_finds(text in "[ab]{0,60}", needle in "[ab]{0,12}") {
            prop_assert_eq!(Haystack::of(text.as_str()).contains(&needle), text.contains(&needle));
        }
    }
}
