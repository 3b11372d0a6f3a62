//! How the proxy under test comes up: a program that is launched, or one that somebody else runs.

use std::path::PathBuf;

use serde_json::Value;

use crate::proxy::{Attach, Decoys, Host, Launch, Profile, Program, ProxyError, Route, Running};
use crate::scenario::Settings;

/// Starts the proxy under test.
#[derive(Clone, Debug)]
pub enum Target {
    /// A program, started with our routes.
    Launched {
        /// The program.
        program: Box<Program>,
        /// What is known of this machine.
        host: Host,
        /// Merged into the configuration before a case's own overlay (the reference proxy's policy and defects).
        overlay: Option<Value>,
        /// Port to listen on; left out: a free one.
        port: Option<u16>,
        /// Where the folders of launches are made.
        folder: PathBuf,
    },
    /// A proxy that runs already.
    Attached {
        /// How it is asked.
        attach: Box<Attach>,
        /// What lends it endpoints and policy; or a profile that can everything.
        profile: Box<Profile>,
    },
}

/// What one start of the proxy is given.
#[derive(Clone, Copy, Debug)]
pub(super) struct LaunchOrder<'a> {
    /// 1 for the first start of the run.
    pub(super) number: usize,
    /// Every route; legs listen already.
    pub(super) routes: &'a [Route],
    /// Neutral knobs.
    pub(super) settings: &'a Settings,
    /// Merged into the rendered configuration.
    pub(super) overlay: Option<&'a Value>,
    /// What must show up nowhere.
    pub(super) decoys: &'a Decoys,
    /// Who vouches for the legs, as PEM, where they speak TLS.
    pub(super) authority: Option<&'a str>,
}

impl Target {
    /// The profile.
    pub fn profile(&self) -> &Profile {
        match self {
            Self::Launched { program, .. } => program.profile(),
            Self::Attached { profile, .. } => profile,
        }
    }

    /// Whether it is one that we did not start.
    pub fn is_attached(&self) -> bool {
        matches!(self, Self::Attached { .. })
    }

    /// Whether targets can be asked alone.
    pub fn has_controls(&self) -> bool {
        match self {
            Self::Launched { .. } => true,
            Self::Attached { attach, .. } => attach.control_model.is_some(),
        }
    }

    /// Starts it, or makes sure that it is there.
    pub(super) async fn start(&self, order: LaunchOrder<'_>) -> Result<Running, ProxyError> {
        match self {
            Self::Launched { program, host, overlay, port, folder } => {
                let launch = Launch {
                    program: Program::clone(program),
                    routes: order.routes.to_vec(),
                    settings: order.settings.clone(),
                    overlay: joined(overlay.as_ref(), order.overlay),
                    decoys: order.decoys.clone(),
                    run_dir: folder.join(format!("launch-{}", order.number)),
                    port: *port,
                    config: None,
                    authority: order.authority.map(str::to_owned),
                };
                launch.start(host).await
            }
            Self::Attached { attach, .. } => Attach::clone(attach).open().await,
        }
    }
}

fn joined(base: Option<&Value>, patch: Option<&Value>) -> Option<Value> {
    let Some(base) = base else { return patch.cloned() };
    let mut joined = base.clone();
    if let Some(patch) = patch {
        super::case::merge(&mut joined, patch);
    }
    Some(joined)
}
