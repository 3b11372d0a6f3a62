//! From one tree to one case: defaults filled in, names looked up, and what types cannot say.

mod play;

use std::path::Path;

use super::conversation;
use super::fit;
use super::load::LEAST;
use super::vary::Varied;
use super::{
    AnswerPlan, At, By, Case, ClientPlan, Expect, Leave, LegPlan, Millis, Pace, Pause, Play, Scenario, Settings, Shape,
    ShapeLeg, StepPlan, Toggle, shorthand, sweep,
};
use crate::answer::{Library, ScriptPart};
use crate::api::{Api, ApiId, Conversation, ModelName};
use crate::check;
use crate::diagnostic::{Diagnostic, SourceFile, Span, quoted, suggestion};
use crate::wire::bad_header;
use crate::yaml::{Node, decode};

/// Limit of a case where the file gives none.
const TIME_LIMIT: Millis = Millis(30_000);
/// Longest limit of a case.
const LONGEST: Millis = Millis(3_600_000);
/// Longest time for which a client stops reading: what waits for the client waits longer than that.
const LONGEST_PAUSE: Millis = Millis(10_000);
/// Most legs of a route, steps of a case, attempts of a leg.
const MOST: usize = 32;
/// Most neighbours of a case.
const MOST_BESIDE: u32 = 16;
/// Keys whose value names one of several things: a patch replaces it and never merges into it.
const WHOLE: [&str; 6] = ["at", "by", "answer", "pace", "conversation", "tool_choice"];

/// Where a scenario comes from, and what it can name.
pub(super) struct Source<'a> {
    /// The file.
    pub(super) file: &'a SourceFile,
    /// Its folder, if it is on the disk.
    pub(super) folder: Option<&'a Path>,
    /// Answers and cassettes.
    pub(super) library: &'a Library,
    /// Answers as they look on the wire.
    pub(super) renditions: fit::Renditions,
}

type Errors = Vec<Diagnostic>;

/// Resolves one case, or, of a sweep, that of each of its points; else tells everything that is wrong with it.
pub(super) fn cases(source: &Source<'_>, varied: Varied) -> Result<Vec<Case>, Errors> {
    let Varied { name, mut root } = varied;
    shorthand::scenario(&mut root);
    let scenario: Scenario = decode(&root).map_err(|error| vec![error.in_file(source.file)])?;
    let http2 = scenario.settings.http2 == Some(Toggle::On);
    let mut resolver = Resolver { source, root: &root, errors: Vec::new(), not_yet: None, http2 };
    let shape = resolver.shape(&scenario);
    let steps = resolver.steps(&scenario, &shape);
    let case = Case {
        scenario: resolver.name(&scenario),
        name,
        file: source.file.name().to_owned(),
        line: resolver.line(),
        summary: scenario.summary.clone(),
        checks: resolver.checks(&scenario),
        only: scenario.only.clone(),
        shape,
        settings: resolver.settings(&scenario.settings),
        proxy_config: scenario.proxy_config.clone(),
        time_limit: resolver.time_limit(&scenario),
        not_yet: resolver.not_yet.take(),
        beside: resolver.beside(&scenario),
        sweep: None,
        steps,
    };
    if !resolver.errors.is_empty() {
        return Err(resolver.errors);
    }
    let Some(sweep) = &scenario.sweep else { return Ok(vec![case]) };
    sweep::expand(sweep, case).map_err(|misuse| {
        let span = span_in(&root, &["sweep", misuse.field]);
        vec![Diagnostic { help: misuse.help, ..Diagnostic::new(source.file, span, misuse.message) }]
    })
}

struct Resolver<'a> {
    source: &'a Source<'a>,
    root: &'a Node,
    errors: Errors,
    not_yet: Option<String>,
    /// Whether the legs speak HTTP/2.
    http2: bool,
}

impl Resolver<'_> {
    /// The place of a path, or of the nearest parent that the file has.
    fn span(&self, path: &[&str]) -> Span {
        span_in(self.root, path)
    }

    fn error(&mut self, span: Span, message: impl Into<String>, help: Option<String>) {
        let error = Diagnostic::new(self.source.file, span, message);
        self.errors.push(Diagnostic { help, ..error });
    }

    fn not_yet(&mut self, what: impl Into<String>) {
        self.not_yet.get_or_insert(what.into());
    }

    fn name(&mut self, scenario: &Scenario) -> String {
        let stem = || {
            let file = Path::new(self.source.file.name());
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if stem.is_empty() { "scenario".to_owned() } else { stem }
        };
        let name = scenario.scenario.clone().unwrap_or_else(stem);
        let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.len() > 80 || name.starts_with('.') || !name.chars().all(good) {
            self.error(
                self.span(&["scenario"]),
                format!("{} cannot name a scenario", quoted(&name)),
                Some("letters, digits, `-`, `_` and `.`, at most 80: it names folders and snapshots".to_owned()),
            );
        }
        name
    }

    /// The line to which a failure points: the first cut, else the legs, else the top.
    fn line(&self) -> usize {
        let entry = |node: Option<&Node>, key: &str| {
            let span = node?.as_map()?.get(key)?.key;
            Some(self.source.file.position(span.start).0)
        };
        let legs = self.root.get("legs").and_then(Node::as_map);
        let cut = legs.into_iter().flatten().find_map(|(_, leg)| entry(Some(&leg.value), "cut"));
        cut.or_else(|| entry(Some(self.root), "legs")).or_else(|| entry(Some(self.root), "pool")).unwrap_or(1)
    }

    fn checks(&mut self, scenario: &Scenario) -> Vec<String> {
        for (index, id) in scenario.checks.iter().enumerate() {
            if check::info(id).is_none() {
                let help = suggestion(id, check::CATALOGUE.iter().map(|info| info.id));
                let span = self.span(&["checks", &index.to_string()]);
                self.error(span, format!("no check is called {}", quoted(id)), help);
            }
        }
        scenario.checks.clone()
    }

    fn beside(&mut self, scenario: &Scenario) -> u32 {
        if scenario.beside > MOST_BESIDE {
            let message = format!("at most {MOST_BESIDE} cases run beside a case");
            self.error(self.span(&["beside"]), message, None);
        }
        scenario.beside
    }

    fn time_limit(&mut self, scenario: &Scenario) -> Millis {
        let limit = scenario.time_limit.unwrap_or(TIME_LIMIT);
        if limit.0 == 0 || limit > LONGEST {
            let help = Some(format!("left out, it is {TIME_LIMIT}"));
            self.error(self.span(&["time_limit"]), "a time limit lies between 1ms and 1 hour", help);
        }
        limit
    }

    fn settings(&mut self, settings: &Settings) -> Settings {
        for (index, on) in settings.fallback_on.iter().flatten().enumerate() {
            let class = on.strip_suffix("xx").is_some_and(|digit| matches!(digit, "4" | "5"));
            let status = on.parse::<u16>().is_ok_and(|status| (300..600).contains(&status));
            if !(class || status || on == "timeout") {
                let help = Some("a status like `429`, a class like `5xx`, or `timeout`".to_owned());
                let span = self.span(&["settings", "fallback_on", &index.to_string()]);
                self.error(span, format!("{} is nothing to fall back on", quoted(on)), help);
            }
        }
        Settings {
            retries: settings.retries.or(Some(0)),
            cooldown: settings.cooldown.or(Some(Toggle::Off)),
            ..settings.clone()
        }
    }

    fn shape(&mut self, scenario: &Scenario) -> Shape {
        if let Some(pool) = &scenario.pool {
            if !scenario.legs.is_empty() {
                self.error(self.span(&["pool"]), "a scenario has `legs` or a `pool`, not both", None);
            }
            if pool.workers == 0 || pool.workers as usize > MOST {
                self.error(self.span(&["pool", "workers"]), format!("a pool has 1 to {MOST} workers"), None);
            }
            let api = self.leg_api(&pool.model, None, scenario.client.api, &["pool", "model"]);
            let workers = 1..=pool.workers.min(MOST as u32);
            let leg = |n| ShapeLeg { name: format!("worker-{n}"), model: pool.model.clone(), api };
            return Shape { legs: workers.map(leg).collect(), pool: true };
        }
        if scenario.legs.is_empty() {
            let span = self.root.as_map().and_then(|map| map.get("legs")).map_or(Span::default(), |entry| entry.key);
            self.error(span, "a scenario has `legs`", Some(LEAST.to_owned()));
        }
        if scenario.legs.len() > MOST {
            self.error(self.span(&["legs"]), format!("a route has at most {MOST} legs"), None);
        }
        let mut legs = Vec::new();
        for (name, leg) in &scenario.legs {
            let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
            if name.is_empty() || name.len() > 32 || !name.chars().all(good) {
                let span = self.root.get("legs").and_then(Node::as_map).and_then(|legs| legs.get(name));
                let span = span.map_or_else(Span::default, |entry| entry.key);
                let help = "lower-case letters, digits, `-` and `_`, at most 32: it stands in addresses";
                self.error(span, format!("{} cannot name a leg", quoted(name)), Some(help.to_owned()));
            }
            let model = leg.model.clone().unwrap_or_else(|| default_model(scenario.client.api));
            let api = self.leg_api(&model, leg.api, scenario.client.api, &["legs", name, "model"]);
            legs.push(ShapeLeg { name: name.clone(), model, api });
        }
        Shape { legs, pool: false }
    }

    fn leg_api(&mut self, model: &ModelName, api: Option<ApiId>, client: ApiId, path: &[&str]) -> ApiId {
        let Some(api) = api.or_else(|| ApiId::of_vendor(&model.vendor, client)) else {
            let help = "say in which API it is asked, for example `api: openai-chat`";
            let message = format!("no API is known for the vendor {}", quoted(&model.vendor));
            self.error(self.span(path), message, Some(help.to_owned()));
            return ApiId::OpenaiChat;
        };
        self.spoken(api);
        api
    }

    fn spoken(&mut self, api: ApiId) {
        if api.spoken().is_none() {
            self.not_yet(format!("`{api}` is not spoken yet"));
        }
    }

    fn steps(&mut self, scenario: &Scenario, shape: &Shape) -> Vec<StepPlan> {
        let file = self.source.file;
        let patches = self.root.get("steps").and_then(Node::as_list).unwrap_or_default();
        if patches.is_empty() {
            return vec![self.step(self.root, scenario, shape)];
        }
        if patches.len() > MOST {
            self.error(self.span(&["steps"]), format!("a case has at most {MOST} steps"), None);
        }
        let mut steps = Vec::new();
        for patch in patches {
            let mut root = self.root.clone();
            if let Some(map) = root.as_map_mut() {
                map.shift_remove("steps");
            }
            merge(&mut root, patch);
            shorthand::scenario(&mut root);
            match decode::<Scenario>(&root) {
                Ok(patched) => {
                    self.same_route(&root, scenario, &patched);
                    steps.push(self.step(&root, &patched, shape));
                }
                Err(error) => self.errors.push(error.in_file(file)),
            }
        }
        steps
    }

    /// A step changes what legs do, never what the proxy is configured with.
    fn same_route(&mut self, root: &Node, base: &Scenario, patched: &Scenario) {
        for (name, leg) in &patched.legs {
            let entry = root.get("legs").and_then(Node::as_map).and_then(|legs| legs.get(name));
            match base.legs.get(name) {
                None => {
                    let help = suggestion(name, base.legs.keys().map(String::as_str));
                    let span = entry.map_or_else(Span::default, |entry| entry.key);
                    self.error(span, format!("no leg is called {}", quoted(name)), help);
                }
                Some(before) if before.model != leg.model || before.api != leg.api => {
                    let span = span_in(root, &["legs", name, if before.model == leg.model { "api" } else { "model" }]);
                    let help = "the steps of a case share one route: set it under `legs`".to_owned();
                    self.error(span, "a step cannot change a leg's model or API", Some(help));
                }
                Some(_) => {}
            }
        }
    }

    fn step(&mut self, root: &Node, scenario: &Scenario, shape: &Shape) -> StepPlan {
        let mut client = self.client(root, scenario);
        let mut legs = Vec::new();
        if let Some(pool) = &scenario.pool {
            let plays = pool.attempts.iter().enumerate().map(|(index, leg)| {
                let node = root.at(["pool", "attempts", &index.to_string()]).unwrap_or(root);
                self.play(
                    node,
                    leg,
                    shape.legs.first().map_or(("openai", ApiId::OpenaiChat), play::speaker),
                    &client.conversation,
                    index,
                )
            });
            let attempts: Vec<Play> = plays.collect();
            if attempts.is_empty() {
                self.error(span_in(root, &["pool"]), "a pool has at least one attempt", None);
            }
            legs =
                shape.legs.iter().map(|leg| LegPlan { name: leg.name.clone(), attempts: attempts.clone() }).collect();
        }
        for leg in shape.legs.iter().filter(|_| scenario.pool.is_none()) {
            if let Some(node) = root.at(["legs", &leg.name]) {
                let attempts = self.attempts(node, leg, &client);
                legs.push(LegPlan { name: leg.name.clone(), attempts });
            }
        }
        let calls = |play: &Play| match &play.answer {
            AnswerPlan::Script { script, .. } => {
                script.parts.iter().any(|part| matches!(part, ScriptPart::ToolCall { .. }))
            }
            AnswerPlan::Cassette { .. } => false,
        };
        if client.conversation.tools.is_empty() && legs.iter().flat_map(|leg| &leg.attempts).any(calls) {
            client.conversation.tools.push(conversation::default_tool());
        }
        if client.pause.is_some() && legs.iter().flat_map(|leg| &leg.attempts).any(|play| play.pace == Pace::LockStep) {
            let help = "leave one of them out: the next delta would wait for a client that does not read".to_owned();
            self.error(span_in(root, &["client", "read"]), "a client that stops reading has no lock step", Some(help));
        }
        let expect = self.expect(root, &scenario.expect, shape);
        StepPlan { client, legs, expect }
    }

    fn client(&mut self, root: &Node, scenario: &Scenario) -> ClientPlan {
        let client = &scenario.client;
        self.spoken(client.api);
        if let Some(body) = &client.body
            && !body.is_object()
        {
            self.error(span_in(root, &["client", "body"]), "`body` is a map that is merged into the request", None);
        }
        for (name, value) in &client.headers {
            if let Some(message) = bad_header(name, value) {
                self.error(span_in(root, &["client", "headers", name]), message, None);
            }
        }
        if let Some(leave) = &client.leave {
            self.leave(root, leave, client.stream);
        }
        if let Some(read) = &client.read {
            self.pause(root, read.pause, client.stream);
        }
        let conversation =
            conversation::read(self.source.file, root.get("client"), client.stream).unwrap_or_else(|error| {
                self.errors.push(error);
                Conversation::default()
            });
        ClientPlan {
            api: client.api,
            conversation,
            body: client.body.clone(),
            headers: client.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            session: client.session.clone(),
            leave: client.leave.clone(),
            pause: client.read.as_ref().map(|read| read.pause),
        }
    }

    fn leave(&mut self, root: &Node, leave: &Leave, stream: bool) {
        if !matches!(leave.by, By::Close | By::Reset) {
            let help = Some("one of `close`, `reset`".to_owned());
            self.error(span_in(root, &["client", "leave", "by"]), "a client cannot leave like this", help);
        }
        let span = span_in(root, &["client", "leave", "at"]);
        match leave.at {
            At::Asked(0) => self.error(span, "requests count from 1", None),
            At::Asked(_) => {}
            at => self.position(at, span, stream),
        }
    }

    fn pause(&mut self, root: &Node, pause: Pause, stream: bool) {
        if pause.r#for.0 == 0 || pause.r#for > LONGEST_PAUSE {
            let help = Some("long enough to fill what lies between leg and client is enough: `500ms`".to_owned());
            let message = format!("a client stops reading for 1ms to {LONGEST_PAUSE}");
            self.error(span_in(root, &["client", "read", "pause", "for"]), message, help);
        }
        self.position(pause.at, span_in(root, &["client", "read", "pause", "at"]), stream);
    }

    /// Positions count from 1; unary answers have few of them.
    fn position(&mut self, at: At, span: Span, stream: bool) {
        if let At::Texts(0) | At::Pieces(0) | At::Events(0) | At::Bytes(0) = at {
            let help = "for the place before any of them: `head`, or `preamble` before content";
            self.error(span, "positions count from 1", Some(help.to_owned()));
        }
        if let At::Request = at {
            let help = "`head` is the first thing that a client can have";
            self.error(span, "only a leg's cut can stand before the response head", Some(help.to_owned()));
        } else if let At::Asked(_) = at {
            self.error(span, "only a client that leaves can wait until the legs are asked", None);
        } else if !stream && !matches!(at, At::Head | At::Bytes(_)) {
            let help = "`head` or `{bytes: n}`; or `stream: true`";
            self.error(span, "a unary answer has no events to count", Some(help.to_owned()));
        }
    }

    fn expect(&mut self, root: &Node, expect: &Expect, shape: &Shape) -> Expect {
        let known: Vec<&str> = shape.legs.iter().map(|leg| leg.name.as_str()).collect();
        let named = expect.requests.keys().map(|leg| ("requests", leg));
        for (field, leg) in named.chain(expect.cancelled.keys().map(|leg| ("cancelled", leg))) {
            if !known.contains(&leg.as_str()) {
                let place = root.at(["expect", field]).and_then(Node::as_map).and_then(|map| map.get(leg));
                let span = place.map_or_else(Span::default, |entry| entry.key);
                let help = suggestion(leg, known.iter().copied());
                self.error(span, format!("no leg is called {}", quoted(leg)), help);
            }
        }
        if let Some(outcome) = expect.outcome.iter().find(|outcome| outcome.is_never_legal()) {
            let message = format!("`{}` is legal nowhere, so nothing can expect it", outcome.name());
            let help = "one of `completed`, `restarted`, `continued`, `error`, `broken`, `left`".to_owned();
            self.error(span_in(root, &["expect", "outcome"]), message, Some(help));
        }
        if expect.status.is_some_and(|status| !(100..600).contains(&status)) {
            self.error(span_in(root, &["expect", "status"]), "an HTTP status lies between 100 and 599", None);
        }
        if let Some(snapshot) = &expect.snapshot
            && snapshot != "required"
        {
            let help = Some("`required`, or leave it out".to_owned());
            self.error(span_in(root, &["expect", "snapshot"]), format!("unknown value {}", quoted(snapshot)), help);
        }
        expect.clone()
    }
}

/// The model of a leg that names none: the vendor default of the client's API.
pub fn default_model(api: ApiId) -> ModelName {
    let usual = api.spoken().map_or("", Api::usual_model);
    let (vendor, model) = usual.split_once('/').unwrap_or_default();
    ModelName { vendor: vendor.to_owned(), model: model.to_owned() }
}

/// Merges a patch: maps merge, everything else replaces, and so do maps that name one of several things.
fn merge(base: &mut Node, patch: &Node) {
    let (Some(_), Some(entries)) = (base.as_map(), patch.as_map()) else {
        *base = patch.clone();
        return;
    };
    let Some(map) = base.as_map_mut() else { return };
    for (key, entry) in entries {
        match map.get_mut(key) {
            Some(old) if !WHOLE.contains(&key.as_str()) => {
                old.key = entry.key;
                merge(&mut old.value, &entry.value);
            }
            Some(old) => *old = entry.clone(),
            None => {
                map.insert(key.clone(), entry.clone());
            }
        }
    }
}

fn span_in(root: &Node, path: &[&str]) -> Span {
    let mut node = root;
    for step in path {
        match node.at([*step]) {
            Some(next) => node = next,
            None => break,
        }
    }
    node.span
}
