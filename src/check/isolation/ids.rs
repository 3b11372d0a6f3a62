//! `isolation.ids`: no id that another case was given.

use std::collections::BTreeMap;

use crate::api::Part;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::view::StepView;
use crate::check::{Evidence, Level};
use crate::history::History;
use crate::scenario::AnswerPlan;

/// `isolation.ids`.
pub(in crate::check) const IDS: Check = Check {
    judge: Judge::Case(ids),
    info: CheckInfo {
        id: "isolation.ids",
        level: Level::Should,
        requirement: "No message, tool call or request has an id that another case was given.",
        rationale: "Ids are what logs, bills and results of tools are told apart by.",
        passes: "Every id that the client got is its own.",
        fails: "The id of a message, of a tool call, or of the request in a header, that another case's client got, \
                too, and that no leg of this case gave.",
        sources: &[],
    },
};

/// An id shorter than this is no id: a counter, a number of a retry.
const LEAST: usize = 8;

fn ids(history: &History) -> Found {
    let Some(shared) = &history.shared_ids else {
        return Found::not_exercised("the history does not say which ids other cases were given");
    };
    if let Some(first) = shared.first() {
        let reason = format!("the {} `{}` was given to `{}`, too", first.what, first.id, first.owner);
        return Found::warn(reason).with_all(shared.iter().map(|shared| Evidence {
            exchange: "client".to_owned(),
            path: Some(shared.what.clone()),
            expected: None,
            got: Some(format!("`{}`, as `{}` was given", shared.id, shared.owner)),
        }));
    }
    if given(history).is_empty() {
        return Found::not_exercised("the client got no id");
    }
    Found::pass()
}

/// Every id that the client got, with what it is the id of. What a leg of the case said itself (a cassette, for
/// example) is the leg's affair.
pub(crate) fn given(history: &History) -> BTreeMap<String, String> {
    let mut ids = BTreeMap::new();
    for step in &StepView::of(history) {
        let mut said = String::new();
        for chunk in step.step.upstream.iter().flat_map(|exchange| &exchange.sent) {
            said.push_str(&String::from_utf8_lossy(&chunk.data.0));
        }
        said.push_str(&recorded_headers(step));
        let asked = &step.client.exchange.request;
        let body = asked.body.to_text();
        let mut take = |id: &str, what: &str| {
            let ours = said.contains(id) || body.contains(id) || asked.headers.iter().any(|(_, value)| value == id);
            if id.len() >= LEAST && !ours {
                ids.entry(id.to_owned()).or_insert_with(|| what.to_owned());
            }
        };
        for id in &step.client.answer.ids {
            take(id, "message id");
        }
        for part in &step.client.answer.parts {
            if let Part::ToolCall { id, .. } = part {
                take(id, "id of a tool call");
            }
        }
        let headers = step.client.exchange.response.iter().flat_map(|head| head.headers.iter());
        for (name, value) in headers {
            let name = name.to_ascii_lowercase();
            if names_a_request(&name) {
                take(value, &format!("request id in {name}"));
            }
        }
    }
    ids
}

/// Values of the headers of the recordings that the legs of a step play: many cases may play one.
fn recorded_headers(step: &StepView<'_>) -> String {
    let plays = step.plan.legs.iter().flat_map(|leg| &leg.attempts);
    let cassettes = plays.filter_map(|play| match &play.answer {
        AnswerPlan::Cassette { cassette, .. } => Some(cassette),
        AnswerPlan::Script { .. } => None,
    });
    let heads = cassettes.flat_map(|cassette| cassette.exchanges.iter().map(|exchange| &exchange.response.headers));
    heads.flat_map(|headers| headers.iter().map(|(_, value)| format!("{value}\n"))).collect()
}

/// Whether a header carries the id of one request.
fn names_a_request(name: &str) -> bool {
    ["request-id", "requestid", "call-id", "correlation-id", "generation-id"].iter().any(|end| name.ends_with(end))
}
