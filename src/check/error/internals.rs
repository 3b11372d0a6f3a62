//! `error.no-internals`: nothing of the proxy's inside reaches the client.

use super::traces::trace;
use crate::check::Evidence;
use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::secrets::{Forms, Whose, secrets};
use crate::check::view::StepView;
use crate::proxy::Credentials;

/// `error.no-internals`.
pub(in crate::check) const NO_INTERNALS: Check = Check {
    judge: Judge::Step(no_internals),
    info: CheckInfo {
        id: "error.no-internals",
        level: Level::Must,
        requirement: "The client sees no key, no other route, no decoy and no stack trace.",
        rationale: "Errors are shown to users and pasted into tickets.",
        passes: "An error that names the model, or the fallback's.",
        fails: "A map of every route, a traceback with file paths, a key.",
        sources: &["https://github.com/BerriAI/litellm/issues/27967"],
    },
};

fn no_internals(step: &StepView<'_>) -> Found {
    let headers = step.client.exchange.response.iter().flat_map(|head| head.headers.iter());
    let mut seen = String::new();
    for (name, value) in headers {
        seen.extend([name, ": ", value, "\n"]);
    }
    seen.push_str(&String::from_utf8_lossy(&step.client.body));

    let mut leaks: Vec<(String, Evidence)> = Vec::new();
    let mut leak = |what: String, got: String| {
        let evidence = Evidence { exchange: step.client_name(), path: None, expected: None, got: Some(got) };
        leaks.push((what, evidence));
    };
    let forms = Forms::of(&seen);
    // Where the client's own key passes through, a vendor may name it to the client.
    let passes = step.policy().credentials == Some(Credentials::Passthrough);
    let hidden = secrets(&step.history.proxy).filter(|(whose, _)| !(passes && matches!(whose, Whose::Leg(_))));
    for (whose, value) in hidden.filter(|(_, value)| forms.carries(value)) {
        let what = match whose {
            Whose::Leg(name) => format!("the key of `{name}`"),
            Whose::Route(route) => format!("the key of {route}"),
            Whose::Decoy(what) => format!("the {what}"),
        };
        leak(what, around(&seen, value));
    }
    if let Some(route) = other_route(step, &seen, &forms) {
        leak(format!("another route, `{route}`"), around(&seen, &route));
    }
    // Answers may be about code; only what stands in an error is a trace of the proxy's.
    if let Some(found) = trace(&step.client.error_text()) {
        leak("a stack trace".to_owned(), found);
    }
    if let Some((what, _)) = leaks.first() {
        let count = leaks.len();
        let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
        return Found::fail(format!("the client sees {what}{more}")).with_all(leaks.into_iter().map(|(_, seen)| seen));
    }
    if !step.client.sees_error() {
        return Found::not_exercised("the client saw no error");
    }
    if step.history.proxy.attached {
        return Found::skip("attached");
    }
    Found::pass()
}

/// A route of this launch that is not the case's own. Names that say little, or that the client itself wrote, prove
/// nothing.
fn other_route(step: &StepView<'_>, seen: &str, forms: &Forms) -> Option<String> {
    let request = &step.client.exchange.request;
    let mut asked = format!("{}\n{}", request.target, request.body.to_text());
    for (_, value) in request.headers.iter() {
        asked.push('\n');
        asked.push_str(value);
    }
    let routes = step.history.proxy.other_keys.keys().filter_map(|place| place.split('/').next());
    let telling = |name: &&str| is_word(seen, name) && !asked.contains(name);
    routes.filter(|name| forms.carries(name)).find(telling).map(str::to_owned)
}

fn is_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    text.match_indices(word).any(|(at, _)| !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part))
}

/// What stands around a value, the value itself included: it is a canary, worth nothing.
fn around(text: &str, value: &str) -> String {
    let Some(at) = text.find(value) else { return "in another encoding".to_owned() };
    let before: String = text[..at].chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect();
    let after: String = text[at..].chars().take(120).collect();
    format!("{before}{after}")
}
