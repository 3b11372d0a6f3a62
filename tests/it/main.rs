//! One integration binary: it links once.

mod proxy;
mod support;
