//! Fake upstreams, and the proxy in front of them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::api::{Api, ApiId, EncodeContext, FinishReason, Reading, Say, Usage};
use crate::builtin::{Config, Decoy, Leg, Route, start};
use crate::client::{Ask, drive};
use crate::history::{ClientEnd, ClientExchange};
use crate::progress::Progress;
use crate::scenario::{Leave, Millis};
use crate::wire::{Blob, Headers, Request};

pub(super) const CHAT: ApiId = ApiId::OpenaiChat;
pub(super) const MESSAGES: ApiId = ApiId::AnthropicMessages;

/// What an upstream does with one request.
#[derive(Clone, Debug)]
pub(super) enum Play {
    /// Words of a stream, and how it goes on behind them.
    Words(&'static [&'static str], Then),
    /// Anything in a stream, and how it goes on.
    Says(Vec<Say>, Then),
    /// An error status with this message.
    Status(u16, &'static str),
    /// A unary answer.
    Unary(&'static str),
    /// A unary answer that breaks off.
    HalfUnary,
    /// Not even a head.
    Silence,
}

/// How a stream goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Finish,
    /// The finish, and a proper end without the end mark.
    FinishOnly,
    /// FIN inside the body.
    Close,
    /// A proper end of the body.
    Eof,
    Reset,
    Stall,
    ErrorEvent,
    BadJson,
}

/// A request that an upstream got.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) target: String,
    pub(super) headers: Headers,
    pub(super) body: Value,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// The text of the last message.
    pub(super) fn last_text(&self) -> (String, String) {
        let last = self.body["messages"].as_array().unwrap().last().unwrap();
        (last["role"].as_str().unwrap().to_owned(), last["content"].as_str().unwrap_or_default().to_owned())
    }
}

/// A fake upstream.
#[derive(Clone, Debug)]
pub(super) struct Fake {
    pub(super) addr: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Connections that the proxy closed while nothing was at its end.
    gone: Arc<Mutex<u32>>,
}

impl Fake {
    /// Plays one after the other; the last stays.
    pub(super) async fn start(api: ApiId, plays: Vec<Play>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Self { addr: listener.local_addr().unwrap(), seen: Arc::default(), gone: Arc::default() };
        let this = fake.clone();
        tokio::spawn(async move {
            let mut number = 0;
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let play = plays[number.min(plays.len() - 1)].clone();
                number += 1;
                let this = this.clone();
                tokio::spawn(async move { this.serve(api.spoken().unwrap(), socket, play).await });
            }
        });
        fake
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until the proxy has closed a connection that was not at its end.
    pub(super) async fn left(&self, limit: Duration) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < limit {
            if *self.gone.lock().unwrap() > 0 {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        false
    }

    async fn serve(&self, api: &'static dyn Api, mut socket: TcpStream, play: Play) {
        let seen = read_request(&mut socket).await;
        let stream = seen.body["stream"] == true;
        let include_usage = seen.body.pointer("/stream_options/include_usage") == Some(&json!(true));
        self.seen.lock().unwrap().push(seen);
        let context =
            EncodeContext { model: "real-model".to_owned(), include_usage, seed: 7, created: 1, input_tokens: 10 };
        match play {
            Play::Words(words, then) => {
                let says = words.iter().map(|word| Say::Text((*word).to_owned())).collect();
                self.stream(api, socket, &context, says, then).await;
            }
            Play::Says(says, then) => self.stream(api, socket, &context, says, then).await,
            Play::Status(status, message) => {
                let error = crate::api::ApiError { message: message.to_owned(), ..api.status_error(status) };
                let body = api.error_body(&error, 1);
                let head = format!("HTTP/1.1 {status} X\r\nretry-after: 7\r\ncontent-length: {}\r\n\r\n", body.len());
                socket.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
                self.hold(socket).await;
            }
            Play::Unary(text) => {
                assert!(!stream, "a stream was asked for");
                let spoken = crate::answer::Spoken {
                    parts: vec![crate::answer::SpokenPart::Text(vec![text.to_owned()])],
                    finish: Some(FinishReason::Stop),
                    output_tokens: 3,
                };
                let body = api.render_unary(&spoken, &context).body();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                socket.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
                self.hold(socket).await;
            }
            Play::HalfUnary => {
                socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\"").await.unwrap();
            }
            Play::Silence => self.hold(socket).await,
        }
    }

    async fn stream(
        &self,
        api: &'static dyn Api,
        mut socket: TcpStream,
        context: &EncodeContext,
        says: Vec<Say>,
        then: Then,
    ) {
        socket
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            .await
            .unwrap();
        let mut writer = api.stream_writer(context);
        let mut events = writer.begin();
        for say in &says {
            events.extend(writer.say(say));
        }
        let mut end: &[u8] = b"";
        match then {
            Then::Finish | Then::FinishOnly => {
                let reason = if says.iter().any(|say| matches!(say, Say::ToolCall { .. })) {
                    FinishReason::ToolCalls
                } else {
                    FinishReason::Stop
                };
                events.extend(writer.finish(reason, Usage { input: 10, output: says.len() as u64 }));
                if then == Then::FinishOnly {
                    events.pop();
                }
                end = b"0\r\n\r\n";
            }
            Then::Eof => end = b"0\r\n\r\n",
            Then::ErrorEvent => {
                let error = crate::api::ApiError { message: "The real overload.".to_owned(), ..api.status_error(529) };
                events.extend(writer.error(&error));
                end = b"0\r\n\r\n";
            }
            Then::Close | Then::Reset | Then::Stall | Then::BadJson => {}
        }
        for event in events {
            send(&mut socket, &event.bytes).await;
        }
        if then == Then::BadJson {
            send(&mut socket, b"event: content_block_delta\ndata: {\"type\": \"cont\n\n").await;
            let rest = writer.finish(FinishReason::Stop, Usage::default());
            for event in rest {
                send(&mut socket, &event.bytes).await;
            }
            end = b"0\r\n\r\n";
        }
        // The end comes by itself, as it does in life.
        tokio::time::sleep(Duration::from_millis(20)).await;
        match then {
            Then::Close => {}
            Then::Reset => socket.set_zero_linger().unwrap(),
            Then::Stall => self.hold(socket).await,
            _ => {
                // The proxy may have gone already.
                let _ = socket.write_all(end).await;
            }
        }
    }

    /// Waits until the proxy closes.
    async fn hold(&self, mut socket: TcpStream) {
        let _ = socket.read(&mut [0; 64]).await;
        *self.gone.lock().unwrap() += 1;
    }
}

async fn send(socket: &mut TcpStream, event: &[u8]) {
    let chunk = [format!("{:x}\r\n", event.len()).as_bytes(), event, b"\r\n"].concat();
    // The proxy may have gone already.
    let _ = socket.write_all(&chunk).await;
}

async fn read_request(socket: &mut TcpStream) -> Seen {
    let mut bytes = Vec::new();
    loop {
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut fields);
        if let httparse::Status::Complete(head) = request.parse(&bytes).unwrap() {
            let headers: Headers = request
                .headers
                .iter()
                .map(|field| (field.name, String::from_utf8_lossy(field.value).into_owned()))
                .collect();
            let length: usize = headers.get("content-length").unwrap().parse().unwrap();
            if bytes.len() >= head + length {
                let target = request.path.unwrap().to_owned();
                return Seen { target, body: serde_json::from_slice(&bytes[head..head + length]).unwrap(), headers };
            }
        }
        let mut buffer = [0; 4096];
        let n = socket.read(&mut buffer).await.unwrap();
        assert_ne!(n, 0, "the request came to its end early");
        bytes.extend_from_slice(&buffer[..n]);
    }
}

/// The proxy with a route `route` over two upstreams.
pub(super) struct Bench {
    pub(super) api: ApiId,
    pub(super) primary: Fake,
    pub(super) fallback: Fake,
    addr: SocketAddr,
    pub(super) body: Value,
    pub(super) leave: Option<Leave>,
    /// Ends the proxy with the bench.
    _stop: oneshot::Sender<()>,
}

/// What came of it.
pub(super) struct Outcome {
    pub(super) exchange: ClientExchange,
    pub(super) reading: Reading,
    pub(super) progress: String,
}

impl Outcome {
    pub(super) fn text(&self) -> &str {
        &self.reading.completion.text
    }

    pub(super) fn status(&self) -> u16 {
        self.exchange.response.as_ref().unwrap().status
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.exchange.body()).unwrap()
    }

    /// The message of the error in the stream, if the client's SDK sees one.
    pub(super) fn error(&self) -> Option<&str> {
        self.reading.completion.visible_error().map(|error| error.message.as_str())
    }

    /// A stream that came to its end as it should, saying `text`.
    #[track_caller]
    pub(super) fn assert_whole(&self, text: &str) {
        let completion = &self.reading.completion;
        assert_eq!(completion.text, text);
        assert_eq!(self.error(), None);
        assert_eq!(self.exchange.end, ClientEnd::Complete);
        assert!(completion.terminator.is_some() && completion.finishes.len() == 1, "{completion:?}");
        self.assert_clean();
    }

    /// A stream that said `text` and ends in this error.
    #[track_caller]
    pub(super) fn assert_error(&self, text: &str, message: &str) {
        let completion = &self.reading.completion;
        assert_eq!(completion.text, text);
        assert_eq!(self.error(), Some(message));
        assert!(completion.terminator.is_none() && completion.finishes.is_empty(), "{completion:?}");
        self.assert_clean();
    }

    #[track_caller]
    fn assert_clean(&self) {
        assert_eq!(self.status(), 200);
        assert_eq!(self.reading.completion.starts.len(), 1);
        assert_eq!(self.reading.completion.models, ["route"]);
        assert_eq!(self.reading.findings, []);
    }
}

/// A client API, the APIs of the two legs, and what these do.
pub(super) async fn bench(
    api: ApiId,
    (primary, plays): (ApiId, Vec<Play>),
    (fallback, fallback_plays): (ApiId, Vec<Play>),
    edit: impl FnOnce(&mut Config),
) -> Bench {
    let primary_fake = Fake::start(primary, plays).await;
    let fallback_fake = Fake::start(fallback, fallback_plays).await;
    let leg = |name: &str, api: ApiId, fake: &Fake, model: &str| Leg {
        name: name.to_owned(),
        model: model.to_owned(),
        api,
        base_url: format!("http://{}/slot/{name}/", fake.addr),
        key: format!("{name}-key"),
        spare_key: Some(format!("{name}-spare")),
    };
    let model = |api, openai, anthropic| if api == CHAT { openai } else { anthropic };
    let mut config = Config {
        client_key: Some("client-key".to_owned()),
        routes: vec![Route {
            pool: false,
            name: "route".to_owned(),
            legs: vec![
                leg("primary", primary, &primary_fake, model(primary, "gpt-4o", "claude-opus-4-1")),
                leg("fallback", fallback, &fallback_fake, model(fallback, "gpt-4o-mini", "claude-sonnet-4-6")),
            ],
        }],
        decoy: Some(Decoy { route: "decoy-route".to_owned(), key: "decoy-key".to_owned() }),
        idle_timeout: Millis(200),
        first_byte_timeout: Millis(300),
        ..Config::default()
    };
    edit(&mut config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(start(listener, config, async {
        let _ = stopped.await;
    }));
    let body = json!({
        "model": "route",
        "stream": true,
        "messages": [{"role": "user", "content": "Tell me."}],
        "max_tokens": 64,
    });
    Bench { api, primary: primary_fake, fallback: fallback_fake, addr, body, leave: None, _stop: stop }
}

impl Bench {
    /// Asks as a client of the bench's API does.
    pub(super) async fn ask(&self) -> Outcome {
        let api = self.api.spoken().unwrap();
        let request = Request {
            method: "POST".to_owned(),
            target: api.path().to_owned(),
            headers: api.request_headers("client-key"),
            body: Blob(self.body.to_string().into_bytes()),
        };
        self.send(request).await
    }

    pub(super) async fn send(&self, request: Request) -> Outcome {
        let progress = Progress::default();
        let stream = self.body["stream"] == true;
        let limit = Duration::from_secs(10);
        let ask =
            Ask { addr: self.addr, request, api: self.api, stream, leave: self.leave.clone(), pause: None, limit };
        let exchange = drive(ask, &progress, Instant::now()).await;
        let mut reader = self.api.spoken().unwrap().stream_reader();
        reader.feed(&exchange.body());
        Outcome { reading: reader.finish(), progress: progress.text(), exchange }
    }
}
