//! The report in Markdown: for a job summary, or a comment on a pull request.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::json::{Case, Report};
use crate::check::info;

/// Failed cases that are told in full; job summaries and comments are limited.
const TOLD: usize = 40;

/// The report in Markdown.
pub fn markdown(report: &Report) -> String {
    let mut text = format!("### Crossfade on {}: {}\n\n", report.proxy.label(), headline(report));
    if let Some(why) = &report.summary.proxy_down {
        let _ = writeln!(text, "The proxy could not be used: {}\n", inline(why));
    }
    counts(&mut text, report);
    failures(&mut text, report);
    flaky(&mut text, report);
    listed(&mut text, "Baseline entries that fail no more: remove them", report.summary.stale.iter());
    let changed = report.snapshots.iter().filter(|snapshot| snapshot.state == "changed");
    listed(&mut text, "Snapshots that changed (`crossfade review`)", changed.map(|snapshot| &snapshot.path));
    reasons(&mut text, "Not run", &report.summary.skips);
    reasons(&mut text, "Could not be judged", &report.summary.inconclusive);
    text
}

/// What the run came to, in a few words.
fn headline(report: &Report) -> String {
    let of = |word: &str| report.summary.cases.get(word).copied().unwrap_or_default();
    let failed = of("FAIL");
    match report.summary.exit {
        0 => "all as expected".to_owned(),
        _ if failed > 0 => format!("{failed} case{} failed", plural(failed)),
        1 => "not as accepted".to_owned(),
        4 => "nothing was judged".to_owned(),
        5 => "inconclusive".to_owned(),
        6 => "the proxy could not be used".to_owned(),
        130 => "interrupted".to_owned(),
        code => format!("exit code {code}"),
    }
}

fn counts(text: &mut String, report: &Report) {
    let cases: Vec<String> = report.summary.cases.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let verdicts: Vec<String> =
        report.summary.verdicts.iter().map(|(value, count)| format!("{count} {value}")).collect();
    let _ = writeln!(text, "Cases: {}. Verdicts: {}.", joined(&cases), joined(&verdicts));
    let how = report.proxy.told();
    let how = if how.is_empty() { how } else { format!(", {}", inline(&how)) };
    let _ = writeln!(text, "Seed `{}`, Crossfade {}{how}.\n", report.summary.seed, report.crossfade);
}

fn joined(parts: &[String]) -> String {
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

fn failures(text: &mut String, report: &Report) {
    let failed: Vec<&Case> =
        report.cases.iter().filter(|case| ["FAIL", "inconclusive"].contains(&&*case.word)).collect();
    if failed.is_empty() {
        return;
    }
    text.push_str("| check | cases | requirement |\n|---|---|---|\n");
    let mut checks: BTreeMap<&str, usize> = BTreeMap::new();
    for verdict in failed.iter().flat_map(|case| case.telling()) {
        *checks.entry(&verdict.check).or_default() += 1;
    }
    for (check, count) in checks {
        let requirement = info(check).map_or("", |info| info.requirement);
        let _ = writeln!(text, "| `{check}` | {count} | {} |", inline(requirement));
    }
    text.push('\n');
    for case in failed.iter().take(TOLD) {
        told(text, case);
    }
    if failed.len() > TOLD {
        let _ = writeln!(text, "\n... and {} more cases.\n", failed.len() - TOLD);
    }
}

/// Cases of which one play was not like the other.
fn flaky(text: &mut String, report: &Report) {
    let cases: Vec<&Case> = report.cases.iter().filter(|case| !case.differing.is_empty()).collect();
    if cases.is_empty() {
        return;
    }
    text.push_str("Flaky, different verdicts on the same case:\n\n");
    for case in cases.iter().take(TOLD) {
        let checks = case.differing.iter().map(|each| format!("{} ({})", code(&each.check), each.told()));
        let checks = checks.collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "- {} in {} plays: {checks}", code(&case.id()), case.plays);
    }
    if cases.len() > TOLD {
        let _ = writeln!(text, "- ... and {} more", cases.len() - TOLD);
    }
    text.push('\n');
}

fn told(text: &mut String, case: &Case) {
    let checks: Vec<&str> = case.telling().map(|verdict| verdict.check.as_str()).collect();
    let _ = writeln!(
        text,
        "<details><summary>{} <code>{}</code>: {}</summary>\n",
        case.word,
        html(&case.id()),
        checks.join(", ")
    );
    for verdict in case.telling() {
        let _ = writeln!(text, "- **{}** {}", verdict.check, inline(&verdict.reason));
        for evidence in &verdict.evidence {
            let side =
                |name: &str, value: &Option<String>| value.as_ref().map(|value| format!(" {name} {}", code(value)));
            let path = evidence.path.as_ref().map(|path| format!(" {}", code(path))).unwrap_or_default();
            let sides = [side("expected", &evidence.expected), side("got", &evidence.got)];
            let sides: String = sides.into_iter().flatten().collect();
            let _ = writeln!(text, "  - {}{path}:{sides}", evidence.exchange);
        }
    }
    let _ = writeln!(text, "- `{}:{}`\n- repeat: {}\n\n</details>\n", case.file, case.line, code(&case.repeat));
}

fn listed<'t>(text: &mut String, title: &str, entries: impl Iterator<Item = &'t String>) {
    let entries: Vec<&String> = entries.collect();
    if entries.is_empty() {
        return;
    }
    let _ = writeln!(text, "{title}:\n");
    for entry in entries.iter().take(TOLD) {
        let _ = writeln!(text, "- {}", code(entry));
    }
    if entries.len() > TOLD {
        let _ = writeln!(text, "- ... and {} more", entries.len() - TOLD);
    }
    text.push('\n');
}

fn reasons(text: &mut String, title: &str, reasons: &BTreeMap<String, usize>) {
    if reasons.is_empty() {
        return;
    }
    let _ = writeln!(text, "<details><summary>{title}: {}</summary>\n", reasons.values().sum::<usize>());
    for (reason, count) in reasons {
        let _ = writeln!(text, "- {count} x {}", inline(reason));
    }
    text.push_str("\n</details>\n\n");
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// A text in running Markdown: what stands between backticks is code, nothing else is taken for markup.
pub(super) fn inline(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    let pieces: Vec<&str> = text.split('`').collect();
    if pieces.len().is_multiple_of(2) {
        return plain(&text);
    }
    let piece = |(at, piece): (usize, &&str)| if at % 2 == 0 { plain(piece) } else { format!("`{piece}`") };
    pieces.iter().enumerate().map(piece).collect()
}

fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => safe.push_str("&lt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => safe.extend(['\\', letter]),
            _ => safe.push(letter),
        }
    }
    safe
}

/// A text as code: fenced by more backticks than it has in a row.
pub(super) fn code(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
