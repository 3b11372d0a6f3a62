//! Ids that the clients of a run were given: each belongs to the case that was given it first.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::check;
use crate::history::{History, SharedId};

/// Who was given which id first: the number of the case, and its name.
#[derive(Debug, Default)]
pub(super) struct Given {
    first: Mutex<HashMap<String, (usize, String)>>,
}

impl Given {
    /// Takes down the ids of a case; gives those that another case was given before. A second try of the same case
    /// is no other case.
    pub(super) fn shared(&self, case: usize, history: &History) -> Vec<SharedId> {
        let name = history.case.id();
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let ids = check::given(history);
        let beside: Vec<_> = history.beside.iter().map(check::given).collect();
        let of_neighbours = ids.iter().filter(|(id, _)| beside.iter().any(|given| given.contains_key(*id)));
        let mut shared: Vec<SharedId> = of_neighbours
            .map(|(id, what)| SharedId { id: id.clone(), what: what.clone(), owner: "a neighbour".to_owned() })
            .collect();
        shared.extend(ids.into_iter().filter_map(|(id, what)| {
            let (owner, owner_name) = first.entry(id.clone()).or_insert_with(|| (case, name.clone()));
            (*owner != case).then(|| SharedId { id, what, owner: owner_name.clone() })
        }));
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Bit, Lab, whole};
    use crate::history::ClientEnd;

    #[test]
    fn an_id_belongs_to_the_case_that_was_given_it_first() {
        let lab = |id: u64| {
            let bits = [Bit::Begin(id), Bit::Text(whole(1)), Bit::Done];
            Lab::chat().answers("primary", 1).hears(&bits, ClientEnd::Complete).history
        };
        let given = Given::default();
        assert_eq!(given.shared(0, &lab(9)), []);
        assert_eq!(given.shared(0, &lab(9)), []);
        assert_eq!(given.shared(1, &lab(8)), []);
        let shared = given.shared(1, &lab(9));
        assert_eq!(shared.iter().map(|id| id.what.as_str()).collect::<Vec<_>>(), ["message id"]);
    }
}
