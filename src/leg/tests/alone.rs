//! Legs without a runner.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::super::testing::{Client, Got, Left, case, chat, free};
use super::super::{ServeConfig, Serving, serve};
use crate::answer::Library;
use crate::rules::RuleBook;
use crate::scenario::Case;

async fn alone(case: Option<Arc<Case>>) -> (Serving, String) {
    let library = Library::bundled();
    let names = ["text", "short-text", "tool-call"];
    let answers = names.map(|name| (name.to_owned(), library.answer(name).unwrap()));
    let rules = Arc::new(RuleBook::bundled().clone());
    let config = ServeConfig {
        listen: free(),
        transport: super::super::Transport::default(),
        case,
        answers: BTreeMap::from(answers),
        rules,
        key: None,
        seed: 1,
    };
    let serving = serve(config).await.unwrap();
    let host = serving.urls[0].0.strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
    (serving, host)
}

#[tokio::test]
async fn the_same_request_gets_the_same_words_under_ids_of_its_own() {
    let (_serving, host) = alone(None).await;
    let mut client = Client::connect(&host).await;
    let mut seen = HashSet::new();
    let first = post(&mut client, "/text/v1/chat/completions").await;
    // From the third on, answers are made of the first; a second that begins in between begins anew.
    for _ in 0..10 {
        let again = post(&mut client, "/text/v1/chat/completions").await;
        assert_eq!((again.said(), again.chunks.len()), (first.said(), first.chunks.len()));
        let lengths = |got: &Got| got.chunks.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(&again), lengths(&first));
        let text = again.text();
        let ids: HashSet<&str> = text.split("\"id\":\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(ids.len(), 1, "one id in all events: {ids:?}");
        assert!(ids.iter().all(|id| id.starts_with("chatcmpl-") && id.len() == 38 && seen.insert((*id).to_owned())));
        assert!(seen.insert(again.header("x-request-id").unwrap().to_owned()));
    }
    let other = post(&mut client, "/short-text/v1/chat/completions").await;
    assert_ne!(other.said(), first.said());
    client.post("/text/v1/chat/completions", "{").await;
    assert_eq!(client.response().await.status, 400);
    let again = post(&mut client, "/text/v1/chat/completions").await;
    assert_eq!(again.said(), first.said());
}

#[tokio::test]
async fn requests_that_repeat_are_judged_each() {
    let (_serving, host) = alone(None).await;
    let mut client = Client::connect(&host).await;
    let refused = chat("Hello.").replace("gpt-4o-mini", "o3-mini").replace("\"max_tokens\":256", "\"temperature\":0.2");
    for _ in 0..5 {
        client.post("/text/v1/chat/completions", &refused).await;
        assert_eq!(client.response().await.status, 400);
        assert_eq!(post(&mut client, "/text/v1/chat/completions").await.status, 200);
    }
}

#[tokio::test]
async fn every_api_repeats_streams_that_its_clients_can_read() {
    let (_serving, host) = alone(None).await;
    for answer in ["text", "tool-call"] {
        for (path, body) in [
            (
                "/v1/chat/completions",
                r#"{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"Hi."}]}"#,
            ),
            ("/v1/responses", r#"{"model":"gpt-4o-mini","stream":true,"input":"Hi."}"#),
            (
                "/v1/messages",
                r#"{"model":"claude-sonnet-4-5","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"Hi."}]}"#,
            ),
            (
                "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
                r#"{"contents":[{"role":"user","parts":[{"text":"Hi."}]}]}"#,
            ),
            (
                "/model/anthropic.claude-sonnet-4-5-20250929-v1:0/converse-stream",
                r#"{"messages":[{"role":"user","content":[{"text":"Hi."}]}]}"#,
            ),
        ] {
            let api = crate::api::ApiId::of_path(path.split('?').next().unwrap()).unwrap();
            let mut client = Client::connect(&host).await;
            let request = super::super::testing::post(&format!("/{answer}{path}"), body).replace(
                "authorization: Bearer k",
                "authorization: Bearer k\r\nx-api-key: k\r\nx-goog-api-key: k\r\nanthropic-version: 2023-06-01",
            );
            let mut bodies = HashSet::new();
            for _ in 0..5 {
                client.write(&request).await;
                let got = client.response().await;
                assert_eq!((got.status, got.left), (200, Left::Whole), "{answer}{path}: {}", got.text());
                let mut reader = api.stream_reader();
                reader.feed(&got.body());
                let read = reader.finish();
                assert!(read.findings.is_empty(), "{answer}{path}: {:?}", read.findings);
                bodies.insert(got.body());
            }
            let ids = bodies.len() == 5 || api.id() == crate::api::ApiId::BedrockConverse;
            assert!(ids, "{answer}{path}: {} bodies differ", bodies.len());
        }
    }
}

async fn post(client: &mut Client, path: &str) -> Got {
    client.post(path, &chat("Hello.")).await;
    client.response().await
}

#[tokio::test]
async fn every_answer_is_served_under_every_fault_in_every_api() {
    let (serving, host) = alone(None).await;
    assert_eq!(serving.urls[0].0, format!("http://{host}/short-text"));
    let mut client = Client::connect(&host).await;
    let text = post(&mut client, "/text/v1/chat/completions").await;
    assert_eq!((text.status, text.left, text.said().split_whitespace().count()), (200, Left::Whole, 24));
    assert!(text.text().contains("gpt-4o-mini"));
    let broken = post(&mut client, "/text/error_event@texts:5/v1/chat/completions").await;
    assert_eq!(broken.said().split_whitespace().count(), 5);
    assert!(text.said().starts_with(&broken.said()));
    let closed = post(&mut Client::connect(&host).await, "/text/close@texts:5/v1/chat/completions").await;
    assert_eq!((closed.left, closed.said()), (Left::Fin, broken.said()));
    assert_eq!(post(&mut client, "/text/status:503/v1/chat/completions").await.status, 503);

    let body = chat("Hello.").replace("gpt-4o-mini", "claude-sonnet-4-5");
    let request = super::super::testing::post("/text/v1/messages", &body)
        .replace("authorization: Bearer k", "x-api-key: k\r\nanthropic-version: 2023-06-01");
    client.write(request).await;
    let message = client.response().await;
    assert_eq!((message.status, message.said_by_messages()), (200, text.said()));
    assert!(message.text().contains("claude-sonnet-4-5"));

    let example = serving.urls.last().unwrap().0.strip_prefix(&format!("http://{host}")).unwrap().to_owned();
    let shown = post(&mut Client::connect(&host).await, &format!("{example}/v1/chat/completions")).await;
    assert_eq!((shown.status, shown.left), (200, Left::Fin), "the example that is shown holds: {example}");
    let ids =
        |got: &Got| (got.header("x-request-id").map(str::to_owned), got.text().split('"').nth(3).map(str::to_owned));
    let again = post(&mut Client::connect(&host).await, "/text/v1/chat/completions").await;
    assert_eq!(again.said(), text.said(), "the words are those of the seed");
    assert_ne!(ids(&again), ids(&text), "the ids are those of the request, on another connection too");
    client.write(format!("GET /text/v1/models HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
    let models = client.response().await;
    assert!(models.text().contains(r#""id":"gpt-4o-mini""#), "a model of the vendor is listed");
    assert!(models.header("x-request-id").is_some(), "the headers are the vendor's");
    client.write(format!("GET /text/v1/models/gpt-4o HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
    assert!(client.response().await.text().starts_with(r#"{"id":"gpt-4o""#), "whichever is asked of is there");

    for (path, part) in [
        ("/text/close@texts:500/v1/chat/completions", "past the end"),
        ("/text/explode@head/v1/chat/completions", "no effect is called `explode`"),
        ("/nothing/v1/chat/completions", "nothing is served at /nothing; base URLs end in /"),
    ] {
        let got = post(&mut client, path).await;
        assert_eq!((got.status, got.text().contains(part)), (404, true), "{path}: {}", got.text());
    }
}

#[tokio::test]
async fn a_case_is_played_from_its_first_attempt_on_each_connection() {
    let yaml = "
client: openai-chat
legs:
  primary: {attempts: [{status: {code: 503}}, {cut: {at: {texts: 2}, by: eof}}]}
  fallback: {}
";
    let (serving, host) = alone(Some(case(yaml))).await;
    let urls: Vec<_> = serving.urls.iter().map(|(url, _)| url.clone()).collect();
    assert_eq!(urls, [format!("http://{host}/primary"), format!("http://{host}/fallback")]);
    for _ in 0..2 {
        let mut client = Client::connect(&host).await;
        assert_eq!(post(&mut client, "/primary/v1/chat/completions").await.status, 503);
        let cut = post(&mut client, "/primary/v1/chat/completions").await;
        assert_eq!((cut.left, cut.said().split_whitespace().count()), (Left::Whole, 2));
        assert_eq!(post(&mut client, "/fallback/v1/chat/completions").await.status, 200);
        assert_eq!(post(&mut client, "/other/v1/chat/completions").await.status, 404);
    }
    let wrong = post(&mut Client::connect(&host).await, "/v1/chat/completions").await;
    assert!(
        wrong.text().contains("nothing is served at /v1; base URLs end in /primary, /fallback"),
        "{}",
        wrong.text()
    );
    drop(serving);
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    assert!(tokio::net::TcpStream::connect(&host).await.is_err());
}
