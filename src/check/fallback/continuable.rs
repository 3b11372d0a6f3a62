//! `fallback.continuable`: nobody is asked to go on with what prose cannot continue.

use super::NONE;
use crate::api::Part;
use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::view::{Call, Reach, StepView};
use crate::history::Continuation;

/// `fallback.continuable`.
pub(in crate::check) const CONTINUABLE: Check = Check {
    judge: Judge::Step(continuable),
    info: CheckInfo {
        id: "fallback.continuable",
        level: Level::Should,
        requirement: "No leg is asked to go on where the request has tools or a format, or where what was delivered is not \
                      plain text.",
        rationale: "A model that is asked in prose to go on answers in prose: the tool is never called, the JSON never \
                    closed. Half a tool call and half a thought cannot be quoted at all.",
        passes: "The error, in these cases; a continuation only of plain text.",
        fails: "A request to go on behind half a tool call or thinking, or beside tools or a format.",
        sources: &["https://github.com/BerriAI/litellm/issues/31067", "https://github.com/BerriAI/litellm/pull/31089"],
    },
};

fn continuable(step: &StepView<'_>) -> Found {
    let mut asked = step
        .calls
        .iter()
        .enumerate()
        .filter(|(number, call)| *number > 0 && call.exchange.continuation != Continuation::None);
    let Some((number, call)) = asked.next() else {
        let broken = step.calls.iter().find(|call| call.truncated() && call.reach >= Reach::Content);
        return match broken.and_then(|call| obstacle(step, &[call])) {
            Some(why) => Found::pass_for(format!("{why}, and no leg was asked to go on")),
            None if step.fallback_calls().next().is_none() => Found::not_exercised(NONE),
            None => Found::not_exercised("no leg was asked to go on"),
        };
    };
    let before: Vec<&Call<'_>> = step.calls[..number].iter().collect();
    match obstacle(step, &before) {
        Some(why) => {
            Found::warn(format!("`{}` was asked to go on, though {why}", call.name())).with(step.evidence(call))
        }
        None => Found::pass(),
    }
}

/// What stands against a continuation.
fn obstacle(step: &StepView<'_>, before: &[&Call<'_>]) -> Option<String> {
    let asked = &step.plan.client.conversation;
    let never = asked.tool_choice.as_ref().is_some_and(|choice| choice == "none");
    if !asked.tools.is_empty() && !never {
        return Some("the request has tools".to_owned());
    }
    if asked.format.is_some() {
        return Some("the request has a format".to_owned());
    }
    before.iter().find_map(|call| {
        let part = call.completion.parts.iter().find_map(|part| match part {
            Part::ToolCall { .. } => Some("a tool call"),
            Part::Thinking { .. } => Some("thinking"),
            Part::Refusal { .. } => Some("a refusal"),
            _ => None,
        })?;
        Some(format!("`{}` had sent {part}", call.name()))
    })
}
