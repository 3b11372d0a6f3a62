//! The proxy under test: profiles, installation, launch, and the end of it.
//!
//! [`Catalogue`] knows the profiles; [`Catalogue::resolve`] finds the [`Program`] that is asked for, [`install()`]
//! installs it. A [`Launch`] renders the routes of a run into the proxy's own configuration and starts it behind a
//! [`guard`]; [`Attach`] takes one that runs already. Either way the result is [`Running`].

mod attach;
mod catalogue;
mod error;
pub mod guard;
mod install;
mod keys;
mod launch;
mod policy;
mod port;
mod profile;
mod program;
mod render;
mod route;
mod running;
mod template;
#[cfg(test)]
mod tests;
mod version;

use template::check_templates;

pub use attach::{Attach, CONTROL};
pub use catalogue::{Bundle, Catalogue};
pub use error::ProxyError;
pub use install::{Installed, install};
pub use keys::{Canaries, Decoys};
pub use policy::{
    AfterContent, AfterError, BeforeContent, Credentials, ErrorChoice, IdAtSeam, ModelChoice, Passthrough, Policy,
    Retries, UsageChoice,
};
pub use profile::{CaseBy, Endpoint, GetBy, LegBy, Overlay, Profile, Ready, Remembers, Repository, Version};
pub use program::{Host, Program, Wanted};
pub use render::{AUTHORITY, Launch, Rendered};
pub use route::{Route, RouteLeg};
pub use running::{Ask, Running};
