//! What the client is told when all is lost.

use serde_json::Value;

use super::*;
use crate::api::ApiId;
use crate::proxy::AfterContent;

/// The answer when all legs fail: the primary with 503, the fallback with 529.
async fn exhausted(api: ApiId, defect: Defect) -> Outcome {
    legs(api, defect, Play::Status(503, "Lost."), Play::Status(529, "Lost too.")).await.ask().await
}

fn message(outcome: &Outcome) -> String {
    outcome.json()["error"]["message"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn what_an_error_tells() {
    for api in [CHAT, MESSAGES] {
        for (defect, expect) in [
            (Defect::RouteMapLeaked, "Lost. Available routes: route="),
            (Defect::StackTraceShown, "Lost.\nTraceback (most recent call last):\n  File \"/app/"),
            (Defect::KeyInError, "primary-key"),
            (Defect::ErrorReplaced, "Something went wrong. Please try again."),
            (Defect::LastErrorShown, "Lost too."),
        ] {
            let outcome = exhausted(api, defect).await;
            assert!(message(&outcome).contains(expect), "{defect}: {}", message(&outcome));
            let status = if defect == Defect::LastErrorShown { 529 } else { 503 };
            assert_eq!(outcome.status(), status, "{defect}");
        }
    }
}

#[tokio::test]
async fn statuses() {
    for (defect, status) in
        [(Defect::Status500WhenExhausted, 500), (Defect::Status400WhenExhausted, 400), (Defect::ErrorUnder200, 200)]
    {
        let outcome = exhausted(MESSAGES, defect).await;
        assert_eq!((outcome.status(), message(&outcome).as_str()), (status, "Lost."), "{defect}");
    }
    // A refusal by the proxy itself stays as it is.
    let mut bench = legs(CHAT, Defect::Status500WhenExhausted, well(), well()).await;
    bench.body["model"] = "unknown".into();
    assert_eq!(bench.ask().await.status(), 404);
}

#[tokio::test]
async fn retry_after_lost() {
    let after =
        |outcome: &Outcome| outcome.exchange.response.as_ref().unwrap().headers.get("retry-after").map(str::to_owned);
    assert_eq!(after(&exhausted(CHAT, Defect::RetryAfterLost).await), None);
    assert_eq!(after(&exhausted(CHAT, Defect::ErrorReplaced).await).as_deref(), Some("7"));
}

#[tokio::test]
async fn foreign_error_shape() {
    let outcome = exhausted(CHAT, Defect::ForeignErrorShape).await;
    assert_eq!(outcome.status(), 503);
    assert_eq!(outcome.json(), serde_json::json!({"detail": "Lost.", "code": 503}));
    assert_eq!(outcome.json().get("error"), None::<&Value>);
}

#[tokio::test]
async fn nameless_error_event() {
    for api in [CHAT, MESSAGES] {
        let primary = vec![Play::Words(&["one"], Then::Close)];
        let error = |config: &mut Config| config.policy.after_content = AfterContent::Error;
        let outcome = configured(api, Defect::NamelessErrorEvent, primary, vec![rest()], error).await.ask().await;
        assert_eq!((outcome.text(), outcome.error()), ("one", None));
        assert!(String::from_utf8_lossy(&outcome.exchange.body()).contains(LOST));
    }
}
