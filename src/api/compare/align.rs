//! Pairing two lists.

use std::ops::Range;

/// Pairs two lists: equal items by their longest common subsequence, then, inside each gap, items that are `alike`.
pub(super) fn align<T>(
    expected: &[T],
    got: &[T],
    equal: impl Fn(&T, &T) -> bool,
    alike: impl Fn(&T, &T) -> bool,
) -> Vec<(Option<usize>, Option<usize>)> {
    // Equal ends are no matter of the table, which keeps it small for long conversations.
    let head = expected.iter().zip(got).take_while(|(a, b)| equal(a, b)).count();
    let tail = expected[head..].iter().rev().zip(got[head..].iter().rev()).take_while(|(a, b)| equal(a, b)).count();
    let (rows, columns) = (expected.len() - tail, got.len() - tail);
    let width = columns - head + 1;
    let mut table = vec![0_u32; (rows - head + 1) * width];
    let cell = |i: usize, j: usize| (i - head) * width + (j - head);
    for i in (head..rows).rev() {
        for j in (head..columns).rev() {
            table[cell(i, j)] = if equal(&expected[i], &got[j]) {
                table[cell(i + 1, j + 1)] + 1
            } else {
                table[cell(i + 1, j)].max(table[cell(i, j + 1)])
            };
        }
    }
    let mut pairs: Vec<_> = (0..head).map(|i| (Some(i), Some(i))).collect();
    let (mut i, mut j) = (head, head);
    let (mut gap_i, mut gap_j) = (head, head);
    loop {
        let end = i == rows || j == columns;
        if end || equal(&expected[i], &got[j]) {
            let (to_i, to_j) = if end { (rows, columns) } else { (i, j) };
            close_gap(&mut pairs, gap_i..to_i, gap_j..to_j, |a, b| alike(&expected[a], &got[b]));
            if end {
                break;
            }
            pairs.push((Some(i), Some(j)));
            (i, j) = (i + 1, j + 1);
            (gap_i, gap_j) = (i, j);
        } else if table[cell(i + 1, j)] >= table[cell(i, j + 1)] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs.extend((0..tail).map(|k| (Some(rows + k), Some(columns + k))));
    pairs
}

fn close_gap(
    pairs: &mut Vec<(Option<usize>, Option<usize>)>,
    expected: Range<usize>,
    got: Range<usize>,
    alike: impl Fn(usize, usize) -> bool,
) {
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
