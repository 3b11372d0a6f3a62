//! Every recorded answer in one piece, and every error, as its API reads it.

use crossfade::api::{Api, ApiId, Part, PieceKind, Usage};
use serde_json::Value;

use super::exchange::Exchange;
use super::explained::{Note, explained, faults, is_explained, vendors};
use super::folder::{recorded, say};
use super::table::Table;

#[test]
fn every_recorded_answer_in_one_piece_is_read() {
    let Some(recorded) = recorded() else { return };
    let explained = explained().answers;
    let mut table = Table::new(["answers", "errors", "notes", "explained", "not spoken"]);
    let mut notes = Vec::new();
    for exchange in recorded.iter().filter(|exchange| exchange.framing().is_none()) {
        let is_array = exchange.path().ends_with(":streamGenerateContent") && exchange.status == 200;
        let is_asked = exchange.method == "POST" && exchange.request.is_object();
        let Some(api) = exchange.spoken().and_then(ApiId::spoken).filter(|_| is_asked && !is_array) else {
            table.add(&exchange.vendor, [0, 0, 0, 0, 1]);
            continue;
        };
        let is_error = exchange.status >= 400;
        let found = if is_error { of_error(exchange, api) } else { of_answer(exchange, api) };
        let known = found.iter().filter(|note| is_explained(&explained, note)).count();
        table.add(&exchange.vendor, [usize::from(!is_error), usize::from(is_error), found.len(), known, 0]);
        notes.extend(found);
    }
    say(&format!("\nread in one piece:\n{table}\n"));
    let faults = faults(&explained, &notes, &vendors(recorded));
    assert!(faults.is_empty(), "{faults}");
    assert!(table.sum(0) >= 20 && table.sum(1) >= 40, "too few answers were read");
}

fn of_error(exchange: &Exchange, api: &dyn Api) -> Vec<Note> {
    let said = exchange.error_text().unwrap_or_default();
    match api.read_error(exchange.status, &exchange.body()) {
        None => vec![Note::new(exchange, "error", None, format!("not read: {said}"))],
        Some(error) if error.message != said || error.status != exchange.status => {
            vec![Note::new(exchange, "error", None, format!("read as {error:?}, but it says {said:?}"))]
        }
        Some(_) => Vec::new(),
    }
}

fn of_answer(exchange: &Exchange, api: &dyn Api) -> Vec<Note> {
    let body = exchange.body();
    let completion = match api.read_unary(&body) {
        Ok(completion) => completion,
        Err(why) => return vec![Note::new(exchange, "shape", None, why)],
    };
    let mut found = Vec::new();
    let mut note = |rule: &str, message: String| found.push(Note::new(exchange, rule, None, message));
    if completion.finishes.len() != 1 {
        note("finishes", format!("the answer ends {} times", completion.finishes.len()));
    }
    if completion.usage.as_ref().and_then(Usage::read).is_none_or(|usage| usage.input == 0) {
        note("usage", format!("{:?}", completion.usage));
    }
    for part in &completion.parts {
        if let Part::ToolCall { name, arguments, .. } = part
            && !arguments.is_object()
        {
            note("arguments", format!("{name} is called with {arguments}"));
        }
    }
    let value: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = TEXT.iter().find(|(own, _)| *own == api.id()).map(|(_, text)| text(&value));
    if let Some(text) = text.filter(|text| *text != completion.text) {
        note("text", format!("{:?} was read, but {text:?} was said", completion.text));
    }
    let joined: String = completion
        .deltas
        .iter()
        .filter(|delta| delta.kind == PieceKind::Text)
        .map(|delta| delta.text.as_str())
        .collect();
    if joined != completion.text {
        note("deltas", format!("{joined:?} is not {:?}", completion.text));
    }
    found
}

type TextOf = fn(&Value) -> String;

/// The text of an answer, by where it stands alone.
const TEXT: [(ApiId, TextOf); 8] = [
    (ApiId::OpenaiChat, |body| body["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned()),
    (ApiId::AnthropicMessages, |body| joined(items(&body["content"]).filter(|part| part["type"] == "text"))),
    (ApiId::OpenaiResponses, |body| {
        let parts = items(&body["output"]).flat_map(|item| items(&item["content"]));
        joined(parts.filter(|part| part["type"] == "output_text"))
    }),
    (ApiId::Gemini, |body| {
        joined(items(&body["candidates"][0]["content"]["parts"]).filter(|part| part["thought"] != true))
    }),
    (ApiId::BedrockConverse, |body| joined(items(&body["output"]["message"]["content"]))),
    (ApiId::BedrockInvoke, |body| joined(items(&body["content"]).filter(|part| part["type"] == "text"))),
    (ApiId::OllamaChat, |body| body["message"]["content"].as_str().unwrap_or_default().to_owned()),
    (ApiId::CohereChat, |body| joined(items(&body["message"]["content"]).filter(|part| part["type"] == "text"))),
];

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn joined<'a>(parts: impl Iterator<Item = &'a Value>) -> String {
    parts.filter_map(|part| part["text"].as_str()).collect()
}
