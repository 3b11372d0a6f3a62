//! Crossfade: a record-and-replay conformance harness for LLM proxies.
#![doc = include_str!("ARCHITECTURE.md")]

pub mod answer;
pub mod api;
pub mod baseline;
pub mod builtin;
pub mod cassette;
pub mod check;
pub mod cli;
pub mod client;
pub mod config;
pub mod continuation;
pub mod diagnostic;
pub mod fault;
pub mod history;
pub mod leg;
pub mod progress;
pub mod proxy;
pub mod report;
pub mod rules;
pub mod runner;
pub mod scenario;
pub mod schema;
pub mod snapshot;
pub mod sse;
pub mod wire;
pub mod yaml;
