//! What becomes of recordings that are there, and of exchanges that are open when the recorder ends.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::support::{Left, Recorder, Script, ask, cassettes, connect, post, read_until, shown, upstream};
use crate::support::{crossfade, free_port};

/// An upstream that counts its answers.
fn counting() -> (std::net::SocketAddr, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let answers = Arc::clone(&count);
    let address = upstream(move |_| {
        let n = answers.fetch_add(1, Ordering::Relaxed) + 1;
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Type: application/json\r\n\r\n{n}");
        Script { pieces: vec![answer.into_bytes()], left: Left::Open }
    });
    (address, count)
}

fn answer(recorder: &Recorder, body: &str) -> String {
    let (got, _) = ask(recorder.address, &post("/v1/messages", body));
    String::from_utf8_lossy(&got).chars().last().map(String::from).unwrap_or_default()
}

#[test]
fn what_is_there_is_refused_played_or_recorded_anew() {
    let (address, count) = counting();
    let url = format!("http://{address}");
    let recorder = Recorder::start("modes", &url, &[]);
    let folder = recorder.out.parent().expect("a folder").to_owned();
    assert_eq!(answer(&recorder, r#"{"model": "a", "n": 1}"#), "1");
    assert_eq!(answer(&recorder, r#"{"model": "b"}"#), "2");
    recorder.stop();
    let names = || cassettes(&folder.join("cassettes")).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(), ["anthropic-messages-01-a.yaml", "anthropic-messages-02-b.yaml"]);

    let again =
        crossfade(&folder).args(["record", "--upstream", &url, "--out", "cassettes"]).output().expect("it starts");
    let why = String::from_utf8_lossy(&again.stderr);
    assert_eq!(again.status.code(), Some(2), "{why}");
    assert!(why.contains("`--mode missing` plays what is there"), "{why}");

    let recorder = Recorder::start_in(&folder, "cassettes", &url, &["--mode", "missing"]);
    assert_eq!(answer(&recorder, r#"{"n":1,"model":"a"}"#), "1");
    assert_eq!(answer(&recorder, r#"{"n":2,"model":"a"}"#), "3");
    assert_eq!(count.load(Ordering::Relaxed), 3);
    recorder.stop();
    assert_eq!(names().len(), 3);

    let recorder = Recorder::start_in(&folder, "cassettes", &url, &["--mode", "all"]);
    assert_eq!(answer(&recorder, r#"{"n":1,"model":"a"}"#), "4");
    assert_eq!(answer(&recorder, r#"{"n":1,"model":"a"}"#), "5");
    recorder.stop();
    let found = cassettes(&folder.join("cassettes"));
    let bodies: Vec<_> = found.iter().map(|(name, cassette)| (name.as_str(), shown(cassette))).collect();
    assert_eq!(bodies.len(), 4, "{bodies:#?}");
    for (at, digit) in [(0, "\"4\""), (1, "\"2\""), (2, "\"3\""), (3, "\"5\"")] {
        assert!(bodies[at].1.contains(digit), "{bodies:#?}");
    }
}

#[test]
fn one_file_may_hold_them_all() {
    let (address, _) = counting();
    let url = format!("http://{address}");
    let folder = crate::support::scratch("record-one-file");
    let recorder = Recorder::start_in(&folder, "all.yaml", &url, &[]);
    assert_eq!(answer(&recorder, "{}"), "1");
    assert_eq!(answer(&recorder, "{}"), "2");
    // In another API.
    ask(recorder.address, &post("/v1/chat/completions", "{}"));
    let (told, log) = recorder.stop();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(log.contains("all.yaml holds exchanges in anthropic-messages"), "{log}");
    let found = cassettes(&folder);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1.exchanges.len(), 2);

    let nobody = format!("http://127.0.0.1:{}", free_port());
    let recorder = Recorder::start_in(&folder, "all.yaml", &nobody, &["--mode", "missing"]);
    let played: String = (0..3).map(|_| answer(&recorder, " {} ")).collect();
    assert_eq!(played, "122");
}

#[test]
fn what_is_open_is_kept_as_cut() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let address = upstream(move |_| {
        let mut pieces = vec![head.clone(), b"9\r\ndata: a\n\n\r\n".to_vec()];
        // Then it is silent for longer than this test takes.
        pieces.extend((0..1_000).map(|_| Vec::new()));
        Script { pieces, left: Left::Fin }
    });
    let recorder = Recorder::start("open", &format!("http://{address}"), &[]);
    let open = |target: &str| {
        let mut stream = connect(recorder.address);
        stream.write_all(&post(target, "{}")).expect("it is read");
        read_until(&mut stream, b"data: a\n\n\r\n");
        stream
    };
    // A client that resets the connection has gone for good.
    let left = open("/v1/messages?left");
    rustix::net::sockopt::set_socket_linger(&left, Some(Duration::ZERO)).expect("a socket");
    drop(left);
    let kept = recorder.kept(1);
    assert!(kept[0].contains("lost: the end of the response: the client went away"), "{kept:?}");
    let mut stopped = open("/v1/messages?stopped");
    let out = recorder.out.clone();
    let (told, _) = recorder.stop();
    assert_eq!(super::support::read_all(&mut stopped), (Vec::new(), Left::Fin));
    assert!(told[0].contains("lost: the end of the response: the recorder was stopped"), "{told:?}");
    for (file, cassette) in cassettes(&out) {
        assert!(shown(&cassette).ends_with(r#"["data: a\n\n"] [] Close"#), "{file}: {}", shown(&cassette));
        assert!(file.ends_with("-close.yaml"), "{file}");
    }
}
