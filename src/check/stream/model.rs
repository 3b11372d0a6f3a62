//! `stream.model`: one model name over a stream.

use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::view::{Form, StepView};
use crate::check::{Evidence, Level};

/// `stream.model`.
pub(in crate::check) const MODEL: Check = Check {
    judge: Judge::Step(model),
    info: CheckInfo {
        id: "stream.model",
        level: Level::Should,
        requirement: "A stream names one model from its first event to its last.",
        rationale: "Clients take the name from any event, for billing and for logs; a name that changes on the way is not \
                    the name of anything.",
        passes: "One name; several where a leg itself names several, or where `answer_edits` declares `model_name`.",
        fails: "A name that changes, at a seam for example. This warns.",
        sources: &["https://github.com/BerriAI/litellm/issues/40404"],
    },
};

fn model(step: &StepView<'_>) -> Found {
    let named = |models: &[String]| models.iter().filter(|model| !model.is_empty()).cloned().collect::<Vec<_>>();
    let models = named(&step.client.answer.models);
    if step.client.form != Form::Stream || models.is_empty() {
        return Found::not_exercised("no stream names a model");
    }
    let own = step.calls.iter().map(|call| named(&call.completion.models).len()).max().unwrap_or_default();
    if models.len() <= own.max(1) {
        return Found::pass();
    }
    let reason = format!("the model's name changes in the stream: {}", models.join(", "));
    let edits = step.policy().answer_edits.as_deref().unwrap_or_default();
    if edits.iter().any(|edit| edit == "model_name") {
        return Found::pass_for(format!("{reason}; the proxy declares to edit it"));
    }
    Found::warn(reason).with(Evidence {
        exchange: step.client_name(),
        path: Some("model".to_owned()),
        expected: models.first().cloned(),
        got: models.last().cloned(),
    })
}
