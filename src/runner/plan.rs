//! What is run and how, and the starts of the proxy that it takes.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::event::ProxyLine;
use super::group::{self, ControlPlan, LaunchPlan, Limits};
use super::rig::describe;
use super::target::Target;
use super::{Repeat, skip};
use crate::baseline::Baseline;
use crate::diagnostic::SourceFile;
use crate::proxy::Remembers;
use crate::rules::RuleBook;
use crate::scenario::{Case, Shape};
use crate::snapshot;

/// Slots of a shape, unless the command line asks for more jobs.
const SLOTS: usize = 8;
/// How many more cases of a sweep run at a time, and how many more slots they have: most of each is waiting.
pub(super) const SWEEP_JOBS: usize = 4;
const SWEEP_SLOTS: usize = 8;
/// What is run, and how.
#[derive(Debug)]
pub struct Plan {
    /// The selected cases, in order.
    pub cases: Vec<Case>,
    /// Ids of all cases of the files that were loaded, selected or not.
    pub all: Vec<String>,
    /// The proxy.
    pub target: Target,
    /// The proxy, as reports name it.
    pub line: ProxyLine,
    /// What the legs refuse.
    pub rules: Arc<RuleBook>,
    /// Attached: where the legs listen.
    pub listen: Option<SocketAddr>,
    /// Whether the cases are the bundled ones.
    pub bundled: bool,
    /// Seed of every word.
    pub seed: u64,
    /// Cases at a time, at most.
    pub jobs: usize,
    /// Whether somebody watches: then one case runs at a time, and what happens in it is told while it does.
    pub live: bool,
    /// How often each case is played.
    pub plays: usize,
    /// Whether warnings are failures.
    pub strict: bool,
    /// Limit of one exchange of the client, instead of the case's own.
    pub time_limit: Option<Duration>,
    /// Scenario files as they were read, by name.
    pub sources: BTreeMap<String, SourceFile>,
    /// How a case is repeated.
    pub repeat: Repeat,
    /// Verdicts that are known to fail.
    pub baseline: Baseline,
    /// The folder of this run; left out: nothing is kept.
    pub folder: Option<PathBuf>,
    /// Whether cases that are as expected are kept too.
    pub keep: bool,
    /// Called once the proxy is up; the cases begin when it returns, without time limits.
    pub hold: Option<Hold>,
    /// How snapshots are compared; left out: not at all.
    pub snapshots: Option<Snapshots>,
}

/// How snapshots are compared.
#[derive(Clone, Debug)]
pub struct Snapshots {
    /// What may be written.
    pub mode: snapshot::Mode,
    /// Sub-folder.
    pub name: Option<String>,
}

/// Waits for a person, who is told what listens where.
#[derive(Clone)]
pub struct Hold(pub Arc<dyn Fn(&str) + Send + Sync>);

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hold(..)")
    }
}

/// The launches that cases take on a proxy.
pub(super) fn launches(cases: &[Arc<Case>], target: &Target, jobs: usize) -> Vec<LaunchPlan> {
    let (profile, attached) = (target.profile(), target.is_attached());
    let limits = Limits {
        profile: profile.profile.clone(),
        routes: profile.routes.filter(|_| !attached).map(|routes| routes as usize),
        remembers: if attached { Remembers::Nothing } else { profile.remembers },
        slots: if attached { 1 } else { jobs.max(1) },
        sweep_slots: if attached { 1 } else { jobs.max(1) * SWEEP_SLOTS },
        controls: target.has_controls(),
    };
    let mut launches = group::plan(cases, &limits);
    if attached && target.has_controls() {
        // The fallback alone is all that can be asked of a proxy that was configured by hand.
        for launch in &mut launches {
            launch.controls.clear();
            for leg in launch.cases.iter().filter_map(|index| cases[*index].shape.legs.get(1)) {
                let known = |control: &ControlPlan| control.target.model == leg.model && control.target.api == leg.api;
                if !launch.controls.iter().any(known) {
                    let name = format!("c{}", launch.controls.len() + 1);
                    launch.controls.push(ControlPlan { name, target: leg.clone() });
                }
            }
        }
    }
    launches
}

/// Why a case is not run on a proxy; `None` if it is.
pub fn skip_reason(case: &Case, target: &Target) -> Option<String> {
    skip::reason(case, target.profile(), target.is_attached())
}

/// The starts of the proxy that cases take, for people.
pub fn describe_launches(cases: &[Case], target: &Target) -> String {
    let runnable = cases.iter().filter(|case| skip_reason(case, target).is_none());
    let runnable: Vec<Arc<Case>> = runnable.cloned().map(Arc::new).collect();
    let mut text = String::new();
    for (number, launch) in launches(&runnable, target, SLOTS).iter().enumerate() {
        let what = describe(&launch.settings, launch.overlay.is_some());
        let what = if what.is_empty() { "nothing set".to_owned() } else { what };
        let _ = writeln!(text, "launch {}: {what}; {} cases", number + 1, launch.cases.len());
        for control in &launch.controls {
            let _ = writeln!(text, "  control {} {} in {}", control.name, control.target.model, control.target.api);
        }
        let mut shapes: Vec<(&Shape, usize)> = Vec::new();
        for slot in &launch.slots {
            match shapes.iter_mut().find(|(shape, _)| **shape == slot.shape) {
                Some((_, count)) => *count += 1,
                None => shapes.push((&slot.shape, 1)),
            }
        }
        for (shape, count) in shapes {
            let legs: Vec<_> =
                shape.legs.iter().map(|leg| format!("{} {} in {}", leg.name, leg.model, leg.api)).collect();
            let _ = writeln!(text, "  {count} slots: {}", legs.join(", then "));
        }
    }
    let skipped = cases.len() - runnable.len();
    let _ = writeln!(text, "{} cases run, {skipped} are skipped", runnable.len());
    text
}
