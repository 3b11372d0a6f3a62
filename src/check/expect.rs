//! `expect.*`: the table of legal endings, and what the scenario says beyond it.

use super::Level;
use super::Value;
use super::catalogue::{Check, CheckInfo, Judge};
use super::found::{Found, worst};
use super::stream::handed_on_unchanged;
use super::view::{Call, Reach, StepView};
use crate::history::UpstreamEnd;
use crate::proxy::AfterContent;
use crate::scenario::{Count, Outcome, Toggle};

/// `expect.outcome`.
pub(super) const OUTCOME: Check = Check {
    judge: Judge::Step(outcome),
    info: CheckInfo {
        id: "expect.outcome",
        level: Level::Must,
        requirement: "The exchange ends in a way that is legal for how far the upstream got, and that the scenario \
                      allows.",
        rationale: "The table of legal endings is what any proxy can be held to; `silent`, `doubled`, `spliced` and \
                    `hung` are legal nowhere.",
        passes: "`completed` after a whole answer; `restarted` or `error` before content; `error` or a declared \
                 `continued` after it.",
        fails: "Any other ending. An undeclared continuation warns.",
        sources: &[],
    },
};

fn outcome(step: &StepView<'_>) -> Found {
    let Some(outcome) = step.ending.outcome else { return Found::inconclusive(step.ending.why.clone()) };
    if step.again.is_some() {
        return Found::pass_for(format!("{}, as declared", step.ending.why));
    }
    if step.hearing.same_words {
        return Found::skip("same words: two legs of this case play the same text");
    }
    let found = match outcome {
        Outcome::Hung => hung(step),
        Outcome::Silent if handed_on_unchanged(step) => {
            Found::warn("silent: the upstream's own clean end was handed on as it was, as declared")
        }
        Outcome::Silent | Outcome::Doubled | Outcome::Spliced => illegal(step, outcome),
        Outcome::Left => match &step.plan.client.leave {
            Some(_) => Found::pass(),
            None => Found::inconclusive("our client left without being told to"),
        },
        Outcome::Completed => completed(step),
        Outcome::Restarted => restarted(step),
        Outcome::Continued => continued(step),
        Outcome::Error | Outcome::Broken => error(step),
    };
    let expected = expected(step, outcome);
    // What the table already fails keeps its own reason.
    let found = if found.value != Value::Fail && expected != Found::pass() { expected } else { found };
    if found.evidence.is_empty() && found != Found::pass() {
        return found.with(step.client_evidence(format!("{}: {}", outcome.name(), step.ending.why)));
    }
    found
}

fn illegal(step: &StepView<'_>, outcome: Outcome) -> Found {
    Found::fail(format!("{}, which is legal nowhere: {}", outcome.name(), step.ending.why))
}

/// What the scenario allows.
fn expected(step: &StepView<'_>, outcome: Outcome) -> Found {
    let allowed = &step.plan.expect.outcome;
    let fits = allowed.is_empty()
        || allowed.contains(&outcome)
        || (outcome == Outcome::Broken && allowed.contains(&Outcome::Error))
        // The scenario has the client leave.
        || (outcome == Outcome::Left && step.plan.client.leave.is_some())
        // Judged, and named, by the table.
        || outcome.is_never_legal();
    if fits {
        return Found::pass();
    }
    // Who answers a hedged request is a matter of speed.
    let whole = [Outcome::Completed, Outcome::Restarted];
    if step.hedge() > 1 && whole.contains(&outcome) && allowed.iter().any(|allowed| whole.contains(allowed)) {
        return Found::pass();
    }
    let stopped = step.ended_as_declared().filter(|_| matches!(outcome, Outcome::Error | Outcome::Broken));
    if let Some(why) = stopped {
        return Found::pass_for(format!("the error, as declared: {why}"));
    }
    if let Some(why) = &step.departed {
        return Found::not_exercised(format!("{why}; what the scenario expects here was not prepared"));
    }
    let words: Vec<String> = allowed.iter().copied().map(Outcome::name).collect();
    let reason = format!("{} ({}), but the scenario allows {}", outcome.name(), step.ending.why, words.join(", "));
    Found::fail(reason)
}

fn hung(step: &StepView<'_>) -> Found {
    let idle = step.history.case.settings.idle_timeout;
    let speaking = step.calls.last().filter(|call| call.exchange.end == UpstreamEnd::CaseOver && !call.stalls());
    if let Some(call) = speaking {
        // The leg itself had not come to its end.
        return Found::inconclusive(format!("`{}` was still answering when the time was up", call.name()));
    }
    if let Some(call) = step.calls.iter().find(|call| call.stalls()) {
        let Some(idle) = idle else {
            return Found::skip("a stall without `idle_timeout`: nothing bounds the silence");
        };
        let silent_since = call.exchange.sent.last().map_or(call.exchange.at, |sent| sent.at);
        let silence = step.client.exchange.ended_at.saturating_sub(silent_since) / 1_000;
        if silence < idle.0 + 10_000 {
            let reason = format!("the case was over after {silence} ms of silence; hung is {idle} and 10 s more");
            return Found::inconclusive(reason);
        }
    }
    Found::fail(format!("hung: {}", step.ending.why))
}

/// A leg behind one that answered to its end.
fn needless(step: &StepView<'_>) -> Option<Found> {
    let whole = step.calls.iter().position(Call::whole)?;
    let first = &step.calls[whole];
    let next = step.calls[whole..].iter().find(|next| next.leg != first.leg)?;
    if step.hedge() > 1 || next.exchange.at < first.exchange.ended_at {
        return None;
    }
    let reason = format!("`{}` answered to its end, and `{}` was asked besides", first.name(), next.name());
    Some(Found::fail(reason).with(step.evidence(next)))
}

fn completed(step: &StepView<'_>) -> Found {
    needless(step).unwrap_or_else(Found::pass)
}

/// The calls before the one that finished the answer.
fn before<'s, 'a>(step: &'s StepView<'a>) -> &'s [Call<'a>] {
    &step.calls[..step.ending.finisher.unwrap_or(0)]
}

fn restarted(step: &StepView<'_>) -> Found {
    if let Some(found) = needless(step) {
        return found;
    }
    if step.hedge() > 1 {
        return Found::pass_for("the answer of a hedged request");
    }
    let finished = before(step).iter().find(|call| call.finished() && !call.damaged());
    if let Some(call) = finished {
        let reason = format!("`{}` finished its answer, and the client got another's", call.name());
        if step.overlapping().is_some() {
            return Found::undeclared(step.policy().hedge.is_some(), format!("{reason}, asked at the same time"));
        }
        return Found::fail(reason).with(step.evidence(call));
    }
    let policy = step.policy();
    if let Some(call) = before(step).iter().find(|call| call.reach >= Reach::Content) {
        // Nothing of it was delivered: the proxy holds text back, or the cut was quicker.
        return match policy.after_content {
            Some(_) => Found::pass(),
            None => Found::undeclared(false, format!("`{}` had sent content, and the answer began anew", call.name())),
        };
    }
    Found::pass()
}

fn continued(step: &StepView<'_>) -> Found {
    if let Some(found) = needless(step) {
        return found;
    }
    // Who lost against a quicker leg was not heard, however it ended.
    let heard = step.hearing.delivered();
    let lost = |number: usize| step.hedge() > 1 && !heard.contains(&number);
    let mut earlier = before(step).iter().enumerate();
    let finished = earlier.find(|(number, call)| call.finished() && !call.damaged() && !lost(*number));
    if let Some((_, call)) = finished {
        let reason = format!("`{}` finished its answer, and another request went on with it", call.name());
        return Found::fail(reason).with(step.evidence(call));
    }
    if step.history.case.settings.continuation == Some(Toggle::On) {
        return Found::pass();
    }
    match step.policy().after_content {
        Some(AfterContent::ContinueUser | AfterContent::ContinuePrefill) => Found::pass(),
        Some(AfterContent::Error | AfterContent::BufferAll) => {
            Found::fail("continued; the proxy declares something else after content")
        }
        None => Found::undeclared(false, "continued"),
    }
}

fn error(step: &StepView<'_>) -> Found {
    let broken_off = step.calls.iter().any(|call| call.truncated() && call.reach >= Reach::Content);
    let last = step.calls.iter().rev().find(|call| call.whole());
    if let Some(call) = last.filter(|call| !broken_off && step.calls.last().is_some_and(|l| l.index == call.index)) {
        let reason =
            format!("`{}` answered to its end, and the client got an error ({})", call.name(), step.ending.why);
        return Found::fail(reason).with(step.evidence(call));
    }
    Found::pass()
}

/// `expect.requests`.
pub(super) const REQUESTS: Check = Check {
    judge: Judge::Step(requests),
    info: CheckInfo {
        id: "expect.requests",
        level: Level::Must,
        requirement: "Each leg is asked as often as the scenario says.",
        rationale: "Some bugs show in the number of requests alone.",
        passes: "Every leg's generation requests lie within its count.",
        fails: "More, or fewer.",
        sources: &["https://github.com/BerriAI/litellm/issues/19077"],
    },
};

fn requests(step: &StepView<'_>) -> Found {
    let expected = &step.plan.expect.requests;
    if expected.is_empty() {
        return Found::not_exercised("the scenario counts no requests");
    }
    if let Some(earlier) = step.again {
        return Found::not_exercised(format!("the cache gave the answer of step {} again, as declared", earlier + 1));
    }
    worst(expected.iter().map(|(leg, count)| counted(step, leg, *count))).unwrap_or_else(Found::pass)
}

fn counted(step: &StepView<'_>, leg: &str, expected: Count) -> Found {
    let calls: Vec<&Call<'_>> = step.calls.iter().filter(|call| call.name() == leg).collect();
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let got = number(calls.len());
    if expected.holds(got) {
        return Found::pass();
    }
    // The scenario counts with the retries that it sets.
    let set = step.history.case.settings.retries.unwrap_or(0);
    let declared = step.policy().retries.map_or(0, |retries| retries.same_leg + retries.other_key);
    let more = got.saturating_sub(expected.max);
    if (1..=declared.saturating_sub(set)).contains(&more) {
        return Found::pass_for(format!("`{leg}` was asked again, as declared"));
    }
    if step.hedge() > 1 {
        // The scenario cannot know who is asked beside whom, nor whom the quicker answer spares.
        let spared = step.ending.finisher.is_some_and(|finisher| step.calls[finisher].name() != leg);
        if got < expected.max + step.hedge() && (got >= expected.min || spared) {
            return Found::pass_for("the request was hedged, as declared");
        }
    }
    if let Some(why) = step.ended_as_declared().filter(|_| got == 0) {
        return Found::pass_for(format!("`{leg}` was not asked, as declared: {why}"));
    }
    if let Some(why) = &step.departed {
        return Found::not_exercised(format!("{why}; what the scenario expects here was not prepared"));
    }
    let reason = format!("`{leg}` was asked {got} times, expected {expected}");
    Found::fail(reason).with_all(calls.iter().map(|call| step.evidence(call)))
}

/// `expect.status`.
pub(super) const STATUS: Check = Check {
    judge: Judge::Step(status),
    info: CheckInfo {
        id: "expect.status",
        level: Level::Must,
        requirement: "The client gets the HTTP status that the scenario says.",
        rationale: "Clients decide by status whether to try again.",
        passes: "That status.",
        fails: "Another, or none.",
        sources: &[],
    },
};

fn status(step: &StepView<'_>) -> Found {
    let Some(expected) = step.plan.expect.status else {
        return Found::not_exercised("the scenario expects no status");
    };
    let got = step.client.status();
    if got == Some(expected) {
        return Found::pass();
    }
    let exhausted = step.policy().exhausted_status.as_deref().and_then(|status| status.parse().ok());
    if exhausted.is_some() && got == exhausted && !step.calls.iter().any(Call::finished) {
        return Found::pass_for("no leg answered, and the client gets the status that is declared for that");
    }
    if let Some(why) = &step.departed {
        return Found::not_exercised(format!("{why}; what the scenario expects here was not prepared"));
    }
    let got = got.map_or("none".to_owned(), |status| status.to_string());
    Found::fail(format!("status {got}, expected {expected}")).with(step.client_evidence(got))
}
