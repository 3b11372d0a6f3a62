//! Answers: what loads is rendered in every API as a stream and as a whole that keep the grammar and say the same.
#![cfg_attr(not(test), no_main)]

use crossfade::answer::{Lexicon, load_text, speak};
use crossfade::api::{ApiId, EncodeContext};

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let script = match load_text("x.yaml", text) {
        Ok(script) => script,
        Err(error) => return assert!(!error.render(false).is_empty()),
    };
    let spoken = speak(&script, Lexicon::new(7).voice(0), &[], 7);
    if spoken.output_tokens > 2_000 || format!("{spoken:?}").len() > 100_000 {
        return;
    }
    let context = EncodeContext {
        model: "m".to_owned(),
        include_usage: false,
        seed: 7,
        created: 1_795_365_606,
        input_tokens: 14,
    };
    for api in ApiId::ALL.into_iter().filter_map(ApiId::spoken) {
        let rendition = api.render_stream(&spoken, &context);
        let body = rendition.body();
        let mut reader = api.stream_reader();
        reader.feed(&body);
        let reading = reader.finish();
        assert!(
            reading.findings.is_empty(),
            "{}: {:?}\n{}",
            api.id(),
            reading.findings,
            String::from_utf8_lossy(&body)
        );
        assert_eq!(reading.completion.finishes.len(), 1, "{}", api.id());
        assert_eq!(rendition.text(), reading.completion.text, "{}", api.id());
        let unary = api.render_unary(&spoken, &context).body();
        let unary = api.read_unary(&unary).unwrap_or_else(|error| panic!("{}: {error}", api.id()));
        assert_eq!(unary.text, reading.completion.text, "{}", api.id());
    }
}

#[cfg(not(test))]
libfuzzer_sys::fuzz_target!(|data: &[u8]| check(data));
