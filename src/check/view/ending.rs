//! How an exchange ended for the client.

use super::flaws::Flaw;
use super::{Call, ClientView, Form, Hearing, is_recognised};
use crate::history::{ClientEnd, History};
use crate::scenario::Outcome;

/// How an exchange ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::check) struct Ending {
    /// `None` where the harness cannot tell.
    pub(in crate::check) outcome: Option<Outcome>,
    /// What speaks for it, or why it cannot be told.
    pub(in crate::check) why: String,
    /// The call that finished the client's answer, as an index into the step's calls.
    pub(in crate::check) finisher: Option<usize>,
}

impl Ending {
    fn of(outcome: Outcome, why: impl Into<String>) -> Self {
        Self { outcome: Some(outcome), why: why.into(), finisher: None }
    }
}

/// The answer of an earlier step, given again.
pub(super) fn again(earlier: usize) -> Ending {
    Ending::of(Outcome::Completed, format!("the answer of step {}, from the cache", earlier + 1))
}

/// Decides how an exchange ended.
pub(super) fn of(history: &History, client: &ClientView<'_>, calls: &[Call<'_>], hearing: &Hearing) -> Ending {
    if let Some(reason) = &history.misrouted {
        return Ending { outcome: None, why: format!("misrouted: {reason}"), finisher: None };
    }
    let status = client.status().unwrap_or_default();
    match &client.exchange.end {
        ClientEnd::Left => return Ending::of(Outcome::Left, "the client left, as scripted"),
        ClientEnd::NoResponse(why) => return Ending::of(Outcome::Broken, format!("no response: {why}")),
        ClientEnd::TimedOut(limit) if client.answer.terminator.is_none() && !client.sees_error() => {
            return Ending::of(Outcome::Hung, format!("no end within {limit} ms"));
        }
        _ => {}
    }
    if client.form == Form::ErrorStatus {
        return Ending::of(Outcome::Error, format!("status {status}"));
    }
    let mixed = mixture(calls, hearing);
    if client.sees_error() {
        let error = client.raises.as_ref().map_or("an error body".to_owned(), |(_, message)| message.clone());
        return mixed.unwrap_or_else(|| Ending::of(Outcome::Error, format!("the client sees an error: {error}")));
    }
    let finishers: Vec<usize> = (0..calls.len()).filter(|number| calls[*number].finished()).collect();
    if let ClientEnd::Broken(how) = &client.exchange.end {
        // Behind a whole answer a broken transport takes nothing away.
        let whole = client.answer.terminator.is_some() && !finishers.is_empty();
        if !whole {
            return mixed.unwrap_or_else(|| Ending::of(Outcome::Broken, how.clone()));
        }
    }
    if !client.looks_finished() {
        return mixed
            .unwrap_or_else(|| Ending::of(Outcome::Silent, "a clean end without a finish and without an error"));
    }
    if finishers.is_empty() {
        let why = if calls.is_empty() { "no leg was asked" } else { "no leg finished an answer" };
        return mixed.unwrap_or_else(|| Ending::of(Outcome::Silent, format!("it looks finished, but {why}")));
    }
    if let Some(mixed) = mixed {
        return mixed;
    }
    finished(calls, hearing, &finishers)
}

/// Whether attribution can tell whose words are whose.
fn attributable(calls: &[Call<'_>], hearing: &Hearing) -> bool {
    !hearing.same_words && !calls.iter().any(Call::disobeys)
}

/// Text of several legs that does not belong together.
fn mixture(calls: &[Call<'_>], hearing: &Hearing) -> Option<Ending> {
    if !attributable(calls, hearing) {
        return None;
    }
    let flaw = hearing.flaws().find(|(_, flaw)| matches!(flaw, Flaw::Doubled { .. } | Flaw::Spliced { .. }));
    let across = across_channels(calls, hearing);
    if flaw.is_none() && !across {
        return None;
    }
    let delivered = hearing.delivered();
    if delivered.len() > 1 && delivered.iter().any(|call| calls[*call].is_unrecognised()) {
        let why = "a request asks to continue in a way that is not recognised, and its answer was joined to another";
        return Some(Ending { outcome: None, why: why.to_owned(), finisher: None });
    }
    Some(match flaw {
        Some((heard, Flaw::Doubled { text, .. })) => {
            Ending::of(Outcome::Doubled, format!("{} comes twice: {text:?}", heard.channel.words()))
        }
        Some((heard, Flaw::Spliced { from, to, .. })) => {
            Ending::of(Outcome::Spliced, format!("{} of `{to}` behind that of `{from}`", heard.channel.words()))
        }
        _ => Ending::of(Outcome::Spliced, "content of two legs that is no continuation"),
    })
}

/// Whether one leg's text stands beside another leg's tool call or thinking.
fn across_channels(calls: &[Call<'_>], hearing: &Hearing) -> bool {
    let delivered = hearing.delivered();
    let mut legs: Vec<&str> = delivered.iter().map(|call| calls[*call].name()).collect();
    legs.sort_unstable();
    legs.dedup();
    legs.len() > 1 && !delivered.iter().any(|call| is_recognised(&calls[*call].exchange.continuation))
}

/// A finished answer of a leg that finished one.
fn finished(calls: &[Call<'_>], hearing: &Hearing, finishers: &[usize]) -> Ending {
    let delivered = hearing.delivered();
    let heard_last = delivered.iter().rev().find(|call| finishers.contains(call)).copied();
    // Behind an answer that cannot be read, whoever was asked to go on with it says the same words.
    let goes_on = |call: &usize| is_recognised(&calls[*call].exchange.continuation);
    let again = heard_last.filter(|heard| calls[*heard].damaged());
    let again = again.and_then(|heard| finishers.iter().rev().find(|call| **call >= heard && goes_on(call)).copied());
    let finisher = again.or(heard_last).or(finishers.last().copied()).unwrap_or_default();
    let before = delivered.iter().any(|call| *call != finisher);
    let asked_to_go_on = is_recognised(&calls[finisher].exchange.continuation);
    let cut_short = attributable(calls, hearing)
        && hearing.text().missing_end(finisher).is_some_and(|missing| !missing.trim().is_empty());
    let (outcome, why) = if cut_short {
        (Outcome::Silent, "the end of the answer is missing, and it looks finished")
    } else if before || (asked_to_go_on && hearing.anything()) {
        (Outcome::Continued, "one leg's text, finished by another request")
    } else if finisher == 0 {
        (Outcome::Completed, "the first request's answer, whole")
    } else {
        (Outcome::Restarted, "a later request's answer, whole")
    };
    Ending { finisher: Some(finisher), ..Ending::of(outcome, why) }
}
