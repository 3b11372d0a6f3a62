//! `lifecycle.cancel`: what becomes of the upstream when the client goes.

use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::{Found, worst};
use crate::check::view::{Call, StepView};
use crate::history::{ClientEnd, UpstreamEnd};
use crate::scenario::Millis;

/// How soon an upstream is left where nothing else is declared.
pub(crate) const CANCEL_WITHIN: Millis = Millis(2_000);

/// `lifecycle.cancel`.
pub(in crate::check) const CANCEL: Check = Check {
    judge: Judge::Step(cancel),
    info: CheckInfo {
        id: "lifecycle.cancel",
        level: Level::Must,
        requirement: "When the client leaves, the proxy leaves its upstream.",
        rationale: "Tokens that nobody reads are paid for.",
        passes: "The leg sees the proxy go within the time declared, else within 2 s.",
        fails: "The leg speaks to its end, or a further leg is asked.",
        sources: &[
            "https://github.com/BerriAI/litellm/issues/13774",
            "https://github.com/BerriAI/litellm/issues/37140",
        ],
    },
};

fn cancel(step: &StepView<'_>) -> Found {
    if !step.client.ended(&ClientEnd::Left) {
        return Found::not_exercised("the client did not leave");
    }
    let left = step.client.exchange.ended_at;
    let found = step.calls.iter().filter_map(|call| judge(step, call, left));
    worst(found).unwrap_or_else(|| Found::not_exercised("no leg was still speaking when the client left"))
}

fn judge(step: &StepView<'_>, call: &Call<'_>, left: u64) -> Option<Found> {
    let limit = limit(step, call);
    let micros = limit.0.saturating_mul(1_000);
    let after = call.exchange.ended_at.saturating_sub(left);
    let name = call.name();
    if call.exchange.at > left.saturating_add(micros) {
        let reason = format!("`{name}` was asked {} ms after the client had left", (call.exchange.at - left) / 1_000);
        return Some(Found::fail(reason).with(step.evidence(call)));
    }
    if call.exchange.ended_at <= left {
        return None;
    }
    let late = format!("{} ms after the client had left, {limit} allowed", after / 1_000);
    let spoken = format!("{} bytes were taken from it meanwhile", call.exchange.after_leave);
    let found = match call.exchange.end {
        UpstreamEnd::ProxyGone if after <= micros => Found::pass(),
        UpstreamEnd::ProxyGone => Found::fail(format!("the proxy left `{name}` only {late}; {spoken}")),
        UpstreamEnd::Complete | UpstreamEnd::Cut(_) if after <= micros => return None,
        UpstreamEnd::Complete | UpstreamEnd::Cut(_) => {
            Found::fail(format!("`{name}` spoke to its end, {late}; {spoken}"))
        }
        UpstreamEnd::CaseOver if after <= micros => {
            Found::inconclusive(format!("the case was over before `{name}` had its {limit}"))
        }
        UpstreamEnd::CaseOver => Found::fail(format!("the proxy never left `{name}`; {spoken}")),
    };
    Some(found.with(step.evidence(call)))
}

fn limit(step: &StepView<'_>, call: &Call<'_>) -> Millis {
    let expected = step.plan.expect.cancelled.get(call.name()).copied();
    expected.or(step.policy().cancel_within).unwrap_or(CANCEL_WITHIN)
}
