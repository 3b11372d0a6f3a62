//! One case on its slot: the client asks, the legs play, and what both saw becomes a history.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::rig::Rig;
use super::words;
use crate::answer::Voice;
use crate::api::Api;
use crate::client;
use crate::history::{ClientEnd, ClientExchange, Control, FORMAT, History, ProxyFacts, StepHistory, Survival};
use crate::leg::{Binding, ControlRequest, LegBinding};
use crate::progress::{Progress, Watcher};
use crate::proxy::Ask;
use crate::scenario::{Case, ClientPlan};
use crate::wire::{Headers, Request};

/// Longer than the proxy's own limit for silence by 10 s, an exchange is hung. The silence begins a little after the
/// case does, and so does the count of it.
const PATIENCE: Duration = Duration::from_secs(12);

/// A case and everything it needs on its slot.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// The case.
    pub(super) case: Arc<Case>,
    /// Name of the slot.
    pub(super) slot: String,
    /// The unique word.
    pub(super) unique: String,
    /// A voice for each leg.
    pub(super) voices: Vec<Voice>,
    /// Per step, controls by leg name.
    pub(super) controls: Vec<BTreeMap<String, Control>>,
    /// Limit of one exchange of the client, where the command line gives one.
    pub(super) limit: Option<Duration>,
    /// Silence after which it is over, where it is not the proxy's own.
    pub(super) quiet: Option<Duration>,
    /// Factor on the waits for the client, from the control's latency.
    pub(super) patience: f64,
    /// Who is told of everything while it happens.
    pub(super) watcher: Option<Watcher>,
}

/// Plays a case and gives what was seen. `answered` is called when the client has its last end: what remains is to
/// wait for silence.
pub(super) async fn play(rig: &Rig, order: &Order, answered: impl FnOnce() + Send) -> History {
    let case = &order.case;
    let started = Instant::now();
    let facts = rig.facts(&order.slot, &case.shape);
    let session = rig.legs.begin(&order.slot, binding(rig, order, &facts, started));
    let mut steps = Vec::new();
    let mut answered = Some(answered);
    for (index, step) in case.steps.iter().enumerate() {
        let progress = Progress::watched(order.watcher.clone());
        session.begin_step(index, Some(progress.clone()));
        let client = exchange(rig, order, &step.client, &progress, started).await;
        if index + 1 == case.steps.len()
            && let Some(answered) = answered.take()
        {
            answered();
        }
        session.quiet(order.quiet.unwrap_or(rig.quiet)).await;
        let controls = order.controls.get(index).cloned().unwrap_or_default();
        steps.push(StepHistory { client, upstream: session.end_step(), controls });
    }
    let (strays, misrouted) = session.finish();
    let mut history = History {
        format: FORMAT,
        crossfade: env!("CARGO_PKG_VERSION").to_owned(),
        case: Case::clone(case),
        proxy: facts,
        unique: order.unique.clone(),
        steps,
        beside: Vec::new(),
        strays,
        survived: None,
        misrouted,
        words: None,
        shared_ids: None,
    };
    history.hide(&rig.proxy.secrets());
    history
}

/// Whether the proxy serves a plain request now.
pub(super) fn survival(history: &History) -> Survival {
    let Some(client) = history.steps.first().map(|step| &step.client) else {
        return Survival::Failed("nothing was asked".to_owned());
    };
    match (&client.end, client.response.as_ref().map(|head| head.status)) {
        (ClientEnd::Complete, Some(200..=299)) => Survival::Served,
        (ClientEnd::Complete, Some(status)) => Survival::Failed(format!("a plain request got status {status}")),
        (ClientEnd::NoResponse(why) | ClientEnd::Broken(why), _) => Survival::Failed(format!("a plain request: {why}")),
        (ClientEnd::TimedOut(ms), _) => Survival::Failed(format!("a plain request had no end within {ms} ms")),
        (ClientEnd::Left, _) | (ClientEnd::Complete, None) => {
            Survival::Failed("a plain request got no answer".to_owned())
        }
    }
}

/// How long the proxy took until it asked a leg: what tells that it is under load.
pub(super) fn reaction(history: &History) -> Option<Duration> {
    let step = history.steps.first()?;
    let first = step.upstream.iter().find(|upstream| !upstream.side_call)?;
    Some(Duration::from_micros(first.at.saturating_sub(step.client.sent_at)))
}

/// Longest time of one exchange of the client.
pub(super) fn limit(case: &Case, given: Option<Duration>) -> Duration {
    let whole = given.unwrap_or_else(|| case.time_limit.duration());
    let silence = case.settings.idle_timeout.max(case.settings.first_byte_timeout);
    match silence {
        // Held for a debugger, nothing has a limit.
        Some(silence) if super::skip::stalls(case) && whole != Duration::MAX => {
            whole.min(silence.duration() + PATIENCE)
        }
        _ => whole,
    }
}

async fn exchange(
    rig: &Rig,
    order: &Order,
    plan: &ClientPlan,
    progress: &Progress,
    started: Instant,
) -> ClientExchange {
    let route = rig.route(&order.slot);
    let model = route.and_then(|route| route.legs.first()).map(|leg| leg.model.model.clone()).unwrap_or_default();
    let asked = match route {
        Some(route) => rig.proxy.ask(rig.asked_as(&route.name), plan.api),
        None => Err(format!("there is no slot `{}`", order.slot)),
    };
    let made = asked.and_then(|ask| match plan.api.spoken() {
        Some(api) => Ok((ask.addr, request(api, plan, &ask, &order.unique, &model))),
        None => Err(format!("{} is not spoken", plan.api)),
    });
    match made {
        Ok((addr, request)) => {
            let ask = client::Ask {
                addr,
                request,
                api: plan.api,
                stream: plan.conversation.stream,
                leave: plan.leave.clone(),
                pause: plan.pause,
                limit: limit(&order.case, order.limit),
            };
            client::drive(ask, progress, started).await
        }
        Err(why) => {
            let now = started.elapsed().as_micros() as u64;
            let exchange = ClientExchange {
                api: plan.api,
                stream: plan.conversation.stream,
                request: Request {
                    method: "POST".to_owned(),
                    target: String::new(),
                    headers: Headers::default(),
                    body: Vec::new().into(),
                },
                sent_at: now,
                response: None,
                chunks: Vec::new(),
                paused: None,
                end: ClientEnd::NoResponse(why),
                ended_at: now,
            };
            for moment in exchange.moments() {
                progress.tell(|| moment);
            }
            exchange
        }
    }
}

/// The client's request as it goes on the wire.
fn request(api: &dyn Api, plan: &ClientPlan, ask: &Ask, unique: &str, model: &str) -> Request {
    let mut conversation = plan.conversation.clone();
    words::mark(&mut conversation, unique);
    let model = ask.model.as_deref().unwrap_or(model);
    let mut body = api.write_request(&conversation, model);
    if let Some(extra) = &plan.body {
        merge(&mut body, extra);
    }
    let mut headers = Headers::default();
    headers.push("content-type", "application/json");
    // Of another case's session a proxy may remember something.
    let session = plan.session.as_ref().map(|session| format!("{session}-{unique}"));
    let session = ask.session.as_deref().zip(session.as_deref());
    for (name, value) in ask.headers.iter().chain(session).chain(plan.headers.iter()) {
        headers.0.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        headers.push(name, value);
    }
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let target = api.fill(&ask.path, model, conversation.stream);
    Request { method: "POST".to_owned(), target, headers, body: body.into() }
}

/// Maps merge, everything else replaces.
pub(super) fn merge(base: &mut Value, patch: &Value) {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, patch) => *base = patch.clone(),
    }
}

fn binding(rig: &Rig, order: &Order, facts: &ProxyFacts, started: Instant) -> Binding {
    let case = &order.case;
    let legs = case.shape.legs.iter().enumerate().map(|(place, leg)| {
        let known = facts.legs.iter().find(|known| known.name == leg.name);
        LegBinding {
            name: leg.name.clone(),
            ordinal: rig.ordinal(&order.slot, place),
            api: leg.api,
            model: leg.model.clone(),
            models: known.map_or_else(|| vec![leg.model.model.clone()], |known| known.models.clone()),
            key: known.map(|known| known.key.clone()).filter(|key| !key.is_empty()),
            voice: order.voices[place.min(order.voices.len() - 1)],
        }
    });
    let controls = order.controls.iter().map(|controls| {
        let done = controls.iter().filter_map(|(leg, control)| {
            let Control::Done { request, unique, .. } = control else { return None };
            let api = case.shape.legs.iter().find(|each| each.name == *leg)?.api.at(&request.target)?;
            let conversation = api.read(request)?;
            Some((leg.clone(), ControlRequest { conversation, unique: unique.clone() }))
        });
        done.collect()
    });
    Binding {
        case: Arc::clone(case),
        unique: order.unique.clone(),
        legs: legs.collect(),
        controls: controls.collect(),
        started,
        lock_step: facts.policy.buffer.unwrap_or(0),
        patience: order.patience,
        holds_back: rig.holds_back,
        by_arrival: rig.by_arrival,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{At, By, Cut, Millis, Stall};
    use serde_json::json;

    #[test]
    fn maps_merge_and_the_rest_replaces() {
        let check = |mut base: Value, patch: Value, expect: Value| {
            merge(&mut base, &patch);
            assert_eq!(base, expect);
        };
        check(json!({"a": 1}), json!({"b": 2}), json!({"a": 1, "b": 2}));
        check(json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": null}}), json!({"a": {"b": null, "c": 2}}));
        check(json!({"a": [1, 2]}), json!({"a": [3]}), json!({"a": [3]}));
    }

    #[test]
    fn a_stalled_case_is_hung_soon_after_the_proxys_own_limit() {
        let mut case = crate::runner::testing::case("x", "a");
        assert_eq!(limit(&case, None), Duration::from_secs(30));
        case.settings.idle_timeout = Some(Millis(3_000));
        assert_eq!(limit(&case, None), Duration::from_secs(30));
        case.steps[0].legs[0].attempts[0].cut = Some(Cut { at: At::Texts(1), by: By::Stall(Stall::default()) });
        assert_eq!(limit(&case, None), Duration::from_secs(15));
        assert_eq!(limit(&case, Some(Duration::from_secs(5))), Duration::from_secs(5));
    }
}
