//! `lifecycle.bounded`: silence comes to an end.

use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::{Found, worst};
use crate::check::view::{Call, StepView};
use crate::history::{ClientEnd, UpstreamEnd};
use crate::scenario::Millis;

/// What a proxy may take beyond its timeout.
const GRACE: Millis = Millis(10_000);

/// `lifecycle.bounded`.
pub(in crate::check) const BOUNDED: Check = Check {
    judge: Judge::Step(bounded),
    info: CheckInfo {
        id: "lifecycle.bounded",
        level: Level::Must,
        requirement: "A leg that falls silent is left within the timeout that is set, and 10 s more.",
        rationale: "A user waits in front of a stream that stands still, and a connection is held for it on both sides.",
        passes: "The proxy leaves the silent leg, whatever it does then.",
        fails: "It waits on. Where no timeout is set, nothing bounds the silence, and the case is not judged.",
        sources: &[
            "https://github.com/QuantumNous/new-api/pull/4060",
            "https://github.com/BerriAI/litellm/issues/40404",
        ],
    },
};

fn bounded(step: &StepView<'_>) -> Found {
    let silent = step.calls.iter().filter(|call| call.stalls());
    let found = silent.map(|call| judge(step, call));
    worst(found).unwrap_or_else(|| Found::not_exercised("no leg fell silent"))
}

fn judge(step: &StepView<'_>, call: &Call<'_>) -> Found {
    let settings = &step.history.case.settings;
    let said_nothing = call.exchange.sent.is_empty();
    let first = settings.first_byte_timeout.filter(|_| said_nothing);
    let Some(limit) = first.max(settings.idle_timeout) else {
        return Found::skip("a stall without a timeout in the settings: nothing bounds the silence");
    };
    if step.client.ended(&ClientEnd::Left) {
        return Found::not_exercised("the client had left");
    }
    let since = call.exchange.sent.last().map_or(call.exchange.at, |sent| sent.at);
    let silence = call.exchange.ended_at.saturating_sub(since) / 1_000;
    let allowed = limit.0.saturating_add(GRACE.0);
    let name = call.name();
    let found = match call.exchange.end {
        UpstreamEnd::ProxyGone | UpstreamEnd::Cut(_) if silence <= allowed => return Found::pass(),
        UpstreamEnd::CaseOver if silence < allowed => {
            Found::inconclusive(format!("the case was over after {silence} ms of silence; {allowed} ms are allowed"))
        }
        UpstreamEnd::CaseOver => {
            Found::fail(format!("`{name}` was never left: {silence} ms of silence, and {limit} are set"))
        }
        UpstreamEnd::Complete => return Found::not_exercised(format!("`{name}` went on")),
        UpstreamEnd::ProxyGone | UpstreamEnd::Cut(_) => {
            Found::fail(format!("`{name}` was left only after {silence} ms of silence, and {limit} are set"))
        }
    };
    found.with(step.evidence(call))
}
