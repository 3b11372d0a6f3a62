//! `run --trace`: what happens is shown while it happens.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{Program, crossfade, free_port, read_request, scratch, server};

fn scenario(name: &str, text: &str) -> PathBuf {
    let folder = scratch(&format!("trace-{name}"));
    std::fs::write(folder.join("my-bug.yaml"), text).expect("it is written");
    folder
}

/// A run against a proxy that answers nothing, and closes its connections once it is told to.
fn hanging(folder: &Path) -> (Command, Arc<AtomicBool>) {
    let closes = Arc::new(AtomicBool::new(false));
    let held = Mutex::new(Vec::new());
    let proxy = server({
        let closes = Arc::clone(&closes);
        move |mut stream| {
            let _ = read_request(&mut stream);
            held.lock().expect("no test failed here").push(stream);
            while !closes.load(Ordering::Acquire) {
                std::thread::sleep(Duration::from_millis(5));
            }
            held.lock().expect("no test failed here").clear();
        }
    });
    let mut command = crossfade(folder);
    let (url, listen) = (format!("http://{proxy}"), format!("127.0.0.1:{}", free_port()));
    command.args(["run", "my-bug.yaml", "--trace", "--proxy", &url, "--listen", &listen, "--model", "any"]);
    command.stderr(std::process::Stdio::null());
    (command, closes)
}

#[test]
fn the_request_is_shown_while_the_proxy_still_hangs() {
    let folder = scenario("hangs", "client: openai-chat\nlegs: {primary: {}}\n");
    let (mut command, closes) = hanging(&folder);
    let (mut program, asked) = Program::telling(&mut command, "> POST");
    assert!(asked.contains("Tell me about crossfades."), "{asked}");
    // Not before that line was read the case can end.
    closes.store(true, Ordering::Release);
    let end = program.until("= ").pop().expect("a line");
    assert!(end.contains("= got no response: ") && !end.contains("no end within"), "{end}");
    program.until("on attached");
}

#[cfg(unix)]
#[test]
fn what_was_shown_stays_when_the_run_is_interrupted() {
    let folder = scenario("interrupted", "client: openai-chat\nlegs: {primary: {}}\n");
    let (mut command, _) = hanging(&folder);
    let (mut program, _) = Program::telling(&mut command, "> POST");
    program.ask_to_end();
    let rest = program.until("exit 130");
    assert!(!rest.iter().any(|line| line.contains("= ")), "{rest:#?}");
}

/// The lines of each case, without times.
fn lanes(folder: &Path, args: &[&str]) -> Vec<Vec<String>> {
    let output = crossfade(folder).args(args).output().expect("the binary starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let blocks = text.split("trace ").skip(1).map(|block| {
        let lines = block.lines().take_while(|line| !line.starts_with("pass"));
        lines.map(|line| line.chars().skip(if line.starts_with("   ") { 11 } else { 0 }).collect()).collect()
    });
    blocks.collect()
}

fn sorted(lanes: &[Vec<String>]) -> Vec<Vec<String>> {
    let mut lanes = lanes.to_vec();
    for lines in &mut lanes {
        lines.sort();
    }
    lanes.sort();
    lanes
}

#[test]
fn live_or_afterwards_the_lines_are_the_same() {
    let text = "client: openai-chat\nsettings: {idle_timeout: 500ms}\n\
        legs: {primary: {answer: one-word, cut: {at: preamble, by: close}}, fallback: {answer: one-word}}\n\
        vary: {legs.primary.cut.by: [close, stall, reset]}\n";
    let folder = scenario("same", text);
    let args = ["run", "my-bug.yaml", "--proxy", "builtin", "--seed", "7", "--trace", "--keep"];
    let live = lanes(&folder, &args);
    let names: Vec<&str> = live.iter().map(|lines| lines[0].as_str()).collect();
    assert_eq!(names, ["my-bug[close]", "my-bug[reset]", "my-bug[stall]"], "one after the other: {live:#?}");
    // Lane by lane: what happens in two of them at the same time has no order.
    let mut stalled = live[2].clone();
    stalled[2..].sort_by_key(|line| line.len() - line.trim_start().len());
    insta::assert_snapshot!(stalled.join("\n"), @r#"
    my-bug[stall]
    client                    primary                   fallback
    > POST /v1/chat/completions: "Tell me about crossfades."
    < status 200
    < id object created model service_tier system_fingerprint choices obfuscation
    < "vehoyhz"
    < id object created model service_tier system_fingerprint choices obfuscation
    < [DONE]
    = the response ended properly
    afterwards: a plain request is served
                              > #1 POST /s1/primary/v1/chat/completions: "Tell me about cros…
                              < status 200
                              < id object created model service_tier system_fingerprint choi…
                              falls silent, as scripted
                              x cut: stall
                                                        > #1 POST /s1/fallback/v1/chat/compl…
                                                        < status 200
                                                        < id object created model service_ti…
                                                        < "vehoyhz"
                                                        < id object created model service_ti…
                                                        < [DONE]
                                                        = end
    "#);

    let afterwards = lanes(&folder, &[&args[..], &["--jobs", "4"]].concat());
    let kept = std::fs::read_dir(folder.join(".crossfade/runs")).expect("they were kept").flatten();
    let first = kept.map(|entry| entry.path()).min().expect("a run").join("my-bug");
    for (number, name) in ["close", "reset", "stall"].into_iter().enumerate() {
        let kept = first.join(name);
        let judged = lanes(&folder, &["judge", &kept.to_string_lossy(), "--trace"]);
        assert_eq!(sorted(&judged), sorted(&live[number..=number]), "{name}");
    }
    let no_slots = |lanes: &[Vec<String>]| {
        let slot =
            |line: &String| line.split("POST /s").map(|part| part.trim_start_matches(char::is_numeric)).collect();
        sorted(&lanes.iter().map(|lines| lines.iter().map(slot).collect()).collect::<Vec<_>>())
    };
    assert_eq!(no_slots(&afterwards), no_slots(&live));
}
