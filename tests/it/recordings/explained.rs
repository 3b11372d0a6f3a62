//! What is known and explained, in `explained.yaml`. What is not, and what is no longer so, fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Deserialize;

use super::exchange::Exchange;

/// Something that was noted about a recording.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    /// The recording, below the folder.
    pub(crate) file: String,
    /// Which exchange of it, in messages.
    pub(crate) name: String,
    /// Rule of a grammar, or what was looked at.
    pub(crate) rule: String,
    /// Byte offset, where there is one.
    pub(crate) at: Option<usize>,
    /// What was seen.
    pub(crate) message: String,
}

impl Note {
    pub(crate) fn new(exchange: &Exchange, rule: &str, at: Option<usize>, message: impl Into<String>) -> Self {
        let (file, name) = (exchange.file.clone(), exchange.name());
        Self { file, name, rule: rule.to_owned(), at, message: message.into() }
    }
}

/// What is explained, by what was looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Explained {
    pub(crate) streams: Vec<Entry>,
    pub(crate) answers: Vec<Entry>,
    pub(crate) requests: Vec<Entry>,
}

/// One explanation, and the recordings that it holds for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    rule: String,
    /// Whose habit it is, where it is a vendor's.
    #[serde(default)]
    vendor: Option<String>,
    why: String,
    files: Vec<String>,
}

/// The committed explanations.
pub(crate) fn explained() -> Explained {
    serde_yaml::from_str(include_str!("explained.yaml")).expect("explained.yaml is read")
}

impl Entry {
    fn explains(&self, note: &Note) -> bool {
        self.rule == note.rule && self.files.contains(&note.file)
    }
}

/// Whether a note is explained.
pub(crate) fn is_explained(entries: &[Entry], note: &Note) -> bool {
    entries.iter().any(|entry| entry.explains(note))
}

/// What is wrong: notes without an explanation, and explanations without a note, or without words.
pub(crate) fn faults(entries: &[Entry], notes: &[Note], vendors: &BTreeMap<String, BTreeSet<String>>) -> String {
    let mut text = String::new();
    for note in notes.iter().filter(|note| !is_explained(entries, note)) {
        let at = note.at.map(|at| format!(" at byte {at}")).unwrap_or_default();
        let _ = writeln!(text, "unexplained: {}{at}: {} {}", note.name, note.rule, note.message);
    }
    for entry in entries {
        if entry.why.len() < 20 {
            let _ = writeln!(text, "no explanation: {}: {:?}", entry.rule, entry.why);
        }
        for file in &entry.files {
            if !notes.iter().any(|note| note.rule == entry.rule && note.file == *file) {
                let _ = writeln!(text, "stale: {} is no longer seen in {file}", entry.rule);
            }
            let of = vendors.get(file);
            if let Some(vendor) = entry.vendor.as_ref().filter(|vendor| of.is_some_and(|of| !of.contains(*vendor))) {
                let _ = writeln!(text, "wrong vendor: {file} is not of {vendor}");
            }
        }
    }
    text
}

/// Who answered in each file.
pub(crate) fn vendors(recorded: &[Exchange]) -> BTreeMap<String, BTreeSet<String>> {
    let mut vendors: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for exchange in recorded {
        vendors.entry(exchange.file.clone()).or_default().insert(exchange.vendor.clone());
    }
    vendors
}

#[test]
fn what_is_new_and_what_is_stale_is_told() {
    let note = |file: &str, rule: &str| Note {
        file: file.to_owned(),
        name: file.to_owned(),
        rule: rule.to_owned(),
        at: Some(7),
        message: "seen".to_owned(),
    };
    let entry = |rule: &str, vendor: Option<&str>| Entry {
        rule: rule.to_owned(),
        vendor: vendor.map(str::to_owned),
        why: "long enough to say something".to_owned(),
        files: vec!["a".to_owned()],
    };
    let vendors = BTreeMap::from([("a".to_owned(), BTreeSet::from(["x".to_owned()]))]);
    let check = |entries: &[Entry], notes: &[Note], expect: &str| assert_eq!(faults(entries, notes, &vendors), expect);
    check(&[entry("C01", Some("x"))], &[note("a", "C01"), note("a", "C01")], "");
    check(&[], &[note("a", "C01")], "unexplained: a at byte 7: C01 seen\n");
    check(&[entry("C01", None)], &[note("b", "C01"), note("a", "C01")], "unexplained: b at byte 7: C01 seen\n");
    check(&[entry("C01", None)], &[], "stale: C01 is no longer seen in a\n");
    check(&[entry("C01", Some("y"))], &[note("a", "C01")], "wrong vendor: a is not of y\n");
    let wordless = Entry { why: "so".to_owned(), ..entry("C01", None) };
    check(&[wordless], &[note("a", "C01")], "no explanation: C01: \"so\"\n");
}
