//! Every recorded request, read and written again in its own API: nothing is lost, added or changed.

use std::collections::BTreeMap;

use crossfade::api::compare::differences;
use crossfade::api::{Api, ApiId};
use serde_json::Value;

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
        let written = api.write_request(&before, &before.model);
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

/// Every value that is no list and no object, under the key that it has, and how often it stands in a body. A text
/// alone and a list of one text say the same.
fn leaves(body: &Value) -> BTreeMap<String, usize> {
    fn walk(key: &str, value: &Value, found: &mut BTreeMap<String, usize>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| walk(key, value, found)),
            Value::Array(items) => items.iter().for_each(|item| walk(key, item, found)),
            leaf => {
                let key = if leaf.is_string() && matches!(key, "content" | "system" | "input") { "text" } else { key };
                *found.entry(format!("{key}: {leaf}")).or_default() += 1;
            }
        }
    }
    let mut found = BTreeMap::new();
    walk("", body, &mut found);
    found
}
