//! One launch that is up: legs listening, routes, the proxy between them.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::group::LaunchPlan;
use super::stand_in::{StandIns, Upstreams};
use super::target::{LaunchOrder, Target};
use crate::history::{History, LegFacts, ProxyFacts, Survival};
use crate::leg::{Addressing, Authority, AuthorityError, Legs, LegsConfig, Transport};
use crate::proxy::{AUTHORITY, AfterContent, CONTROL, Canaries, LegBy, Profile, ProxyError, Route, RouteLeg, Running};
use crate::rules::RuleBook;
use crate::scenario::{Settings, Shape, ShapeLeg, Toggle};

/// Silence after which a case is over, unless the profile asks for more.
const QUIET: Duration = Duration::from_millis(250);
/// Longest wait for the end of a proxy that answers nothing to be heard.
const END_IS_HEARD: Duration = Duration::from_secs(1);

/// Legs, routes and the proxy between them.
pub(super) struct Rig {
    pub(super) legs: Legs,
    pub(super) proxy: Running,
    pub(super) quiet: Duration,
    pub(super) attached: bool,
    /// Whether the proxy delivers nothing before an answer is whole.
    pub(super) holds_back: bool,
    /// Whether which leg is which follows the order in which they are asked.
    pub(super) by_arrival: bool,
    /// Recorders in the place of legs, where the run records.
    pub(super) stand_ins: Option<StandIns>,
    /// Held by whoever uses a control route.
    pub(super) control: tokio::sync::Mutex<()>,
    routes: Vec<Route>,
    /// Ordinals of control routes' legs, where a port tells the leg.
    ordinals: BTreeMap<String, usize>,
}

impl fmt::Debug for Rig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rig").field("routes", &self.routes.len()).finish_non_exhaustive()
    }
}

impl Rig {
    /// Listens, renders the routes, starts the proxy. Legs that have an upstream are recorders of it.
    pub(super) async fn raise(
        target: &Target,
        listen: Option<SocketAddr>,
        rules: &Arc<RuleBook>,
        plan: &LaunchPlan,
        number: usize,
        upstreams: Option<&Upstreams>,
    ) -> Result<Self, String> {
        let profile = target.profile();
        let attached = target.is_attached();
        let most = plan.slots.iter().map(|slot| slot.shape.legs.len()).max().unwrap_or(0).max(1);
        let first = listen.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 0).into());
        let addresses = match profile.leg_by {
            LegBy::Prefix => vec![first],
            LegBy::Port => (0..most).map(|n| next(first, n)).collect(),
        };
        let side_calls = profile.policy.side_calls.clone();
        let addressing = Addressing { leg_by: profile.leg_by, attached };
        let transport = transport(&plan.settings).map_err(|error| error.to_string())?;
        let authority = transport.authority.clone();
        let config = LegsConfig { addresses, addressing, transport, rules: Arc::clone(rules), side_calls };
        let legs = Legs::bind(config).await.map_err(|error| error.to_string())?;

        let canaries = Canaries::random();
        let decoys = canaries.decoys(&legs.base_url("decoy", "decoy", 0));
        let mut ordinals = BTreeMap::new();
        let mut routes = Vec::new();
        for control in &plan.controls {
            // Attached, the target listens where the route's leg of that name does.
            let ordinal = if attached { ordinal_of(plan, &control.target) } else { 0 };
            ordinals.insert(control.name.clone(), ordinal);
            let alone = Shape { legs: vec![control.target.clone()], pool: false };
            routes.push(route(&legs, &canaries, profile, &control.name, &alone, ordinal));
        }
        for slot in &plan.slots {
            routes.push(route(&legs, &canaries, profile, &slot.name, &slot.shape, 0));
        }
        let stand_ins = match upstreams {
            Some(upstreams) => Some(StandIns::place(upstreams, addressing, &mut routes).await?),
            None => None,
        };
        let order = LaunchOrder {
            number,
            routes: &routes,
            settings: &plan.settings,
            overlay: plan.overlay.as_ref(),
            decoys: &decoys,
            authority: authority.as_ref().map(|authority| authority.pem()),
        };
        let proxy = target.start(order).await.map_err(|error| explain(&error))?;
        let policy = proxy.facts("").policy;
        let quiet = policy.quiet.map_or(QUIET, |quiet| quiet.duration().max(QUIET));
        let holds_back = policy.after_content == Some(AfterContent::BufferAll);
        let by_arrival = target.profile().legs_by_arrival;
        let control = tokio::sync::Mutex::new(());
        Ok(Self { legs, proxy, quiet, attached, holds_back, by_arrival, stand_ins, control, routes, ordinals })
    }

    /// The route of a slot.
    pub(super) fn route(&self, slot: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.name == slot)
    }

    /// What listens where, for people.
    pub(super) fn describe(&self, plan: &LaunchPlan) -> String {
        let mut text = format!("proxy          {}", self.proxy.title());
        if self.attached {
            text.push('\n');
        } else {
            let _ = writeln!(text, " at http://{}", self.proxy.addr());
            let _ = writeln!(text, "configuration  {}", self.proxy.run_dir().display());
            if plan.settings.tls == Some(Toggle::On) {
                let _ = writeln!(text, "authority      {}", self.proxy.run_dir().join(AUTHORITY).display());
            }
        }
        for slot in &plan.slots {
            for (place, leg) in slot.shape.legs.iter().enumerate() {
                let url = self.legs.base_url(&slot.name, &leg.name, place);
                let key = self.route(&slot.name).and_then(|route| route.legs.get(place)).map(|leg| leg.key.as_str());
                let key = key.filter(|_| !self.attached).map(|key| format!(", key {key}")).unwrap_or_default();
                let _ = writeln!(text, "leg            {} ({} in {}) at {url}{key}", leg.name, leg.model, leg.api);
            }
        }
        text
    }

    /// Why the proxy is gone, if it is, with the end of its log.
    pub(super) fn exited(&self) -> Option<String> {
        Some(self.with_log(self.proxy.exited()?))
    }

    /// Why the proxy is of no use after a case: it ended, or it hangs.
    pub(super) async fn gone(&self, history: &History) -> Option<String> {
        if let Some(text) = self.exited() {
            return Some(text);
        }
        if !matches!(history.survived, Some(Survival::Failed(_))) || self.proxy.answers().await {
            return None;
        }
        let hangs = || self.with_log("it hangs: it runs, and answers no request at all".to_owned());
        Some(self.ends().await.unwrap_or_else(hangs))
    }

    /// Why the proxy ended, if it did when a request to it had failed.
    pub(super) async fn ended_with(&self, failed: bool) -> Option<String> {
        if failed && self.exited().is_none() && !self.proxy.answers().await {
            return self.ends().await;
        }
        self.exited()
    }

    /// A proxy that answers nothing may have ended: that is heard a moment after its connections are closed.
    async fn ends(&self) -> Option<String> {
        let how = tokio::time::timeout(END_IS_HEARD, self.proxy.wait_exit()).await;
        how.ok().map(|how| self.with_log(how))
    }

    fn with_log(&self, mut text: String) -> String {
        for line in self.proxy.log_tail() {
            text.push_str("\n  | ");
            text.push_str(&line);
        }
        text
    }

    /// The name under which the proxy is asked for a slot's route: attached, there is the route and its control.
    pub(super) fn asked_as<'a>(&self, slot: &'a str) -> &'a str {
        if self.attached && self.ordinals.contains_key(slot) { CONTROL } else { slot }
    }

    /// The listener of a leg, where a port tells it.
    pub(super) fn ordinal(&self, slot: &str, place: usize) -> usize {
        self.ordinals.get(slot).copied().unwrap_or(place)
    }

    /// What is known of the proxy, as a case of this shape on that slot needs it.
    pub(super) fn facts(&self, slot: &str, shape: &Shape) -> ProxyFacts {
        let mut facts = self.proxy.facts(slot);
        if self.attached {
            let of = |leg: &ShapeLeg| LegFacts {
                name: leg.name.clone(),
                key: String::new(),
                spare_key: String::new(),
                models: vec![leg.model.model.clone()],
            };
            facts.legs = shape.legs.iter().map(of).collect();
        }
        facts
    }
}

/// One clear line, and the end of the log where there is one.
fn explain(error: &ProxyError) -> String {
    let mut text = error.to_string();
    for line in error.tail() {
        text.push_str("\n  | ");
        text.push_str(line);
    }
    text
}

/// How the legs of a launch are spoken to.
fn transport(settings: &Settings) -> Result<Transport, AuthorityError> {
    let on = |toggle: Option<Toggle>| toggle == Some(Toggle::On);
    let authority = on(settings.tls).then(Authority::new).transpose()?.map(Arc::new);
    Ok(Transport { authority, http2: on(settings.http2) })
}

/// Attached, the place of a target in the shape that was planned.
fn ordinal_of(plan: &LaunchPlan, target: &ShapeLeg) -> usize {
    let place = |legs: &[ShapeLeg]| legs.iter().position(|leg| leg.name == target.name);
    plan.slots.iter().find_map(|slot| place(&slot.shape.legs)).unwrap_or(0)
}

/// The n-th address after the first; port 0 stays 0, the system chooses.
fn next(first: SocketAddr, n: usize) -> SocketAddr {
    let mut address = first;
    if first.port() != 0 {
        address.set_port(first.port().saturating_add(n as u16));
    }
    address
}

fn route(legs: &Legs, canaries: &Canaries, profile: &Profile, name: &str, shape: &Shape, from: usize) -> Route {
    let legs = shape.legs.iter().enumerate().map(|(n, leg)| {
        let ordinal = from + n;
        // Without a key per leg, all legs of a slot share the first one's.
        let owner = if profile.key_per_leg { leg } else { &shape.legs[0] };
        RouteLeg {
            name: leg.name.clone(),
            model: leg.model.clone(),
            api: leg.api,
            base_url: legs.base_url(name, &leg.name, ordinal),
            host: legs.host(ordinal),
            key: canaries.leg(&owner.model.vendor, name, &owner.name),
            spare_key: canaries.leg(&owner.model.vendor, name, &format!("{}/spare", owner.name)),
        }
    });
    Route { name: name.to_owned(), legs: legs.collect(), pool: shape.pool }
}

/// Settings and overlay in one line.
pub(super) fn describe(settings: &Settings, overlay: bool) -> String {
    let value = serde_json::to_value(settings).unwrap_or_default();
    // What everyone gets is not worth a word.
    let usual = |name: &str, value: &serde_json::Value| {
        value.is_null() || (name == "retries" && value == 0) || (name == "cooldown" && value == "off")
    };
    let set = value.as_object().into_iter().flatten().filter(|(name, value)| !usual(name, value));
    let mut words: Vec<String> =
        set.map(|(name, value)| format!("{name} {}", value.to_string().trim_matches('"'))).collect();
    if overlay {
        words.push("an overlay".to_owned());
    }
    words.join(", ")
}
