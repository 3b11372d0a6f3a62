//! One integration binary: it links once.

mod broken;
mod cassettes;
mod proxy;
mod support;
