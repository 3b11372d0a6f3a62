//! `error.original`: whose error the client is told.

use super::plain;
use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::view::{Call, StepView};
use crate::history::ClientEnd;
use crate::proxy::ErrorChoice;

/// `error.original`.
pub(in crate::check) const ORIGINAL: Check = Check {
    judge: Judge::Step(original),
    info: CheckInfo {
        id: "error.original",
        level: Level::Should,
        requirement: "The error that the client is told is the declared leg's: the first's, the last's, all of them, or none.",
        rationale: "Who reads an error acts on it. The error of a fallback that should never have been asked, or a bare \
                    \"internal error\", hides what happened.",
        passes: "The text of the declared leg's error; undeclared, that of any leg.",
        fails: "Another leg's, or none of theirs. Undeclared, an error of the proxy's own warns.",
        sources: &[
            "https://github.com/BerriAI/litellm/issues/27967",
            "https://github.com/anthony-chaudhary/fak/issues/5491",
            "https://github.com/envoyproxy/ai-gateway/pull/2698",
        ],
    },
};

fn original(step: &StepView<'_>) -> Found {
    if !step.client.sees_error() {
        return Found::not_exercised("the client saw no error");
    }
    if step.client.ended(&ClientEnd::Left) {
        return Found::not_exercised("the client left before it had heard the whole error");
    }
    if let Some(call) = step.calls.iter().find(|call| call.finished()) {
        return Found::not_exercised(format!("`{}` answered, so the error is the proxy's own", call.name()));
    }
    let mut failed: Vec<&Call<'_>> = step.calls.iter().collect();
    if step.hedge() > 1 {
        // What is asked at the same time may arrive in any order.
        failed.sort_by_key(|call| call.leg);
    }
    let errors: Vec<(&Call<'_>, String)> = failed
        .iter()
        .filter_map(|call| call.error_message().map(|message| (*call, plain(&message))))
        .filter(|(_, message)| !message.trim().is_empty())
        .collect();
    let (Some(first), Some(last)) = (errors.first(), errors.last()) else {
        return Found::not_exercised("no leg put its failure into words");
    };
    let read = step.client.error.as_ref().map(|error| plain(&error.message)).unwrap_or_default();
    let body = plain(&String::from_utf8_lossy(&step.client.body));
    let told = format!("{read}\n{}\n{body}", plain(&step.client.error_text()));
    let tells = |message: &str| told.contains(message);
    // Where a leg was asked again, any of its errors is the leg's.
    let leg_tells = |(leg, _): &(&Call<'_>, String)| {
        errors.iter().any(|(call, message)| call.name() == leg.name() && tells(message))
    };
    let declared = step.policy().error;
    // A leg that broke off without a word has no error that could be told.
    let silent =
        |call: Option<&&Call<'_>>| call.is_some_and(|call| errors.iter().all(|(other, _)| other.index != call.index));
    let (fits, expected) = match declared {
        Some(ErrorChoice::First) if silent(failed.first()) => {
            return Found::not_exercised("the first leg put its failure into no words");
        }
        Some(ErrorChoice::Last) if silent(failed.last()) => {
            return Found::not_exercised("the last leg put its failure into no words");
        }
        Some(ErrorChoice::First) => (leg_tells(first), format!("the first, of `{}`: {}", first.0.name(), first.1)),
        Some(ErrorChoice::Last) => (leg_tells(last), format!("the last, of `{}`: {}", last.0.name(), last.1)),
        Some(ErrorChoice::Aggregate) => (errors.iter().all(|(_, message)| tells(message)), "all of them".to_owned()),
        Some(ErrorChoice::Masked) => (!errors.iter().any(|(_, message)| tells(message)), "none of them".to_owned()),
        None => (errors.iter().any(|(_, message)| tells(message)), "any leg's".to_owned()),
    };
    if fits {
        return Found::pass();
    }
    let got: String = step.client.error_text().chars().take(400).collect();
    let mut evidence = step.client_evidence(got);
    evidence.expected = Some(expected.clone());
    let whose = errors.iter().find(|(_, message)| tells(message));
    let whose = whose.map_or("no leg's".to_owned(), |(call, _)| format!("that of `{}`", call.name()));
    let reason = match declared {
        Some(_) => format!("the error that the client is told is {whose}; declared: {expected}"),
        None => "the error that the client is told is no leg's".to_owned(),
    };
    Found::undeclared(declared.is_some(), reason).with(evidence)
}
