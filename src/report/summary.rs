//! The last lines of a run.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::baseline::Tally;
use crate::runner::Summary;

/// Reasons shown; further ones are counted.
const MOST: usize = 12;

/// The summary; the last line is the one that counts.
pub fn summary(summary: &Summary) -> String {
    let mut text = String::new();
    reasons(&mut text, "skipped", &summary.skips);
    reasons(&mut text, "inconclusive", &summary.inconclusive);
    if !summary.bundled {
        reasons(&mut text, "named, and not judged", &summary.unjudged);
        for (check, _) in summary.named.iter().filter(|(_, judged)| !**judged) {
            let _ = writeln!(text, "named, and judged in none of these cases: {check}");
        }
    }
    reasons(&mut text, "control failed", &summary.controls);
    for Tally { address, reason, .. } in summary.stale() {
        let _ = writeln!(text, "stale baseline entry, it no longer fails: {address} ({reason})");
    }
    if !summary.flaky.is_empty() {
        let (shown, more) = (summary.flaky.iter().take(MOST), summary.flaky.len().saturating_sub(MOST));
        let names = shown.map(String::as_str).collect::<Vec<_>>().join(" ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(text, "flaky, different verdicts on the same case: {names}{more}");
    }
    if summary.strays > 0 {
        let _ = writeln!(text, "strays: {} requests fitted no running case", summary.strays);
    }
    let open =
        summary.snapshots.get("new").copied().unwrap_or(0) + summary.snapshots.get("changed").copied().unwrap_or(0);
    if open > 0 {
        let counts = list(&summary.snapshots, &["changed", "missing", "new", "unchanged", "written"]);
        let _ = writeln!(text, "snapshots: {counts}; look at them with `crossfade review`");
    }
    if summary.deaths > 0 {
        let _ = writeln!(text, "the proxy died or hung {} x and was started again", summary.deaths);
    }
    if let Some(why) = &summary.proxy_down {
        let _ = writeln!(text, "the proxy could not be used: {why}");
    }
    if summary.interrupted {
        text.push_str("interrupted: only what was done so far is counted\n");
    }
    if summary.swept > 0 {
        let rate = summary.swept as f64 / summary.took.as_secs_f64().max(0.001);
        let points = if summary.swept == 1 { "point" } else { "points" };
        let _ = writeln!(text, "sweeps: {} {points}, {rate:.0} cases/s", summary.swept);
    }
    let what = if summary.bundled {
        format!("bundled suite on {}", summary.proxy.label())
    } else {
        format!("on {}", summary.proxy.label())
    };
    let total: usize = summary.cases.values().sum();
    let order = ["FAIL", "inconclusive", "known", "warn", "pass", "none", "skip"];
    let cases = list(&summary.cases, &order).replace("FAIL", "failed").replace("none", "without verdict");
    let verdicts = list(&summary.verdicts, &["fail", "warn", "pass"]);
    let took = summary.took.as_secs_f64();
    let colon = if cases.is_empty() { "" } else { ": " };
    let judged = if verdicts.is_empty() { "nothing judged".to_owned() } else { format!("verdicts: {verdicts}") };
    let plural = if total == 1 { "case" } else { "cases" };
    let exit = summary.exit();
    let _ = write!(text, "{what}: {total} {plural}{colon}{cases}; {judged}; {took:.1} s");
    let _ = writeln!(text, "; exit {} ({})", exit.code(), exit.meaning());
    text
}

fn reasons(text: &mut String, what: &str, reasons: &BTreeMap<String, usize>) {
    let mut sorted: Vec<_> = reasons.iter().collect();
    sorted.sort_by(|(a, n), (b, m)| m.cmp(n).then(a.cmp(b)));
    for (reason, count) in sorted.iter().take(MOST) {
        let _ = writeln!(text, "{what}: {count} x {reason}");
    }
    if sorted.len() > MOST {
        let _ = writeln!(text, "{what}: and {} more reasons", sorted.len() - MOST);
    }
}

fn list(counts: &BTreeMap<String, usize>, order: &[&str]) -> String {
    let present = order.iter().filter_map(|word| counts.get(*word).map(|count| format!("{count} {word}")));
    present.collect::<Vec<_>>().join(", ")
}
