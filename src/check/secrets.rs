//! Keys in texts, in any decoded form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Shortest value that is looked for: anything shorter is no secret.
pub(super) const LEAST: usize = 8;

/// A text in every form in which it may hold a key: as it is, URL-decoded, without JSON's escapes. A launch has
/// hundreds of keys, so a text is decoded once and searched often.
#[derive(Debug)]
pub(super) struct Haystack {
    plain: Vec<String>,
    /// The forms in which base64 is looked for, written in its first alphabet.
    encoded: Vec<String>,
}

impl Haystack {
    pub(super) fn of(text: &str) -> Self {
        let mut plain = vec![text.to_owned()];
        let decoded = text.contains('%').then(|| percent_decoded(text)).filter(|decoded| decoded != text);
        plain.extend(decoded);
        let encoded = plain.iter().map(|text| text.replace('-', "+").replace('_', "/")).collect();
        if text.contains('\\') {
            plain.push(unescaped(text));
        }
        Self { plain, encoded }
    }

    pub(super) fn carries(&self, key: &Needle) -> bool {
        !key.plain.is_empty()
            && (self.plain.iter().any(|text| text.contains(&key.plain))
                || self.encoded.iter().any(|text| key.cores.iter().any(|core| text.contains(core))))
    }
}

/// A key as it is looked for. One that is too short is never found.
#[derive(Debug)]
pub(super) struct Needle {
    plain: String,
    /// What base64 makes of it at each of three alignments; what depends on its neighbours is left out.
    cores: Vec<String>,
}

impl Needle {
    pub(super) fn of(key: &str) -> Self {
        if key.len() < LEAST {
            return Self { plain: String::new(), cores: Vec::new() };
        }
        let cores = (0..3).filter_map(|shift| {
            let mut bytes = vec![0_u8; shift];
            bytes.extend_from_slice(key.as_bytes());
            let encoded = STANDARD.encode(&bytes);
            let from = (shift * 8).div_ceil(6);
            let to = bytes.len() * 8 / 6;
            encoded.get(from..to).filter(|core| core.len() >= LEAST).map(str::to_owned)
        });
        Self { plain: key.to_owned(), cores: cores.collect() }
    }
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
        let check =
            |text: &str, expect: bool| assert_eq!(Haystack::of(text).carries(&Needle::of(key)), expect, "{text}");
        check("Bearer sk-primary-7Qz/x+9f?a", true);
        check("?key=sk-primary-7Qz%2Fx%2B9f%3Fa&b=1", true);
        check("{\"key\":\"sk-primary-7Qz\\/x+9f?a\"}", true);
        check("sk-primary-7Qz", false);
        check("", false);
        // What is too short is no secret.
        assert!(!Haystack::of("key=1234567").carries(&Needle::of("1234567")));
        assert!(!Haystack::of("key=123").carries(&Needle::of("123")));
        assert!(Haystack::of("key=12345678").carries(&Needle::of("12345678")));
        for prefix in ["", "u", "us", "user:"] {
            let text = format!("{prefix}{key}:tail");
            check(&format!("Basic {}", STANDARD.encode(&text)), true);
            check(&base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&text), true);
        }
    }
}
