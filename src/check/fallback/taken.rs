//! `fallback.taken`: a failure before content leads to the next leg, to the end of the chain.

use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::view::{Call, Reach, StepView};
use crate::history::{ClientEnd, UpstreamEnd};
use crate::proxy::{BeforeContent, Passthrough};

/// `fallback.taken`.
pub(in crate::check) const TAKEN: Check = Check {
    judge: Judge::Step(taken),
    info: CheckInfo {
        id: "fallback.taken",
        level: Level::Should,
        requirement: "A failure before any content leads to the next leg, until one answers or the chain is at its end.",
        rationale: "A fallback that is configured and not asked is an outage that was paid to be avoided. The events that \
                    precede content are no content: the client has nothing yet that a new answer would contradict.",
        passes: "The next leg is asked after an error status, a broken connection, or an error as the first event; an \
                 error to the client once every leg has failed.",
        fails: "No other leg is asked, or a leg further down the chain is left out. Contrary to a declared \
                `before_content`, or to a `fallback_on` that the scenario sets, this fails; undeclared, it warns.",
        sources: &[
            "https://github.com/agentgateway/agentgateway/issues/1087",
            "https://github.com/BerriAI/litellm/issues/35578",
            "https://github.com/maximhq/bifrost/issues/5395",
            "https://github.com/musistudio/claude-code-router/pull/1759",
            "https://github.com/BerriAI/litellm/issues/24004",
        ],
    },
};

fn taken(step: &StepView<'_>) -> Found {
    let legs = step.history.case.shape.legs.len();
    if legs < 2 {
        return Found::not_exercised("there is no other leg");
    }
    let Some(failed) = step.calls.iter().find(|call| call.reach < Reach::Content) else {
        return Found::not_exercised("no leg failed before content");
    };
    if step.calls.iter().any(|call| call.reach >= Reach::Content && !call.finished()) {
        return Found::not_exercised("content had been sent when a leg failed");
    }
    let next = step.calls.iter().filter(|call| call.exchange.at >= failed.exchange.at);
    let mut next = next.filter(|call| call.leg > failed.leg);
    if step.policy().before_content == Some(BeforeContent::Error) {
        return match next.next() {
            Some(call) => {
                Found::fail("another leg was asked; the proxy declares to give the error").with(step.evidence(call))
            }
            None => Found::pass_for("the client got the error, as declared"),
        };
    }
    let last = step.calls.iter().max_by_key(|call| (call.leg, call.index)).unwrap_or(failed);
    if step.calls.iter().any(Call::finished) {
        return Found::pass_for(format!("`{}` failed, and another request was answered", failed.name()));
    }
    if last.leg.is_none_or(|leg| leg + 1 >= legs) {
        return Found::pass_for("every leg was asked");
    }
    left_out(step, last)
}

/// The chain ended at a leg that is not its last.
fn left_out(step: &StepView<'_>, last: &Call<'_>) -> Found {
    let case = &step.history.case;
    let asked = last.leg.unwrap_or_default();
    if let Some(most) = case.settings.max_fallbacks.filter(|most| asked as u64 >= u64::from(*most)) {
        return Found::pass_for(format!("no more than {most} fallbacks are to be asked"));
    }
    if step.plan.client.body.is_some() {
        return Found::not_exercised("the client's request says more than its API, perhaps about fallbacks");
    }
    if step.client.ended(&ClientEnd::Left) || last.exchange.end == UpstreamEnd::CaseOver {
        return Found::not_exercised(format!("`{}` had not failed when the case was over", last.name()));
    }
    let what = last.got();
    let set = case.settings.fallback_on.as_ref();
    let on = set.or(step.policy().fallback_on.as_ref());
    if !last.leads_on(on.map(Vec::as_slice)) {
        return Found::not_exercised(format!("{what}: not a failure that leads to the next leg"));
    }
    let next = &case.shape.legs[asked + 1].name;
    let reason = format!("{what}, and `{next}` was not asked");
    if last.reach > Reach::Nothing && step.policy().passthrough == Some(Passthrough::Bytes) {
        let reason = format!("{reason}: the proxy, as it declares, had handed on the bytes that came before");
        return Found::warn(reason).with(step.evidence(last));
    }
    let declared = step.policy().before_content == Some(BeforeContent::Fallback) || set.is_some();
    Found::undeclared(declared, reason).with(step.evidence(last))
}
