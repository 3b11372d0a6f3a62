//! The bundled suite against the reference proxy: clean under every policy, and each defect fails what it names.

use std::collections::{BTreeMap, BTreeSet};

use crossfade::builtin::Defect;

use crate::support::{Run, alone, assert_same, run};

const POLICIES: [&str; 4] = ["error", "continue_user", "continue_prefill", "buffer_all"];

#[test]
fn clean_under_every_policy_and_every_case_is_exercised() {
    let _alone = alone();
    for policy in POLICIES {
        let run = run(&format!("clean-{policy}"), &["--policy", policy]);
        assert_eq!(run.code, 0, "{policy}: {}", run.told());
        for verdict in ["fail", "warn", "skip", "inconclusive"] {
            // A check may say that it does not apply; no case may be left out.
            let found = run.cells().into_iter().filter(|cell| cell.verdict == verdict && !applies_not(&cell.reason));
            let found: Vec<_> = found.collect();
            assert!(found.is_empty(), "{policy}: {verdict}: {found:#?}");
        }
        assert_eq!(run.skips(), Vec::<String>::new(), "{policy}");
        assert!(scenarios(&run).len() >= 8, "{policy}: {:?}", scenarios(&run));
    }
}

/// Single checks may say that they do not apply: the request is one that the target refuses, or the policy holds back.
fn applies_not(reason: &str) -> bool {
    reason.starts_with("control: 400") || reason.contains("declares to hold answers back")
}

#[test]
fn every_check_that_a_file_is_named_for_is_judged() {
    let _alone = alone();
    let run = run("named-checks", &[]);
    let mut judged: BTreeSet<(String, String)> = run
        .cells()
        .into_iter()
        .filter(|cell| cell.verdict == "pass" || cell.verdict == "fail")
        .map(|cell| (cell.scenario, cell.check))
        .collect();
    judged.extend(run.swept());
    let cases = crossfade::scenario::load_bundled().expect("the bundled suite loads");
    for case in cases {
        assert!(!case.checks.is_empty(), "{} names no check", case.scenario);
        for check in &case.checks {
            assert!(
                judged.contains(&(case.scenario.clone(), check.clone())),
                "{}/{check} is never judged",
                case.scenario
            );
        }
    }
}

fn scenarios(run: &Run) -> BTreeSet<String> {
    run.cells().into_iter().map(|cell| cell.scenario).collect()
}

#[test]
fn each_defect_fails_exactly_what_it_names() {
    let _alone = alone();
    // Most of a run is waiting.
    let mut table: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for some in Defect::ALL.chunks(4) {
        std::thread::scope(|scope| {
            let runs: Vec<_> = some.iter().map(|defect| scope.spawn(|| (defect.name(), failed(*defect)))).collect();
            table.extend(runs.into_iter().map(|run| run.join().expect("the run ends")));
        });
    }
    let row = |(defect, checks): (&&str, &BTreeSet<String>)| {
        format!("{defect:<26} {}\n", checks.iter().cloned().collect::<Vec<_>>().join(", "))
    };
    let text: String = table.iter().map(row).collect();
    insta::assert_snapshot!("defects", text);
    for defect in Defect::ALL {
        let named: BTreeSet<String> = defect.fails().iter().map(ToString::to_string).collect();
        assert_eq!(table[defect.name()], named, "{}", defect.name());
    }
}

/// The checks that fail, or warn, under a defect.
fn failed(defect: Defect) -> BTreeSet<String> {
    let args = ["--policy", defect.policy(), "--strict", "--defect", defect.name()];
    let run = run(&format!("defect-{}", defect.name()), &args);
    assert_eq!(run.code, 1, "{}: {}", defect.name(), run.told());
    &run.checks_with("fail") | &run.checks_with("warn")
}

#[test]
fn thirty_runs_in_a_row_give_the_same_verdicts() {
    let _alone = alone();
    let runs = if std::env::var_os("CI").is_some() { 30 } else { 3 };
    let first = run("repeat", &[]).verdicts();
    assert!(!first.is_empty());
    for n in 1..runs {
        let again = run("repeat", &[]);
        assert_same(&first, &again.verdicts(), &format!("run {n}"));
    }
}
