//! Every recorded answer through a cassette and a real leg: the bytes and the borders of HTTP chunks come back.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossfade::answer::{Lexicon, Library};
use crossfade::api::{Api, ApiId};
use crossfade::cassette::{self, Cassette, FORMAT, How, Provenance};
use crossfade::framing::Framing;
use crossfade::import::Loss;
use crossfade::leg::{Addressing, Binding, LegBinding, Legs, LegsConfig};
use crossfade::proxy::LegBy;
use crossfade::rules::RuleBook;
use crossfade::scenario::{self, AnswerPlan, Case};
use serde_json::json;

use super::exchange::Exchange;
use super::folder::{recorded, say};
use super::table::Table;

#[test]
fn every_recorded_answer_is_replayed_with_its_bytes_and_its_chunks() {
    let Some(recorded) = recorded() else { return };
    let mut table = Table::new(["answers", "bytes", "streams", "chunks", "as recorded", "framing only"]);
    let stage = Stage::new();
    for exchange in recorded {
        let cassette = cassette_of(exchange);
        let saved = cassette::save(&cassette);
        let loaded = cassette::load_text(&exchange.file, &saved).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(loaded, cassette, "{}: a cassette that was saved is another", exchange.name());
        let got = stage.play(exchange, loaded);
        let is_stream = exchange.framing().is_some();
        let sent = if is_stream { exchange.pieces() } else { vec![exchange.body()] };
        assert_eq!(got.status, exchange.status, "{}", exchange.name());
        assert!(got.whole, "{}: the answer broke off", exchange.name());
        let text = |chunks: &[Vec<u8>]| {
            chunks.iter().map(|chunk| String::from_utf8_lossy(chunk).into_owned()).collect::<Vec<_>>()
        };
        assert!(got.chunks == sent, "{}:\n{:#?}\n{:#?}", exchange.name(), text(&got.chunks), text(&sent));
        for (name, value) in cassette.exchanges[0].response.headers.iter().filter(|(name, _)| !is_framing(name)) {
            let there = got.headers.iter().any(|(own, other)| own == name && other.trim() == value.trim());
            assert!(there, "{}: the header {name}: {value} is lost in {:?}", exchange.name(), got.headers);
        }
        let has_borders = is_stream && !exchange.told.lost.contains(&Loss::ChunkBorders);
        let bytes = sent.iter().map(Vec::len).sum();
        let row = [1, bytes, usize::from(is_stream), if is_stream { sent.len() } else { 0 }];
        let row = [row[0], row[1], row[2], row[3], usize::from(has_borders), usize::from(exchange.spoken().is_none())];
        table.add(&exchange.vendor, row);
    }
    say(&format!("\nreplayed over a socket:\n{table}\n"));
    assert!(table.sum(2) > 90 && table.sum(4) > 10, "too few streams were read");
}

/// The API that carries an answer: its own, or where that is not spoken one whose streams are framed alike.
fn carrier(exchange: &Exchange) -> &'static dyn Api {
    let alike = match exchange.framing() {
        Some(Framing::EventStream) => ApiId::BedrockConverse,
        _ => ApiId::OpenaiChat,
    };
    exchange.spoken().unwrap_or(alike).spoken().expect("an API that is spoken")
}

fn cassette_of(exchange: &Exchange) -> Cassette {
    let mut cassette = Cassette {
        cassette: FORMAT,
        summary: None,
        api: carrier(exchange).id(),
        provenance: Provenance {
            how: How::Imported,
            source: exchange.published.clone(),
            date: "2026-01-01".to_owned(),
            tool: "a test".to_owned(),
            redacted: Vec::new(),
            lost: exchange.told.lost.iter().map(ToString::to_string).collect(),
            sha256: String::new(),
        },
        exchanges: vec![exchange.recorded().clone()],
    };
    cassette.provenance.sha256 = cassette.digest();
    cassette
}

/// Headers that a leg makes itself.
fn is_framing(name: &str) -> bool {
    let own = ["content-length", "transfer-encoding", "connection", "keep-alive", "trailer"];
    own.iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// Legs that play what they are given.
struct Stage {
    runtime: tokio::runtime::Runtime,
    legs: Legs,
    cases: BTreeMap<ApiId, Case>,
}

impl Stage {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let config = LegsConfig {
            transport: crossfade::leg::Transport::default(),
            addresses: vec![(Ipv4Addr::LOCALHOST, 0).into()],
            addressing: Addressing { leg_by: LegBy::Prefix, attached: false },
            // What is asked has nothing to do with what is replayed.
            rules: Arc::new(RuleBook::new([]).expect("a book without rules")),
            side_calls: Vec::new(),
        };
        let legs = runtime.block_on(Legs::bind(config)).expect("legs listen");
        let case = |api: ApiId| {
            let scenario = format!("client: {api}\nlegs: {{primary: {{}}}}\n");
            let cases = scenario::load_text("replay.yaml", &scenario, &Library::bundled());
            (api, cases.unwrap_or_else(|errors| panic!("{}", errors[0])).remove(0))
        };
        let spoken = ApiId::ALL.into_iter().filter(|api| api.spoken().is_some());
        Self { runtime, legs, cases: spoken.map(case).collect() }
    }

    fn play(&self, exchange: &Exchange, cassette: Cassette) -> Got {
        let api = carrier(exchange);
        let mut case = self.cases[&api.id()].clone();
        let answer = AnswerPlan::Cassette { path: exchange.file.clone(), cassette: Arc::new(cassette) };
        case.steps[0].legs[0].attempts[0].answer = answer;
        let leg = case.shape.legs[0].clone();
        let binding = Binding {
            case: Arc::new(case),
            unique: "uniquewordx".to_owned(),
            legs: vec![LegBinding {
                name: leg.name.clone(),
                ordinal: 0,
                api: leg.api,
                model: leg.model,
                models: Vec::new(),
                key: None,
                voice: Lexicon::new(7).voice(0),
            }],
            controls: vec![BTreeMap::new()],
            started: Instant::now(),
            lock_step: 0,
            patience: 1.0,
            holds_back: false,
            by_arrival: false,
        };
        let _inside = self.runtime.enter();
        let session = self.legs.begin("s", binding);
        session.begin_step(0, None);
        let base = self.legs.base_url("s", &leg.name, 0);
        let (host, prefix) = base["http://".len()..].split_once('/').expect("a prefix");
        let target = format!("/{prefix}{}", api.target("a-model", exchange.framing().is_some()));
        let asked = json!({"model": "a-model", "messages": [], "stream": exchange.framing().is_some()});
        ask(host, &target, &asked.to_string())
    }
}

/// An answer as it came off the socket.
#[derive(Debug, Default)]
struct Got {
    status: u16,
    headers: Vec<(String, String)>,
    /// HTTP chunks; of a body with a length, one.
    chunks: Vec<Vec<u8>>,
    whole: bool,
}

/// Posts and reads what comes back, on a socket of its own.
fn ask(host: &str, target: &str, body: &str) -> Got {
    let mut socket = TcpStream::connect(host).expect("the leg listens");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a time limit");
    let length = body.len();
    let head = format!(
        "POST {target} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    socket.write_all(format!("{head}{body}").as_bytes()).expect("the leg reads");
    let mut wire = Wire { socket, bytes: Vec::new() };
    let mut got = Got::default();
    let Some(head) = wire.until(b"\r\n\r\n") else { return got };
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.lines();
    got.status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or_default();
    got.headers =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.into(), value.into())).collect();
    let header = |wanted: &str| got.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    if let Some(length) = header("content-length") {
        let body = wire.take(length.parse().expect("a length"));
        got.whole = body.is_some();
        got.chunks.extend(body);
        return got;
    }
    while let Some(size) = wire.until(b"\r\n") {
        let size = String::from_utf8_lossy(&size).trim().to_owned();
        let size = usize::from_str_radix(&size, 16).expect("the size of a chunk");
        let Some(mut chunk) = wire.take(size + 2) else { break };
        chunk.truncate(size);
        if size == 0 {
            got.whole = true;
            break;
        }
        got.chunks.push(chunk);
    }
    got
}

struct Wire {
    socket: TcpStream,
    bytes: Vec<u8>,
}

impl Wire {
    fn more(&mut self) -> bool {
        let mut bytes = vec![0; 65_536];
        let read = self.socket.read(&mut bytes).unwrap_or(0);
        self.bytes.extend_from_slice(&bytes[..read]);
        read > 0
    }

    fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.bytes.len() < length {
            if !self.more() {
                return None;
            }
        }
        let rest = self.bytes.split_off(length);
        Some(std::mem::replace(&mut self.bytes, rest))
    }

    fn until(&mut self, mark: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.bytes.windows(mark.len()).position(|window| window == mark) {
                return self.take(at + mark.len());
            }
            if !self.more() {
                return None;
            }
        }
    }
}
