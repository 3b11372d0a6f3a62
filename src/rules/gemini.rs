//! Structure of Gemini's contents, as its errors speak of it.

use serde_json::Value;

use super::subject::Captures;

fn contents(body: &Value) -> &[Value] {
    body["contents"].as_array().map_or(&[], Vec::as_slice)
}

/// The parts of a content that have this key.
fn parts<'v>(content: &'v Value, key: &'static str) -> impl Iterator<Item = &'v Value> {
    content["parts"].as_array().into_iter().flatten().filter(move |part| !part[key].is_null())
}

fn count(content: &Value, key: &'static str) -> usize {
    parts(content, key).count()
}

/// Contents with calls, each with its number.
fn calling(body: &Value) -> impl Iterator<Item = (usize, &Value)> {
    contents(body).iter().enumerate().filter(|(_, content)| count(content, "functionCall") > 0)
}

/// Contents with results, each with its number.
fn answering(body: &Value) -> impl Iterator<Item = (usize, &Value)> {
    contents(body).iter().enumerate().filter(|(_, content)| count(content, "functionResponse") > 0)
}

pub(super) fn function_call_unsigned(body: &Value, captures: &mut Captures) -> bool {
    // Only what came since the user last said something counts, and of parallel calls the first.
    let said = contents(body).iter().rposition(|content| content["role"] != "model" && count(content, "text") > 0);
    let unsigned =
        calling(body).filter(|(number, _)| said.is_none_or(|said| *number > said)).find_map(|(number, content)| {
            let first = parts(content, "functionCall").next()?;
            first["thoughtSignature"].is_null().then_some((number, first))
        });
    let Some((number, part)) = unsigned else { return false };
    captures.insert("pos", (number + 1).to_string());
    captures.insert("at", format!("contents[{number}]"));
    captures.insert("name", part["functionCall"]["name"].as_str().unwrap_or_default().to_owned());
    true
}

pub(super) fn function_call_misplaced(body: &Value, captures: &mut Captures) -> bool {
    let contents = contents(body);
    let misplaced = calling(body)
        .find(|(number, _)| number.checked_sub(1).is_none_or(|before| contents[before]["role"] == "model"));
    at(captures, misplaced)
}

pub(super) fn function_response_misplaced(body: &Value, captures: &mut Captures) -> bool {
    let contents = contents(body);
    let follows_calls = |number: usize| number.checked_sub(1).is_some_and(|n| count(&contents[n], "functionCall") > 0);
    at(captures, answering(body).find(|(number, _)| !follows_calls(*number)))
}

pub(super) fn function_parts_differ(body: &Value, captures: &mut Captures) -> bool {
    let contents = contents(body);
    let differing = answering(body).find(|(number, content)| {
        let calls = number.checked_sub(1).map_or(0, |before| count(&contents[before], "functionCall"));
        calls > 0 && calls != count(content, "functionResponse")
    });
    at(captures, differing)
}

/// Keeps the place of what was found.
fn at(captures: &mut Captures, found: Option<(usize, &Value)>) -> bool {
    captures.extend(found.map(|(number, _)| ("at", format!("contents[{number}]"))));
    found.is_some()
}
