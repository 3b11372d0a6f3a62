//! What is done to an answer: by a path of `crossfade serve`, by an edit of a leg, or by a cassette with other bytes.

use std::path::{Path, PathBuf};

use crossfade::answer::{Spoken, SpokenPart};
use crossfade::api::{ApiId, EncodeContext, FinishReason};
use crossfade::cassette::{
    self, Cassette, Exchange, How, Provenance, RecordedChunk, RecordedRequest, RecordedResponse,
};
use crossfade::scenario::Millis;
use crossfade::wire::Headers;
use serde_json::{Value, json};

/// Something that is done to an answer.
pub(super) struct Fault {
    /// Its name in the page; of those by path also the path.
    pub(super) name: &'static str,
    /// What a client meets.
    pub(super) what: &'static str,
    pub(super) at: Where,
}

/// How it is done.
pub(super) enum Where {
    /// `/text/<name>`, or the path that its name is.
    Path,
    /// A leg with this edit.
    Edit(&'static str),
    /// A leg that plays a cassette whose body this has changed.
    Bytes(fn(&Body) -> Vec<u8>),
}

const fn path(name: &'static str, what: &'static str) -> Fault {
    Fault { name, what, at: Where::Path }
}

const fn edit(name: &'static str, what: &'static str) -> Fault {
    Fault { name, what, at: Where::Edit(name) }
}

const fn bytes(name: &'static str, what: &'static str, change: fn(&Body) -> Vec<u8>) -> Fault {
    Fault { name, what, at: Where::Bytes(change) }
}

/// In the order of the page.
pub(super) const FAULTS: &[Fault] = &[
    path("close@request", "FIN in place of an answer"),
    path("reset@request", "RST in place of an answer"),
    path("stall@request", "silence in place of an answer"),
    path("close@head", "FIN behind the head"),
    path("close@texts:3", "FIN inside the chunked body"),
    path("close@finish", "the same behind the finish"),
    path("reset@texts:3", "RST in mid-answer"),
    path("bad_chunk@texts:3", "a chunk whose size is no number"),
    path("content_length@texts:3", "FIN before the length that was announced"),
    path("eof@head", "a proper end of an empty body"),
    path("eof@preamble", "a proper end before any content"),
    path("eof@texts:3", "a proper end in mid-answer"),
    path("eof@last_content", "a proper end before the finish"),
    path("eof@finish", "a proper end behind the finish"),
    path("no_terminator@texts:3", "all but the end mark"),
    path("cut_event@texts:3", "a proper end inside an event"),
    path("paragraphs-emoji/cut_utf8@texts:3", "FIN inside a character"),
    path("tool-call/close@pieces:1", "FIN inside the arguments of a call"),
    path("tool-call/eof@pieces:1", "a proper end inside the arguments of a call"),
    path("tool-call/eof@last_content", "a proper end behind them"),
    bytes("no_blank_line", "the last event lacks its blank line", |body| body.bytes.trim_ascii_end().to_vec()),
    path("stall@head", "silence behind the head"),
    path("stall@texts:3", "silence in mid-answer"),
    path("stall:500ms@texts:3", "half a second of silence"),
    path("slow@last_content", "the rest in small pieces"),
    path("error_event@head", "the API's own error first"),
    path("error_event@texts:3", "the API's own error in mid-answer"),
    path("error_event@terminator", "the API's own error behind the end mark"),
    path("bad_json@texts:3", "an event whose JSON does not parse"),
    bytes("bad_utf8", "a byte that is no UTF-8", |body| {
        let mut bytes = body.bytes.clone();
        bytes[body.beyond_ascii()] = 0xff;
        bytes
    }),
    path("drop@texts:3", "an event is missing"),
    path("duplicate@texts:3", "an event comes twice"),
    bytes("second_start", "the first event comes again", |body| [body.to(4), body.to(1), body.from(4)].concat()),
    path("after_terminator@texts:3", "content behind the end"),
    path("oversize@texts:3", "an event of a megabyte"),
    bytes("foreign_done", "`data: [DONE]` at the end", |body| [&body.bytes[..], &body.line("data: [DONE]")].concat()),
    bytes("unknown_event", "an event of an unknown type", |body| {
        body.insert(&body.line("event: heartbeat\ndata: {\"type\":\"heartbeat\"}"))
    }),
    bytes("empty_event", "`data:` alone", |body| body.insert(&body.line("data:"))),
    bytes("null_event", "`data: null`", |body| body.insert(&body.line("data: null"))),
    bytes("retry_field", "`retry: 100` alone", |body| body.insert(&body.line("retry: 100"))),
    bytes("no_space", "no blank behind `data:`", |body| body.text().replace("data: ", "data:").into_bytes()),
    bytes("two_lines", "JSON over two `data:` lines", |body| {
        body.text().replace("data: {", &format!("data: {{{}data: ", body.line_end)).into_bytes()
    }),
    bytes("cr", "CR for line ends", |body| body.text().replace("\r\n", "\n").replace('\n', "\r").into_bytes()),
    edit("crlf", "CRLF for LF"),
    edit("bom", "a byte order mark"),
    edit("comments", "comments between events"),
    edit("split: 1", "HTTP chunks of one byte"),
    edit("merge: 3", "three events to an HTTP chunk"),
];

/// Words of the cassettes.
const WORDS: [&str; 8] = ["One", " track", " für", " den", " andern", " 🎚️", " goes", " on"];

impl Fault {
    /// Path of the base URL.
    pub(super) fn place(&self) -> String {
        match self.at {
            Where::Path if self.name.contains('/') => self.name.to_owned(),
            Where::Path => format!("text/{}", self.name),
            _ => self.name.replace(": ", "-").replace('_', "-"),
        }
    }

    /// Whether an API has it: an AWS event stream has no lines to change, no JSON to break by hand, and no end mark.
    pub(super) fn is_of(&self, api: &str) -> bool {
        api != "bedrock-converse"
            || match self.at {
                Where::Path => !self.name.contains("terminator"),
                Where::Edit(edit) => edit.starts_with("split") || edit.starts_with("merge"),
                Where::Bytes(_) => false,
            }
    }

    /// The whole text, where it is not the answer's.
    pub(super) fn words(&self) -> Option<String> {
        matches!(self.at, Where::Bytes(_)).then(|| WORDS.concat())
    }
}

/// The body of a whole answer.
pub(super) struct Body {
    bytes: Vec<u8>,
    events: Vec<Vec<u8>>,
    line_end: &'static str,
}

impl Body {
    fn new(bytes: Vec<u8>) -> Self {
        let text = String::from_utf8(bytes.clone()).expect("it is UTF-8");
        let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let events = text.split_inclusive(&line_end.repeat(2)).map(|event| event.as_bytes().to_vec()).collect();
        Self { bytes, events, line_end }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The first `n` events.
    fn to(&self, n: usize) -> Vec<u8> {
        self.events[..n].concat()
    }

    /// The events from the `n`-th on.
    fn from(&self, n: usize) -> Vec<u8> {
        self.events[n..].concat()
    }

    /// Lines and a blank one, with the line ends of the body.
    fn line(&self, lines: &str) -> Vec<u8> {
        format!("{lines}\n\n").replace('\n', self.line_end).into_bytes()
    }

    fn insert(&self, event: &[u8]) -> Vec<u8> {
        [&self.to(4), event, &self.from(4)].concat()
    }

    fn beyond_ascii(&self) -> usize {
        self.bytes.iter().position(|byte| *byte >= 0x80).expect("not all is ASCII")
    }
}

/// Writes a scenario whose legs play what no path can ask for in this API, and its cassettes beside it.
pub(super) fn write_legs(folder: &Path, id: ApiId) -> PathBuf {
    let leg = json!({"api": id, "model": model(id)});
    let with = |key: &str, value: Value| {
        let mut leg = leg.clone();
        leg[key] = value;
        leg
    };
    let write = |file: &str, text: &str| {
        let path = folder.join(file);
        std::fs::write(&path, text).expect("it is written");
        path
    };
    let mut legs = serde_json::Map::new();
    let attempts = json!([{"status": {"code": 429, "retry_after": "50ms"}}, {"status": {"code": 503}}, {}]);
    legs.insert("recovers".to_owned(), with("attempts", attempts));
    for fault in FAULTS.iter().filter(|fault| fault.is_of(id.name())) {
        let leg = match fault.at {
            Where::Path => continue,
            Where::Edit(edit) => with(
                "edits",
                match edit.split_once(": ") {
                    Some((name, n)) => json!([{ name: n.parse::<u32>().expect("a number") }]),
                    None => json!([edit]),
                },
            ),
            Where::Bytes(change) => {
                let file = format!("{id}-{}.yaml", fault.place());
                write(&file, &cassette::save(&recorded(id, change)));
                with("answer", json!({ "cassette": file }))
            }
        };
        legs.insert(fault.place(), leg);
    }
    // JSON is YAML.
    let scenario = json!({"scenario": "legs", "client": "openai-chat", "legs": legs});
    write(&format!("{id}.yaml"), &scenario.to_string())
}

fn model(api: ApiId) -> &'static str {
    match api {
        ApiId::AnthropicMessages => "anthropic/claude-sonnet-4-6",
        ApiId::Gemini => "gemini/gemini-2.5-flash",
        ApiId::BedrockConverse => "bedrock/us.anthropic.claude-sonnet-4-6",
        _ => "openai/gpt-4o-mini",
    }
}

fn recorded(id: ApiId, change: fn(&Body) -> Vec<u8>) -> Cassette {
    let api = id.spoken().expect("it is spoken");
    let model = model(id).split_once('/').expect("vendor and model").1;
    let parts = vec![SpokenPart::Text(WORDS.map(str::to_owned).to_vec())];
    let spoken = Spoken { parts, finish: Some(FinishReason::Stop), output_tokens: 8 };
    let context = EncodeContext {
        model: model.to_owned(),
        include_usage: true,
        seed: 7,
        created: 1_795_365_606,
        input_tokens: 14,
    };
    let rendition = api.render_stream(&spoken, &context);
    let body = change(&Body::new(rendition.body()));
    let mut cassette = Cassette {
        cassette: 1,
        summary: None,
        api: id,
        provenance: Provenance {
            how: How::Synthesized,
            source: "tests/it/sdk".to_owned(),
            date: "2026-11-26".to_owned(),
            tool: "crossfade".to_owned(),
            redacted: Vec::new(),
            lost: Vec::new(),
            sha256: String::new(),
        },
        exchanges: vec![Exchange {
            request: RecordedRequest {
                method: "POST".to_owned(),
                target: api.target(model, true),
                headers: Headers::from_iter([("content-type", "application/json")]),
                body: "{}".to_owned(),
                base64: None,
            },
            response: RecordedResponse {
                status: 200,
                headers: rendition.headers,
                chunks: vec![RecordedChunk::new(Some(Millis(0)), &body)],
                ..RecordedResponse::default()
            },
        }],
    };
    cassette.provenance.sha256 = cassette.digest();
    cassette
}
