//! TLS and HTTP/2 to the upstream: the legs play it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use super::support::{Left, Recorder, ask, cassettes, post, shown};
use crate::support::{crossfade, scratch};

const BODY: &str = r#"{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;

/// `crossfade serve --tls`, killed with the test.
struct Legs {
    child: Child,
    url: String,
    ca: String,
}

impl Legs {
    fn start(name: &str, more: &[&str]) -> Self {
        let folder = scratch(&format!("record-{name}-legs"));
        let mut child = crossfade(&folder)
            .args(["serve", "--tls", "--ca", "ca.pem", "--seed", "7"])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it tells its address");
        let url = line.split('/').take(3).collect::<Vec<_>>().join("/");
        Self { child, url, ca: folder.join("ca.pem").to_string_lossy().into_owned() }
    }
}

impl Drop for Legs {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn check(name: &str, serve: &[&str], http: &str, path: &str, left: Left, end: &str, lost: &[&str]) {
    let legs = Legs::start(name, serve);
    let url = format!("{}/{path}", legs.url);
    let recorder = Recorder::start(name, &url, &["--ca", &legs.ca]);
    let (got, ended) = ask(recorder.address, &post("/v1/chat/completions", BODY));
    let got = String::from_utf8_lossy(&got).into_owned();
    assert!(got.starts_with("HTTP/1.1 200 OK\r\n"), "{got}");
    assert_eq!(ended, left, "{name}: {got}");
    recorder.kept(1);
    let (file, cassette) = cassettes(&recorder.out).remove(0);
    let response = &cassette.exchanges[0].response;
    assert_eq!(response.http.as_deref(), Some(http), "{file}");
    assert_eq!(cassette.provenance.lost, lost, "{file}");
    assert!(shown(&cassette).ends_with(end), "{file}: {}", shown(&cassette));
    assert_eq!(cassette.exchanges[0].request.target, format!("/{path}/v1/chat/completions"));
    // Each event is a chunk of its own, as the legs write them, and the client got each as one.
    assert!(response.chunks.len() >= 5, "{}", shown(&cassette));
    let mut rest = got.as_str();
    for chunk in &response.chunks {
        let text = String::from_utf8(chunk.bytes()).expect("text");
        assert!(text.starts_with("data: ") && text.ends_with("\n\n") && text.matches("\n\n").count() == 1, "{text}");
        let framed = format!("\r\n{:x}\r\n{text}", text.len());
        let at = rest.find(&framed).unwrap_or_else(|| panic!("{framed:?} not in {rest:?}"));
        rest = &rest[at + framed.len()..];
    }
}

#[test]
fn over_tls_in_http1() {
    check("tls", &[], "1.1", "text", Left::Open, "Complete", &[]);
    check("tls-close", &[], "1.1", "text/close@texts:5", Left::Fin, "Close", &[]);
    check("tls-reset", &[], "1.1", "text/reset@texts:5", Left::Rst, "Reset", &[]);
}

#[test]
fn over_tls_in_http2() {
    let http2 = &["--http2"];
    check("h2", http2, "2", "text", Left::Open, "Complete", &[]);
    check("h2-close", http2, "2", "text/close@texts:5", Left::Fin, "Close", &[]);
    check("h2-reset", http2, "2", "text/reset@texts:5", Left::Rst, "Reset", &[]);
    let reset = &["that the stream ended by RST_STREAM INTERNAL_ERROR: kept as a reset"];
    check("h2-rst-stream", http2, "2", "text/rst_stream@texts:5", Left::Rst, "Reset", reset);
    check("h2-goaway", http2, "2", "text/goaway@texts:5", Left::Fin, "Close", &[]);
}

#[test]
fn nobody_is_trusted_who_is_not_vouched_for() {
    let legs = Legs::start("untrusted", &[]);
    let recorder = Recorder::start("untrusted", &legs.url, &[]);
    let (got, _) = ask(recorder.address, &post("/v1/chat/completions", BODY));
    let got = String::from_utf8_lossy(&got).into_owned();
    assert!(got.starts_with("HTTP/1.1 502 ") && got.contains("invalid peer certificate"), "{got}");
}
