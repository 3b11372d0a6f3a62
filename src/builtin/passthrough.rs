//! Answers and errors that are handed on as they came, where the leg speaks the client's API.

use serde_json::Value;

use super::cache::stream_headers;
use super::failure::Failure;
use super::outlet::Outlet;
use super::relay::Job;
use super::{Leg, Promise};
use crate::api::Api;
use crate::proxy::Passthrough;
use crate::wire::Headers;

/// A stream that is handed on.
#[derive(Debug)]
pub(super) struct Passing {
    how: Passthrough,
    /// Events that wait for the first content; `None` once it was there.
    waiting: Option<Vec<Vec<u8>>>,
}

/// Whether what this leg says is handed on as it comes.
pub(super) fn passes(promise: &Promise, api: &dyn Api, leg: &Leg) -> bool {
    promise.passthrough != Passthrough::None && leg.api == api.id() && promise.answer_edits.is_empty()
}

impl Passing {
    pub(super) fn new(how: Passthrough) -> Self {
        Self { how, waiting: Some(Vec::new()) }
    }

    /// Whether the client has anything of it.
    pub(super) fn has_begun(&self) -> bool {
        self.waiting.is_none()
    }

    /// Whether not a byte may differ.
    pub(super) fn is_exact(&self) -> bool {
        self.how == Passthrough::Bytes
    }

    /// Takes an event; gives it as it is sent, if it may be.
    pub(super) fn event(&mut self, event: &[u8]) -> Option<Vec<u8>> {
        let event = match self.how {
            Passthrough::Json => rewritten(event),
            Passthrough::Bytes | Passthrough::None => event.to_vec(),
        };
        match &mut self.waiting {
            Some(waiting) => {
                waiting.push(event);
                None
            }
            None => Some(event),
        }
    }

    /// There is content: sends the head and what waited for it.
    pub(super) fn begin(&mut self, outlet: &mut Outlet) -> Vec<Vec<u8>> {
        let waiting = self.waiting.take();
        if waiting.is_some() {
            outlet.begin(stream_headers());
        }
        waiting.unwrap_or_default()
    }
}

/// An event with its JSON written anew.
fn rewritten(event: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(event) else { return event.to_vec() };
    let lines = text.split_inclusive('\n').map(|line| {
        let json = line.strip_prefix("data:").and_then(|data| serde_json::from_str::<Value>(data).ok());
        json.map_or_else(|| line.to_owned(), |json| format!("data: {json}\n"))
    });
    lines.collect::<String>().into_bytes()
}

/// An answer in one piece.
pub(super) fn body(how: Passthrough, body: &[u8]) -> Vec<u8> {
    match (how, serde_json::from_slice::<Value>(body)) {
        (Passthrough::Json, Ok(json)) => json.to_string().into_bytes(),
        _ => body.to_vec(),
    }
}

/// Tells a client that all is lost: in the upstream's own body where that is handed on, else in our words.
pub(super) fn tell_failure(job: &Job, outlet: Outlet, failure: &Failure) {
    let (gateway, api) = (&job.gateway, job.api);
    let how = gateway.promise.passthrough;
    let Some(raw) = failure.body(api).filter(|_| how != Passthrough::None) else {
        let error = gateway.sabotage.with_key(&job.route, failure.shown_in(api));
        return gateway.fail(api, outlet, error, failure.retry_after());
    };
    let mut headers: Headers = [("content-type", "application/json")].into_iter().collect();
    if let Some(after) = failure.retry_after() {
        headers.push("retry-after", after);
    }
    outlet.reply(failure.status(), headers, body(how, raw));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_written_anew_and_nothing_else() {
        let check =
            |event: &str, expect: &str| assert_eq!(String::from_utf8(rewritten(event.as_bytes())).unwrap(), expect);
        check("event: a\r\ndata: {\"a\": 1.50}\r\n\r\n", "event: a\r\ndata: {\"a\":1.50}\n\r\n");
        check("data: [DONE]\n\n", "data: [DONE]\n\n");
        check(": ping\n\ndata:{}\n\n", ": ping\n\ndata: {}\n\n");
    }

    #[test]
    fn events_wait_for_content() {
        let mut passing = Passing::new(Passthrough::Bytes);
        assert_eq!(passing.event(b"data: 1\n\n"), None);
        let (mut outlet, _awaited) = super::super::outlet::outlet();
        assert_eq!(passing.begin(&mut outlet), [b"data: 1\n\n".to_vec()]);
        assert_eq!(passing.event(b"data: 2\n\n"), Some(b"data: 2\n\n".to_vec()));
        assert!(passing.has_begun() && passing.begin(&mut outlet).is_empty());
    }
}
