//! The fake upstreams: listeners that play a case's legs and record what reached them.
//!
//! [`Legs`] listens; [`Legs::begin`] binds a case to a slot and gives a [`Session`], which ends with the case. A
//! request finds its slot and leg by its address alone (`address`, `registry`, `dispatch`); what it gets is decided
//! without a socket (`decide`) as a [`fault::Plan`](crate::fault::Plan), laid out as wire bytes (`tape`), and played on
//! the wire (`play`, `socket`). `case` holds what is recorded meanwhile.
//!
//! Plain requests are read here (`plain`), all others by hyper (`connection`). Where nothing is recorded and a leg always
//! does the same, a request that comes again (`repeats`) gets the tape of the first under ids of its own (`fresh`).

mod address;
mod audience;
mod authority;
mod case;
mod connection;
mod decide;
mod dispatch;
mod fresh;
mod head;
mod http2;
mod legs;
mod plain;
mod play;
mod queue;
mod registry;
mod repeats;
mod reply;
mod rest;
mod seed;
mod serve;
mod session;
mod side;
mod socket;
mod spec;
mod tape;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod threads;
mod tls;
mod transport;
mod words;

pub use address::Addressing;
pub use authority::{Authority, AuthorityError};
pub use decide::extent;
pub use legs::{BindError, Legs, LegsConfig};
pub use serve::{ServeConfig, Serving, serve};
pub use session::{Binding, ControlRequest, LegBinding, Session};
pub(crate) use socket::Socket;
pub use transport::Transport;
