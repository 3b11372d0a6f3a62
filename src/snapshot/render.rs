//! The text of a snapshot.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::Redactor;
use crate::api::ApiId;
use crate::history::{History, StepHistory, UpstreamExchange};
use crate::wire::Request;

/// Headers whose values are shown; of the others only the names.
const SHOWN: [&str; 12] = [
    "anthropic-beta",
    "anthropic-version",
    "api-key",
    "authorization",
    "content-encoding",
    "content-type",
    "openai-beta",
    "openai-organization",
    "openai-project",
    "x-api-key",
    "x-goog-api-key",
    "x-session-id",
];
/// Headers of the transport and of tracing, which say nothing about a request.
const LEFT_OUT: [&str; 9] = [
    "connection",
    "content-length",
    "date",
    "host",
    "keep-alive",
    "te",
    "traceparent",
    "tracestate",
    "transfer-encoding",
];

/// A request as it is stored.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    step: usize,
    /// Place of the leg in the shape.
    order: usize,
    leg: String,
    text: String,
}

/// Renders the upstream requests of all cases of a scenario on one proxy. Each case is given with its id,
/// `scenario[case]`.
pub fn render(cases: &[(String, &History)]) -> String {
    let mut entries: BTreeMap<Entry, Vec<&str>> = BTreeMap::new();
    let mut silent: Vec<&str> = Vec::new();
    let mut several_steps = false;
    for (id, history) in cases {
        let name = case_name(id);
        let mut any = false;
        several_steps |= history.steps.len() > 1;
        for (number, step) in history.steps.iter().enumerate() {
            for exchange in step.upstream.iter().filter(|exchange| !exchange.side_call && exchange.api.is_some()) {
                any = true;
                let legs = &history.case.shape.legs;
                let order = legs.iter().position(|leg| leg.name == exchange.leg).unwrap_or(legs.len());
                let text = request(history, step, exchange);
                let names = entries.entry(Entry { step: number, order, leg: exchange.leg.clone(), text }).or_default();
                if names.last() != Some(&name) {
                    names.push(name);
                }
            }
        }
        if !any {
            silent.push(name);
        }
    }
    // Requests of a leg in the order of the cases that make them, not of their text.
    let first = |names: &[&str]| cases.iter().position(|(id, _)| names.first() == Some(&case_name(id)));
    let mut entries: Vec<(Entry, Vec<&str>)> = entries.into_iter().collect();
    entries.sort_by_key(|(entry, names)| (entry.step, entry.order, first(names)));

    let mut out = String::new();
    for (entry, names) in &entries {
        if !out.is_empty() {
            out.push('\n');
        }
        let step = if several_steps { format!("step {}, ", entry.step + 1) } else { String::new() };
        let _ = write!(out, "== {step}{} ==\n{}\n{}", entry.leg, counted(names, cases.len()), entry.text);
    }
    if !silent.is_empty() {
        if !out.is_empty() {
            out.push('\n');
        }
        let _ = writeln!(out, "== no request ==\n{}", counted(&silent, cases.len()));
    }
    out
}

/// `a,b` of `scenario[a,b]`; the whole id of a scenario without cases.
fn case_name(id: &str) -> &str {
    id.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']')).unwrap_or(id)
}

fn counted(names: &[&str], of: usize) -> String {
    if names.len() == of {
        return format!("cases: {of} of {of}");
    }
    format!("cases: {} of {of}: {}", names.len(), names.join("; "))
}

/// Method, path, headers and body of a request, redacted.
fn request(history: &History, step: &StepHistory, exchange: &UpstreamExchange) -> String {
    let mut redactor = Redactor::new(history, step, exchange);
    let request = &exchange.request;
    let mut out = format!("{} {}\n", request.method, redactor.text(&target(request)));
    let mut names: Vec<String> = Vec::new();
    let mut shown: Vec<(String, String)> = Vec::new();
    for (name, value) in request.headers.iter() {
        let name = name.to_ascii_lowercase();
        if SHOWN.contains(&name.as_str()) {
            shown.push((name, redactor.values(value)));
        } else if !LEFT_OUT.contains(&name.as_str()) {
            // A key in a header of any other name is worth its line.
            let redacted = redactor.values(value);
            if redacted.contains("<key:") || redacted.contains("<decoy") {
                shown.push((name, redacted));
            } else {
                names.push(name);
            }
        }
    }
    shown.sort();
    names.sort();
    names.dedup();
    for (name, value) in shown {
        let _ = writeln!(out, "{name}: {value}");
    }
    if !names.is_empty() {
        let _ = writeln!(out, "also: {}", names.join(", "));
    }
    out.push('\n');
    out.push_str(&body(request, &mut redactor));
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

/// The path without the leg's prefix, with its query.
fn target(request: &Request) -> String {
    let (path, query) = match request.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (request.target.as_str(), None),
    };
    let path = ApiId::of_path(path).and_then(|api| api.own_path(path)).unwrap_or(path);
    match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}

fn body(request: &Request, redactor: &mut Redactor) -> String {
    let Some(body) = request.json() else { return redactor.text(&request.body.to_text()) };
    let mut body = sorted(body);
    redactor.json(&mut body);
    format!("{body:#}")
}

/// The value with the keys of every object in order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<String, Value> =
                fields.into_iter().map(|(name, field)| (name, sorted(field))).collect();
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
