//! `crossfade record`: what it keeps is what the upstream wrote, and the client got it as if nobody were between.

mod delay;
mod kill;
mod modes;
mod run;
mod secure;
mod shapes;
mod support;
