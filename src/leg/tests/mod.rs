//! The legs over real sockets.

mod alone;
mod answers;
mod cases;
mod connections;
mod waiting;
mod wire;
