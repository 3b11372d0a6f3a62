//! A case on a slot: what its legs shall do, and what reached them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::case::CaseState;
use super::decide::first_speeches;
use super::registry::Registry;
use crate::answer::Voice;
use crate::api::{Api, ApiId, Conversation, ModelName};
use crate::history::{Stray, UpstreamExchange};
use crate::progress::Progress;
use crate::scenario::Case;

/// A case as it is bound to a slot.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The case: its steps say what the legs do.
    pub case: Arc<Case>,
    /// The case's unique word.
    pub unique: String,
    /// The legs, in order.
    pub legs: Vec<LegBinding>,
    /// Per step and leg name, the request of its control; a missing one is replaced by the client's own request.
    pub controls: Vec<BTreeMap<String, ControlRequest>>,
    /// Start of the case: every recorded time counts from it.
    pub started: Instant,
    /// Lock step: deltas that the proxy may hold back (`policy.buffer`).
    pub lock_step: u32,
    /// Factor on the 2 s that barrier and gate wait, from the control's latency; 1.0 on a fast machine.
    pub patience: f64,
    /// The proxy delivers nothing before the answer is whole (`buffer_all`): no barrier waits for the client.
    pub holds_back: bool,
    /// The proxy knows no order of legs: the address that is asked first in a step is the first leg, and so on.
    pub by_arrival: bool,
}

/// A leg as a launch configured it.
#[derive(Clone, Debug)]
pub struct LegBinding {
    /// Its name.
    pub name: String,
    /// 0 for the first; by port, the listener.
    pub ordinal: usize,
    /// API in which it is asked.
    pub api: ApiId,
    /// Whom it plays.
    pub model: ModelName,
    /// Spellings under which it may be asked for its model.
    pub models: Vec<String>,
    /// Its canary key. Evidence only: a leg answers whatever key it is shown.
    pub key: Option<String>,
    /// Its words.
    pub voice: Voice,
}

impl LegBinding {
    /// Its API as its vendor speaks it; `None` where it is not spoken.
    pub(super) fn speaks(&self) -> Option<&'static dyn Api> {
        self.api.spoken_by(&self.model.vendor)
    }
}

/// What a proxy sends to a leg when nothing is broken and that leg is its only one.
#[derive(Clone, Debug)]
pub struct ControlRequest {
    /// In neutral form.
    pub conversation: Conversation,
    /// The control's own unique word.
    pub unique: String,
}

/// A case on its slot. The slot is free again when this is finished or dropped; what is still being answered is
/// then cut off.
#[derive(Debug)]
pub struct Session {
    registry: Arc<Registry>,
    slot: String,
    case: Arc<CaseState>,
}

impl Session {
    pub(super) fn new(registry: Arc<Registry>, slot: String, case: Arc<CaseState>) -> Self {
        Self { registry, slot, case }
    }

    #[cfg(test)]
    pub(super) fn case_for_tests(&self) -> &CaseState {
        &self.case
    }

    /// Begins the step with this index: attempts count from 1 again. `progress` is what the client decodes; `None`
    /// where no client of ours is there to wait for.
    pub fn begin_step(&self, index: usize, progress: Option<Progress>) {
        let binding = &self.case.binding;
        let speeches = binding.case.steps.get(index).map(|step| first_speeches(&binding.legs, step));
        self.case.begin_step(index, progress, speeches.unwrap_or_default());
    }

    /// Waits until every request of the legs is answered or cancelled and none came for `silence`. `false` if that
    /// did not happen within 10 s.
    pub async fn quiet(&self, silence: Duration) -> bool {
        self.case.quiet(silence).await
    }

    /// Ends the step and gives its exchanges in order of arrival; what is still being answered is `CaseOver`.
    pub fn end_step(&self) -> Vec<UpstreamExchange> {
        self.case.end_step()
    }

    /// Ends the case: strays that arrived on its slot, and why it is misrouted if it is.
    pub fn finish(self) -> (Vec<Stray>, Option<String>) {
        self.registry.release(&self.slot, &self.case);
        self.case.take_aside()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.registry.release(&self.slot, &self.case);
    }
}
