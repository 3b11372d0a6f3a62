//! `translate.params`: parameters, by their neutral names and exact values.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::pair::Pair;
use super::{Translation, judge};
use crate::api::compare::{Difference, DifferenceKind};
use crate::api::{Api, Conversation};
use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};

/// `translate.params`.
pub(in crate::check) const PARAMS: Check = Check {
    judge: Judge::Step(|step| judge(step, "the client gave no parameter", compare)),
    info: CheckInfo {
        id: "translate.params",
        level: Level::Should,
        requirement: "Parameters reach each leg by value: limits, sampling, stop texts, the user's id.",
        rationale: "A lost stop text or a rounded number changes every answer a little, and no error ever says so.",
        passes: "The same values under the API's own names; none where the API has no such parameter or the target \
                 refuses it; a limit added where the API demands one.",
        fails: "A parameter lost, added or changed, `0.2` that became `0.20000000298`.",
        sources: &[],
    },
};

/// What is meant where nothing is said.
fn is_default(name: &str, value: &Value) -> bool {
    if value.is_null() {
        return true;
    }
    match name {
        "temperature" | "top_p" => *value == json!(1),
        "presence_penalty" | "frequency_penalty" => *value == json!(0),
        "parallel_tool_calls" => *value == true,
        "stop" => *value == json!([]),
        _ => false,
    }
}

/// Whether an API has a parameter of this name.
fn has(api: &dyn Api, name: &str) -> bool {
    let features = api.features();
    features.params.contains(&name) || (name == "user" && features.user)
}

/// The two ways of saying how much the model is to reason.
const REASONING: [&str; 2] = ["thinking", "reasoning_effort"];

fn compare(pair: &Pair<'_>) -> Translation {
    let mut out = Translation::of(!pair.client.params.is_empty() || pair.client.user.is_some());
    let (mut expected, got) = (pair.client.params.clone(), pair.control.params.clone());
    if !pair.same_api() && REASONING.iter().any(|name| expected.contains_key(*name)) {
        out.excuse("how much the model is to reason has no exact counterpart");
    }
    // What is put back stays there for what comes after it: one of two that exclude each other is refused.
    let mut back = pair.raw();
    let names: BTreeSet<String> = expected.keys().chain(got.keys()).cloned().collect();
    let counterpart = !pair.same_api() && REASONING.iter().any(|name| expected.remove(*name).is_some());
    for name in &names {
        if counterpart && REASONING.contains(&name.as_str()) {
            continue;
        }
        let (before, after) = (expected.get(name), got.get(name));
        if before != after
            && let Some(found) = judge_one(pair, name, before, after, &mut back, &mut out)
        {
            out.differences.push(found);
        }
    }
    user(pair, &mut out);
    if pair.same_api() {
        unnamed(pair, &mut out);
    }
    out
}

/// Whether a request allows no call: it has no tools, or forbids them.
fn calls_nothing(conversation: &Conversation) -> bool {
    conversation.tools.is_empty() || conversation.tool_choice == Some("none".into())
}

fn judge_one(
    pair: &Pair<'_>,
    name: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    back: &mut Conversation,
    out: &mut Translation,
) -> Option<Difference> {
    let says = |value: Option<&Value>| value.is_none_or(|value| is_default(name, value));
    if says(before) && says(after) {
        return None;
    }
    let to = pair.to;
    let kind = match (before, after) {
        (Some(_), None) if !has(to, name) => {
            out.excuse(format!("{} has no `{name}`", to.id()));
            return None;
        }
        // One call at a time is said with the tools, and of none there is nothing to say.
        (Some(_), None) if name == "parallel_tool_calls" && calls_nothing(&pair.control) => {
            out.excuse("without tools nothing is called at a time");
            return None;
        }
        (None, Some(_)) if name == "max_tokens" && to.features().demands_limit => {
            out.excuse(format!("{} demands `max_tokens`", to.id()));
            return None;
        }
        (None, Some(_)) if name == "parallel_tool_calls" && super::format::as_tool(pair).is_some() => return None,
        (Some(_), None) => DifferenceKind::Lost,
        (None, _) => DifferenceKind::Added,
        (Some(_), Some(_)) => DifferenceKind::Changed,
    };
    if name == "max_tokens" && kind == DifferenceKind::Changed && pair.declares("max_tokens_clamp") {
        out.excuse("the proxy declares that it clamps `max_tokens`");
        return None;
    }
    if let Some(before) = before {
        let mut attempt = back.clone();
        attempt.params.insert(name.to_owned(), before.clone());
        // The newer name of the limit is written in place of the neutral one.
        if name == "max_tokens" && attempt.rest.contains_key("/max_completion_tokens") {
            attempt.rest.insert("/max_completion_tokens".to_owned(), before.clone());
        }
        if let Some(rule) = pair.refused(&attempt) {
            out.excuse(format!("the target refuses this `{name}` ({rule})"));
            return None;
        }
        *back = attempt;
    }
    Some(Difference { path: format!("params.{name}"), kind, expected: before.cloned(), got: after.cloned() })
}

fn user(pair: &Pair<'_>, out: &mut Translation) {
    let (before, after) = (&pair.client.user, &pair.control.user);
    let kind = match (before, after) {
        (Some(_), None) if !has(pair.to, "user") => {
            out.excuse(format!("{} has no place for the user's id", pair.to.id()));
            return;
        }
        (Some(before), Some(after)) if before != after => DifferenceKind::Changed,
        (Some(_), None) => DifferenceKind::Lost,
        (None, Some(_)) => DifferenceKind::Added,
        _ => return,
    };
    let value = |text: &Option<String>| text.clone().map(Value::from);
    let (expected, got) = (value(before), value(after));
    out.differences.push(Difference { path: "user".to_owned(), kind, expected, got });
}

/// Keys without a neutral name: within one API they are to arrive, too.
fn unnamed(pair: &Pair<'_>, out: &mut Translation) {
    let counts = |path: &String| {
        let elsewhere = ["/messages", "/input", "/contents", "/tools", "/system", "/tool_choice"];
        // Usage is asked for by whoever wants to count, the limit's newer name says what the older does.
        let ours =
            ["/stream_options", "/max_completion_tokens", "/cache_control", "/output_format", "/safety_identifier"];
        !elsewhere
            .iter()
            .chain(&ours)
            .any(|known| path.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    };
    let (expected, got) = (&pair.client.rest, &pair.control.rest);
    let names: BTreeSet<&String> = expected.keys().chain(got.keys()).filter(|path| counts(path)).collect();
    for path in names {
        let (before, after) = (expected.get(path), got.get(path));
        let kind = match (before, after) {
            (Some(before), Some(after)) if before != after => DifferenceKind::Changed,
            (Some(before), None) if !before.is_null() => DifferenceKind::Lost,
            (None, Some(after)) if !after.is_null() => DifferenceKind::Added,
            _ => continue,
        };
        let (expected, got) = (before.cloned(), after.cloned());
        out.differences.push(Difference { path: format!("body{path}"), kind, expected, got });
    }
}
