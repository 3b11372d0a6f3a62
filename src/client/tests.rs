//! The driver against byte servers on real sockets.

use std::future::Future;

use tokio::net::TcpListener;

use super::*;
use crate::scenario::At;

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

fn ask(addr: SocketAddr) -> Ask {
    Ask {
        addr,
        request: Request {
            method: "POST".to_owned(),
            target: "/v1/chat/completions".to_owned(),
            headers: [("content-type", "application/json")].into_iter().collect(),
            body: Blob::from("{}"),
        },
        api: ApiId::OpenaiChat,
        // These answers are no events; what is said in them is not of interest.
        stream: false,
        leave: None,
        pause: None,
        limit: Duration::from_secs(10),
    }
}

/// Reads the request, then lets `serve` do what it likes.
async fn against<F, S>(serve: S, edit: impl FnOnce(&mut Ask)) -> ClientExchange
where
    F: Future<Output = ()> + Send + 'static,
    S: FnOnce(TcpStream) -> F + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut ask = ask(listener.local_addr().unwrap());
    edit(&mut ask);
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n{}") {
            let mut buffer = [0; 1024];
            let n = socket.read(&mut buffer).await.unwrap();
            assert_ne!(n, 0, "the request came to its end early");
            request.extend_from_slice(&buffer[..n]);
        }
        serve(socket).await;
    });
    let exchange = drive(ask, &Progress::default(), Instant::now()).await;
    server.await.unwrap();
    exchange
}

/// Sends the text, waits a little so that it is read by itself, and closes.
async fn says(text: &'static str, edit: impl FnOnce(&mut Ask)) -> ClientExchange {
    against(
        move |mut socket| async move {
            socket.write_all(text.as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        },
        edit,
    )
    .await
}

fn body(exchange: &ClientExchange) -> String {
    String::from_utf8(exchange.body()).unwrap()
}

#[tokio::test]
async fn a_clean_end_is_complete() {
    let exchange =
        says("HTTP/1.1 500 Fine\r\nX-Odd-Case: a\r\nx-odd-case: b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\n you\r\n0\r\n\r\n", |_| ())
            .await;
    assert!(matches!(&exchange.end, ClientEnd::Broken(why) if why == "a chunk is longer than its size"));
    let exchange =
        says("HTTP/1.1 500 Fine\r\nX-Odd-Case: a\r\nx-odd-case: b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n4\r\n you\r\n0\r\n\r\n", |_| ())
            .await;
    assert_eq!(exchange.end, ClientEnd::Complete);
    assert_eq!(exchange.chunks.iter().map(|chunk| chunk.data.to_text()).collect::<Vec<_>>(), ["hi", " you"]);
    let head = exchange.response.unwrap();
    assert_eq!(head.status, 500);
    assert_eq!(
        head.headers.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        ["X-Odd-Case", "x-odd-case", "Transfer-Encoding"]
    );
    assert!(exchange.request.headers.get("host").is_some());
    assert_eq!(exchange.request.headers.get("content-length"), Some("2"));
}

#[tokio::test]
async fn a_fin_inside_the_chunked_body_is_broken() {
    let exchange = against(
        |mut socket| async move {
            socket.write_all(format!("{CHUNKED}2\r\nhi\r\n").as_bytes()).await.unwrap();
        },
        |_| (),
    )
    .await;
    assert_eq!(body(&exchange), "hi");
    assert_eq!(exchange.end, ClientEnd::Broken("the connection was closed inside the chunked body".to_owned()));
}

#[tokio::test]
async fn a_reset_is_broken() {
    let exchange = against(
        |mut socket| async move {
            socket.write_all(format!("{CHUNKED}2\r\nhi\r\n").as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            socket.set_zero_linger().unwrap();
        },
        |_| (),
    )
    .await;
    assert_eq!(body(&exchange), "hi");
    assert_eq!(exchange.end, ClientEnd::Broken("the connection was reset".to_owned()));
}

#[tokio::test]
async fn a_short_unary_body_is_broken() {
    let exchange = says("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", |_| ()).await;
    assert_eq!(exchange.end, ClientEnd::Broken("the connection was closed after 2 of 9 bytes".to_owned()));
}

#[tokio::test]
async fn silence_ends_at_the_limit() {
    let exchange = against(
        |mut socket| async move {
            socket.write_all(format!("{CHUNKED}2\r\nhi\r\n").as_bytes()).await.unwrap();
            let _ = socket.read(&mut [0; 8]).await;
        },
        |ask| ask.limit = Duration::from_millis(100),
    )
    .await;
    assert_eq!(body(&exchange), "hi");
    assert_eq!(exchange.end, ClientEnd::TimedOut(100));
    assert!(exchange.ended_at >= 100_000);
}

#[tokio::test]
async fn no_answer_is_told() {
    let exchange = says("", |_| ()).await;
    assert_eq!(exchange.end, ClientEnd::NoResponse("the connection was closed before any answer".to_owned()));
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let exchange = drive(ask(free), &Progress::default(), Instant::now()).await;
    assert_eq!(exchange.end, ClientEnd::NoResponse("cannot connect: the connection was refused".to_owned()));
}

/// Leaves after the first two bytes; gives how the server saw that, and how much of the body was read.
async fn leaves(by: By) -> (std::io::Result<usize>, ClientExchange) {
    let (tell, told) = tokio::sync::oneshot::channel();
    let exchange = against(
        |mut socket| async move {
            socket.write_all(format!("{CHUNKED}2\r\nhi\r\n").as_bytes()).await.unwrap();
            tell.send(socket.read(&mut [0; 8]).await).unwrap();
        },
        |ask| ask.leave = Some(Leave { at: At::Bytes(2), by }),
    )
    .await;
    (told.await.unwrap(), exchange)
}

#[tokio::test]
async fn a_client_leaves_by_fin() {
    let (seen, exchange) = leaves(By::Close).await;
    assert_eq!(seen.unwrap(), 0);
    assert_eq!((body(&exchange).as_str(), exchange.end), ("hi", ClientEnd::Left));
}

#[tokio::test]
async fn a_client_leaves_by_rst() {
    let (seen, exchange) = leaves(By::Reset).await;
    assert_eq!(seen.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!((body(&exchange).as_str(), exchange.end), ("hi", ClientEnd::Left));
}

#[tokio::test]
async fn a_client_leaves_at_the_head() {
    let exchange = says(CHUNKED, |ask| ask.leave = Some(Leave { at: At::Head, by: By::Close })).await;
    assert_eq!(exchange.end, ClientEnd::Left);
    assert!(exchange.chunks.is_empty());
}

#[tokio::test]
async fn a_client_leaves_at_a_position_and_tells_what_it_has() {
    const EVENTS: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{}}}\n\n\
        event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
        event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"one\"}}\n\n\
        event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" two\"}}\n\n";
    for (at, events, text) in [
        (At::Head, 0, ""),
        (At::Preamble, 1, ""),
        (At::Events(2), 2, ""),
        (At::Texts(1), 3, "one"),
        (At::Pieces(2), 4, "one two"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut ask = ask(listener.local_addr().unwrap());
        ask.api = ApiId::AnthropicMessages;
        ask.stream = true;
        ask.leave = Some(Leave { at, by: By::Close });
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.write_all(CHUNKED.as_bytes()).await.unwrap();
            for event in EVENTS.split_inclusive("\n\n") {
                tokio::time::sleep(Duration::from_millis(10)).await;
                let _ = socket.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await;
            }
            let _ = socket.read(&mut [0; 1024]).await;
            tokio::time::sleep(Duration::from_secs(5)).await;
        });
        let progress = Progress::default();
        let exchange = drive(ask, &progress, Instant::now()).await;
        assert_eq!(exchange.end, ClientEnd::Left, "{at:?}");
        assert_eq!((exchange.chunks.len(), progress.text().as_str()), (events, text), "{at:?}");
    }
}

#[tokio::test]
async fn a_client_leaves_once_the_legs_are_asked() {
    for by in [By::Close, By::Reset] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut ask = ask(listener.local_addr().unwrap());
        ask.leave = Some(Leave { at: At::Asked(2), by });
        let progress = Progress::default();
        let legs = progress.clone();
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            for _ in 0..2 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                assert!(!legs.has_left());
                legs.ask();
            }
            let mut rest = Vec::new();
            let _ = socket.read_to_end(&mut rest).await;
        });
        let exchange = drive(ask, &progress, Instant::now()).await;
        assert_eq!((&exchange.end, &exchange.response), (&ClientEnd::Left, &None));
        assert!(progress.has_left() && exchange.ended_at >= 100_000);
        server.await.unwrap();
    }
}

#[tokio::test]
async fn a_client_stops_reading_for_a_while_and_gets_everything() {
    let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    let pause = Pause { at: At::Bytes(5), r#for: crate::scenario::Millis(300) };
    let exchange = says(text, |ask| {
        ask.pause = Some(pause);
        // The pause is its own: it does not count.
        ask.limit = Duration::from_millis(250);
    })
    .await;
    assert_eq!((exchange.end.clone(), body(&exchange).as_str()), (ClientEnd::Complete, "hello world"));
    let (from, to) = exchange.paused.expect("it stopped");
    assert!(to - from >= 300_000 && exchange.chunks[0].at <= from && exchange.chunks[1].at >= to, "{from} {to}");
    assert_eq!(says(text, |_| ()).await.paused, None);
}
