//! `stream.grammar`: whether an official SDK can read the stream without loss.

use crate::api::{Finding, Level};
use crate::check::Evidence;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::view::{Form, StepView};
use crate::framing::Framing;
use crate::proxy::AfterError;

/// Findings that are shown.
const MOST_SHOWN: usize = 10;

/// `stream.grammar`.
pub(in crate::check) const GRAMMAR: Check = Check {
    judge: Judge::Step(grammar),
    info: CheckInfo {
        id: "stream.grammar",
        level: Level::Must,
        requirement: "What the client gets follows its API's stream grammar.",
        rationale: "Official SDKs raise, hang or lose data on a stream that does not; lesser deviations only warn.",
        passes: "A stream as the vendor sends it, with comments, pings and unknown fields as it likes.",
        fails: "An event that an official SDK cannot parse, or a block that is never opened.",
        sources: &[],
    },
};

fn grammar(step: &StepView<'_>) -> Found {
    let client = &step.client;
    match client.form {
        Form::Stream if client.body.is_empty() => return Found::not_exercised("no event came"),
        Form::Stream => {}
        Form::Unary if client.exchange.stream => {
            return Found::fail("a stream was asked for, and one JSON body came: an SDK sees no event in it")
                .with(step.client_evidence(head_of(&client.body)));
        }
        _ => return Found::not_exercised("the client got no stream"),
    }
    let held: Vec<&Finding> = client.findings.iter().filter(|finding| !excused(step, finding)).collect();
    let evidence = held.iter().take(MOST_SHOWN).map(|finding| Evidence {
        exchange: step.client_name(),
        path: Some(format!("byte {}", finding.offset)),
        expected: None,
        got: Some(format!("{}: {}", finding.rule, finding.message)),
    });
    let worst = held.iter().find(|finding| finding.level == Level::Must).or(held.first());
    match worst {
        None => content_type(step).unwrap_or_else(Found::pass),
        Some(finding) if finding.level == Level::Must => {
            Found::fail(format!("{}: {}", finding.rule, finding.message)).with_all(evidence)
        }
        Some(finding) => {
            Found::warn(format!("{}: {}", finding.rule, finding.message)).at(Level::Should).with_all(evidence)
        }
    }
}

/// What is judged elsewhere, or was not this proxy's doing.
fn excused(step: &StepView<'_>, finding: &Finding) -> bool {
    let client = &step.client;
    // A leg that broke the same rule had it handed on.
    let handed_on = step.calls.iter().any(|call| {
        call.exchange.api == Some(client.exchange.api) && call.findings.iter().any(|own| own.rule == finding.rule)
    });
    // A second start, and what it brings with it, is `stream.single-start`.
    let starts_again = client.answer.starts.get(1).is_some_and(|second| finding.offset >= second.offset)
        && super::start::about_starts(&finding.rule);
    // So is another id; another model is `stream.model`.
    let of_its_own = finding.rule == "C07" && ["`id`", "`model`"].iter().any(|key| finding.message.starts_with(key));
    // An end mark behind an error is `stream.terminator`.
    let behind_error = client.raises.as_ref().is_some_and(|(offset, _)| finding.offset > *offset)
        && (step.policy().after_error == Some(AfterError::Terminator)
            || client.answer.terminator == Some(finding.offset));
    handed_on || starts_again || of_its_own || behind_error
}

fn content_type(step: &StepView<'_>) -> Option<Found> {
    let head = step.client.exchange.response.as_ref()?;
    let kind = head.headers.get("content-type").unwrap_or_default();
    if step.client.api.is_none_or(|api| Framing::of(kind) == Some(api.framing())) {
        return None;
    }
    let reason = format!("the stream's content-type is {kind:?}");
    Some(Found::warn(reason).at(Level::Should).with(step.client_evidence(kind)))
}

fn head_of(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(200).collect()
}
