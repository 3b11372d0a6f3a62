//! `fallback.model`: whether each leg is asked for its own model.

use super::control::read;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::{Found, worst};
use crate::check::view::{Call, StepView};
use crate::check::{Evidence, Level};
use crate::history::Control;

/// `fallback.model`.
pub(in crate::check) const MODEL: Check = Check {
    judge: Judge::Step(model),
    info: CheckInfo {
        id: "fallback.model",
        level: Level::Must,
        requirement: "Each leg is asked for its own model, in a spelling that its route accepts.",
        rationale: "A fallback that is asked for the primary's model answers 404, or another model answers than the one \
                    that was configured and is paid for.",
        passes: "The leg's model in the body or in the path, as the route was given it or as the control spells it.",
        fails: "The primary's model, the client's name of the route, or no model at all.",
        sources: &["https://github.com/BerriAI/litellm/issues/4596", "https://github.com/BerriAI/litellm/issues/35578"],
    },
};

fn model(step: &StepView<'_>) -> Found {
    let found = step.calls.iter().map(|call| judge(step, call));
    worst(found).unwrap_or_else(|| Found::not_exercised("no leg was asked"))
}

fn judge(step: &StepView<'_>, call: &Call<'_>) -> Found {
    let name = call.name();
    let accepted = step.facts(name).map_or(&[][..], |facts| facts.models.as_slice());
    let control = match step.control(name) {
        Some(Control::Done { request, .. }) => Some(request),
        _ => None,
    };
    if accepted.is_empty() {
        return Found::skip(format!("under which names `{name}` may be asked for its model is not known"));
    }
    let path = path(&call.exchange.request.target);
    let asked = StepView::conversation(call).map(|conversation| conversation.model).unwrap_or_default();
    // As the control names it, be that in the body or in the path alone.
    let as_control = control.is_some_and(|request| {
        let model = read(request, call).map(|control| control.model).unwrap_or_default();
        model == asked && (!asked.is_empty() || self::path(&request.target) == path)
    });
    // Some APIs, and deployments, name the model in the path; ids and regions stand around it there.
    let in_path = accepted.iter().any(|model| path.contains(model.as_str()));
    let fits =
        as_control || accepted.contains(&asked) || in_path && (asked.is_empty() || !is_other(step, name, &asked));
    if fits {
        return Found::pass();
    }
    if step.history.proxy.attached {
        return Found::skip("attached: which model its routes name is not known");
    }
    let whose = step.history.proxy.legs.iter().find(|facts| facts.name != name && facts.models.contains(&asked));
    let whose = whose.map_or(String::new(), |facts| format!(", the model of `{}`", facts.name));
    let got = if asked.is_empty() { path.clone() } else { asked };
    let reason = format!("`{name}` was asked for {got:?}{whose}");
    Found::fail(reason).with(Evidence {
        path: Some("model".to_owned()),
        expected: Some(accepted.join(" or ")),
        got: Some(got),
        ..step.evidence(call)
    })
}

/// Whether this is the model of another leg alone.
fn is_other(step: &StepView<'_>, name: &str, model: &str) -> bool {
    let mut legs = step.history.proxy.legs.iter();
    legs.any(|facts| facts.name != name && facts.models.iter().any(|other| other == model))
}

/// The path of a target, decoded as far as model names need it.
fn path(target: &str) -> String {
    let path = target.split('?').next().unwrap_or_default();
    path.replace("%3A", ":").replace("%3a", ":").replace("%2F", "/").replace("%2f", "/")
}
