//! The reference proxy between our client and hand-written upstreams, over real sockets.

mod bench;
mod defects;
mod legs;
mod policies;
mod translation;
