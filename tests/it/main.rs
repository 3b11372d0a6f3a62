//! One integration binary: it links once.

#[cfg(target_os = "linux")]
mod action;
mod attach;
mod bad_proxies;
mod broken;
mod browser;
mod bundled;
mod cassettes;
mod catalogue;
mod ci;
mod cli;
mod docs;
mod explore;
mod fuzz;
mod histories;
mod import;
mod known;
mod matrix;
mod policies;
mod proxy;
mod real;
#[cfg(unix)]
mod record;
mod recordings;
mod reference;
mod repeat;
mod sdk;
mod servers;
mod stories;
mod support;
mod sweep;
mod trace;
