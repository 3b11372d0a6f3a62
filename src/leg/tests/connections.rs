//! Requests as clients may send them.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::testing::{Client, Left, chat, post, stage};

const YAML: &str = "client: openai-chat\nlegs: {primary: {}}\n";
const PATH: &str = "/s/primary/v1/chat/completions";

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let (legs, session) = stage(YAML).await;
    let mut client = Client::connect(&legs.host(0)).await;
    let three = [post(PATH, &chat("One.")), post("/s/primary/v1/nothing", "{}"), post(PATH, &chat("Three."))].concat();
    let (now, later) = three.split_at(three.len() - 20);
    client.write(now).await;
    assert_eq!(client.response().await.status, 200);
    client.write(later).await;
    assert_eq!(client.response().await.status, 404);
    let third = client.response().await;
    assert_eq!((third.status, third.left), (200, Left::Whole));
    assert!(session.quiet(Duration::ZERO).await);
    let bodies: Vec<_> = session.end_step().iter().map(|exchange| exchange.request.body.to_text()).collect();
    assert_eq!(bodies, [chat("One."), "{}".to_owned(), chat("Three.")]);
}

#[tokio::test]
async fn chunked_bodies_and_expectations_are_read() {
    let (legs, session) = stage(YAML).await;
    let mut client = Client::connect(&legs.host(0)).await;
    let body = chat("Chunked.");
    let (a, b) = body.split_at(7);
    client
        .write(format!(
            "POST {PATH} HTTP/1.1\r\nhost: leg\r\nauthorization: Bearer k\r\nexpect: 100-continue\r\n\
             transfer-encoding: chunked\r\n\r\n"
        ))
        .await;
    let go = client.response_head().await;
    assert_eq!(go, "HTTP/1.1 100 Continue\r\n\r\n");
    client.write(format!("{:x}\r\n{a}\r\n{:x}\r\n{b}\r\n0\r\n\r\n", a.len(), b.len())).await;
    let got = client.response().await;
    assert_eq!((got.status, got.left), (200, Left::Whole));
    assert!(session.quiet(Duration::ZERO).await);
    assert_eq!(session.end_step()[0].request.body.to_text(), body);
}

#[tokio::test]
async fn an_old_client_gets_a_body_until_close() {
    let (legs, _session) = stage(YAML).await;
    let mut client = Client::connect(&legs.host(0)).await;
    let request = post(PATH, &chat("Old.")).replace("HTTP/1.1", "HTTP/1.0");
    client.write(request).await;
    let got = client.response().await;
    assert_eq!((got.status, got.left), (200, Left::Fin));
    assert_eq!((got.header("transfer-encoding"), got.header("content-length")), (None, None));
    assert_eq!(got.said().split_whitespace().count(), 24);
}

#[tokio::test]
async fn a_client_that_asks_for_close_gets_the_whole_answer_and_then_the_close() {
    let (legs, _session) = stage(YAML).await;
    let mut client = Client::connect(&legs.host(0)).await;
    let request = post(PATH, &chat("Close.")).replace("host: leg", "host: leg\r\nconnection: close");
    client.write(request).await;
    let got = client.response().await;
    assert_eq!((got.left, got.header("connection")), (Left::Whole, None));
    assert_eq!(client.response().await.left, Left::Fin);
}

#[tokio::test]
async fn an_oversize_body_is_refused_without_being_read() {
    let (legs, session) = stage(YAML).await;
    for framing in ["content-length: 40000000", "transfer-encoding: chunked"] {
        let mut client = Client::connect(&legs.host(0)).await;
        client.patience = Duration::from_secs(5);
        client.write(format!("POST {PATH} HTTP/1.1\r\nhost: leg\r\n{framing}\r\n\r\n")).await;
        if framing.starts_with("transfer") {
            let (mut reader, mut writer) = client.stream.into_split();
            let sender = tokio::spawn(async move {
                let chunk = [b"100000\r\n".to_vec(), vec![b'a'; 1 << 20], b"\r\n".to_vec()].concat();
                for _ in 0..33 {
                    if writer.write_all(&chunk).await.is_err() {
                        return;
                    }
                }
            });
            let mut bytes = Vec::new();
            let _ = reader.read_to_end(&mut bytes).await;
            assert!(bytes.starts_with(b"HTTP/1.1 413 "), "{}", String::from_utf8_lossy(&bytes));
            sender.await.unwrap();
        } else {
            let got = client.response().await;
            assert_eq!((got.status, got.left), (413, Left::Whole));
            assert_eq!(client.response().await.left, Left::Fin);
        }
    }
    assert!(session.quiet(Duration::ZERO).await);
    assert_eq!(session.end_step().len(), 2);
}

#[tokio::test]
async fn a_client_that_never_finishes_its_request_is_no_request() {
    let (legs, session) = stage(YAML).await;
    let mut client = Client::connect(&legs.host(0)).await;
    client.write(format!("POST {PATH} HTTP/1.1\r\nhost: leg\r\ncontent-length: 99\r\n\r\nabc")).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    drop(client);
    assert!(session.quiet(Duration::from_millis(20)).await);
    assert!(session.end_step().is_empty());
}

#[tokio::test]
async fn side_calls_and_wrong_paths_get_the_vendors_answer() {
    let yaml = "client: openai-chat\nlegs: {primary: {}, fallback: {model: anthropic/claude-sonnet-4-5}}\n";
    let (legs, session) = stage(yaml).await;
    let mut client = Client::connect(&legs.host(0)).await;
    let mut check = async |method: &str, path: &str, status: u16, part: &str| {
        let body = if method == "GET" { "" } else { "{}" };
        client.write(post(path, body).replace("POST", method)).await;
        let got = client.response().await;
        assert_eq!((got.status, got.left), (status, Left::Whole), "{method} {path}");
        assert!(got.text().contains(part), "{method} {path}: {}", got.text());
    };
    check("GET", "/s/primary/v1/models", 200, r#""id":"gpt-4o-mini""#).await;
    check("GET", "/s/fallback/v1/models?limit=1", 200, r#""first_id":"claude-sonnet-4-5""#).await;
    check("POST", "/s/fallback/v1/messages/count_tokens", 200, r#""input_tokens""#).await;
    check("POST", "/s/primary/v1/chat/completions/render", 200, "{}").await;
    check("POST", "/s/primary/v2/chat", 404, "Invalid URL (POST /v2/chat)").await;
    check("POST", "/s/fallback/v1/chat/completions", 404, "not_found_error").await;
    check("GET", "/s/fallback/v1/messages", 405, "Method Not Allowed").await;
    assert!(session.quiet(Duration::ZERO).await);
    let exchanges = session.end_step();
    let side: Vec<_> = exchanges.iter().map(|exchange| exchange.side_call).collect();
    assert_eq!(side, [true, true, true, true, false, false, false]);
    assert!(exchanges.iter().all(|exchange| exchange.attempt == 0));
}
