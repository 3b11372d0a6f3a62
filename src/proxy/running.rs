//! A proxy that is up: how to ask it, what is known of it, whether it still lives, and its end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::process::ChildStdin;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::{Launch, Policy, Route, RouteLeg, guard, port};
use crate::api::{ApiId, ModelName};
use crate::builtin;
use crate::history::{LegFacts, ProxyFacts};
use crate::wire::Headers;

/// Looks for a sign of life, each as long as [`port::status`] waits for one.
const LOOKS: usize = 4;

/// How the client asks for a route in an API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Where the proxy listens.
    pub addr: SocketAddr,
    /// Path to post to, with `{model}` and `{method}` where the API wants them there.
    pub path: String,
    /// Headers beyond those of any HTTP request, the credential and the API's version among them.
    pub headers: Headers,
    /// The `model` of the body; `None`: the case's own, that of its first leg.
    pub model: Option<String>,
    /// The header that names a session.
    pub session: Option<String>,
}

/// A key, behind its place.
type PlacedKey = (Arc<str>, Arc<str>);

/// A proxy that is up. It ends when this is dropped; [`Running::stop`] waits for it.
#[derive(Debug)]
pub struct Running {
    kind: Kind,
    addr: SocketAddr,
    facts: ProxyFacts,
    title: String,
    run_dir: PathBuf,
    /// The path that tells whether it answers at all.
    ready: String,
    /// Keys and models by route, in order of the legs.
    legs: BTreeMap<String, Vec<LegFacts>>,
    /// Both keys of each leg by `route/leg`, by route.
    keys: BTreeMap<String, Vec<PlacedKey>>,
    asks: BTreeMap<(String, ApiId), Ask>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Guarded { pipe: Mutex<Option<ChildStdin>>, ended: watch::Receiver<Option<String>>, log: PathBuf },
    Inside { shutdown: Mutex<Option<oneshot::Sender<()>>>, task: JoinHandle<()> },
    Attached(Box<super::attach::Attached>),
}

impl Running {
    pub(super) fn new(
        kind: Kind,
        addr: SocketAddr,
        facts: ProxyFacts,
        launch: &Launch,
        mut asks: BTreeMap<(String, ApiId), Ask>,
    ) -> Self {
        for ask in asks.values_mut() {
            ask.addr = addr;
        }
        let legs = legs(launch, &asks);
        let keys = legs.iter().map(|(route, legs)| (route.clone(), keys(route, legs))).collect();
        let ready = launch.program.profile().ready.as_ref().map_or("/", |ready| &ready.path).to_owned();
        let (title, run_dir) = (launch.program.title(), launch.run_dir.clone());
        Self { kind, addr, facts, title, run_dir, ready, legs, keys, asks }
    }

    pub(super) fn attached(attached: super::attach::Attached, addr: SocketAddr, facts: ProxyFacts) -> Self {
        let title = format!("the proxy at {}", attached.url);
        let kind = Kind::Attached(Box::new(attached));
        let (legs, keys, asks) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { kind, addr, facts, title, run_dir: PathBuf::new(), ready: String::new(), legs, keys, asks }
    }

    /// How the client asks for a route in an API; `Err` says in one sentence why it cannot.
    ///
    /// Attached, the route [`super::CONTROL`] is the fallback alone, and every other name the proxy as it is.
    pub fn ask(&self, route: &str, api: ApiId) -> Result<Ask, String> {
        if let Kind::Attached(attached) = &self.kind {
            return attached.ask(self.addr, route, api);
        }
        self.asks.get(&(route.to_owned(), api)).cloned().ok_or_else(|| {
            if self.legs.contains_key(route) {
                format!("{} has no endpoint for {api}", self.facts.name)
            } else {
                format!("{} was started without a route `{route}`", self.facts.name)
            }
        })
    }

    /// What a case on this route is to know of the proxy. Attached, the legs are unknown.
    pub fn facts(&self, route: &str) -> ProxyFacts {
        let legs = self.legs.get(route).cloned().unwrap_or_default();
        // Where a proxy has no key per leg, the legs of a route share one: no other route may show it.
        let own: Vec<&str> = legs.iter().map(|leg| leg.key.as_str()).collect();
        let others = self.keys.iter().filter(|(name, _)| **name != *route).flat_map(|(_, keys)| keys);
        let other_keys = others.filter(|(_, key)| !own.contains(&&**key)).cloned().collect();
        ProxyFacts { legs, other_keys, ..self.facts.clone() }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Name and version, for people.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Secrets of the user's own with which a running proxy is asked; a launch has keys of ours alone.
    pub fn secrets(&self) -> Vec<String> {
        match &self.kind {
            Kind::Attached(attached) => attached.secrets(),
            _ => Vec::new(),
        }
    }

    /// Folder of the launch; empty when attached.
    pub fn run_dir(&self) -> &Path {
        &self.run_dir
    }

    /// What it printed; `None` where it has no output of its own.
    pub fn log_path(&self) -> Option<&Path> {
        match &self.kind {
            Kind::Guarded { log, .. } => Some(log),
            Kind::Inside { .. } | Kind::Attached(_) => None,
        }
    }

    /// The last lines of its log, for the one who reads that it died.
    pub fn log_tail(&self) -> Vec<String> {
        self.log_path().map(super::error::tail).unwrap_or_default()
    }

    /// How it ended, if it did (attached: unknown, `None`).
    pub fn exited(&self) -> Option<String> {
        match &self.kind {
            Kind::Guarded { ended, .. } => ended.borrow().clone(),
            Kind::Inside { task, .. } => task.is_finished().then(|| "it stopped".to_owned()),
            Kind::Attached(_) => None,
        }
    }

    /// Whether it answers at all, whatever it says (attached: unknown, `true`).
    pub async fn answers(&self) -> bool {
        if let Kind::Attached(_) = self.kind {
            return true;
        }
        for _ in 0..LOOKS {
            if port::status(self.addr, &self.ready).await.is_some() {
                return true;
            }
        }
        false
    }

    /// Waits until it ends by itself, and says how.
    pub async fn wait_exit(&self) -> String {
        match &self.kind {
            Kind::Guarded { ended, .. } => {
                let mut ended = ended.clone();
                let how = ended.wait_for(Option::is_some).await;
                how.ok().and_then(|how| how.clone()).unwrap_or_else(|| "it ended".to_owned())
            }
            Kind::Inside { task, .. } => {
                while !task.is_finished() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                "it stopped".to_owned()
            }
            Kind::Attached(_) => std::future::pending().await,
        }
    }

    /// Ends it, and returns when it and all its children are gone.
    pub async fn stop(&self) {
        match &self.kind {
            Kind::Guarded { pipe, ended, .. } => {
                drop(pipe.lock().ok().and_then(|mut pipe| pipe.take()));
                let mut ended = ended.clone();
                let limit = guard::GRACE * 2 + Duration::from_secs(2);
                let _ = tokio::time::timeout(limit, ended.wait_for(Option::is_some)).await;
            }
            Kind::Inside { shutdown, task } => {
                drop(shutdown.lock().ok().and_then(|mut shutdown| shutdown.take()));
                for _ in 0..200 {
                    if task.is_finished() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                task.abort();
            }
            Kind::Attached(_) => {}
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Kind::Inside { task, .. } = &self.kind {
            task.abort();
        }
    }
}

/// What a case may know of the legs of each route.
pub(super) fn legs(launch: &Launch, asks: &BTreeMap<(String, ApiId), Ask>) -> BTreeMap<String, Vec<LegFacts>> {
    let profile = launch.program.profile();
    let legs_of = |route: &Route| {
        // Where the client's model passes through, all legs are asked for it as the client spells it.
        let asks = asks.iter().filter(|((name, _), _)| !profile.model_per_leg && *name == route.name);
        let spelled: Vec<&String> = asks.filter_map(|(_, ask)| ask.model.as_ref()).collect();
        let facts = |leg: &RouteLeg| {
            let mut models = spellings(&leg.model, profile.vendor_before_model);
            for model in &spelled {
                if !models.contains(model) {
                    models.push((*model).clone());
                }
            }
            LegFacts {
                name: leg.name.clone(),
                // Where the client's key passes through, all legs get that of the first.
                key: if profile.key_per_leg { leg.key.clone() } else { route.legs[0].key.clone() },
                spare_key: leg.spare_key.clone(),
                models,
            }
        };
        (route.name.clone(), route.legs.iter().map(facts).collect())
    };
    launch.routes.iter().map(legs_of).collect()
}

/// Both keys of each leg of a route, with their places.
fn keys(route: &str, legs: &[LegFacts]) -> Vec<PlacedKey> {
    let both = |leg: &LegFacts| {
        let place = format!("{route}/{}", leg.name);
        [(format!("{place} (spare)").into(), (*leg.spare_key).into()), (place.into(), (*leg.key).into())]
    };
    legs.iter().flat_map(both).collect()
}

/// The names under which a leg may be asked for its model.
fn spellings(model: &ModelName, with_vendor: bool) -> Vec<String> {
    let whole = with_vendor.then(|| format!("{}/{}", model.vendor, model.model));
    std::iter::once(model.model.clone()).chain(whole).collect()
}

/// What every route of a launch has in common. What the reference proxy promises follows its configuration.
pub(super) fn facts(launch: &Launch, config: Option<&builtin::Config>) -> ProxyFacts {
    let profile = launch.program.profile();
    let mut policy = profile.policy.clone();
    policy.quiet = policy.quiet.or(profile.quiet);
    if let Some(config) = config {
        let declared = config.promise().declared();
        policy = Policy { buffer: declared.buffer, ..policy.patched(&declared) };
    }
    let decoys = &launch.decoys;
    let mut values = BTreeMap::from([
        ("decoy route".to_owned(), decoys.model.clone()),
        ("decoy key".to_owned(), decoys.key.clone()),
        ("admin key".to_owned(), decoys.admin_key.clone()),
    ]);
    values.extend(decoys.variables.iter().map(|(name, value)| (format!("decoy variable {name}"), value.clone())));
    ProxyFacts {
        name: profile.profile.clone(),
        version: launch.program.version.clone(),
        policy,
        front_ours: profile.front_ours,
        key_per_leg: profile.key_per_leg,
        model_per_leg: profile.model_per_leg,
        attached: false,
        legs: Vec::new(),
        other_keys: BTreeMap::new(),
        decoys: values,
    }
}
