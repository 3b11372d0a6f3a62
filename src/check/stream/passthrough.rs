//! `stream.passthrough`: who declares to hand on what a leg sends hands it on.

use serde_json::Value;

use crate::api::Api;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::view::{Call, Form, StepView};
use crate::check::{Evidence, Level};
use crate::framing::Framing;
use crate::history::ClientEnd;
use crate::proxy::Passthrough;

/// `stream.passthrough`.
pub(in crate::check) const PASSTHROUGH: Check = Check {
    judge: Judge::Step(passthrough),
    info: CheckInfo {
        id: "stream.passthrough",
        level: Level::Must,
        requirement: "Where a proxy declares to pass answers through, one leg's answer reaches the client equal, as JSON or \
                      byte by byte.",
        rationale: "Who is promised the vendor's own answer builds on fields that no proxy knows yet.",
        passes: "The same events, or the same bytes; of an answer that broke off, a beginning of them.",
        fails: "A field that is lost, added or changed; under `bytes`, any difference at all.",
        sources: &[],
    },
};

fn passthrough(step: &StepView<'_>) -> Found {
    let declared = match step.policy().passthrough {
        None | Some(Passthrough::None) => {
            return Found::not_exercised("the proxy does not declare to pass answers through");
        }
        Some(declared) => declared,
    };
    let Some(call) = only(step) else {
        return Found::not_exercised("the client did not get the answer of one leg in its own API");
    };
    let (sent, got) = (call.body(), &step.client.body);
    // Behind an answer that broke off the proxy may say so in its own words.
    let whole = step.client.ended(&ClientEnd::Complete) && call.finished() && call.ended_cleanly();
    let difference = match declared {
        Passthrough::Bytes => of_bytes(&sent, got, whole),
        _ => of_events(step, &sent, got, whole),
    };
    match difference {
        None => Found::pass(),
        Some((path, expected, got)) => {
            let reason = format!("the answer of `{}` was changed at {path}", call.name());
            let exchange = step.client_name();
            Found::fail(reason).with(Evidence { exchange, path: Some(path), expected: Some(expected), got: Some(got) })
        }
    }
}

/// The one call whose answer the client got, in the client's own API.
fn only<'s, 'a>(step: &'s StepView<'a>) -> Option<&'s Call<'a>> {
    let answered = matches!(step.client.form, Form::Stream | Form::Unary) && !step.client.body.is_empty();
    let mut calls =
        step.calls.iter().filter(|call| (200..300).contains(&call.exchange.status) && !call.body().is_empty());
    let call = calls.next()?;
    (answered && calls.next().is_none() && call.exchange.api == Some(step.client.exchange.api)).then_some(call)
}

type Difference = (String, String, String);

fn of_bytes(sent: &[u8], got: &[u8], whole: bool) -> Option<Difference> {
    let same = sent.iter().zip(got).take_while(|(a, b)| a == b).count();
    if if whole { sent == got } else { same == got.len().min(sent.len()) } {
        return None;
    }
    let shown = |bytes: &[u8]| String::from_utf8_lossy(&bytes[same..bytes.len().min(same + 60)]).into_owned();
    Some((format!("byte {same}"), shown(sent), shown(got)))
}

/// Events by name and data, data as JSON where it is JSON; a unary body is one event.
fn of_events(step: &StepView<'_>, sent: &[u8], got: &[u8], whole: bool) -> Option<Difference> {
    let edits = step.policy().answer_edits.as_deref().unwrap_or_default();
    let renames = edits.iter().any(|edit| edit == "model_name");
    let events = |body: &[u8]| -> Vec<(Option<String>, Value)> {
        let json = |text: &str| {
            let mut value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
            if renames {
                forget_model(&mut value);
            }
            value
        };
        if step.client.form == Form::Unary {
            return vec![(None, json(&String::from_utf8_lossy(body)))];
        }
        let events = step.client.api.map_or(Framing::Sse, Api::framing).events(body);
        events.into_iter().map(|event| (event.name.clone(), json(&event.data))).collect()
    };
    let (sent, mut got) = (events(sent), events(got));
    // Behind a finished answer that came without its end mark, as JSON nothing is changed by one.
    let marked = |events: &[(Option<String>, Value)]| events.last().is_some_and(|(_, data)| data == "[DONE]");
    if whole && got.len() > sent.len() && marked(&got) && !marked(&sent) {
        got.pop();
    }
    let at = sent.iter().zip(&got).take_while(|(a, b)| a == b).count();
    if if whole { sent == got } else { at == got.len().min(sent.len()) } {
        return None;
    }
    let shown =
        |events: &[(Option<String>, Value)]| events.get(at).map_or("nothing".to_owned(), |(_, data)| data.to_string());
    Some((format!("event {}", at + 1), shown(&sent), shown(&got)))
}

/// Takes out the name of the model, where answers say it.
fn forget_model(value: &mut Value) {
    for place in ["", "/message", "/response"] {
        if let Some(fields) = value.pointer_mut(place).and_then(Value::as_object_mut) {
            fields.remove("model");
            fields.remove("modelVersion");
        }
    }
}
