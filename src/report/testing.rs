//! A fixed failure for the golden tests: a continuation by prefill, refused by the fallback's model.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{ApiError, ApiId, Level};
use crate::check::{Run, Speaker, Value as Verdicted, Verdict};
use crate::diagnostic::SourceFile;
use crate::history::{
    BarrierEnd, ClientEnd, ClientExchange, Continuation, Control, FORMAT, History, ProxyFacts, Refusal, ResponseHead,
    Said, StepHistory, Stray, UpstreamEnd, UpstreamExchange,
};
use crate::runner::testing::{case, shape};
use crate::runner::{CaseReport, Judged};
use crate::scenario::Outcome;
use crate::wire::{Chunk, Headers, Request};

const SAID: &str = "baluon tikexan";

fn request(target: &str, body: &Value) -> Request {
    Request {
        method: "POST".to_owned(),
        target: target.to_owned(),
        headers: Headers::default(),
        body: body.to_string().into_bytes().into(),
    }
}

fn client() -> ClientExchange {
    let delta = |text: &str| {
        let event = json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]});
        format!("data: {event}\n\n")
    };
    let error = json!({"error": {"message": "This model does not support assistant message prefill.", "type": "x"}});
    let body = [delta("baluon"), delta(" tikexan"), delta(" sorry"), format!("data: {error}\n\n")].concat();
    ClientExchange {
        api: ApiId::OpenaiChat,
        stream: true,
        request: request("/v1/chat/completions", &json!({"model": "s1", "messages": [], "stream": true})),
        sent_at: 100,
        response: Some(ResponseHead { at: 900, status: 200, headers: Headers::default() }),
        chunks: vec![Chunk { at: 1_000, data: body.into_bytes().into() }],
        paused: None,
        end: ClientEnd::Complete,
        ended_at: 2_000,
    }
}

fn upstream(leg: &str, body: &Value, refused: Option<Refusal>) -> UpstreamExchange {
    UpstreamExchange {
        leg: leg.to_owned(),
        api: Some(ApiId::AnthropicMessages),
        attempt: 1,
        at: 500,
        request: request(&format!("/s1/{leg}/v1/messages"), body),
        side_call: false,
        status: refused.as_ref().map_or(200, |refusal| refusal.error.status),
        refused,
        also_matched: Vec::new(),
        continuation: Continuation::None,
        said: Said::default(),
        sent: Vec::new(),
        silences: Vec::new(),
        barrier: BarrierEnd::Seen,
        gate_opened: None,
        gated: false,
        end: UpstreamEnd::Complete,
        ended_at: 800,
        after_leave: 0,
    }
}

/// The history of the failure.
pub(super) fn history() -> History {
    let user = json!({"role": "user", "content": "Recite the pangram. gorix"});
    let control = json!({"model": "claude-sonnet-4-6", "max_tokens": 64, "system": "You are terse.",
        "messages": [{"role": "user", "content": "Recite the pangram. pelun"}]});
    let asked = json!({"model": "claude-sonnet-4-6", "max_tokens": 64, "system": "You are terse. Go on.",
        "messages": [user, {"role": "assistant", "content": SAID}]});
    let refusal = Refusal {
        rule: "anthropic-prefill-unsupported".to_owned(),
        error: ApiError {
            status: 400,
            kind: "invalid_request_error".to_owned(),
            message: "This model does not support assistant message prefill.".to_owned(),
            code: None,
            param: None,
        },
        certain: true,
    };
    let mut case = case("prefill", "error_event,claude-sonnet-4-6");
    case.shape = shape(&["anthropic/claude-opus-4-1", "anthropic/claude-sonnet-4-6"]);
    case.summary = Some("A stream that dies mid-answer falls back to a model that may reject prefill".to_owned());
    case.line = 3;
    let control = Control::Done {
        request: request("/c1/fallback/v1/messages", &control),
        unique: "pelun".to_owned(),
        client: Box::new(client()),
    };
    let stray = Stray {
        place: "s9/primary".to_owned(),
        request: request("/s9/primary/v1/messages", &json!({})),
        reason: "no case runs on this slot".to_owned(),
    };
    History {
        format: FORMAT,
        crossfade: "0.1.0".to_owned(),
        case,
        proxy: ProxyFacts { name: "p".to_owned(), ..ProxyFacts::default() },
        unique: "gorix".to_owned(),
        steps: vec![StepHistory {
            client: client(),
            upstream: vec![
                upstream("primary", &json!({"model": "claude-opus-4-1", "messages": [user]}), None),
                upstream("fallback", &asked, Some(refusal)),
            ],
            controls: BTreeMap::from([("fallback".to_owned(), control)]),
        }],
        beside: Vec::new(),
        strays: vec![stray],
        survived: None,
        misrouted: None,
        words: None,
        shared_ids: None,
    }
}

fn verdict(check: &str, level: Level, value: Verdicted, reason: &str) -> Judged {
    let verdict = Verdict { check: check.to_owned(), level, value, reason: reason.to_owned(), evidence: Vec::new() };
    Judged { verdict, known: None }
}

/// The report of the failure.
pub(super) fn failure() -> CaseReport {
    let history = history();
    let speaker = |from| Speaker { exchange: 0, leg: "primary".to_owned(), voice: "primary".to_owned(), from };
    CaseReport {
        skipped: None,
        outcomes: vec![Some(Outcome::Error)],
        texts: vec![vec![
            Run { text: SAID.to_owned(), speaker: Some(speaker(0)) },
            Run { text: " sorry".to_owned(), speaker: None },
        ]],
        verdicts: vec![
            verdict("route.reached", Level::Must, Verdicted::Pass, ""),
            verdict("fallback.accepted", Level::Must, Verdicted::Fail, "`fallback` refused the only request it got"),
            verdict("stream.grammar", Level::Should, Verdicted::Warn, "no finish"),
            verdict("stream.text", Level::Must, Verdicted::Inconclusive("it was loaded".to_owned()), ""),
            verdict("fallback.credentials", Level::Must, Verdicted::Skip("one key".to_owned()), ""),
            verdict("lifecycle.cancel", Level::Must, Verdicted::NotExercised, ""),
        ],
        flaky: Vec::new(),
        plays: crate::runner::Plays::default(),
        kept: Some(PathBuf::from(".crossfade/runs/2026/prefill/error_event")),
        repeat: "crossfade run prefill.yaml --filter 'prefill[error_event]' --proxy p".to_owned(),
        source: Some(SourceFile::new("prefill.yaml", "scenario: prefill\nlegs:\n  primary: {cut: {}}\n")),
        took: Duration::from_millis(1_500),
        case: Arc::new(history.case.clone()),
        history: Some(Arc::new(history)),
    }
}
