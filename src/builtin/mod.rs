//! The reference proxy: correct under each of its policies, and wrong in one named way per [`Defect`].
//!
//! It is what `run` tests without a proxy of one's own, and the proof that each check passes on a correct proxy
//! and fails on a defect. What it promises unless it is told otherwise (see [`Promise`]):
//!
//! - Nothing reaches the client before the first content, so a failure before that restarts on the next leg unseen.
//! - A stream that breaks after content is continued, or ends in an error that the client's SDK raises; never silently.
//! - The client's turns, tools and parameters reach every leg as they are. A continuation adds one turn at the end.
//! - Each leg gets its own key. A leg that refuses a request for good is not asked again.
//! - When all legs fail, the client gets the first leg's error in the shape of the client's own API.
//! - Usage is the sum of what all legs reported; the id and the model (the route's name) stay the same over a seam.
//! - When the client goes, the upstream connection is closed at once.

mod cache;
mod choice;
mod coding;
mod config;
mod continuation;
mod course;
mod defect;
mod edits;
mod failure;
mod fit;
mod front;
mod hearing;
mod hedge;
mod memory;
mod message;
mod outlet;
mod passthrough;
mod promise;
mod reach;
mod relay;
mod request;
mod sabotage;
mod server;
mod speech;
mod unary;
mod upstream;

pub use choice::{NAMES, chosen, every_value};
pub use config::{Config, Decoy, Leg, Route};
pub use defect::{Defect, Family};
pub use promise::{AnswerEdit, Cache, Promise, RequestEdit};
pub use server::start;

#[cfg(test)]
mod tests;
