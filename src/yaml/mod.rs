//! YAML: a strict subset, read with a place for every value, and written so that every reader agrees.
//!
//! Read: one document, YAML 1.2 core schema, no anchors, aliases, tags or duplicate keys, limits on size, depth
//! and number of values. A [`Node`] keeps where it stands, so errors of types and of meaning point at it.
//!
//! What other programs wrote is read with the same places and limits, but as they write it: [`foreign`] knows several
//! documents, aliases and tags, [`json`] is JSON alone.

mod decode;
mod foreign;
mod json;
mod node;
mod parse;
mod scalar;
mod write;

pub use decode::{DecodeError, decode};
pub use foreign::{BINARY, foreign};
pub use json::json;
pub use node::{Content, Entry, Node};
pub use parse::{Document, Limits};
pub use write::to_string;
