//! The reference proxy: correct under each of its policies, and wrong in one named way per [`Defect`].
//!
//! It is what `run` tests without a proxy of one's own, and the proof that each check passes on a correct proxy
//! and fails on a defect.

mod config;
mod defect;

use std::future::Future;

use tokio::net::TcpListener;

pub use config::{Config, Decoy, Leg, OnBreak, Route};
pub use defect::Defect;

/// Serves until `shutdown` completes; then every connection, of clients and to upstreams, is closed.
pub async fn start(listener: TcpListener, config: Config, shutdown: impl Future<Output = ()> + Send) {
    let _ = (listener, config, shutdown);
    unimplemented!()
}
