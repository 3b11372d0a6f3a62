//! The proxy under test: profiles, installation, launch, and the end of it.

mod policy;
mod profile;

pub use policy::{
    AfterContent, AfterError, BeforeContent, Credentials, ErrorChoice, IdAtSeam, ModelChoice, Passthrough, Policy,
    Retries, UsageChoice,
};
pub use profile::{CaseBy, Endpoint, GetBy, LegBy, Profile, Ready, Remembers};
