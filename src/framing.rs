//! How the events of a stream are put into bytes: what is the same for every API stands above this.

use std::borrow::Cow;
use std::ops::Range;

use crate::{eventstream, ndjson, sse};

/// A framing of streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Sse,
    /// AWS event streams.
    EventStream,
    /// One JSON value per line.
    Ndjson,
}

/// One event, in whichever framing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it is called, where it has a name.
    pub name: Option<String>,
    /// What it carries, as text.
    pub data: String,
    /// Its bytes in the body. Of an SSE event that ends in CR LF the LF is not counted: see [`sse::Event`].
    pub span: Range<usize>,
}

impl Event {
    /// What kind of event it is: its name, else the `type` or the keys of its JSON, else what it carries.
    pub fn kind(&self) -> String {
        let of_data = || {
            let data: serde_json::Value = serde_json::from_str(&self.data).ok()?;
            let fields = data.as_object()?;
            let keys = || fields.keys().cloned().collect::<Vec<_>>().join(" ");
            Some(data["type"].as_str().map_or_else(keys, str::to_owned))
        };
        self.name.clone().or_else(of_data).unwrap_or_else(|| self.data.trim().to_owned())
    }
}

/// Finds events in bytes that are cut anywhere.
#[derive(Debug)]
pub enum Decoder {
    /// Of server-sent events.
    Sse(sse::Decoder),
    /// Of AWS event streams.
    EventStream(eventstream::Decoder),
    /// Of lines.
    Ndjson(ndjson::Decoder),
}

impl Decoder {
    /// Takes the next bytes and gives the events that they complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Event> {
        match self {
            Self::Sse(decoder) => {
                let event = |event: sse::Event| Event { name: event.name, data: event.data, span: event.span };
                decoder.feed(bytes).into_iter().map(event).collect()
            }
            Self::EventStream(decoder) => decoder.feed(bytes).into_iter().map(of_message).collect(),
            Self::Ndjson(decoder) => {
                let event = |line: ndjson::Line| Event { name: None, data: line.data, span: line.span };
                decoder.feed(bytes).into_iter().map(event).collect()
            }
        }
    }

    /// Where a client cannot read on, and why.
    pub fn damage(&self) -> Option<&eventstream::Damage> {
        match self {
            Self::Sse(_) | Self::Ndjson(_) => None,
            Self::EventStream(decoder) => decoder.damage(),
        }
    }
}

fn of_message(message: eventstream::Message) -> Event {
    Event {
        name: message.name().map(str::to_owned),
        data: String::from_utf8_lossy(&message.payload).into_owned(),
        span: message.span,
    }
}

impl Framing {
    /// The framing that a content type announces; `None` where it announces no stream.
    pub fn of(content_type: &str) -> Option<Self> {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        let framings = [Self::Sse, Self::EventStream, Self::Ndjson];
        framings.into_iter().find(|framing| kind.eq_ignore_ascii_case(framing.media_type()))
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Sse => "text/event-stream",
            Self::EventStream => eventstream::MEDIA_TYPE,
            Self::Ndjson => ndjson::MEDIA_TYPE,
        }
    }

    /// Whether its bytes are text: a stream of messages is binary.
    pub fn is_text(self) -> bool {
        self != Self::EventStream
    }

    /// A decoder at the start of a body.
    pub fn decoder(self) -> Decoder {
        match self {
            Self::Sse => Decoder::Sse(sse::Decoder::new()),
            Self::EventStream => Decoder::EventStream(eventstream::Decoder::new()),
            Self::Ndjson => Decoder::Ndjson(ndjson::Decoder::new()),
        }
    }

    /// The events of a body.
    pub fn events(self, body: &[u8]) -> Vec<Event> {
        self.decoder().feed(body)
    }

    /// What a body says as text: itself, or what its messages carry. A body that is no stream is text as it stands.
    pub fn text(self, body: &[u8]) -> Cow<'_, [u8]> {
        // The first byte of a message is that of a length which is far from filling it.
        if self.is_text() || body.first() != Some(&0) {
            return Cow::Borrowed(body);
        }
        let messages = eventstream::Decoder::new().feed(body);
        messages.into_iter().flat_map(|message| message.payload).collect()
    }

    /// An event with its JSON written anew; `None` where there is none. `write` gets the JSON as it stands.
    pub fn rewritten(self, event: &[u8], write: impl Fn(&str) -> Option<String>) -> Option<Vec<u8>> {
        match self {
            Self::Sse => {
                let mut found = false;
                let lines = std::str::from_utf8(event).ok()?.split_inclusive('\n').map(|line| {
                    let json = line.strip_prefix("data:").and_then(&write);
                    found |= json.is_some();
                    json.map_or_else(|| line.to_owned(), |json| format!("data: {json}\n"))
                });
                let lines = lines.collect::<String>();
                found.then(|| lines.into_bytes())
            }
            Self::Ndjson => {
                let text = std::str::from_utf8(event).ok()?;
                let json = text.trim_end_matches(['\n', '\r']);
                Some(format!("{}{}", write(json)?, &text[json.len()..]).into_bytes())
            }
            Self::EventStream => {
                let mut messages = eventstream::Decoder::new().feed(event).into_iter();
                let (message, None) = (messages.next()?, messages.next()) else { return None };
                let json = write(std::str::from_utf8(&message.payload).ok()?)?;
                eventstream::encode(&message.headers, json.as_bytes())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_tells_the_framing() {
        let check = |kind: &str, expect: Option<Framing>| assert_eq!(Framing::of(kind), expect, "{kind}");
        check("text/event-stream", Some(Framing::Sse));
        check("Text/Event-Stream; charset=utf-8", Some(Framing::Sse));
        check("application/vnd.amazon.eventstream", Some(Framing::EventStream));
        check("application/x-ndjson", Some(Framing::Ndjson));
        check("application/json", None);
        check("", None);
    }

    #[test]
    fn events_are_named_and_carry_text() {
        let check = |framing: Framing, body: &[u8], name: Option<&str>, data: &str| {
            let event = Event { name: name.map(str::to_owned), data: data.to_owned(), span: 0..body.len() };
            assert_eq!(framing.events(body), [event]);
        };
        check(Framing::Sse, b"event: a\ndata: {}\n\n", Some("a"), "{}");
        check(Framing::Sse, b"data: {}\n\n", None, "{}");
        let message = |kind, name| eventstream::json(kind, name, b"{}");
        check(Framing::EventStream, &message("event", "a"), Some("a"), "{}");
        check(Framing::EventStream, &message("exception", "b"), Some("b"), "{}");
        check(Framing::Ndjson, b"{}\n", None, "{}");
    }

    #[test]
    fn text_is_what_is_carried() {
        let check = |framing: Framing, body: &[u8], expect: &str| {
            assert_eq!(framing.text(body), expect.as_bytes());
        };
        check(Framing::Sse, b"data: {}\n\n", "data: {}\n\n");
        let body = [eventstream::json("event", "a", b"{}"), eventstream::json("event", "b", b"[]")].concat();
        check(Framing::EventStream, &body, "{}[]");
        check(Framing::EventStream, b"{\"message\":\"no\"}", "{\"message\":\"no\"}");
        check(Framing::Ndjson, b"{}\n", "{}\n");
    }

    #[test]
    fn json_is_written_anew_and_nothing_else() {
        let write = |json: &str| {
            let value: Option<serde_json::Value> = serde_json::from_str(json).ok();
            value.map(|value| value.to_string())
        };
        let check_in = |framing: Framing, event: &str, expect: Option<&str>| {
            let rewritten = framing.rewritten(event.as_bytes(), write);
            assert_eq!(rewritten.map(|bytes| String::from_utf8(bytes).expect("text")).as_deref(), expect);
        };
        let check = |event: &str, expect: Option<&str>| check_in(Framing::Sse, event, expect);
        check_in(Framing::Ndjson, "{\"a\": 1.50}\r\n", Some("{\"a\":1.50}\r\n"));
        check_in(Framing::Ndjson, "no\n", None);
        check("event: a\r\ndata: {\"a\": 1.50}\r\n\r\n", Some("event: a\r\ndata: {\"a\":1.50}\n\r\n"));
        check("data: [DONE]\n\n", None);
        check(": ping\n\ndata:{}\n\n", Some(": ping\n\ndata: {}\n\n"));
        let event = |json: &str| eventstream::json("event", "a", json.as_bytes());
        assert_eq!(Framing::EventStream.rewritten(&event("{\"a\": 1}"), write), Some(event("{\"a\":1}")));
        assert_eq!(Framing::EventStream.rewritten(&event("no"), write), None);
        assert_eq!(Framing::EventStream.rewritten(b"data: {}\n\n", write), None);
    }
}
