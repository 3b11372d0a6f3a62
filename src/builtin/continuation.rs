//! Whether, and in which words, a leg is asked to go on from what the client already has.

use serde_json::Value;

use super::Leg;
use super::front::Gateway;
use super::message::Delivered;
use crate::api::{Conversation, Part, Role, Turn};
use crate::proxy::AfterContent;

/// How a leg is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// In a user turn that quotes the text.
    User,
    /// By a trailing assistant turn that is the text.
    Prefill,
}

/// How `leg` is to be asked; `None` if this answer cannot be continued, and must end in an error.
pub(super) fn way(gateway: &Gateway, leg: &Leg, asked: &Conversation, delivered: &Delivered) -> Option<Way> {
    let config = &gateway.config;
    if !can_be_continued(gateway, asked, delivered) {
        return None;
    }
    // Elsewhere a trailing assistant turn is history.
    let has_prefill = leg.api.spoken().is_some_and(|api| api.features().prefill);
    if has_prefill && gateway.sabotage.prefills_everyone() {
        return Some(Way::Prefill);
    }
    match gateway.promise.after_content {
        AfterContent::Error | AfterContent::BufferAll => None,
        AfterContent::ContinueUser => Some(Way::User),
        AfterContent::ContinuePrefill => {
            // A client's own prefill would join ours; a thinking model must begin with its thoughts.
            let fits = has_prefill
                && config.takes_prefill(&leg.model)
                && asked.last().is_some_and(|turn| turn.role == Role::User)
                && !asked.params.contains_key("thinking")
                && !delivered.text.trim_end().is_empty();
            Some(if fits { Way::Prefill } else { Way::User })
        }
    }
}

/// Half a tool call, thoughts or a refusal cannot be quoted; with tools or a format at hand a model asked in prose
/// answers in prose; several choices have no one text.
fn can_be_continued(gateway: &Gateway, asked: &Conversation, delivered: &Delivered) -> bool {
    let sabotage = &gateway.sabotage;
    let choices = ["/n", "/generationConfig/candidateCount"].into_iter().find_map(|place| asked.rest.get(place));
    let one = choices.and_then(Value::as_u64).unwrap_or(1) == 1;
    let in_prose = asked.tools.is_empty() && asked.format.is_none();
    one && (!delivered.beyond_text || sabotage.ignores_calls()) && (in_prose || sabotage.ignores_tools())
}

/// Adds the turn that asks to go on after `text`; gives the blanks that were cut off the text's end, unless they are
/// kept by defect.
pub(super) fn ask_to_go_on(conversation: &mut Conversation, way: Way, text: &str, keeps_blanks: bool) -> String {
    let (role, said, owed) = match way {
        Way::User => (Role::User, in_a_user_turn(text), ""),
        // Anthropic refuses a last turn that ends in blanks, so the model has to say them itself.
        Way::Prefill => {
            let kept = if keeps_blanks { text } else { text.trim_end() };
            (Role::Assistant, kept.to_owned(), &text[kept.len()..])
        }
    };
    conversation.turns.push(Turn { role, parts: vec![Part::text(said)], place: String::new() });
    owed.to_owned()
}

fn in_a_user_turn(text: &str) -> String {
    let quoted = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "Your reply to the conversation above broke off. The part between the tags has already been delivered; \
         it is escaped as XML, and every blank in it counts.\n\
         <delivered>{quoted}</delivered>\n\
         Go on with the exact rest of that reply, from the first character behind that part. Repeat nothing, \
         introduce nothing, and do not mention the interruption. If the rest begins with a blank, begin with it."
    )
}

/// The blanks that were cut off a prefill: the client has them, so a leg that says them again is not heard twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Owed(pub(super) String);

impl Owed {
    /// What of `text` the client does not have yet.
    pub(super) fn settle<'a>(&mut self, text: &'a str) -> &'a str {
        let mut rest = text;
        while let (Some(owed), Some(said)) = (self.0.chars().next(), rest.chars().next()) {
            if owed != said {
                self.0.clear();
                break;
            }
            self.0.remove(0);
            rest = &rest[said.len_utf8()..];
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_owed(owed: &str, said: &[&str], expect: &str) {
        let mut owed = Owed(owed.to_owned());
        let heard: String = said.iter().map(|text| owed.settle(text)).collect();
        assert_eq!(heard, expect);
    }

    #[test]
    fn owed_blanks_are_heard_once() {
        check_owed("", &[" a", " b"], " a b");
        check_owed(" ", &[" a", " b"], "a b");
        check_owed(" ", &["a", " b"], "a b");
        check_owed("\n\n", &["\n", "\n a"], " a");
        check_owed("\n\n", &["\n", "a", "\nb"], "a\nb");
    }

    #[test]
    fn a_prefill_never_ends_in_blanks() {
        let mut conversation = Conversation::default();
        assert_eq!(ask_to_go_on(&mut conversation, Way::Prefill, "one two \n", false), " \n");
        assert_eq!(conversation.last().unwrap().text(), "one two");
        assert_eq!(ask_to_go_on(&mut conversation, Way::User, "a <b> & c ", false), "");
        assert!(conversation.last().unwrap().text().contains("<delivered>a &lt;b&gt; &amp; c </delivered>"));
    }
}
