//! The listeners of a launch.

use std::io;
use std::net::SocketAddr;

use super::{Addressing, Binding, Session};
use crate::history::Stray;

/// Where and how the legs of a launch listen.
#[derive(Clone, Debug)]
pub struct LegsConfig {
    /// Addresses to bind: one, or (by port) one for each leg by its ordinal; port 0 takes a free one.
    pub addresses: Vec<SocketAddr>,
    /// How slot and leg stand in an address.
    pub addressing: Addressing,
    /// Further calls that ask for no generation, as `METHOD path` with `*` for anything (`POST */render`).
    pub side_calls: Vec<String>,
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// Why.
    pub source: io::Error,
}

/// The fake upstreams of a launch. They stop when this is dropped.
#[derive(Debug)]
pub struct Legs {
    config: LegsConfig,
}

impl Legs {
    /// Listens.
    pub async fn bind(config: LegsConfig) -> Result<Self, BindError> {
        Ok(Self { config })
    }

    /// The base URL of a leg, without a slash at its end: what a proxy is configured with; an API's path follows it.
    pub fn base_url(&self, slot: &str, leg: &str, ordinal: usize) -> String {
        format!("http://{}{}", self.host(ordinal), self.config.addressing.prefix(slot, leg))
    }

    /// `host:port` of the leg with this ordinal (0 for the first).
    pub fn host(&self, _ordinal: usize) -> String {
        unimplemented!()
    }

    /// Binds a case to a slot. The slot is free again when the session ends.
    pub fn begin(&self, _slot: &str, _binding: Binding) -> Session {
        unimplemented!()
    }

    /// The strays that belong to no session so far; they are given once.
    pub fn take_strays(&self) -> Vec<Stray> {
        unimplemented!()
    }
}
