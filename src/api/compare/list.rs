//! Telling two lists apart.

use serde_json::{Value, json};

use super::align::{align, moved};
use super::{Difference, DifferenceKind};

/// Tells how two items at a path differ.
pub(crate) type Changed<T> = dyn Fn(&mut Vec<Difference>, &str, &T, &T);

/// How the items of a list are told apart and named.
pub(crate) struct List<'a, T> {
    /// The path of an item of one of the lists.
    pub(crate) path: &'a dyn Fn(&[T], usize) -> String,
    /// Whether one item may have become another, of items that are not equal.
    pub(crate) alike: &'a dyn Fn(&T, &T) -> bool,
    /// An item as a reader wants to see it.
    pub(crate) value: &'a dyn Fn(&T) -> Value,
    /// How two items differ that are alike; equal ones do not.
    pub(crate) changed: &'a Changed<T>,
}

/// Every difference between two lists, in their order.
pub(crate) fn lists<T: PartialEq>(out: &mut Vec<Difference>, expected: &[T], got: &[T], list: &List<'_, T>) {
    let pairs = align(expected, got, |a, b| a == b, list.alike);
    let moved = moved(&pairs, expected, got);
    for pair in pairs {
        match pair {
            (Some(i), Some(j)) => (list.changed)(out, &(list.path)(expected, i), &expected[i], &got[j]),
            (Some(i), None) => {
                let (kind, other) = match moved.iter().find(|(from, _)| *from == i) {
                    Some(&(_, j)) => (DifferenceKind::Reordered, Some(json!((list.path)(got, j)))),
                    None => (DifferenceKind::Lost, None),
                };
                let expected_value = Some((list.value)(&expected[i]));
                out.push(Difference { path: (list.path)(expected, i), kind, expected: expected_value, got: other });
            }
            (None, Some(j)) if !moved.iter().any(|(_, to)| *to == j) => out.push(Difference {
                path: (list.path)(got, j),
                kind: DifferenceKind::Added,
                expected: None,
                got: Some((list.value)(&got[j])),
            }),
            _ => {}
        }
    }
}
