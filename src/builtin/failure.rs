//! Why a leg failed, what follows from that, and what the client is told.

use std::time::Duration;

use super::Leg;
use crate::api::{Api, ApiError, ApiId, StreamError};
use crate::wire::Headers;

/// Statuses that stand for a refusal of this very request: asking again changes nothing.
const FOR_GOOD: [u16; 8] = [400, 401, 403, 404, 405, 413, 415, 422];

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The upstream said so, by status or by an error in its stream.
    Refused,
    /// It was silent for too long.
    Timeout,
    /// The connection broke, or could not be made.
    Transport,
    /// The answer ended before it was whole.
    Truncated,
    /// What came could not be read.
    Damaged,
}

/// The failure of one leg.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) cause: Cause,
    /// The error; its status is the one that a client is shown.
    error: Box<ApiError>,
    /// The API in whose words the error is; `None` for our own.
    api: Option<ApiId>,
    /// Whether the upstream said so inside a stream.
    pub(super) in_stream: bool,
    /// `retry-after` as the upstream gave it.
    retry_after: Option<String>,
    /// The error as the upstream sent it.
    raw: Option<Vec<u8>>,
}

impl Failure {
    /// A failure that the upstream did not put in words.
    fn ours(cause: Cause, status: u16, message: &str) -> Self {
        let error = ApiError { status, kind: String::new(), message: message.to_owned(), code: None, param: None };
        Self { cause, error: Box::new(error), api: None, in_stream: false, retry_after: None, raw: None }
    }

    pub(super) fn timeout() -> Self {
        Self::ours(Cause::Timeout, 504, "The upstream model was silent for too long.")
    }

    pub(super) fn transport() -> Self {
        Self::ours(Cause::Transport, 502, "The connection to the upstream model broke.")
    }

    pub(super) fn truncated() -> Self {
        Self::ours(Cause::Truncated, 502, "The upstream model's answer ended before it was complete.")
    }

    pub(super) fn damaged() -> Self {
        Self::ours(Cause::Damaged, 502, "The upstream model's answer could not be read.")
    }

    /// No leg may be asked for so long.
    pub(super) fn all_aside(time: Duration) -> Self {
        let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
        let failure = Self::ours(Cause::Refused, 429, "Every upstream model failed a moment ago; try again later.");
        Self { retry_after: Some(seconds.to_string()), ..failure }
    }

    /// An error status, with the error that stands in the body.
    pub(super) fn refused(api: &dyn Api, status: u16, headers: &Headers, body: &[u8]) -> Self {
        // A redirect or any other odd status is nothing that a client could use.
        let shown = if (400..600).contains(&status) { status } else { 502 };
        let mut error = api.read_error(status, body).unwrap_or_else(|| api.status_error(shown));
        error.status = shown;
        // Some APIs say in the body how long to wait.
        let in_body = || api.wait_of(&Headers::default(), body).map(|wait| wait.as_secs_f64().ceil().to_string());
        let retry_after = headers.get("retry-after").map(str::to_owned).or_else(in_body);
        Self {
            cause: Cause::Refused,
            error: Box::new(error),
            api: Some(api.id()),
            in_stream: false,
            retry_after,
            raw: Some(body.to_vec()),
        }
    }

    /// An error inside a stream.
    pub(super) fn in_stream(api: &dyn Api, error: &StreamError) -> Self {
        let status = error.kind.as_deref().and_then(status_of).unwrap_or(500);
        let kind = error.kind.clone().unwrap_or_else(|| api.status_error(status).kind);
        let error = ApiError { status, kind, message: error.message.clone(), code: None, param: None };
        Self {
            cause: Cause::Refused,
            error: Box::new(error),
            api: Some(api.id()),
            in_stream: true,
            retry_after: None,
            raw: None,
        }
    }

    /// The same failure in other words.
    pub(super) fn reworded(mut self, message: &str) -> Self {
        message.clone_into(&mut self.error.message);
        self
    }

    /// Whether the list of failures that lead to the next leg names this one.
    pub(super) fn leads_on(&self, fallback_on: &[String]) -> bool {
        let status = self.error.status.to_string();
        let class = format!("{}xx", &status[..1]);
        let name = match self.cause {
            Cause::Refused => None,
            Cause::Timeout => Some("timeout"),
            Cause::Transport | Cause::Truncated | Cause::Damaged => Some("transport"),
        };
        fallback_on.iter().any(|on| *on == status || *on == class || Some(on.as_str()) == name)
    }

    /// Whether the very same request would be refused again.
    pub(super) fn is_for_good(&self) -> bool {
        self.cause == Cause::Refused && FOR_GOOD.contains(&self.error.status)
    }

    /// Whether another key of the same leg could help.
    pub(super) fn is_about_the_key(&self) -> bool {
        self.cause == Cause::Refused && matches!(self.error.status, 401 | 402 | 403 | 429)
    }

    /// Whether it may be gone when the same leg is asked again.
    pub(super) fn may_pass(&self) -> bool {
        self.cause != Cause::Refused || matches!(self.error.status, 408 | 409 | 429 | 500..)
    }

    /// How long the upstream asks to be left alone, where it says so in seconds.
    pub(super) fn asks_for(&self) -> Option<Duration> {
        self.retry_after.as_deref()?.trim().parse().ok().map(Duration::from_secs)
    }

    /// `retry-after` for the client.
    pub(super) fn retry_after(&self) -> Option<&str> {
        self.retry_after.as_deref()
    }

    /// All failures in one, under the status of this one.
    pub(super) fn joined(&self, all: &[(&Leg, Self)]) -> Self {
        let said: Vec<String> =
            all.iter().map(|(leg, failure)| format!("{}: {}", leg.name, failure.error.message)).collect();
        self.saying(said.join(" | "))
    }

    /// The same failure, with nothing of what the upstream said.
    pub(super) fn masked(&self) -> Self {
        self.saying("The model is not available at the moment.".to_owned())
    }

    fn saying(&self, message: String) -> Self {
        Self { error: Box::new(ApiError { message, ..(*self.error).clone() }), api: None, raw: None, ..self.clone() }
    }

    /// The same failure under another status.
    pub(super) fn under(mut self, status: u16) -> Self {
        if self.error.status != status {
            self.error.status = status;
            // The kind that the upstream gave belongs to its own status.
            self.api = None;
            self.raw = None;
        }
        self
    }

    /// The error as the upstream sent it, if it is one of the client's API.
    pub(super) fn body(&self, api: &dyn Api) -> Option<&[u8]> {
        self.raw.as_deref().filter(|_| self.api == Some(api.id()))
    }

    /// The header in which an API tells the type of the error, if it is one of that API.
    pub(super) fn type_in(&self, api: &dyn Api) -> Option<(String, String)> {
        api.error_type(&self.error).filter(|_| self.api == Some(api.id()))
    }

    /// The status that a client is shown.
    pub(super) fn status(&self) -> u16 {
        self.error.status
    }

    /// The error in the words of the client's API: the upstream's own message, the type that the API has for its status.
    pub(super) fn shown_in(&self, api: &dyn Api) -> ApiError {
        if self.api == Some(api.id()) {
            return (*self.error).clone();
        }
        ApiError { message: self.error.message.clone(), ..api.status_error(self.error.status) }
    }
}

/// The status that stands behind an error type in a stream, where HTTP can no longer say it.
fn status_of(kind: &str) -> Option<u16> {
    Some(match kind {
        "invalid_request_error" | "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "validationException" => 400,
        "authentication_error" | "UNAUTHENTICATED" => 401,
        "billing_error" => 402,
        "permission_error" | "PERMISSION_DENIED" => 403,
        "not_found_error" | "NOT_FOUND" => 404,
        "request_too_large" => 413,
        "rate_limit_error" | "rate_limit_exceeded" | "insufficient_quota" | "RESOURCE_EXHAUSTED" => 429,
        "throttlingException" => 429,
        "modelStreamErrorException" => 424,
        "UNAVAILABLE" | "serviceUnavailableException" => 503,
        "timeout_error" | "DEADLINE_EXCEEDED" => 504,
        "overloaded_error" => 529,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_lead_on_as_configured() {
        let on = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let default = super::super::Promise::default().fallback_on;
        for failure in [Failure::timeout(), Failure::transport(), Failure::truncated(), Failure::damaged()] {
            assert!(failure.leads_on(&default), "{failure:?}");
            assert!(failure.leads_on(&on(&["5xx"])), "{failure:?}");
            assert!(!failure.leads_on(&on(&["429"])), "{failure:?}");
        }
        assert!(Failure::timeout().leads_on(&on(&["timeout"])));
        assert!(!Failure::transport().leads_on(&on(&["timeout"])));
        let refused = |status| Failure { cause: Cause::Refused, ..Failure::ours(Cause::Refused, status, "") };
        for (status, expect) in [(400, false), (401, false), (408, true), (429, true), (500, true), (529, true)] {
            assert_eq!(refused(status).leads_on(&default), expect, "{status}");
        }
        assert!(refused(400).leads_on(&on(&["400"])));
        assert!(refused(400).is_for_good() && !refused(429).is_for_good() && !Failure::timeout().is_for_good());
    }
}
