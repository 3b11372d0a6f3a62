//! Structure of Anthropic's messages, as its errors speak of it.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::Value;

use super::subject::Captures;

fn messages(body: &Value) -> &[Value] {
    body["messages"].as_array().map_or(&[], Vec::as_slice)
}

fn blocks(message: &Value) -> &[Value] {
    message["content"].as_array().map_or(&[], Vec::as_slice)
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn is_thinking(block: &Value) -> bool {
    matches!(text(block, "type"), "thinking" | "redacted_thinking")
}

/// Assistant messages with their index.
fn assistants(body: &Value) -> impl DoubleEndedIterator<Item = (usize, &Value)> {
    messages(body).iter().enumerate().filter(|(_, message)| message["role"] == "assistant")
}

/// Consecutive messages of one role, which the API takes for one.
fn turns(body: &Value) -> Vec<Range<usize>> {
    let messages = messages(body);
    let mut out: Vec<Range<usize>> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        match out.last_mut() {
            Some(turn) if messages[turn.start]["role"] == message["role"] => turn.end = index + 1,
            _ => out.push(index..index + 1),
        }
    }
    out
}

/// A key's values in the blocks of one type of a turn.
fn ids<'v>(body: &'v Value, turn: Option<&Range<usize>>, kind: &str, key: &str) -> BTreeSet<&'v str> {
    turn.and_then(|turn| messages(body).get(turn.clone()))
        .into_iter()
        .flatten()
        .flat_map(blocks)
        .filter(|block| block["type"] == kind)
        .map(|block| text(block, key))
        .collect()
}

pub(super) fn tool_use_unanswered(body: &Value, captures: &mut Captures) -> bool {
    let turns = turns(body);
    for (number, turn) in turns.iter().enumerate() {
        let answered = ids(body, turns.get(number + 1), "tool_result", "tool_use_id");
        for index in turn.clone() {
            let message = &messages(body)[index];
            // Text behind a call stands between it and its result.
            let last_text = blocks(message).iter().rposition(|block| block["type"] == "text").unwrap_or_default();
            let open: Vec<&str> = blocks(message)
                .iter()
                .enumerate()
                .filter(|(_, block)| block["type"] == "tool_use")
                .map(|(position, block)| (position, text(block, "id")))
                .filter(|(position, id)| *position < last_text || !answered.contains(id))
                .map(|(_, id)| id)
                .collect();
            if message["role"] == "assistant" && !open.is_empty() {
                // A conversation that begins with the assistant is counted from a user message before it.
                let before = usize::from(messages(body)[0]["role"] == "assistant");
                captures.insert("i", (index + before).to_string());
                captures.insert("ids", open.join(", "));
                captures.insert("at", format!("messages[{index}]"));
                return true;
            }
        }
    }
    false
}

pub(super) fn tool_result_orphan(body: &Value, captures: &mut Captures) -> bool {
    let turns = turns(body);
    for (number, turn) in turns.iter().enumerate() {
        let before = number.checked_sub(1).and_then(|before| turns.get(before));
        let called = ids(body, before, "tool_use", "id");
        for index in turn.clone() {
            let orphan = blocks(&messages(body)[index])
                .iter()
                .enumerate()
                .find(|(_, block)| block["type"] == "tool_result" && !called.contains(text(block, "tool_use_id")));
            if let Some((position, block)) = orphan {
                captures.insert("i", index.to_string());
                captures.insert("j", position.to_string());
                captures.insert("id", text(block, "tool_use_id").to_owned());
                return true;
            }
        }
    }
    false
}

pub(super) fn advisor_result_orphan(body: &Value, captures: &mut Captures) -> bool {
    for (index, message) in messages(body).iter().enumerate() {
        let mut called = BTreeSet::new();
        for (position, block) in blocks(message).iter().enumerate() {
            match text(block, "type") {
                "server_tool_use" => {
                    called.insert(text(block, "id"));
                }
                "advisor_tool_result" if !called.contains(text(block, "tool_use_id")) => {
                    captures.insert("i", index.to_string());
                    captures.insert("j", position.to_string());
                    captures.insert("id", text(block, "tool_use_id").to_owned());
                    return true;
                }
                _ => {}
            }
        }
    }
    false
}

/// Texts of the messages: string contents and text blocks. The last message may be an assistant's without text.
fn message_texts(body: &Value) -> impl Iterator<Item = &str> {
    let messages = messages(body);
    messages.iter().enumerate().flat_map(move |(index, message)| {
        let excused = index + 1 == messages.len() && message["role"] == "assistant";
        let texts: Vec<&str> = match &message["content"] {
            Value::String(text) => vec![text.as_str()],
            Value::Array(blocks) => blocks
                .iter()
                .filter(|block| block["type"] == "text")
                .filter_map(|block| block["text"].as_str())
                .collect(),
            _ => Vec::new(),
        };
        texts.into_iter().filter(move |text| !(excused && text.is_empty()))
    })
}

pub(super) fn text_block_empty(body: &Value) -> bool {
    message_texts(body).any(str::is_empty)
}

pub(super) fn text_block_blank(body: &Value) -> bool {
    message_texts(body).any(|text| !text.is_empty() && text.trim().is_empty())
}

pub(super) fn cache_mark_on_empty_text(body: &Value, captures: &mut Captures) -> bool {
    for (index, message) in messages(body).iter().enumerate() {
        let found = blocks(message)
            .iter()
            .position(|block| block["type"] == "text" && block["text"] == "" && block["cache_control"].is_object());
        if let Some(position) = found {
            captures.insert("i", index.to_string());
            captures.insert("j", position.to_string());
            return true;
        }
    }
    false
}

pub(super) fn cache_marks_over(body: &Value, limit: usize, captures: &mut Captures) -> bool {
    fn count(value: &Value) -> usize {
        let own = usize::from(value["cache_control"].is_object());
        own + value["content"].as_array().into_iter().flatten().map(count).sum::<usize>()
    }
    let lists = [&body["system"], &body["tools"], &body["messages"]];
    let marks: usize = lists.iter().filter_map(|list| list.as_array()).flatten().map(count).sum();
    captures.insert("n", marks.to_string());
    marks > limit
}

pub(super) fn strict_tools_over(body: &Value, limit: usize, captures: &mut Captures) -> bool {
    let strict = body["tools"].as_array().into_iter().flatten().filter(|tool| tool["strict"] == true).count();
    captures.insert("n", strict.to_string());
    strict > limit
}

pub(super) fn last_assistant_without_thinking(body: &Value, captures: &mut Captures) -> bool {
    let Some((last, message)) = assistants(body).next_back() else { return false };
    // Only the loop of calls and results at the very end counts, or an assistant message in the final position.
    let mut loop_messages = vec![last];
    if last + 1 < messages(body).len() {
        let results_follow =
            messages(body)[last + 1..].iter().flat_map(blocks).any(|block| block["type"] == "tool_result");
        if !results_follow {
            return false;
        }
        for (index, message) in messages(body)[..last].iter().enumerate().rev() {
            if message["role"] == "assistant" {
                loop_messages.push(index);
            } else if !blocks(message).iter().any(|block| block["type"] == "tool_result") {
                break;
            }
        }
    }
    if loop_messages.iter().any(|&index| blocks(&messages(body)[index]).iter().any(is_thinking)) {
        return false;
    }
    let found = blocks(message).first().map_or("text", |block| text(block, "type"));
    captures.insert("i", last.to_string());
    captures.insert("found", found.to_owned());
    true
}

pub(super) fn thinking_not_first(body: &Value, captures: &mut Captures) -> bool {
    let found = assistants(body).find_map(|(index, message)| {
        let (first, others) = blocks(message).split_first()?;
        (!is_thinking(first) && others.iter().any(is_thinking)).then_some((index, text(first, "type")))
    });
    let Some((index, first)) = found else { return false };
    captures.insert("i", index.to_string());
    captures.insert("found", first.to_owned());
    true
}

pub(super) fn final_assistant_has_thinking(body: &Value, captures: &mut Captures) -> bool {
    let Some(last) = messages(body).last() else { return false };
    captures.insert("i", (messages(body).len() - 1).to_string());
    last["role"] == "assistant" && blocks(last).iter().any(is_thinking)
}

pub(super) fn assistant_ends_in_thinking(body: &Value, captures: &mut Captures) -> bool {
    let found = assistants(body).find(|(_, message)| blocks(message).last().is_some_and(is_thinking));
    let Some((index, _)) = found else { return false };
    captures.insert("i", index.to_string());
    true
}

pub(super) fn thinking_signature_empty(body: &Value, captures: &mut Captures) -> bool {
    for (index, message) in assistants(body) {
        let found = blocks(message).iter().position(|block| block["type"] == "thinking" && block["signature"] == "");
        if let Some(position) = found {
            captures.insert("i", index.to_string());
            captures.insert("j", position.to_string());
            return true;
        }
    }
    false
}
