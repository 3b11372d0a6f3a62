//! The listeners of a launch.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::address::{self, Addressing};
use super::case::CaseState;
use super::connection;
use super::registry::Registry;
use super::session::{Binding, Session};
use super::threads::Threads;
use super::transport::{Door, Transport};
use crate::history::Stray;
use crate::rules::RuleBook;

/// After an error of `accept` (no file descriptor left), the next try.
const ACCEPT_AGAIN: Duration = Duration::from_millis(10);

/// Where and how the legs of a launch listen.
#[derive(Clone, Debug)]
pub struct LegsConfig {
    /// Addresses to bind: one, or (by port) one for each leg by its ordinal; port 0 takes a free one.
    pub addresses: Vec<SocketAddr>,
    /// How slot and leg stand in an address.
    pub addressing: Addressing,
    /// How they are spoken to.
    pub transport: Transport,
    /// What the real models refuse.
    pub rules: Arc<RuleBook>,
    /// Further calls that ask for no generation, as `METHOD path` with `*` for anything (`POST */render`).
    pub side_calls: Vec<String>,
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}{}", way_out(source))]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// Why.
    pub source: io::Error,
}

fn way_out(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::AddrInUse => "; stop what listens there, or give another port (0: any that is free)",
        io::ErrorKind::PermissionDenied => "; give another port: the system keeps the low ones to itself",
        io::ErrorKind::AddrNotAvailable => "; give an address of this machine, like 127.0.0.1",
        _ => "",
    }
}

/// The fake upstreams of a launch. They stop when this is dropped.
#[derive(Debug)]
pub struct Legs {
    registry: Arc<Registry>,
    addressing: Addressing,
    transport: Transport,
    bound: Vec<SocketAddr>,
    _open: watch::Sender<()>,
}

impl Legs {
    /// Listens.
    pub async fn bind(config: LegsConfig) -> Result<Self, BindError> {
        let LegsConfig { addresses, addressing, transport, rules, side_calls } = config;
        let registry = Arc::new(Registry::new(addressing, rules, side_calls));
        let open = watch::Sender::new(());
        let bound = listen(&addresses, &transport, &open, &registry, None).await?;
        Ok(Self { registry, addressing, transport, bound, _open: open })
    }

    /// The base URL of a leg, without a slash at its end: what a proxy is configured with; an API's path follows it.
    pub fn base_url(&self, slot: &str, leg: &str, ordinal: usize) -> String {
        format!("{}://{}{}", self.transport.scheme(), self.host(ordinal), self.addressing.prefix(slot, leg))
    }

    /// `host:port` of the leg with this ordinal (0 for the first).
    pub fn host(&self, ordinal: usize) -> String {
        let bound = self.bound.get(ordinal).or(self.bound.first());
        bound.map(|bound| address::reachable(*bound).to_string()).unwrap_or_default()
    }

    /// Binds a case to a slot. The slot is free again when the session ends. A case that was still bound there is
    /// cut off.
    pub fn begin(&self, slot: &str, binding: Binding) -> Session {
        let case = CaseState::new(binding);
        self.registry.bind(slot, &case);
        Session::new(Arc::clone(&self.registry), slot.to_owned(), case)
    }

    /// The strays that belong to no session so far; they are given once.
    pub fn take_strays(&self) -> Vec<Stray> {
        self.registry.take_strays()
    }
}

/// Binds each address and serves what comes, until `open` is dropped.
pub(super) async fn listen<S: connection::Stage>(
    addresses: &[SocketAddr],
    transport: &Transport,
    open: &watch::Sender<()>,
    stage: &Arc<S>,
    threads: Option<&Arc<Threads>>,
) -> Result<Vec<SocketAddr>, BindError> {
    let door = transport.door();
    let mut bound = Vec::new();
    for (ordinal, &address) in addresses.iter().enumerate() {
        let failed = |source| BindError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        bound.push(listener.local_addr().map_err(failed)?);
        tokio::spawn(accept(listener, ordinal, door.clone(), open.subscribe(), Arc::clone(stage), threads.cloned()));
    }
    Ok(bound)
}

async fn accept<S: connection::Stage>(
    listener: TcpListener,
    ordinal: usize,
    door: Door,
    mut open: watch::Receiver<()>,
    stage: Arc<S>,
    threads: Option<Arc<Threads>>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = open.changed() => return,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_AGAIN).await;
            continue;
        };
        let (stage, door, open) = (Arc::clone(&stage), door.clone(), open.clone());
        let serve = move |stream| until_closed(stage, ordinal, stream, door, open);
        match &threads {
            // An error: the peer has gone already.
            Some(threads) => drop(threads.serve(stream, serve)),
            None => drop(tokio::spawn(serve(stream))),
        }
    }
}

/// Serves a connection, at most as long as its listener is there.
async fn until_closed<S: connection::Stage>(
    stage: Arc<S>,
    ordinal: usize,
    stream: TcpStream,
    door: Door,
    mut open: watch::Receiver<()>,
) {
    tokio::select! {
        () = connection::serve(stage, ordinal, stream, door) => {}
        _ = open.changed() => {}
    }
}
