//! Which cases run: filters and addresses.

use crate::scenario::Case;

/// A selection of cases by their ids (`scenario[case]`).
///
/// A pattern that is exactly the id of some case selects that case alone; one with `*` or `?` is matched against the
/// whole id; anything else selects every id that contains it.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    patterns: Vec<String>,
}

impl Selection {
    /// Cases that match any of the patterns; all cases if there are none.
    pub fn new(patterns: Vec<String>) -> Self {
        Self { patterns }
    }

    /// The selected cases, in order.
    pub fn apply(&self, cases: Vec<Case>) -> Vec<Case> {
        let ids: Vec<String> = cases.iter().map(Case::id).collect();
        let chosen = self.matches(&ids);
        cases.into_iter().zip(&ids).filter(|(_, id)| chosen.contains(&id.as_str())).map(|(case, _)| case).collect()
    }

    /// The selected ids, in order.
    pub fn matches<'a>(&self, ids: &'a [String]) -> Vec<&'a str> {
        let exact: Vec<bool> = self.patterns.iter().map(|pattern| ids.iter().any(|id| id == pattern)).collect();
        let chosen = |id: &str| {
            self.patterns.is_empty()
                || self.patterns.iter().zip(&exact).any(|(pattern, exact)| match exact {
                    true => id == pattern,
                    false if pattern.contains(['*', '?']) => glob(pattern.as_bytes(), id.as_bytes()),
                    false => id.contains(pattern.as_str()),
                })
        };
        ids.iter().map(String::as_str).filter(|id| chosen(id)).collect()
    }
}

/// `*` stands for anything, `?` for one byte; brackets are themselves, for ids are full of them.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == b'?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            p = at + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::testing::case;

    #[track_caller]
    fn check(patterns: &[&str], expect: &[&str]) {
        let cases =
            vec![case("prefill", "close"), case("prefill", "close,x"), case("prefill-2", "eof"), case("plain", "")];
        let selection = Selection::new(patterns.iter().map(|&pattern| pattern.to_owned()).collect());
        let ids: Vec<_> = selection.apply(cases).iter().map(Case::id).collect();
        assert_eq!(ids, expect);
    }

    #[test]
    fn patterns() {
        check(&[], &["prefill[close]", "prefill[close,x]", "prefill-2[eof]", "plain"]);
        check(&["prefill"], &["prefill[close]", "prefill[close,x]", "prefill-2[eof]"]);
        check(&["prefill[close]"], &["prefill[close]"]);
        check(&["prefill[clo"], &["prefill[close]", "prefill[close,x]"]);
        check(&["*[*e*]"], &["prefill[close]", "prefill[close,x]", "prefill-2[eof]"]);
        check(&["prefill-?[eof]", "plain"], &["prefill-2[eof]", "plain"]);
        check(&["nothing"], &[]);
    }
}
