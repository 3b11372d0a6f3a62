//! How an answer goes on where another leg takes over.

use super::{Mischief, Sabotage};
use crate::api::Say;
use crate::builtin::Defect;

impl Sabotage {
    /// Whether every target is asked to continue by prefill.
    pub(in crate::builtin) fn prefills_everyone(&self) -> bool {
        self.has(Defect::PrefillToEveryone) || self.has(Defect::Fallback400Shown)
    }

    /// Whether a prefill keeps the blanks at its end.
    pub(in crate::builtin) fn keeps_blanks(&self) -> bool {
        self.has(Defect::PrefillEndsInBlank)
    }

    /// Whether prose is asked for although tools or a format are at hand.
    pub(in crate::builtin) fn ignores_tools(&self) -> bool {
        self.has(Defect::ContinuesWithTools) || self.has(Defect::ContinuesHalfACall)
    }

    /// Whether prose is asked for behind anything but text.
    pub(in crate::builtin) fn ignores_calls(&self) -> bool {
        self.has(Defect::ContinuesHalfACall)
    }

    /// Whether the next leg answers from the start although the client has a part of an answer.
    pub(in crate::builtin) fn starts_over(&self) -> bool {
        self.has(Defect::SplicesARestart) || self.has(Defect::SkipsOfARestart)
    }

    /// Another leg is asked, behind this text.
    pub(in crate::builtin) fn next_leg(&self, mischief: &mut Mischief, delivered: &str) {
        mischief.behind_seam = !delivered.is_empty();
        delivered.clone_into(&mut mischief.head);
        if self.has(Defect::SkipsOfARestart) {
            mischief.skip = delivered.chars().count();
        }
    }

    /// What is said instead of the first text behind a seam.
    pub(in crate::builtin) fn at_seam(&self, delivered: &str, text: String) -> String {
        if self.has(Defect::SeamBlankLost) {
            return text.trim_start().to_owned();
        }
        if self.has(Defect::FirstDeltaLostAtSeam) {
            return String::new();
        }
        if self.has(Defect::TextDoubled) {
            let word = delivered.trim_end().rfind(char::is_whitespace).map_or(delivered, |at| &delivered[at..]);
            return format!("{word}{text}");
        }
        text
    }

    /// Whether the message begins again at a seam.
    pub(in crate::builtin) fn starts_again(&self) -> bool {
        self.has(Defect::TwoStarts)
    }
}

/// What is left of this once as many characters are skipped as are due.
pub(super) fn skipped(mischief: &mut Mischief, say: Say) -> Option<Say> {
    let Say::Text(text) = say else { return Some(say) };
    let skip = mischief.skip.min(text.chars().count());
    mischief.skip -= skip;
    let rest: String = text.chars().skip(skip).collect();
    (!rest.is_empty()).then_some(Say::Text(rest))
}
