//! `error.not-self-inflicted`: the refusal of what the proxy itself edited never reaches the client.

use super::plain;
use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::{Found, worst};
use crate::check::view::{Call, StepView};
use crate::history::{Control, Refusal};

/// `error.not-self-inflicted`.
pub(in crate::check) const NOT_SELF_INFLICTED: Check = Check {
    judge: Judge::Step(not_self_inflicted),
    info: CheckInfo {
        id: "error.not-self-inflicted",
        level: Level::Must,
        requirement: "If the client's request is acceptable to the target, no 4xx that the proxy's own edit caused \
                      reaches the client.",
        rationale: "The user is told that the request is wrong, and it is the proxy's.",
        passes: "The original error, or an answer.",
        fails: "The fallback's refusal of an edited request, as a status or inside the stream.",
        sources: &["https://github.com/BerriAI/litellm/issues/27967"],
    },
};

fn not_self_inflicted(step: &StepView<'_>) -> Found {
    let refusals = step.calls.iter().filter_map(|call| call.exchange.refused.as_ref().map(|refusal| (call, refusal)));
    if let Some(found) = worst(refusals.map(|(call, refusal)| judge(step, call, refusal))) {
        return found;
    }
    match step.client.status() {
        Some(status @ 400..500) => Found::pass_for(format!("status {status} is not of the proxy's making")),
        _ if step.fallback_calls().next().is_some() => Found::pass(),
        _ => Found::not_exercised("no fallback was asked, and the client saw no 4xx"),
    }
}

fn judge(step: &StepView<'_>, call: &Call<'_>, refusal: &Refusal) -> Found {
    match step.control(call.name()) {
        Some(Control::Done { .. }) => {}
        Some(Control::Failed { status, text, .. }) => return Found::skip(format!("control: {status} {text}")),
        Some(Control::Missing { reason }) => return Found::skip(format!("no control: {reason}")),
        None => return Found::skip("no control"),
    }
    let Some(where_) = reaches(step, call, refusal) else {
        return Found::pass_for(format!("`{}` refused an edited request, and the client is not told", call.name()));
    };
    let reason = format!(
        "`{}` accepts the client's request (control), refuses what the proxy made of it, and the client gets that \
         refusal {where_}: {}",
        call.name(),
        refusal.error.message
    );
    let found = if refusal.certain {
        Found::fail(reason)
    } else {
        Found::warn(format!("{reason} (a rule without evidence)")).at(Level::Should)
    };
    found.with(step.evidence(call)).with(step.client_evidence(step.client.error_text()))
}

/// Where the client meets a refusal.
fn reaches(step: &StepView<'_>, call: &Call<'_>, refusal: &Refusal) -> Option<&'static str> {
    let told = plain(&step.client.error_text());
    let raw = plain(&String::from_utf8_lossy(&step.client.body));
    let message = plain(&refusal.error.message);
    let whole_error = step.client.sees_error() && raw.contains(&message);
    if told.contains(&message) || whole_error {
        return Some("in its error");
    }
    // The same status from no other leg can only be the refusal's.
    let status = step.client.status()?;
    let other = step.calls.iter().any(|other| other.index != call.index && other.exchange.status == status);
    let its_own = (400..500).contains(&status) && status == refusal.error.status && !other;
    its_own.then_some("as its status")
}
