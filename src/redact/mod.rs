//! Secrets are taken out of exchanges before they reach a file.
//!
//! Headers that carry credentials go; everything else keeps its place and its length: a secret is filled, so that
//! offsets, lengths and the borders of chunks hold. Secrets are known by their names (of headers, query parameters and
//! fields) and by their shapes (`secrets.yaml`), in every form in which they may stand: as they are, escaped as in JSON
//! or in an address, in base64, in a compressed body, split over chunks of HTTP or over the events of a stream.
//!
//! What a redactor has taken out, it does not find again: `scan` of the finished file is the proof.
//!
//! Not looked into: what is encrypted or in an archive, hexadecimal digits as bytes, base64 that is broken by line ends
//! inside the secret, and secrets that have neither a name nor a shape that is known; `redact.names` and
//! `redact.patterns` are for those.

mod body;
mod exchange;
mod find;
mod forms;
mod scan;
mod shapes;
mod stream;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use scan::Leak;

use find::Finder;
use shapes::Book;

/// What stands where a secret stood, as often as it had bytes.
const FILLER: u8 = b'x';
/// How deep forms are looked for in forms.
const DEPTH: usize = 3;

/// What is a secret besides what is always one: `redact:` in `crossfade.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RedactRules {
    /// Headers, query parameters and fields of JSON whose values are secret, whatever the case of their names.
    pub names: Vec<String>,
    /// Regular expressions of what is secret wherever it stands; with a group `(?P<secret>...)` that part alone.
    pub patterns: Vec<String>,
    /// Texts that stay, though they look like a secret; what begins with `@` is the domain of addresses that stay.
    pub keep: Vec<String>,
}

impl RedactRules {
    /// This text, too, is secret wherever it stands.
    pub fn hide(&mut self, secret: &str) {
        self.patterns.push(regex::escape(secret));
    }
}

/// Why rules cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RuleError {
    /// The list in which the wrong rule stands.
    pub list: &'static str,
    /// Which of it, from 0.
    pub at: usize,
    /// What is wrong with it.
    pub message: String,
}

/// Takes secrets out.
#[derive(Clone, Debug)]
pub struct Redactor {
    /// All that is known.
    finder: Finder,
    /// Without what is known by its context.
    plain: Finder,
    names: Names,
}

/// Names whose values are secrets, in lower case.
#[derive(Clone, Debug, Default)]
struct Names {
    dropped: Vec<String>,
    filled: Vec<String>,
    query: Vec<String>,
}

impl Redactor {
    /// A redactor that knows what is always secret, and these rules.
    pub fn new(rules: &RedactRules) -> Result<Self, RuleError> {
        if let Some(at) = rules.names.iter().position(|name| name.trim().is_empty()) {
            return Err(RuleError { list: "names", at, message: "a name is longer than nothing".to_owned() });
        }
        let broken =
            |error: crate::diagnostic::Diagnostic| RuleError { list: "patterns", at: 0, message: error.message };
        let book = Book::bundled().map_err(broken)?;
        let lower = |names: &[String]| names.iter().map(|name| name.to_ascii_lowercase()).collect::<Vec<_>>();
        let own = lower(&rules.names);
        let names = Names {
            dropped: lower(&book.headers.drop),
            filled: [lower(&book.headers.fill), own.clone()].concat(),
            query: [lower(&book.query), own].concat(),
        };
        let finder = Finder::new(&book, rules, true)?;
        let plain = Finder::new(&book, rules, false)?;
        Ok(Self { finder, plain, names })
    }
}

/// What was found, in words: each once.
#[derive(Debug, Default)]
struct Found {
    words: Vec<String>,
    /// What could not be searched, and why.
    unread: Vec<String>,
}

impl Found {
    fn add(&mut self, what: &str, place: &str) {
        add(&mut self.words, format!("{what} in the {place}"));
    }

    fn say(&mut self, words: String) {
        add(&mut self.words, words);
    }

    fn unread(&mut self, words: String) {
        add(&mut self.unread, words);
    }
}

fn add(list: &mut Vec<String>, words: String) {
    if !list.contains(&words) {
        list.push(words);
    }
}
