//! For tests: a case from YAML on a slot, and a client that sees the wire as it is.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Addressing, Binding, LegBinding, Legs, LegsConfig, Session, Transport};
use crate::answer::{Lexicon, Library};
use crate::proxy::LegBy;
use crate::rules::RuleBook;
use crate::scenario::{self, Case};

/// A port of this machine that is free.
pub(super) fn free() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

pub(super) async fn legs(leg_by: LegBy, listeners: usize) -> Legs {
    legs_over(Transport::default(), leg_by, listeners).await
}

pub(super) async fn legs_over(transport: Transport, leg_by: LegBy, listeners: usize) -> Legs {
    let config = LegsConfig {
        addresses: vec![free(); listeners],
        addressing: Addressing { leg_by, attached: false },
        transport,
        rules: Arc::new(RuleBook::bundled().clone()),
        side_calls: vec!["POST */render".to_owned()],
    };
    Legs::bind(config).await.unwrap()
}

/// The first case of a scenario.
pub(super) fn case(yaml: &str) -> Arc<Case> {
    let cases = scenario::load_text("test.yaml", yaml, &Library::bundled());
    let cases = cases.unwrap_or_else(|errors| panic!("{}", errors[0]));
    Arc::new(cases.into_iter().next().unwrap())
}

/// A case as a launch would bind it, with this unique word.
pub(super) fn binding(case: &Arc<Case>, unique: &str) -> Binding {
    let lexicon = Lexicon::new(7);
    let leg = |(ordinal, leg): (usize, &crate::scenario::ShapeLeg)| LegBinding {
        name: leg.name.clone(),
        ordinal,
        api: leg.api,
        model: leg.model.clone(),
        models: Vec::new(),
        key: None,
        voice: lexicon.voice(ordinal as u64),
    };
    Binding {
        case: Arc::clone(case),
        unique: unique.to_owned(),
        legs: case.shape.legs.iter().enumerate().map(leg).collect(),
        controls: vec![BTreeMap::new()],
        started: Instant::now(),
        lock_step: 0,
        patience: 1.0,
        holds_back: false,
        by_arrival: false,
    }
}

/// Legs with one case on slot `s`, its first step begun, without a client.
pub(super) async fn stage(yaml: &str) -> (Legs, Session) {
    stage_over(Transport::default(), yaml).await
}

/// The same over another transport.
pub(super) async fn stage_over(transport: Transport, yaml: &str) -> (Legs, Session) {
    let legs = legs_over(transport, LegBy::Prefix, 1).await;
    let session = legs.begin("s", binding(&case(yaml), "uniquewordx"));
    session.begin_step(0, None);
    (legs, session)
}

/// A chat request that asks for a stream.
pub(super) fn chat(text: &str) -> String {
    serde_json::json!({
        "model": "gpt-4o-mini",
        "stream": true,
        "max_tokens": 256,
        "messages": [{"role": "user", "content": text}],
    })
    .to_string()
}

/// How a connection was left after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// The response was whole by its own framing.
    Whole,
    /// A chunk without a size came.
    Garbled,
    /// FIN before that.
    Fin,
    /// RST before that.
    Rst,
    /// Nothing came for long.
    Silent,
}

/// A response as it came off the wire.
#[derive(Clone, Debug)]
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) head: String,
    /// HTTP chunks; of a plain body, one.
    pub(super) chunks: Vec<Vec<u8>>,
    pub(super) left: Left,
}

impl Got {
    pub(super) fn body(&self) -> Vec<u8> {
        self.chunks.concat()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// What was said, by an OpenAI stream.
    pub(super) fn said(&self) -> String {
        let mut reader = crate::api::ApiId::OpenaiChat.spoken().unwrap().stream_reader();
        reader.feed(&self.body());
        reader.finish().completion.text
    }

    /// What was said, by an Anthropic stream.
    pub(super) fn said_by_messages(&self) -> String {
        let mut reader = crate::api::ApiId::AnthropicMessages.spoken().unwrap().stream_reader();
        reader.feed(&self.body());
        reader.finish().completion.text
    }
}

/// A client on a raw socket.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) stream: TcpStream,
    buffer: Vec<u8>,
    over: Option<Left>,
    /// Longest silence.
    pub(super) patience: Duration,
}

impl Client {
    pub(super) async fn connect(host: &str) -> Self {
        let stream = TcpStream::connect(host).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream)
    }

    pub(super) fn over(stream: TcpStream) -> Self {
        Self { stream, buffer: Vec::new(), over: None, patience: Duration::from_millis(500) }
    }

    pub(super) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    pub(super) async fn post(&mut self, path: &str, body: &str) {
        let bytes = post(path, body);
        self.write(bytes).await;
    }

    /// Posts a chat request to a leg of slot `s` and reads the answer.
    pub(super) async fn ask(&mut self, leg: &str, text: &str) -> Got {
        self.post(&format!("/s/{leg}/v1/chat/completions"), &chat(text)).await;
        self.response().await
    }

    async fn more(&mut self) -> bool {
        if self.over.is_some() {
            return false;
        }
        let mut bytes = vec![0; 65536];
        self.over = match timeout(self.patience, self.stream.read(&mut bytes)).await {
            Err(_) => Some(Left::Silent),
            Ok(Ok(0)) => Some(Left::Fin),
            Ok(Ok(n)) => {
                self.buffer.extend_from_slice(&bytes[..n]);
                None
            }
            Ok(Err(_)) => Some(Left::Rst),
        };
        self.over.is_none()
    }

    async fn until(&mut self, mark: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.buffer.windows(mark.len()).position(|window| window == mark) {
                let rest = self.buffer.split_off(at + mark.len());
                return Some(std::mem::replace(&mut self.buffer, rest));
            }
            if !self.more().await {
                return None;
            }
        }
    }

    async fn take(&mut self, n: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < n {
            if !self.more().await {
                return None;
            }
        }
        let rest = self.buffer.split_off(n);
        Some(std::mem::replace(&mut self.buffer, rest))
    }

    /// The next head alone.
    pub(super) async fn response_head(&mut self) -> String {
        String::from_utf8(self.until(b"\r\n\r\n").await.unwrap()).unwrap()
    }

    pub(super) async fn response(&mut self) -> Got {
        let mut got = Got { status: 0, head: String::new(), chunks: Vec::new(), left: Left::Whole };
        let Some(head) = self.until(b"\r\n\r\n").await else {
            got.left = self.over.unwrap();
            return got;
        };
        got.head = String::from_utf8(head).unwrap();
        got.status = got.head.split(' ').nth(1).unwrap().parse().unwrap();
        let whole = if got.header("transfer-encoding").is_some() {
            self.chunks(&mut got.chunks).await
        } else if let Some(length) = got.header("content-length").map(|length| length.parse().unwrap()) {
            let body = self.take(length).await;
            let whole = body.is_some();
            got.chunks.push(body.unwrap_or_else(|| std::mem::take(&mut self.buffer)));
            whole
        } else {
            while self.more().await {}
            got.chunks.push(std::mem::take(&mut self.buffer));
            false
        };
        if !whole {
            got.left = self.over.unwrap();
        }
        got
    }

    async fn chunks(&mut self, chunks: &mut Vec<Vec<u8>>) -> bool {
        loop {
            let Some(size) = self.until(b"\r\n").await else { return false };
            let size = std::str::from_utf8(&size).unwrap().trim();
            let Ok(size) = usize::from_str_radix(size, 16) else {
                self.over = Some(Left::Garbled);
                return false;
            };
            let Some(mut data) = self.take(size + 2).await else { return false };
            assert_eq!(data.split_off(size), b"\r\n");
            if size == 0 {
                return true;
            }
            chunks.push(data);
        }
    }
}

/// The bytes of a POST with a key.
pub(super) fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: leg\r\nauthorization: Bearer k\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}
