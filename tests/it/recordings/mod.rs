//! Exchanges with real providers: loaded, replayed, read and judged.
//!
//! The recordings are no part of the repository; see [`folder`].

mod answers;
mod exchange;
mod explained;
mod files;
mod folder;
mod import;
mod redaction;
mod replay;
mod requests;
mod rules;
mod streams;
mod table;
mod vendors;

pub(crate) use folder::say;
