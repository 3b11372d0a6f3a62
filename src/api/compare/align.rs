//! Pairing two lists.

use std::ops::Range;

type Pairs = Vec<(Option<usize>, Option<usize>)>;

/// Pairs two lists: equal items by their longest common subsequence, then, inside each gap, items that are `alike`.
pub(super) fn align<T>(
    expected: &[T],
    got: &[T],
    equal: impl Fn(&T, &T) -> bool,
    alike: impl Fn(&T, &T) -> bool,
) -> Pairs {
    // Equal ends are no matter of the table, which keeps it small for long conversations.
    let head = expected.iter().zip(got).take_while(|(a, b)| equal(a, b)).count();
    let tail = expected[head..].iter().rev().zip(got[head..].iter().rev()).take_while(|(a, b)| equal(a, b)).count();
    let (rows, columns) = (expected.len() - tail, got.len() - tail);
    let middle = by_table(&expected[head..rows], &got[head..columns], equal, alike);
    let heads = (0..head).map(|i| (Some(i), Some(i)));
    let middle = middle.into_iter().map(|(i, j)| (i.map(|i| head + i), j.map(|j| head + j)));
    let tails = (0..tail).map(|k| (Some(rows + k), Some(columns + k)));
    heads.chain(middle).chain(tails).collect()
}

fn by_table<T>(expected: &[T], got: &[T], equal: impl Fn(&T, &T) -> bool, alike: impl Fn(&T, &T) -> bool) -> Pairs {
    let (rows, columns) = (expected.len(), got.len());
    // How many items can be paired from a place of either list on.
    let mut table = vec![vec![0_u32; columns + 1]; rows + 1];
    for i in (0..rows).rev() {
        for j in (0..columns).rev() {
            table[i][j] = if equal(&expected[i], &got[j]) {
                table[i + 1][j + 1] + 1
            } else {
                table[i + 1][j].max(table[i][j + 1])
            };
        }
    }
    let mut pairs = Vec::new();
    let (mut i, mut j) = (0, 0);
    let (mut gap_i, mut gap_j) = (0, 0);
    loop {
        let end = i == rows || j == columns;
        if end || equal(&expected[i], &got[j]) {
            let (to_i, to_j) = if end { (rows, columns) } else { (i, j) };
            close_gap(&mut pairs, gap_i..to_i, gap_j..to_j, |a, b| alike(&expected[a], &got[b]));
            if end {
                return pairs;
            }
            pairs.push((Some(i), Some(j)));
            (i, j) = (i + 1, j + 1);
            (gap_i, gap_j) = (i, j);
        } else if table[i + 1][j] == table[i][j] {
            // As much can be paired without this item.
            i += 1;
        } else {
            j += 1;
        }
    }
}

fn close_gap(pairs: &mut Pairs, expected: Range<usize>, got: Range<usize>, alike: impl Fn(usize, usize) -> bool) {
    let mut next = got.start;
    for i in expected {
        if let Some(j) = (next..got.end).find(|&j| alike(i, j)) {
            pairs.extend((next..j).map(|added| (None, Some(added))));
            pairs.push((Some(i), Some(j)));
            next = j + 1;
        } else {
            pairs.push((Some(i), None));
        }
    }
    pairs.extend((next..got.end).map(|added| (None, Some(added))));
}

/// Items that are lost at one place and, equal, added at another.
pub(super) fn moved<T: PartialEq>(
    pairs: &[(Option<usize>, Option<usize>)],
    expected: &[T],
    got: &[T],
) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::new();
    for lost in pairs.iter().filter_map(|pair| if let (Some(i), None) = pair { Some(*i) } else { None }) {
        let added = pairs.iter().filter_map(|pair| if let (None, Some(j)) = pair { Some(*j) } else { None });
        let to = added.into_iter().find(|&j| expected[lost] == got[j] && !out.iter().any(|(_, taken)| *taken == j));
        out.extend(to.map(|j| (lost, j)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every list of up to four of three letters.
    fn lists() -> Vec<Vec<u8>> {
        let mut all: Vec<Vec<u8>> = vec![Vec::new()];
        for from in [0, 1, 4, 13] {
            let longer = all[from..].iter().flat_map(|list| b"abc".map(|letter| [&list[..], &[letter]].concat()));
            all.extend(longer.collect::<Vec<_>>());
        }
        all
    }

    fn longest(a: &[u8], b: &[u8]) -> usize {
        match (a.split_first(), b.split_first()) {
            (Some((one, a_rest)), Some((other, b_rest))) if one == other => 1 + longest(a_rest, b_rest),
            (Some((_, a_rest)), Some((_, b_rest))) => longest(a_rest, b).max(longest(a, b_rest)),
            _ => 0,
        }
    }

    #[test]
    fn as_much_as_can_be_is_paired_in_order() {
        let all = lists();
        assert_eq!(all.len(), 121);
        for a in &all {
            for b in &all {
                let pairs = align(a, b, |x, y| x == y, |_, _| false);
                let paired = pairs.iter().filter(|pair| matches!(pair, (Some(i), Some(j)) if a[*i] == b[*j])).count();
                assert_eq!(paired, longest(a, b), "{a:?} {b:?}: {pairs:?}");
                // Each item once, in its order.
                let left: Vec<usize> = pairs.iter().filter_map(|pair| pair.0).collect();
                let right: Vec<usize> = pairs.iter().filter_map(|pair| pair.1).collect();
                assert_eq!((left, right), ((0..a.len()).collect(), (0..b.len()).collect()), "{a:?} {b:?}");
            }
        }
    }
}
