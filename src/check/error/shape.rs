//! `error.shape`: an error that the client API's SDKs read as one.

use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::view::{Call, Form, Reach, StepView};
use crate::history::ClientEnd;
use crate::proxy::Passthrough;

/// `error.shape`.
pub(in crate::check) const SHAPE: Check = Check {
    judge: Judge::Step(shape),
    info: CheckInfo {
        id: "error.shape",
        level: Level::Should,
        requirement: "An error has the client API's shape and an error status, unless an answer had begun.",
        rationale: "SDKs raise by status and read the body in one shape; an error under 200 is no error to them.",
        passes: "A non-2xx status with the API's error body, or with the body of the leg's error where the proxy declares \
                 to pass answers through; after the head, the API's error event.",
        fails: "An error body or a page of HTML under status 200, or an event that official SDKs drop. Another shape of \
                body, and a 200 before any leg had answered, warn.",
        sources: &[
            "https://github.com/BerriAI/litellm/issues/38610",
            "https://github.com/tensorzero/tensorzero/pull/861",
        ],
    },
};

fn shape(step: &StepView<'_>) -> Found {
    let client = &step.client;
    if client.ended(&ClientEnd::Left) {
        return Found::not_exercised("the client left before it had heard the whole answer");
    }
    match client.form {
        Form::ErrorStatus => status(step),
        Form::ErrorBody => {
            let reason =
                format!("an error under status {}: SDKs do not raise on it", client.status().unwrap_or_default());
            Found::fail(reason).at(Level::Must).with(step.client_evidence(client.error_text()))
        }
        Form::Stream => in_stream(step),
        Form::Unreadable => unreadable(step),
        Form::Unary | Form::Nothing => Found::not_exercised("the client got no error"),
    }
}

fn status(step: &StepView<'_>) -> Found {
    let client = &step.client;
    let status = client.status().unwrap_or_default();
    if !(400..600).contains(&status) {
        let reason = format!("status {status} is no error status");
        return Found::fail(reason).at(Level::Must).with(step.client_evidence(client.error_text()));
    }
    if client.error.is_none() {
        let reason = format!("the body of status {status} is no error of {}", client.exchange.api);
        if handed_on(step, status) {
            return Found::pass_for(format!("{reason}, nor was the leg's, handed on as declared"));
        }
        return Found::warn(reason)
            .with(step.client_evidence(client.error_text().chars().take(400).collect::<String>()));
    }
    Found::pass()
}

/// Whether it is the error of a leg, byte by byte, from a proxy that declares to hand on what a leg sends: servers have
/// other shapes than the vendor whose API they speak.
fn handed_on(step: &StepView<'_>, status: u16) -> bool {
    let declared = matches!(step.policy().passthrough, Some(Passthrough::Json | Passthrough::Bytes));
    let is_that = |call: &Call<'_>| call.exchange.status == status && call.body() == step.client.body;
    declared && step.calls.iter().any(is_that)
}

/// A 2xx whose body is no answer and no error of the API. Half a JSON body is a transport's matter: an SDK raises on it.
fn unreadable(step: &StepView<'_>) -> Found {
    let client = &step.client;
    if client.broke() || client.body.is_empty() {
        return Found::not_exercised("the client got no error");
    }
    let begins_json = client.body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| *byte == b'{');
    let half = begins_json && serde_json::from_slice::<serde::de::IgnoredAny>(&client.body).is_err();
    let status = client.status().unwrap_or_default();
    let got: String = client.error_text().chars().take(400).collect();
    if half {
        return Found::warn(format!("half a JSON body under status {status}")).with(step.client_evidence(got));
    }
    let reason =
        format!("under status {status} comes a body that is neither an answer nor an error of {}", client.exchange.api);
    Found::fail(reason).at(Level::Must).with(step.client_evidence(got))
}

fn in_stream(step: &StepView<'_>) -> Found {
    let client = &step.client;
    let Some(error) = client.answer.errors.first() else {
        return Found::not_exercised("the client got no error");
    };
    if client.answer.visible_error().is_none() {
        let reason = format!("the official SDK of {} drops this error: {}", client.exchange.api, error.message);
        return Found::fail(reason).at(Level::Must).with(step.client_evidence(&error.message));
    }
    // Where every leg failed by its status, the proxy knew before its first byte.
    let known_before = !step.calls.is_empty() && step.calls.iter().all(|call| call.reach == Reach::Nothing);
    if known_before && !step.hearing.anything() {
        let status = client.status().unwrap_or_default();
        let reason = format!("an error in a stream under status {status}, though no leg had begun to answer");
        return Found::warn(reason).with(step.client_evidence(&error.message));
    }
    Found::pass()
}
