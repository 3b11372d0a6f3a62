//! `crossfade run --record`: a proxy is run with real providers behind it, and what they said is played to it again.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use crossfade::cassette::{Cassette, RecordedEnd, load};
use serde_json::Value;

use crate::support::{Program, crossfade, free_port, proxies, run, scratch};

/// Of no shape that any vendor's keys have.
const KEY: &str = "correct-horse-battery-staple";

/// A provider that takes this key alone.
fn provider(folder: &Path) -> (Program, String) {
    Program::serve(crossfade(folder).args(["serve", "--key", KEY]))
}

/// `crossfade run SCENARIO --record rec`, with an upstream for each of these legs.
fn record(folder: &Path, scenario: &str, legs: &[(&str, String)], more: &[&str]) -> (i32, String) {
    let mut command = crossfade(folder);
    command.args(["run", scenario, "--record", "rec"]).args(more).env("A_PROVIDERS_KEY", KEY);
    if !more.contains(&"--proxy") {
        command.args(["--proxy", "builtin"]);
    }
    for (leg, url) in legs {
        command.args(["--upstream", &format!("{leg}={url}"), "--upstream-key", &format!("{leg}=A_PROVIDERS_KEY")]);
    }
    told(&command.output().expect("the binary starts"))
}

fn told(output: &Output) -> (i32, String) {
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    (output.status.code().unwrap_or(-1), text)
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    std::fs::write(folder.join(name), text).expect("it is written");
    name.to_owned()
}

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                found.insert(name, std::fs::read(&path).expect("it is readable"));
            }
        }
    }
    found
}

/// The names of the cassettes; no file anywhere in the folder holds a key.
fn cassettes(folder: &Path) -> Vec<String> {
    let all = files(folder);
    for (name, bytes) in &all {
        let text = String::from_utf8_lossy(bytes);
        for key in [KEY, "sk-proj-", "sk-ant-"] {
            assert!(!text.contains(key), "{key} in {name}");
        }
    }
    let cassette = |name: &&String| {
        name.starts_with("rec/") && Path::new(name).extension().is_some_and(|extension| extension == "yaml")
    };
    all.keys().filter(cassette).cloned().collect()
}

fn cassette(folder: &Path, name: &str) -> Cassette {
    load(&folder.join(name)).unwrap_or_else(|error| panic!("{error}"))
}

/// The text in a stream of `openai-chat`.
fn spoken(stream: &str) -> String {
    let events = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    let events = events.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    events.filter_map(|event| event["choices"][0]["delta"]["content"].as_str().map(str::to_owned)).collect()
}

fn said(cassette: &Cassette) -> String {
    let chunks = cassette.exchanges[0].response.chunks.iter().map(crossfade::cassette::RecordedChunk::bytes);
    spoken(&String::from_utf8_lossy(&chunks.collect::<Vec<_>>().concat()))
}

/// What the client got in the one case of a run that kept it.
fn heard(folder: &Path) -> String {
    let all = files(&folder.join(".crossfade"));
    let (_, history) = all.iter().find(|(name, _)| name.ends_with("history.json")).expect("it was kept");
    let history: Value = serde_json::from_slice(history).expect("JSON");
    let chunks = history["steps"][0]["client"]["chunks"].as_array().expect("chunks");
    spoken(&chunks.iter().filter_map(|chunk| chunk["data"]["text"].as_str()).collect::<String>())
}

/// Records a primary that really answers 503 and a fallback that answers, then plays both.
fn recorded_and_played(name: &str, proxy: &str) {
    let folder = scratch(name);
    let (_provider, base) = provider(&folder);
    let scenario = write(&folder, "real.yaml", "client: openai-chat\nlegs: {primary: {}, fallback: {}}\n");
    let legs = [("primary", format!("{base}/text/status:503")), ("fallback", format!("{base}/text"))];
    let (code, text) = record(&folder, &scenario, &legs, &["--proxy", proxy]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("real: the client got 200\n"), "{text}");
    assert!(text.contains("rec/real/primary-1.yaml  503, "), "{text}");
    assert!(text.contains("2 exchanges recorded; nothing was judged"), "{text}");
    assert_eq!(cassettes(&folder), ["rec/real/fallback-1.yaml", "rec/real/primary-1.yaml"]);
    assert!(folder.join("rec/cassette.schema.json").exists());
    assert!(!folder.join(".crossfade").exists(), "nothing else is left of it");
    let fallback = cassette(&folder, "rec/real/fallback-1.yaml");
    assert_eq!(fallback.exchanges[0].response.status, 200);
    assert!(!said(&fallback).is_empty());
    let asked: Value = serde_json::from_slice(&fallback.exchanges[0].request.bytes()).expect("JSON");
    // As the scenario asks, without a word of ours.
    let asked = &asked["messages"][0]["content"];
    assert!(asked == "Tell me about crossfades." || asked[0]["text"] == "Tell me about crossfades.", "{asked}");
    assert_eq!(cassette(&folder, "rec/real/primary-1.yaml").exchanges[0].response.status, 503);

    write(
        &folder,
        "played.yaml",
        "client: openai-chat\nlegs:\n  primary: {answer: {cassette: rec/real/primary-1.yaml}}\n  \
         fallback: {answer: {cassette: rec/real/fallback-1.yaml}}\n",
    );
    let played = crossfade(&folder).args(["run", "played.yaml", "--keep", "--proxy", proxy]).output();
    let (code, text) = told(&played.expect("the binary starts"));
    assert_eq!(code, 0, "{text}");
    assert_eq!(heard(&folder), said(&fallback));

    // There is no provider any more.
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let gone = [("primary", format!("{nobody}/text/status:503")), ("fallback", format!("{nobody}/text"))];
    let (code, text) = record(&folder, &scenario, &gone, &["--proxy", proxy, "--record-mode", "missing"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("real: the client got 200\n"), "{text}");
    assert!(text.contains("0 exchanges recorded, 2 played"), "{text}");
    let (code, text) = record(&folder, &scenario, &gone, &["--proxy", proxy]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("holds recordings already; `--record-mode missing`"), "{text}");
}

#[test]
fn what_providers_say_behind_a_proxy_is_recorded_and_played_to_it() {
    recorded_and_played("run-record", "builtin");
}

#[test]
fn the_same_behind_litellm() {
    if proxies().is_some() {
        recorded_and_played("run-record-litellm", "litellm@1.106.2");
    }
}

#[test]
fn a_leg_without_an_upstream_stays_a_fake_that_breaks() {
    let folder = scratch("run-record-mixed");
    let (_provider, base) = provider(&folder);
    let text = "client: openai-chat\nlegs: {primary: {cut: {at: {texts: 5}, by: close}}, fallback: {}}\n";
    let scenario = write(&folder, "mixed.yaml", text);
    let (code, text) = record(&folder, &scenario, &[("fallback", format!("{base}/text"))], &[]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(cassettes(&folder), ["rec/mixed/fallback-1.yaml"]);
    let asked = cassette(&folder, "rec/mixed/fallback-1.yaml").exchanges[0].request.clone();
    let asked: Value = serde_json::from_slice(&asked.bytes()).expect("JSON");
    // It was asked to go on.
    assert!(asked["messages"].as_array().is_some_and(|messages| messages.len() > 1), "{asked}");
}

#[test]
fn cases_have_folders_and_broken_ends_are_kept() {
    let folder = scratch("run-record-cases");
    let (_provider, base) = provider(&folder);
    let text =
        "legs: {primary: {cut: {at: {texts: 2}, by: reset}}}\nvary: {client.api: [openai-chat, anthropic-messages]}\n";
    let scenario = write(&folder, "many.yaml", text);
    let legs = [("primary", format!("{base}/text/close@texts:5/v1"))];
    let (code, text) = record(&folder, &scenario, &legs, &[]);
    assert_eq!(code, 0, "{text}");
    let names = ["rec/many/anthropic-messages/primary-1.yaml", "rec/many/openai-chat/primary-1.yaml"];
    assert_eq!(cassettes(&folder), names);
    for name in names {
        assert_eq!(cassette(&folder, name).exchanges[0].response.end, RecordedEnd::Close, "{name}");
    }
    // The provider broke after five texts; the scenario's own cut after two was left out.
    assert_eq!(said(&cassette(&folder, names[1])).split(' ').count(), 5, "{text}");
    let (code, text) = told(&crossfade(&folder).arg("lint").args(names).output().expect("the binary starts"));
    assert_eq!(code, 0, "{text}");
    // Anew: the same names.
    let (code, text) = record(&folder, &scenario, &legs, &["--record-mode", "all"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(cassettes(&folder), names);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_keeps_what_it_has() {
    let folder = scratch("run-record-interrupt");
    let (_provider, base) = provider(&folder);
    let scenario = write(&folder, "slow.yaml", "client: openai-chat\nlegs: {primary: {}}\n");
    let mut command = crossfade(&folder);
    command.args([
        "run",
        &scenario,
        "--record",
        "rec",
        "--proxy",
        "builtin",
        "--upstream-key",
        "primary=A_PROVIDERS_KEY",
    ]);
    command.args(["--upstream", &format!("primary={base}/text/stall@texts:3")]).env("A_PROVIDERS_KEY", KEY);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let child = command.spawn().expect("the binary starts");
    std::thread::sleep(std::time::Duration::from_secs(2));
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    let (code, text) = told(&child.wait_with_output().expect("it ends"));
    assert_eq!(code, 130, "{text}");
    assert!(text.contains("slow: the run was stopped\n  rec/slow/primary-1.yaml  200, "), "{text}");
    let cassette = cassette(&folder, "rec/slow/primary-1.yaml");
    assert_eq!((cassette.exchanges[0].response.end, said(&cassette).split(' ').count()), (RecordedEnd::Close, 3));
    assert_eq!(cassette.provenance.lost.len(), 1, "{:?}", cassette.provenance.lost);
}

#[test]
fn what_cannot_be_recorded_is_told() {
    let folder = scratch("run-record-wrong");
    let scenario = write(&folder, "x.yaml", "client: openai-chat\nlegs: {primary: {}}\n");
    let check = |more: &[&str], expect: (i32, &str)| {
        let args = ["run", &scenario, "--proxy", "builtin", "--record", "rec"];
        let (code, text) = told(&crossfade(&folder).args(args).args(more).output().expect("the binary starts"));
        assert_eq!(code, expect.0, "{text}");
        assert!(text.contains(expect.1), "{text}");
    };
    let nobody = format!("primary=http://127.0.0.1:{}", free_port());
    check(&[], (2, "--upstream <LEG=URL>"));
    check(&["--upstream", "primary"], (2, "it is written LEG=VALUE"));
    check(&["--upstream", "primary=127.0.0.1"], (2, "a base URL looks like"));
    check(&["--upstream", "primray=http://127.0.0.1:1"], (2, "no case has a leg `primray`; there are primary"));
    check(&["--upstream", &nobody, "--upstream-key", "primary=NOT_SET_HERE"], (2, "NOT_SET_HERE is not set"));
    check(&["--upstream", &nobody, "--upstream-key", "other=X"], (2, "`other` has no `--upstream`"));
    check(&["--upstream", &nobody, "--strict"], (2, "cannot be used with"));
    check(&["--upstream", &nobody], (5, "is NOT recorded: "));
    let (code, text) = told(
        &crossfade(&folder)
            .args(["run", "--record", "rec", "--upstream", &nobody])
            .output()
            .expect("the binary starts"),
    );
    assert_eq!((code, text.contains("which scenarios?")), (2, true), "{text}");
    assert_eq!(cassettes(&folder), [""; 0]);
    // A plain run is as it was.
    assert_eq!(run("run-record-plain", &[&folder.join(&scenario).to_string_lossy(), "--proxy", "builtin"]).code, 0);
}
