//! Plans that are whole answers: errors, and small bodies of JSON.

use std::time::Duration;

use bytes::Bytes;

use crate::api::{Api, ApiError};
use crate::fault::{End, Opening, Plan, Step};
use crate::rules::ErrorBody;
use crate::scenario::Millis;
use crate::wire::Headers;

/// A body at once, to its end.
pub(super) fn unary(status: u16, headers: Headers, body: Vec<u8>) -> Plan {
    let length = body.len();
    let steps = vec![Step::Send { at: Duration::ZERO, data: Bytes::from(body), coded: None, text: 0 }];
    Plan {
        opening: Opening::AtOnce,
        status,
        headers,
        chunked: false,
        length,
        apart: false,
        steps,
        end: End::Complete,
        text: String::new(),
    }
}

/// A body of JSON.
pub(super) fn json(body: &serde_json::Value) -> Plan {
    unary(200, [("content-type", "application/json")].into_iter().collect(), body.to_string().into_bytes())
}

/// A line for a person.
pub(super) fn text(status: u16, line: &str) -> Plan {
    let headers = [("content-type", "text/plain; charset=utf-8")].into_iter().collect();
    unary(status, headers, format!("{line}\n").into_bytes())
}

/// An error in the vendor's own serialisation.
pub(super) fn error(api: &dyn Api, target: &str, error: &ApiError, seed: u64) -> Plan {
    unary(error.status, api.error_headers_for(target, error, seed), api.error_body(error, seed))
}

/// An error as its vendor writes it, where that is not as its API does.
pub(super) fn written(mut plan: Plan, body: ErrorBody) -> Plan {
    if let Some(content_type) = body.content_type {
        plan.headers.0.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        plan.headers.push("content-type", content_type);
    }
    unary(plan.status, plan.headers, body.text.into_bytes())
}

/// An error that asks to wait: in `retry-after`, with `retry-after-ms` where whole seconds do not say it, or in its own
/// words where the API has such.
pub(super) fn error_with_wait(api: &dyn Api, target: &str, status: u16, after: Millis, seed: u64) -> Plan {
    let plain = api.status_error(status);
    let mut waiting = plain.clone();
    api.ask_to_wait(&mut waiting, after.duration());
    let mut plan = error(api, target, &waiting, seed);
    if waiting != plain {
        return plan;
    }
    plan.headers.0.retain(|(name, _)| !name.eq_ignore_ascii_case("retry-after"));
    plan.headers.push("retry-after", after.0.div_ceil(1_000).to_string());
    if !after.0.is_multiple_of(1_000) {
        plan.headers.push("retry-after-ms", after.0.to_string());
    }
    plan
}
