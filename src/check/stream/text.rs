//! `stream.text`: whether the client got what the legs said, each character once and in order.

use super::words::{excused, not_judged, wrong};
use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::view::StepView;

/// `stream.text`.
pub(in crate::check) const TEXT: Check = Check {
    judge: Judge::Step(text),
    info: CheckInfo {
        id: "stream.text",
        level: Level::Must,
        requirement: "The client gets the text that the legs said, each character once and in order: nothing lost, doubled, \
                      spliced or invented.",
        rationale: "Every word a leg says is unique, so each character that the client gets has a leg and an offset.",
        passes: "One leg's answer whole, or a prefix of it before a visible error, or two legs' text joined without a gap.",
        fails: "A lost or doubled word; text of one leg behind text of another that it does not continue; a blank lost \
                at the seam.",
        sources: &["https://github.com/zirkelc/ai-retry/issues/51"],
    },
};

fn text(step: &StepView<'_>) -> Found {
    if !step.hearing.anything() && step.ending.finisher.is_none() {
        return Found::not_exercised("the client got no content");
    }
    if let Some(found) = not_judged(step) {
        return found;
    }
    let heard = step.hearing.text();
    excused(step, wrong(step, heard).unwrap_or_else(Found::pass))
}
