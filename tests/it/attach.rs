//! Attaching to two proxies that the code has never seen: small scripts in `tests/proxies/`.

use std::process::Command;

use crate::support::{Program, Run, crossfade, free_port, root, run, scratch};

/// Writes a scenario to a scratch folder.
fn scenario(name: &str, text: &str) -> String {
    let file = scratch(&format!("{name}-scenario")).join(format!("{name}.yaml"));
    std::fs::write(&file, text).expect("it is written");
    file.to_string_lossy().into_owned()
}

fn german(name: &str, fallback: &str) -> Run {
    let (port, legs) = (free_port(), free_port());
    let script = root().join("tests/proxies/german.py");
    let leg = |leg: &str| format!("http://127.0.0.1:{legs}/{leg}");
    let mut command = Command::new("python3");
    command.arg(script).args([port.to_string(), leg("primary"), leg("fallback"), fallback.to_owned()]);
    let _proxy = Program::start(&mut command, port);
    let file = scenario(
        name,
        &format!(
            "client: {{api: openai-chat, conversation: [{{system: You are terse.}}, {{user: Recite the pangram.}}]}}\n\
             legs:\n  primary: {{model: anthropic/claude-sonnet-4-5, cut: {{at: {{texts: 5}}, by: error_event}}}}\n  \
             fallback: {{model: anthropic/{fallback}}}\n"
        ),
    );
    let (url, listen) = (format!("http://127.0.0.1:{port}"), format!("127.0.0.1:{legs}"));
    run(name, &[&file, "--proxy", &url, "--listen", &listen, "--model", "any", "--control-model", "direct"])
}

/// A proxy that never falls back.
fn stubborn(port: u16, legs: u16) -> Program {
    let mut command = Command::new("node");
    let script = root().join("tests/proxies/stubborn.mjs");
    command.arg(script).args([port.to_string(), format!("http://127.0.0.1:{legs}/primary")]);
    Program::start(&mut command, port)
}

#[test]
fn a_german_prefill_is_refused_and_seen() {
    let run = german("german-refused", "claude-sonnet-4-6");
    assert_eq!(run.code, 1, "{}", run.told());
    let expect = |check: &str, verdict: &str| run.expect("german-refused", &[], check, verdict);
    expect("route.reached", "pass");
    expect("fallback.accepted", "fail");
    expect("error.not-self-inflicted", "fail");
    expect("fallback.same-as-control", "fail");
}

#[test]
fn a_german_prefill_loses_the_blank_at_the_seam() {
    let run = german("german-accepted", "claude-sonnet-4-5");
    assert_eq!(run.code, 1, "{}", run.told());
    let expect = |check: &str, verdict: &str| run.expect("german-accepted", &[], check, verdict);
    expect("fallback.accepted", "pass");
    expect("error.not-self-inflicted", "pass");
    expect("fallback.same-as-control", "fail");
    expect("stream.text", "fail");
}

#[test]
fn a_proxy_that_never_falls_back_is_right_where_it_breaks_visibly() {
    let (port, legs) = (free_port(), free_port());
    let _proxy = stubborn(port, legs);
    let file = scenario(
        "stubborn",
        "checks: [translate.turns]\nlegs: {primary: {cut: {at: {texts: 5}, by: close}}, fallback: {}}\n\
         vary: {legs.primary.cut.by: [close, reset, eof, error_event]}\n",
    );
    let (url, listen) = (format!("http://127.0.0.1:{port}"), format!("127.0.0.1:{legs}"));
    let run = run("stubborn", &[&file, "--proxy", &url, "--listen", &listen]);
    assert_eq!(run.code, 1, "{}", run.told());
    run.expect("stubborn", &[], "route.reached", "pass");
    run.expect("stubborn", &[], "fallback.accepted", "not-exercised");
    for by in ["close", "reset", "error_event"] {
        run.expect("stubborn", &[by], "stream.truncation-visible", "pass");
        run.expect("stubborn", &[by], "stream.text", "pass");
    }
    run.expect("stubborn", &["eof"], "stream.truncation-visible", "fail");
    // What the scenario is about is not left out in silence.
    let told = "named, and not judged: 4 x translate.turns: no control: an attached proxy wants `--control-model`";
    assert!(run.stdout.contains(told), "{}", run.told());
}

#[test]
fn a_key_of_the_users_own_reaches_no_file() {
    let (port, legs) = (free_port(), free_port());
    let _proxy = stubborn(port, legs);
    let folder = scratch("own-key");
    let text = "client: openai-chat\nlegs: {primary: {cut: {at: {texts: 5}, by: close}}, fallback: {}}\n\
                expect: {outcome: completed}\n";
    std::fs::write(folder.join("own.yaml"), text).expect("it is written");
    let (url, listen) = (format!("http://127.0.0.1:{port}"), format!("127.0.0.1:{legs}"));
    let output = crossfade(&folder)
        .args(["run", "own.yaml", "--keep", "--proxy", &url, "--listen", &listen, "--model", "any"])
        .args(["--client-key", "sk-own-key-of-the-user", "--header", "x-team-token: token-of-the-user"])
        .args(["--json", "a.json", "--html", "a.html", "--junit", "a.xml"])
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("--client-key KEY") && said.contains("'x-team-token: VALUE'"), "{said}");
    let mut folders = vec![folder];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("it is readable") {
            let path = entry.expect("it is readable").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let text = String::from_utf8_lossy(&std::fs::read(&path).expect("it is readable")).into_owned();
            assert!(!text.contains("key-of-the-user") && !text.contains("token-of-the-user"), "{}", path.display());
        }
    }
    assert!(files > 5, "the history and the reports were written");
}
