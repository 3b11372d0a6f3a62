//! A recorder that runs, upstreams that write what they are told, and a client that reads every byte.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crossfade::cassette::{Cassette, RecordedChunk, load};

use crate::support::{crossfade, read_request, scratch, server};

/// `crossfade record`, killed with the test.
pub(super) struct Recorder {
    child: Child,
    pub(super) address: SocketAddr,
    pub(super) out: PathBuf,
    lines: mpsc::Receiver<String>,
}

impl Recorder {
    /// Records `upstream` into a fresh folder of this name.
    pub(super) fn start(name: &str, upstream: &str, more: &[&str]) -> Self {
        let folder = scratch(&format!("record-{name}"));
        Self::start_in(&folder, "cassettes", upstream, more)
    }

    /// The same into what is there.
    pub(super) fn start_in(folder: &Path, out: &str, upstream: &str, more: &[&str]) -> Self {
        let mut child = crossfade(folder)
            .args(["record", "--upstream", upstream, "--out", out])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let (tell, lines) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let mut address = None;
        while let Ok(line) = lines.recv_timeout(Duration::from_secs(20)) {
            if let Some((_, url)) = line.split_once(" at http://") {
                address = url.parse().ok();
            }
            if line.starts_with("Ctrl-C") {
                break;
            }
        }
        let Some(address) = address else {
            let _ = child.kill();
            let output = child.wait_with_output().expect("it has ended");
            panic!("it never listened: {}", String::from_utf8_lossy(&output.stderr));
        };
        Self { child, address, out: folder.join(out), lines }
    }

    /// The next files that it says it has written.
    pub(super) fn kept(&self, count: usize) -> Vec<String> {
        let next = || self.lines.recv_timeout(Duration::from_secs(20)).expect("a file is told");
        (0..count).map(|_| next()).collect()
    }

    /// SIGKILL; gives every line that it had told.
    pub(super) fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it has ended");
        self.lines.iter().collect()
    }

    /// SIGTERM; gives what it told on stdout and stderr.
    pub(super) fn stop(mut self) -> (Vec<String>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill is there").success());
        let mut stderr = String::new();
        self.child.stderr.take().expect("piped").read_to_string(&mut stderr).expect("text");
        let status = self.child.wait().expect("it has ended");
        assert_eq!(status.code(), Some(0), "{stderr}");
        (self.lines.iter().collect(), stderr)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The cassettes of a folder by file name; nothing else lies there but the schema.
pub(super) fn cassettes(folder: &Path) -> Vec<(String, Cassette)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it is readable").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push((name, load(&path).unwrap_or_else(|error| panic!("{error}"))));
        } else {
            let is_part = path.extension().is_some_and(|extension| extension == "part");
            let part = name.starts_with(".crossfade-") && is_part;
            assert!(name == "cassette.schema.json" || part, "{name}");
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

/// What a cassette's first exchange shows, in a line.
pub(super) fn shown(cassette: &Cassette) -> String {
    let response = &cassette.exchanges[0].response;
    let text = |chunk: &RecordedChunk| String::from_utf8_lossy(&chunk.bytes()).into_owned();
    let chunks: Vec<_> = response.chunks.iter().map(text).collect();
    let pairs: Vec<_> = response.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let trailers: Vec<_> = response.trailers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let http = response.http.as_deref().unwrap_or("?");
    format!("{http} {} {pairs:?} {chunks:?} {trailers:?} {:?}", response.status, response.end)
}

/// How a connection ended, as its reader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    Open,
    Fin,
    Rst,
}

/// What an upstream does once it has the request.
#[derive(Clone, Debug)]
pub(super) struct Script {
    /// Pieces, each written at once, with a pause behind it.
    pub(super) pieces: Vec<Vec<u8>>,
    pub(super) left: Left,
}

/// The pause behind each piece.
pub(super) const PAUSE: Duration = Duration::from_millis(15);

/// An upstream that plays the script to which a request's target leads.
pub(super) fn upstream(script: impl Fn(&str) -> Script + Send + Sync + 'static) -> SocketAddr {
    server(move |mut stream| {
        let _ = stream.set_nodelay(true);
        while let Some((head, _)) = read_request(&mut stream) {
            let Script { pieces, left } = script(head.split(' ').nth(1).unwrap_or_default());
            for piece in pieces {
                if stream.write_all(&piece).is_err() {
                    return;
                }
                std::thread::sleep(PAUSE);
            }
            match left {
                Left::Open => {}
                Left::Fin => return,
                Left::Rst => {
                    std::thread::sleep(PAUSE);
                    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).expect("a socket");
                    return;
                }
            }
        }
    })
}

/// Sends bytes and reads until the connection ends, or nothing more comes.
pub(super) fn ask(address: SocketAddr, request: &[u8]) -> (Vec<u8>, Left) {
    let mut stream = connect(address);
    stream.write_all(request).expect("it is read");
    read_all(&mut stream)
}

pub(super) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_nodelay(true).expect("a socket");
    stream
}

pub(super) fn read_all(stream: &mut TcpStream) -> (Vec<u8>, Left) {
    stream.set_read_timeout(Some(Duration::from_millis(700))).expect("a socket");
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return (all, Left::Fin),
            Ok(n) => all.extend_from_slice(&buffer[..n]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return (all, Left::Rst),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return (all, Left::Open);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Reads until these bytes end what came.
pub(super) fn read_until(stream: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    while !all.ends_with(end) {
        match stream.read(&mut buffer).expect("more comes") {
            0 => panic!("it ended: {}", String::from_utf8_lossy(&all)),
            n => all.extend_from_slice(&buffer[..n]),
        }
    }
    all
}

/// A request with a key and a body.
pub(super) fn post(target: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {target} HTTP/1.1\r\nHost: client\r\nAuthorization: Bearer sk-live-0123456789\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
