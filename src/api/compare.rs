//! Comparing two requests in neutral form.
//!
//! Neighbouring text parts and turns of one role are joined, ids of tool calls count by first use, JSON and numbers
//! by value. How the model is spelled is no matter of this comparison, and neither is a turn's place in the body.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Conversation, Part, Role, Turn};
use crate::history::Continuation;

/// What became of a part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// It is gone.
    Lost,
    /// It was not there before.
    Added,
    /// It says something else.
    Changed,
    /// It stands elsewhere.
    Reordered,
}

impl fmt::Display for DifferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost",
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Reordered => "reordered",
        })
    }
}

/// One difference between two requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// Where: `system`, `turns[2].text`, `turns[2].parts[1].arguments`, `tools[0].parameters`, `params.max_tokens`,
    /// `rest/stream_options`. Turns count in the joined form; what was added, in the request that has it.
    pub path: String,
    /// What became of it.
    pub kind: DifferenceKind,
    /// What was expected there.
    pub expected: Option<Value>,
    /// What is there.
    pub got: Option<Value>,
}

/// The form in which requests are compared.
pub fn normal(conversation: &Conversation) -> Conversation {
    let mut turns = join_turns(&conversation.turns);
    let mut ids = BTreeMap::new();
    for turn in &mut turns {
        turn.place.clear();
        for part in &mut turn.parts {
            normalise_part(part, &mut ids);
        }
    }
    let mut out = Conversation { turns, ..conversation.clone() };
    for tool in &mut out.tools {
        normalise_value(&mut tool.parameters);
        tool.rest.values_mut().for_each(normalise_value);
    }
    out.tool_choice.iter_mut().chain(&mut out.format).for_each(normalise_value);
    out.params.values_mut().chain(out.rest.values_mut()).for_each(normalise_value);
    out
}

/// Joins neighbouring turns of one role and neighbouring parts of text; a joined turn has the place of its first.
pub(crate) fn join_turns(turns: &[Turn]) -> Vec<Turn> {
    let mut out: Vec<Turn> = Vec::new();
    for turn in turns {
        match out.last_mut() {
            Some(last) if last.role == turn.role => last.parts.extend(turn.parts.iter().cloned()),
            _ => out.push(turn.clone()),
        }
    }
    for turn in &mut out {
        turn.parts = join_parts(std::mem::take(&mut turn.parts));
    }
    out
}

fn join_parts(parts: Vec<Part>) -> Vec<Part> {
    let mut out: Vec<Part> = Vec::with_capacity(parts.len());
    for part in parts {
        match (out.last_mut(), part) {
            (Some(Part::Text { text: joined, cache: marked }), Part::Text { text, cache }) => {
                joined.push_str(&text);
                *marked |= cache;
            }
            (_, part) => out.push(part),
        }
    }
    out
}

fn normalise_part(part: &mut Part, ids: &mut BTreeMap<String, String>) {
    let mut rename = |id: &mut String| {
        let next = format!("id-{}", ids.len() + 1);
        ids.entry(std::mem::take(id)).or_insert(next).clone_into(id);
    };
    match part {
        Part::ToolCall { id, arguments, .. } => {
            rename(id);
            normalise_value(arguments);
        }
        Part::ToolResult { id, parts, .. } => {
            rename(id);
            *parts = join_parts(std::mem::take(parts));
            for part in parts {
                normalise_part(part, ids);
            }
        }
        Part::Other(value) => normalise_value(value),
        Part::Text { .. } | Part::Image { .. } | Part::Thinking { .. } | Part::Refusal { .. } => {}
    }
}

/// Numbers by value: `1.0` and `1` are one. The order of keys never counts in [`Value`]'s equality.
fn normalise_value(value: &mut Value) {
    match value {
        Value::Number(number) => {
            // Below 2^53 every whole float is an exact integer.
            if let Some(float) = number.as_f64().filter(|_| number.is_f64())
                && float.fract() == 0.0
                && float.abs() < 9_007_199_254_740_992.0
            {
                *number = (float as i64).into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(normalise_value),
        Value::Object(map) => map.values_mut().for_each(normalise_value),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Every difference between two requests, in the order of the request. Nothing but an empty list means equal.
pub fn differences(expected: &Conversation, got: &Conversation) -> Vec<Difference> {
    let (expected, got) = (normal(expected), normal(got));
    let mut out = Vec::new();
    turns(&mut out, &expected.turns, &got.turns);
    tools(&mut out, &expected, &got);
    optional(&mut out, "tool_choice", expected.tool_choice.as_ref(), got.tool_choice.as_ref());
    optional(&mut out, "format", expected.format.as_ref(), got.format.as_ref());
    map(&mut out, "params.", &expected.params, &got.params);
    if expected.stream != got.stream {
        changed(&mut out, "stream".to_owned(), json!(expected.stream), json!(got.stream));
    }
    let user = |conversation: &Conversation| conversation.user.clone().map(Value::from);
    optional(&mut out, "user", user(&expected).as_ref(), user(&got).as_ref());
    map(&mut out, "rest", &expected.rest, &got.rest);
    out
}

fn changed(out: &mut Vec<Difference>, path: String, expected: Value, got: Value) {
    out.push(Difference { path, kind: DifferenceKind::Changed, expected: Some(expected), got: Some(got) });
}

fn optional(out: &mut Vec<Difference>, path: &str, expected: Option<&Value>, got: Option<&Value>) {
    let kind = match (expected, got) {
        (Some(expected), Some(got)) if expected != got => DifferenceKind::Changed,
        (Some(_), None) => DifferenceKind::Lost,
        (None, Some(_)) => DifferenceKind::Added,
        _ => return,
    };
    out.push(Difference { path: path.to_owned(), kind, expected: expected.cloned(), got: got.cloned() });
}

fn map(out: &mut Vec<Difference>, prefix: &str, expected: &BTreeMap<String, Value>, got: &BTreeMap<String, Value>) {
    let keys: std::collections::BTreeSet<_> = expected.keys().chain(got.keys()).collect();
    for key in keys {
        optional(out, &format!("{prefix}{key}"), expected.get(key), got.get(key));
    }
}

fn value_of(item: &impl Serialize) -> Value {
    serde_json::to_value(item).unwrap_or_default()
}

fn tools(out: &mut Vec<Difference>, expected: &Conversation, got: &Conversation) {
    let names = |conversation: &Conversation| -> Vec<String> {
        conversation.tools.iter().map(|tool| tool.name.clone()).collect()
    };
    for (index, tool) in expected.tools.iter().enumerate() {
        let path = format!("tools[{index}]");
        let Some(other) = got.tools.iter().find(|other| other.name == tool.name) else {
            out.push(Difference { path, kind: DifferenceKind::Lost, expected: Some(value_of(tool)), got: None });
            continue;
        };
        let description = |text: &Option<String>| text.clone().map(Value::from);
        let (before, after) = (description(&tool.description), description(&other.description));
        optional(out, &format!("{path}.description"), before.as_ref(), after.as_ref());
        optional(out, &format!("{path}.parameters"), Some(&tool.parameters), Some(&other.parameters));
        map(out, &format!("{path}.rest."), &tool.rest, &other.rest);
    }
    for (index, tool) in got.tools.iter().enumerate() {
        if !expected.tools.iter().any(|other| other.name == tool.name) {
            let path = format!("tools[{index}]");
            out.push(Difference { path, kind: DifferenceKind::Added, expected: None, got: Some(value_of(tool)) });
        }
    }
    let (before, after) = (names(expected), names(got));
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names
    };
    if before != after && sorted(&before) == sorted(&after) {
        out.push(Difference {
            path: "tools".to_owned(),
            kind: DifferenceKind::Reordered,
            expected: Some(json!(before)),
            got: Some(json!(after)),
        });
    }
}

/// `system` for a leading system turn, else `turns[n]`.
fn turn_path(turns: &[Turn], index: usize) -> String {
    if index == 0 && turns[0].role == Role::System { "system".to_owned() } else { format!("turns[{index}]") }
}

fn turns(out: &mut Vec<Difference>, expected: &[Turn], got: &[Turn]) {
    let pairs = align(expected, got, |a, b| a == b, |a, b| a.role == b.role);
    let moved = moved(&pairs, expected, got);
    for pair in pairs {
        match pair {
            (Some(i), Some(j)) => turn(out, &turn_path(expected, i), &expected[i], &got[j]),
            (Some(i), None) => {
                let (kind, other) = match moved.iter().find(|(from, _)| *from == i) {
                    Some(&(_, j)) => (DifferenceKind::Reordered, Some(json!(turn_path(got, j)))),
                    None => (DifferenceKind::Lost, None),
                };
                let expected_value = Some(turn_value(&expected[i]));
                out.push(Difference { path: turn_path(expected, i), kind, expected: expected_value, got: other });
            }
            (None, Some(j)) if !moved.iter().any(|(_, to)| *to == j) => {
                let got_value = Some(turn_value(&got[j]));
                let path = turn_path(got, j);
                out.push(Difference { path, kind: DifferenceKind::Added, expected: None, got: got_value });
            }
            _ => {}
        }
    }
}

fn turn_value(turn: &Turn) -> Value {
    match turn.parts.as_slice() {
        [Part::Text { text, cache: false }] => json!({ turn_role(turn): text }),
        parts => json!({ turn_role(turn): parts }),
    }
}

fn turn_role(turn: &Turn) -> &'static str {
    match turn.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

fn turn(out: &mut Vec<Difference>, path: &str, expected: &Turn, got: &Turn) {
    if let ([Part::Text { .. }], [Part::Text { .. }]) = (expected.parts.as_slice(), got.parts.as_slice()) {
        part(out, path, &expected.parts[0], &got.parts[0]);
        return;
    }
    parts(out, path, &expected.parts, &got.parts);
}

fn parts(out: &mut Vec<Difference>, path: &str, expected: &[Part], got: &[Part]) {
    let pairs = align(expected, got, |a, b| a == b, same_kind);
    let moved = moved(&pairs, expected, got);
    for pair in pairs {
        match pair {
            (Some(i), Some(j)) => part(out, &format!("{path}.parts[{i}]"), &expected[i], &got[j]),
            (Some(i), None) => {
                let (kind, other) = match moved.iter().find(|(from, _)| *from == i) {
                    Some(&(_, j)) => (DifferenceKind::Reordered, Some(json!(format!("{path}.parts[{j}]")))),
                    None => (DifferenceKind::Lost, None),
                };
                let expected_value = Some(value_of(&expected[i]));
                out.push(Difference { path: format!("{path}.parts[{i}]"), kind, expected: expected_value, got: other });
            }
            (None, Some(j)) if !moved.iter().any(|(_, to)| *to == j) => out.push(Difference {
                path: format!("{path}.parts[{j}]"),
                kind: DifferenceKind::Added,
                expected: None,
                got: Some(value_of(&got[j])),
            }),
            _ => {}
        }
    }
}

fn same_kind(a: &Part, b: &Part) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

fn part(out: &mut Vec<Difference>, path: &str, expected: &Part, got: &Part) {
    let mut field = |name: &str, expected: Value, got: Value| {
        if expected != got {
            changed(out, format!("{path}.{name}"), expected, got);
        }
    };
    match (expected, got) {
        (Part::Text { text, cache }, Part::Text { text: other, cache: other_cache }) => {
            field("text", json!(text), json!(other));
            field("cache", json!(cache), json!(other_cache));
        }
        (Part::Image { digest, media_type, .. }, Part::Image { digest: other, media_type: other_type, .. }) => {
            field("image", json!(digest), json!(other));
            field("media_type", json!(media_type), json!(other_type));
        }
        (Part::Thinking { text, signature }, Part::Thinking { text: other, signature: other_signature }) => {
            field("thinking", json!(text), json!(other));
            field("signature", json!(signature), json!(other_signature));
        }
        (
            Part::ToolCall { id, name, arguments },
            Part::ToolCall { id: other_id, name: other_name, arguments: other_arguments },
        ) => {
            field("id", json!(id), json!(other_id));
            field("name", json!(name), json!(other_name));
            field("arguments", arguments.clone(), other_arguments.clone());
        }
        (
            Part::ToolResult { id, parts: inner, error },
            Part::ToolResult { id: other_id, parts: other_inner, error: other_error },
        ) => {
            field("id", json!(id), json!(other_id));
            field("error", json!(error), json!(other_error));
            parts(out, path, inner, other_inner);
        }
        (Part::Refusal { text }, Part::Refusal { text: other }) => field("refusal", json!(text), json!(other)),
        (expected, got) => {
            if expected != got {
                changed(out, path.to_owned(), value_of(expected), value_of(got));
            }
        }
    }
}

/// Pairs two lists: equal items by their longest common subsequence, then, inside each gap, items that are `alike`.
fn align<T>(
    expected: &[T],
    got: &[T],
    equal: impl Fn(&T, &T) -> bool,
    alike: impl Fn(&T, &T) -> bool,
) -> Vec<(Option<usize>, Option<usize>)> {
    // Equal ends are no matter of the table, which keeps it small for long conversations.
    let head = expected.iter().zip(got).take_while(|(a, b)| equal(a, b)).count();
    let tail = expected[head..].iter().rev().zip(got[head..].iter().rev()).take_while(|(a, b)| equal(a, b)).count();
    let (rows, columns) = (expected.len() - tail, got.len() - tail);
    let width = columns - head + 1;
    let mut table = vec![0_u32; (rows - head + 1) * width];
    let cell = |i: usize, j: usize| (i - head) * width + (j - head);
    for i in (head..rows).rev() {
        for j in (head..columns).rev() {
            table[cell(i, j)] = if equal(&expected[i], &got[j]) {
                table[cell(i + 1, j + 1)] + 1
            } else {
                table[cell(i + 1, j)].max(table[cell(i, j + 1)])
            };
        }
    }
    let mut pairs: Vec<_> = (0..head).map(|i| (Some(i), Some(i))).collect();
    let (mut i, mut j) = (head, head);
    let (mut gap_i, mut gap_j) = (head, head);
    loop {
        let end = i == rows || j == columns;
        if end || equal(&expected[i], &got[j]) {
            let (to_i, to_j) = if end { (rows, columns) } else { (i, j) };
            close_gap(&mut pairs, gap_i..to_i, gap_j..to_j, |a, b| alike(&expected[a], &got[b]));
            if end {
                break;
            }
            pairs.push((Some(i), Some(j)));
            (i, j) = (i + 1, j + 1);
            (gap_i, gap_j) = (i, j);
        } else if table[cell(i + 1, j)] >= table[cell(i, j + 1)] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs.extend((0..tail).map(|k| (Some(rows + k), Some(columns + k))));
    pairs
}

fn close_gap(
    pairs: &mut Vec<(Option<usize>, Option<usize>)>,
    expected: std::ops::Range<usize>,
    got: std::ops::Range<usize>,
    alike: impl Fn(usize, usize) -> bool,
) {
    let mut next = got.start;
    for i in expected {
        if let Some(j) = (next..got.end).find(|&j| alike(i, j)) {
            pairs.extend((next..j).map(|added| (None, Some(added))));
            pairs.push((Some(i), Some(j)));
            next = j + 1;
        } else {
            pairs.push((Some(i), None));
        }
    }
    pairs.extend((next..got.end).map(|added| (None, Some(added))));
}

/// Items that are lost at one place and, equal, added at another.
fn moved<T: PartialEq>(pairs: &[(Option<usize>, Option<usize>)], expected: &[T], got: &[T]) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::new();
    for lost in pairs.iter().filter_map(|pair| if let (Some(i), None) = pair { Some(*i) } else { None }) {
        let added = pairs.iter().filter_map(|pair| if let (None, Some(j)) = pair { Some(*j) } else { None });
        let to = added.into_iter().find(|&j| expected[lost] == got[j] && !out.iter().any(|(_, taken)| *taken == j));
        out.extend(to.map(|j| (lost, j)));
    }
    out
}

/// The request without some words, each taken out with the blank before it, wherever it stands.
pub fn without_words(conversation: &Conversation, words: &[String]) -> Conversation {
    let mut out = conversation.clone();
    let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return out;
    }
    for turn in &mut out.turns {
        for part in &mut turn.parts {
            strip_part(part, &words);
        }
    }
    for tool in &mut out.tools {
        tool.description.iter_mut().for_each(|text| strip_text(text, &words));
        strip_value(&mut tool.parameters, &words);
        tool.rest.values_mut().for_each(|value| strip_value(value, &words));
    }
    out.tool_choice.iter_mut().chain(&mut out.format).for_each(|value| strip_value(value, &words));
    out.params.values_mut().chain(out.rest.values_mut()).for_each(|value| strip_value(value, &words));
    out.user.iter_mut().for_each(|user| strip_text(user, &words));
    out
}

fn strip_part(part: &mut Part, words: &[&str]) {
    match part {
        Part::Text { text, .. } | Part::Thinking { text, .. } | Part::Refusal { text } => strip_text(text, words),
        Part::ToolCall { arguments, .. } => strip_value(arguments, words),
        Part::ToolResult { parts, .. } => parts.iter_mut().for_each(|part| strip_part(part, words)),
        Part::Other(value) => strip_value(value, words),
        Part::Image { .. } => {}
    }
}

fn strip_value(value: &mut Value, words: &[&str]) {
    match value {
        Value::String(text) => strip_text(text, words),
        Value::Array(items) => items.iter_mut().for_each(|item| strip_value(item, words)),
        Value::Object(map) => map.values_mut().for_each(|item| strip_value(item, words)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Takes words out of a text until none is left, so that doing it twice changes nothing.
pub(crate) fn strip_text(text: &mut String, words: &[&str]) {
    while let Some((start, length)) = words.iter().find_map(|word| text.find(word).map(|start| (start, word.len()))) {
        let blank = text[..start].chars().next_back().filter(|c| c.is_whitespace()).map_or(0, char::len_utf8);
        text.replace_range(start - blank..start + length, "");
    }
}

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
        && asked < most
    {
        lower.clone_from(limit);
    }
    out
}

fn remove_prefill(control: &Conversation, out: &mut Conversation, quoted: &str) -> Vec<String> {
    let own = join_turns(&control.turns).last().filter(|turn| turn.role == Role::Assistant).map(Turn::text);
    let Some(last) = out.turns.last_mut().filter(|turn| turn.role == Role::Assistant) else { return Vec::new() };
    if !last.parts.iter().all(|part| matches!(part, Part::Text { .. })) {
        return Vec::new();
    }
    let text = last.text();
    if text.trim_end() == quoted.trim_end() {
        return out.turns.pop().map(|turn| turn.place).into_iter().collect();
    }
    if let Some(own) = own
        && text.strip_prefix(&own).is_some_and(|rest| rest.trim_end() == quoted.trim_end())
    {
        last.parts = vec![Part::text(own)];
    }
    Vec::new()
}

fn remove_added_turns(control: &Conversation, out: &mut Conversation) -> Vec<String> {
    let client = join_turns(&control.turns);
    let Some(last) = client.iter().rev().find(|turn| turn.role != Role::System) else { return Vec::new() };
    let is_last = |parts: &[Part]| without_places(parts) == without_places(&last.parts);

    // The client's last turn may be spread over several turns of one role, with the addition joined to them.
    for (index, turn) in out.turns.iter().enumerate() {
        if turn.role != last.role || index > 0 && out.turns[index - 1].role == turn.role {
            continue;
        }
        let run = out.turns[index..].iter().take_while(|next| next.role == last.role).count();
        let mut parts: Vec<Part> = Vec::new();
        for length in 1..=run {
            parts.extend(out.turns[index + length - 1].parts.iter().cloned());
            let joined = join_parts(parts.clone());
            if is_last(&joined) {
                return drop_additions(out, index + length);
            }
            if let Some(rest) = text_beyond(&joined, &last.parts)
                && !rest.is_empty()
            {
                let removed = drop_additions(out, index + length);
                out.turns.drain(index + 1..index + length);
                out.turns[index].parts.clone_from(&last.parts);
                return removed;
            }
        }
    }
    Vec::new()
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
fn without_places(parts: &[Part]) -> Vec<Part> {
    let mut parts = parts.to_vec();
    let mut ids = BTreeMap::new();
    parts.iter_mut().for_each(|part| normalise_part(part, &mut ids));
    parts
}
