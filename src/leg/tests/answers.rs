//! What a leg answers: attempts, refusals, statuses, continuations, cassettes.

use std::sync::Arc;
use std::time::Duration;

use super::super::testing::{Client, Got, Left, binding, case, chat, legs, stage};
use crate::cassette::{
    Cassette, Exchange, How, Provenance, RecordedChunk, RecordedEnd, RecordedRequest, RecordedResponse,
};
use crate::history::{Continuation, UpstreamEnd};
use crate::proxy::LegBy;
use crate::scenario::{AnswerPlan, Millis};

const TWO: &str = "
client: openai-chat
legs:
  primary: {model: anthropic/claude-opus-4-1, cut: {at: {texts: 5}, by: close}}
  fallback: {model: anthropic/claude-opus-4-1}
";

async fn message(client: &mut Client, leg: &str, turns: serde_json::Value) -> Got {
    let body = serde_json::json!({"model": "claude-opus-4-1", "stream": true, "max_tokens": 256, "messages": turns});
    let path = format!("/s/{leg}/v1/messages");
    let request = super::super::testing::post(&path, &body.to_string())
        .replace("authorization: Bearer k", "x-api-key: k\r\nanthropic-version: 2023-06-01");
    client.write(request).await;
    client.response().await
}

/// Asks both legs of [`TWO`], the second with what the first said in a turn made by `turn`.
async fn continued(obeys: &str, turn: impl Fn(&str) -> serde_json::Value) -> (String, Got, Continuation, usize) {
    let yaml = TWO.replace("  fallback: {", &format!("  fallback: {{obeys: {obeys}, "));
    let (legs, session) = stage(&yaml).await;
    let user = serde_json::json!({"role": "user", "content": "Tell me about crossfades."});
    let mut client = Client::connect(&legs.host(0)).await;
    let said = message(&mut client, "primary", serde_json::json!([user])).await.said_by_messages();
    assert_eq!(said.split_whitespace().count(), 5);
    let mut client = Client::connect(&legs.host(0)).await;
    let got = message(&mut client, "fallback", serde_json::json!([user, turn(&said)])).await;
    assert!(session.quiet(Duration::ZERO).await);
    let exchange = session.end_step().remove(1);
    if got.left == Left::Whole && got.status == 200 {
        assert_eq!(exchange.said.text, got.said_by_messages());
    }
    assert!(exchange.continuation != Continuation::None, "not recognised");
    assert!(exchange.said.voice == "primary" || matches!(exchange.continuation, Continuation::Unrecognised { .. }));
    (said, got, exchange.continuation, exchange.said.from)
}

#[tokio::test]
async fn a_prefill_is_continued_with_the_exact_rest_of_the_voice() {
    let assistant = |said: &str| serde_json::json!({"role": "assistant", "content": said});
    let (said, got, continuation, from) = continued("exactly", assistant).await;
    assert_eq!(continuation, Continuation::Prefill { quoted: said.clone() });
    assert_eq!(from, said.chars().count());
    let rest = got.said_by_messages();
    assert!(rest.starts_with(' '), "{rest}");
    assert_eq!(rest.split_whitespace().count(), 19);

    // Inside a word the first delta is what is left of it.
    let short = |said: &str| serde_json::json!({"role": "assistant", "content": said[..said.len() - 2]});
    let (said, got, _, from) = continued("exactly", short).await;
    assert_eq!(from, said.chars().count() - 2);
    assert!(got.said_by_messages().starts_with(&said[said.len() - 2..]));
}

#[tokio::test]
async fn a_quotation_in_a_user_turn_is_continued() {
    let ask = |said: &str| {
        serde_json::json!([{"role": "assistant", "content": said}, {"role": "user", "content": "Weiter."}])[1].clone()
    };
    let (_, _, continuation, _) = continued("exactly", ask).await;
    assert!(matches!(continuation, Continuation::Unrecognised { .. }), "{continuation:?}");
    let ask = |said: &str| serde_json::json!({"role": "user", "content": format!("Mach weiter nach: \"{said}\"")});
    let (said, got, continuation, from) = continued("exactly", ask).await;
    assert_eq!(continuation, Continuation::UserMessage { quoted: said.clone() });
    assert_eq!(from, said.chars().count());
    assert_eq!(got.said_by_messages().split_whitespace().count(), 19);
}

#[tokio::test]
async fn a_leg_can_disobey() {
    let assistant = |said: &str| serde_json::json!({"role": "assistant", "content": said});
    let words = |got: &Got| got.said_by_messages().split_whitespace().count();
    let (said, got, _, from) = continued("starts_over", assistant).await;
    assert_eq!((from, words(&got)), (0, 24));
    assert!(got.said_by_messages().starts_with(&said));
    let (said, got, _, _) = continued("repeats_last_word", assistant).await;
    assert!(got.said_by_messages().starts_with(said.split(' ').next_back().unwrap()));
    assert_eq!(words(&got), 20);
    let (_, got, _, _) = continued("adds_preface", assistant).await;
    assert!(words(&got) > 19);
    let (_, got, _, _) = continued("stops_at_once", assistant).await;
    assert_eq!((got.status, words(&got)), (200, 0));
}

#[tokio::test]
async fn a_model_without_prefill_refuses_in_its_own_words() {
    let yaml =
        TWO.replace("fallback: {model: anthropic/claude-opus-4-1", "fallback: {model: anthropic/claude-sonnet-4-6");
    let (legs, session) = stage(&yaml).await;
    let mut client = Client::connect(&legs.host(0)).await;
    let turns = serde_json::json!([{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "So"}]);
    let body = serde_json::json!({"model": "claude-sonnet-4-6", "stream": true, "max_tokens": 9, "messages": turns});
    let request = super::super::testing::post("/s/fallback/v1/messages", &body.to_string())
        .replace("authorization: Bearer k", "x-api-key: k\r\nanthropic-version: 2023-06-01");
    client.write(request).await;
    let got = client.response().await;
    assert_eq!((got.status, got.left), (400, Left::Whole));
    assert!(got.text().contains("This model does not support assistant message prefill."), "{}", got.text());
    assert!(session.quiet(Duration::ZERO).await);
    let exchange = session.end_step().remove(0);
    assert_eq!((exchange.status, exchange.attempt, exchange.said.text.as_str()), (400, 1, ""));
    assert!(exchange.refused.unwrap().certain);
}

#[tokio::test]
async fn attempts_follow_each_other_and_the_last_stays() {
    let yaml = "
client: openai-chat
legs:
  primary:
    attempts:
      - {status: {code: 429, retry_after: 1500ms}}
      - {cut: {at: {texts: 2}, by: close}}
      - {answer: short-text}
";
    let (legs, session) = stage(yaml).await;
    let ask = async || Client::connect(&legs.host(0)).await.ask("primary", "Hello.").await;
    let limited = ask().await;
    assert_eq!((limited.status, limited.left), (429, Left::Whole));
    assert_eq!((limited.header("retry-after"), limited.header("retry-after-ms")), (Some("2"), Some("1500")));
    assert_eq!(ask().await.left, Left::Fin);
    let third = ask().await;
    assert_eq!((third.left, ask().await.said()), (Left::Whole, third.said()));
    assert!(session.quiet(Duration::ZERO).await);
    let seen: Vec<_> = session.end_step().iter().map(|exchange| (exchange.attempt, exchange.status)).collect();
    assert_eq!(seen, [(1, 429), (2, 200), (3, 200), (4, 200)]);

    // A step begins anew.
    session.begin_step(0, None);
    assert_eq!(ask().await.status, 429);
}

#[tokio::test]
async fn a_unary_request_gets_a_unary_answer_and_can_be_cut_inside() {
    let yaml =
        "client: {api: openai-chat, stream: false}\nlegs: {primary: {}, second: {cut: {at: {bytes: 40}, by: close}}}\n";
    let (legs, session) = stage(yaml).await;
    let body = chat("Hello.").replace("true", "false");
    let mut client = Client::connect(&legs.host(0)).await;
    client.post("/s/primary/v1/chat/completions", &body).await;
    let got = client.response().await;
    assert_eq!((got.status, got.left), (200, Left::Whole));
    let said =
        serde_json::from_slice::<serde_json::Value>(&got.body()).unwrap()["choices"][0]["message"]["content"].clone();
    client.post("/s/second/v1/chat/completions", &body).await;
    let cut = client.response().await;
    assert_eq!((cut.left, cut.body().len()), (Left::Fin, 40));
    assert!(cut.header("content-length").unwrap().parse::<usize>().unwrap() > 40);
    assert!(session.quiet(Duration::ZERO).await);
    let exchanges = session.end_step();
    assert_eq!(said, exchanges[0].said.text);
    assert_eq!(exchanges[1].said.text, "");
}

fn cassette(chunks: &[&[u8]], end: RecordedEnd) -> Cassette {
    let headers = [("Content-Type", "text/event-stream; charset=utf-8"), ("x-request-id", "req_1")];
    let provenance = Provenance {
        how: How::Synthesized,
        source: "a test".to_owned(),
        date: "2026-01-01".to_owned(),
        tool: "a test".to_owned(),
        redacted: Vec::new(),
        lost: Vec::new(),
        sha256: String::new(),
    };
    let request = RecordedRequest {
        method: "POST".to_owned(),
        target: "/v1/chat/completions".to_owned(),
        ..RecordedRequest::default()
    };
    let chunks = chunks.iter().map(|bytes| RecordedChunk::new(Some(Millis(0)), bytes)).collect();
    let response = RecordedResponse {
        status: 200,
        headers: headers.into_iter().collect(),
        chunks,
        end,
        ..RecordedResponse::default()
    };
    let exchanges = vec![Exchange { request, response }];
    Cassette { cassette: 1, summary: None, api: crate::api::ApiId::OpenaiChat, provenance, exchanges }
}

#[tokio::test]
async fn a_cassette_is_replayed_byte_by_byte_with_its_chunk_borders_and_its_end() {
    let chunks: [&[u8]; 5] = [
        b": hello\r\n\r\ndata: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"con",
        b"tent\":\"\"}}]}\n\n",
        b"data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"caf\xc3",
        b"\xa9\"}}]}\n\ndata: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" noir\"}}]}   \n\n",
        b"\xff\xfe half an ev",
    ];
    for (end, left, expect) in [
        (RecordedEnd::Complete, Left::Whole, UpstreamEnd::Complete),
        (RecordedEnd::Close, Left::Fin, UpstreamEnd::Cut("close".to_owned())),
        (RecordedEnd::Reset, Left::Rst, UpstreamEnd::Cut("reset".to_owned())),
    ] {
        let mut played = (*case("client: openai-chat\nlegs: {primary: {}}\n")).clone();
        let cassette = Arc::new(cassette(&chunks, end));
        played.steps[0].legs[0].attempts[0].answer = AnswerPlan::Cassette { path: "c.yaml".to_owned(), cassette };
        let legs = legs(LegBy::Prefix, 1).await;
        let session = legs.begin("s", binding(&Arc::new(played), "uniquewordx"));
        session.begin_step(0, None);
        let mut client = Client::connect(&legs.host(0)).await;
        let got = client.ask("primary", "Hello.").await;
        assert_eq!((&got.chunks, got.left), (&chunks.map(<[u8]>::to_vec).to_vec(), left));
        assert!(got.head.contains("\r\nContent-Type: text/event-stream; charset=utf-8\r\nx-request-id: req_1\r\n"));
        assert!(session.quiet(Duration::ZERO).await);
        let exchange = session.end_step().remove(0);
        assert_eq!((&exchange.end, exchange.said.text.as_str()), (&expect, "café noir"));
        assert!(exchange.said.cassette && exchange.said.voice == "primary");
    }
}
