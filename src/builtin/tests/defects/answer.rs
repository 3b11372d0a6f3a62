//! What the client hears of an answer.

use serde_json::json;

use super::*;
use crate::api::{ApiId, FinishReason, Part, Say};
use crate::framing::Framing;
use crate::history::ClientEnd;
use crate::proxy::AfterContent;

fn call(n: u8) -> Say {
    Say::ToolCall { id: format!("toolu_{n}"), name: "lookup".to_owned() }
}

fn arguments(text: &str) -> Say {
    Say::Arguments(text.to_owned())
}

/// What comes of an answer that one leg gives.
async fn heard(api: ApiId, defect: Defect, says: Vec<Say>, then: Then) -> Outcome {
    legs(api, defect, Play::Says(says, then), Play::Silence).await.ask().await
}

async fn parts(defect: Defect, says: Vec<Say>) -> Vec<Part> {
    heard(MESSAGES, defect, says, Then::Finish).await.reading.completion.parts
}

#[tokio::test]
async fn endings_that_are_none() {
    let outcome = broken(Defect::TruncationFinished, rest()).await.ask().await;
    outcome.assert_whole("one two three");

    for (api, defect) in [(MESSAGES, Defect::TruncationSilent), (CHAT, Defect::TruncationSilent)] {
        let primary = vec![Play::Words(&["one"], Then::Close)];
        let bench =
            configured(api, defect, primary, vec![rest()], |config| config.policy.after_content = AfterContent::Error)
                .await;
        let outcome = bench.ask().await;
        assert_eq!((outcome.text(), outcome.error()), ("one", None));
        assert_eq!((outcome.exchange.end, outcome.reading.completion.terminator), (ClientEnd::Complete, None));
    }

    let primary = vec![Play::Words(&["one"], Then::Close)];
    let error = |config: &mut Config| config.policy.after_content = AfterContent::Error;
    let bench = configured(CHAT, Defect::ErrorAsText, primary, vec![rest()], error).await;
    bench.ask().await.assert_whole(&format!("one\n\n[Error: {LOST}]"));
}

#[tokio::test]
async fn half_tool_call_finished() {
    let says = vec![call(1), arguments("{\"q\":")];
    let outcome = heard(CHAT, Defect::HalfToolCallFinished, says, Then::Close).await;
    assert_eq!(outcome.reading.completion.finishes[0].reason, FinishReason::ToolCalls);
    assert!(outcome.reading.completion.terminator.is_some() && outcome.error().is_none());
    // Text that breaks off is none.
    let says = vec![Say::Text("one".to_owned())];
    let bench =
        configured(CHAT, Defect::HalfToolCallFinished, vec![Play::Says(says, Then::Close)], vec![rest()], |config| {
            config.policy.after_content = AfterContent::Error;
        })
        .await;
    bench.ask().await.assert_error("one", LOST);
}

#[tokio::test]
async fn tool_calls() {
    let two = || vec![call(1), arguments("{}"), call(2), arguments("{\"q\":"), arguments("1}")];
    let call = |id: &str, arguments| Part::ToolCall { id: id.to_owned(), name: "lookup".to_owned(), arguments };
    for (defect, expect) in [
        (Defect::ToolCallsMerged, vec![call("toolu_1", json!("{}{\"q\":1}"))]),
        (Defect::ToolArgumentsCut, vec![call("toolu_1", json!({})), call("toolu_2", json!("{\"q\":"))]),
        (
            Defect::ToolIdChanged,
            vec![
                call("call_000000000000000000000001", json!({})),
                call("call_000000000000000000000002", json!({"q": 1})),
            ],
        ),
    ] {
        assert_eq!(parts(defect, two()).await, expect, "{defect}");
    }
}

#[tokio::test]
async fn thoughts() {
    let says = || vec![Say::Thinking("Hm.".to_owned()), Say::Signature("c2ln".to_owned()), Say::Text("one".to_owned())];
    assert_eq!(parts(Defect::ThinkingDropped, says()).await, vec![Part::text("one")]);
    let heard = parts(Defect::SignatureLost, says()).await;
    let Part::Thinking { text, signature } = &heard[0] else { panic!("{heard:?}") };
    assert_eq!((text.as_str(), signature.as_deref().unwrap_or_default()), ("Hm.", ""));
}

#[test]
fn reasons() {
    use FinishReason::{Length, Refusal, Stop, ToolCalls};
    for (defect, from, to) in [
        (Defect::LengthToldAsStop, Length, Stop),
        (Defect::FinishRewritten, Length, ToolCalls),
        (Defect::RefusalToldAsStop, Refusal, Stop),
        (Defect::LengthToldAsStop, Refusal, Refusal),
    ] {
        let sabotage = crate::builtin::sabotage::Sabotage::new(&[defect].into());
        assert_eq!(sabotage.reason(from), to);
        assert_eq!(sabotage.reason(Stop), Stop);
    }
}

#[tokio::test]
async fn usage_lost() {
    let mut bench = legs(CHAT, Defect::UsageLost, well(), Play::Silence).await;
    bench.body["stream_options"] = json!({"include_usage": true});
    let outcome = bench.ask().await;
    outcome.assert_whole("all well");
    assert_eq!(outcome.reading.completion.usage, None);
}

#[test]
fn utf8_broken_at_chunk_border() {
    let sabotage = crate::builtin::sabotage::Sabotage::new(&[Defect::Utf8BrokenAtChunkBorder].into());
    let (first, second) = "é".as_bytes().split_at(1);
    let decoded = [first, second].map(|bytes| sabotage.decoder(Framing::Sse)(bytes.to_vec().into()));
    assert_eq!(decoded.concat(), "\u{FFFD}\u{FFFD}".as_bytes());
    assert_eq!(sabotage.decoder(Framing::Sse)("é".into()), "é");
}

#[tokio::test]
async fn end_marks() {
    for api in [CHAT, MESSAGES] {
        let outcome = legs(api, Defect::TerminatorMissing, well(), Play::Silence).await.ask().await;
        let completion = &outcome.reading.completion;
        assert_eq!((outcome.text(), completion.terminator, completion.finishes.len()), ("all well", None, 1));

        let primary = vec![Play::Words(&["one"], Then::Close)];
        let error = |config: &mut Config| config.policy.after_content = AfterContent::Error;
        let outcome = configured(api, Defect::DoneAfterError, primary, vec![rest()], error).await.ask().await;
        assert_eq!((outcome.text(), outcome.error()), ("one", Some(LOST)));
        let body = String::from_utf8_lossy(&outcome.exchange.body()).into_owned();
        assert!(body.contains("[DONE]") || body.contains("message_stop"), "{body}");
    }
}

#[tokio::test]
async fn grammar_broken() {
    for api in [CHAT, MESSAGES] {
        let outcome = legs(api, Defect::GrammarBroken, well(), Play::Silence).await.ask().await;
        assert_eq!(outcome.text(), "all well");
        assert!(!outcome.reading.findings.is_empty());
    }
}

#[tokio::test]
async fn late_events() {
    let outcome = broken(Defect::BufferedStream, rest()).await.ask().await;
    outcome.assert_whole("one two three four five");
    assert_eq!(outcome.exchange.chunks.len(), 1);

    let bench = legs(CHAT, Defect::OneEventLate, Play::Words(&["one", " two"], Then::Stall), Play::Silence).await;
    let mut bench = bench;
    bench.leave = Some(crate::scenario::Leave { at: crate::scenario::At::Texts(1), by: crate::scenario::By::Close });
    assert_eq!(bench.ask().await.progress, "one");
    broken(Defect::OneEventLate, rest()).await.ask().await.assert_whole("one two three four five");
}
