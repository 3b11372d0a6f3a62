//! Sweeps: a leg's answer, cut behind every event and every byte.

use serde_json::{Value, json};

use crate::support::{Run, alone, run, scratch};

fn swept(name: &str, text: &str, args: &[&str]) -> Run {
    let file = scratch(&format!("{name}-file")).join("swept.yaml");
    std::fs::write(&file, text).expect("it is written");
    let file = file.to_str().expect("UTF-8").to_owned();
    run(name, &[&[file.as_str(), "--proxy", "builtin"], args].concat())
}

/// Outcomes along the stream, without the places.
fn outcomes(sweep: &Value) -> Vec<&str> {
    let runs = sweep["outcomes"].as_array().into_iter().flatten();
    runs.map(|run| run["outcome"].as_str().unwrap_or("?")).collect()
}

const BYTES: &str = "sweep: {every: byte, from: 1, step: 7}\n\
                     legs: {primary: {answer: short-text, cut: {by: close}}, fallback: {answer: short-text}}\n";

#[test]
fn the_reference_proxy_is_right_behind_every_byte() {
    let _alone = alone();
    let run = swept("sweep-bytes", BYTES, &[]);
    assert_eq!(run.code, 0, "{}", run.told());
    let sweep = &run.report["sweeps"][0];
    assert_eq!(outcomes(sweep), ["restarted", "continued", "completed"], "{sweep}");
    assert_eq!((&sweep["points"], &sweep["smallest"]), (&sweep["of"], &Value::Null), "{sweep}");
    assert_eq!(run.len(), 0, "no point is worth a case of its own");
    assert!(run.stdout.contains("sweep swept: primary cut behind "), "{}", run.told());
    assert!(run.stdout.contains(" cases/s\n"), "{}", run.told());
}

#[test]
fn a_defect_shows_at_its_smallest_point_and_that_point_repeats() {
    let _alone = alone();
    let run = swept("sweep-defect", BYTES, &["--defect", "truncation-finished"]);
    assert_eq!(run.code, 1, "{}", run.told());
    let sweep = &run.report["sweeps"][0];
    assert_eq!(outcomes(sweep), ["restarted", "silent", "completed"], "{sweep}");
    let smallest = sweep["smallest"].as_u64().expect("one fails");
    let silent = &sweep["outcomes"][1];
    assert_eq!(silent["from"].as_u64(), Some(smallest));
    let checks: Vec<_> = sweep["failing"].as_array().expect("some fail").iter().map(|each| &each["check"]).collect();
    assert!(checks.contains(&&json!("stream.truncation-visible")), "{checks:?}");
    assert_eq!(sweep["failing"][0]["ranges"][0], json!([silent["from"], silent["to"]]));
    assert_eq!(run.len(), 1, "one case for one way to fail");
    assert_eq!(run.stdout.matches("\nFAIL swept[").count(), 1, "{}", run.told());
    assert!(run.stdout.contains(&format!("smallest failing cut: swept[byte-{smallest}]")), "{}", run.told());

    let repeat = run.report["cases"][0]["repeat"].as_str().expect("a command").to_owned();
    let address = format!("swept[byte-{smallest}]");
    assert!(repeat.contains(&address), "{repeat}");
    let again = swept("sweep-again", BYTES, &["--filter", &address, "--defect", "truncation-finished"]);
    assert_eq!((again.code, again.len()), (1, 1), "{}", again.told());
    assert_eq!(again.report["sweeps"][0]["points"], 1);
}

#[test]
fn points_past_the_end_of_the_answer_are_left_out() {
    let _alone = alone();
    let text = "sweep: event\nlegs: {primary: {answer: short-text, cut: {by: eof}}, fallback: }\n";
    // Asked for usage, the answer has one event more.
    let more = text.to_owned() + "client: {body: {stream_options: {include_usage: true}}}\n";
    let count = |run: &Run| run.report["sweeps"][0]["points"].as_u64().expect("a sweep");
    let (plain, usage) = (swept("sweep-plain", text, &[]), swept("sweep-usage", &more, &[]));
    assert_eq!((plain.code, usage.code), (0, 0), "{}\n{}", plain.told(), usage.told());
    assert_eq!(count(&plain) + 1, count(&usage));
    assert_eq!(plain.report["summary"]["skips"], json!({}));
}

#[test]
fn thirty_sweeps_give_one_strip() {
    let _alone = alone();
    let text = "sweep: event\nlegs: {primary: {answer: short-text, cut: {by: close}}, fallback: }\n";
    let first = swept("sweep-same", text, &[]).report["sweeps"].clone();
    assert!(first[0]["points"].as_u64() > Some(5), "{first}");
    for n in 1..30 {
        let again = swept("sweep-same", text, &[]);
        assert_eq!(again.report["sweeps"], first, "run {n}: {}", again.told());
    }
}
