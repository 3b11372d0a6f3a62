//! `error.retry-after`: the client is told when to come back.

use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::view::{Call, Form, StepView};

/// `error.retry-after`.
pub(in crate::check) const RETRY_AFTER: Check = Check {
    judge: Judge::Step(retry_after),
    info: CheckInfo {
        id: "error.retry-after",
        level: Level::Should,
        requirement: "A 429 or 503 that the client gets carries the Retry-After that the leg gave.",
        rationale: "Official SDKs wait exactly as long; without it they guess, too early, and all at once.",
        passes: "A `retry-after` beside the status.",
        fails: "The leg gave one, and the client gets none. This warns.",
        sources: &["https://github.com/BerriAI/litellm/issues/27823", "https://github.com/BerriAI/litellm/pull/30098"],
    },
};

fn retry_after(step: &StepView<'_>) -> Found {
    let status = step.client.status().unwrap_or_default();
    if step.client.form != Form::ErrorStatus || !matches!(status, 429 | 503 | 529) {
        return Found::not_exercised("the client got no 429 and no 503");
    }
    let told: Vec<&Call<'_>> = step.calls.iter().filter(|call| call.exchange.status == status).collect();
    let gave: Vec<&&Call<'_>> = told.iter().filter(|call| call.retry_after().is_some()).collect();
    let Some(call) = gave.first() else {
        return Found::not_exercised("no leg with this status gave a Retry-After");
    };
    let headers = step.client.exchange.response.as_ref().map(|head| &head.headers);
    let carries = |name| headers.is_some_and(|headers| headers.get(name).is_some_and(|value| !value.trim().is_empty()));
    if carries("retry-after") || carries("retry-after-ms") {
        return Found::pass();
    }
    if gave.len() < told.len() {
        return Found::pass_for("the error may be that of a leg that gave none");
    }
    let wait = call.retry_after().map_or(String::new(), |wait| wait.to_string());
    let mut evidence = step.client_evidence("no retry-after");
    evidence.expected = Some(wait.clone());
    Found::warn(format!("`{}` gave a Retry-After of {wait} with its {status}, and the client gets none", call.name()))
        .with(evidence)
}
