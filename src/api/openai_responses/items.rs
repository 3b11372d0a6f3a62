//! The items of an OpenAI Responses stream and their parts: how they begin, go on and end.

use std::collections::BTreeMap;

use serde_json::Value;

use super::grammar::ResponsesGrammar;
use crate::answer::Stage;
use crate::api::body::text_at;
use crate::api::completion::Final;
use crate::api::reading::Seen;
use crate::api::{Level, Part, PieceKind, Say};

use Level::{Must, Should};

/// Most items of a response, and most parts of an item, that are followed.
const MOST: usize = 10_000;

/// An item of the output.
#[derive(Debug)]
pub(super) struct Item {
    id: String,
    kind: String,
    call_id: String,
    open: bool,
    /// Its part of the answer, if that is one alone: a call, reasoning.
    part: Option<usize>,
    /// Arguments as the deltas said them.
    said: String,
    /// Arguments came in deltas, or as a whole instead.
    argued: bool,
    content: BTreeMap<u64, ItemPart>,
    summary: BTreeMap<u64, ItemPart>,
}

/// A part of an item: a text.
#[derive(Debug)]
struct ItemPart {
    kind: String,
    open: bool,
    part: usize,
    /// As the deltas said it.
    said: String,
}

/// In which list of its item a part stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    Content,
    Summary,
}

impl List {
    /// The list that an event is about.
    fn of(name: &str) -> Self {
        if name.starts_with("reasoning_summary") { Self::Summary } else { Self::Content }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Summary => "summary",
        }
    }

    fn index(self) -> &'static str {
        match self {
            Self::Content => "content_index",
            Self::Summary => "summary_index",
        }
    }
}

impl Item {
    /// The part of a call.
    pub(super) fn call(&self) -> Option<usize> {
        self.part.filter(|_| self.kind == "function_call")
    }

    fn list(&mut self, list: List) -> &mut BTreeMap<u64, ItemPart> {
        match list {
            List::Content => &mut self.content,
            List::Summary => &mut self.summary,
        }
    }

    /// Items that the vendor runs itself may be open beside others.
    fn runs_beside(&self) -> bool {
        !matches!(self.kind.as_str(), "message" | "reasoning" | "function_call")
    }
}

fn id_of(item: &Value) -> Option<&str> {
    text_at(item, "id")
}

/// What a kind of text is, and the key under which a whole says it.
fn text_kind(kind: &str) -> Option<(PieceKind, &'static str)> {
    Some(match kind {
        "output_text" => (PieceKind::Text, "text"),
        "refusal" => (PieceKind::Refusal, "refusal"),
        "reasoning_text" | "summary_text" => (PieceKind::Thinking, "text"),
        _ => return None,
    })
}

/// The kind of part that an event of text is about.
fn part_kind(name: &str) -> &str {
    match name.split_once('.').map_or(name, |(kind, _)| kind) {
        "reasoning_summary_text" => "summary_text",
        kind => kind,
    }
}

impl ResponsesGrammar {
    pub(super) fn item_added(&mut self, at: usize, data: &Value, seen: &mut Seen) -> Vec<Say> {
        let null = Value::Null;
        let item = data.get("item").unwrap_or(&null);
        let kind = text_at(item, "type").unwrap_or_default().to_owned();
        if kind.is_empty() {
            seen.find("R16", Must, at, "the item that begins has no type");
        }
        let next = self.items.keys().next_back().map_or(0, |last| last + 1);
        let index = data.get("output_index").and_then(Value::as_u64);
        match index {
            Some(index) if index == next => {}
            Some(index) if self.items.contains_key(&index) => {
                seen.find("R15", Must, at, format!("a second item with output_index {index}"));
            }
            Some(index) => seen.find("R15", Should, at, format!("output_index is {index}, but {next} is next")),
            None => seen.find("R15", Must, at, "the item has no `output_index`"),
        }
        let index = index.unwrap_or(next);
        if let Some((open, _)) = self.items.iter().find(|(_, item)| item.open && !item.runs_beside()) {
            seen.find("R17", Should, at, format!("the item begins while item {open} is open"));
        }
        if self.items.len() >= MOST {
            return Vec::new();
        }
        let take = |key: &str| text_at(item, key).unwrap_or_default().to_owned();
        let (id, call_id) = (take("id"), take("call_id"));
        if id.is_empty() {
            seen.find("R16", Should, at, "the item that begins has no id");
        }
        let mut said = Vec::new();
        let part = match kind.as_str() {
            "function_call" => {
                let name = take("name");
                if call_id.is_empty() || name.is_empty() {
                    seen.find("R16", Must, at, "the call begins without call_id or name");
                }
                seen.reach(Stage::Content);
                said.push(Say::ToolCall { id: call_id.clone(), name: name.clone() });
                let arguments = Value::String(String::new());
                Some(seen.part(Part::ToolCall { id: call_id.clone(), name, arguments }))
            }
            // Texts begin with their parts; reasoning that says nothing is none.
            "message" | "reasoning" => None,
            _ => Some(seen.part(Part::Other(item.clone()))),
        };
        let (content, summary) = (BTreeMap::new(), BTreeMap::new());
        let item = Item { id, kind, call_id, open: true, part, said: String::new(), argued: false, content, summary };
        self.items.insert(index, item);
        said
    }

    /// The item that an event is about. One that does not tell its index is found by the id, as a bare loop over the
    /// events finds it.
    fn item(&mut self, at: usize, data: &Value, what: &str, seen: &mut Seen) -> Option<(u64, &mut Item)> {
        let told = data.get("output_index").and_then(Value::as_u64);
        let index = told.or_else(|| self.named(text_at(data, "item_id").or(data.get("item").and_then(id_of))?));
        let Some((index, item)) = index.and_then(|index| self.items.get_mut(&index).map(|item| (index, item))) else {
            let index = data.get("output_index").unwrap_or(&Value::Null);
            seen.find("R18", Must, at, format!("{what} for item {index}, which never began"));
            return None;
        };
        if told.is_none() {
            seen.find("R18", Must, at, format!("{what} for item {index} has no `output_index`"));
        }
        if !item.open {
            seen.find("R18", Should, at, format!("{what} for item {index}, which has ended"));
        }
        if let Some(id) = text_at(data, "item_id")
            && id != item.id
        {
            seen.find("R19", Should, at, format!("item_id is `{id}`, but item {index} began as `{}`", item.id));
        }
        Some((index, item))
    }

    /// The index of the last item that began with this id.
    fn named(&self, id: &str) -> Option<u64> {
        self.items.iter().rev().find(|(_, item)| item.id == id && !id.is_empty()).map(|(index, _)| *index)
    }

    pub(super) fn part_added(&mut self, at: usize, name: &str, data: &Value, seen: &mut Seen) {
        let Some((_, item)) = self.item(at, data, "a part", seen) else { return };
        let list = List::of(name);
        let kind = data.pointer("/part/type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let fits = match item.kind.as_str() {
            "message" => list == List::Content && matches!(kind.as_str(), "output_text" | "refusal"),
            "reasoning" if list == List::Summary => kind == "summary_text",
            "reasoning" => matches!(kind.as_str(), "reasoning_text" | "text"),
            _ => true,
        };
        if !fits {
            seen.find("R21", Should, at, format!("a `{kind}` in the {} of a `{}`", list.name(), item.kind));
        }
        let next = item.list(list).len() as u64;
        let index = data.get(list.index()).and_then(Value::as_u64);
        if index != Some(next) {
            let index = data.get(list.index()).unwrap_or(&Value::Null);
            seen.find("R20", Must, at, format!("{} is {index}, but {next} is next", list.index()));
        }
        if next as usize >= MOST {
            return;
        }
        let begun = begin_text(item, &kind, seen);
        let part = ItemPart { kind, open: true, part: begun, said: String::new() };
        item.list(list).insert(index.unwrap_or(next), part);
    }

    pub(super) fn text_delta(&mut self, at: usize, name: &str, data: &Value, seen: &mut Seen) -> Vec<Say> {
        let Some((index, item)) = self.item(at, data, "a delta", seen) else { return Vec::new() };
        let (list, kind) = (List::of(name), part_kind(name));
        let Some(more) = text_at(data, "delta") else {
            seen.find("R22", Must, at, "the event has no `delta` text");
            return Vec::new();
        };
        let part_index = data.get(list.index()).and_then(Value::as_u64).unwrap_or_default();
        if !item.list(list).contains_key(&part_index) {
            // Only a message is put together part by part.
            let level = if item.kind == "message" { Must } else { Should };
            let place = list.index();
            seen.find("R20", level, at, format!("a delta for {place} {part_index} of item {index}, which never began"));
            if item.list(list).len() >= MOST {
                return Vec::new();
            }
            let part = begin_text(item, kind, seen);
            let part = ItemPart { kind: kind.to_owned(), open: true, part, said: String::new() };
            item.list(list).insert(part_index, part);
        }
        let Some(part) = item.list(list).get_mut(&part_index) else { return Vec::new() };
        if part.kind != kind && !(kind == "reasoning_text" && part.kind == "text") {
            seen.find("R21", Must, at, format!("`{name}` in a part that began as `{}`", part.kind));
        }
        if !part.open {
            seen.find("R23", Should, at, format!("`{name}` for a part that has ended"));
        }
        let Some((piece, _)) = text_kind(kind).filter(|_| !more.is_empty()) else { return Vec::new() };
        part.said.push_str(more);
        seen.content(at, piece, part.part, more);
        vec![match piece {
            PieceKind::Refusal => Say::Refusal(more.to_owned()),
            PieceKind::Thinking => Say::Thinking(more.to_owned()),
            PieceKind::Text | PieceKind::Arguments => Say::Text(more.to_owned()),
        }]
    }

    pub(super) fn text_done(&mut self, at: usize, name: &str, data: &Value, seen: &mut Seen) {
        let list = List::of(name);
        let Some((index, item)) = self.item(at, data, "an end", seen) else { return };
        let part_index = data.get(list.index()).and_then(Value::as_u64).unwrap_or_default();
        let Some(part) = item.list(list).get(&part_index) else {
            seen.find("R20", Should, at, format!("`{name}` for a part that never began"));
            return;
        };
        if let Some((kind, key)) = text_kind(part_kind(name)) {
            let place = format!("response.{name}: output[{index}].{}[{part_index}]", list.name());
            again(seen, at, kind, place, text_at(data, key), &part.said);
        }
    }

    pub(super) fn part_done(&mut self, at: usize, name: &str, data: &Value, seen: &mut Seen) {
        let list = List::of(name);
        let Some((index, item)) = self.item(at, data, "an end", seen) else { return };
        let part_index = data.get(list.index()).and_then(Value::as_u64).unwrap_or_default();
        let Some(part) = item.list(list).get_mut(&part_index) else {
            seen.find("R20", Should, at, format!("`response.{name}` for a part that never began"));
            return;
        };
        if !std::mem::replace(&mut part.open, false) {
            seen.find("R23", Should, at, "the part ends a second time");
        }
        if let Some((kind, key)) = text_kind(&part.kind) {
            let place = format!("response.{name}: output[{index}].{}[{part_index}]", list.name());
            again(seen, at, kind, place, data.get("part").and_then(|part| text_at(part, key)), &part.said);
        }
    }

    pub(super) fn arguments_delta(&mut self, at: usize, data: &Value, seen: &mut Seen) -> Vec<Say> {
        let Some((_, item)) = self.item(at, data, "a delta", seen) else { return Vec::new() };
        let Some(more) = text_at(data, "delta") else {
            seen.find("R22", Must, at, "the event has no `delta` text");
            return Vec::new();
        };
        let Some(part) = item.call() else {
            seen.find("R21", Must, at, format!("arguments in a `{}`", item.kind));
            return Vec::new();
        };
        if more.is_empty() {
            return Vec::new();
        }
        item.said.push_str(more);
        item.argued = true;
        seen.content(at, PieceKind::Arguments, part, more);
        vec![Say::Arguments(more.to_owned())]
    }

    pub(super) fn arguments_done(&mut self, at: usize, data: &Value, seen: &mut Seen) -> Vec<Say> {
        let Some((index, item)) = self.item(at, data, "an end", seen) else { return Vec::new() };
        let place = format!("response.function_call_arguments.done: output[{index}].arguments");
        arguments_again(item, at, place, text_at(data, "arguments"), seen)
    }

    pub(super) fn item_done(&mut self, at: usize, data: &Value, seen: &mut Seen) -> Vec<Say> {
        let Some((index, item)) = self.item(at, data, "an end", seen) else { return Vec::new() };
        let null = Value::Null;
        let whole = data.get("item").unwrap_or(&null);
        item.open = false;
        let take = |key: &str| text_at(whole, key).unwrap_or_default();
        if take("type") != item.kind {
            let message = format!("item {index} began as `{}`, but ends as `{}`", item.kind, take("type"));
            seen.find("R19", Must, at, message);
        }
        for (key, began) in [("id", &item.id), ("call_id", &item.call_id)] {
            if take(key) != began && !began.is_empty() {
                let message = format!("the {key} of item {index} was `{began}`, but is `{}` at its end", take(key));
                seen.find("R19", Must, at, message);
            }
        }
        if item.content.values().chain(item.summary.values()).any(|part| part.open) {
            seen.find("R23", Should, at, format!("item {index} ends while a part of it is open"));
        }
        let mut said = item_again(item, at, &format!("response.output_item.done: output[{index}]"), whole, seen);
        if item.kind == "reasoning"
            && let Some(signature) = text_at(whole, "encrypted_content").filter(|text| !text.is_empty())
        {
            seen.reach(Stage::Content);
            let part = thinking(item, seen);
            if let Some(Part::Thinking { signature: slot, .. }) = seen.completion.parts.get_mut(part) {
                *slot = Some(signature.to_owned());
            }
            said.push(Say::Signature(signature.to_owned()));
        }
        if let Some(part) = item.part
            && let Some(Part::Other(slot)) = seen.completion.parts.get_mut(part)
        {
            *slot = whole.clone();
        }
        said
    }

    /// No item may be open when the response is whole.
    pub(super) fn open_items(&mut self, at: usize, status: &str, output: Option<&Vec<Value>>, seen: &mut Seen) {
        for (index, item) in self.items.iter_mut().filter(|(_, item)| item.open) {
            item.open = false;
            // The Python SDK's helper takes an item from the response instead, if that has it.
            let key = if item.call().is_some() { ("call_id", &item.call_id) } else { ("id", &item.id) };
            let there = output.into_iter().flatten().any(|whole| text_at(whole, key.0) == Some(key.1));
            let level = if there || item.runs_beside() || status != "completed" { Should } else { Must };
            seen.find("R28", level, at, format!("the response is {status} while item {index} is open"));
        }
    }

    /// The output that the last event repeats.
    pub(super) fn output_again(&mut self, at: usize, status: &str, output: Option<&Vec<Value>>, seen: &mut Seen) {
        // Without a list, clients take the items as they ended.
        let Some(output) = output else { return };
        let null = Value::Null;
        for (place, item) in self.items.values_mut().enumerate() {
            let whole = output.get(place).unwrap_or(&null);
            item_again(item, at, &format!("response.{status}: output[{place}]"), whole, seen);
        }
    }
}

/// The part of the answer that a text of an item belongs to.
fn begin_text(item: &mut Item, kind: &str, seen: &mut Seen) -> usize {
    match kind {
        "refusal" => seen.part(Part::Refusal { text: String::new() }),
        _ if item.kind == "reasoning" => thinking(item, seen),
        _ => seen.part(Part::text(String::new())),
    }
}

/// The reasoning of an item: one, in however many parts it is told.
fn thinking(item: &mut Item, seen: &mut Seen) -> usize {
    *item.part.get_or_insert_with(|| seen.part(Part::Thinking { text: String::new(), signature: None }))
}

fn again(seen: &mut Seen, offset: usize, kind: PieceKind, place: String, text: Option<&str>, said: &str) {
    let Some(text) = text else { return };
    // What was never said by a delta, and is nothing, is no repetition.
    if !(text.is_empty() && said.is_empty()) && seen.completion.finals.len() < MOST {
        seen.completion.finals.push(Final { offset, kind, place, text: text.to_owned(), said: said.to_owned() });
    }
}

/// Arguments that came in no delta are said by the whole.
fn arguments_again(item: &mut Item, at: usize, place: String, text: Option<&str>, seen: &mut Seen) -> Vec<Say> {
    let (Some(part), Some(text)) = (item.call(), text) else { return Vec::new() };
    if !item.argued && !text.is_empty() {
        item.argued = true;
        text.clone_into(&mut item.said);
        seen.content(at, PieceKind::Arguments, part, text);
        return vec![Say::Arguments(text.to_owned())];
    }
    again(seen, at, PieceKind::Arguments, place, Some(text), &item.said);
    Vec::new()
}

/// An item that is told as a whole.
fn item_again(item: &mut Item, at: usize, place: &str, whole: &Value, seen: &mut Seen) -> Vec<Say> {
    if item.call().is_some() {
        let arguments = text_at(whole, "arguments").or(whole.is_null().then_some(""));
        return arguments_again(item, at, format!("{place}.arguments"), arguments, seen);
    }
    for list in [List::Content, List::Summary] {
        let texts = whole.get(list.name()).and_then(Value::as_array);
        for (index, part) in item.list(list).iter() {
            let Some((kind, key)) = text_kind(&part.kind) else { continue };
            let text =
                texts.and_then(|texts| texts.get(usize::try_from(*index).ok()?)).and_then(|text| text_at(text, key));
            let text = text.unwrap_or_default();
            again(seen, at, kind, format!("{place}.{}[{index}]", list.name()), Some(text), &part.said);
        }
    }
    Vec::new()
}
