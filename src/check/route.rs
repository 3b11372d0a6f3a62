//! `route.*`: whether the case's legs were asked at all, and in their order.

use super::Level;
use super::catalogue::{Check, CheckInfo, Judge};
use super::found::Found;
use super::view::StepView;
use crate::scenario::Toggle;

/// `route.reached`.
pub(super) const REACHED: Check = Check {
    judge: Judge::Step(reached),
    info: CheckInfo {
        id: "route.reached",
        level: Level::Must,
        requirement: "At least one leg of the case is asked, and legs are first asked in their order.",
        rationale: "A proxy that points at the wrong port, or answers by itself, looks healthy in every other check.",
        passes: "The primary is asked first; a fallback, if any, after it.",
        fails: "No leg is asked, or the fallback is asked first. Legs that are asked at the same time warn, unless `hedge` is \
                declared.",
        sources: &[
            "https://github.com/BerriAI/litellm/issues/4596",
            "https://github.com/agentgateway/agentgateway/issues/1087",
        ],
    },
};

fn reached(step: &StepView<'_>) -> Found {
    if step.calls.is_empty() {
        return unreached(step);
    }
    if let Some(call) = step.calls.iter().find(|call| call.leg.is_none()) {
        let reason = format!("`{}` is no leg of this case", call.name());
        return Found::inconclusive(reason).with(step.evidence(call));
    }
    let mut first_asked: Vec<usize> = Vec::new();
    for leg in step.calls.iter().filter_map(|call| call.leg) {
        if !first_asked.contains(&leg) {
            first_asked.push(leg);
        }
    }
    if step.history.case.shape.pool {
        return Found::pass();
    }
    let names = || {
        let legs = &step.history.case.shape.legs;
        let names = first_asked.iter().map(|leg| legs[*leg].name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    let settings = &step.history.case.settings;
    let remembers = settings.affinity == Some(Toggle::On) || settings.cooldown == Some(Toggle::On);
    let in_order = first_asked.is_sorted();
    if step.hedge() > 1 || (in_order && first_asked[0] == 0) {
        return Found::pass();
    }
    let pinned = settings.affinity == Some(Toggle::On) && step.index > 0;
    if pinned && first_asked[1..].is_sorted() {
        return Found::pass_for("the session began on the leg that served it before, as the settings have it");
    }
    let wrong = format!("legs were first asked in this order: {}", names());
    let evidence = step.evidence(&step.calls[0]);
    if in_order && step.index > 0 && remembers {
        return Found::pass_for("a leg was left out, as the settings have it");
    }
    if in_order && step.index > 0 && (settings.affinity.is_none() || settings.cooldown.is_none()) {
        return Found::warn(format!("{wrong}; what an earlier step left behind is not declared")).with(evidence);
    }
    if step.overlapping().is_some() && first_asked.contains(&0) {
        // All of them at once: their order is the network's.
        return Found::undeclared(step.policy().hedge.is_some(), format!("{wrong}, at the same time")).with(evidence);
    }
    Found::fail(wrong).with(evidence)
}

/// Whether an earlier step sent the same request.
fn asked_before(step: &StepView<'_>) -> bool {
    let request = &step.client.exchange.request;
    step.history.steps[..step.index].iter().any(|earlier| earlier.client.request.body == request.body)
}

/// Whether each leg of the case failed in an earlier step, cooldowns are on, and the client is told to wait.
fn all_put_aside(step: &StepView<'_>) -> bool {
    let earlier = || step.history.steps[..step.index].iter().flat_map(|step| &step.upstream);
    let failed =
        |leg: &str| earlier().any(|exchange| exchange.leg == leg && (exchange.status >= 400 || exchange.unanswered()));
    step.history.case.settings.cooldown == Some(Toggle::On)
        && step.client.status().is_some_and(|status| status >= 400)
        && step.history.case.shape.legs.iter().all(|leg| failed(&leg.name))
}

fn unreached(step: &StepView<'_>) -> Found {
    if let Some((index, exchange)) = step.step.upstream.iter().enumerate().find(|(_, exchange)| !exchange.side_call) {
        let mut evidence = step.client_evidence(format!("{} {}", exchange.request.method, exchange.request.target));
        evidence.exchange = step.upstream(index);
        return Found::fail(format!("`{}` was asked on a path that it does not have", exchange.leg)).with(evidence);
    }
    let cache = step.policy().cache.as_deref().unwrap_or("off");
    let got = match step.client.status() {
        Some(status) => format!("the client got status {status}"),
        None => "the client got no response".to_owned(),
    };
    if cache == "semantic" {
        return Found::inconclusive(format!("no leg was asked: a cache by meaning may have answered; {got}"));
    }
    if cache == "exact" && asked_before(step) {
        return Found::pass_for("the same request was answered before, and the cache answers, as declared");
    }
    if all_put_aside(step) {
        return Found::pass_for("every leg had failed and is put aside, as the settings have it");
    }
    let strays = match step.history.strays.first() {
        Some(stray) => {
            format!("; {} strays, the first at {}: {}", step.history.strays.len(), stray.place, stray.reason)
        }
        None => String::new(),
    };
    Found::fail(format!("no leg was asked; {got}{strays}")).with(step.client_evidence(got))
}
