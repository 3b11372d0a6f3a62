//! Golden tests: what people and programs read.

use std::cell::RefCell;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::json::Case;
use super::testing::failure;
use super::{Human, JsonReport, Report, Style, Tracing, block, github, junit, markdown};
use crate::baseline::Tally;
use crate::check::Value;
use crate::runner::testing::case;
use crate::runner::{CaseReport, Event, ProxyLine, SnapshotReport, SnapshotState, Start, Summary};
use crate::scenario::{Every, Outcome, SweepPoint};

#[derive(Clone, Default)]
struct Buffer(Rc<RefCell<Vec<u8>>>);

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

fn proxy() -> ProxyLine {
    ProxyLine {
        name: "p".to_owned(),
        version: Some("1.2".to_owned()),
        commit: None,
        dirty: false,
        how: "installed".to_owned(),
    }
}

/// A run with one case of each kind.
fn events() -> Vec<Event> {
    let failed = failure();
    let mut flaky = failure();
    flaky.verdicts.retain(|judged| judged.verdict.value == Value::Pass);
    flaky.flaky = vec![failed.verdicts[1].verdict.clone()];
    let mut known = failure();
    known.verdicts.retain(|judged| judged.verdict.value == Value::Fail);
    known.verdicts[0].known = Some("https://example.test/1".to_owned());
    let mut warned = failure();
    warned.verdicts.retain(|judged| judged.verdict.value == Value::Warn);
    let skipped = CaseReport::skipped(Arc::new(case("other", "")), "p cannot retry".to_owned(), String::new());
    let reports = [failed, flaky, known, warned, skipped];
    let mut summary = Summary { proxy: proxy(), launches: 1, took: Duration::from_millis(1_500), ..Summary::default() };
    for report in &reports {
        summary.count(report);
    }
    summary.baseline.push(Tally {
        address: "prefill[x]/stream.text".to_owned(),
        reason: "slow".to_owned(),
        covers: 1,
        failed: 0,
        held: 1,
        skipped: 0,
        gone: false,
    });
    *summary.controls.entry("400: no".to_owned()).or_default() += 2;
    let snapshot = SnapshotReport {
        scenario: "prefill".to_owned(),
        path: PathBuf::from("snapshots/prefill__p.snap"),
        state: SnapshotState::Changed { diff: "-a\n+b\n".to_owned(), pending: true },
    };
    summary.count_snapshot(&snapshot);
    let mut events = vec![
        Event::Started(Start { cases: 5, bundled: false, proxy: proxy(), seed: 0xfeed }),
        Event::Note("x".to_owned()),
    ];
    events.extend(reports.into_iter().map(|report| Event::CaseDone(Box::new(report))));
    events.push(Event::Snapshot(snapshot));
    events.push(Event::Finished(Box::new(summary)));
    events
}

fn human(style: Style, events: &[Event]) -> (String, String) {
    let (out, log) = (Buffer::default(), Buffer::default());
    let mut human = Human::new(out.clone(), log.clone(), style);
    for event in events {
        human.take(event).unwrap();
    }
    drop(human);
    (out.text(), log.text())
}

#[test]
fn a_failure_block_says_all_that_is_needed() {
    insta::assert_snapshot!(block(&failure()));
}

#[test]
fn a_run_from_its_first_line_to_its_last() {
    let (out, log) = human(Style { every: true, ..Style::default() }, &events());
    // The block has a test of its own.
    let (before, rest) = out.split_once("\nFAIL").unwrap();
    let (_, after) = rest.split_once("error_event\n").unwrap();
    insta::assert_snapshot!(format!("{before}\n[failure block]\n{after}"));
    assert_eq!(log, "note: x\n");
}

#[test]
fn colour_says_nothing_that_words_do_not() {
    let (plain, _) = human(Style::default(), &events());
    let (colour, _) = human(Style { colour: true, ..Style::default() }, &events());
    assert!(colour.contains('\u{1b}'));
    let mut stripped = String::new();
    let mut rest = colour.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        stripped.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    stripped.push_str(rest);
    assert_eq!(stripped, plain);
}

#[test]
fn a_bare_run_says_so_in_its_first_and_last_line() {
    let proxy = ProxyLine { name: "builtin".to_owned(), ..ProxyLine::default() };
    let summary = Summary { bundled: true, proxy: proxy.clone(), ..Summary::default() };
    let events =
        [Event::Started(Start { cases: 0, bundled: true, proxy, seed: 1 }), Event::Finished(Box::new(summary))];
    let (out, _) = human(Style::default(), &events);
    let lines: Vec<_> = out.lines().collect();
    assert!(lines[0].contains("bundled suite on builtin"), "{out}");
    assert!(lines[lines.len() - 1].contains("bundled suite on builtin"), "{out}");
    assert!(lines[lines.len() - 1].contains("exit 4 (nothing was judged)"), "{out}");
}

#[test]
fn a_control_that_fails_in_every_launch_is_told_once() {
    let control = |what: &str| Event::Control { what: what.to_owned(), failed: Some("400: no".to_owned()) };
    let events = [control("a"), control("b"), control("a")];
    assert_eq!(
        human(Style::default(), &events).1,
        "note: control failed: a: 400: no\nnote: control failed: b: 400: no\n"
    );
}

#[test]
fn a_case_is_told_the_same_live_and_once_it_is_over() {
    let report = failure();
    let history = Arc::clone(report.history.as_ref().unwrap());
    let done = Event::CaseDone(Box::new(report));
    let style = |trace| Style { trace, width: 80, ..Style::default() };
    let over = human(style(Tracing::Over), std::slice::from_ref(&done)).0;

    let started = Event::CaseStarted { case: Arc::new(history.case.clone()), unique: history.unique.clone() };
    let moments = history.steps.iter().flat_map(crate::history::StepHistory::moments);
    let seen = moments.map(|moment| Event::Seen(Box::new(moment)));
    let mut events: Vec<Event> = std::iter::once(started).chain(seen).collect();
    let unfinished = human(style(Tracing::Live), &events).0;
    assert!(over.starts_with(&unfinished) && unfinished.ends_with("= the response ended properly\n"), "{unfinished}");
    // A case of another name says nothing about the one that runs.
    events.push(Event::CaseDone(Box::new(CaseReport::skipped(Arc::new(case("x", "")), String::new(), String::new()))));
    events.push(done);
    assert_eq!(human(style(Tracing::Live), &events).0, over);
    insta::assert_snapshot!(unfinished);
}

#[test]
fn progress_is_wiped_before_a_line() {
    let events =
        [Event::CaseStarted { case: Arc::new(case("x", "a")), unique: String::new() }, Event::Note("hello".to_owned())];
    let (_, log) = human(Style { progress: true, ..Style::default() }, &events);
    assert_eq!(log, "\r\u{1b}[2K[0/0] x[a]\r\u{1b}[2Knote: hello\n");
    assert_eq!(human(Style::default(), &events).1, "note: hello\n");
}

#[test]
fn the_report_for_programs() {
    let mut json = JsonReport::new();
    for event in events() {
        json.take(&event);
    }
    let mut report = json.report().clone();
    report.crossfade = "VERSION".to_owned();
    report.cases.drain(1..4);
    // How many checks there are is no matter of this test.
    report.cases[1].verdicts.truncate(1);
    report.summary.verdicts.remove("skip");
    insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap());
}

/// The run's report, with nothing in it that depends on how many checks there are.
fn for_programs() -> Report {
    let mut json = JsonReport::new();
    for event in events() {
        json.take(&event);
    }
    let mut report = json.report().clone();
    report.crossfade = "VERSION".to_owned();
    for case in &mut report.cases {
        case.verdicts.truncate(4);
    }
    report.summary.verdicts.remove("skip");
    report
}

#[test]
fn the_report_for_ci_systems() {
    let report = for_programs();
    insta::assert_snapshot!("junit", junit(&report));
    insta::assert_snapshot!("markdown", markdown(&report));
    insta::assert_snapshot!("github", github(&report));
}

#[test]
fn what_github_would_not_show_is_counted() {
    let mut report = for_programs();
    let case = report.cases[0].clone();
    report.cases = (1..=14).map(|line| Case { line, ..case.clone() }).collect();
    let told = github(&report);
    let errors = told.lines().filter(|line| line.starts_with("::error ")).collect::<Vec<_>>();
    assert_eq!(errors.len(), 10, "one of the baseline, eight of the cases, and how many there are: {told}");
    assert!(errors[9].ends_with("::6 more are in the log and in the job summary"), "{told}");
}

#[test]
fn no_text_breaks_out_of_its_format() {
    let mut report = for_programs();
    let nasty = "]]>\r\n::error::x & <b> `` | % \u{1b}[31m\u{0}";
    report.cases[0].verdicts.iter_mut().for_each(|verdict| verdict.reason = nasty.to_owned());
    report.cases[0].case = nasty.to_owned();
    report.summary.proxy_down = Some(nasty.to_owned());
    assert_eq!(github(&report).lines().filter(|line| !line.starts_with("::")).count(), 0);
    let xml = junit(&report);
    assert!(!xml.contains("<b>") && !xml.contains('\u{1b}') && !xml.contains('\0'), "{xml}");
    let page = markdown(&report);
    assert!(!page.contains("<b>"), "{page}");
}

/// A point of a sweep, with how the client fared.
fn point(at: u64, points: usize, outcome: Outcome, fails: bool) -> Event {
    let mut report = failure();
    let mut case = case("swept", &format!("byte-{at}"));
    case.sweep = Some(SweepPoint { of: "swept".to_owned(), leg: "primary".to_owned(), every: Every::Byte, at, points });
    report.case = Arc::new(case);
    report.outcomes = vec![Some(outcome)];
    report.verdicts.retain(|judged| judged.verdict.value == if fails { Value::Fail } else { Value::Pass });
    Event::CaseDone(Box::new(report))
}

fn sweep() -> Vec<Event> {
    let mut events: Vec<Event> = (1..=300)
        .rev()
        .map(|at| match at {
            1..=9 => point(at, 301, Outcome::Restarted, false),
            120..=180 | 250 => point(at, 301, Outcome::Silent, true),
            _ => point(at, 301, Outcome::Continued, false),
        })
        .collect();
    events.insert(0, Event::Fewer { sweep: "swept".to_owned(), points: 1 });
    events
}

#[test]
fn a_sweep_is_told_as_a_strip() {
    let (out, _) = human(Style { width: 80, ..Style::default() }, &sweep());
    assert_eq!(out.matches("\nFAIL swept[").count(), 1, "one block for one way to fail: {out}");
    assert!(out.contains("FAIL swept[byte-120]") && out.contains("61 more points of this sweep are like this one"));
    insta::assert_snapshot!(&out[out.find("sweep swept").expect("the strip")..]);
    let widest = out[out.find("sweep swept").unwrap()..].lines().skip(1).take(4).map(str::len).max();
    assert!(widest.is_some_and(|widest| widest <= 80), "{out}");
}

#[test]
fn a_sweep_in_json_joins_points_of_one_outcome() {
    let mut json = JsonReport::new();
    for event in sweep() {
        json.take(&event);
    }
    let report = json.report();
    assert_eq!(report.cases.iter().map(|case| case.case.as_str()).collect::<Vec<_>>(), ["byte-120"]);
    let sweep = &report.sweeps[0];
    assert_eq!((sweep.points, sweep.of, sweep.smallest), (300, 300, Some(120)));
    let runs: Vec<_> = sweep.outcomes.iter().map(|run| (run.from, run.to, run.outcome)).collect();
    let (silent, continued) = (Some(Outcome::Silent), Some(Outcome::Continued));
    let expect = [
        (1, 9, Some(Outcome::Restarted)),
        (10, 119, continued),
        (120, 180, silent),
        (181, 249, continued),
        (250, 250, silent),
        (251, 300, continued),
    ];
    assert_eq!(runs, expect);
    assert!(sweep.failing.iter().all(|check| check.ranges == [(120, 180), (250, 250)]) && !sweep.failing.is_empty());
}

#[test]
fn a_sweep_that_is_not_whole_is_told_at_the_end() {
    let mut events: Vec<Event> = sweep().into_iter().skip(1).take(5).collect();
    assert_eq!(human(Style::default(), &events).0, "");
    events.push(Event::Finished(Box::default()));
    let (out, _) = human(Style::default(), &events);
    assert!(out.contains("primary cut behind 5 of 301 bytes"), "{out}");
}
