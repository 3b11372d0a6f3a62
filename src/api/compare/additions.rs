//! What a recognised continuation may add.

use std::collections::BTreeMap;

use super::normal::{join_parts, join_turns, normalise_part, normalise_values};
use crate::api::{Conversation, Part, Role, Turn};
use crate::history::Continuation;

/// The request without what a recognised continuation may add to its control: for a prefill one assistant turn that
/// is exactly the quoted text, for a user message the turns after the client's last turn (system text and results of
/// tools excepted), and a lower token limit. Everything else is left to be compared. Unique words are to be taken out
/// of both before.
pub fn continuation_additions(control: &Conversation, got: &Conversation, continuation: &Continuation) -> Conversation {
    let mut out = got.clone();
    let removed = match continuation {
        Continuation::None | Continuation::Unrecognised { .. } => return out,
        Continuation::Prefill { quoted } => remove_prefill(control, &mut out, quoted),
        Continuation::UserMessage { .. } => remove_added_turns(control, &mut out),
    };
    for place in removed.iter().filter(|place| !place.is_empty()) {
        let below = format!("{place}/");
        out.rest.retain(|pointer, _| !pointer.starts_with(&below));
    }
    if let (Some(limit), Some(lower)) = (control.params.get("max_tokens"), out.params.get_mut("max_tokens"))
        && let (Some(most), Some(asked)) = (limit.as_f64(), lower.as_f64())
        && asked <= most
    {
        lower.clone_from(limit);
    }
    out
}

fn remove_prefill(control: &Conversation, out: &mut Conversation, quoted: &str) -> Vec<String> {
    let is_assistant = |turn: &&Turn| turn.role == Role::Assistant;
    let start = out.turns.len() - out.turns.iter().rev().take_while(is_assistant).count();
    let added = &out.turns[start..];
    if added.is_empty() || !added.iter().flat_map(|turn| &turn.parts).all(|part| matches!(part, Part::Text { .. })) {
        return Vec::new();
    }
    // The client may have sent a prefill of its own, which the quotation then extends.
    let own = join_turns(&control.turns).pop().filter(|turn| turn.role == Role::Assistant);
    let text: String = added.iter().map(Turn::text).collect();
    let rest = text.strip_prefix(&own.as_ref().map(Turn::text).unwrap_or_default());
    if rest.is_none_or(|rest| rest.trim_end() != quoted.trim_end()) {
        return Vec::new();
    }
    let removed = out.turns.split_off(start);
    out.turns.extend(own);
    removed.into_iter().map(|turn| turn.place).collect()
}

/// Where the client's last turn stands: spread over `length` turns from `index` on, with an addition joined to it or not.
#[derive(Clone, Copy, Debug)]
struct Last {
    index: usize,
    length: usize,
    joined: bool,
}

fn remove_added_turns(control: &Conversation, out: &mut Conversation) -> Vec<String> {
    let client = join_turns(&control.turns);
    let Some(last) = client.iter().rev().find(|turn| turn.role != Role::System) else { return Vec::new() };
    // The same words may stand there more than once: the one that is as far into the conversation counts.
    let depth = spoken(&control.turns);
    let found = places_of(last, &out.turns)
        .into_iter()
        .min_by_key(|place| spoken(&out.turns[..place.index + place.length]).abs_diff(depth));
    let Some(Last { index, length, joined }) = found else { return Vec::new() };
    let removed = drop_additions(out, index + length);
    if joined {
        out.turns.drain(index + 1..index + length);
        out.turns[index].parts.clone_from(&last.parts);
    }
    removed
}

/// How many joined turns are not system text.
fn spoken(turns: &[Turn]) -> usize {
    join_turns(turns).iter().filter(|turn| turn.role != Role::System).count()
}

fn places_of(last: &Turn, turns: &[Turn]) -> Vec<Last> {
    let wanted = without_ids(&last.parts);
    let mut out = Vec::new();
    for (index, turn) in turns.iter().enumerate() {
        if index > 0 && turns[index - 1].role == turn.role {
            continue;
        }
        let mut parts: Vec<Part> = Vec::new();
        for (more, next) in turns[index..].iter().take_while(|next| next.role == last.role).enumerate() {
            parts.extend(next.parts.iter().cloned());
            let so_far = without_ids(&join_parts(parts.clone()));
            let joined = so_far != wanted;
            if !joined || text_beyond(&so_far, &wanted).is_some_and(|rest| !rest.is_empty()) {
                out.push(Last { index, length: more + 1, joined });
                break;
            }
        }
    }
    out
}

/// What a joined list of parts says beyond another that it begins with.
fn text_beyond(parts: &[Part], beginning: &[Part]) -> Option<String> {
    let (Some((Part::Text { text: last, .. }, head)), true) = (beginning.split_last(), parts.len() >= beginning.len())
    else {
        return None;
    };
    match &parts[head.len()] {
        Part::Text { text, .. } if parts[..head.len()] == *head && parts.len() == beginning.len() => {
            text.strip_prefix(last.as_str()).map(str::to_owned)
        }
        _ => None,
    }
}

/// Takes the turns from an index on away, system text and results of tools excepted; gives the places of them.
fn drop_additions(out: &mut Conversation, from: usize) -> Vec<String> {
    let tail = out.turns.split_off(from);
    let (kept, dropped): (Vec<_>, Vec<_>) =
        tail.into_iter().partition(|turn| matches!(turn.role, Role::System | Role::Tool));
    out.turns.extend(kept);
    dropped.into_iter().map(|turn| turn.place).collect()
}

/// Parts with the ids of tool calls out of the way.
fn without_ids(parts: &[Part]) -> Vec<Part> {
    let mut parts = parts.to_vec();
    let mut ids = BTreeMap::new();
    for part in &mut parts {
        normalise_part(part, &mut ids);
        normalise_values(part);
    }
    parts
}
