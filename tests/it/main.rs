//! it
mod proxy;
