//! Strategies: how cases are drawn. Each says the plain value first, to which it shrinks.

mod answer;
mod request;
mod story;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::draft::Draft;
use crate::api::seeded::mix;

pub(super) use request::PLAIN;

/// Distinct requests of clients in a run: each takes a control for each target, and those are asked one at a time.
const REQUESTS: u64 = 100;

/// A drawn case that can be made simpler.
pub(super) type Tree = Box<dyn ValueTree<Value = Draft>>;

/// The case with this number, the same for the same seed.
pub(super) fn tree(seed: u64, number: usize) -> Option<Tree> {
    let pick = mix(seed ^ mix(number as u64)) % REQUESTS;
    let request = request::request().new_tree(&mut runner(seed, "request", pick)).ok()?;
    let story = story::story().new_tree(&mut runner(seed, "story", number as u64)).ok()?;
    let both = proptest::tuple::TupleValueTree::new((request, story));
    Some(Box::new(Joined(both)))
}

/// A request and a story.
struct Joined<T>(T);

impl<T: ValueTree<Value = (super::draft::Request, super::draft::Story)>> ValueTree for Joined<T> {
    type Value = Draft;

    fn current(&self) -> Draft {
        let (request, story) = self.0.current();
        Draft { request, story }
    }

    fn simplify(&mut self) -> bool {
        self.0.simplify()
    }

    fn complicate(&mut self) -> bool {
        self.0.complicate()
    }
}

/// Draws depend on these three alone, never on what was drawn before or on the environment.
fn runner(seed: u64, purpose: &str, number: u64) -> TestRunner {
    let mut state = purpose.bytes().fold(mix(seed), |state, byte| mix(state ^ u64::from(byte))) ^ mix(!number);
    let mut bytes = [0; 32];
    for part in bytes.chunks_mut(8) {
        state = mix(state);
        part.copy_from_slice(&state.to_le_bytes());
    }
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// `plain`, or in `share` of 100 cases something else.
fn or<T: Clone + std::fmt::Debug + 'static>(
    plain: T,
    share: u32,
    other: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<T> {
    prop_oneof![100 - share => Just(plain), share => other].boxed()
}
