//! The report as one HTML file that needs nothing else: no server, no network.
//!
//! The page is data and a small script that shows it: what is not looked at is not built, so that a page of many
//! thousand verdicts opens at once.

mod detail;

use std::collections::BTreeMap;

use serde::Serialize;

pub use detail::{Detail, detail};

use super::json::{Case, CaseVerdict, Proxy, Report, Summary};
use crate::check::{CATALOGUE, Level};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// One run on the page: its report, and what is shown of its cases, by id.
#[derive(Clone, Debug)]
pub struct Shown<'r> {
    /// The report.
    pub report: &'r Report,
    /// What is shown of its cases.
    pub details: &'r BTreeMap<String, Detail>,
}

/// The page of one or more runs.
pub fn html(runs: &[Shown<'_>]) -> String {
    let data = Data {
        checks: CATALOGUE
            .iter()
            .map(|info| Check {
                id: info.id,
                level: info.level,
                requirement: info.requirement,
                rationale: info.rationale,
                passes: info.passes,
                fails: info.fails,
            })
            .collect(),
        runs: runs.iter().map(run).collect(),
    };
    // The types have text keys alone: writing them cannot fail. No text can end the element that holds the data.
    let data = serde_json::to_string(&data).unwrap_or_default().replace('<', "\\u003c");
    let labels: Vec<String> = runs.iter().map(|run| escaped(&run.report.proxy.label())).collect();
    let parts = [("{{title}}", labels.join(", ")), ("{{style}}", STYLE.to_owned()), ("{{script}}", SCRIPT.to_owned())];
    let page = parts.iter().fold(PAGE.to_owned(), |page, (mark, text)| page.replacen(mark, text, 1));
    page.replacen("{{data}}", &data, 1)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[derive(Serialize)]
struct Data<'r> {
    checks: Vec<Check>,
    runs: Vec<Run<'r>>,
}

#[derive(Serialize)]
struct Check {
    id: &'static str,
    level: Level,
    requirement: &'static str,
    rationale: &'static str,
    passes: &'static str,
    fails: &'static str,
}

#[derive(Serialize)]
struct Run<'r> {
    label: String,
    crossfade: &'r str,
    proxy: &'r Proxy,
    summary: &'r Summary,
    cases: Vec<ShownCase<'r>>,
}

#[derive(Serialize)]
struct ShownCase<'r> {
    scenario: &'r str,
    id: String,
    file: &'r str,
    line: usize,
    word: &'r str,
    outcome: Option<String>,
    skipped: Option<&'r str>,
    kept: Option<&'r str>,
    repeat: &'r str,
    took: u64,
    /// A letter for each check, in the order of `checks`.
    letters: String,
    /// What there is to say about a verdict, by the check's id.
    why: BTreeMap<&'r str, &'r CaseVerdict>,
    flaky: Vec<&'r str>,
    plays: usize,
    /// Checks that differed from play to play, each with its counts in words.
    differing: BTreeMap<&'r str, String>,
    detail: Option<&'r Detail>,
}

fn run<'r>(run: &Shown<'r>) -> Run<'r> {
    let report = run.report;
    Run {
        label: report.proxy.label(),
        crossfade: &report.crossfade,
        proxy: &report.proxy,
        summary: &report.summary,
        cases: report.cases.iter().map(|case| shown(case, run.details)).collect(),
    }
}

fn shown<'r>(case: &'r Case, details: &'r BTreeMap<String, Detail>) -> ShownCase<'r> {
    let verdicts: BTreeMap<&str, &CaseVerdict> =
        case.verdicts.iter().map(|verdict| (verdict.check.as_str(), verdict)).collect();
    let letters = CATALOGUE.iter().map(|info| verdicts.get(info.id).map_or('.', |verdict| letter(verdict))).collect();
    // That nothing happened, or that all is well, needs no words; a skipped case says why once.
    let says = |verdict: &CaseVerdict| match verdict.verdict.as_str() {
        "pass" => !verdict.reason.is_empty(),
        "not-exercised" => false,
        "skip" => case.skipped.is_none(),
        _ => true,
    };
    let id = case.id();
    ShownCase {
        scenario: &case.scenario,
        file: &case.file,
        line: case.line,
        word: &case.word,
        outcome: case.outcome.map(crate::scenario::Outcome::name),
        skipped: case.skipped.as_deref(),
        kept: case.kept.as_deref(),
        repeat: &case.repeat,
        took: case.took_ms,
        letters,
        why: verdicts.into_iter().filter(|(_, verdict)| says(verdict)).collect(),
        plays: case.plays,
        differing: case.differing.iter().map(|each| (each.check.as_str(), each.told())).collect(),
        flaky: case.flaky.iter().map(|verdict| verdict.check.as_str()).collect(),
        detail: details.get(&id),
        id,
    }
}

/// `k` is a failure that the baseline knows.
fn letter(verdict: &CaseVerdict) -> char {
    match verdict.verdict.as_str() {
        "pass" => 'p',
        "fail" if verdict.known.is_some() => 'k',
        "fail" => 'f',
        "warn" => 'w',
        "skip" => 's',
        "inconclusive" => 'i',
        _ => 'n',
    }
}
