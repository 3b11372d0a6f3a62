//! What the client is told when all is lost.

use std::fmt::Write as _;

use serde_json::json;

use super::{Sabotage, answer};
use crate::api::{Api, ApiError, ApiId, FinishReason, Say, StreamWriter, Usage, Written};
use crate::builtin::failure::Failure;
use crate::builtin::{Config, Defect, Route};

const TRACE: &str = "\nTraceback (most recent call last):\n  File \"/app/gateway/router.py\", line 412, in route\n    \
                     response = await self.upstream.send(request)\nUpstreamError: upstream failed";

impl Sabotage {
    /// Which failure the client is told, once all is lost.
    pub(in crate::builtin) fn shown(&self, original: Failure, last: Failure) -> Failure {
        let instead = self.has(Defect::Fallback400Shown) && last.is_for_good() || self.has(Defect::LastErrorShown);
        let shown = if instead { last } else { original };
        if self.has(Defect::ErrorReplaced) { shown.reworded("Something went wrong. Please try again.") } else { shown }
    }

    /// What is done to an error before it is told.
    pub(in crate::builtin) fn spoil(&self, config: &Config, error: &mut ApiError) {
        if self.has(Defect::RouteMapLeaked) {
            error.message.push_str(" Available routes:");
            for Route { name, legs, .. } in &config.routes {
                let urls: Vec<&str> = legs.iter().map(|leg| leg.base_url.as_str()).collect();
                // Writing to a string cannot fail.
                let _ = write!(error.message, " {name}={urls:?}");
            }
            if let Some(decoy) = &config.decoy {
                let _ = write!(error.message, " {}=[]", decoy.route);
            }
        }
        if self.has(Defect::StackTraceShown) {
            error.message.push_str(TRACE);
        }
        let prompt = self.memory().prompts[1].clone();
        if let Some(prompt) = prompt.filter(|_| self.has(Defect::ErrorQuotesAnother)) {
            let _ = write!(error.message, " (while another request was served: {prompt})");
        }
        self.spoil_status(error);
    }

    /// Only what all legs brought about: a refusal by the proxy itself stays as it is.
    fn spoil_status(&self, error: &mut ApiError) {
        if error.status < 429 {
            return;
        }
        if self.has(Defect::Status500WhenExhausted) {
            error.status = 500;
        }
        if self.has(Defect::Status400WhenExhausted) {
            error.status = 400;
        }
    }

    /// An error that tells the key of the route's first leg.
    pub(in crate::builtin) fn with_key(&self, route: &Route, mut error: ApiError) -> ApiError {
        if let Some(leg) = route.legs.first().filter(|_| self.has(Defect::KeyInError)) {
            let _ = write!(error.message, " (asked {} with {})", leg.model, leg.key);
        }
        error
    }

    /// The status and the body under which an error goes out.
    pub(in crate::builtin) fn error_response(&self, error: &ApiError, body: Vec<u8>) -> (u16, Vec<u8>) {
        let body = if self.has(Defect::ForeignErrorShape) {
            json!({"detail": error.message, "code": error.status}).to_string().into_bytes()
        } else {
            body
        };
        (if self.has(Defect::ErrorUnder200) { 200 } else { error.status }, body)
    }

    /// The leg's `retry-after`, as far as it is handed on.
    pub(in crate::builtin) fn handed_on<'a>(&self, retry_after: Option<&'a str>) -> Option<&'a str> {
        retry_after.filter(|_| !self.has(Defect::RetryAfterLost))
    }

    /// The events that tell an error in a stream.
    pub(in crate::builtin) fn error_events(
        &self,
        api: &dyn Api,
        writer: &mut dyn StreamWriter,
        error: &ApiError,
    ) -> Vec<Written> {
        if self.has(Defect::TruncationSilent) {
            return Vec::new();
        }
        if self.has(Defect::ErrorAsText) {
            let mut written = writer.say(&Say::Text(format!("\n\n[Error: {}]", error.message)));
            written.extend(writer.finish(FinishReason::Stop, Usage::default()));
            return written;
        }
        let mut written = writer.error(error);
        if self.has(Defect::NamelessErrorEvent) {
            answer::replace(&mut written, "event: error\n", "");
            answer::replace(&mut written, "{\"error\":", "{\"failure\":");
        }
        if self.has(Defect::DoneAfterError) {
            let mark: &[u8] = match api.id() {
                ApiId::OpenaiChat => b"data: [DONE]\n\n",
                ApiId::AnthropicMessages => b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
                _ => b"",
            };
            for event in &mut written {
                event.bytes.extend_from_slice(mark);
            }
        }
        written
    }
}
