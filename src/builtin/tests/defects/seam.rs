//! How an answer goes on where another leg takes over.

use serde_json::json;

use super::*;
use crate::api::Say;
use crate::proxy::AfterContent;

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
async fn prefill_ends_in_blank() {
    let primary = vec![Play::Words(&["one", " "], Then::Close)];
    let fallback = vec![Play::Words(&["two"], Then::Finish)];
    let bench = configured(MESSAGES, Defect::PrefillEndsInBlank, primary, fallback, |config| {
        config.policy.after_content = AfterContent::ContinuePrefill;
        config.routes[0].legs[1].model = "claude-sonnet-4-5".to_owned();
    })
    .await;
    bench.ask().await.assert_whole("one two");
    assert_eq!(bench.fallback.seen()[0].last_text(), ("assistant".to_owned(), "one ".to_owned()));
}

#[tokio::test]
async fn continues_with_tools() {
    for (defect, says, text) in [
        (Defect::ContinuesWithTools, Say::Text("one two three".to_owned()), "one two three four five"),
        (
            Defect::ContinuesHalfACall,
            Say::ToolCall { id: "call_1".to_owned(), name: "lookup".to_owned() },
            " four five",
        ),
    ] {
        let mut bench = legs(CHAT, defect, Play::Says(vec![says], Then::Close), rest()).await;
        bench.body["tools"] = json!([{"type": "function", "function": {"name": "lookup", "parameters": {}}}]);
        assert_eq!(bench.ask().await.text(), text);
        assert!(bench.fallback.seen()[0].last_text().1.starts_with("Your reply to the conversation above broke off."));
    }
}

#[tokio::test]
async fn what_is_said_behind_a_seam() {
    for (defect, text) in [
        (Defect::TextDoubled, "one two three three four five"),
        (Defect::SeamBlankLost, "one two threefour five"),
        (Defect::FirstDeltaLostAtSeam, "one two three five"),
    ] {
        broken(defect, rest()).await.ask().await.assert_whole(text);
    }
}

#[tokio::test]
async fn restarts_behind_content() {
    for (defect, text) in [
        (Defect::SplicesARestart, "one two threeuno due tre quattro"),
        (Defect::SkipsOfARestart, "one two threeuattro"),
    ] {
        let bench = broken(defect, Play::Words(&["uno due", " tre quattro"], Then::Finish)).await;
        bench.ask().await.assert_whole(text);
        assert_eq!(bench.fallback.seen()[0].body["messages"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn two_starts() {
    let outcome = broken(Defect::TwoStarts, rest()).await.ask().await;
    assert_eq!(outcome.reading.completion.starts.len(), 2);
    assert_eq!(outcome.text(), "one two three four five");
}

#[tokio::test]
async fn names_that_change() {
    for (defect, ids, models) in [(Defect::IdChanges, 2, 1), (Defect::ModelDrifts, 1, 2)] {
        let bench = legs(CHAT, defect, Play::Words(&["one"], Then::Close), Play::Words(&[" two"], Then::Finish)).await;
        let outcome = bench.ask().await;
        let completion = &outcome.reading.completion;
        assert_eq!((completion.ids.len(), completion.models.len()), (ids, models), "{defect}");
        assert_eq!(outcome.text(), "one two");
    }
}

#[tokio::test]
async fn usage_of_one_leg() {
    let outcome = broken(Defect::UsageOfOneLeg, rest()).await.ask().await;
    outcome.assert_whole("one two three four five");
    assert_eq!(outcome.reading.completion.usage.as_ref().unwrap()["output_tokens"], 2);
    assert_eq!(outcome.reading.completion.usage.as_ref().unwrap()["input_tokens"], 10);
}
