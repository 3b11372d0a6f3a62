//! Canary keys and decoys: random per launch, so that one found anywhere is proof of where it came from.

use std::hash::{BuildHasher as _, RandomState};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// The keys of one launch: one secret, from which each leg's key follows.
#[derive(Clone)]
pub struct Canaries {
    secret: [u8; 32],
}

impl std::fmt::Debug for Canaries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Canaries(..)")
    }
}

impl Canaries {
    /// A new random secret.
    pub fn random() -> Self {
        let mut hash = Sha256::new();
        // Each `RandomState` is keyed by the system's randomness; canaries need to be unlike each other, not secret.
        for n in 0..4_u8 {
            hash.update(RandomState::new().hash_one(n).to_le_bytes());
        }
        Self { secret: hash.finalize().into() }
    }

    /// The same keys in each run; for tests.
    pub fn seeded(seed: u64) -> Self {
        Self { secret: Sha256::digest(seed.to_le_bytes()).into() }
    }

    /// The key of a leg, with the look of its vendor's keys.
    pub fn leg(&self, vendor: &str, route: &str, leg: &str) -> String {
        let prefix = match vendor {
            "anthropic" => "sk-ant-api03-",
            "openai" => "sk-proj-",
            "gemini" => "AIzaSy",
            // A key of Bedrock's own; it is an access key id as well, where requests are signed.
            "bedrock" => "ABSK",
            _ => "sk-",
        };
        format!("{prefix}{}", self.word(&["leg", route, leg], 40))
    }

    /// The decoys of the launch; `url` is where their requests would go.
    pub fn decoys(&self, url: &str) -> Decoys {
        Decoys {
            model: format!("decoy-{}", self.word(&["decoy route"], 10).to_lowercase()),
            url: url.to_owned(),
            key: self.leg("anthropic", "decoy", "key"),
            variables: vec![
                ("OPENAI_API_KEY".to_owned(), self.leg("openai", "decoy", "variable")),
                ("ANTHROPIC_API_KEY".to_owned(), self.leg("anthropic", "decoy", "variable")),
            ],
            admin_key: format!("sk-{}", self.word(&["admin"], 32)),
        }
    }

    /// Letters and digits that follow from the secret and `parts`.
    fn word(&self, parts: &[&str], length: usize) -> String {
        let mut word = String::new();
        for round in 0..u8::MAX {
            let mut hash = Sha256::new();
            hash.update(self.secret);
            hash.update([round]);
            for part in parts {
                hash.update(part.as_bytes());
                hash.update([0]);
            }
            word.extend(URL_SAFE_NO_PAD.encode(hash.finalize()).chars().filter(char::is_ascii_alphanumeric));
            if word.len() >= length {
                break;
            }
        }
        word.truncate(length);
        word
    }
}

/// What stands in every launch and must show up nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoys {
    /// Model and name of the decoy route.
    pub model: String,
    /// Base URL of the decoy route's leg.
    pub url: String,
    /// Key of the decoy route.
    pub key: String,
    /// Environment variables with keys that no route names.
    pub variables: Vec<(String, String)>,
    /// The proxy's own key, where it has one; clients present it, legs never see it.
    pub admin_key: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_look_like_the_vendors_and_differ() {
        let check = |vendor: &str, prefix: &str| {
            let key = Canaries::seeded(1).leg(vendor, "slot-1", "primary");
            assert!(key.starts_with(prefix), "{key}");
            assert_eq!(key.len(), prefix.len() + 40);
            assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
        };
        check("anthropic", "sk-ant-api03-");
        check("openai", "sk-proj-");
        check("whoever", "sk-");
        let canaries = Canaries::seeded(1);
        assert_ne!(canaries.leg("openai", "slot-1", "primary"), canaries.leg("openai", "slot-1", "fallback"));
        assert_ne!(canaries.leg("openai", "a", "bc"), canaries.leg("openai", "ab", "c"));
        assert_ne!(Canaries::random().decoys("").key, Canaries::random().decoys("").key);
    }
}
