//! Every [`Defect`] at work: hooks of the clean path that change nothing unless their defect is on.

mod answer;
mod error;
mod lifecycle;
mod request;
mod routing;
mod seam;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Defect;
use crate::api::Say;

/// The defects that are on, and what they remember.
#[derive(Debug, Default)]
pub(super) struct Sabotage {
    on: BTreeSet<Defect>,
    memory: Mutex<Memory>,
}

/// What defects remember from one request to the next.
#[derive(Debug, Default)]
struct Memory {
    /// The last prompt of any client, and the one before it.
    prompts: [Option<String>; 2],
    /// What the client that was last spoken to has heard.
    words: Option<String>,
    /// Routes and prompts that were served, and the leg that did it.
    served: BTreeMap<(String, String), usize>,
    /// Routes that a broken stream has left behind.
    broken: BTreeSet<String>,
}

/// What defects remember of one answer.
#[derive(Debug, Default)]
pub(super) struct Mischief {
    /// Another leg has taken over behind content.
    behind_seam: bool,
    /// What was delivered before it did.
    head: String,
    /// Characters that are still to be skipped.
    skip: usize,
    /// What was heard, where that matters.
    heard: String,
    /// Tool calls so far.
    calls: usize,
    /// What was said last was a piece of a tool call.
    in_call: bool,
    /// What waits to be said.
    held: Option<Say>,
}

impl Sabotage {
    pub(super) fn new(defects: &BTreeSet<Defect>) -> Self {
        Self { on: defects.clone(), memory: Mutex::default() }
    }

    fn has(&self, defect: Defect) -> bool {
        self.on.contains(&defect)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
