//! Every recorded stream through the grammar of its API, and what it says against a reader of a few lines.

use std::collections::BTreeMap;

use crossfade::api::{Api, ApiId, Level, Part, Reading, Usage};
use crossfade::framing::Framing;
use serde_json::{Value, json};

use super::exchange::Exchange;
use super::explained::{Note, explained, faults, is_explained, vendors};
use super::folder::{recorded, say};
use super::table::Table;

/// Of a longer body, cuts are tried in the middle of its chunks only.
const TRY_EVERY_CUT: usize = 2_000;

#[test]
fn every_recorded_stream_is_read_and_what_it_breaks_is_explained() {
    let Some(recorded) = recorded() else { return };
    let explained = explained().streams;
    let mut table = Table::new(["streams", "bytes", "deltas", "findings", "of MUST", "explained", "framing only"]);
    let mut notes = Vec::new();
    for exchange in recorded.iter().filter(|exchange| is_stream(exchange)) {
        let body = exchange.body();
        let Some(api) = exchange.spoken().and_then(ApiId::spoken) else {
            let found = of_framing(exchange, &body);
            let explained = found.iter().filter(|note| is_explained(&explained, note)).count();
            table.add(&exchange.vendor, [1, body.len(), 0, found.len(), 0, explained, 1]);
            notes.extend(found);
            continue;
        };
        let reading = read(api, &[&body]);
        let mut found = of_reading(exchange, api, &body, &reading);
        found.extend(of_cuts(exchange, api, &body, &reading));
        let known = found.iter().filter(|note| is_explained(&explained, note)).count();
        let must = reading.findings.iter().filter(|finding| finding.level == Level::Must).count();
        let deltas = reading.completion.deltas.len();
        table.add(&exchange.vendor, [1, body.len(), deltas, found.len(), must, known, 0]);
        notes.extend(found);
    }
    say(&format!("\nread by their grammars:\n{table}\n"));
    let faults = faults(&explained, &notes, &vendors(recorded));
    assert!(faults.is_empty(), "{faults}");
    assert!(table.sum(0) > 90 && table.sum(2) > 3_000, "too few streams were read");
}

/// Streams of events, and Gemini's arrays.
fn is_stream(exchange: &Exchange) -> bool {
    let is_array = exchange.path().ends_with(":streamGenerateContent") && exchange.status == 200;
    exchange.framing().is_some() || is_array
}

fn read(api: &dyn Api, chunks: &[&[u8]]) -> Reading {
    let mut reader = api.stream_reader();
    for chunk in chunks {
        reader.feed(chunk);
    }
    reader.finish()
}

/// Of a stream whose API is not spoken: events that can be told apart, with JSON in them.
fn of_framing(exchange: &Exchange, body: &[u8]) -> Vec<Note> {
    let events = exchange.framing().map(|framing| framing.events(body)).unwrap_or_default();
    let mut found = Vec::new();
    for event in &events {
        if event.data != "[DONE]" && serde_json::from_str::<Value>(&event.data).is_err() {
            found.push(Note::new(exchange, "json", Some(event.span.start), "the data is not JSON"));
        }
    }
    if events.is_empty() {
        found.push(Note::new(exchange, "events", None, "no event was found"));
    }
    found
}

fn of_reading(exchange: &Exchange, api: &dyn Api, body: &[u8], reading: &Reading) -> Vec<Note> {
    let mut found: Vec<Note> = reading
        .findings
        .iter()
        .map(|finding| Note::new(exchange, &finding.rule, Some(finding.offset), finding.message.clone()))
        .collect();
    let completion = &reading.completion;
    let mut note = |rule: &str, message: String| found.push(Note::new(exchange, rule, None, message));
    if let Some(error) = completion.errors.first() {
        // Nothing has to follow.
        note("error", format!("{:?}: {}", error.kind, error.message));
        return found;
    }
    if completion.starts.len() != 1 {
        note("starts", format!("{} messages begin", completion.starts.len()));
    }
    if completion.finishes.len() != 1 {
        let raw: Vec<&str> = completion.finishes.iter().map(|finish| finish.raw.as_str()).collect();
        note("finishes", format!("the answer ends {} times: {raw:?}", raw.len()));
    }
    if completion.terminator.is_none() {
        note("terminator", "the end mark is missing".to_owned());
    }
    match completion.usage.as_ref().map(Usage::read) {
        None if exchange.request.is_null() || !api.tells_usage(&exchange.request) => {}
        None => note("usage", "no usage".to_owned()),
        Some(None) => note("usage", "usage that names no tokens".to_owned()),
        Some(Some(usage)) if usage.input == 0 => note("usage", format!("{usage:?}")),
        Some(Some(_)) => {}
    }
    for last in completion.finals.iter().filter(|last| last.text != last.said) {
        note("final", format!("{} is {:?}, but {:?} was said", last.place, last.text, last.said));
    }
    let calls = || completion.parts.iter().filter_map(arguments);
    for arguments in calls().filter(|arguments| !arguments.is_object()) {
        note("arguments", format!("a tool is called with {arguments}"));
    }
    let Some(plain) = Plain::read(api.id(), exchange, body) else { return found };
    if plain.text != completion.text {
        note("text", format!("{:?} was read, but {:?} was said", completion.text, plain.text));
    }
    // No arguments at all stand for an empty object.
    let whole = |text: &String| {
        if text.is_empty() { json!({}) } else { serde_json::from_str(text).unwrap_or_else(|_| json!(text)) }
    };
    let made: Vec<Value> = plain.calls.values().map(whole).collect();
    let read: Vec<Value> = calls().cloned().collect();
    if made != read {
        note("calls", format!("{read:?} were read, but {made:?} were made"));
    }
    found
}

fn arguments(part: &Part) -> Option<&Value> {
    if let Part::ToolCall { arguments, .. } = part { Some(arguments) } else { None }
}

/// The same bytes say the same however they are cut.
fn of_cuts(exchange: &Exchange, api: &dyn Api, body: &[u8], whole: &Reading) -> Vec<Note> {
    let mut cuts = vec![read(api, &body.chunks(1).collect::<Vec<_>>())];
    if body.len() <= TRY_EVERY_CUT {
        cuts.extend((1..body.len()).map(|at| read(api, &[&body[..at], &body[at..]])));
    }
    let pieces = exchange.pieces();
    let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    if pieces.concat() == body {
        cuts.push(read(api, &pieces));
    }
    let differs = cuts.iter().filter(|cut| *cut != whole).count();
    let note = || Note::new(exchange, "cuts", None, format!("{differs} of {} cuts change what is read", cuts.len()));
    (differs > 0).then(note).into_iter().collect()
}

/// What a stream says, by a reader that knows nothing of order and errors.
#[derive(Debug, Default)]
struct Plain {
    text: String,
    /// Arguments of tool calls by their number.
    calls: BTreeMap<u64, String>,
}

type ReadEvent = fn(&mut Plain, &Value);

/// How an event is read plainly.
const PLAIN: [(ApiId, ReadEvent); 7] = [
    (ApiId::OpenaiChat, |plain, event| {
        let first = |choice: &&Value| choice["index"] == 0;
        for choice in items(&event["choices"]).filter(first) {
            plain.say(&choice["delta"]["content"]);
            for call in items(&choice["delta"]["tool_calls"]) {
                plain.call(&call["index"], &call["function"]["arguments"]);
            }
        }
    }),
    (ApiId::AnthropicMessages, |plain, event| {
        if event["delta"]["type"] == "text_delta" {
            plain.say(&event["delta"]["text"]);
        }
        let goes_on = event["index"].as_u64().is_some_and(|index| plain.calls.contains_key(&index));
        if event["content_block"]["type"] == "tool_use" || goes_on {
            plain.call(&event["index"], &event["delta"]["partial_json"]);
        }
    }),
    (ApiId::OpenaiResponses, |plain, event| {
        let is = |kind: &str| event["type"] == kind;
        if is("response.output_text.delta") {
            plain.say(&event["delta"]);
        }
        if is("response.output_item.added") && event["item"]["type"] == "function_call" {
            plain.call(&event["output_index"], &Value::Null);
        }
        // Where the arguments come at once there is no delta.
        if is("response.output_item.done") && event["item"]["type"] == "function_call" {
            plain.calls.insert(event["output_index"].as_u64().unwrap_or_default(), String::new());
            plain.call(&event["output_index"], &event["item"]["arguments"]);
        }
    }),
    (ApiId::Gemini, |plain, event| {
        for part in items(&event["candidates"][0]["content"]["parts"]) {
            if part["thought"] != true {
                plain.say(&part["text"]);
            }
            if part["functionCall"].is_object() {
                let arguments = json!(part["functionCall"]["args"].to_string());
                plain.call(&json!(plain.calls.len()), &arguments);
            }
        }
    }),
    (ApiId::BedrockConverse, |plain, event| {
        plain.say(&event["delta"]["text"]);
        if event["start"]["toolUse"].is_object() || event["delta"]["toolUse"].is_object() {
            plain.call(&event["contentBlockIndex"], &event["delta"]["toolUse"]["input"]);
        }
    }),
    (ApiId::OllamaChat, |plain, event| {
        plain.say(&event["message"]["content"]);
        for call in items(&event["message"]["tool_calls"]) {
            let arguments = json!(call["function"]["arguments"].to_string());
            plain.call(&json!(plain.calls.len()), &arguments);
        }
    }),
    (ApiId::CohereChat, |plain, event| {
        plain.say(&event["delta"]["message"]["content"]["text"]);
        let call = &event["delta"]["message"]["tool_calls"]["function"];
        if call.is_object() {
            plain.call(&event["index"], &call["arguments"]);
        }
    }),
];

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

impl Plain {
    fn read(api: ApiId, exchange: &Exchange, body: &[u8]) -> Option<Self> {
        let (_, event) = PLAIN.iter().find(|(own, _)| *own == api)?;
        let events: Vec<Value> = match exchange.framing() {
            Some(framing) => {
                framing.events(body).iter().filter_map(|event| serde_json::from_str(&event.data).ok()).collect()
            }
            None => serde_json::from_slice(body).unwrap_or_default(),
        };
        let mut plain = Self::default();
        for value in &events {
            event(&mut plain, value);
        }
        Some(plain)
    }

    fn say(&mut self, text: &Value) {
        self.text.push_str(text.as_str().unwrap_or_default());
    }

    fn call(&mut self, number: &Value, arguments: &Value) {
        let call = self.calls.entry(number.as_u64().unwrap_or_default()).or_default();
        call.push_str(arguments.as_str().unwrap_or_default());
    }
}

#[test]
fn a_reader_that_loses_text_is_found_out() {
    let Some(recorded) = recorded() else { return };
    let exchange = recorded.iter().find(|exchange| exchange.file.ends_with("anthropic_streams-text.json"));
    let exchange = exchange.expect("a clean stream");
    let api = exchange.spoken().and_then(ApiId::spoken).expect("spoken");
    let body = exchange.body();
    let mut reading = read(api, &[&body]);
    reading.completion.text.pop();
    reading.completion.usage = None;
    let rules = |notes: Vec<Note>| notes.into_iter().map(|note| note.rule).collect::<Vec<_>>();
    assert_eq!(rules(of_reading(exchange, api, &body, &reading)), ["usage", "text"]);
    assert_eq!(rules(of_cuts(exchange, api, &body, &reading)), ["cuts"]);
    assert_eq!(exchange.framing(), Some(Framing::Sse));
}
