//! Keys in texts, in any decoded form.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Shortest value that is looked for: anything shorter is no secret.
pub(super) const LEAST: usize = 8;
/// Shortest run of base64 that can hold such a value.
const LEAST_ENCODED: usize = (LEAST * 4).div_ceil(3);
/// A run is cut out of its text, so that its last character may lack bits.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// A text in every form in which it may hold a key: as it is, URL-decoded, without JSON's escapes, out of base64. A
/// launch has a thousand keys, so a text is decoded once and searched often.
#[derive(Debug)]
pub(super) struct Haystack {
    forms: Vec<Indexed>,
}

impl Haystack {
    pub(super) fn of(text: &str) -> Self {
        let mut plain = vec![text.to_owned()];
        let decoded = text.contains('%').then(|| percent_decoded(text)).filter(|decoded| decoded != text);
        plain.extend(decoded);
        let encoded = plain.iter().map(|text| out_of_base64(text)).collect::<Vec<_>>().concat();
        if text.contains('\\') {
            plain.push(unescaped(text));
        }
        let forms = plain.into_iter().map(String::into_bytes).chain(Some(encoded).filter(|bytes| !bytes.is_empty()));
        Self { forms: forms.map(Indexed::of).collect() }
    }

    /// Whether a key stands in any form of the text. One that is too short never does.
    pub(super) fn carries(&self, key: &str) -> bool {
        key.len() >= LEAST && self.forms.iter().any(|form| form.contains(key.as_bytes()))
    }
}

/// Bytes that are searched for many needles, nearly all of them in vain.
#[derive(Debug)]
struct Indexed {
    bytes: Vec<u8>,
    /// A set of the places at which hashes of its windows fall, several times as many as there are windows.
    windows: Vec<bool>,
}

impl Indexed {
    fn of(bytes: Vec<u8>) -> Self {
        let mut indexed = Self { windows: vec![false; (bytes.len() * 8).next_power_of_two()], bytes };
        for start in 0..(indexed.bytes.len() + 1).saturating_sub(LEAST) {
            let place = indexed.place(&indexed.bytes[start..]);
            indexed.windows[place] = true;
        }
        indexed
    }

    /// `needle` has at least the length of a window.
    fn contains(&self, needle: &[u8]) -> bool {
        self.windows[self.place(needle)] && self.bytes.windows(needle.len()).any(|window| window == needle)
    }

    fn place(&self, text: &[u8]) -> usize {
        let number = text[..LEAST].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let hash = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32) as usize;
        hash & (self.windows.len() - 1)
    }
}

/// What the runs of base64 in a text hold, in either alphabet and wherever in a run the key's own bytes begin.
fn out_of_base64(text: &str) -> Vec<u8> {
    let alphabet = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_');
    let mut out = Vec::new();
    for run in text.split(|c| !alphabet(c)).filter(|run| run.len() >= LEAST_ENCODED) {
        let run = run.replace('-', "+").replace('_', "/");
        for from in 0..4 {
            let rest = &run[from..];
            // A single character holds no byte.
            let whole = if rest.len() % 4 == 1 { &rest[..rest.len() - 1] } else { rest };
            out.extend(BASE64.decode(whole).unwrap_or_default());
            out.push(0);
        }
    }
    out
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        let (byte, length) = match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => (byte, 3),
            None => (bytes[at], 1),
        };
        out.push(byte);
        at += length;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A text without the escapes of JSON.
fn unescaped(text: &str) -> String {
    let quoted = format!("\"{}\"", text.replace('"', "\\\"").replace("\\\\\"", "\\\""));
    serde_json::from_str(&quoted).unwrap_or_else(|_| text.replace('\\', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_any_form() {
        let key = "sk-primary-7Qz/x+9f?a";
        let check = |text: &str, expect: bool| assert_eq!(Haystack::of(text).carries(key), expect, "{text}");
        check("Bearer sk-primary-7Qz/x+9f?a", true);
        check("?key=sk-primary-7Qz%2Fx%2B9f%3Fa&b=1", true);
        check("{\"key\":\"sk-primary-7Qz\\/x+9f?a\"}", true);
        check("sk-primary-7Qz", false);
        check("", false);
        // What is too short is no secret.
        assert!(!Haystack::of("key=1234567").carries("1234567"));
        assert!(!Haystack::of("key=123").carries("123"));
        assert!(Haystack::of("key=12345678").carries("12345678"));
        for prefix in ["", "u", "us", "user:"] {
            let text = format!("{prefix}{key}:tail");
            check(&format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(&text)), true);
            check(
                &format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(&text[..text.len() - 8])),
                false,
            );
            check(&base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&text), true);
        }
    }
}
