//! Recording: a reverse proxy on loopback that hands everything on as it comes, and keeps what it saw as cassettes.
//!
//! A client's connection is a connection to the upstream: what happens to one happens to the other, so a client sees
//! what it would have seen without us, broken ends included. An exchange is put together in memory; a file gets it
//! once it is over and its secrets are out.

mod client;
mod playback;
mod reach;
mod relay;
mod relay2;
mod server;
mod shelf;
mod store;
mod take;
mod upstream;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::watch;

pub use reach::TrustError;
pub use store::{Mode, OpenError};
pub use upstream::Upstream;

use crate::redact::Redactor;
use reach::Reach;
use store::Store;

/// What is recorded, and where to.
#[derive(Clone, Debug)]
pub struct RecordConfig {
    /// The provider.
    pub upstream: Upstream,
    /// A file of authorities to trust in the place of the system's.
    pub ca: Option<PathBuf>,
    /// Ask for no HTTP/2.
    pub http1: bool,
    /// Port on loopback; 0 takes a free one.
    pub port: u16,
    /// A folder, or a file for all exchanges (`*.yaml`).
    pub out: PathBuf,
    /// What becomes of recordings that are there.
    pub mode: Mode,
    /// What is a secret.
    pub redactor: Redactor,
    /// Today, `YYYY-MM-DD`.
    pub date: String,
}

/// Something to tell whoever records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// An exchange was recorded.
    Kept {
        /// The file that has it.
        file: PathBuf,
        /// What was answered, in words.
        what: String,
    },
    /// A recording was played.
    Played {
        /// The request.
        asked: String,
    },
    /// An exchange passed through and was not recorded; once for each such path.
    Passed {
        /// The request.
        asked: String,
    },
    /// An exchange was not recorded, for this reason.
    NotKept {
        /// The request.
        asked: String,
        /// Why not.
        why: String,
    },
}

/// Why nothing can be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// There is no place to record to.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Nobody vouches for the upstream.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The port is taken.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// A recorder that listens.
#[derive(Debug)]
pub struct Recorder {
    address: SocketAddr,
    listener: TcpListener,
    reach: Reach,
    store: Store,
}

impl Recorder {
    /// Makes everything ready: what cannot work is told before a client asks.
    pub async fn bind(config: RecordConfig) -> Result<Self, RecordError> {
        let store = Store::open(&config.out, config.mode, config.redactor, config.upstream.to_string(), config.date)?;
        let reach = Reach::new(config.upstream, config.ca.as_deref(), config.http1)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, config.port));
        let failed = |source| RecordError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { address, listener, reach, store })
    }

    /// Where clients ask.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Records until `stop` says so. What is open then is kept as cut, and everything is on disk when this is over.
    pub async fn run(self, stop: watch::Receiver<bool>, tell: impl Fn(News) + Send + 'static) {
        server::run(self, stop, tell).await;
    }
}

/// Times of exchanges: since the recorder began.
#[derive(Clone, Copy, Debug)]
struct Clock(Instant);

impl Clock {
    fn now(self) -> Duration {
        self.0.elapsed()
    }
}

/// Whether the recorder is to stop.
#[derive(Clone, Debug)]
struct Stop(watch::Receiver<bool>);

impl Stop {
    async fn stopped(&self) {
        // Whoever could say so has gone: nobody will.
        if self.0.clone().wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// What all connections share.
struct Shared {
    own: SocketAddr,
    reach: Reach,
    store: Arc<Store>,
    clock: Clock,
    stop: Stop,
    over: std::sync::mpsc::Sender<server::Over>,
}
