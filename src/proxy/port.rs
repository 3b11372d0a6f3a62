//! Free ports, and the first sign of life on one.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Below the range from which systems take the local ports of outgoing connections: none of them can take the port
/// between our look and the proxy's start.
const FIRST: u16 = 18_000;
const COUNT: u16 = 14_000;

/// A free port on loopback, drawn at random.
pub(super) fn free() -> std::io::Result<u16> {
    let random = RandomState::new();
    let drawn = (0..64_u8).map(|n| FIRST + u16::try_from(random.hash_one(n) % u64::from(COUNT)).unwrap_or(0));
    for port in drawn {
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr().map(|address| address.port())
}

/// Whether somebody listens on the port.
pub(super) fn is_taken(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err()
}

/// The status that a GET is answered with; `None` for anything that is no answer.
pub(super) async fn status(addr: SocketAddr, path: &str) -> Option<u16> {
    let ask = async {
        let mut stream = TcpStream::connect(addr).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {addr}\r\naccept: */*\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut head = Vec::new();
        while head.len() < 16 && stream.read_buf(&mut head).await.ok()? > 0 {}
        let line = String::from_utf8_lossy(&head);
        line.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()
    };
    tokio::time::timeout(Duration::from_secs(2), ask).await.ok().flatten()
}
