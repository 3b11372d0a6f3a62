//! What a line and a unary body have in common: the message, and the figures at the end.

use serde_json::{Value, json};

use crate::api::body::{parse_arguments, text_at};
use crate::api::calls::{UNNAMED, Waiting, given};
use crate::api::reading::Seen;
use crate::api::seeded::Seeded;
use crate::api::{EncodeContext, FinishReason, Level, Part, PieceKind, Say, Usage};

use Level::{Must, Should};

/// A line: compact JSON, in which Go escapes what could be taken for markup or for a line end.
pub(super) fn line(value: &Value) -> Vec<u8> {
    let mut text = value.to_string();
    for (plain, escaped) in
        [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")]
    {
        if text.contains(plain) {
            text = text.replace(plain, escaped);
        }
    }
    text.push('\n');
    text.into_bytes()
}

/// Reasons that the API gives for an end.
pub(super) fn finish_reason(raw: &str, calls: bool) -> Option<FinishReason> {
    Some(match raw {
        // An answer that calls a tool says this, too.
        "stop" if calls => FinishReason::ToolCalls,
        "stop" => FinishReason::Stop,
        "length" => FinishReason::Length,
        "load" | "unload" => FinishReason::Other,
        _ => return None,
    })
}

pub(super) fn raw_finish(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Length => "length",
        FinishReason::Stop | FinishReason::ToolCalls | FinishReason::Refusal | FinishReason::Other => "stop",
    }
}

/// A moment in the form of this API. `nanos` count from the answer's beginning.
pub(super) fn moment(context: &EncodeContext, nanos: u64) -> String {
    let seconds = context.created + nanos / 1_000_000_000;
    let (year, month, day) = date(seconds / 86_400);
    let of_day = seconds % 86_400;
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    let micros = nanos % 1_000_000_000 / 1_000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// The date of a day since 1970, by the rules of the Gregorian calendar.
pub(super) fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// What the end of an answer tells beside the message.
pub(super) fn figures(seed: u64, reason: FinishReason, used: Usage) -> Value {
    let mut nanos = Seeded::new(seed, "durations");
    let mut between = |least: u64, most: u64| least + nanos.below(most - least);
    let (load, prompt, eval) = (
        between(100_000_000, 200_000_000),
        between(100_000_000, 300_000_000),
        used.output.saturating_mul(9_000_000).saturating_add(between(1_000_000, 5_000_000)),
    );
    json!({
        "done": true,
        "done_reason": raw_finish(reason),
        "total_duration": load + prompt + eval + between(1_000_000, 9_000_000),
        "load_duration": load,
        "prompt_eval_count": used.input,
        "prompt_eval_duration": prompt,
        "eval_count": used.output,
        "eval_duration": eval,
    })
}

/// A call as it stands in a message; `None` where its arguments are no object, which this API cannot say.
pub(super) fn call_value(call: &Waiting, index: usize) -> Option<Value> {
    let function = json!({"index": index, "name": call.name, "arguments": call.arguments()?});
    Some(match given(&call.id) {
        Some(id) => json!({"id": id, "function": function}),
        None => json!({ "function": function }),
    })
}

/// Reads messages, one after the other.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// The part to which text of this kind is added.
    open: Option<(PieceKind, usize)>,
    /// Calls so far.
    pub(super) calls: usize,
}

impl Messages {
    /// What a message says: first what was thought, then what is said, then the calls.
    pub(super) fn message(&mut self, at: usize, message: &Value, seen: &mut Seen) -> Vec<Say> {
        let mut said = Vec::new();
        match text_at(message, "role") {
            Some("assistant") => {}
            Some(other) => seen.find("O04", Should, at, format!("the role is {other:?}, not \"assistant\"")),
            None => seen.find("O04", Must, at, "the message has no `role`, without which SDKs do not read it"),
        }
        for (key, kind) in [("thinking", PieceKind::Thinking), ("content", PieceKind::Text)] {
            match message.get(key) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) => self.text(at, kind, text, seen, &mut said),
                Some(_) => seen.find("O05", Must, at, format!("the message's `{key}` is no text")),
            }
        }
        match message.get("tool_calls") {
            None | Some(Value::Null) => {}
            Some(Value::Array(calls)) => calls.iter().for_each(|call| self.call(at, call, seen, &mut said)),
            Some(_) => seen.find("O05", Must, at, "the message's `tool_calls` is no list"),
        }
        said
    }

    fn text(&mut self, at: usize, kind: PieceKind, text: &str, seen: &mut Seen, said: &mut Vec<Say>) {
        if text.is_empty() {
            return;
        }
        let part = match self.open {
            Some((open, part)) if open == kind => part,
            _ if kind == PieceKind::Thinking => seen.part(Part::Thinking { text: String::new(), signature: None }),
            _ => seen.part(Part::text(String::new())),
        };
        self.open = Some((kind, part));
        seen.content(at, kind, part, text);
        said.push(if kind == PieceKind::Thinking {
            Say::Thinking(text.to_owned())
        } else {
            Say::Text(text.to_owned())
        });
    }

    fn call(&mut self, at: usize, call: &Value, seen: &mut Seen, said: &mut Vec<Say>) {
        self.open = None;
        let function = call.get("function").unwrap_or(&Value::Null);
        let name = text_at(function, "name").unwrap_or_default().to_owned();
        if name.is_empty() {
            seen.find("O06", Must, at, "the call has no name");
        }
        let given = text_at(call, "id").filter(|id| !id.is_empty()).map(str::to_owned);
        let id = given.unwrap_or_else(|| format!("{UNNAMED}{}", self.calls));
        self.calls += 1;
        let arguments = function.get("arguments").cloned().unwrap_or(Value::Null);
        if !arguments.is_object() {
            seen.find("O07", Must, at, "the call's `arguments` are no object, which SDKs demand");
        }
        let text = arguments.as_str().map_or_else(|| arguments.to_string(), str::to_owned);
        let arguments = if arguments.is_object() { arguments } else { parse_arguments(&text) };
        let part = seen.part(Part::ToolCall { id: id.clone(), name: name.clone(), arguments });
        seen.content(at, PieceKind::Arguments, part, &text);
        said.push(Say::ToolCall { id, name });
        said.push(Say::Arguments(text));
    }
}
