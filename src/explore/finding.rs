//! A finding: a failure, how often it came, and the short scenario that reproduces it.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::Failure;
use super::write::{Tree, text};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it fails.
    pub failure: Failure,
    /// What fails, with each check's reason.
    pub reasons: Vec<(String, String)>,
    /// Cases of the run that failed in this way.
    pub count: usize,
    /// The case that it was shrunk from.
    pub case: usize,
    /// Name of the scenario.
    pub name: String,
    /// What happens in it, in words.
    pub summary: String,
    /// The scenario.
    pub text: String,
    /// Where it was written; `None` before that.
    pub file: Option<PathBuf>,
}

/// Name of the scenario for a failure in the case with this number.
pub(super) fn name(failure: &Failure, case: usize) -> String {
    let check = failure.checks.first().map_or("failure", String::as_str);
    format!("{check}-{case}")
}

/// The whole scenario file. `comments` go in front.
pub(super) fn scenario(name: &str, summary: &str, failure: &Failure, tree: &Tree, comments: &[String]) -> String {
    let mut whole = Tree::new();
    whole.insert("scenario".to_owned(), json!(name));
    whole.insert("summary".to_owned(), json!(summary));
    whole.insert("checks".to_owned(), json!(failure.checks));
    whole.extend(tree.clone());
    let mut out = String::new();
    for comment in comments {
        let _ = writeln!(out, "# {comment}");
    }
    out + &text(&whole)
}

/// What happens in a scenario, in words.
pub(super) fn summary(tree: &Tree) -> String {
    let steps = tree.get("steps").and_then(Value::as_array).into_iter().flatten();
    let steps: Vec<String> = steps.filter_map(Value::as_object).filter(|step| !step.is_empty()).map(step).collect();
    std::iter::once(step(tree)).chain(steps).collect::<Vec<_>>().join("; then ")
}

/// What happens in one step of it.
fn step(tree: &Tree) -> String {
    let mut words = Vec::new();
    for (leg, script) in tree.get("legs").and_then(Value::as_object).into_iter().flatten() {
        let attempts = script["attempts"].as_array();
        let acts = attempts.map_or_else(|| vec![script], |attempts| attempts.iter().collect());
        let said: Vec<String> = acts.into_iter().filter_map(act).collect();
        if !said.is_empty() {
            words.push(format!("`{leg}` {}", said.join(", then ")));
        }
    }
    if words.is_empty() {
        words.push("Every leg would answer whole".to_owned());
    }
    if let Some(leave) = tree.get("client").and_then(|client| client.get("leave")) {
        words.push(format!("the client leaves by {} at {}", tag(&leave["by"]), position(&leave["at"])));
    }
    words.join("; ")
}

fn act(act: &Value) -> Option<String> {
    let status = act["status"].as_u64().or_else(|| act["status"]["code"].as_u64());
    if let Some(status) = status {
        return Some(format!("answers {status}"));
    }
    let cut = act.get("cut")?;
    Some(format!("is cut by {} at {}", tag(&cut["by"]), position(&cut["at"])))
}

/// `close`, `stall`.
fn tag(value: &Value) -> &str {
    let key = value.as_object().and_then(|map| map.keys().next()).map(String::as_str);
    value.as_str().or(key).unwrap_or_default()
}

/// `head`, `texts 5`.
fn position(at: &Value) -> String {
    match at.as_object().and_then(|map| map.iter().next()) {
        Some((unit, n)) => format!("{unit} {n}"),
        None => at.as_str().unwrap_or_default().to_owned(),
    }
}
