//! Proxies that do everything wrong: one clear line, the documented exit code, never green.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use crate::support::{free_port, read_request, run, scratch, server};

/// A whole answer that no provider gave.
const CANNED: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n\
    data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"hello\"},\"finish_reason\":null}]}\n\n\
    data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
    data: [DONE]\n\n";

fn attach(name: &str, proxy: std::net::SocketAddr, legs: u16) -> crate::support::Run {
    let folder = scratch(&format!("{name}-scenario"));
    let file = folder.join("plain.yaml");
    std::fs::write(&file, "client: openai-chat\nlegs: {primary: {}, fallback: {}}\n").expect("it is written");
    let (url, listen) = (format!("http://{proxy}"), format!("127.0.0.1:{legs}"));
    let file = file.to_string_lossy().into_owned();
    run(name, &[&file, "--proxy", &url, "--listen", &listen, "--time-limit", "2s"])
}

fn check(name: &str, proxy: std::net::SocketAddr, legs: u16, code: i32, says: &str) {
    let run = attach(name, proxy, legs);
    assert_eq!(run.code, code, "{}", run.told());
    assert!(run.stdout.contains(says) || run.stderr.contains(says), "{says:?} is missing\n{}", run.told());
    assert!(run.took < Duration::from_secs(30), "{:?}", run.took);
}

#[test]
fn never_calls_us() {
    let proxy = server(|mut stream| {
        if read_request(&mut stream).is_some() {
            let _ = stream.write_all(CANNED.as_bytes());
        }
    });
    check("never-calls", proxy, free_port(), 1, "route.reached");
}

/// Hands every request on to a path of its own in front of the client's.
fn asks_below(path: &'static str, legs: u16) -> std::net::SocketAddr {
    server(move |mut stream| {
        let Some((head, body)) = read_request(&mut stream) else { return };
        let head = head.replacen("POST /", &format!("POST /{path}/"), 1);
        let Ok(mut leg) = TcpStream::connect(("127.0.0.1", legs)) else { return };
        let _ = leg.write_all(head.as_bytes()).and_then(|()| leg.write_all(&body));
        let _ = leg.set_read_timeout(Some(Duration::from_secs(1)));
        let _ = std::io::copy(&mut leg, &mut stream);
    })
}

#[test]
fn calls_the_wrong_leg() {
    let legs = free_port();
    check("wrong-leg", asks_below("fallback", legs), legs, 1, "route.reached");
}

#[test]
fn calls_no_leg() {
    let legs = free_port();
    let says = format!(
        "the proxy asked POST /first/v1/chat/completions, where no leg of a running case is; \
         legs are http://127.0.0.1:{legs}/primary and http://127.0.0.1:{legs}/fallback"
    );
    check("no-leg", asks_below("first", legs), legs, 1, &says);
}

#[test]
fn hangs() {
    let proxy = server(|stream| {
        std::thread::sleep(Duration::from_secs(20));
        drop(stream);
    });
    check("hangs", proxy, free_port(), 1, "hung");
}

#[test]
fn answers_garbage() {
    let proxy = server(|mut stream| {
        let _ = read_request(&mut stream);
        let _ = stream.write_all(b"\x00\xffthis is no HTTP\r\n\r\n");
    });
    check("garbage", proxy, free_port(), 1, "route.reached");
}

#[test]
fn is_not_there() {
    let nobody = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
    check("not-there", nobody, free_port(), 6, "could not be reached");
}

#[test]
fn dies_at_start() {
    let folder = scratch("dies-scenario");
    let file = folder.join("plain.yaml");
    std::fs::write(&file, "client: openai-chat\nlegs: {primary: {}, fallback: {}}\n").expect("it is written");
    let run = run("dies", &[&file.to_string_lossy(), "--proxy", "nginx", "--bin", "/bin/false"]);
    assert_eq!(run.code, 6, "{}", run.told());
}
