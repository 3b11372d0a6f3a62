//! What is in a message of a stream: an event, or an exception.
//!
//! MUST where the official SDKs raise or lose what is said: they parse each payload as JSON, tell events from exceptions
//! by `:message-type`, and name an event by `:event-type`.

use serde_json::Value;

use super::errors;
use crate::api::reading::Seen;
use crate::api::seeded::Seeded;
use crate::api::{Level, StreamError};
use crate::eventstream::Message;

use Level::{Must, Should};

/// Every event is padded by a beginning of this.
const PADDING: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// What is in a message.
#[derive(Debug)]
pub(in crate::api) enum Frame<'m> {
    /// An event with its name and its payload, which is an object.
    Event(&'m str, Value),
    /// The stream failed; the error is noted.
    Failed,
    /// Nothing that a client reads; what is wrong is noted.
    Nothing,
}

/// Reads a message; `ended` says that nothing should follow any more.
pub(in crate::api) fn read_frame<'m>(message: &'m Message, ended: bool, seen: &mut Seen) -> Frame<'m> {
    let at = message.span.start;
    match message.text(":message-type") {
        Some("event") => event(at, message, ended, seen),
        Some("exception" | "error") => {
            if ended {
                seen.find("B16", Should, at, "an exception behind the end");
            }
            seen.completion.errors.push(failure(at, message));
            Frame::Failed
        }
        other => {
            let other = other.unwrap_or("missing");
            seen.find("B02", Must, at, format!("`:message-type` is {other}: SDKs know `event` and `exception`"));
            Frame::Nothing
        }
    }
}

fn failure(offset: usize, message: &Message) -> StreamError {
    let value: Value = serde_json::from_slice(&message.payload).unwrap_or_default();
    let text = errors::message(&value).or(message.text(":error-message"));
    let text = text.map_or_else(|| String::from_utf8_lossy(&message.payload).into_owned(), str::to_owned);
    StreamError { offset, kind: message.name().map(str::to_owned), message: text, visible: true }
}

fn event<'m>(at: usize, message: &'m Message, ended: bool, seen: &mut Seen) -> Frame<'m> {
    let Some(name) = message.text(":event-type") else {
        seen.find("B03", Must, at, "the event has no `:event-type`");
        return Frame::Nothing;
    };
    if let Some(kind) = message.text(":content-type").filter(|kind| *kind != "application/json") {
        seen.find("B18", Should, at, format!("the payload's type is {kind:?}"));
    }
    let data = match serde_json::from_slice::<Value>(&message.payload) {
        Ok(data) if data.is_object() => data,
        Ok(_) => {
            seen.find("B01", Must, at, "the payload is JSON, but no object");
            return Frame::Nothing;
        }
        Err(error) => {
            seen.find("B01", Must, at, format!("the payload is not JSON: {error}"));
            return Frame::Nothing;
        }
    };
    if ended {
        seen.find("B16", Should, at, format!("`{name}` behind the end"));
    }
    Frame::Event(name, data)
}

/// A payload with its padding. Keys are in the order of the alphabet, the padding among them.
pub(in crate::api) fn padded(data: &Value, lengths: &mut Seeded) -> String {
    let length = 1 + lengths.below(PADDING.len() as u64) as usize;
    let mut fields: Vec<(String, Value)> =
        data.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
    fields.push(("p".to_owned(), PADDING[..length].into()));
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    Value::Object(fields.into_iter().collect()).to_string()
}
