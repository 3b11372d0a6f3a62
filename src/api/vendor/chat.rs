//! Streams of OpenAI Chat Completions as a vendor writes them.

use std::rc::Rc;

use serde_json::Value;

use super::file::{Before, Calls, CallsSent, Chat, End, ErrorEvent, Event, Spacing, UsageSent, Variant};
use super::form::{Ids, seed_of};
use super::template::{Values, add, fill};
use crate::answer::{Piece, Spoken, SpokenPart, Stage};
use crate::api::seeded::Seeded;
use crate::api::{ApiError, EncodeContext, FinishReason, PieceKind, Written};

/// Names of the values that an answer has everywhere.
pub(super) const ANSWER: [&str; 7] = ["id", "created", "model", "fingerprint", "number", "usage", "usage_if_asked"];
/// Names of the values that an event of a stream has beside those.
pub(super) const EVENT: [&str; 9] =
    ["choices", "delta", "finish", "role", "text", "calls", "pad", "noise", "usage_told"];
/// Names of the values that a tool call has.
pub(super) const CALL: [&str; 4] = ["index", "call_id", "name", "arguments"];
/// Names of the tokens in usage.
pub(super) const USAGE: [&str; 3] = ["input", "output", "total"];
/// Names of the values that an error has.
pub(super) const ERROR: [&str; 5] = ["status", "kind", "message", "code", "param"];

/// Padding that grows by the alphabet.
const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz0123456789";

/// The values of an answer.
pub(super) fn values(chat: &Chat, spoken: &Spoken, context: &EncodeContext) -> Values {
    let ids = Ids { seed: context.seed, created: context.created };
    let of_model = Ids { seed: seed_of(&context.model), ..ids };
    let (input, output) = (context.input_tokens, spoken.output_tokens);
    let tokens = Values::new(ids).with("input", input).with("output", output).with("total", input + output);
    Values::new(ids)
        .with("id", ids.fill(&chat.id))
        .with("created", context.created)
        .with("model", context.model.as_str())
        .with_some("fingerprint", chat.fingerprint.as_deref().map(|form| of_model.fill(form)))
        .with("number", 10_000_000 + Seeded::new(context.seed, "number").below(90_000_000))
        .with("usage", fill(&chat.usage, &tokens))
        .with_some("usage_if_asked", context.include_usage.then_some(Value::Null))
}

/// The values of a tool call.
pub(super) fn call_values(chat: &Chat, index: usize, id: &str, name: &str, arguments: &str) -> Values {
    let ids = Ids { seed: seed_of(id), created: 0 };
    Values::new(ids)
        .with("index", index)
        .with("call_id", ids.fill(&chat.call_id))
        .with("name", name)
        .with("arguments", arguments)
}

/// The reason of the end in words that the vendors share with OpenAI.
pub(super) fn finish_words(spoken: &Spoken) -> &'static str {
    match spoken.finish.unwrap_or(FinishReason::Stop) {
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::Stop | FinishReason::Refusal | FinishReason::Other => "stop",
    }
}

/// Writes the events of an answer.
struct ChatEvents<'c> {
    chat: &'c Chat,
    values: Rc<Values>,
    noise: Seeded,
    /// How long the padding of an event is: by its place alone.
    lengths: Seeded,
    begun: bool,
    written: Vec<Written>,
}

/// A tool call with all its arguments.
struct Call<'s> {
    index: usize,
    id: &'s str,
    name: &'s str,
    arguments: String,
}

impl Call<'_> {
    fn item(&self, chat: &Chat, template: &Value, arguments: &str) -> Value {
        fill(template, &call_values(chat, self.index, self.id, self.name, arguments))
    }
}

/// What comes before an answer: bytes, and whether they are an event.
pub(super) fn before(chat: &Chat, spoken: &Spoken, context: &EncodeContext) -> Vec<(Vec<u8>, bool)> {
    let values = values(chat, spoken, context);
    let bytes = |before: &Before| match before {
        Before::Comment(comment) => (format!(": {comment}\n\n").into_bytes(), false),
        Before::Chunk(chunk) => (data(&fill(chunk, &values), chat.stream.spacing), true),
    };
    chat.stream.before.iter().map(bytes).collect()
}

/// The events of an answer.
pub(super) fn events(chat: &Chat, spoken: &Spoken, context: &EncodeContext) -> Vec<Written> {
    let mut events = ChatEvents {
        chat,
        values: Rc::new(values(chat, spoken, context)),
        noise: Seeded::new(context.seed, "noise"),
        lengths: Seeded::new(0, "lengths"),
        begun: false,
        written: Vec::new(),
    };
    events.answer(spoken, context.include_usage);
    events.written
}

impl ChatEvents<'_> {
    fn answer(&mut self, spoken: &Spoken, asked: bool) {
        let stream = &self.chat.stream;
        let is_thinking = |part: &SpokenPart| matches!(part, SpokenPart::Thinking(..));
        let thinks = stream.thinking.is_some() && spoken.parts.iter().any(is_thinking);
        let written = |part: &&SpokenPart| stream.thinking.is_some() || !is_thinking(part);
        let calls = matches!(spoken.parts.iter().find(written), Some(SpokenPart::ToolCall { .. }));
        let variants = [thinks.then_some(&stream.if_thinking), calls.then_some(&stream.if_calls)];
        let other = |of: fn(&Variant) -> Option<&Event>| variants.into_iter().flatten().find_map(of);
        let start = other(|variant| variant.start.as_ref()).or(stream.start.as_ref());
        let text = other(|variant| variant.text.as_ref()).unwrap_or(&stream.text);
        let finish = other(|variant| variant.finish.as_ref()).unwrap_or(&stream.finish);

        if let Some(start) = start {
            let own = self.own();
            self.event(start, Stage::Preamble, None, own);
        }
        let held = self.content(spoken, text);
        self.finish(finish, &held, finish_words(spoken));
        if let Some(usage) = &stream.usage
            && (asked || usage.sent == UsageSent::Always)
        {
            let told = self.values.get("usage").cloned();
            let own = self.own().with("finish", finish_words(spoken));
            let own = own.with_some("usage_if_asked", told.clone()).with_some("usage_told", told);
            // With a choice in it, it is the end once more.
            let stage = if usage.event.delta.is_some() { Stage::Finish } else { Stage::Tail };
            self.event(&usage.event, stage, None, own);
        }
        match (stream.end, self.written.last_mut()) {
            // The last event is the end.
            (End::Nothing, Some(last)) => last.stage = Stage::Terminator,
            _ => self.written.push(Written { bytes: DONE.to_vec(), stage: Stage::Terminator, piece: None }),
        }
    }

    /// Everything up to the end; gives the calls that go with it.
    fn content<'s>(&mut self, spoken: &'s Spoken, text: &Event) -> Vec<Call<'s>> {
        let stream = &self.chat.stream;
        let (mut held, mut index) = (Vec::new(), 0);
        for part in &spoken.parts {
            match part {
                // A refusal is text here.
                SpokenPart::Text(deltas) | SpokenPart::Refusal(deltas) => self.deltas(text, PieceKind::Text, deltas),
                SpokenPart::Thinking(deltas, _) => {
                    if let Some(thinking) = &stream.thinking {
                        self.deltas(thinking, PieceKind::Thinking, deltas);
                    }
                }
                SpokenPart::ToolCall { id, name, arguments } => {
                    let call = Call { index, id, name, arguments: arguments.concat() };
                    index += 1;
                    match stream.calls.sent {
                        CallsSent::InPieces => self.pieces(&stream.calls, &call, arguments),
                        CallsSent::Whole => {
                            let item = call.item(self.chat, &stream.calls.begin, &call.arguments);
                            self.call(&stream.calls, item, &call.arguments);
                        }
                        CallsSent::WithFinish => held.push(call),
                    }
                }
            }
        }
        held
    }

    fn deltas(&mut self, event: &Event, kind: PieceKind, deltas: &[String]) {
        for delta in deltas.iter().filter(|delta| !delta.is_empty()) {
            let own = self.own().with("text", delta.as_str());
            self.event(event, Stage::Content, Some((kind, delta)), own);
        }
    }

    fn pieces(&mut self, calls: &Calls, call: &Call<'_>, arguments: &[String]) {
        self.call(calls, call.item(self.chat, &calls.begin, ""), "");
        let Some(more) = &calls.more else { return };
        for delta in arguments.iter().filter(|delta| !delta.is_empty()) {
            self.call(calls, call.item(self.chat, more, delta), delta);
        }
    }

    fn call(&mut self, calls: &Calls, item: Value, arguments: &str) {
        let own = self.own().with("calls", vec![item]);
        self.event(&calls.event, Stage::Content, Some((PieceKind::Arguments, arguments)), own);
    }

    fn finish(&mut self, finish: &Event, held: &[Call<'_>], reason: &str) {
        let own = self.own().with("finish", reason);
        let Some(first) = held.first() else {
            return self.event(finish, Stage::Finish, None, own);
        };
        let calls = &self.chat.stream.calls;
        let items: Vec<Value> = held.iter().map(|call| call.item(self.chat, &calls.begin, &call.arguments)).collect();
        let event = Event { delta: calls.event.delta.clone(), ..finish.clone() };
        let piece = Some((PieceKind::Arguments, first.arguments.as_str()));
        self.event(&event, Stage::Finish, piece, own.with("calls", items));
    }

    /// What every event has of its own.
    fn own(&mut self) -> Values {
        let (pad, noise) = (1 + self.lengths.below(36) as usize, 1 + self.lengths.below(16) as usize);
        Values::event(&self.values)
            .with("pad", &ALPHABET[..pad])
            .with("noise", self.noise.base62(noise))
            .with_some("role", (!self.begun).then_some("assistant"))
    }

    fn event(&mut self, event: &Event, stage: Stage, piece: Option<(PieceKind, &str)>, mut own: Values) {
        let stream = &self.chat.stream;
        let mut choices = Vec::new();
        if let Some(delta) = &event.delta {
            self.begun = true;
            let delta = fill(delta, &own);
            own = own.with("delta", delta);
            let mut choice = fill(&stream.choice, &own);
            add(&mut choice, &event.choice, &own);
            choices.push(choice);
        }
        own = own.with("choices", choices);
        let mut chunk = fill(&stream.chunk, &own);
        add(&mut chunk, &event.chunk, &own);
        let piece =
            piece.filter(|(_, text)| !text.is_empty()).map(|(kind, text)| Piece { kind, text: text.to_owned() });
        self.written.push(Written { bytes: data(&chunk, stream.spacing), stage, piece });
    }
}

const DONE: &[u8] = b"data: [DONE]\n\n";

fn data(value: &Value, spacing: Spacing) -> Vec<u8> {
    format!("data: {}\n\n", spacing.write(value)).into_bytes()
}

/// An error inside a stream that has said this so far.
pub(super) fn error(event: &ErrorEvent, error: &ApiError, behind: &[u8]) -> Vec<u8> {
    let values = Values::new(Ids { seed: 0, created: 0 })
        .with("status", error.status)
        .with("kind", error.kind.as_str())
        .with("message", error.message.as_str())
        .with("code", error.code.clone())
        .with("param", error.param.clone());
    let said = last_chunk(behind).unwrap_or_default();
    let values = ["id", "created", "model"]
        .into_iter()
        .fold(values, |values, name| values.with_some(name, said.get(name).cloned()));
    let mut bytes = event.event.as_ref().map(|name| format!("event: {name}\n")).unwrap_or_default().into_bytes();
    bytes.extend(data(&fill(&event.data, &values), event.spacing));
    if event.done {
        bytes.extend(DONE);
    }
    bytes
}

/// The last chunk of a stream.
fn last_chunk(behind: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(behind);
    let data = |line: &str| serde_json::from_str(line.strip_prefix("data: ")?).ok().filter(Value::is_object);
    text.lines().rev().find_map(data)
}

/// Whether streams tell usage though nobody asks for it.
pub(super) fn always_tells_usage(chat: &Chat) -> bool {
    let event = chat.stream.usage.as_ref().is_some_and(|usage| usage.sent == UsageSent::Always);
    event || chat.stream.finish.chunk.get("usage").is_some_and(|usage| usage == "$usage")
}
