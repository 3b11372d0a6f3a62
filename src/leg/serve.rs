//! The legs alone, for any client: one case's legs, or every answer under every fault.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::address::reachable;
use super::case::{Presence, lock};
use super::connection::{Answer, Stage};
use super::decide::{Asked, first_speeches};
use super::dispatch::{path, play_of, unix_now, unknown};
use super::legs::{BindError, listen};
use super::repeats::Repeats;
use super::reply;
use super::rest::Speech;
use super::seed::seed;
use super::session::LegBinding;
use super::side::{self, Call};
use super::spec::Spec;
use super::threads::Threads;
use super::transport::Transport;
use crate::answer::{AnswerScript, Lexicon};
use crate::api::{Api, ApiId, Conversation, ModelName, Vendor};
use crate::fault::Plan;
use crate::rules::RuleBook;
use crate::scenario::{AnswerPlan, Case, LegPlan, Play, default_model};
use crate::wire::Request;

/// What is served, and where.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// How the legs are spoken to.
    pub transport: Transport,
    /// The case whose legs are played at `/<leg>/...`, each connection from the first attempt. Without one,
    /// `/<answer>/...` and `/<answer>/<fault>@<position>/...` are served in every API.
    pub case: Option<Arc<Case>>,
    /// The answers that are served without a case, by name.
    pub answers: BTreeMap<String, Arc<AnswerScript>>,
    /// What the real models refuse.
    pub rules: Arc<RuleBook>,
    /// The key that every request must present; `None`: any or none.
    pub key: Option<String>,
    /// Seed of the voices and ids; same seed, same words.
    pub seed: u64,
}

/// Legs that are being served. They stop when this is dropped.
#[derive(Debug)]
pub struct Serving {
    /// Base URLs to print, each with what is served there.
    pub urls: Vec<(String, String)>,
    _open: watch::Sender<()>,
}

/// Serves the legs alone.
pub async fn serve(config: ServeConfig) -> Result<Serving, BindError> {
    let open = watch::Sender::new(());
    let (listen_on, transport) = (config.listen, config.transport.clone());
    let alone = Arc::new(Alone::new(config));
    let threads = Threads::start(&open).map_err(|source| BindError { address: listen_on, source })?;
    let bound = listen(&[listen_on], &transport, &open, &alone, Some(&Arc::new(threads))).await?;
    let base = format!("{}://{}", transport.scheme(), reachable(bound[0]));
    Ok(Serving { urls: alone.urls(&base), _open: open })
}

/// How often each leg was asked on a connection.
type Attempts = Mutex<BTreeMap<String, u32>>;

/// Legs without a runner.
#[derive(Debug)]
struct Alone {
    config: ServeConfig,
    legs: Vec<LegBinding>,
    speeches: BTreeMap<String, Speech>,
    /// Whether a leg does the same each time that it is asked.
    steady: bool,
    repeats: Repeats,
    /// Requests so far: each answer that is made has ids of its own.
    requests: AtomicU64,
}

impl Alone {
    fn new(config: ServeConfig) -> Self {
        let lexicon = Lexicon::new(config.seed);
        let shape = config.case.iter().flat_map(|case| case.shape.legs.iter());
        let legs: Vec<_> = shape
            .enumerate()
            .map(|(ordinal, leg)| LegBinding {
                name: leg.name.clone(),
                ordinal,
                api: leg.api,
                model: leg.model.clone(),
                models: Vec::new(),
                key: None,
                voice: lexicon.voice(ordinal as u64),
            })
            .collect();
        let step = config.case.as_ref().and_then(|case| case.steps.first());
        let mut speeches = step.map(|step| first_speeches(&legs, step)).unwrap_or_default();
        for speech in speeches.values_mut() {
            // Nobody follows what a client got: anything may be quoted.
            speech.said = usize::MAX;
        }
        let steady = step.is_none_or(|step| step.legs.iter().all(does_the_same));
        Self { config, legs, speeches, steady, repeats: Repeats::default(), requests: AtomicU64::new(0) }
    }

    fn urls(&self, base: &str) -> Vec<(String, String)> {
        if self.config.case.is_some() {
            let url = |leg: &LegBinding| (format!("{base}/{}", leg.name), format!("{} in {}", leg.model, leg.api));
            return self.legs.iter().map(url).collect();
        }
        let url = |(name, script): (&String, &Arc<AnswerScript>)| {
            (format!("{base}/{name}"), script.summary.clone().unwrap_or_else(|| "an answer".to_owned()))
        };
        let mut urls: Vec<_> = self.config.answers.iter().map(url).collect();
        // One that is long enough for the cut.
        if let Some(name) = self.config.answers.keys().find(|name| *name == "text") {
            let of_vendor = |vendor: &'static Vendor| (format!("{base}/{}/{name}", vendor.vendor), vendor.told());
            urls.extend(Vendor::names().filter_map(Vendor::named).map(of_vendor));
            let example = format!("{base}/{name}/close@texts:5");
            urls.push((example, "any answer under any fault: <fault>@<position>, or status:503".to_owned()));
        }
        urls
    }

    /// What is said of a path that no leg and no answer has: our own words, for the base URL is wrong, not the request.
    fn nothing_at(&self, name: &str) -> String {
        let legs = self.legs.iter().map(|leg| leg.name.as_str());
        let names: Vec<_> =
            legs.chain(self.config.answers.keys().map(String::as_str)).map(|n| format!("/{n}")).collect();
        format!("nothing is served at /{}; base URLs end in {}", name.escape_default(), names.join(", "))
    }

    /// One of the case's legs.
    fn leg(&self, name: &str, path: &str, request: &Request, oversize: bool, attempts: &Attempts) -> Option<Answer> {
        let leg = self.legs.iter().find(|leg| leg.name == name)?;
        let step = self.config.case.as_ref()?.steps.first()?;
        let script = step.legs.iter().find(|plan| plan.name == leg.name)?;
        let api = match self.call(request, path, leg, oversize) {
            Ok(api) => api,
            Err(plan) => return Some(Answer::aside(*plan)),
        };
        let attempt = count(attempts, name);
        let play = play_of(script, attempt);
        let reference = &step.client.conversation;
        let asked = Asked { speeches: &self.speeches, ..self.asked(leg, api, request, play, reference, attempt) };
        Some(Answer::aside(asked.decide().plan))
    }

    /// An answer by its name, in whatever API it is asked for, as a vendor gives it.
    fn named(
        &self,
        vendor: Option<&Vendor>,
        (name, rest): (&str, &str),
        request: &Request,
        oversize: bool,
        attempts: &Attempts,
    ) -> Option<Answer> {
        let script = self.config.answers.get(name)?;
        let (spec, path) = match rest.strip_prefix('/').map(|rest| rest.split_at(rest.find('/').unwrap_or(rest.len())))
        {
            Some((segment, path)) if Spec::is_one(segment) => match segment.parse::<Spec>() {
                Ok(spec) => match spec.misplaced(self.config.transport.http2) {
                    None => (spec, path),
                    Some(why) => return Some(Answer::aside(reply::text(404, &why))),
                },
                Err(why) => return Some(Answer::aside(reply::text(404, &why))),
            },
            _ => (Spec::default(), rest),
        };
        let of_vendor = vendor.and_then(|vendor| vendor.of_path(path));
        let spoken = of_vendor.or_else(|| ApiId::of_path(path).filter(|_| vendor.is_none()));
        let usual = || vendor.map_or_else(|| ApiId::shown_by(&request.headers, path), Vendor::usual);
        let api = spoken.map_or_else(usual, Api::id);
        let model = match spoken {
            Some(api) => api.read(request).map(|asked| asked.model).filter(|model| !model.is_empty()),
            None => side::model_of(path).map(str::to_owned),
        };
        let usual = default_model(api);
        let leg = LegBinding {
            name: name.to_owned(),
            ordinal: 0,
            api,
            model: ModelName {
                vendor: vendor.map_or(usual.vendor, |vendor| vendor.vendor.clone()),
                model: model.unwrap_or(usual.model),
            },
            models: Vec::new(),
            key: None,
            voice: Lexicon::new(self.config.seed).voice(seed(&[name]) >> 40),
        };
        let api = match self.call(request, path, &leg, oversize) {
            Ok(api) => api,
            Err(plan) => return Some(Answer::aside(*plan)),
        };
        let answer = AnswerPlan::Script { name: name.to_owned(), script: Arc::clone(script) };
        let play = spec.play(answer);
        // What a client of ours would have sent is not known: everything may be its own.
        let reference = api.read(request).unwrap_or_default();
        let attempt = count(attempts, name);
        let asked = self.asked(&leg, api, request, &play, &reference, attempt);
        Some(Answer::aside(match asked.fits() {
            Ok(()) => asked.decide().plan,
            Err(why) => reply::text(404, &why),
        }))
    }

    fn play(&self, request: &Request, oversize: bool, attempts: &Attempts) -> Answer {
        let path = path(&request.target);
        let (name, rest) = split(path);
        let answer = if self.config.case.is_some() {
            self.leg(name, rest, request, oversize, attempts)
        } else {
            match Vendor::named(name) {
                Some(vendor) => self.named(Some(vendor), split(rest), request, oversize, attempts),
                None => self.named(None, (name, rest), request, oversize, attempts),
            }
        };
        answer.unwrap_or_else(|| Answer::aside(reply::text(404, &self.nothing_at(name))))
    }

    /// Seed of the ids of one answer.
    fn ids(&self, leg: &str) -> u64 {
        let request = self.requests.fetch_add(1, Ordering::Relaxed);
        self.config.seed ^ seed(&[leg, &request.to_string()])
    }

    fn call(
        &self,
        request: &Request,
        path: &str,
        leg: &LegBinding,
        oversize: bool,
    ) -> Result<&'static dyn Api, Box<Plan>> {
        let wrong = |error| match leg.speaks() {
            Some(api) => Box::new(reply::error(api, &request.target, &error, self.ids(&leg.name))),
            None => Box::new(unknown(request, path)),
        };
        let call = if oversize {
            side::too_large(leg.speaks())
        } else {
            side::call(request, path, leg.speaks(), &[leg.model.model.as_str()], &[])
        };
        match call {
            Call::Generate(api) => Ok(api),
            Call::Side(plan) => Err(Box::new(side::dressed(plan, leg.speaks(), self.ids(&leg.name)))),
            Call::Wrong(error) => Err(wrong(error)),
        }
    }

    fn asked<'a>(
        &'a self,
        leg: &'a LegBinding,
        api: &'static dyn Api,
        request: &'a Request,
        play: &'a Play,
        reference: &'a Conversation,
        attempt: u32,
    ) -> Asked<'a> {
        static NOTHING_SAID: BTreeMap<String, Speech> = BTreeMap::new();
        Asked {
            leg,
            api,
            request,
            play,
            attempt,
            speeches: &NOTHING_SAID,
            reference,
            unique: &[],
            key: self.config.key.as_deref(),
            rules: &self.config.rules,
            holds: 0,
            seed: self.ids(&leg.name),
            created: unix_now(),
        }
    }
}

/// The first segment of a path, and the rest with its slash.
fn split(path: &str) -> (&str, &str) {
    let inner = path.strip_prefix('/').unwrap_or(path);
    inner.split_at(inner.find('/').unwrap_or(inner.len()))
}

fn does_the_same(leg: &LegPlan) -> bool {
    let replays_several =
        |play: &Play| matches!(&play.answer, AnswerPlan::Cassette { cassette, .. } if cassette.exchanges.len() > 1);
    leg.attempts.len() == 1 && !leg.attempts.iter().any(replays_several)
}

fn count(attempts: &Attempts, name: &str) -> u32 {
    let mut attempts = lock(attempts);
    let attempt = attempts.entry(name.to_owned()).or_default();
    *attempt += 1;
    *attempt
}

impl Stage for Alone {
    type Memory = Attempts;

    fn arrive(&self, _ordinal: usize, _path: &str) -> Option<Presence> {
        None
    }

    fn answer(&self, _ordinal: usize, request: Request, oversize: bool, attempts: &Attempts) -> Answer {
        self.play(&request, oversize, attempts)
    }

    fn repeats(&self) -> Option<&Repeats> {
        self.steady.then_some(&self.repeats)
    }
}
