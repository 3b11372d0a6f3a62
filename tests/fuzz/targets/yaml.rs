//! YAML: whatever loads is written in a form that loads to the same; whatever does not is told at a place in the file.
#![cfg_attr(not(test), no_main)]

use crossfade::diagnostic::SourceFile;
use crossfade::yaml::{Document, Limits, to_string};

pub(crate) fn check(data: &[u8]) {
    let file = match SourceFile::from_bytes("x.yaml", data.to_vec()) {
        Ok(file) => file,
        Err(error) => return assert!(!error.render(false).is_empty()),
    };
    let document = match Document::parse(file, Limits::SCENARIO) {
        Ok(document) => document,
        Err(error) => {
            assert!(error.render(false).contains("x.yaml") && !error.render(true).is_empty());
            return;
        }
    };
    let value = document.root().to_value();
    let text = to_string(&value).expect("a value is written");
    let again = Document::parse(SourceFile::new("y.yaml", text.as_str()), Limits::CASSETTE)
        .unwrap_or_else(|error| panic!("{}\n{text}", error.render(false)));
    assert_eq!(again.root().to_value(), value, "{text}");
}

#[cfg(not(test))]
libfuzzer_sys::fuzz_target!(|data: &[u8]| check(data));
