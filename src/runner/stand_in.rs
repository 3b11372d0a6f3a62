//! Recorders that take the place of legs: what the proxy asks there goes on to a real provider.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::leg::Addressing;
use crate::proxy::Route;
use crate::record::{Desk, Front, Keeping, News, OpenError, RecordConfig, Recorder, Upstream};

/// A provider in the place of a leg.
#[derive(Clone, Debug)]
pub struct LegUpstream {
    /// Where it is.
    pub upstream: Upstream,
    /// Its key; left out: the key that was made up for the proxy goes there.
    pub key: Option<Secret>,
}

/// A key of the user's. It is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The legs that are real providers.
#[derive(Clone, Debug, Default)]
pub struct Upstreams {
    /// By the leg's name.
    pub legs: BTreeMap<String, LegUpstream>,
    /// Authorities to trust in the place of the system's.
    pub ca: Option<PathBuf>,
}

/// The recorders of a launch.
#[derive(Debug)]
pub(super) struct StandIns {
    all: Vec<StandIn>,
    stop: watch::Sender<bool>,
    news: mpsc::UnboundedReceiver<(String, News)>,
}

#[derive(Debug)]
struct StandIn {
    slot: String,
    leg: String,
    desk: Desk,
    running: JoinHandle<()>,
}

impl StandIns {
    /// Puts a recorder in the place of each leg that has an upstream: the routes lead there.
    pub(super) async fn place(
        upstreams: &Upstreams,
        addressing: Addressing,
        routes: &mut [Route],
    ) -> Result<Self, String> {
        let stop = watch::Sender::new(false);
        let (tell, news) = mpsc::unbounded_channel();
        let mut all = Vec::new();
        for route in routes {
            // Legs may share a key, and a proxy may have mixed them up: the provider gets its own in any case.
            let keys: Vec<String> =
                route.legs.iter().flat_map(|leg| [leg.spare_key.clone(), leg.key.clone()]).collect();
            for leg in &mut route.legs {
                let Some(LegUpstream { upstream, key }) = upstreams.legs.get(&leg.name) else { continue };
                let prefix = addressing.prefix(&route.name, &leg.name);
                let config = RecordConfig {
                    upstream: upstream.clone(),
                    ca: upstreams.ca.clone(),
                    http1: false,
                    port: 0,
                    front: Front {
                        prefix: prefix.clone(),
                        made_up: keys.clone(),
                        key: key.as_ref().map(|Secret(key)| key.clone()),
                    },
                };
                let recorder = Recorder::bind(config).await.map_err(|error| error.to_string())?;
                leg.host = recorder.address().to_string();
                leg.base_url = format!("{}{prefix}", recorder.base_url());
                let (name, tell, desk) = (leg.name.clone(), tell.clone(), recorder.desk());
                let news = move |news| {
                    // Where nobody listens any more the run is over.
                    let _ = tell.send((name.clone(), news));
                };
                let running = tokio::spawn(recorder.run(stop.subscribe(), news));
                all.push(StandIn { slot: route.name.clone(), leg: leg.name.clone(), desk, running });
            }
        }
        Ok(Self { all, stop, news })
    }

    /// The legs of a slot are recorded from now on, each as it is kept.
    pub(super) fn begin(&self, slot: &str, keeping: impl Fn(&str) -> Keeping) -> Result<(), OpenError> {
        self.of(slot).try_for_each(|each| each.desk.begin(keeping(&each.leg)))
    }

    /// Waits until the legs of a slot are silent and everything is written.
    pub(super) async fn end(&self, slot: &str, silence: Duration) {
        for each in self.of(slot) {
            each.desk.end(silence).await;
        }
    }

    /// What was told since, with the leg.
    pub(super) fn news(&mut self) -> Vec<(String, News)> {
        std::iter::from_fn(|| self.news.try_recv().ok()).collect()
    }

    /// Ends them all: what is open is kept as cut.
    pub(super) async fn stop(&mut self) {
        self.stop.send_replace(true);
        for each in self.all.drain(..) {
            // One that failed has nothing more to tell.
            let _ = each.running.await;
        }
    }

    fn of<'s>(&'s self, slot: &'s str) -> impl Iterator<Item = &'s StandIn> {
        self.all.iter().filter(move |each| each.slot == slot)
    }
}
