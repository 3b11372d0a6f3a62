//! `stream.finish`: whether the client is told why the answer ended.

use crate::api::{Completion, FinishReason, Part};
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::view::StepView;
use crate::check::{Evidence, Level};

/// `stream.finish`.
pub(in crate::check) const FINISH: Check = Check {
    judge: Judge::Step(finish),
    info: CheckInfo {
        id: "stream.finish",
        level: Level::Must,
        requirement: "The finish reason is that of the leg that finished the answer.",
        rationale: "Clients go on asking at `length`, call tools at `tool_calls`, and show a refusal as one: an answer that \
                    was cut short by its limit and is told as `stop` is taken for whole.",
        passes: "The same reason in the client API's words.",
        fails: "An answer that hit its token limit, or was refused, and is told as `stop` or `tool_calls`. Any other change \
                warns.",
        sources: &["https://github.com/NousResearch/hermes-agent/pull/7693"],
    },
};

fn finish(step: &StepView<'_>) -> Found {
    let Some(call) = step.ending.finisher.map(|number| &step.calls[number]) else {
        return Found::not_exercised("the client got no answer that a leg finished");
    };
    if call.disobeys() {
        return Found::skip(format!("`{}` is scripted to disobey", call.name()));
    }
    let (Some(said), Some(told)) = (call.completion.finishes.last(), step.client.answer.finishes.last()) else {
        return Found::not_exercised("no finish reason was told");
    };
    if same(&call.completion, said.reason, &step.client.answer, told.reason) {
        return Found::pass();
    }
    let has_no_word = step.client.api.is_some_and(|api| !api.features().tells_refusals);
    if said.reason == FinishReason::Refusal && told.reason == FinishReason::Stop && has_no_word {
        return Found::pass_for("the client's API has no word for a refusal");
    }
    let reason = format!("`{}` finished with {}, and the client is told {}", call.name(), said.raw, told.raw);
    let cut_short = matches!(said.reason, FinishReason::Length | FinishReason::Refusal);
    let looks_whole = matches!(told.reason, FinishReason::Stop | FinishReason::ToolCalls);
    let found = if cut_short && looks_whole { Found::fail(reason) } else { Found::warn(reason).at(Level::Should) };
    found.with(Evidence {
        exchange: step.client_name(),
        path: Some(format!("byte {}", told.offset)),
        expected: Some(said.raw.clone()),
        got: Some(told.raw.clone()),
    })
}

/// Whether two reasons say the same.
fn same(from: &Completion, said: FinishReason, to: &Completion, told: FinishReason) -> bool {
    use FinishReason::{Other, Refusal, Stop, ToolCalls};
    let has = |answer: &Completion, of: fn(&Part) -> bool| answer.parts.iter().any(of);
    match (said, told) {
        // Some vendors have no word of their own for an answer that calls tools.
        (Stop, ToolCalls) => has(from, |part| matches!(part, Part::ToolCall { .. })),
        // A refusal may be told in a place of its own, on either side.
        (Refusal, Stop) => has(to, |part| matches!(part, Part::Refusal { .. })),
        (Stop, Refusal) => has(from, |part| matches!(part, Part::Refusal { .. })),
        // What only one API knows has no one translation.
        (Other, _) | (_, Other) => true,
        (said, told) => said == told,
    }
}
