//! The legs over real sockets.

mod alone;
mod answers;
mod cases;
mod connections;
mod edits;
mod malformed;
mod secure;
mod waiting;
mod wire;
