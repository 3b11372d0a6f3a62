//! A recorder that is killed leaves whole files, and many clients at a time do not disturb each other.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::time::Duration;

use super::support::{Left, PAUSE, Recorder, Script, cassettes, connect, post, read_until, upstream};
use crate::support::{scratch, thorough};

/// A stream that says its query again in each of its chunks.
fn echo(chunks: usize) -> std::net::SocketAddr {
    upstream(move |target| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        let word = target.split('?').nth(1).unwrap_or_default();
        let chunk = |n: usize| {
            let event = format!("data: {word} {n}\n\n");
            format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()
        };
        let mut pieces: Vec<Vec<u8>> = (0..chunks).map(chunk).collect();
        pieces[0].splice(0..0, head.bytes());
        pieces.last_mut().expect("a chunk").extend_from_slice(b"0\r\n\r\n");
        Script { pieces, left: Left::Open }
    })
}

/// Numbers that look drawn, the same each time.
fn drawn(seed: u64) -> u64 {
    let mixed = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33
}

#[test]
fn killed_at_any_moment_it_leaves_whole_files() {
    let url = format!("http://{}", echo(3));
    let rounds = if thorough() { 200 } else { 20 };
    let (mut told, mut parts) = (0, 0);
    for round in 0..rounds {
        let folder = scratch("record-kill");
        let out = if round % 4 == 3 { "all.yaml" } else { "cassettes" };
        let recorder = Recorder::start_in(&folder, out, &url, &[]);
        let address = recorder.address;
        let clients: Vec<_> = (0..6)
            .map(|client| {
                std::thread::spawn(move || {
                    let mut stream = connect(address);
                    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a socket");
                    for n in 0.. {
                        let request = post(&format!("/v1/chat/completions?{client}-{n}"), "{}");
                        let mut buffer = [0; 4096];
                        let mut end = Vec::new();
                        if stream.write_all(&request).is_err() {
                            return;
                        }
                        while !end.ends_with(b"0\r\n\r\n") {
                            match stream.read(&mut buffer) {
                                Ok(n @ 1..) => end.extend_from_slice(&buffer[..n]),
                                _ => return,
                            }
                        }
                    }
                })
            })
            .collect();
        // However busy the machine is: too quick a death would prove nothing.
        let mut lines = recorder.kept(1);
        std::thread::sleep(Duration::from_micros(drawn(round) % 150_000));
        lines.extend(recorder.kill());
        for client in clients {
            client.join().expect("a client");
        }
        let whole = if out == "all.yaml" { folder.clone() } else { folder.join(out) };
        // Loading panics where a file is not whole.
        let found = cassettes(&whole);
        let files: BTreeSet<_> = found.iter().map(|(name, _)| name.as_str()).collect();
        for line in &lines {
            let file = line.split_whitespace().next().unwrap_or_default();
            let name = file.rsplit('/').next().unwrap_or_default();
            assert!(files.contains(name), "round {round}: {name} was told, but is not there: {files:?}");
        }
        let exchanges: usize = found.iter().map(|(_, cassette)| cassette.exchanges.len()).sum();
        assert!(exchanges >= lines.len(), "round {round}: {exchanges} of {} exchanges", lines.len());
        for (name, cassette) in &found {
            for exchange in &cassette.exchanges {
                assert_eq!(exchange.response.chunks.len(), 3, "round {round}: {name}");
            }
        }
        told += lines.len();
        parts += std::fs::read_dir(&whole)
            .expect("the folder is there")
            .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().ends_with(".part")))
            .count();
    }
    let _ = writeln!(std::io::stderr(), "killed {rounds} times: {told} exchanges told and there, {parts} parts left");
}

#[test]
fn two_hundred_at_a_time_are_all_right() {
    const CLIENTS: usize = 200;
    let recorder = Recorder::start("parallel", &format!("http://{}", echo(20)), &[]);
    let address = recorder.address;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            std::thread::spawn(move || {
                let mut stream = connect(address);
                stream.write_all(&post(&format!("/v1/chat/completions?client-{client}"), "{}")).expect("it is read");
                let got = read_until(&mut stream, b"0\r\n\r\n");
                assert_eq!(String::from_utf8_lossy(&got).matches(&format!("data: client-{client} ")).count(), 20);
            })
        })
        .collect();
    for client in clients {
        client.join().expect("a client got its answer");
    }
    recorder.kept(CLIENTS);
    let found = cassettes(&recorder.out);
    assert_eq!(found.len(), CLIENTS);
    let mut seen = BTreeSet::new();
    for (file, cassette) in &found {
        let exchange = &cassette.exchanges[0];
        let word = exchange.request.target.split('?').nth(1).unwrap_or_default().to_owned();
        assert_eq!(exchange.response.chunks.len(), 20, "{file}");
        for (n, chunk) in exchange.response.chunks.iter().enumerate() {
            assert_eq!(chunk.bytes(), format!("data: {word} {n}\n\n").into_bytes(), "{file}");
        }
        let time: u64 = exchange.response.chunks.iter().filter_map(|chunk| chunk.after).map(|after| after.0).sum();
        assert!(u128::from(time) >= PAUSE.as_millis() * 19, "{file}: {time} ms");
        seen.insert(word);
    }
    assert_eq!(seen.len(), CLIENTS);
}
