//! Scenarios: they load, or every error is told at a place in the file; their cases have names of their own.
#![cfg_attr(not(test), no_main)]

use std::collections::BTreeSet;

use crossfade::answer::Library;
use crossfade::config::Config;
use crossfade::scenario::{Case, load_text};

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match load_text("x.yaml", text, &Library::bundled()) {
        Ok(cases) => {
            let ids: BTreeSet<_> = cases.iter().map(Case::id).collect();
            assert_eq!(ids.len(), cases.len(), "{ids:?}");
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            for error in errors {
                assert!(error.render(false).contains("x.yaml") && !error.render(true).is_empty());
            }
        }
    }
    if let Err(error) = Config::load_text("x.yaml", text) {
        assert!(!error.render(false).is_empty());
    }
}

#[cfg(not(test))]
libfuzzer_sys::fuzz_target!(|data: &[u8]| check(data));
