//! The kill matrix: each defect of the reference proxy over the whole bundled suite. Every check is proved both ways by
//! it: the clean proxy passes (see `bundled`), and a defect fails exactly what it names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use crossfade::builtin::Defect;
use crossfade::check::CATALOGUE;

use crate::support::{alone, root, run, thorough};

/// Runs at a time: most of a run is waiting.
const BESIDE: usize = 10;
/// A plain `cargo test` takes one defect of so many.
const SLICE: usize = 15;

/// The scenarios in which a check failed.
pub(crate) type Failed = BTreeMap<String, BTreeSet<String>>;

/// The defects whose runs are looked at.
fn defects() -> Vec<Defect> {
    Defect::ALL.iter().copied().step_by(if thorough() { 1 } else { SLICE }).collect()
}

/// What fails under each defect. Warnings count: a check that only recommends fails no proxy in any other way.
pub(crate) fn matrix() -> &'static BTreeMap<&'static str, Failed> {
    static MATRIX: OnceLock<BTreeMap<&'static str, Failed>> = OnceLock::new();
    MATRIX.get_or_init(|| {
        let defects = defects();
        let (next, matrix) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
        std::thread::scope(|scope| {
            for _ in 0..BESIDE {
                scope.spawn(|| {
                    while let Some(defect) = defects.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let failed = failed(*defect);
                        matrix.lock().expect("no run panics").insert(defect.name(), failed);
                    }
                });
            }
        });
        matrix.into_inner().expect("no run panics")
    })
}

fn failed(defect: Defect) -> Failed {
    let args = ["--policy", defect.policy(), "--defect", defect.name(), "--strict"];
    let run = run(&format!("defect-{}", defect.name()), &args);
    assert_eq!(run.code, 1, "{}: {}", defect.name(), run.told());
    let mut failed = Failed::new();
    for cell in run.cells().into_iter().filter(|cell| cell.verdict == "fail") {
        failed.entry(cell.check).or_default().insert(cell.scenario);
    }
    failed
}

#[test]
fn each_defect_fails_exactly_what_it_names() {
    let _alone = alone();
    let wrong: Vec<String> = defects()
        .into_iter()
        .filter_map(|defect| {
            let named: BTreeSet<String> = defect.fails().iter().map(ToString::to_string).collect();
            let failed: BTreeSet<String> = matrix()[defect.name()].keys().cloned().collect();
            let (missing, extra) = (&named - &failed, &failed - &named);
            let where_: Vec<_> = extra.iter().map(|check| (check, &matrix()[defect.name()][check])).collect();
            (named != failed).then(|| format!("{defect}: never failed {missing:?}, failed besides {where_:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_check_is_failed_by_a_defect() {
    // What a defect says that it fails, it fails: see above.
    let failed: BTreeSet<&str> = Defect::ALL.iter().flat_map(|defect| defect.fails()).copied().collect();
    let never: Vec<_> = CATALOGUE.iter().map(|info| info.id).filter(|id| !failed.contains(id)).collect();
    assert!(never.is_empty(), "no defect fails {never:?}");
}

#[test]
fn every_scenario_is_failed_by_a_defect() {
    if !thorough() {
        return skipped("matrix::every_scenario_is_failed_by_a_defect");
    }
    let _alone = alone();
    let failed: BTreeSet<&String> = matrix().values().flat_map(BTreeMap::values).flatten().collect();
    let cases = crossfade::scenario::load_bundled().expect("the bundled suite loads");
    let never: BTreeSet<String> =
        cases.into_iter().map(|case| case.scenario).filter(|scenario| !failed.contains(scenario)).collect();
    assert!(never.is_empty(), "no defect fails {never:?}");
}

/// Says that a test was skipped that needs every defect over the whole suite.
pub(crate) fn skipped(name: &str) {
    let why = "set CROSSFADE_TEST_BIN to a release build";
    writeln!(std::io::stderr(), "SKIPPED {name}: {why}").expect("stderr takes it");
}

/// The matrix as a page: what each defect fails is proved by the test above.
#[test]
fn the_page_is_fresh() {
    let mut text = "# The kill matrix\n\nWhich defects of the reference proxy fail each check. This page is generated; the \
                    tests run every defect over\nthe whole bundled suite and hold it to this.\n\n| check | defects |\n|---|---|\n"
        .to_owned();
    for info in CATALOGUE {
        let defects = Defect::ALL.iter().filter(|defect| defect.fails().contains(&info.id)).map(|defect| defect.name());
        let _ = writeln!(text, "| {} | {} |", info.id, defects.collect::<Vec<_>>().join(", "));
    }
    let path = root().join("src/builtin/defect/MATRIX.md");
    if std::env::var_os("CROSSFADE_UPDATE").is_some() {
        std::fs::write(&path, &text).expect("it is written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "src/builtin/defect/MATRIX.md is stale: run with CROSSFADE_UPDATE=1");
}
