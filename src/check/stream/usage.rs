//! `stream.usage`: whose tokens the client is told.

use crate::api::Usage;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::view::{Call, StepView};
use crate::check::{Evidence, Level};
use crate::history::UpstreamEnd;
use crate::proxy::UsageChoice;

/// `stream.usage`.
pub(in crate::check) const USAGE: Check = Check {
    judge: Judge::Step(usage),
    info: CheckInfo {
        id: "stream.usage",
        level: Level::Should,
        requirement: "The usage that the client is told is the last leg's, or the sum of all legs', as declared; it is there \
                      if it was asked for.",
        rationale: "Users are billed by it. Tokens of a leg that broke off were paid for, and tokens of another leg alone \
                    are nobody's.",
        passes: "The declared choice; undeclared, either of the two.",
        fails: "Numbers that no leg reported, another leg's alone, or none where they were asked for. Undeclared, this \
                warns.",
        sources: &[
            "https://github.com/QuantumNous/new-api/pull/4060",
            "https://github.com/BerriAI/litellm/issues/40404",
        ],
    },
};

fn usage(step: &StepView<'_>) -> Found {
    let Some(finisher) = step.ending.finisher.map(|number| &step.calls[number]) else {
        return Found::not_exercised("the client got no answer that a leg finished");
    };
    let declared = step.policy().usage;
    let told = step.client.answer.usage.as_ref().and_then(Usage::read);
    if declared == Some(UsageChoice::None) {
        return match told {
            // Some APIs have no answer without the numbers.
            Some(told) if told == Usage::default() => {
                Found::pass_for("the usage is 0 throughout: none is told, as declared")
            }
            Some(_) => Found::fail("usage is told; the proxy declares to tell none").with(shown(step, None, told)),
            None => Found::pass_for("no usage is told, as declared"),
        };
    }
    let Some(last) = of(finisher) else {
        return Found::not_exercised(format!("`{}` reported no usage", finisher.name()));
    };
    if finisher.damages() {
        return Found::not_exercised(format!("part of what `{}` sent cannot be read", finisher.name()));
    }
    if !asked(step) && told.is_none() {
        return Found::not_exercised("the client did not ask for usage");
    }
    let sum = step.calls.iter().filter_map(of).fold(Usage::default(), |sum, usage| Usage {
        input: sum.input + usage.input,
        output: sum.output + usage.output,
    });
    let is_sum = told == Some(sum) || told.is_some_and(|told| partly_read(step, finisher) && between(last, told, sum));
    let (fits, expected) = match declared {
        Some(UsageChoice::Last) => (told == Some(last), last),
        Some(UsageChoice::Sum) => (is_sum, sum),
        Some(UsageChoice::None) | None => (told == Some(last) || is_sum, last),
    };
    if fits {
        return Found::pass();
    }
    let others = || step.calls.iter().filter(|call| call.index != finisher.index);
    let whose = others().find(|call| of(call).is_some() && of(call) == told);
    let reason = match (told, whose) {
        (None, _) => "the client asked for usage and is told none".to_owned(),
        (Some(_), Some(call)) => {
            format!(
                "the usage that the client is told is that of `{}` alone; `{}` finished",
                call.name(),
                finisher.name()
            )
        }
        (Some(told), None) => {
            format!(
                "the client is told {} tokens in and {} out; `{}` reported {} and {}, all legs together {} and {}",
                told.input,
                told.output,
                finisher.name(),
                last.input,
                last.output,
                sum.input,
                sum.output
            )
        }
    };
    Found::undeclared(declared.is_some(), reason).with(shown(step, Some(expected), told))
}

/// Whether another leg went on to speak, and to count, after the proxy had left it.
fn partly_read(step: &StepView<'_>, finisher: &Call<'_>) -> bool {
    let mut others = step.calls.iter().filter(|call| call.index != finisher.index);
    if step.hedge() > 1 && others.clone().any(|call| call.leg != finisher.leg) {
        // Of a hedged request only the first leg to begin is heard, whatever the others had come to.
        return true;
    }
    others.any(|call| call.damages() || matches!(call.exchange.end, UpstreamEnd::ProxyGone | UpstreamEnd::CaseOver))
}

fn between(least: Usage, told: Usage, most: Usage) -> bool {
    (least.input..=most.input).contains(&told.input) && (least.output..=most.output).contains(&told.output)
}

fn of(call: &Call<'_>) -> Option<Usage> {
    call.completion.usage.as_ref().and_then(Usage::read)
}

/// Whether the client's API tells usage for this request.
fn asked(step: &StepView<'_>) -> bool {
    let client = &step.client;
    let request = client.exchange.request.json().unwrap_or_default();
    client.api.is_some_and(|api| api.tells_usage(&request))
}

fn shown(step: &StepView<'_>, expected: Option<Usage>, got: Option<Usage>) -> Evidence {
    let text = |usage: Usage| format!("{} in, {} out", usage.input, usage.output);
    Evidence {
        exchange: step.client_name(),
        path: Some("usage".to_owned()),
        expected: expected.map(text),
        got: got.map(text),
    }
}
