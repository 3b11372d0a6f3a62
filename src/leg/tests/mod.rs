//! The legs over real sockets.

mod answers;
mod cases;
mod connections;
mod waiting;
mod wire;
