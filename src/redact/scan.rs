//! The last look at a finished file.

use super::body::clean;
use super::{DEPTH, Found, Redactor};
use crate::cassette::load_text;

/// A secret that is still in a file: it must not be written, or not be shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// What it is, in words; never the secret itself.
    pub what: String,
    /// The line of the file, where one line holds it.
    pub line: Option<usize>,
}

impl Redactor {
    /// What is still secret in the text of a cassette file: in its lines as they stand, and in the exchanges that it
    /// tells, whose bodies are joined from their chunks. Empty for a file that may be written.
    pub fn scan(&self, file: &[u8]) -> Vec<Leak> {
        let mut leaks: Vec<Leak> = Vec::new();
        for (at, line) in file.split(|byte| *byte == b'\n').enumerate() {
            let mut found = Found::default();
            // What is known by its context has the file's own words for one here: the exchanges tell of those.
            clean(&self.plain, &mut line.to_vec(), DEPTH, "file", &mut found);
            leaks.extend(found.words.into_iter().map(|what| Leak { what, line: Some(at + 1) }));
        }
        let Some(mut cassette) = std::str::from_utf8(file).ok().and_then(|text| load_text("", text).ok()) else {
            return leaks;
        };
        let mut found = Found::default();
        for exchange in &mut cassette.exchanges {
            self.request(&mut exchange.request, &mut found);
            self.response(&mut exchange.response, &mut found);
        }
        for text in cassette.summary.iter_mut().chain([&mut cassette.provenance.source]) {
            self.line(text, "description", &mut found);
        }
        let unread = found.unread.into_iter().map(|why| format!("what cannot be searched, in the {why}"));
        leaks.extend(found.words.into_iter().chain(unread).map(|what| Leak { what, line: None }));
        leaks
    }
}
