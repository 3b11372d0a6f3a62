//! What real providers were asked and said holds hardly a secret: nearly nothing may be taken out of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

use crossfade::cassette::{Exchange as Recorded, RecordedChunk};
use crossfade::redact::{RedactRules, Redactor};

use super::folder::{recorded, say};

/// Of so many words at most one may be taken out that tells of nobody.
const WORDS: usize = 10_000;

/// Whose account it is, as real providers say in their errors and answers: taken out with good reason.
const ACCOUNTS: [&str; 3] = ["org-", "proj_", "\"user_id\":\"user_"];

#[test]
fn hardly_a_word_of_a_recording_is_taken_for_a_secret() {
    let Some(recorded) = recorded() else { return };
    let redactor = Redactor::new(&RedactRules::default()).expect("no rules are good rules");
    let (mut words, mut bytes, mut right, mut hits) = (0, 0, 0, BTreeMap::<String, usize>::new());
    let start = Instant::now();
    for exchange in recorded {
        let before = exchange.recorded().clone();
        let mut after = before.clone();
        let said = redactor.exchange(&mut after);
        let texts = [&before, &after].map(texts);
        words += texts[0].split_ascii_whitespace().count();
        bytes += texts[0].len();
        // What was filled kept its length, so that words stand against words.
        for (old, new) in texts[0].split_ascii_whitespace().zip(texts[1].split_ascii_whitespace()) {
            if old != new {
                right += usize::from(ACCOUNTS.iter().any(|account| old.contains(account)));
                let at = old.bytes().zip(new.bytes()).position(|(old, new)| old != new).unwrap_or(0);
                let shown: String = old[old.floor_char_boundary(at.saturating_sub(24))..].chars().take(90).collect();
                let of_bodies =
                    said.iter().filter(|said| said.ends_with("body")).cloned().collect::<Vec<_>>().join(", ");
                *hits.entry(format!("{}: {shown} ({of_bodies})", exchange.vendor)).or_default() += 1;
            }
        }
    }
    let count: usize = hits.values().sum();
    let mut text = format!(
        "\ntaken out: {count} of {words} words, {right} of them accounts ({} exchanges, {} KiB, {} ms)\n",
        recorded.len(),
        bytes >> 10,
        start.elapsed().as_millis()
    );
    for (hit, times) in &hits {
        let _ = writeln!(text, "  {times:4} x {hit}");
    }
    say(&text);
    assert!(words > 100_000, "too few words were read: {words}");
    let wrong = count - right;
    assert!(wrong * WORDS < words, "{wrong} of {words} words were taken out for nothing");
}

/// What was asked and answered, without the heads.
fn texts(exchange: &Recorded) -> String {
    let body: Vec<u8> = exchange.response.chunks.iter().flat_map(RecordedChunk::bytes).collect();
    format!("{} {}", exchange.request.body, String::from_utf8_lossy(&body))
}
