//! Each defect does what its name says, and nothing else.

use std::time::Duration;

use super::bench::*;
use crate::builtin::Defect;
use crate::scenario::{At, By, Leave, Millis};

/// A stream that breaks after three words, and a fallback that could go on.
async fn broken(defect: Defect, fallback: Play) -> Bench {
    bench(
        MESSAGES,
        (MESSAGES, vec![Play::Words(&["one", " two", " three"], Then::Close)]),
        (MESSAGES, vec![fallback]),
        |config| {
            config.defects.insert(defect);
        },
    )
    .await
}

fn rest() -> Play {
    Play::Words(&[" four", " five"], Then::Finish)
}

const LOST: &str = "The connection to the upstream model broke.";
const NO_PREFILL: &str = "This model does not support assistant message prefill.";

#[tokio::test]
async fn prefill_to_everyone() {
    let bench = broken(Defect::PrefillToEveryone, Play::Status(400, NO_PREFILL)).await;
    bench.ask().await.assert_error("one two three", LOST);
    assert_eq!(bench.fallback.seen()[0].last_text(), ("assistant".to_owned(), "one two three".to_owned()));
}

#[tokio::test]
async fn fallback_400_shown() {
    let bench = broken(Defect::Fallback400Shown, Play::Status(400, NO_PREFILL)).await;
    bench.ask().await.assert_error("one two three", NO_PREFILL);
    assert_eq!(bench.fallback.seen()[0].last_text().0, "assistant");
}

#[tokio::test]
async fn system_prompt_edited() {
    let bench = broken(Defect::SystemPromptEdited, rest()).await;
    bench.ask().await.assert_whole("one two three four five");
    assert_eq!(bench.primary.seen()[0].body.get("system"), None);
    assert_eq!(bench.fallback.seen()[0].body["system"], "Do not repeat what was generated before.");
}

#[tokio::test]
async fn truncation_finished() {
    let bench = broken(Defect::TruncationFinished, rest()).await;
    bench.ask().await.assert_whole("one two three");
    assert!(bench.fallback.seen().is_empty());
}

#[tokio::test]
async fn text_doubled() {
    broken(Defect::TextDoubled, rest()).await.ask().await.assert_whole("one two three three four five");
}

#[tokio::test]
async fn seam_blank_lost() {
    broken(Defect::SeamBlankLost, rest()).await.ask().await.assert_whole("one two threefour five");
}

#[tokio::test]
async fn two_starts() {
    let outcome = broken(Defect::TwoStarts, rest()).await.ask().await;
    assert_eq!(outcome.reading.completion.starts.len(), 2);
    assert_eq!(outcome.text(), "one two three four five");
}

#[tokio::test]
async fn primary_key_on_fallback() {
    let bench = broken(Defect::PrimaryKeyOnFallback, rest()).await;
    bench.ask().await.assert_whole("one two three four five");
    let seen = &bench.fallback.seen()[0];
    assert_eq!(seen.header("x-api-key"), Some("fallback-key"));
    assert_eq!(seen.header("authorization"), Some("Bearer primary-key"));
}

#[tokio::test]
async fn retry_on_400() {
    for stream in [true, false] {
        let mut bench = bench(CHAT, (CHAT, vec![Play::Status(400, "Never.")]), (CHAT, vec![Play::Silence]), |config| {
            config.defects.insert(Defect::RetryOn400);
        })
        .await;
        bench.body["stream"] = stream.into();
        assert_eq!(bench.ask().await.status(), 400);
        let seen = bench.primary.seen();
        assert_eq!((seen.len(), bench.fallback.seen().len()), (2, 0));
        assert_eq!(seen[0].body, seen[1].body);
    }
}

#[tokio::test]
async fn route_map_leaked() {
    let bench =
        bench(CHAT, (CHAT, vec![Play::Status(500, "Lost.")]), (CHAT, vec![Play::Status(500, "Lost too.")]), |config| {
            config.defects.insert(Defect::RouteMapLeaked);
        })
        .await;
    let outcome = bench.ask().await;
    assert_eq!(outcome.status(), 500);
    let message = outcome.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("Lost. ") && message.contains("decoy-route"), "{message}");
}

#[tokio::test]
async fn upstream_not_cancelled() {
    let mut bench =
        bench(CHAT, (CHAT, vec![Play::Words(&["one"], Then::Stall)]), (CHAT, vec![Play::Silence]), |config| {
            config.defects.insert(Defect::UpstreamNotCancelled);
            config.idle_timeout = Millis(60_000);
        })
        .await;
    bench.leave = Some(Leave { at: At::Texts(1), by: By::Close });
    bench.ask().await;
    assert!(!bench.primary.left(Duration::from_millis(300)).await, "the upstream was cancelled");
}

#[tokio::test]
async fn buffered_stream() {
    let bench = broken(Defect::BufferedStream, rest()).await;
    let outcome = bench.ask().await;
    outcome.assert_whole("one two three four five");
    assert_eq!(outcome.exchange.chunks.len(), 1);
}
