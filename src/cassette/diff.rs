//! What two cassettes say differently.

use serde_json::{Value, json};

use super::look::Look;
use super::{Cassette, Exchange, RecordedChunk, RecordedResponse};
use crate::api::compare::differences;
use crate::api::{Completion, Part};

/// Headers of an answer that clients act on.
const HEADERS: [&str; 7] = [
    "content-type",
    "content-encoding",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    "www-authenticate",
    "location",
];

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub struct CassetteDifference {
    /// Where: `exchange 1, answer: finish`.
    pub place: String,
    /// What the one says; `None` where it says nothing.
    pub left: Option<Value>,
    /// What the other says.
    pub right: Option<Value>,
}

/// What two cassettes say differently: requests in neutral form, status, headers that clients act on, kinds of events,
/// content, usage and the end. Ids, and how text is cut into pieces, say nothing. With `wire` also the borders of chunks
/// and their times.
pub fn diff(left: &Cassette, right: &Cassette, wire: bool) -> Vec<CassetteDifference> {
    let mut out = Differences::default();
    out.compare("API", &json!(left.api), &json!(right.api));
    out.compare("number of exchanges", &json!(left.exchanges.len()), &json!(right.exchanges.len()));
    for (index, (one, other)) in left.exchanges.iter().zip(&right.exchanges).enumerate() {
        let looks = [Look::new(left.api, one), Look::new(right.api, other)];
        out.at = format!("exchange {}, request: ", index + 1);
        requests(&mut out, [one, other], &looks);
        out.at = format!("exchange {}, answer: ", index + 1);
        answers(&mut out, [&one.response, &other.response], &looks);
        if wire {
            let lengths = |exchange: &Exchange| chunks(exchange, |chunk| json!(chunk.bytes().len()));
            let times = |exchange: &Exchange| chunks(exchange, |chunk| json!(chunk.after.map(|after| after.0)));
            out.compare("bytes of each chunk", &lengths(one), &lengths(other));
            out.compare("milliseconds before each chunk", &times(one), &times(other));
        }
    }
    out.found
}

#[derive(Default)]
struct Differences {
    at: String,
    found: Vec<CassetteDifference>,
}

impl Differences {
    /// Null says nothing.
    fn compare(&mut self, what: &str, left: &Value, right: &Value) {
        if left != right {
            let said = |value: &Value| Some(value.clone()).filter(|value| !value.is_null());
            let place = format!("{}{what}", self.at);
            self.found.push(CassetteDifference { place, left: said(left), right: said(right) });
        }
    }
}

fn requests(out: &mut Differences, [one, other]: [&Exchange; 2], looks: &[Look; 2]) {
    let (one, other) = (&one.request, &other.request);
    out.compare("method", &json!(one.method), &json!(other.method));
    out.compare("target", &json!(one.target), &json!(other.target));
    match [&looks[0].request, &looks[1].request] {
        [Some(left), Some(right)] => {
            out.compare("model", &json!(left.model), &json!(right.model));
            for difference in differences(left, right) {
                let said = |value: Option<Value>| value.unwrap_or_default();
                out.compare(&difference.path, &said(difference.expected), &said(difference.got));
            }
        }
        _ => out.compare("body", &text(&one.bytes()), &text(&other.bytes())),
    }
}

fn answers(out: &mut Differences, [one, other]: [&RecordedResponse; 2], looks: &[Look; 2]) {
    out.compare("status", &json!(one.status), &json!(other.status));
    for name in HEADERS {
        out.compare(name, &json!(one.headers.get(name)), &json!(other.headers.get(name)));
    }
    out.compare("end", &json!(one.end), &json!(other.end));
    if looks.iter().any(|look| look.stream) {
        out.compare("kinds of events", &events(&looks[0]), &events(&looks[1]));
    }
    match [&looks[0].completion, &looks[1].completion] {
        [Some(left), Some(right)] => completions(out, left, right),
        _ => out.compare("body", &text(&looks[0].body), &text(&looks[1].body)),
    }
}

fn completions(out: &mut Differences, left: &Completion, right: &Completion) {
    out.compare("models", &json!(left.models), &json!(right.models));
    let (one, other) = (contents(left), contents(right));
    for at in 0..one.len().max(other.len()) {
        let part = |list: &[Value]| list.get(at).cloned().unwrap_or_default();
        out.compare(&format!("content[{at}]"), &part(&one), &part(&other));
    }
    let finishes = |completion: &Completion| json!(completion.finishes.iter().map(|f| &f.raw).collect::<Vec<_>>());
    out.compare("finish", &finishes(left), &finishes(right));
    let mark = |completion: &Completion| json!(completion.terminator.is_some());
    out.compare("end mark", &mark(left), &mark(right));
    let errors = |completion: &Completion| {
        json!(completion.errors.iter().map(|error| json!([error.kind, error.message])).collect::<Vec<_>>())
    };
    out.compare("errors", &errors(left), &errors(right));
    let usage = |completion: &Completion| completion.usage.clone().unwrap_or_default();
    out.compare("usage", &usage(left), &usage(right));
}

/// The parts of an answer, without what is another each time.
fn contents(completion: &Completion) -> Vec<Value> {
    let part = |part: &Part| match part {
        Part::Text { text, .. } => json!({"text": text}),
        Part::Thinking { text, signature } => json!({"thinking": text, "signed": signature.is_some()}),
        Part::ToolCall { name, arguments, .. } => json!({"call": name, "arguments": arguments}),
        Part::Refusal { text } => json!({"refusal": text}),
        other => json!(other),
    };
    completion.parts.iter().map(part).collect()
}

/// The kinds of events in their order; one that comes several times in a row counts once.
fn events(look: &Look) -> Value {
    if !look.stream {
        return Value::Null;
    }
    let mut kinds: Vec<String> = look.framing.events(&look.body).into_iter().map(|event| event.kind()).collect();
    kinds.dedup();
    json!(kinds)
}

fn chunks(exchange: &Exchange, tell: impl Fn(&RecordedChunk) -> Value) -> Value {
    exchange.response.chunks.iter().map(tell).collect()
}

/// A body as JSON where it is, else as text.
fn text(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(bytes)))
}
