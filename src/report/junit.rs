//! The report as `JUnit` XML, for what CI systems show of tests: a suite for each scenario, a test for each case.

use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::json::{Case, CaseVerdict, Report};

/// The report as `JUnit` XML.
///
/// A case that fails is a `failure`; one that could not be judged is an `error`, as is a proxy that would not run and a
/// baseline entry that is stale. What the baseline knows passes, with its reason in the output.
pub fn junit(report: &Report) -> String {
    let mut whole = quick_junit::Report::new(format!("crossfade {}", report.proxy.label()));
    whole.set_time(Duration::from_millis(report.summary.took_ms));
    for mut suite in suites(report) {
        for (name, value) in facts(report) {
            suite.add_property((name, value.as_str()));
        }
        whole.add_test_suite(suite);
    }
    // Every text is valid XML once it is escaped, and a string takes all that is written.
    whole.to_string().unwrap_or_default()
}

/// What was tested by what.
fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let proxy = &report.proxy;
    let commit = proxy.commit.as_ref().map(|id| if proxy.dirty { format!("{id} with changes") } else { id.clone() });
    let facts = [
        ("proxy", Some(proxy.name.clone())),
        ("proxy.version", proxy.version.clone()),
        ("proxy.commit", commit),
        ("proxy.how", Some(proxy.how.clone()).filter(|how| !how.is_empty())),
        ("crossfade", Some(report.crossfade.clone())),
        ("seed", Some(report.summary.seed.clone())),
    ];
    facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn suites(report: &Report) -> Vec<TestSuite> {
    let mut suites: Vec<TestSuite> = Vec::new();
    for case in &report.cases {
        let name = case.scenario.as_str();
        let at = suites.iter().position(|suite| suite.name.as_str() == name).unwrap_or_else(|| {
            suites.push(TestSuite::new(name));
            suites.len() - 1
        });
        suites[at].add_test_case(test_case(case));
    }
    let mut run = TestSuite::new("run");
    if let Some(why) = &report.summary.proxy_down {
        run.add_test_case(of_run("the proxy", NonSuccessKind::Error, why));
    }
    for entry in &report.summary.stale {
        let why = format!("the baseline lists {entry}, which fails no more: remove the entry");
        run.add_test_case(of_run("stale baseline", NonSuccessKind::Failure, &why));
    }
    for snapshot in report.snapshots.iter().filter(|snapshot| snapshot.state == "changed") {
        let why = format!("{} is not as accepted: `crossfade review` shows the difference", snapshot.path);
        run.add_test_case(of_run(&format!("snapshot of {}", snapshot.scenario), NonSuccessKind::Failure, &why));
    }
    if run.tests > 0 {
        suites.push(run);
    }
    suites
}

fn of_run(name: &str, kind: NonSuccessKind, why: &str) -> TestCase {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(why);
    let mut test = TestCase::new(name, status);
    test.set_classname("run");
    test
}

fn test_case(case: &Case) -> TestCase {
    let name = if case.case.is_empty() { &case.scenario } else { &case.case };
    let mut test = TestCase::new(name.as_str(), status(case));
    test.set_classname(case.scenario.as_str());
    test.set_time(Duration::from_millis(case.took_ms));
    test.extra.insert("file".into(), case.file.as_str().into());
    test.extra.insert("line".into(), case.line.to_string().into());
    let known: Vec<String> = case
        .verdicts
        .iter()
        .filter_map(|verdict| Some(format!("known: {}: {}", verdict.check, verdict.known.as_ref()?)))
        .collect();
    let flaky =
        case.differing.iter().map(|each| format!("flaky: {}: {} of {} plays", each.check, each.told(), case.plays));
    let told: Vec<String> = known.into_iter().chain(flaky).collect();
    if !told.is_empty() {
        test.set_system_out(told.join("\n"));
    }
    test
}

fn status(case: &Case) -> TestCaseStatus {
    if let Some(reason) = &case.skipped {
        let mut status = TestCaseStatus::skipped();
        status.set_message(reason.as_str());
        return status;
    }
    let telling: Vec<&CaseVerdict> = case.telling().collect();
    let kind = match (telling.is_empty(), telling.iter().any(|verdict| verdict.unexpected())) {
        (true, _) => return TestCaseStatus::success(),
        (false, true) => NonSuccessKind::Failure,
        (false, false) => NonSuccessKind::Error,
    };
    let checks: Vec<&str> = telling.iter().map(|verdict| verdict.check.as_str()).collect();
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(if kind == NonSuccessKind::Failure { "fail" } else { "inconclusive" });
    status.set_message(checks.join(", "));
    status.set_description(description(case, &telling));
    status
}

fn description(case: &Case, telling: &[&CaseVerdict]) -> String {
    let mut lines: Vec<String> =
        telling.iter().map(|verdict| format!("{} {}: {}", verdict.verdict, verdict.check, verdict.reason)).collect();
    lines.push(format!("{}:{}", case.file, case.line));
    lines.push(format!("repeat: {}", case.repeat));
    lines.extend(case.kept.as_ref().map(|kept| format!("kept: {kept}")));
    lines.join("\n")
}
