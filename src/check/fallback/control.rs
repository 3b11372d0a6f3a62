//! `fallback.same-as-control`: what the failure changed in the request.

use super::NONE;
use crate::api::compare::{Difference, continuation_additions, differences, without_words};
use crate::api::{ApiId, Conversation};
use crate::check::Evidence;
use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::{Found, worst};
use crate::check::view::{Call, StepView};
use crate::history::{Continuation, Control};
use crate::wire::Request;

/// Differences that are shown.
const MOST_SHOWN: usize = 20;

/// `fallback.same-as-control`.
pub(in crate::check) const SAME_AS_CONTROL: Check = Check {
    judge: Judge::Step(same_as_control),
    info: CheckInfo {
        id: "fallback.same-as-control",
        level: Level::Must,
        requirement: "The fallback's request is what this proxy sends to the same target when that is the only leg and \
                      nothing is broken, except for what a recognised continuation adds.",
        rationale: "Whatever a proxy does to every request (translation, guardrails, clamps) is in the control too, so \
                    what is left is what the failure changed.",
        passes: "The same conversation, tools and parameters; after content also one turn that quotes what was said, or \
                 a lower token limit.",
        fails: "An instruction added to the system prompt, a lost tool, a changed parameter.",
        sources: &["https://github.com/BerriAI/litellm/issues/18229", "https://github.com/BerriAI/litellm/pull/33738"],
    },
};

fn same_as_control(step: &StepView<'_>) -> Found {
    // A request to go on is judged on whatever leg it reaches.
    let calls = step.calls.iter().enumerate().filter(|(number, call)| {
        call.is_fallback() || (*number > 0 && call.exchange.continuation != Continuation::None)
    });
    let found = calls.map(|(_, call)| judge(step, call));
    worst(found).unwrap_or_else(|| Found::not_exercised(NONE))
}

fn judge(step: &StepView<'_>, call: &Call<'_>) -> Found {
    let (request, unique) = match step.control(call.name()) {
        Some(Control::Done { request, unique, .. }) => (request, unique),
        Some(Control::Failed { status, text, .. }) => return Found::skip(format!("control: {status} {text}")),
        Some(Control::Missing { reason }) => return Found::skip(format!("no control: {reason}")),
        None => return Found::skip("no control"),
    };
    let Some(got) = StepView::conversation(call) else {
        return Found::fail("the request is no JSON").with(step.evidence(call));
    };
    let Some(control) = read(request, call) else {
        return Found::skip("no control: its request is of another API or no JSON");
    };
    let words = [step.history.unique.clone(), unique.clone()];
    let (control, got) = (without_words(&control, &words), without_words(&got, &words));
    let rest = continuation_additions(&control, &got, &call.exchange.continuation);
    let evidence: Vec<Evidence> =
        differences(&control, &rest).into_iter().take(MOST_SHOWN).map(|found| shown(step, call, found)).collect();
    let paths: Vec<&str> = evidence.iter().filter_map(|evidence| evidence.path.as_deref()).collect();
    if paths.is_empty() {
        return Found::pass();
    }
    let reason = format!("the request to `{}` differs from its control in {}", call.name(), paths.join(", "));
    let Continuation::Unrecognised { reason: why } = &call.exchange.continuation else {
        return Found::fail(reason).with_all(evidence);
    };
    // Turns behind the client's last may be a continuation that is worded in a way nobody here understands.
    let as_if = continuation_additions(&control, &got, &Continuation::UserMessage { quoted: String::new() });
    if differences(&control, &as_if).is_empty() {
        let reason = format!("{reason}, which may be a continuation, but is not recognised as one: {why}");
        return Found::inconclusive(reason).with_all(evidence);
    }
    let reason = format!("{reason} and asks to continue in a way that is not recognised");
    Found::fail(reason).with_all(evidence)
}

/// The control's request, in the API of the call.
pub(super) fn read(control: &Request, call: &Call<'_>) -> Option<Conversation> {
    let path = control.target.split('?').next().unwrap_or_default();
    let api = ApiId::of_path(path)?;
    (Some(api.id()) == call.exchange.api).then(|| api.read(control))?
}

fn shown(step: &StepView<'_>, call: &Call<'_>, difference: Difference) -> Evidence {
    let text = |value: Option<serde_json::Value>| value.map(|value| value.to_string());
    Evidence {
        path: Some(difference.path),
        expected: text(difference.expected),
        got: text(difference.got),
        ..step.evidence(call)
    }
}
