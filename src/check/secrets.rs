//! Keys in texts, in any decoded form.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::haystack::Haystack;
use crate::history::ProxyFacts;

/// Shortest value that is looked for: anything shorter is no secret.
pub(super) const LEAST: usize = 8;
/// Whose a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose<'a> {
    /// A leg's of the case, by its name.
    Leg(&'a str),
    /// A leg's of another case, by route and name.
    Route(&'a str),
    /// Nobody's: it stands in the environment or the configuration, by what it is.
    Decoy(&'a str),
}

/// Every secret of a launch.
pub(super) fn secrets(proxy: &ProxyFacts) -> impl Iterator<Item = (Whose<'_>, &str)> {
    let own =
        proxy.legs.iter().flat_map(|leg| [&leg.key, &leg.spare_key].map(|key| (Whose::Leg(&leg.name), key.as_str())));
    let other = proxy.other_keys.iter().map(|(route, key)| (Whose::Route(route), &**key));
    let decoys = proxy.decoys.iter().map(|(what, value)| (Whose::Decoy(what), value.as_str()));
    own.chain(other).chain(decoys)
}

/// Shortest run of base64 that can hold such a value.
const LEAST_ENCODED: usize = (LEAST * 4).div_ceil(3);
/// A run is cut out of its text, so that its last character may lack bits.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// A text in every form in which it may hold a key: as it is, URL-decoded, without JSON's escapes, out of base64.
#[derive(Debug)]
pub(super) struct Forms {
    forms: Vec<Haystack>,
}

impl Forms {
    pub(super) fn of(text: &str) -> Self {
        let mut plain = vec![text.to_owned()];
        let decoded = text.contains('%').then(|| percent_decoded(text)).filter(|decoded| decoded != text);
        plain.extend(decoded);
        let encoded = plain.iter().map(|text| out_of_base64(text)).collect::<Vec<_>>().concat();
        if text.contains('\\') {
            plain.push(unescaped(text));
        }
        let forms = plain.into_iter().map(String::into_bytes).chain(Some(encoded).filter(|bytes| !bytes.is_empty()));
        Self { forms: forms.map(Haystack::of).collect() }
    }

    /// Whether a key stands in any form of the text. One that is too short never does.
    pub(super) fn carries(&self, key: &str) -> bool {
        key.len() >= LEAST && self.forms.iter().any(|form| form.contains(key))
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
        let check = |text: &str, expect: bool| assert_eq!(Forms::of(text).carries(key), expect, "{text}");
        check("Bearer sk-primary-7Qz/x+9f?a", true);
        check("?key=sk-primary-7Qz%2Fx%2B9f%3Fa&b=1", true);
        check("{\"key\":\"sk-primary-7Qz\\/x+9f?a\"}", true);
        check("sk-primary-7Qz", false);
        check("", false);
        // A run of base64 with letters behind it that are none of it.
        let whole = base64::engine::general_purpose::STANDARD_NO_PAD.encode(format!("user:{key}:"));
        assert_eq!(whole.len() % 4, 0);
        for behind in ["", "a", "ab", "abc"] {
            check(&format!("Basic {whole}{behind}"), true);
        }
        // What is too short is no secret.
        assert!(!Forms::of("key=1234567").carries("1234567"));
        assert!(!Forms::of("key=123").carries("123"));
        assert!(Forms::of("key=12345678").carries("12345678"));
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
