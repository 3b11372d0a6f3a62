//! `fallback.attempts`: no leg is asked again for nothing, and none too often.

use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::{Found, worst};
use crate::check::view::{Call, StepView, every_two};
use crate::history::Continuation;

/// `fallback.attempts`.
pub(in crate::check) const ATTEMPTS: Check = Check {
    judge: Judge::Step(attempts),
    info: CheckInfo {
        id: "fallback.attempts",
        level: Level::Must,
        requirement: "No leg is sent the same request again after a deterministic 4xx, no leg is asked more often than \
                      the retries allow, and no more fallbacks than the settings do.",
        rationale: "A request that was refused for what it says is refused again; each further try costs the user time.",
        passes: "One request to each leg, or as many as the declared retries allow.",
        fails: "The same body sent to the same leg after a 400, 401, 403, 404 or 422; a second fallback where \
                `max_fallbacks` is 1.",
        sources: &[
            "https://github.com/lobehub/lobehub/pull/14398",
            "https://github.com/QuantumNous/new-api/issues/2899",
        ],
    },
};

fn attempts(step: &StepView<'_>) -> Found {
    let repeated = step.calls.iter().any(|call| call.exchange.attempt > 1);
    if !repeated && step.calls.iter().all(Call::finished) {
        return Found::not_exercised("no leg failed, and none was asked twice");
    }
    let legs = step.history.case.shape.legs.iter();
    let found = legs.filter_map(|leg| {
        let calls: Vec<&Call<'_>> = step.calls.iter().filter(|call| call.name() == leg.name).collect();
        worst([in_vain(step, &calls), too_many(step, &calls)].into_iter().flatten())
    });
    worst(found.chain(too_far(step))).unwrap_or_else(Found::pass)
}

/// More legs than the settings allow. Which of them comes first is the proxy's choice.
fn too_far(step: &StepView<'_>) -> Option<Found> {
    let most = step.history.case.settings.max_fallbacks.filter(|_| step.hedge() <= 1)?;
    let mut asked: Vec<&str> = Vec::new();
    let beyond = step.calls.iter().find(|call| {
        if !asked.contains(&call.name()) {
            asked.push(call.name());
        }
        asked.len() > most as usize + 1
    })?;
    let reason = format!("`{}` was asked, a fallback more than the {most} allowed", beyond.name());
    Some(Found::fail(reason).with(step.evidence(beyond)))
}

/// The same request again, after an answer that another try cannot change.
fn in_vain(step: &StepView<'_>, calls: &[&Call<'_>]) -> Option<Found> {
    let (first, second) = every_two(calls).find(|(first, second)| {
        // Asked at the same time, the second could not know of the answer to the first.
        first.failed_for_good() && second.exchange.at >= first.exchange.ended_at && same_request(first, second)
    })?;
    let mut evidence = step.evidence(second);
    evidence.expected = Some(format!("no second try after {}", step.upstream(first.index)));
    let reason =
        format!("`{}` got the same request again after it had answered {}", first.name(), first.exchange.status);
    Some(Found::fail(reason).with(evidence))
}

/// Equal by content, and with the same key.
fn same_request(one: &Call<'_>, other: &Call<'_>) -> bool {
    let (a, b) = (&one.exchange.request, &other.exchange.request);
    let same_body = match (a.json(), b.json()) {
        (Some(a), Some(b)) => a == b,
        _ => a.body == b.body,
    };
    a.method == b.method && a.target == b.target && same_body && one.key() == other.key()
}

/// More attempts than the settings and the proxy's promise allow. A request to go on is no attempt at the same thing.
fn too_many(step: &StepView<'_>, calls: &[&Call<'_>]) -> Option<Found> {
    let tries: Vec<&&Call<'_>> = calls
        .iter()
        .enumerate()
        .filter(|(number, call)| {
            call.exchange.continuation == Continuation::None
                || calls[..*number].iter().any(|earlier| same_request(earlier, call))
        })
        .map(|(_, call)| call)
        .collect();
    let set = step.history.case.settings.retries.unwrap_or(0);
    let declared = step.policy().retries;
    let promised = declared.map_or(0, |retries| retries.same_leg + retries.other_key);
    let allowed = (1 + set.max(promised)).max(step.hedge()) as usize;
    let last = tries.last().filter(|_| tries.len() > allowed)?;
    let reason = format!("`{}` was asked {} times, {allowed} allowed", last.name(), tries.len());
    Some(Found::undeclared(declared.is_some(), reason).with(step.evidence(last)))
}
