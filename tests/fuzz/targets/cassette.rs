//! Cassettes: what loads is saved in a form that loads to the same, plays, and is marked inside its body.
#![cfg_attr(not(test), no_main)]

use crossfade::answer::from_cassette;
use crossfade::cassette::{RecordedChunk, load_text, save};

/// A file with the digest that it should have: no input finds it by itself.
fn sealed(text: &str) -> String {
    let Err(error) = load_text("x.yaml", text) else { return text.to_owned() };
    let digest = error.message.split(|c: char| !c.is_ascii_hexdigit()).find(|word| word.len() == 64);
    let Some(digest) =
        digest.or_else(|| error.help.as_deref()?.split(|c: char| !c.is_ascii_hexdigit()).find(|word| word.len() == 64))
    else {
        return text.to_owned();
    };
    let seal = |line: &str| match line.split_once("sha256:") {
        Some((indent, _)) if indent.trim().is_empty() => format!("{indent}sha256: \"{digest}\""),
        _ => line.to_owned(),
    };
    text.split('\n').map(seal).collect::<Vec<_>>().join("\n")
}

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let cassette = match load_text("x.yaml", &sealed(text)) {
        Ok(cassette) => cassette,
        Err(error) => return assert!(!error.render(false).is_empty()),
    };
    let saved = save(&cassette);
    let again = load_text("y.yaml", &saved).unwrap_or_else(|error| panic!("{}\n{saved}", error.render(false)));
    assert_eq!(again, cassette);
    assert_eq!(save(&again), saved);
    let Some(api) = cassette.api.spoken() else { return };
    for exchange in &cassette.exchanges {
        let rendition = from_cassette(exchange, api);
        let recorded: Vec<u8> = exchange.response.chunks.iter().flat_map(RecordedChunk::bytes).collect();
        let body = rendition.body();
        assert_eq!(body, recorded);
        let mut end = 0;
        for mark in &rendition.marks {
            assert!(end <= mark.start && mark.start < mark.end && mark.end <= body.len(), "{mark:?}");
            end = mark.end;
        }
    }
}

#[cfg(not(test))]
libfuzzer_sys::fuzz_target!(|data: &[u8]| check(data));
