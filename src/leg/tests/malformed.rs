//! Requests that a vendor refuses, or that are no requests: each gets its answer, byte for byte, and none hangs.
//!
//! The answers stand in `malformed.txt`, in the order of the cases below; `CROSSFADE_UPDATE=1` writes them anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::super::testing::free;
use super::super::{ServeConfig, Serving, serve};
use crate::answer::Library;
use crate::api::{Api, ApiId, Conversation, Part, Role, Turn};
use crate::rules::RuleBook;
use crate::scenario::default_model;
use crate::wire::Headers;

/// No case takes longer than this to its end.
const LIMIT: Duration = Duration::from_secs(5);
/// How long an answer is waited for before the sending side is ended.
const PATIENCE: Duration = Duration::from_millis(500);
/// The key that the legs ask for.
const KEY: &str = "sk-the-right-key-of-this-leg";

/// A request in the making: what each case spoils of a good one.
#[derive(Clone, Debug)]
struct Draft {
    method: &'static str,
    target: String,
    version: &'static str,
    headers: Headers,
    body: Vec<u8>,
}

impl Draft {
    fn good(api: &dyn Api) -> Self {
        let model = default_model(api.id()).model;
        let turn = Turn { role: Role::User, parts: vec![Part::text("Hello.")], place: String::new() };
        let params = [("max_tokens".to_owned(), 64.into())].into();
        let conversation = Conversation { turns: vec![turn], params, ..Conversation::default() };
        let mut headers = api.request_headers(KEY);
        headers.push("host", "leg");
        let target = format!("/one-word{}", api.target(&model, false));
        let body = api.write_request(&conversation, &model).to_string().into_bytes();
        Self { method: "POST", target, version: "HTTP/1.1", headers, body }
    }

    fn without(mut self, header: &str) -> Self {
        self.headers.0.retain(|(name, _)| !name.eq_ignore_ascii_case(header));
        self
    }

    fn with(self, header: &str, value: &str) -> Self {
        let mut draft = self.without(header);
        draft.headers.push(header, value);
        draft
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn head(&self) -> String {
        let mut head = format!("{} {} {}\r\n", self.method, self.target, self.version);
        for (name, value) in self.headers.iter() {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head
    }

    /// The whole request, its body told by its length.
    fn bytes(&self) -> Vec<u8> {
        let head = format!("{}content-length: {}\r\n\r\n", self.head(), self.body.len());
        [head.as_bytes(), &self.body].concat()
    }

    /// The request with its body in chunks as they are given.
    fn chunked(&self, chunks: &str) -> Vec<u8> {
        format!("{}transfer-encoding: chunked\r\n\r\n{chunks}", self.head()).into_bytes()
    }
}

/// What is wrong, and the bytes that are sent.
fn cases(api: &dyn Api) -> Vec<(&'static str, Vec<u8>)> {
    let good = || Draft::good(api);
    let body = String::from_utf8(good().body).unwrap();
    let path = |target: &str| Draft { target: target.to_owned(), ..good() };
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let in_one_chunk = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let mut cases = vec![
        ("a good request", good().bytes()),
        ("a body in chunks", good().chunked(&in_one_chunk)),
        ("HTTP/1.0", Draft { version: "HTTP/1.0", ..good() }.bytes()),
        ("two requests at once", [good().bytes(), good().bytes()].concat()),
        ("expect: 100-continue", good().with("expect", "100-continue").bytes()),
        ("no body", good().body("").bytes()),
        ("not JSON", good().body("{\"model\": ").bytes()),
        ("two values", good().body("{} {}").bytes()),
        ("a list", good().body("[1]").bytes()),
        ("a text", good().body("\"hello\"").bytes()),
        ("null", good().body("null").bytes()),
        ("an empty object", good().body("{}").bytes()),
        ("bad UTF-8", good().body(b"{\"model\": \"\xff\xfe\"}".as_slice()).bytes()),
        ("half a surrogate", good().body("{\"model\": \"\\ud83d\"}").bytes()),
        ("deep nesting", good().body(deep).bytes()),
        ("a wrong path", path("/one-word/v1/nothing").bytes()),
        ("a doubled path", path(&good().target.replace("/one-word", "/one-word/v1")).bytes()),
        ("a path that is no URL", path("/one-word/%zz%00/\u{e9}").bytes()),
        ("GET", Draft { method: "GET", ..good() }.bytes()),
        ("PUT", Draft { method: "PUT", ..good() }.bytes()),
        ("a method of its own", Draft { method: "BREW", ..good() }.bytes()),
        ("no content type", good().without("content-type").bytes()),
        ("another content type", good().with("content-type", "text/plain").bytes()),
        ("a body that is too large", format!("{}content-length: 40000000\r\n\r\n{{", good().head()).into_bytes()),
        ("a chunk without a size", good().chunked("zz\r\n{}\r\n0\r\n\r\n")),
        ("a chunk that is too large", good().chunked("fffffffffffffffff\r\n{}\r\n0\r\n\r\n")),
        ("a chunk without an end", good().chunked("2\r\n{}0\r\n\r\n")),
        ("a body that ends early", format!("{}content-length: 99\r\n\r\n{{", good().head()).into_bytes()),
        ("a length that is none", format!("{}content-length: many\r\n\r\n{{}}", good().head()).into_bytes()),
        ("two lengths", format!("{}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}", good().head()).into_bytes()),
        ("a header without a colon", b"POST / HTTP/1.1\r\nhost\r\n\r\n".to_vec()),
        ("bad UTF-8 in a header", [good().head().as_bytes(), b"x-a: \xff\r\ncontent-length: 0\r\n\r\n"].concat()),
        ("no HTTP", b"\x16\x03\x01 hello\r\n\r\n".to_vec()),
        ("half a head", good().head().into_bytes()),
        ("nothing", Vec::new()),
    ];
    for header in ["authorization", "x-api-key", "x-goog-api-key"] {
        if good().headers.get(header).is_some() {
            cases.push(("no key", good().without(header).bytes()));
            let value = if header == "authorization" { "Bearer sk-a-wrong-key-of-another" } else { "sk-wrong" };
            cases.push(("a wrong key", good().with(header, value).bytes()));
        }
    }
    if api.id() == ApiId::AnthropicMessages {
        cases.push(("no version", good().without("anthropic-version").bytes()));
    }
    cases
}

async fn legs() -> (Serving, String) {
    let config = ServeConfig {
        listen: free(),
        transport: super::super::Transport::default(),
        case: None,
        answers: BTreeMap::from([("one-word".to_owned(), Library::bundled().answer("one-word").unwrap())]),
        rules: Arc::new(RuleBook::bundled().clone()),
        key: Some(KEY.to_owned()),
        seed: 1,
    };
    let serving = serve(config).await.unwrap();
    let host = serving.urls[0].0.strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
    (serving, host)
}

/// Sends the bytes, ends the sending side, and reads to the end.
async fn sent(host: &str, bytes: &[u8]) -> Vec<u8> {
    let exchange = async {
        let (mut read, mut write) = TcpStream::connect(host).await.unwrap().into_split();
        let (mut got, answered) = (Vec::new(), Notify::new());
        let write = async {
            // The leg may have hung up already.
            let _ = write.write_all(bytes).await;
            // Ended at once, the connection would be given up before an answer that takes a while.
            let _ = timeout(PATIENCE, answered.notified()).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            let _ = write.shutdown().await;
        };
        let read = async {
            while read.read_buf(&mut got).await.is_ok_and(|bytes| bytes > 0) {
                answered.notify_one();
            }
            answered.notify_one();
        };
        tokio::join!(write, read);
        got
    };
    timeout(LIMIT, exchange).await.expect("it ends")
}

/// Status lines, the header of the type, and bodies; ids replaced. Of an answer its status line is enough.
fn told(got: &[u8]) -> String {
    // A body may end without a line end.
    let text = String::from_utf8_lossy(got).replace("HTTP/1.1 ", "\nHTTP/1.1 ");
    let mut told = String::new();
    let mut answers = false;
    for line in text.lines() {
        if line.contains("HTTP/1.1 ") {
            answers = line.ends_with("200 OK");
        }
        if answers && !line.contains("HTTP/1.1 ") {
            continue;
        }
        let keep =
            ["HTTP/", "content-type:", "x-amzn-errortype:", "www-authenticate:", "connection:", "content-length: 0"];
        let is_header = line.split_once(": ").is_some_and(|(name, _)| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        });
        if !line.is_empty() && (!is_header || keep.iter().any(|kept| line.starts_with(kept))) {
            let _ = writeln!(told, "{}", without_ids(line));
        }
    }
    if told.is_empty() { "(nothing)\n".to_owned() } else { told }
}

fn without_ids(line: &str) -> String {
    for key in ["\"request_id\":\"", "{\"id\":\""] {
        if let Some((before, after)) = line.split_once(key) {
            return format!("{before}{key}[]{}", &after[after.find('"').unwrap_or(0)..]);
        }
    }
    line.to_owned()
}

#[tokio::test]
async fn each_gets_its_answer_and_none_hangs() {
    let (_serving, host) = legs().await;
    let mut found = String::new();
    for api in ApiId::ALL.into_iter().filter_map(ApiId::spoken) {
        for (what, bytes) in cases(api) {
            let got = sent(&host, &bytes).await;
            let _ = write!(found, "## {}: {what}\n{}\n", api.id(), told(&got));
            // Whatever came before, the next client is served.
            let good = sent(&host, &Draft::good(api).bytes()).await;
            assert!(good.starts_with(b"HTTP/1.1 200 OK\r\n"), "{} after {what}", api.id());
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/leg/tests/malformed.txt");
    if std::env::var_os("CROSSFADE_UPDATE").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    for (found, expected) in found.split("\n\n").zip(expected.split("\n\n")) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len(), "cases came or went: run with CROSSFADE_UPDATE=1");
}

/// A refusal is in the shape of the API, with a status of the client's: what no reader of errors knows is one of the
/// forms of the fronts, which have no shape.
#[tokio::test]
async fn a_refusal_reads_as_an_error_of_its_api() {
    let (_serving, host) = legs().await;
    let refused = [
        "no body",
        "not JSON",
        "two values",
        "a list",
        "a text",
        "null",
        "bad UTF-8",
        "deep nesting",
        "GET",
        "a wrong path",
        "a body that is too large",
        "no key",
        "a wrong key",
        "no version",
    ];
    for api in ApiId::ALL.into_iter().filter_map(ApiId::spoken) {
        // Ollama asks for no key; what Cohere says to none was not seen. Nothing tells their clients on a foreign path.
        let other = |what: &str| match api.id() {
            ApiId::OllamaChat => what.ends_with("key") || what == "a wrong path",
            ApiId::CohereChat => what == "no key" || what == "a wrong path",
            _ => false,
        };
        let judged = |what: &str| refused.contains(&what) && !other(what);
        for (what, bytes) in cases(api).into_iter().filter(|(what, _)| judged(what)) {
            let got = String::from_utf8(sent(&host, &bytes).await).unwrap();
            let (head, body) = got.split_once("\r\n\r\n").unwrap();
            let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
            assert!((400..500).contains(&status), "{}, {what}: {got}", api.id());
            let of_the_front =
                matches!(api.id(), ApiId::Gemini | ApiId::BedrockConverse | ApiId::BedrockInvoke) && status == 404;
            let read = api.read_error(status, body.as_bytes());
            assert_eq!(read.is_some(), !of_the_front, "{}, {what}: {got}", api.id());
        }
    }
}
