//! Recording: a reverse proxy on loopback that hands everything on as it comes, and keeps what it saw as cassettes.
//!
//! A client's connection is a connection to the upstream: what happens to one happens to the other, so a client sees
//! what it would have seen without us, broken ends included. An exchange is put together in memory; a file gets it
//! once it is over and its secrets are out.

mod client;
mod desk;
mod front;
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
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::watch;

pub use desk::Desk;
pub use front::Front;
pub use reach::TrustError;
pub use store::{Keeping, Mode, OpenError, holds};
pub use upstream::Upstream;

use reach::Reach;

/// What is recorded.
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
    /// What stands between clients and the provider's own paths and keys.
    pub front: Front,
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
    front: Front,
    desk: Desk,
}

impl Recorder {
    /// Makes everything ready: what cannot work is told before a client asks.
    pub async fn bind(config: RecordConfig) -> Result<Self, RecordError> {
        let desk = Desk::new(&config.upstream);
        let reach = Reach::new(config.upstream, config.ca.as_deref(), config.http1)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, config.port));
        let failed = |source| RecordError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { address, listener, reach, front: config.front, desk })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients ask.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where recordings are put: until it is told, no request is taken.
    pub fn desk(&self) -> Desk {
        self.desk.clone()
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
    front: Front,
    desk: Desk,
    clock: Clock,
    stop: Stop,
    over: std::sync::mpsc::Sender<server::Over>,
}
