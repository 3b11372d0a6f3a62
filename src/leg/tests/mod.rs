//! The legs over real sockets.

mod alone;
mod answers;
mod cases;
mod connections;
mod edits;
mod secure;
mod waiting;
mod wire;
