//! Controls: what the proxy sends to each target when that is its only leg and nothing is broken.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::case::{self, Order};
use super::group::{ControlPlan, LaunchPlan};
use super::pace::median;
use super::rig::Rig;
use super::words::Words;
use crate::answer::{AnswerScript, ScriptPart};
use crate::api::{ApiId, Conversation, ModelName, Part, Role, Turn};
use crate::history::{Asked, ClientEnd, Control, History, Survival};
use crate::leg;
use crate::scenario::{
    AnswerPlan, Barrier, Case, ClientPlan, Expect, LegPlan, Millis, Obeys, Pace, Play, Settings, Shape, ShapeLeg,
    StepPlan,
};
use crate::wire::Headers;

/// Limit of a control or a plain request.
const LIMIT: Millis = Millis(30_000);
/// A late request of a control is told by its unique word, so the next one need not wait long.
const QUIET: Duration = Duration::from_millis(10);
/// The control's latency is the median of at least this many requests.
const SAMPLES: usize = 3;

/// A client's request to a target: what a control is made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    /// The client's plan as JSON; it goes away nowhere.
    client: String,
    model: ModelName,
    api: ApiId,
}

impl Key {
    fn of(client: &ClientPlan, model: &ModelName, api: ApiId) -> Self {
        let client = serde_json::to_string(&staying(client)).unwrap_or_default();
        Self { client, model: model.clone(), api }
    }
}

/// The controls of a launch group.
#[derive(Debug, Default)]
pub(super) struct Controls {
    done: HashMap<Key, Control>,
    latencies: Vec<Duration>,
}

/// A control that went wrong, for the events.
pub(super) struct ControlResult {
    pub(super) what: String,
    pub(super) failed: Option<String>,
}

impl Controls {
    /// Every control that a launch can run for the group's cases and that is not done yet.
    pub(super) fn wanted(&self, launch: &LaunchPlan, cases: &[&Arc<Case>]) -> Vec<(ControlPlan, ClientPlan)> {
        let mut wanted: Vec<(ControlPlan, ClientPlan)> = Vec::new();
        let mut seen: Vec<Key> = Vec::new();
        for case in cases {
            for (step, leg) in case.steps.iter().flat_map(|step| case.shape.legs.iter().map(move |leg| (step, leg))) {
                let key = Key::of(&step.client, &leg.model, leg.api);
                let route = launch
                    .controls
                    .iter()
                    .find(|control| control.target.model == leg.model && control.target.api == leg.api);
                if let Some(route) = route
                    && !self.done.contains_key(&key)
                    && !seen.contains(&key)
                {
                    seen.push(key);
                    wanted.push((route.clone(), staying(&step.client)));
                }
            }
        }
        wanted
    }

    /// Runs one control.
    pub(super) async fn run(
        &mut self,
        rig: &Rig,
        words: &Words,
        n: u64,
        control: &ControlPlan,
        client: &ClientPlan,
        limit: Option<Duration>,
    ) -> ControlResult {
        let history = plain(rig, words, n, &control.name, &control.target, client.clone(), limit).await;
        self.latencies.extend(case::reaction(&history));
        let result = result(&history);
        let target = &control.target;
        let what = format!("{} of {} asked in {}", target.api, target.model, client.api);
        let failed = match &result {
            Control::Failed { status: 0, text, .. } => Some(text.clone()),
            Control::Failed { status, text, .. } => Some(format!("{status}: {text}")),
            Control::Missing { reason } => Some(reason.clone()),
            Control::Done { .. } => None,
        };
        self.done.insert(Key::of(client, &target.model, target.api), result);
        ControlResult { what, failed }
    }

    /// Where the answer of the leg that a sweep cuts ends, as this proxy asks for it; `None` where there is no control.
    pub(super) fn extent(&self, case: &Case) -> Option<u64> {
        let point = case.sweep.as_ref()?;
        let leg = case.shape.legs.iter().find(|leg| leg.name == point.leg)?;
        case.steps.iter().find_map(|step| {
            let plan = step.legs.iter().find(|plan| plan.name == leg.name)?;
            let play = plan.attempts.iter().find(|play| play.cut.is_some() && play.status.is_none())?;
            match self.done.get(&Key::of(&step.client, &leg.model, leg.api))? {
                Control::Done { request, .. } => leg::extent(play, leg, request, point.every),
                Control::Missing { .. } | Control::Failed { .. } => None,
            }
        })
    }

    /// Whether the latency rests on too few requests.
    pub(super) fn wants_samples(&self) -> bool {
        !self.latencies.is_empty() && self.latencies.len() < SAMPLES
    }

    /// Median latency of a request at a time.
    pub(super) fn latency(&self) -> Duration {
        median(&mut self.latencies.clone())
    }

    /// Per step of a case, the controls of its legs.
    pub(super) fn of(&self, case: &Case) -> Vec<BTreeMap<String, Control>> {
        // A proxy that is started has routes of its own for them.
        let attached = self.done.is_empty();
        let lacking =
            if attached { "an attached proxy wants `--control-model`" } else { "the proxy has no route for it" };
        let of_step = |step: &StepPlan| {
            let legs = case.shape.legs.iter().map(|leg| {
                let key = Key::of(&step.client, &leg.model, leg.api);
                let missing = || Control::Missing { reason: lacking.to_owned() };
                (leg.name.clone(), self.done.get(&key).cloned().unwrap_or_else(missing))
            });
            legs.collect()
        };
        case.steps.iter().map(of_step).collect()
    }
}

/// The same client, going away nowhere.
fn staying(client: &ClientPlan) -> ClientPlan {
    ClientPlan { leave: None, pause: None, session: None, ..client.clone() }
}

/// What a control's history says.
fn result(history: &History) -> Control {
    let Some(step) = history.steps.first() else { return Control::Missing { reason: "not run".to_owned() } };
    let client = &step.client;
    let status = client.response.as_ref().map_or(0, |head| head.status);
    let asked = || {
        let upstream = step.upstream.iter().find(|upstream| !upstream.side_call && upstream.api.is_some())?;
        let (request, unique) = (upstream.request.clone(), history.unique.clone());
        Some(Box::new(Asked { request, unique, client: client.clone() }))
    };
    let failed = |text: String| Control::Failed { status, text, asked: asked() };
    match (&client.end, status) {
        (ClientEnd::Complete, 200..=299) => {}
        (ClientEnd::Complete, _) => {
            let body = client.body();
            let error = client.api.spoken().and_then(|api| api.read_error(status, &body));
            let text = error.map_or_else(|| String::from_utf8_lossy(&body).into_owned(), |error| error.message);
            return failed(text.chars().take(300).collect());
        }
        (ClientEnd::NoResponse(why) | ClientEnd::Broken(why), _) => return failed(why.clone()),
        (ClientEnd::TimedOut(ms), _) => return failed(format!("no end within {ms} ms")),
        (ClientEnd::Left, _) => return failed("the client left".to_owned()),
    }
    let mut calls = step.upstream.iter().filter(|upstream| !upstream.side_call);
    match calls.find(|upstream| upstream.status == 200) {
        Some(upstream) => Control::Done {
            request: upstream.request.clone(),
            unique: history.unique.clone(),
            client: Box::new(client.clone()),
        },
        None => Control::Failed {
            status: 0,
            text: "the client got an answer, but the leg was never asked".to_owned(),
            asked: None,
        },
    }
}

/// Asks whether the proxy still serves a plain request: on a control route, or on the case's own.
pub(super) async fn still_serves(
    rig: &Rig,
    words: &Words,
    n: u64,
    control: Option<&ControlPlan>,
    slot: &str,
    case: &Case,
    limit: Option<Duration>,
) -> Survival {
    let api = case.steps.first().map_or(ApiId::OpenaiChat, |step| step.client.api);
    let turn = Turn { role: Role::User, parts: vec![Part::text("Say hello.")], place: String::new() };
    let conversation = Conversation {
        turns: vec![turn],
        params: BTreeMap::from([("max_tokens".to_owned(), serde_json::json!(64))]),
        stream: true,
        ..Conversation::default()
    };
    let client = ClientPlan {
        api,
        conversation,
        body: None,
        headers: Headers::default(),
        session: None,
        leave: None,
        pause: None,
    };
    let limit = Some(limit.unwrap_or(LIMIT.duration()).min(Duration::from_secs(10)));
    let history = if let Some(control) = control {
        plain(rig, words, n, &control.name, &control.target, client, limit).await
    } else {
        let shape = case.shape.clone();
        let legs = shape.legs.iter().map(|leg| leg_plan(&leg.name)).collect();
        let case = synthetic(shape, client, legs);
        let (unique, voice) = words.other(n);
        let voices = vec![voice; case.shape.legs.len()];
        let order = order(case, slot, unique, voices, limit);
        case::play(rig, &order, || ()).await
    };
    case::survival(&history)
}

async fn plain(
    rig: &Rig,
    words: &Words,
    n: u64,
    slot: &str,
    target: &ShapeLeg,
    client: ClientPlan,
    limit: Option<Duration>,
) -> History {
    let case = synthetic(Shape { legs: vec![target.clone()], pool: false }, client, vec![leg_plan(&target.name)]);
    let (unique, voice) = words.other(n);
    let order = order(case, slot, unique, vec![voice], limit);
    let _one_at_a_time = rig.control.lock().await;
    case::play(rig, &order, || ()).await
}

fn order(case: Case, slot: &str, unique: String, voices: Vec<crate::answer::Voice>, limit: Option<Duration>) -> Order {
    Order {
        case: Arc::new(case),
        slot: slot.to_owned(),
        unique,
        voices,
        controls: vec![BTreeMap::new()],
        limit,
        quiet: Some(QUIET),
        patience: 1.0,
        watcher: None,
    }
}

fn synthetic(shape: Shape, client: ClientPlan, legs: Vec<LegPlan>) -> Case {
    Case {
        scenario: "control".to_owned(),
        name: String::new(),
        file: String::new(),
        line: 0,
        summary: None,
        checks: Vec::new(),
        only: Vec::new(),
        shape,
        settings: Settings::default(),
        proxy_config: BTreeMap::new(),
        time_limit: LIMIT,
        not_yet: None,
        beside: 0,
        sweep: None,
        steps: vec![StepPlan { client, legs, expect: Expect::default() }],
    }
}

/// A leg that answers in plain words.
fn leg_plan(name: &str) -> LegPlan {
    let script = AnswerScript {
        summary: None,
        parts: vec![ScriptPart::Text { words: Some(8), literal: None }],
        repeat: None,
        chunk: None,
        finish: None,
        output_tokens: None,
    };
    let play = Play {
        answer: AnswerPlan::Script { name: "text".to_owned(), script: Arc::new(script) },
        status: None,
        cut: None,
        edits: Vec::new(),
        pace: Pace::Instant,
        barrier: Barrier::None,
        obeys: Obeys::Exactly,
    };
    LegPlan { name: name.to_owned(), attempts: vec![play] }
}
