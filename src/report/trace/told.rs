//! What happened, in words.

use super::super::client;
use super::super::requests::neutral;
use crate::api::{Api, ApiId, Part, Role, Say, StreamReader};
use crate::framing::{self, Decoder};
use crate::history::{BarrierEnd, Call, ClientEnd, ClientMoment, Continuation, LegMoment, ResponseHead, UpstreamEnd};
use crate::wire::Request;

/// Columns of the words that a request ends with.
const WORDS: usize = 48;
/// Columns of bytes that say nothing.
const BYTES: usize = 80;

/// What happened, and the word of a verdict that says how to paint it.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) text: String,
    pub(super) word: Option<&'static str>,
}

fn told(text: impl Into<String>) -> Told {
    Told { text: text.into(), word: None }
}

fn bad(text: impl Into<String>) -> Told {
    Told { text: text.into(), word: Some("warn") }
}

fn status(status: u16, why: &str) -> Told {
    let text = format!("< status {status}{why}");
    if status >= 400 { bad(text) } else { told(text) }
}

/// The client's side of a step, as far as it went.
#[derive(Default)]
pub(super) struct Client {
    /// The API of the stream that was asked for.
    stream: Option<ApiId>,
    body: Body,
}

impl Client {
    pub(super) fn tell(&mut self, moment: &ClientMoment, unique: &str) -> Told {
        match moment {
            ClientMoment::Asks { api, stream, request } => {
                *self = Self { stream: Some(*api).filter(|_| *stream), body: Body::default() };
                let how = if *stream { "" } else { ", no stream" };
                let words = last_words(request, Some(*api), unique);
                told(format!("> {} {}{how}{words}", request.method, request.target))
            }
            ClientMoment::Head(ResponseHead { status: code, headers, .. }) => {
                let coded = headers.get("content-encoding").is_some();
                self.body = Body::of(self.stream.filter(|_| !coded));
                status(*code, "")
            }
            ClientMoment::Hears(data) => told(format!("< {}", self.body.tell(&data.0))),
            ClientMoment::StopsReading => told("stops reading, as scripted"),
            ClientMoment::ReadsOn => told("reads on"),
            ClientMoment::Ends(end) => {
                let word = match end {
                    ClientEnd::Complete | ClientEnd::Left => None,
                    _ => Some("FAIL"),
                };
                Told { text: format!("= {}", client::end(end)), word }
            }
        }
    }
}

/// A request to a leg, as far as the answer went.
pub(super) struct Asked {
    pub(super) leg: String,
    /// What a refusal adds to its status.
    refused: String,
    /// The API of the stream that was asked for.
    stream: Option<ApiId>,
    body: Body,
}

impl Asked {
    pub(super) fn new(call: &Call, unique: &str) -> Self {
        let refused = call.refused.as_ref();
        // As the client asks, unless the proxy asks otherwise.
        let streams = |api: &ApiId| neutral(&call.request, *api, &[unique]).is_none_or(|asked| asked.stream);
        Self {
            leg: call.leg.clone(),
            refused: refused.map(|it| format!(", refused by {}: {}", it.rule, it.error.message)).unwrap_or_default(),
            stream: call.api.filter(streams),
            body: Body::default(),
        }
    }

    pub(super) fn tell(&mut self, moment: &LegMoment, unique: &str) -> Told {
        match moment {
            LegMoment::Asked(call) => told(asked(call, unique)),
            LegMoment::Head(code) => {
                self.body = Body::of(self.stream.filter(|_| *code < 300));
                status(*code, &self.refused)
            }
            LegMoment::Says(data) => told(format!("< {}", self.body.tell(&data.0))),
            LegMoment::FallsSilent => bad("falls silent, as scripted"),
            LegMoment::Ends(end, barrier) => {
                let barrier = match barrier {
                    BarrierEnd::Seen => ", once the client had what came before",
                    BarrierEnd::TimedOut => ", though the client had not got what came before",
                    BarrierEnd::None => "",
                };
                match end {
                    UpstreamEnd::Complete => told("= end"),
                    UpstreamEnd::Cut(how) => bad(format!("x cut: {how}{barrier}")),
                    UpstreamEnd::ProxyGone => bad("x the proxy went away"),
                    UpstreamEnd::CaseOver => bad("x still open when the case was over"),
                }
            }
        }
    }
}

fn asked(call: &Call, unique: &str) -> String {
    let which = if call.side_call { "side call".to_owned() } else { format!("#{}", call.attempt) };
    format!(
        "> {which} {} {}{}{}",
        call.request.method,
        call.request.target,
        continuation(&call.continuation),
        last_words(&call.request, call.api.filter(|_| !call.side_call), unique)
    )
}

fn continuation(continuation: &Continuation) -> String {
    match continuation {
        Continuation::None => String::new(),
        Continuation::Prefill { quoted } => format!(" (goes on by prefill from {} characters)", quoted.chars().count()),
        Continuation::UserMessage { quoted } => {
            format!(" (goes on by a user message from {} characters)", quoted.chars().count())
        }
        Continuation::Unrecognised { .. } => " (goes on from nothing that was said)".to_owned(),
    }
}

/// The beginning of the last text that a request says.
fn last_words(request: &Request, api: Option<ApiId>, unique: &str) -> String {
    let Some(conversation) = api.and_then(|api| neutral(request, api, &[unique])) else { return String::new() };
    let texts = conversation.turns.iter().filter(|turn| turn.role != Role::System).flat_map(|turn| {
        turn.parts.iter().filter_map(|part| match part {
            Part::Text { text, .. } => Some(text.trim()),
            _ => None,
        })
    });
    texts.last().map(|text| format!(": {}", quoted(&cut(text, WORDS)))).unwrap_or_default()
}

/// A body that is told chunk by chunk.
#[derive(Default)]
struct Body {
    reader: Option<Box<dyn StreamReader>>,
    decoder: Option<Decoder>,
}

impl Body {
    /// Of a stream of this API; `None` for any other body.
    fn of(api: Option<ApiId>) -> Self {
        let api = api.and_then(ApiId::spoken);
        Self { reader: api.map(Api::stream_reader), decoder: api.map(|api| api.framing().decoder()) }
    }

    /// What the next bytes say; where they say nothing, which events they hold, or how many they are.
    fn tell(&mut self, bytes: &[u8]) -> String {
        let said = self.reader.as_mut().map(|reader| reader.feed(bytes)).unwrap_or_default();
        let mut told: Vec<String> = said.iter().map(of_say).collect();
        let events = self.decoder.as_mut().map(|decoder| decoder.feed(bytes)).unwrap_or_default();
        if told.is_empty() {
            told = events.iter().map(framing::Event::kind).collect();
            told.dedup();
        }
        if told.is_empty() {
            let text = String::from_utf8_lossy(bytes);
            told.push(format!("{} bytes {}", bytes.len(), quoted(&cut(&text, BYTES))));
        }
        told.join(", ")
    }
}

fn of_say(say: &Say) -> String {
    match say {
        Say::Text(text) => quoted(text),
        Say::Thinking(text) => format!("thinking {}", quoted(text)),
        Say::Arguments(text) => format!("arguments {}", quoted(text)),
        Say::Refusal(text) => format!("refusal {}", quoted(text)),
        Say::Signature(_) => "signature".to_owned(),
        Say::ToolCall { name, .. } => format!("calls {name}"),
    }
}

/// A text as JSON writes it: control characters would be the terminal's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The beginning of a text, in one line of so many columns.
pub(super) fn cut(text: &str, room: usize) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(room) {
        Some(_) => line.chars().take(room.saturating_sub(1)).chain(['\u{2026}']).collect(),
        None => line,
    }
}
