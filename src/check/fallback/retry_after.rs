//! `fallback.retry-after`: a leg that asks to be left alone is left alone.

use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::{Found, worst};
use crate::check::view::{Call, StepView};

/// Early by less than this is the clock's doing.
const TOLERANCE_MS: u64 = 100;

/// `fallback.retry-after`.
pub(in crate::check) const RETRY_AFTER: Check = Check {
    judge: Judge::Step(retry_after),
    info: CheckInfo {
        id: "fallback.retry-after",
        level: Level::Should,
        requirement: "No leg is asked again before the time is over that it asked to be left alone, in its Retry-After or \
                      in the body of its error.",
        rationale: "A provider that limits counts requests that come too soon, and limits for longer.",
        passes: "Another leg is asked at once, or the same one when its time is over; another key of the same leg, where \
                 `retries.other_key` is declared.",
        fails: "A second request to the same leg before that.",
        sources: &["https://github.com/BerriAI/litellm/issues/25507", "https://github.com/BerriAI/litellm/issues/7669"],
    },
};

fn retry_after(step: &StepView<'_>) -> Found {
    let asked = step.calls.iter().filter_map(|call| call.retry_after().map(|wait| (call, wait)));
    let found = asked.map(|(call, wait)| judge(step, call, wait.0));
    worst(found).unwrap_or_else(|| Found::not_exercised("no leg asked to be left alone for a while"))
}

fn judge(step: &StepView<'_>, call: &Call<'_>, wait_ms: u64) -> Found {
    let over = call.exchange.ended_at.saturating_add(wait_ms.saturating_sub(TOLERANCE_MS).saturating_mul(1_000));
    // Who has another key of the leg is another customer there.
    let other_keys = step.policy().retries.is_some_and(|retries| retries.other_key > 0);
    let mut later = step.calls.iter().filter(|other| {
        // Asked at the same time, it could not know.
        let behind = other.exchange.at >= call.exchange.ended_at && other.index != call.index;
        let same = other.name() == call.name() && !(other_keys && other.key() != call.key());
        same && behind
    });
    let Some(again) = later.next() else {
        return Found::pass_for(format!("`{}` was not asked again", call.name()));
    };
    if again.exchange.at >= over {
        return Found::pass();
    }
    let waited = (again.exchange.at - call.exchange.ended_at) / 1_000;
    let reason = format!("`{}` was asked again after {waited} ms; it had asked for {wait_ms} ms", call.name());
    Found::warn(reason).with(step.evidence(again))
}
