//! The request that a leg got, against its control: path by path.

use std::fmt::Write as _;

use serde_json::Value;

use crate::api::compare::{DifferenceKind, differences, normal, without_words};
use crate::api::{ApiId, Conversation};
use crate::history::{Control, History, StepHistory, UpstreamExchange};
use crate::wire::Request;

/// Requests shown of one case.
const MOST: usize = 3;
/// Differences shown of one request.
const MOST_DIFFERENCES: usize = 12;
/// Characters shown of one value.
const LONGEST: usize = 240;
/// A longer common beginning of two values is left out.
const ALIKE: usize = 60;

/// The requests of a case that a reader wants to see: those to fallbacks; without any, the last one to the first leg.
pub(super) fn show(history: &History) -> String {
    let mut text = String::new();
    let first = history.case.shape.legs.first().map(|leg| leg.name.as_str());
    let mut shown = 0;
    for (index, step) in history.steps.iter().enumerate() {
        let calls = || step.upstream.iter().enumerate().filter(|(_, upstream)| !upstream.side_call);
        let mut wanted: Vec<_> = calls().filter(|(_, upstream)| Some(upstream.leg.as_str()) != first).collect();
        if wanted.is_empty() {
            wanted.extend(calls().next_back());
        }
        for (number, upstream) in wanted {
            if shown == MOST {
                text.push_str("  (further requests are in the history)\n");
                return text;
            }
            shown += 1;
            let name = match history.steps.len() {
                1 => format!("upstream {}", number + 1),
                _ => format!("step {}, upstream {}", index + 1, number + 1),
            };
            one(&mut text, &name, history, step, upstream);
        }
    }
    if shown == 0 {
        text.push_str("  no request reached any leg\n");
    }
    text
}

fn one(text: &mut String, name: &str, history: &History, step: &StepHistory, upstream: &UpstreamExchange) {
    let leg = &upstream.leg;
    let model = history.case.shape.legs.iter().find(|each| each.name == *leg);
    let model = model.map(|leg| leg.model.to_string()).unwrap_or_default();
    let _ = write!(text, "  {name}: `{leg}` ({model}) got {} {}", upstream.request.method, upstream.request.target);
    let _ = match &upstream.refused {
        Some(refusal) => writeln!(text, " and refused it: {} by rule {}", upstream.status, refusal.rule)
            .and_then(|()| writeln!(text, "    {}", refusal.error.message)),
        None if upstream.status == 0 => writeln!(text, " and never began to answer"),
        None => writeln!(text, " and answered {}", upstream.status),
    };
    let Some(api) = upstream.api else {
        text.push_str("    this path belongs to no API\n");
        return;
    };
    let (against, expected) = match step.controls.get(leg) {
        Some(Control::Done { request, unique, .. }) => {
            ("its control (what this proxy sends to it when nothing is broken)", Some((request, api, unique.as_str())))
        }
        Some(Control::Failed { status, text: said, .. }) => {
            let _ = writeln!(text, "    its control failed ({status}: {}), so:", cut(said));
            ("the client's own request", None)
        }
        Some(Control::Missing { reason }) => {
            let _ = writeln!(text, "    there is no control to compare with ({reason}), so:");
            ("the client's own request", None)
        }
        None => ("the client's own request", None),
    };
    let expected = expected.unwrap_or((&step.client.request, step.client.api, history.unique.as_str()));
    let read = |request: &Request, api: ApiId, unique: &str| neutral(request, api, &[unique, &history.unique]);
    let (Some(expected), Some(got)) =
        (read(expected.0, expected.1, expected.2), read(&upstream.request, api, expected.2))
    else {
        text.push_str("    its body is no JSON\n");
        return;
    };
    let found = differences(&expected, &got);
    if found.is_empty() {
        let _ = writeln!(text, "    equal to {against}");
        return;
    }
    let _ = writeln!(text, "    against {against}:");
    for difference in found.iter().take(MOST_DIFFERENCES) {
        let path = &difference.path;
        let json = |value: &Option<Value>| value.as_ref().map(Value::to_string).unwrap_or_default();
        let (expected, got) = (json(&difference.expected), json(&difference.got));
        let from = if difference.kind == DifferenceKind::Changed { common(&expected, &got) } else { 0 };
        let (expected, got) = (cut_from(&expected, from), cut_from(&got, from));
        let _ = match difference.kind {
            DifferenceKind::Lost => writeln!(text, "    - {path}: {expected}"),
            DifferenceKind::Added => writeln!(text, "    + {path}: {got}"),
            DifferenceKind::Changed => writeln!(text, "    - {path}: {expected}\n    + {path}: {got}"),
            DifferenceKind::Reordered => writeln!(text, "    ~ {path}: moved: {got}"),
        };
    }
    if found.len() > MOST_DIFFERENCES {
        let _ = writeln!(text, "    and {} more", found.len() - MOST_DIFFERENCES);
    }
}

/// The request in comparable form, unique words taken out, the model's spelling left to its own check.
pub(super) fn neutral(request: &Request, api: ApiId, unique: &[&str]) -> Option<Conversation> {
    let words: Vec<String> = unique.iter().map(|word| (*word).to_owned()).collect();
    let mut conversation = api.at(&request.target)?.read(request)?;
    conversation.model.clear();
    Some(normal(&without_words(&conversation, &words)))
}

/// Characters that two texts begin with alike, where that is a long way; a few of them are left for orientation.
fn common(one: &str, other: &str) -> usize {
    let alike = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    if alike > ALIKE { alike - ALIKE / 2 } else { 0 }
}

fn cut(text: &str) -> String {
    cut_from(text, 0)
}

/// A part of a text in one line, with what is left out marked.
fn cut_from(text: &str, from: usize) -> String {
    let shown: String = text.chars().skip(from).take(LONGEST).collect();
    let count = text.chars().count();
    let before = if from > 0 { "... " } else { "" };
    let shown = shown.replace('\n', "\\n");
    if count > from + LONGEST { format!("{before}{shown}... ({count} characters)") } else { format!("{before}{shown}") }
}
