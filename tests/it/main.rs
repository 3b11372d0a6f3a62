//! One integration binary: it links once.

mod cassettes;
mod proxy;
mod support;
