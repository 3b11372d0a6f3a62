//! Answers and errors that are handed on as they came, where the leg speaks the client's API.

use serde_json::Value;

use super::cache::stream_headers;
use super::failure::Failure;
use super::outlet::Outlet;
use super::relay::Job;
use super::{Leg, Promise};
use crate::api::Api;
use crate::framing::Framing;
use crate::proxy::Passthrough;
use crate::wire::Headers;

/// A stream that is handed on.
#[derive(Debug)]
pub(super) struct Passing {
    how: Passthrough,
    framing: Framing,
    /// Events that wait for the first content; `None` once it was there.
    waiting: Option<Vec<Vec<u8>>>,
}

/// Whether what this leg says is handed on as it comes.
pub(super) fn passes(promise: &Promise, api: &dyn Api, leg: &Leg) -> bool {
    promise.passthrough != Passthrough::None && leg.api == api.id() && promise.answer_edits.is_empty()
}

impl Passing {
    pub(super) fn new(how: Passthrough, framing: Framing) -> Self {
        Self { how, framing, waiting: Some(Vec::new()) }
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
            Passthrough::Json => self.framing.rewritten(event, compact).unwrap_or_else(|| event.to_vec()),
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
    pub(super) fn begin(&mut self, api: &dyn Api, outlet: &mut Outlet) -> Vec<Vec<u8>> {
        let waiting = self.waiting.take();
        if waiting.is_some() {
            outlet.begin(stream_headers(api));
        }
        waiting.unwrap_or_default()
    }
}

/// JSON written anew.
fn compact(json: &str) -> Option<String> {
    serde_json::from_str::<Value>(json).ok().map(|json| json.to_string())
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
    headers.0.extend(failure.type_in(api));
    if let Some(after) = failure.retry_after() {
        headers.push("retry-after", after);
    }
    outlet.reply(failure.status(), headers, body(how, raw));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ApiId;

    fn chat() -> &'static dyn Api {
        ApiId::OpenaiChat.spoken().unwrap()
    }

    #[test]
    fn json_is_written_anew_and_nothing_else() {
        let check = |event: &str, expect: &str| {
            let mut passing = Passing { waiting: None, ..Passing::new(Passthrough::Json, Framing::Sse) };
            assert_eq!(passing.event(event.as_bytes()), Some(expect.as_bytes().to_vec()));
        };
        check("data: {\"a\": 1.50}\n\n", "data: {\"a\":1.50}\n\n");
        check("data: [DONE]\n\n", "data: [DONE]\n\n");
    }

    #[test]
    fn events_wait_for_content() {
        let mut passing = Passing::new(Passthrough::Bytes, Framing::Sse);
        assert_eq!(passing.event(b"data: 1\n\n"), None);
        let (mut outlet, _awaited) = super::super::outlet::outlet();
        assert_eq!(passing.begin(chat(), &mut outlet), [b"data: 1\n\n".to_vec()]);
        assert_eq!(passing.event(b"data: 2\n\n"), Some(b"data: 2\n\n".to_vec()));
        assert!(passing.has_begun() && passing.begin(chat(), &mut outlet).is_empty());
    }
}
