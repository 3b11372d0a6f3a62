//! What a plan looks like to a client that sees the wire.

use std::time::{Duration, Instant};

use super::super::testing::{Client, Left, stage};
use crate::history::UpstreamEnd;
use crate::progress::Progress;

const SILENCE: Duration = Duration::from_millis(20);

/// Plays a cut and gives what the client got with the record of it.
async fn cut(cut: &str) -> (super::super::testing::Got, crate::history::UpstreamExchange) {
    let yaml = format!("client: openai-chat\nlegs:\n  primary: {{cut: {cut}}}\n  fallback: {{}}\n");
    let (legs, session) = stage(&yaml).await;
    let mut client = Client::connect(&legs.host(0)).await;
    let got = client.ask("primary", "Hello uniquewordx.").await;
    drop(client);
    assert!(session.quiet(SILENCE).await);
    let mut exchanges = session.end_step();
    assert_eq!(exchanges.len(), 1);
    (got, exchanges.remove(0))
}

#[tokio::test]
async fn a_whole_answer_is_one_chunk_for_each_event() {
    let (legs, session) = stage("client: openai-chat\nlegs: {primary: {}}\n").await;
    let mut client = Client::connect(&legs.host(0)).await;
    let got = client.ask("primary", "Hello.").await;
    assert_eq!((got.status, got.left), (200, Left::Whole));
    assert_eq!(got.header("transfer-encoding"), Some("chunked"));
    assert_eq!(got.header("connection"), None);
    assert!(got.header("date").is_some());
    assert!(got.chunks.iter().all(|chunk| chunk.starts_with(b"data: ") && chunk.ends_with(b"\n\n")));
    assert_eq!(got.said().split_whitespace().count(), 24);

    // The socket is ready for the next request, and the same attempt count goes on.
    let again = client.ask("primary", "Hello.").await;
    assert_eq!(again.said(), got.said());
    assert!(session.quiet(SILENCE).await);
    let exchanges = session.end_step();
    assert_eq!(exchanges.iter().map(|exchange| exchange.attempt).collect::<Vec<_>>(), [1, 2]);
    let exchange = &exchanges[0];
    assert_eq!((exchange.status, &exchange.end), (200, &UpstreamEnd::Complete));
    assert_eq!(exchange.said.text, got.said());
    assert_eq!(exchange.said.whole, got.said());
    assert_eq!(exchange.sent.iter().map(|chunk| chunk.data.0.clone()).collect::<Vec<_>>(), got.chunks);
    assert!(exchange.ended_at >= exchange.at);
    assert_eq!(exchange.request.target, "/s/primary/v1/chat/completions");
}

#[tokio::test]
async fn each_break_is_seen_as_what_it_is_with_everything_before_it() {
    for (by, left, end) in [
        ("close", Left::Fin, UpstreamEnd::Cut("close".to_owned())),
        ("reset", Left::Rst, UpstreamEnd::Cut("reset".to_owned())),
        ("eof", Left::Whole, UpstreamEnd::Complete),
        ("error_event", Left::Whole, UpstreamEnd::Complete),
        ("bad_json", Left::Whole, UpstreamEnd::Complete),
        ("stall", Left::Silent, UpstreamEnd::Cut("stall".to_owned())),
    ] {
        let (got, exchange) = cut(&format!("{{at: {{texts: 5}}, by: {by}}}")).await;
        assert_eq!((got.left, &exchange.end), (left, &end), "{by}");
        let words = got.said().split_whitespace().count();
        assert_eq!(words, if by == "bad_json" { 23 } else { 5 }, "{by}: {}", got.text());
        assert_eq!(got.text().contains("\"error\""), by == "error_event", "{by}: {}", got.text());
        assert_eq!(exchange.said.text, got.said(), "{by}");
        assert_eq!(exchange.sent.iter().map(|chunk| chunk.data.0.clone()).collect::<Vec<_>>(), got.chunks, "{by}");
    }
}

#[tokio::test]
async fn effects_that_change_the_stream_are_sent_as_planned() {
    for (by, left, words, end) in [
        ("cut_event", Left::Whole, 5, UpstreamEnd::Complete),
        ("bad_chunk", Left::Garbled, 5, UpstreamEnd::Cut("bad_chunk".to_owned())),
        ("no_terminator", Left::Whole, 24, UpstreamEnd::Complete),
        ("duplicate", Left::Whole, 25, UpstreamEnd::Complete),
        ("drop", Left::Whole, 23, UpstreamEnd::Complete),
        ("oversize", Left::Whole, 24, UpstreamEnd::Complete),
        ("slow", Left::Whole, 24, UpstreamEnd::Complete),
    ] {
        let (got, exchange) = cut(&format!("{{at: {{texts: 5}}, by: {by}}}")).await;
        assert_eq!((got.left, &exchange.end), (left, &end), "{by}");
        assert_eq!(got.said().split_whitespace().count(), words, "{by}: {}", got.text());
        assert_eq!(exchange.said.text, got.said(), "{by}");
        assert_eq!(exchange.sent.iter().map(|chunk| chunk.data.0.clone()).collect::<Vec<_>>(), got.chunks, "{by}");
        let done = matches!(by, "duplicate" | "drop" | "oversize" | "slow");
        assert_eq!(got.text().ends_with("data: [DONE]\n\n"), done, "{by}");
    }
    let (got, _) = cut("{at: {texts: 5}, by: after_terminator}").await;
    assert_eq!(got.left, Left::Whole);
    assert!(
        got.text().split_once("[DONE]").is_some_and(|(_, behind)| behind.contains("\"content\":")),
        "{}",
        got.text()
    );
    let (got, exchange) = cut("{at: {texts: 5}, by: content_length}").await;
    assert_eq!((got.left, got.header("transfer-encoding")), (Left::Fin, None));
    let announced: usize = got.header("content-length").unwrap().parse().unwrap();
    assert!(announced > got.body().len());
    assert_eq!(exchange.said.text, got.said());
}

#[tokio::test]
async fn a_leg_can_fail_before_its_head() {
    for (by, left, end) in
        [("close", Left::Fin, "close"), ("reset", Left::Rst, "reset"), ("stall", Left::Silent, "stall")]
    {
        let (got, exchange) = cut(&format!("{{at: request, by: {by}}}")).await;
        assert_eq!((got.status, got.left, got.head.as_str()), (0, left, ""), "{by}");
        assert_eq!((exchange.status, exchange.end), (0, UpstreamEnd::Cut(end.to_owned())), "{by}");
    }
    let started = Instant::now();
    let (got, exchange) = cut("{at: request, by: {stall: {for: 100ms}}}").await;
    assert!(started.elapsed() >= Duration::from_millis(100));
    assert_eq!((got.status, got.left, exchange.end), (200, Left::Whole, UpstreamEnd::Complete));
}

#[tokio::test]
async fn a_cut_can_stand_behind_the_head_or_inside_an_event() {
    let (got, _) = cut("{at: head, by: close}").await;
    assert_eq!((got.status, got.left, got.body().len()), (200, Left::Fin, 0));
    let (got, exchange) = cut("{at: {bytes: 333}, by: reset}").await;
    assert_eq!((got.left, got.body().len()), (Left::Rst, 333));
    assert_eq!(exchange.end, UpstreamEnd::Cut("reset".to_owned()));
}

#[tokio::test]
async fn a_large_answer_survives_a_reset() {
    let yaml = "client: openai-chat\nlegs: {primary: {answer: long-text, cut: {at: last_content, by: reset}}}\n";
    let (legs, session) = stage(yaml).await;
    let mut client = Client::connect(&legs.host(0)).await;
    let got = client.ask("primary", "Hello.").await;
    assert_eq!(got.left, Left::Rst);
    assert!(session.quiet(SILENCE).await);
    assert_eq!(session.end_step()[0].said.text, got.said());
}

#[tokio::test]
async fn a_reset_waits_for_a_reader_with_little_room() {
    let yaml = "client: openai-chat\nlegs: {primary: {barrier: none, cut: {at: {texts: 20}, by: reset}}}\n";
    let (legs, session) = stage(yaml).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(2_048).unwrap();
    let stream = socket.connect(legs.host(0).parse().unwrap()).await.unwrap();
    let mut client = Client::over(stream);
    client.post("/s/primary/v1/chat/completions", &super::super::testing::chat("Hello.")).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let got = client.response().await;
    assert_eq!((got.left, got.said().split_whitespace().count()), (Left::Rst, 20));
    assert!(session.quiet(SILENCE).await);
}

#[tokio::test]
async fn a_stall_with_an_end_goes_on() {
    let started = Instant::now();
    let (got, exchange) = cut("{at: {texts: 5}, by: {stall: {for: 200ms}}}").await;
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert_eq!((got.left, exchange.end), (Left::Whole, UpstreamEnd::Complete));
    assert_eq!(got.said().split_whitespace().count(), 24);
}

#[tokio::test]
async fn a_pace_is_kept_by_absolute_deadlines() {
    let yaml = "client: openai-chat\nlegs: {primary: {pace: {every: 10ms}}}\n";
    let (legs, session) = stage(yaml).await;
    let mut client = Client::connect(&legs.host(0)).await;
    let got = client.ask("primary", "Hello.").await;
    assert!(session.quiet(SILENCE).await);
    let exchange = session.end_step().remove(0);
    let (first, last) = (exchange.sent[0].at, exchange.sent.last().unwrap().at);
    let expected = 10_000 * (got.chunks.len() as u64 - 1);
    assert!((expected - 2_000..expected + 60_000).contains(&(last - first)), "{} of {expected}", last - first);
}

#[tokio::test]
async fn a_client_that_goes_is_noticed_at_once() {
    for yaml in [
        "client: openai-chat\nlegs: {primary: {cut: {at: {texts: 5}, by: stall}, barrier: none}}\n",
        "client: openai-chat\nlegs: {primary: {answer: long-text, pace: {every: 20ms}}}\n",
    ] {
        for reset in [false, true] {
            let (legs, session) = stage(yaml).await;
            let progress = Progress::default();
            session.begin_step(0, Some(progress.clone()));
            let mut client = Client::connect(&legs.host(0)).await;
            client.patience = Duration::from_millis(150);
            client.post("/s/primary/v1/chat/completions", &super::super::testing::chat("Hello.")).await;
            // That it was asked is told before it answers.
            progress.asked(1).await;
            tokio::time::sleep(Duration::from_millis(150)).await;
            if reset {
                client.stream.set_zero_linger().unwrap();
            }
            let left = Instant::now();
            if reset {
                progress.leave();
            }
            drop(client);
            assert!(session.quiet(Duration::from_millis(1)).await);
            assert!(left.elapsed() < Duration::from_millis(100), "{:?}", left.elapsed());
            let exchange = session.end_step().remove(0);
            // Once the client has left, a stall is no more the reason to go.
            let stalls = yaml.contains("stall") && !reset;
            let end = if stalls { UpstreamEnd::Cut("stall".to_owned()) } else { UpstreamEnd::ProxyGone };
            assert_eq!(exchange.end, end);
            assert!(!exchange.sent.is_empty() && exchange.ended_at >= 150_000);
        }
    }
}
