//! `translate.turns`: what is said, by whom, in which order.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::pair::Pair;
use super::talk::{Said, Talk};
use super::text::Pieces;
use super::{Translation, judge};
use crate::api::Role;
use crate::api::compare::{Difference, DifferenceKind, List, lists};
use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};

/// `translate.turns`.
pub(in crate::check) const TURNS: Check = Check {
    judge: Judge::Step(|step| judge(step, "the client said nothing", compare)),
    info: CheckInfo {
        id: "translate.turns",
        level: Level::Should,
        requirement: "What the client said reaches each leg: every text, in its role and order.",
        rationale: "A proxy that damages every request alike looks the same with and without a failure; only the \
                    client's own request tells.",
        passes: "The same texts; neighbouring turns of one role joined, instructions at the place that the API has for \
                 them, a placeholder where the API demands a turn.",
        fails: "A turn lost, added, moved or put into another mouth, a text that says something else.",
        sources: &[],
    },
};

fn compare(pair: &Pair<'_>) -> Translation {
    let (asked, mut told) = (pair.asked.clone(), pair.told.clone());
    let mut out = Translation::of(!asked.said.is_empty() || !asked.system.is_empty());
    instructions_as_turns(pair, &asked, &mut told, &mut out);
    placeholders(pair, &asked, &mut told, &mut out);
    instructions(pair, &asked, &told, &mut out);
    said(pair, &asked, &told, &mut out);
    if pair.same_api() {
        lists(
            &mut out.differences,
            &asked.others,
            &told.others,
            &List {
                path: &|_, at| format!("others[{at}]"),
                alike: &|_, _| true,
                value: &Value::clone,
                changed: &|out, path, a, b| {
                    if a != b {
                        out.push(changed(path, a.clone(), b.clone()));
                    }
                },
            },
        );
        names(pair, &mut out);
    }
    if pair.declares("compress") && !out.differences.is_empty() {
        out.differences.clear();
        out.excuse("the proxy declares that it compresses");
    }
    out
}

fn changed(path: &str, expected: Value, got: Value) -> Difference {
    Difference { path: path.to_owned(), kind: DifferenceKind::Changed, expected: Some(expected), got: Some(got) }
}

/// Instructions that an API has no place for where they stand may be said by the user.
fn instructions_as_turns(pair: &Pair<'_>, asked: &Talk, told: &mut Talk, out: &mut Translation) {
    if pair.same_api() {
        return;
    }
    for (text, after) in &asked.system {
        if told.system.iter().any(|(other, _)| other.contains(text.as_str())) {
            continue;
        }
        let said = told.said.iter_mut().filter(|said| said.role == Role::User);
        for pieces in said.map(|said| &mut said.text.0) {
            if let Some(at) = pieces.iter().position(|piece| piece == text) {
                pieces.remove(at);
                told.system.push((text.clone(), *after));
                out.excuse("instructions are said by the user");
                break;
            }
        }
    }
    told.said.retain(|said| !said.text.0.is_empty());
    // What stood on both sides is one turn again.
    let mut joined: Vec<Said> = Vec::new();
    for said in std::mem::take(&mut told.said) {
        match joined.last_mut() {
            Some(last) if last.role == said.role => last.text.0.extend(said.text.0),
            _ => joined.push(said),
        }
    }
    told.said = joined;
}

/// APIs that want a user to speak first, or at all, get a placeholder.
fn placeholders(pair: &Pair<'_>, asked: &Talk, told: &mut Talk, out: &mut Translation) {
    let wants_user = pair.one_system_field();
    let begins = |talk: &Talk| talk.said.first().map(|said| said.role);
    let nothing_else = asked.calls.is_empty() && asked.pictures.is_empty() && asked.results.is_empty();
    let none_asked = asked.said.is_empty() && nothing_else;
    let assistant_first = begins(asked) == Some(Role::Assistant);
    if wants_user && (none_asked || assistant_first) && begins(told) == Some(Role::User) {
        told.said.remove(0);
        out.excuse(format!("{} wants a user to speak first", pair.to.id()));
    }
}

fn instructions(pair: &Pair<'_>, asked: &Talk, told: &Talk, out: &mut Translation) {
    let (expected, got) = (asked.instructions(), told.instructions());
    let mut find = |kind, expected: Option<&Pieces>, got: Option<&Pieces>| {
        let text = |pieces: Option<&Pieces>| pieces.map(|pieces| json!(pieces.joined()));
        let (expected, got) = (text(expected), text(got));
        out.differences.push(Difference { path: "system".to_owned(), kind, expected, got });
    };
    if expected == got {
        if places(asked) != places(told) && !pair.one_system_field() && asked.said == told.said {
            if pair.same_api() {
                find(DifferenceKind::Reordered, Some(&expected), Some(&got));
            } else {
                out.excuse("instructions stand at the place that the API has for them");
            }
        }
        return;
    }
    let (before, after) = (expected.bare(), got.bare());
    if after.is_empty() {
        find(DifferenceKind::Lost, Some(&expected), None);
    } else if after.contains(&before) {
        if pair.declares("system_append") {
            out.excuse("the proxy declares that it appends to the instructions");
        } else if super::format::is_instruction(pair) {
            out.excuse("the format is asked for in the instructions");
        } else {
            find(DifferenceKind::Added, Some(&expected).filter(|pieces| !pieces.0.is_empty()), Some(&got));
        }
    } else {
        let kind = if before.contains(&after) { DifferenceKind::Lost } else { DifferenceKind::Changed };
        find(kind, Some(&expected), Some(&got));
    }
}

/// The characters of the instructions, by the place at which they stand.
fn places(talk: &Talk) -> BTreeMap<usize, String> {
    let mut places = BTreeMap::new();
    for (text, after) in &talk.system {
        let here: &mut String = places.entry(*after).or_default();
        here.extend(text.chars().filter(|c| !c.is_whitespace()));
    }
    places
}

fn said(pair: &Pair<'_>, asked: &Talk, told: &Talk, out: &mut Translation) {
    let (mut expected, got) = (asked.said.clone(), told.said.clone());
    // A prefill that ends in a blank is refused.
    if pair.to.features().trimmed_prefill
        && let (Some(last), Some(other)) = (expected.last_mut(), got.last())
        && last.role == Role::Assistant
        && last != other
        && let Some(piece) = last.text.0.last_mut()
    {
        piece.truncate(piece.trim_end().len());
    }
    lists(
        &mut out.differences,
        &expected,
        &got,
        &List {
            path: &|_, at| format!("turns[{at}]"),
            alike: &|a, b| a.role == b.role || a.text == b.text,
            value: &|said| json!({ role(said.role): said.text.joined() }),
            changed: &|out, path, a, b| {
                if a.role != b.role {
                    out.push(changed(&format!("{path}.role"), json!(role(a.role)), json!(role(b.role))));
                }
                if a.text != b.text {
                    out.push(changed(&format!("{path}.text"), json!(a.text.joined()), json!(b.text.joined())));
                }
            },
        },
    );
    let asks_in_words = |found: &Difference| {
        let (expected, got) = (found.expected.as_ref(), found.got.as_ref());
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        found.kind == DifferenceKind::Changed && text(got).contains(&text(expected))
    };
    if super::format::is_instruction(pair) && out.differences.iter().any(asks_in_words) {
        out.differences.retain(|found| !asks_in_words(found));
        out.excuse("the format is asked for in words");
    }
}

/// Who speaks, by name: only an API that has names can keep them.
fn names(pair: &Pair<'_>, out: &mut Translation) {
    let of = |conversation: &crate::api::Conversation| -> Vec<Value> {
        let names = conversation.rest.iter().filter(|(path, _)| {
            path.starts_with("/messages/") && path.ends_with("/name") && path.matches('/').count() == 3
        });
        names.map(|(_, name)| name.clone()).collect()
    };
    let (expected, got) = (of(&pair.client), of(&pair.control));
    if expected != got {
        out.differences.push(changed("turns.names", json!(expected), json!(got)));
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}
