//! What the recorder adds to each chunk, against a direct connection and against a plain relay in the same run: what the
//! machine adds to any hop is no work of the recorder.
//!
//! `cargo test --release --test it -- record::delay --nocapture` prints the figures.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::support::{Recorder, connect, post};
use crate::support::{read_request, server, thorough};

const CHUNKS: usize = 200;
const EVERY: Duration = Duration::from_millis(5);

fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Each chunk says when it was written.
fn upstream() -> SocketAddr {
    server(|mut stream| {
        let _ = stream.set_nodelay(true);
        while read_request(&mut stream).is_some() {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
            let _ = stream.write_all(head.as_bytes());
            for _ in 0..CHUNKS {
                std::thread::sleep(EVERY);
                let event = format!("data: {:020}\n\n", now());
                let _ = stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes());
            }
            let _ = stream.write_all(b"0\r\n\r\n");
        }
    })
}

/// A relay that looks at nothing.
fn relay(upstream: SocketAddr) -> SocketAddr {
    server(move |mut client| {
        let mut there = connect(upstream);
        let (mut asks, mut to) = (client.try_clone().expect("a socket"), there.try_clone().expect("a socket"));
        let _ = client.set_nodelay(true);
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut asks, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Write);
        });
        let mut buffer = vec![0; 32 << 10];
        while let Ok(n @ 1..) = there.read(&mut buffer) {
            if client.write_all(&buffer[..n]).is_err() {
                return;
            }
        }
    })
}

/// Microseconds from the upstream's write to our read, of each chunk of one stream.
fn stream(address: SocketAddr) -> Vec<u64> {
    let mut socket = connect(address);
    socket.write_all(&post("/v1/chat/completions", "{}")).expect("it is read");
    let (mut text, mut buffer, mut delays, mut from) = (String::new(), [0; 4096], Vec::new(), 0);
    while !text.ends_with("0\r\n\r\n") {
        let n = socket.read(&mut buffer).expect("more comes");
        let at = now();
        assert!(n > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..n]));
        while let Some(place) = text[from..].find("data: ").filter(|place| text.len() >= from + place + 26) {
            let sent: u64 = text[from + place + 6..from + place + 26].parse().expect("a time");
            delays.push((at - sent) / 1_000);
            from += place + 26;
        }
    }
    assert_eq!(delays.len(), CHUNKS);
    delays
}

fn percentile(delays: &mut [u64], percent: usize) -> u64 {
    delays.sort_unstable();
    delays[(delays.len() * percent / 100).min(delays.len() - 1)]
}

#[test]
fn chunks_are_not_held_up() {
    let upstream = upstream();
    let recorder = Recorder::start("delay", &format!("http://{upstream}"), &[]);
    let relay = relay(upstream);
    let (mut direct, mut relayed, mut through) = (Vec::new(), Vec::new(), Vec::new());
    // In turns, so that what else the machine does meets both.
    for _ in 0..if thorough() { 10 } else { 2 } {
        direct.extend(stream(upstream));
        relayed.extend(stream(relay));
        through.extend(stream(recorder.address));
    }
    let of = |delays: &mut Vec<u64>| [50, 90, 99].map(|percent| percentile(delays, percent));
    let (direct, relayed, through) = (of(&mut direct), of(&mut relayed), of(&mut through));
    let _ = writeln!(
        std::io::stderr(),
        "chunk delay in microseconds, p50/p90/p99: direct {direct:?}, through a relay {relayed:?}, through the recorder \
         {through:?}"
    );
    // Far above what is measured: other tests run at the same time.
    assert!(through[0] < direct[0] + 5_000, "direct {direct:?}, through the recorder {through:?}");
}
