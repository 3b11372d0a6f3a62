//! The legs over real sockets.

mod alone;
mod answers;
mod cases;
mod connections;
mod malformed;
mod waiting;
mod wire;
