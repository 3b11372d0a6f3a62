//! The catalogue of reported bugs: each is shown by a scenario and mimicked by a defect, or says why it cannot be.
//! `scenarios/README.md` is the table, with what the installed proxies do; `CROSSFADE_UPDATE=1` writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crossfade::builtin::Defect;
use crossfade::check;
use serde::Deserialize;

use crate::matrix::{matrix, skipped};
use crate::real;
use crate::support::{Run, alone, real_alone, root, thorough};

/// A reported bug.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    row: u8,
    bug: String,
    sources: Vec<String>,
    /// The scenario that shows it, as a path below `scenarios/`.
    scenario: Option<String>,
    /// The checks of it that do.
    #[serde(default)]
    checks: Vec<String>,
    /// Why traffic alone cannot show it.
    cannot: Option<String>,
}

impl Report {
    /// The name of the scenario, as cases have it.
    fn name(&self) -> Option<&str> {
        self.scenario.as_deref().map(|path| path.rsplit('/').next().unwrap_or(path))
    }

    fn defects(&self) -> impl Iterator<Item = Defect> {
        Defect::ALL.iter().copied().filter(|defect| defect.rows().contains(&self.row))
    }
}

fn rows() -> Vec<Report> {
    serde_yaml::from_str(include_str!("catalogue.yaml")).expect("the catalogue loads")
}

#[test]
fn every_report_has_its_row() {
    let rows = rows();
    assert_eq!(rows.iter().map(|row| row.row).collect::<Vec<_>>(), (1..=54).collect::<Vec<_>>());
    for row in &rows {
        assert!(!row.bug.is_empty() && !row.sources.is_empty(), "{row:?}");
        assert_ne!(row.scenario.is_some(), row.cannot.is_some(), "{row:?}");
        assert_eq!(row.scenario.is_some(), !row.checks.is_empty(), "{row:?}");
        for check in &row.checks {
            assert!(check::info(check).is_some(), "{row:?}");
        }
        if let Some(path) = &row.scenario {
            assert!(root().join("scenarios").join(format!("{path}.yaml")).is_file(), "{row:?}");
            assert!(row.defects().next().is_some(), "no defect mimics {row:?}");
        }
    }
    let known: BTreeSet<u8> = rows.iter().map(|row| row.row).collect();
    let named: BTreeSet<u8> = Defect::ALL.iter().flat_map(|defect| defect.rows()).copied().collect();
    assert!(named.is_subset(&known), "defects of rows that there are not: {:?}", &named - &known);
}

#[test]
fn each_row_is_shown_by_a_defect_that_mimics_it() {
    if !thorough() {
        return skipped("catalogue::each_row_is_shown_by_a_defect_that_mimics_it");
    }
    let _alone = alone();
    let shows = |row: &Report, defect: Defect| {
        let failed = &matrix()[defect.name()];
        let in_scenario =
            |check: &String| failed.get(check).is_some_and(|all| all.iter().any(|s| Some(s.as_str()) == row.name()));
        row.checks.iter().any(in_scenario)
    };
    let never: Vec<_> = rows()
        .into_iter()
        .filter(|row| row.scenario.is_some() && !row.defects().any(|defect| shows(row, defect)))
        .map(|row| (row.row, row.scenario, row.checks))
        .collect();
    assert!(never.is_empty(), "no defect that mimics them fails these: {never:#?}");
}

#[test]
fn the_table_is_fresh() {
    let _alone = real_alone();
    let Some(runs) = real::whole() else { return };
    let text = page(&rows(), runs);
    let path = root().join("scenarios/README.md");
    if std::env::var_os("CROSSFADE_UPDATE").is_some() {
        std::fs::write(&path, &text).expect("it is written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let differ: Vec<_> = text.lines().filter(|line| !found.lines().any(|old| old == *line)).collect();
    assert!(found == text, "scenarios/README.md is stale: run with CROSSFADE_UPDATE=1\n{differ:#?}");
}

const HEAD: &str = "\
# The bundled scenarios, and the bugs that they show

Each row is a bug of a gateway that was reported (or measured). The scenario shows it on any proxy: its checks fail where
the bug is there. The defects are ways of the reference proxy to have that bug (`crossfade run --defect NAME`). The last
columns say what the proxies do that the tests install: `fails` and `warns` with the check, `passes`, `-` where nothing
happened that the check is about, or `cannot` where a proxy cannot be set up for the scenario.

This page is generated from `tests/it/catalogue.yaml` and from the runs of the tests.
";

fn page(rows: &[Report], runs: &[(&str, Run)]) -> String {
    let mut text = HEAD.to_owned();
    let proxies: Vec<&str> = runs.iter().map(|(proxy, _)| *proxy).collect();
    let columns = ["#", "bug", "scenario", "checks", "defects"].into_iter().chain(proxies);
    let columns: Vec<&str> = columns.collect();
    let _ = writeln!(text, "\n| {} |\n|{}", columns.join(" | "), "---|".repeat(columns.len()));
    for row in rows {
        let sources = row.sources.iter().enumerate().map(|(n, source)| link(n + 1, source));
        let bug = format!("{} ({})", row.bug, sources.collect::<Vec<_>>().join(", "));
        let mut cells = vec![row.row.to_string(), bug];
        match (&row.scenario, &row.cannot) {
            (Some(path), _) => {
                cells.push(format!("[{path}]({path}.yaml)"));
                cells.push(row.checks.join(", "));
                cells.push(row.defects().map(Defect::name).collect::<Vec<_>>().join(", "));
                cells.extend(runs.iter().map(|(_, run)| state(row, run)));
            }
            (None, cannot) => {
                cells.push(format!("*{}*", cannot.as_deref().unwrap_or_default()));
                cells.extend(std::iter::repeat_n(String::new(), runs.len() + 2));
            }
        }
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

fn link(n: usize, source: &str) -> String {
    match (source.strip_prefix("LL/"), source.starts_with("https://")) {
        (Some(path), _) => format!("[{n}](https://github.com/BerriAI/litellm/{path})"),
        (None, true) => format!("[{n}]({source})"),
        (None, false) => source.to_owned(),
    }
}

/// What a proxy does in a row's scenario.
fn state(row: &Report, run: &Run) -> String {
    let name = row.name().unwrap_or_default();
    let cells: Vec<_> = run.cells().into_iter().filter(|cell| cell.scenario == name).collect();
    let judged = |cell: &&crate::support::Cell| row.checks.contains(&cell.check);
    for (verdict, word) in [("fail", "**fails**"), ("warn", "warns"), ("inconclusive", "inconclusive:")] {
        let found: BTreeSet<&str> = cells
            .iter()
            .filter(judged)
            .filter(|cell| cell.verdict == verdict)
            .map(|cell| cell.check.as_str())
            .collect();
        if !found.is_empty() {
            return format!("{word} {}", found.into_iter().collect::<Vec<_>>().join(", "));
        }
    }
    if cells.iter().filter(judged).any(|cell| cell.verdict == "pass") {
        return "passes".to_owned();
    }
    if run.all_skipped(name) { "cannot".to_owned() } else { "-".to_owned() }
}
