//! Every recorded request, read and written again in its own API: nothing is lost, added or changed.

use std::collections::BTreeMap;

use crossfade::api::compare::differences;
use crossfade::api::{Api, ApiId};
use serde_json::{Map, Value, json};

use super::exchange::Exchange;
use super::explained::{Note, explained, faults, is_explained, vendors};
use super::folder::{recorded, say};
use super::table::Table;

#[test]
fn every_recorded_request_is_written_again_as_it_was() {
    let Some(recorded) = recorded() else { return };
    let explained = explained().requests;
    let mut table = Table::new(["requests", "turns", "tools", "notes", "explained", "not spoken"]);
    let mut notes = Vec::new();
    for exchange in recorded.iter().filter(|exchange| exchange.request.is_object()) {
        let Some(api) = exchange.spoken().and_then(ApiId::spoken) else {
            table.add(&exchange.vendor, [0, 0, 0, 0, 0, 1]);
            continue;
        };
        let mut before = api.read_request(&exchange.request);
        api.read_target(exchange.target(), &mut before);
        let mut written = api.write_request(&before, &before.model);
        // Azure and Vertex name the model in the path alone.
        if before.model.is_empty()
            && let Some(fields) = written.as_object_mut()
        {
            fields.remove("model");
        }
        let found = differences_of(exchange, api, &written);
        let known = found.iter().filter(|note| is_explained(&explained, note)).count();
        table.add(&exchange.vendor, [1, before.turns.len(), before.tools.len(), found.len(), known, 0]);
        notes.extend(found);
    }
    say(&format!("\nwritten again:\n{table}\n"));
    let faults = faults(&explained, &notes, &vendors(recorded));
    assert!(faults.is_empty(), "{faults}");
    assert!(table.sum(0) > 100 && table.sum(2) > 20, "too few requests were read");
}

/// Differences in neutral form, and what stands in the one body and not in the other: neutral form cannot show what
/// it does not take in.
fn differences_of(exchange: &Exchange, api: &dyn Api, written: &Value) -> Vec<Note> {
    let read = |body: &Value| {
        let mut conversation = api.read_request(body);
        api.read_target(exchange.target(), &mut conversation);
        conversation
    };
    let neutral = differences(&read(&exchange.request), &read(written)).into_iter().map(|difference| {
        let message = format!("{}: {:?} -> {:?}", difference.path, difference.expected, difference.got);
        Note::new(exchange, &format!("neutral {}", difference.kind), None, message)
    });
    let (before, after) = (leaves(&exchange.request), leaves(written));
    let beyond = |one: &BTreeMap<String, usize>, other: &BTreeMap<String, usize>, rule: &str| {
        let more = one.iter().filter(|(leaf, count)| **count > other.get(*leaf).copied().unwrap_or(0));
        more.map(|(leaf, _)| Note::new(exchange, rule, None, leaf.clone())).collect::<Vec<_>>()
    };
    neutral.chain(beyond(&before, &after, "lost")).chain(beyond(&after, &before, "added")).collect()
}

/// Every value that is no list and no object, under the key that it has, and how often it stands in a body; without
/// what says nothing: null, `stream: false`, and whether a text stands alone or in a list of parts. Arguments of tool
/// calls are JSON in a string, and count by what they say.
fn leaves(body: &Value) -> BTreeMap<String, usize> {
    fn walk(key: &str, value: &Value, found: &mut BTreeMap<String, usize>) {
        match (key, value) {
            (_, Value::Object(fields)) => fields.iter().for_each(|(key, value)| walk(key, value, found)),
            (_, Value::Array(items)) => items.iter().for_each(|item| walk(key, item, found)),
            (_, Value::Null) | ("stream", Value::Bool(false)) => {}
            ("type", Value::String(kind)) if kind == "text" => {}
            ("arguments", Value::String(text)) if serde_json::from_str::<Map<_, _>>(text).is_ok() => {
                walk("", &serde_json::from_str(text).unwrap_or_default(), found);
            }
            ("content" | "system" | "input", Value::String(text)) => count("text", &json!(text), found),
            (key, leaf) => count(key, leaf, found),
        }
    }
    fn count(key: &str, leaf: &Value, found: &mut BTreeMap<String, usize>) {
        *found.entry(format!("{key}: {leaf}")).or_default() += 1;
    }
    let mut found = BTreeMap::new();
    walk("", body, &mut found);
    found
}

#[test]
fn what_is_left_out_of_a_request_is_found_out() {
    let check =
        |before: &Value, after: &Value, same: bool| assert_eq!(leaves(before) == leaves(after), same, "{before}");
    let asked = json!({"messages": [{"role": "user", "content": "Hi"}], "stream": false, "top_k": 4});
    check(
        &asked,
        &json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}], "top_k": 4}),
        true,
    );
    check(&asked, &json!({"messages": [{"role": "user", "content": "Hi"}]}), false);
    check(&asked, &json!({"messages": [{"role": "user", "content": "Ho"}], "top_k": 4}), false);
    let call = |arguments: &str| json!({"tool_calls": [{"function": {"name": "f", "arguments": arguments}}]});
    check(&call("{\"a\": 1}"), &call("{\"a\":1}"), true);
    check(&call("{\"a\": 1}"), &call("{\"a\":2}"), false);
    check(&call("{\"a\": "), &call(""), false);
}
