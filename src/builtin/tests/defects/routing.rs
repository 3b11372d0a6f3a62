//! Which leg is asked, and when.

use super::*;

#[tokio::test]
async fn fallback_first() {
    let bench = legs(CHAT, Defect::FallbackFirst, Play::Words(&["primary"], Then::Finish), well()).await;
    bench.ask().await.assert_whole("all well");
    assert_eq!(asked(&bench), (0, 1));
}

#[tokio::test]
async fn answers_by_itself() {
    for api in [CHAT, MESSAGES] {
        for stream in [true, false] {
            let mut bench = legs(api, Defect::AnswersByItself, well(), well()).await;
            bench.body["stream"] = stream.into();
            let outcome = bench.ask().await;
            assert_eq!(outcome.status(), 200);
            assert!(String::from_utf8_lossy(&outcome.exchange.body()).contains("Hello! How can I help you today?"));
            assert_eq!(asked(&bench), (0, 0));
        }
    }
}

/// A failure before content that does not lead on.
async fn check_final(defect: Defect, primary: Play, stream: bool, status: u16) {
    let mut bench = legs(MESSAGES, defect, primary, well()).await;
    bench.body["stream"] = stream.into();
    assert_eq!(bench.ask().await.status(), status, "{defect}");
    assert_eq!(asked(&bench), (1, 0), "{defect}");
}

#[tokio::test]
async fn failures_that_are_final() {
    check_final(Defect::NeverFallsBack, Play::Status(503, "Lost."), true, 503).await;
    check_final(Defect::NeverFallsBack, Play::Status(503, "Lost."), false, 503).await;
    check_final(Defect::NoFallbackWhenStreaming, Play::Status(503, "Lost."), true, 503).await;
    check_final(Defect::InBandErrorIsFinal, Play::Words(&[], Then::ErrorEvent), true, 529).await;
    check_final(Defect::TimeoutIsFinal, Play::Silence, true, 504).await;
    check_final(Defect::PreambleIsContent, Play::Words(&[], Then::ErrorEvent), true, 200).await;
}

#[tokio::test]
async fn other_failures_still_lead_on() {
    for (defect, stream, primary) in [
        (Defect::NoFallbackWhenStreaming, false, Play::Status(503, "Lost.")),
        (Defect::InBandErrorIsFinal, true, Play::Status(503, "Lost.")),
        (Defect::TimeoutIsFinal, true, Play::Status(503, "Lost.")),
        (Defect::PreambleIsContent, true, Play::Status(503, "Lost.")),
    ] {
        let fallback = if stream { well() } else { Play::Unary("all well") };
        let mut bench = legs(MESSAGES, defect, primary, fallback).await;
        bench.body["stream"] = stream.into();
        assert_eq!(bench.ask().await.status(), 200, "{defect}");
        assert_eq!(asked(&bench), (1, 1), "{defect}");
    }
}

#[tokio::test]
async fn chain_not_walked() {
    let fallback = vec![Play::Status(503, "Lost too."), well()];
    let bench = configured(CHAT, Defect::ChainNotWalked, vec![Play::Status(503, "Lost.")], fallback, |config| {
        let last = config.routes[0].legs[1].clone();
        config.routes[0].legs.push(last);
    })
    .await;
    assert_eq!(bench.ask().await.status(), 503);
    assert_eq!(asked(&bench), (1, 1));
}

#[tokio::test]
async fn affinity_blocks_failover() {
    let bench = configured(
        CHAT,
        Defect::AffinityBlocksFailover,
        vec![well(), Play::Status(503, "Lost.")],
        vec![well()],
        |_| (),
    )
    .await;
    bench.ask().await.assert_whole("all well");
    assert_eq!(bench.ask().await.status(), 503);
    assert_eq!(asked(&bench), (2, 0));
}

#[tokio::test]
async fn fallback_is_the_primary() {
    let primary = vec![Play::Status(503, "Lost."), well()];
    let bench = configured(CHAT, Defect::FallbackIsThePrimary, primary, vec![Play::Silence], |_| ()).await;
    bench.ask().await.assert_whole("all well");
    assert_eq!(asked(&bench), (2, 0));
}

#[tokio::test]
async fn max_fallbacks_ignored() {
    let primary = vec![Play::Status(503, "Lost.")];
    let bench = configured(CHAT, Defect::MaxFallbacksIgnored, primary, vec![well()], |config| {
        config.max_fallbacks = Some(0);
    })
    .await;
    bench.ask().await.assert_whole("all well");
}

#[tokio::test]
async fn retry_on_400() {
    for stream in [true, false] {
        let mut bench = legs(CHAT, Defect::RetryOn400, Play::Status(400, "Never."), Play::Silence).await;
        bench.body["stream"] = stream.into();
        assert_eq!(bench.ask().await.status(), 400);
        let seen = bench.primary.seen();
        assert_eq!(asked(&bench), (2, 0));
        assert_eq!(seen[0].body, seen[1].body);
    }
}

#[tokio::test]
async fn retries_too_often() {
    let bench = legs(CHAT, Defect::RetriesTooOften, Play::Status(503, "Lost."), well()).await;
    bench.ask().await.assert_whole("all well");
    assert_eq!(asked(&bench), (5, 1));
}

#[tokio::test]
async fn asks_twice() {
    let bench = legs(CHAT, Defect::AsksTwice, well(), well()).await;
    bench.ask().await.assert_whole("all well");
    assert_eq!(asked(&bench), (2, 0));
}

#[tokio::test]
async fn retry_after_ignored() {
    // The leg asks for 7 s, which is more than a clean proxy waits for; it leaves it alone.
    let plays = vec![Play::Status(429, "Slow down."), well()];
    let bench = configured(CHAT, Defect::RetryAfterIgnored, plays, vec![well()], |config| config.retries = 1).await;
    bench.ask().await.assert_whole("all well");
    assert_eq!(asked(&bench), (2, 0));
}
