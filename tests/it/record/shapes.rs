//! Every shape of an answer over HTTP/1.1: handed on byte by byte, recorded, and played again.

use std::io::Write as _;

use super::support::{Left, Recorder, Script, ask, cassettes, connect, post, read_all, read_until, shown, upstream};
use crate::support::free_port;

const BODY: &str = "{\"model\":\"gpt-4o-mini\",\"messages\":[]}";
const SSE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\nX-Odd-CASE: a\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
/// How the head of `CHUNKED` is shown.
const HEAD: &str = r#"1.1 200 ["X-Odd-CASE: a", "Content-Type: text/event-stream", "Transfer-Encoding: chunked"]"#;

/// A shape: its name, what the upstream writes and how it ends, and what the cassette shows.
struct Shape {
    name: &'static str,
    pieces: Vec<Vec<u8>>,
    left: Left,
    shown: String,
    lost: &'static [&'static str],
}

fn shape(name: &'static str, pieces: &[&[u8]], left: Left, shown: impl Into<String>) -> Shape {
    let pieces = pieces.iter().map(|piece| piece.to_vec()).collect();
    Shape { name, pieces, left, shown: shown.into(), lost: &[] }
}

/// `data: hi` through gzip.
const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\x49\x2c\x49\xb4\x52\xc8\xc8\xe4\xe2\x02\x00\xb8\xa4\xcb\xb2\x0a\x00\x00\x00";

fn shapes() -> Vec<Shape> {
    let sse = SSE.as_bytes();
    let chunked = CHUNKED.as_bytes();
    let gzip = [format!("{:x}\r\n", GZIP.len()).as_bytes(), GZIP, b"\r\n0\r\n\r\n"].concat();
    let mut shapes = vec![
        shape(
            "one-event-a-chunk",
            &[chunked, b"9\r\ndata: a\n\n\r\n", b"9\r\ndata: b\n\n\r\n", b"0\r\n\r\n"],
            Left::Open,
            format!(r#"{HEAD} ["data: a\n\n", "data: b\n\n"] [] Complete"#),
        ),
        shape(
            "events-merged-and-split",
            &[chunked, b"12\r\ndata: a\n\ndata: b\n\n\r\n4\r\nda", b"ta\r\n5\r\n: c\n\n\r\n0\r\n\r\n"],
            Left::Open,
            format!(r#"{HEAD} ["data: a\n\ndata: b\n\n", "data", ": c\n\n"] [] Complete"#),
        ),
        shape(
            "all-in-one-write",
            &[&[chunked, b"2\r\nhi\r\n3;x=y\r\n yo\r\n0\r\n\r\n"].concat()],
            Left::Open,
            format!(r#"{HEAD} ["hi", " yo"] [] Complete"#),
        ),
        shape(
            "trailers",
            &[chunked, b"2\r\nhi\r\n0\r\nX-Late: 1\r\nx-later: 2\r\n\r\n"],
            Left::Open,
            format!(r#"{HEAD} ["hi"] ["X-Late: 1", "x-later: 2"] Complete"#),
        ),
        shape(
            "length",
            &[b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Type: application/json\r\n\r\n{\"a\"", b":1}"],
            Left::Open,
            r#"1.1 200 ["Content-Length: 7", "Content-Type: application/json"] ["{\"a\":1}"] [] Complete"#,
        ),
        shape("nothing-between-head-and-end", &[chunked, b"0\r\n\r\n"], Left::Open, format!("{HEAD} [] [] Complete")),
        shape(
            "no-length",
            &[b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{}", b" "],
            Left::Fin,
            r#"1.0 200 ["Content-Type: application/json"] ["{} "] [] Complete"#,
        ),
        shape(
            "interim",
            &[b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"],
            Left::Open,
            r#"1.1 200 ["Content-Length: 2"] ["{}"] [] Complete"#,
        ),
        shape(
            "no-content",
            &[b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"],
            Left::Open,
            r#"1.1 204 ["X: y"] [] [] Complete"#,
        ),
        shape(
            "error",
            &[b"HTTP/1.1 429 Slow Down\r\nretry-after: 7\r\ncontent-length: 12\r\n\r\n{\"error\":{}}"],
            Left::Open,
            r#"1.1 429 ["retry-after: 7", "content-length: 12"] ["{\"error\":{}}"] [] Complete"#,
        ),
        shape("fin-between-chunks", &[chunked, b"2\r\nhi\r\n"], Left::Fin, format!(r#"{HEAD} ["hi"] [] Close"#)),
        shape("fin-at-once", &[chunked], Left::Fin, format!("{HEAD} [] [] Close")),
        shape(
            "fin-inside-length",
            &[b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a\""],
            Left::Fin,
            r#"1.1 200 ["Content-Length: 9"] ["{\"a\""] [] Close"#,
        ),
        shape("reset", &[chunked, b"2\r\nhi\r\n"], Left::Rst, format!(r#"{HEAD} ["hi"] [] Reset"#)),
    ];
    shapes.push(Shape {
        lost: &["the size of the last chunk: 9 bytes, of which 4 came"],
        ..shape("fin-inside-a-chunk", &[chunked, b"9\r\ndata"], Left::Fin, format!(r#"{HEAD} ["data"] [] Close"#))
    });
    shapes.push(shape(
            "gzip",
            &[&[sse, b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"].concat(), &gzip],
            Left::Open,
            format!(
                r#"1.1 200 ["Content-Type: text/event-stream", "Content-Encoding: gzip", "Transfer-Encoding: chunked"] {:?} [] Complete"#,
                [String::from_utf8_lossy(GZIP)]
            ),
        ));
    shapes.push(Shape {
        lost: &["chunk borders: the stream came without chunks, and is cut as it arrived"],
        ..shape(
            "stream-until-close",
            &[&[sse, b"\r\n"].concat(), b"data: a\n\n", b"data: b\n\n"],
            Left::Fin,
            r#"1.1 200 ["Content-Type: text/event-stream"] ["data: a\n\n", "data: b\n\n"] [] Complete"#,
        )
    });
    if let Some(interim) = shapes.iter_mut().find(|shape| shape.name == "interim") {
        interim.lost = &["an interim response with status 103"];
    }
    shapes
}

fn target(name: &str) -> String {
    format!("/v1/chat/completions?shape={name}")
}

fn scripted(target: &str) -> Script {
    let name = target.split("shape=").nth(1).unwrap_or_default();
    let shape = shapes().into_iter().find(|shape| shape.name == name).expect("a shape of that name");
    Script { pieces: shape.pieces, left: shape.left }
}

/// A body out of its chunks, where it has some.
fn body(answer: &[u8]) -> (String, Vec<u8>) {
    let mut end = 0;
    loop {
        let interim = answer[end..].starts_with(b"HTTP/1.1 1");
        end += answer[end..].windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
        if !interim {
            break;
        }
    }
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    if !head.contains("transfer-encoding: chunked") {
        return (head, answer[end..].to_vec());
    }
    let (mut rest, mut all) = (&answer[end..], Vec::new());
    while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = String::from_utf8_lossy(&rest[..at]);
        let size = usize::from_str_radix(size.split(';').next().unwrap_or_default(), 16).unwrap_or(0);
        let to = rest.len().min(at + 2 + size);
        all.extend_from_slice(&rest[at + 2..to]);
        rest = &rest[rest.len().min(to + 2)..];
        if size == 0 {
            break;
        }
    }
    (head, all)
}

#[test]
fn every_shape_is_handed_on_recorded_and_played_again() {
    let address = upstream(scripted);
    let recorder = Recorder::start("shapes", &format!("http://{address}"), &[]);
    for Shape { name, pieces, left, .. } in shapes() {
        let (got, end) = ask(recorder.address, &post(&target(name), BODY));
        assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(&pieces.concat()), "{name}");
        assert_eq!(end, left, "{name}");
    }
    let out = recorder.out.clone();
    let (told, log) = recorder.stop();
    assert_eq!(told.len(), shapes().len(), "{told:#?}\n{log}");

    let found = cassettes(&out);
    for Shape { name, shown: expect, lost, .. } in shapes() {
        let wanted = target(name);
        let (file, cassette) = found
            .iter()
            .find(|(_, cassette)| cassette.exchanges[0].request.target == wanted)
            .unwrap_or_else(|| panic!("{name} was not recorded: {log}"));
        assert_eq!(shown(cassette), expect, "{name} in {file}");
        assert_eq!(cassette.provenance.lost, lost, "{name} in {file}");
        let request = &cassette.exchanges[0].request;
        assert_eq!(request.bytes(), BODY.as_bytes());
        let headers: Vec<_> = request.headers.iter().map(|(name, _)| name).collect();
        assert_eq!(headers, ["Host", "Content-Type", "Content-Length"], "{name}");
        assert_eq!(request.headers.get("host"), Some(address.to_string().as_str()));
    }
    for (file, _) in &found {
        let text = std::fs::read_to_string(out.join(file)).expect("text");
        assert!(!text.contains("sk-live"), "{file}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(out.join(file)).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }

    // Nobody listens there any more: what is answered now was recorded.
    let folder = out.parent().expect("a folder").to_owned();
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let player = Recorder::start_in(&folder, "cassettes", &nobody, &["--mode", "missing"]);
    for Shape { name, pieces, left, .. } in shapes() {
        let (got, end) = ask(player.address, &post(&target(name), BODY));
        let (head, played) = body(&got);
        assert_eq!(
            String::from_utf8_lossy(&played),
            String::from_utf8_lossy(&body(&pieces.concat()).1),
            "{name}: {head}"
        );
        assert_eq!(end, left, "{name}");
    }
    assert_eq!(player.stop().0, Vec::<String>::new());
}

#[test]
fn connections_stay_and_expectations_are_the_upstreams() {
    let address = upstream(|target| {
        let text = |text: &str| text.as_bytes().to_vec();
        let pieces = match target {
            "/v1/chat/completions?expect" => {
                vec![text("HTTP/1.1 100 Continue\r\n\r\n"), text("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")]
            }
            "/v1/chat/completions?head" => vec![text("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")],
            _ => vec![text("HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx")],
        };
        Script { pieces, left: Left::Open }
    });
    let recorder = Recorder::start("connections", &format!("http://{address}/"), &[]);
    let mut stream = connect(recorder.address);
    // This upstream sends 100 without the body, which a length of nothing has.
    let head =
        "POST /v1/chat/completions?expect HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("it is read");
    let got = read_until(&mut stream, b"{}");
    assert!(got.starts_with(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"), "{}", String::from_utf8_lossy(&got));
    stream.write_all(b"HEAD /v1/chat/completions?head HTTP/1.1\r\nHost: x\r\n\r\n").expect("it is read");
    read_until(&mut stream, b"99\r\n\r\n");
    // Two at once, of which neither is an API's.
    let models = "GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(format!("{models}{models}").as_bytes()).expect("it is read");
    let (got, left) = read_all(&mut stream);
    assert_eq!((got.len(), left), (92, Left::Open), "{}", String::from_utf8_lossy(&got));
    let out = recorder.out.clone();
    drop(stream);
    let (told, log) = recorder.stop();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(log.matches("GET /v1/models passes through and is not recorded").count(), 1, "{log}");
    let shown: Vec<_> = cassettes(&out).iter().map(|(_, cassette)| shown(cassette)).collect();
    let expect =
        [r#"1.1 200 ["Content-Length: 2"] ["{}"] [] Complete"#, r#"1.1 200 ["Content-Length: 99"] [] [] Complete"#];
    assert_eq!(shown, expect);
}

#[test]
fn it_is_no_open_proxy() {
    let address = upstream(|_| Script { pieces: vec![b"HTTP/1.1 204 No\r\n\r\n".to_vec()], left: Left::Open });
    let recorder = Recorder::start("refusals", &format!("http://{address}"), &[]);
    let check = |request: &str, status: &str, says: &str| {
        let (got, left) = ask(recorder.address, format!("{request} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        let got = String::from_utf8_lossy(&got);
        assert!(got.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {got}");
        assert!(got.contains(says), "{request}: {got}");
        assert_eq!(left, if status == "204" { Left::Open } else { Left::Fin }, "{request}");
    };
    let alone = format!("\"message\":\"this recorder forwards to http://{address} alone");
    check("CONNECT api.openai.com:443", "405", &alone);
    check("GET http://api.openai.com/v1/models", "403", &alone);
    check(&format!("GET http://{address}/v1/models"), "204", "");
    check("GET /v1/models", "204", "");
    let nobody = Recorder::start("nobody", &format!("http://127.0.0.1:{}", free_port()), &[]);
    let (got, _) = ask(nobody.address, &post("/v1/chat/completions", BODY));
    let got = String::from_utf8_lossy(&got);
    assert!(got.starts_with("HTTP/1.1 502 ") && got.contains("cannot be reached"), "{got}");
    let (told, log) = nobody.stop();
    assert!(told.is_empty() && log.contains("is not recorded: http://127.0.0.1:"), "{told:?} {log}");
}
