//! Which case is bound where, whose words are whose, and what fits nowhere.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};

use super::address::{Addressing, Place};
use super::case::{CaseState, MOST_STRAYS, lock};
use super::words;
use crate::fault::Plan;
use crate::history::Stray;
use crate::rules::RuleBook;

/// Cases whose last answers are kept for late requests.
const REMEMBERED: usize = 64;

/// What the listeners of a launch share.
#[derive(Debug)]
pub(super) struct Registry {
    pub(super) addressing: Addressing,
    pub(super) rules: Arc<RuleBook>,
    pub(super) side_calls: Vec<String>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    slots: HashMap<String, Arc<CaseState>>,
    /// By the part of a unique word by which it is found.
    words: HashMap<String, Owner>,
    /// Finished cases whose answers are kept, the oldest first.
    remembered: VecDeque<String>,
    strays: Vec<Stray>,
}

/// Whose a unique word is.
#[derive(Clone, Debug)]
pub(super) enum Owner {
    Running(Arc<CaseState>),
    Finished {
        /// The case's name.
        case: String,
        /// What each leg answered last, by name.
        last: BTreeMap<String, Arc<Plan>>,
    },
}

impl Registry {
    pub(super) fn new(addressing: Addressing, rules: Arc<RuleBook>, side_calls: Vec<String>) -> Self {
        Self { addressing, rules, side_calls, state: Mutex::default() }
    }

    pub(super) fn bind(&self, slot: &str, case: &Arc<CaseState>) {
        let key = words::key(&case.binding.unique);
        let mut state = lock(&self.state);
        if !key.is_empty() {
            state.words.insert(key.to_owned(), Owner::Running(Arc::clone(case)));
        }
        let displaced = state.slots.insert(slot.to_owned(), Arc::clone(case));
        drop(state);
        if let Some(displaced) = displaced {
            let _ = displaced.end_step();
        }
    }

    /// The case is over: its slot is free, its word is a finished one's.
    pub(super) fn release(&self, slot: &str, case: &Arc<CaseState>) {
        let _ = case.end_step();
        let last = case.last_plans();
        let key = words::key(&case.binding.unique).to_owned();
        let mut state = lock(&self.state);
        if state.slots.get(slot).is_some_and(|bound| Arc::ptr_eq(bound, case)) {
            state.slots.remove(slot);
        }
        let own = matches!(state.words.get(&key), Some(Owner::Running(owner)) if Arc::ptr_eq(owner, case));
        if own {
            state.words.insert(key.clone(), Owner::Finished { case: case.binding.case.id(), last });
            state.remembered.push_back(key);
            if state.remembered.len() > REMEMBERED
                && let Some(oldest) = state.remembered.pop_front()
                && let Some(Owner::Finished { last, .. }) = state.words.get_mut(&oldest)
            {
                last.clear();
            }
        }
    }

    /// The case of a place, if one is bound there.
    pub(super) fn case(&self, place: &Place<'_>) -> Option<Arc<CaseState>> {
        let state = lock(&self.state);
        match place.slot {
            Some(slot) => state.slots.get(slot).cloned(),
            // Attached: there is one at a time.
            None => state.slots.values().next().cloned(),
        }
    }

    /// Whose unique words stand among these.
    pub(super) fn owners(&self, words: &HashSet<String>) -> Vec<Owner> {
        let state = lock(&self.state);
        if words.len() < state.words.len() {
            words.iter().filter_map(|word| state.words.get(word).cloned()).collect()
        } else {
            state.words.iter().filter(|(word, _)| words.contains(*word)).map(|(_, owner)| owner.clone()).collect()
        }
    }

    pub(super) fn stray(&self, stray: Stray) {
        let strays = &mut lock(&self.state).strays;
        if strays.len() < MOST_STRAYS {
            strays.push(stray);
        }
    }

    pub(super) fn take_strays(&self) -> Vec<Stray> {
        std::mem::take(&mut lock(&self.state).strays)
    }
}
