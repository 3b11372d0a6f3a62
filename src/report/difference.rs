//! A comparison for people: in the terminal, and in Markdown for a pull request.

use std::fmt::Write as _;

use super::compare::Comparison;
use super::markdown::{code, inline};

/// Cases named for one change.
const NAMED: usize = 3;
/// Changes of requests that are shown.
const SHOWN: usize = 12;
/// Lines shown of one of them.
const LINES: usize = 60;

/// The comparison for a terminal.
pub fn difference(comparison: &Comparison) -> String {
    let mut text = String::new();
    for change in &comparison.verdicts {
        let word = match (change.is_worse(), change.is_better()) {
            (true, _) => "worse ",
            (_, true) => "better",
            _ => "      ",
        };
        let _ = writeln!(text, "{word} {}: {} -> {} in {}", change.check, change.from, change.to, cases(&change.cases));
        if !change.reason.is_empty() {
            let _ = writeln!(text, "         {}", change.reason);
        }
    }
    for change in comparison.requests.iter().take(SHOWN) {
        let _ = writeln!(text, "\nrequests of {}", cases(&change.cases));
        for line in shown(&change.diff) {
            let _ = writeln!(text, "  {line}");
        }
    }
    if comparison.requests.len() > SHOWN {
        let _ = writeln!(text, "\nand {} more ways in which requests changed", comparison.requests.len() - SHOWN);
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "{}", headline(comparison));
    text
}

/// The comparison in Markdown.
pub fn difference_markdown(comparison: &Comparison) -> String {
    let mut text = format!("### Crossfade: {}\n\n", inline(&headline(comparison)));
    if !comparison.verdicts.is_empty() {
        text.push_str("| | check | before | after | cases |\n|---|---|---|---|---|\n");
    }
    for change in &comparison.verdicts {
        let word = match (change.is_worse(), change.is_better()) {
            (true, _) => "**worse**",
            (_, true) => "better",
            _ => "",
        };
        let (check, from, to) = (code(&change.check), &change.from, &change.to);
        let named: Vec<String> = change.cases.iter().take(NAMED).map(|case| code(case)).collect();
        let more = change.cases.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(text, "| {word} | {check} | {from} | {to} | {}{more} |", named.join(" "));
    }
    for change in comparison.requests.iter().take(SHOWN) {
        let lines: Vec<&str> = shown(&change.diff).collect();
        let _ = writeln!(
            text,
            "\n<details><summary>requests of {}</summary>\n\n````diff\n{}\n````\n\n</details>",
            cases(&change.cases).replace('&', "&amp;").replace('<', "&lt;"),
            lines.join("\n")
        );
    }
    if comparison.requests.len() > SHOWN {
        let _ = writeln!(text, "\nand {} more ways in which requests changed", comparison.requests.len() - SHOWN);
    }
    text
}

fn headline(comparison: &Comparison) -> String {
    let Comparison { from, to, cases, .. } = comparison;
    let count = |worse: bool| {
        let changes =
            comparison.verdicts.iter().filter(|change| if worse { change.is_worse() } else { change.is_better() });
        changes.map(|change| change.cases.len()).sum::<usize>()
    };
    let changed: usize = comparison.requests.iter().map(|change| change.cases.len()).sum();
    let mut text =
        format!("{from} -> {to}: {cases} cases in both; {} verdicts worse, {} better", count(true), count(false));
    let _ = write!(text, "; requests changed in {changed} cases");
    for (side, only) in [(from, &comparison.only_from), (to, &comparison.only_to)] {
        if !only.is_empty() {
            let _ = write!(text, "; {} cases on {side} alone", only.len());
        }
    }
    text
}

fn cases(ids: &[String]) -> String {
    let named = ids.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if ids.len() > NAMED { format!("{named} and {} more", ids.len() - NAMED) } else { named }
}

fn shown(diff: &str) -> impl Iterator<Item = &str> {
    let more = diff.lines().count() > LINES;
    diff.lines().take(LINES).chain(more.then_some("..."))
}
