//! Two stories of people who meet Crossfade at a real proxy: the one who has a bug and a running proxy, and the one who
//! changes a line in a checkout.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{Program, crossfade, free_port, proxies, real_alone, scratch};

/// The installed LM-Proxy.
fn lm_proxy() -> Option<PathBuf> {
    let folder = proxies()?.join("proxies/lm-proxy-3.3.2");
    assert!(folder.is_dir(), "`crossfade proxy install lm-proxy` makes {}", folder.display());
    Some(folder)
}

/// Exit code and output of a command.
fn said(folder: &Path, args: &[&str]) -> (i32, String) {
    let output = crossfade(folder).args(args).output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap_or(-1), text)
}

#[test]
fn a_newcomer_sees_the_second_text_after_two_commands() {
    let _alone = real_alone();
    let Some(installed) = lm_proxy() else { return };
    let folder = scratch("newcomer");
    let (port, legs) = (free_port(), free_port());
    let config = format!(
        r#"
host = "127.0.0.1"
port = {port}
api_key_check = {{class = "lm_proxy.api_key_check.AllowAll"}}
[connections.a]
api_type = "openai"
api_base = "http://127.0.0.1:{legs}/primary/v1/"
api_key = "sk-a"
[connections.b]
api_type = "openai"
api_base = "http://127.0.0.1:{legs}/fallback/v1/"
api_key = "sk-b"
[connections.both]
class = "lm_proxy.strategies.Fallback"
connections = ["a", "b"]
[routing]
"*" = "both.*"
"#
    );
    std::fs::write(folder.join("proxy.toml"), config).expect("it is written");
    let mut command = Command::new(installed.join("bin/lm-proxy"));
    command.args(["--config", "proxy.toml"]).current_dir(&folder).stderr(Stdio::null());
    let _proxy = Program::start(&mut command, port);

    let (code, text) =
        said(&folder, &["new", "my-bug", "--client", "openai-chat", "--breaks-after", "5", "--by", "close"]);
    assert_eq!(code, 0, "{text}");
    let scenario = std::fs::read_to_string(folder.join("my-bug.yaml")).expect("it was written");
    let to_read = scenario.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty());
    assert!(to_read.count() <= 12, "{scenario}");

    let (url, listen) = (format!("http://127.0.0.1:{port}"), format!("127.0.0.1:{legs}"));
    let (code, text) = said(&folder, &["run", "my-bug.yaml", "--proxy", &url, "--listen", &listen]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("text of `fallback` follows that of `primary`, which it does not continue"), "{text}");
    assert!(text.contains("ppppffff") && text.contains("p = primary, f = fallback"), "{text}");
    assert!(text.contains("--> my-bug.yaml:9:5"), "{text}");
}

/// A checkout of the installed source, as `pip install --editable` leaves one: a program that takes the source from it.
fn checkout(installed: &Path, folder: &Path) -> PathBuf {
    let root = folder.join("checkout");
    let source = installed.join("lib");
    let python = std::fs::read_dir(&source).expect("it is a virtual environment").flatten().next();
    let source = python.expect("it has a Python").path().join("site-packages/lm_proxy");
    copy(&source, &root.join("lm_proxy"));
    let bin = root.join(".venv/bin");
    std::fs::create_dir_all(&bin).expect("it is made");
    let (root_text, python) = (root.display(), installed.join("bin/python"));
    let script = format!(
        "#!/bin/sh\nPYTHONDONTWRITEBYTECODE=1 PYTHONPATH='{root_text}' exec '{}' -m lm_proxy \"$@\"\n",
        python.display()
    );
    let bin = bin.join("lm-proxy");
    std::fs::write(&bin, script).expect("it is written");
    let made = Command::new("chmod").arg("+x").arg(&bin).status();
    assert!(made.is_ok_and(|status| status.success()), "it can be run");
    root
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("it is made");
    for entry in std::fs::read_dir(from).expect("it is readable").flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if !path.is_dir() {
            std::fs::copy(&path, &target).expect("it is copied");
        } else if entry.file_name() != "__pycache__" {
            copy(&path, &target);
        }
    }
}

#[test]
fn one_broken_line_of_a_checkout_turns_it_red_and_is_all_that_is_new() {
    let _alone = real_alone();
    let Some(installed) = lm_proxy() else { return };
    let folder = scratch("checkout");
    let checkout = checkout(&installed, &folder);
    // One that LM-Proxy passes, and one that it is known to fail.
    let refused = "legs: {primary: {status: 503}, fallback: {}}\nvary: {client.stream: [true, false]}\n";
    let broken = "legs: {primary: {cut: {at: {texts: 5}, by: eof}}, fallback: {}}\n";
    for (name, text) in [("refused.yaml", refused), ("broken.yaml", broken)] {
        std::fs::create_dir_all(folder.join("scenarios")).expect("it is made");
        std::fs::write(folder.join("scenarios").join(name), text).expect("it is written");
    }
    let from = checkout.display().to_string();
    let run = |more: &[&str]| {
        let args = ["run", "scenarios", "--proxy", "lm-proxy", "--from", &from];
        said(&folder, &[&args, more].concat())
    };

    let (code, text) = run(&["--json", "base.json"]);
    assert!(code == 1 && text.contains("FAIL broken") && !text.contains("FAIL refused"), "{code}: {text}");
    let (code, text) = run(&["--new-only", "base.json"]);
    assert_eq!(code, 0, "nothing is new: {text}");

    let file = checkout.join("lm_proxy/strategies/fallback.py");
    let source = std::fs::read_to_string(&file).expect("it is readable");
    let line = "is_last = conn_name == list(self.connections)[-1]";
    assert_eq!(source.matches(line).count(), 1, "{source}");
    std::fs::write(&file, source.replace(line, "is_last = True")).expect("it is written");

    let (code, text) = run(&[]);
    assert!(code == 1 && text.contains("FAIL broken") && text.contains("FAIL refused"), "{code}: {text}");
    let (code, text) = run(&["--new-only", "base.json"]);
    assert!(code == 1 && text.contains("FAIL refused[true]") && text.contains("FAIL refused[false]"), "{code}: {text}");
    assert!(text.contains("fallback.taken") && !text.contains("FAIL broken"), "{text}");
}
