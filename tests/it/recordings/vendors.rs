//! The streams of vendors, ours against recorded ones: which members each kind of event has.

use std::collections::{BTreeMap, BTreeSet};

use crossfade::answer::{Lexicon, Library, speak};
use crossfade::api::{Api, ApiId, EncodeContext, Vendor};
use serde::Deserialize;
use serde_json::Value;

use super::exchange::Exchange;
use super::folder::{recorded, say};

/// Members by kind of event: `choices[].delta.content`.
type Shape = BTreeMap<String, BTreeSet<String>>;

/// Known differences, and why they are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    why: String,
    /// `recorded groq text: choices[].delta.content`.
    differences: Vec<String>,
}

/// Which vendors must have been compared: each has a recording in the folder.
const COMPARED: [&str; 8] =
    ["azure-openai", "deepseek", "groq", "mistral", "openrouter", "together", "vertex-anthropic", "xai"];

#[test]
fn each_kind_of_event_has_the_members_that_were_recorded() {
    let Some(exchanges) = recorded() else { return };
    let known: Vec<Known> = serde_yaml::from_str(include_str!("vendors.yaml")).expect("the differences load");
    assert!(known.iter().all(|known| !known.why.trim().is_empty()), "each difference has a reason");
    let mut recorded: BTreeMap<&str, (bool, Shape)> = BTreeMap::new();
    for exchange in exchanges {
        let Some(vendor) = vendor_of(exchange) else { continue };
        let (asked, shape) = recorded.entry(vendor.vendor.as_str()).or_default();
        *asked |= exchange.request.pointer("/stream_options/include_usage") == Some(&Value::Bool(true));
        add(shape, &exchange.body());
    }
    let compared: Vec<&str> = recorded.keys().copied().collect();
    assert_eq!(compared, COMPARED, "these vendors have recordings");
    let mut found = BTreeSet::new();
    for (vendor, (asked, shape)) in &recorded {
        let ours = ours(Vendor::named(vendor).expect("a vendor"), *asked);
        for (kind, members) in shape {
            let Some(own) = ours.get(kind) else {
                found.insert(format!("recorded {vendor} {kind}"));
                continue;
            };
            found.extend(members.difference(own).map(|member| format!("recorded {vendor} {kind}: {member}")));
            found.extend(own.difference(members).map(|member| format!("ours {vendor} {kind}: {member}")));
        }
        say(&format!("{vendor}: {} kinds of event compared\n", shape.len()));
    }
    let listed: BTreeSet<String> = known.iter().flat_map(|known| known.differences.clone()).collect();
    let news: Vec<_> = found.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(news.is_empty() && gone.is_empty(), "new: {news:#?}\nno longer: {gone:#?}");
}

/// The vendor of a recorded stream that was asked for at the vendor's usual path.
fn vendor_of(exchange: &Exchange) -> Option<&'static Vendor> {
    let streams = exchange.status == 200 && exchange.request["stream"] == true;
    let vendor = Vendor::names().filter_map(Vendor::named).find(|vendor| {
        let own = vendor.vendor == exchange.vendor || vendor.vendor == format!("{}-anthropic", exchange.vendor);
        own && vendor.apis.first().is_some_and(|speaks| {
            let paths = &speaks.paths;
            paths.at.first().into_iter().chain(&paths.stream).any(|form| fits(form, exchange.path()))
        })
    })?;
    streams.then_some(vendor)
}

fn fits(form: &str, path: &str) -> bool {
    let same = |form: &str, segment: &str| match form.rsplit_once('}') {
        Some((_, tail)) => segment.ends_with(tail),
        None => form == segment,
    };
    let (form, path): (Vec<_>, Vec<_>) = (form.split('/').collect(), path.split('/').collect());
    form.len() == path.len() && form.iter().zip(path).all(|(form, segment)| same(form, segment))
}

/// What we write, of every bundled answer.
fn ours(vendor: &Vendor, include_usage: bool) -> Shape {
    let api: &dyn Api = vendor.usual().spoken_by(&vendor.vendor).expect("spoken");
    let context = EncodeContext { model: "m".to_owned(), include_usage, seed: 1, created: 1, input_tokens: 4 };
    let mut shape = Shape::new();
    for name in Library::names() {
        let script = Library::bundled().answer(name).expect("a bundled answer");
        let spoken = speak(&script, Lexicon::new(1).voice(0), &[], 1);
        add(&mut shape, &api.render_stream(&spoken, &context).body());
    }
    assert!(api.id() == ApiId::OpenaiChat || api.id() == ApiId::AnthropicMessages);
    shape
}

fn add(shape: &mut Shape, body: &[u8]) {
    let text = String::from_utf8_lossy(body);
    let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data:")?.trim()).ok());
    for event in events.filter(|event| event.get("error").is_none()) {
        let members = shape.entry(kind(&event)).or_default();
        walk(&event, "", members);
    }
}

/// What an event is there for.
fn kind(event: &Value) -> String {
    if let Some(name) = event["type"].as_str() {
        let of = [&event["content_block"]["type"], &event["delta"]["type"]].into_iter().find_map(Value::as_str);
        return of.map_or_else(|| name.to_owned(), |of| format!("{name} {of}"));
    }
    let Some(choice) = event["choices"].get(0) else {
        return if event["usage"].is_object() { "usage" } else { "before" }.to_owned();
    };
    let delta = &choice["delta"];
    let has = |key: &str| delta[key].as_str().is_some_and(|text| !text.is_empty());
    match () {
        () if choice["finish_reason"].is_string() && event["choices"][0]["delta"]["tool_calls"].is_array() => {
            "calls, finish"
        }
        () if choice["finish_reason"].is_string() && event["usage"].is_object() => "finish, usage",
        () if choice["finish_reason"].is_string() => "finish",
        () if delta["tool_calls"][0]["id"].is_string() => "call",
        () if delta["tool_calls"].is_array() => "arguments",
        () if has("reasoning") || has("reasoning_content") => "thinking",
        () if has("content") => "text",
        () => "start",
    }
    .to_owned()
}

fn walk(value: &Value, path: &str, members: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                members.insert(path.clone());
                walk(value, &path, members);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, &format!("{path}[]"), members)),
        _ => {}
    }
}
