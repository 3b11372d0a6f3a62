//! Edits that a proxy may declare: of every request, whichever leg it is for, and of every answer.

use std::collections::BTreeMap;

use serde_json::json;

use super::{AnswerEdit, Promise, RequestEdit};
use crate::api::{Conversation, Part, Role, Say, Turn};

/// What `system_append` adds.
const APPENDED: &str = "Answer in the language of the user.";
/// What `max_tokens_clamp` lowers to: no model of today takes less.
const MOST_TOKENS: u64 = 4_096;
/// What stands for something masked.
const MASK: &str = "[masked]";

/// Edits a request as promised.
pub(super) fn edit_request(promise: &Promise, conversation: &mut Conversation) {
    for edit in &promise.request_edits {
        match edit {
            RequestEdit::MergeTurns => merge_turns(conversation),
            RequestEdit::Ids => rename_calls(conversation),
            RequestEdit::SystemAppend => append_to_system(conversation),
            RequestEdit::MaxTokensClamp => clamp(conversation),
            RequestEdit::CacheHints => mark_system(conversation),
        }
    }
}

fn merge_turns(conversation: &mut Conversation) {
    let mut merged: Vec<Turn> = Vec::new();
    for turn in std::mem::take(&mut conversation.turns) {
        match merged.last_mut() {
            // Results of tools stand in turns of their own in some APIs.
            Some(last) if last.role == turn.role && turn.role != Role::Tool => last.parts.extend(turn.parts),
            _ => merged.push(turn),
        }
    }
    conversation.turns = merged;
}

fn rename_calls(conversation: &mut Conversation) {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for part in conversation.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
        if let Part::ToolCall { id, .. } | Part::ToolResult { id, .. } = part {
            let next = format!("call_{:024}", names.len() + 1);
            let name = names.entry(id.clone()).or_insert(next);
            id.clone_from(name);
        }
    }
}

fn append_to_system(conversation: &mut Conversation) {
    match conversation.turns.first_mut() {
        Some(turn) if turn.role == Role::System => turn.parts.push(Part::text(format!("\n\n{APPENDED}"))),
        _ => {
            let turn = Turn { role: Role::System, parts: vec![Part::text(APPENDED)], place: String::new() };
            conversation.turns.insert(0, turn);
        }
    }
}

fn clamp(conversation: &mut Conversation) {
    if let Some(most) = conversation.params.get_mut("max_tokens")
        && most.as_u64().is_some_and(|most| most > MOST_TOKENS)
    {
        *most = json!(MOST_TOKENS);
    }
}

fn mark_system(conversation: &mut Conversation) {
    let system = conversation.turns.first_mut().filter(|turn| turn.role == Role::System);
    if let Some(Part::Text { cache, .. }) = system.and_then(|turn| turn.parts.last_mut()) {
        *cache = true;
    }
}

/// What the client hears of this, if anything.
pub(super) fn edit_say(promise: &Promise, say: Say) -> Option<Say> {
    match say {
        Say::Thinking(_) | Say::Signature(_) if promise.edits_answers(AnswerEdit::StripReasoning) => None,
        Say::Text(text) if promise.edits_answers(AnswerEdit::Mask) => Some(Say::Text(masked(&text))),
        say => Some(say),
    }
}

/// What the client gets of a whole answer.
pub(super) fn edit_parts(promise: &Promise, parts: &mut Vec<Part>) {
    if promise.edits_answers(AnswerEdit::StripReasoning) {
        parts.retain(|part| !matches!(part, Part::Thinking { .. }));
    }
    if promise.edits_answers(AnswerEdit::Mask) {
        for part in parts {
            if let Part::Text { text, .. } = part {
                *text = masked(text);
            }
        }
    }
}

/// The text with every e-mail address masked, blanks as they are.
fn masked(text: &str) -> String {
    let is_address =
        |word: &str| word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    let words = text.split_inclusive(char::is_whitespace).map(|word| {
        let kept = word.trim_end();
        if is_address(kept) { format!("{MASK}{}", &word[kept.len()..]) } else { word.to_owned() }
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(role: Role, text: &str) -> Turn {
        Turn { role, parts: vec![Part::text(text)], place: String::new() }
    }

    fn edited(edit: RequestEdit, turns: Vec<Turn>) -> Conversation {
        let promise = Promise { request_edits: vec![edit], ..Promise::default() };
        let mut conversation = Conversation { turns, ..Conversation::default() };
        conversation.params.insert("max_tokens".to_owned(), json!(100_000));
        edit_request(&promise, &mut conversation);
        conversation
    }

    #[test]
    fn requests_are_edited() {
        let turns = || vec![turn(Role::System, "s"), turn(Role::User, "a"), turn(Role::User, "b")];
        let texts = |conversation: Conversation| conversation.turns.iter().map(Turn::text).collect::<Vec<_>>();
        assert_eq!(texts(edited(RequestEdit::MergeTurns, turns())), ["s", "ab"]);
        let appended = format!("s\n\n{APPENDED}");
        assert_eq!(texts(edited(RequestEdit::SystemAppend, turns())), [&appended, "a", "b"]);
        assert_eq!(texts(edited(RequestEdit::SystemAppend, vec![turn(Role::User, "a")])), [APPENDED, "a"]);
        assert_eq!(edited(RequestEdit::MaxTokensClamp, turns()).params["max_tokens"], MOST_TOKENS);
        assert_eq!(edited(RequestEdit::MergeTurns, turns()).params["max_tokens"], 100_000);
        let marked = edited(RequestEdit::CacheHints, turns());
        assert_eq!(marked.turns[0].parts, [Part::Text { text: "s".to_owned(), cache: true }]);
    }

    #[test]
    fn ids_stay_pairs() {
        let call = |id: &str| Part::ToolCall { id: id.to_owned(), name: "f".to_owned(), arguments: json!({}) };
        let result = |id: &str| Part::ToolResult { id: id.to_owned(), parts: Vec::new(), error: false, cache: false };
        let turn = |role, parts| Turn { role, parts, place: String::new() };
        let turns = vec![
            turn(Role::Assistant, vec![call("x"), call("y")]),
            turn(Role::Tool, vec![result("y")]),
            turn(Role::Tool, vec![result("x")]),
        ];
        let edited = edited(RequestEdit::Ids, turns);
        let (one, two) = ("call_000000000000000000000001", "call_000000000000000000000002");
        assert_eq!(edited.turns[0].parts, [call(one), call(two)]);
        assert_eq!(edited.turns[1].parts, [result(two)]);
        assert_eq!(edited.turns[2].parts, [result(one)]);
    }

    #[test]
    fn addresses_are_masked() {
        let check = |text: &str, expect: &str| assert_eq!(masked(text), expect);
        check(" write to me@host.example\nnow", " write to [masked]\nnow");
        check("@handle a@b  c", "@handle a@b  c");
    }

    #[test]
    fn thoughts_are_stripped() {
        let promise = Promise { answer_edits: vec![AnswerEdit::StripReasoning], ..Promise::default() };
        assert_eq!(edit_say(&promise, Say::Thinking("hm".to_owned())), None);
        assert_eq!(edit_say(&promise, Say::Text("a@b.c".to_owned())), Some(Say::Text("a@b.c".to_owned())));
        let mut parts = vec![Part::Thinking { text: "hm".to_owned(), signature: None }, Part::text("so")];
        edit_parts(&promise, &mut parts);
        assert_eq!(parts, [Part::text("so")]);
    }
}
