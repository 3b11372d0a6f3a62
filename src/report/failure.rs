//! The block that a failed case prints: requirement, requests, what the client saw, the place, how to repeat it.

use std::fmt::Write as _;

use super::{client, requests};
use crate::check::{Value, info};
use crate::diagnostic::SourceFile;
use crate::runner::CaseReport;

/// The block of a case that failed or could not be judged.
pub fn block(report: &CaseReport) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{} {}", report.word(), report.case.id());
    if let Some(summary) = &report.case.summary {
        let _ = writeln!(text, "  {summary}");
    }
    text.push('\n');
    for judged in &report.verdicts {
        let verdict = &judged.verdict;
        let (word, why) = match &verdict.value {
            Value::Fail => ("fail", verdict.reason.as_str()),
            Value::Inconclusive(why) => {
                ("inconclusive", if verdict.reason.is_empty() { why.as_str() } else { &verdict.reason })
            }
            _ => continue,
        };
        let _ = writeln!(
            text,
            "  {word} {} ({}) {}",
            verdict.check,
            level(verdict.level),
            info(&verdict.check).map_or("", |info| info.requirement)
        );
        if !why.is_empty() {
            let _ = writeln!(text, "    {why}");
        }
        if let Some(differing) = report.plays.differing.iter().find(|each| each.check == verdict.check) {
            let _ = writeln!(text, "    flaky: {} of {} plays", differing.told(), report.plays.count);
        }
        if let Some(known) = &judged.known {
            let _ = writeln!(text, "    in the baseline: {known}");
        }
        let first = report.flaky.iter().find(|first| first.check == verdict.check);
        if let Some(first) = first {
            let _ = writeln!(text, "    flaky: under load it was `{}`", first.value.name());
        }
    }
    for differing in &report.plays.differing {
        let told = report.verdicts.iter().find(|judged| judged.verdict.check == differing.check);
        if told.is_some_and(|judged| !matches!(judged.verdict.value, Value::Fail | Value::Inconclusive(_))) {
            let _ = writeln!(text, "  flaky {}: {} of {} plays", differing.check, differing.told(), report.plays.count);
        }
    }
    for first in &report.flaky {
        if let Some(now) = report.verdicts.iter().find(|judged| judged.verdict.check == first.check)
            && !matches!(now.verdict.value, Value::Fail | Value::Inconclusive(_))
        {
            let now = now.verdict.value.name();
            let _ = writeln!(
                text,
                "  flaky {}: `{}` under load, `{now}` when repeated alone",
                first.check,
                first.value.name()
            );
        }
    }
    if let Some(history) = &report.history {
        let _ = write!(text, "\nwhat the legs got\n{}", requests::show(history));
        let _ = write!(text, "\nwhat the client saw\n{}", client::show(history, &report.texts));
        if !history.strays.is_empty() {
            let _ = writeln!(text, "\nstrays");
            for stray in &history.strays {
                let request = &stray.request;
                let _ = writeln!(text, "  {} {} at {}: {}", request.method, request.target, stray.place, stray.reason);
            }
        }
    }
    text.push('\n');
    place(&mut text, &report.case.file, report.case.line, report.source.as_ref());
    let _ = writeln!(text, "repeat: {}", report.repeat);
    if let Some(kept) = &report.kept {
        let _ = writeln!(text, "kept:   {}", kept.display());
    }
    text
}

fn level(level: crate::check::Level) -> &'static str {
    match level {
        crate::check::Level::Must => "MUST",
        crate::check::Level::Should => "SHOULD",
    }
}

/// The scenario's line with a caret under it.
fn place(text: &mut String, file: &str, line: usize, source: Option<&SourceFile>) {
    let code = source.and_then(|source| source.text().lines().nth(line.saturating_sub(1)));
    let Some(code) = code else {
        let _ = writeln!(text, "--> {file}:{line}");
        return;
    };
    let blanks = code.chars().take_while(|c| *c == ' ').count();
    let length = code.trim().chars().count().max(1);
    let gutter = " ".repeat(line.to_string().len());
    let _ = writeln!(text, "{gutter}--> {file}:{line}:{}", blanks + 1);
    let _ = writeln!(text, "{gutter} |\n{line} | {code}\n{gutter} | {}{}", " ".repeat(blanks), "^".repeat(length));
}
