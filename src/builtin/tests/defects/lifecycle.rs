//! When things end, and what is kept apart.

use std::time::Duration;

use super::*;
use crate::proxy::AfterContent;
use crate::scenario::{At, By, Leave, Millis};

const SOON: Duration = Duration::from_millis(300);

#[tokio::test]
async fn upstream_not_cancelled() {
    let primary = vec![Play::Words(&["one"], Then::Stall)];
    let mut bench = configured(CHAT, Defect::UpstreamNotCancelled, primary, vec![Play::Silence], |config| {
        config.idle_timeout = Millis(60_000);
    })
    .await;
    bench.leave = Some(Leave { at: At::Texts(1), by: By::Close });
    bench.ask().await;
    assert!(!bench.primary.left(SOON).await, "the upstream was cancelled");
}

#[tokio::test]
async fn waits_for_ever() {
    let bench = legs(CHAT, Defect::WaitsForEver, Play::Words(&["one"], Then::Stall), Play::Silence).await;
    // Five times the timeout that is configured.
    assert!(tokio::time::timeout(Duration::from_secs(1), bench.ask()).await.is_err());
}

#[tokio::test]
async fn dies_after_a_break() {
    let primary = vec![Play::Words(&["one"], Then::Close), well()];
    let error = |config: &mut Config| config.policy.after_content = AfterContent::Error;
    let bench = configured(CHAT, Defect::DiesAfterABreak, primary, vec![Play::Silence], error).await;
    bench.ask().await.assert_error("one", LOST);
    assert_eq!(bench.ask().await.status(), 500);
    bench.ask().await.assert_whole("all well");
}

#[tokio::test]
async fn answers_mixed_up() {
    let bench = legs(CHAT, Defect::AnswersMixedUp, well(), Play::Silence).await;
    bench.ask().await.assert_whole("all well");
    bench.ask().await.assert_whole("all wellall well");
}

#[tokio::test]
async fn prompts_mixed_up() {
    let primary = vec![Play::Status(503, "Lost.")];
    let mut bench = configured(CHAT, Defect::PromptsMixedUp, primary.clone(), primary.clone(), |_| ()).await;
    bench.ask().await;
    bench.body["messages"][0]["content"] = "Another thing.".into();
    bench.ask().await;
    let headers: Vec<_> =
        bench.primary.seen().iter().map(|seen| seen.header("x-conversation").map(str::to_owned)).collect();
    assert_eq!(headers, [None, Some("Tell me.".to_owned())]);

    let mut bench = configured(CHAT, Defect::ErrorQuotesAnother, primary.clone(), primary, |_| ()).await;
    bench.ask().await;
    bench.body["messages"][0]["content"] = "Another thing.".into();
    assert_eq!(bench.ask().await.json()["error"]["message"], "Lost. (while another request was served: Tell me.)");
}

#[tokio::test]
async fn ids_repeated() {
    let bench = legs(CHAT, Defect::IdsRepeated, well(), Play::Silence).await;
    let first = bench.ask().await.reading.completion.ids;
    assert_eq!(first, bench.ask().await.reading.completion.ids);
}
