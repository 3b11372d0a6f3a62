//! Bringing a baseline file up to what a run found, with every reason and comment that still holds.

use std::collections::BTreeSet;

use super::{Baseline, Known};
use crate::diagnostic::Diagnostic;

/// A baseline file as a run leaves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Updated {
    /// The file's new text.
    pub text: String,
    /// Entries that were added.
    pub added: usize,
    /// Entries that were taken out.
    pub removed: usize,
}

/// The file without its stale entries, with an entry for each new failure at its end.
///
/// `stale` and `failed` are addresses; `reason` is what the new entries say until someone knows better. An error is one of
/// the text: it does not load.
pub fn update(
    name: &str,
    text: &str,
    stale: &BTreeSet<String>,
    failed: &BTreeSet<String>,
    reason: &str,
) -> Result<Updated, Diagnostic> {
    let baseline = Baseline::load_text(name, text)?;
    let lines: Vec<&str> = text.lines().collect();
    let starts: Vec<usize> = baseline.entries.iter().map(|known| known.line - 1).collect();
    let mut kept: Vec<&str> = Vec::new();
    let first = starts.first().copied().unwrap_or(lines.len());
    // An empty baseline is written `[]`, beside which nothing can be listed.
    kept.extend(lines[..first].iter().filter(|line| line.trim() != "[]"));
    let mut removed = 0;
    for (at, known) in baseline.entries.iter().enumerate() {
        let end = starts.get(at + 1).copied().unwrap_or(lines.len());
        if stale.contains(&known.address) {
            removed += 1;
            // Comments in front of the next entry belong to it.
            let own = lines[starts[at]..end].iter().rposition(|line| !is_comment(line)).map_or(0, |last| last + 1);
            kept.extend(&lines[starts[at] + own..end]);
        } else {
            kept.extend(&lines[starts[at]..end]);
        }
    }
    let new: Vec<Known> = failed
        .iter()
        .filter(|address| baseline.entries.iter().all(|known| known.address != **address))
        .map(|address| Known { address: address.clone(), reason: reason.to_owned(), line: 0 })
        .collect();
    let added = new.len();
    let entries = Baseline { entries: new }.to_text();
    let mut text = kept.join("\n");
    if !kept.is_empty() {
        text.push('\n');
    }
    if removed == baseline.entries.len() && added == 0 {
        text.push_str("[]\n");
    } else if added > 0 {
        // The heading is there already, unless the file is new.
        let from = if text.trim().is_empty() { 0 } else { entries.find('\n').map_or(0, |at| at + 1) };
        text.push_str(&entries[from..]);
    }
    Ok(Updated { text, added, removed })
}

fn is_comment(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, stale: &[&str], failed: &[&str], expect: &str) {
        let set = |addresses: &[&str]| addresses.iter().map(|each| (*each).to_owned()).collect();
        let updated =
            update("b.yaml", text, &set(stale), &set(failed), "new").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(updated.text, expect);
        assert_eq!((updated.removed, updated.added), (stale.len(), failed.len()));
        Baseline::load_text("b.yaml", &updated.text).unwrap_or_else(|error| panic!("{error}"));
    }

    #[test]
    fn reasons_and_comments_stay() {
        let text = "# Ours.\n- s[a]/route.reached: one\n# About the next.\n- s[b]/route.reached:\n    two\n- t/route.reached: three\n";
        check(text, &[], &[], text);
        check(
            text,
            &["s[a]/route.reached"],
            &["s[c]/stream.text"],
            "# Ours.\n# About the next.\n- s[b]/route.reached:\n    two\n- t/route.reached: three\n- \"s[c]/stream.text\": new\n",
        );
        check(
            text,
            &["s[b]/route.reached"],
            &[],
            "# Ours.\n- s[a]/route.reached: one\n# About the next.\n- t/route.reached: three\n",
        );
    }

    #[test]
    fn an_empty_baseline_is_filled_and_a_full_one_emptied() {
        check("# Ours.\n[]\n", &[], &["s/route.reached"], "# Ours.\n- s/route.reached: new\n");
        check("- s/route.reached: one\n", &["s/route.reached"], &[], "[]\n");
        let made = "# Verdicts that are known to fail, each with its reason.\n- s/route.reached: new\n";
        check("", &[], &["s/route.reached"], made);
    }
}
