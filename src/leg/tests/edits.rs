//! Legal but odd framings, as they stand on the wire.

use std::io::Write as _;

use flate2::write::GzDecoder;

use super::super::testing::{Client, Got, Left, chat, post, stage};

/// What a leg with this script gives to a client that accepts gzip, or does not.
async fn ask(leg: &str, accept: Option<&str>) -> Got {
    let (legs, session) = stage(&format!("client: openai-chat\nlegs:\n  primary: {leg}\n")).await;
    let mut client = Client::connect(&legs.host(0)).await;
    let mut request = post("/s/primary/v1/chat/completions", &chat("Hello."));
    if let Some(accept) = accept {
        request = request.replacen("host: leg\r\n", &format!("host: leg\r\naccept-encoding: {accept}\r\n"), 1);
    }
    client.write(request).await;
    let got = client.response().await;
    drop(client);
    session.quiet(std::time::Duration::from_millis(20)).await;
    let exchange = session.end_step().remove(0);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains("data: ");
    assert!(exchange.sent.iter().all(|chunk| text(&chunk.data.0)), "the history tells what was said");
    got
}

/// What can be read of each chunk once it is there, and whether the coding ended with the body.
fn unfolded(got: &Got) -> (Vec<String>, bool) {
    let mut coding = GzDecoder::new(Vec::new());
    let chunks = got.chunks.iter().map(|chunk| {
        coding.write_all(chunk).unwrap();
        coding.flush().unwrap();
        String::from_utf8(std::mem::take(coding.get_mut())).unwrap()
    });
    let chunks = chunks.collect();
    (chunks, coding.try_finish().is_ok())
}

#[tokio::test]
async fn gzip_streams_event_by_event_to_those_who_accept_it() {
    let plain = ask("{edits: [gzip]}", None).await;
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(plain.said().split_whitespace().count(), 24);
    assert_eq!(ask("{edits: [gzip]}", Some("gzip;q=0, br")).await.header("content-encoding"), None);

    let got = ask("{edits: [gzip]}", Some("deflate, gzip")).await;
    assert_eq!(got.header("content-encoding"), Some("gzip"));
    assert_eq!((got.header("transfer-encoding"), got.left), (Some("chunked"), Left::Whole));
    assert_eq!(got.body()[..2], [0x1f, 0x8b]);
    let (chunks, ended) = unfolded(&got);
    assert!(ended);
    assert_eq!(chunks.len(), plain.chunks.len());
    assert!(chunks.iter().all(|event| event.starts_with("data: ") && event.ends_with("\n\n")), "{chunks:?}");
    assert!(chunks.last().unwrap().contains("[DONE]"));
}

#[tokio::test]
async fn a_cut_leaves_the_coding_open_with_all_before_it_readable() {
    for (by, left, ended) in [("close", Left::Fin, false), ("reset", Left::Rst, false), ("eof", Left::Whole, true)] {
        let leg = format!("{{edits: [gzip], cut: {{at: {{texts: 5}}, by: {by}}}}}");
        let got = ask(&leg, Some("gzip")).await;
        assert_eq!(got.left, left, "{by}");
        let (chunks, whole) = unfolded(&got);
        assert_eq!(whole, ended, "{by}");
        let mut reader = crate::api::ApiId::OpenaiChat.spoken().unwrap().stream_reader();
        reader.feed(chunks.concat().as_bytes());
        assert_eq!(reader.finish().completion.text.split_whitespace().count(), 5, "{by}");
    }
    // What is announced is more than what comes.
    let got = ask("{edits: [gzip], cut: {at: {texts: 5}, by: content_length}}", Some("gzip")).await;
    let announced: usize = got.header("content-length").unwrap().parse().unwrap();
    assert!(announced > got.body().len() && got.left == Left::Fin);
}

#[tokio::test]
async fn unknown_events_stand_between_those_that_are_known() {
    let plain = ask("{}", None).await;
    let got = ask("{edits: [unknown_event]}", None).await;
    assert_eq!((got.left, got.chunks.len()), (Left::Whole, plain.chunks.len()));
    assert_eq!(got.said(), plain.said());
    let unknown = |chunk: &[u8]| String::from_utf8_lossy(chunk).contains("\"choices\":[],\"heartbeat\":{}}\n\ndata: {");
    assert_eq!(got.chunks.iter().filter(|chunk| unknown(chunk)).count(), 24, "{}", got.text());
    // All at once: each edit does its part.
    let got = ask("{edits: [unknown_event, comments, crlf, gzip]}", Some("gzip")).await;
    let text = unfolded(&got).0.concat();
    assert_eq!(text.matches("\"heartbeat\":{}}\r\n\r\n: keep-alive\r\n\r\n").count(), 24, "{text}");
}
