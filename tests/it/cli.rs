//! The command line as a user meets it: what is printed where, and the exit codes.

use std::path::{Path, PathBuf};

use crate::support::{crossfade, program, scratch};

/// Runs the binary in `folder`; exit code, stdout and stderr, with what differs from run to run replaced.
fn told(folder: &Path, args: &[&str]) -> String {
    told_with(folder, args, &[])
}

fn told_with(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> String {
    let mut command = crossfade(folder);
    for name in ["CI", "TF_BUILD", "CROSSFADE_LOG"] {
        command.env_remove(name);
    }
    let output = command.args(args).envs(env.iter().copied()).output().expect("the binary starts");
    let code = output.status.code().unwrap_or(-1);
    let text = |bytes: &[u8]| normal(&String::from_utf8_lossy(bytes));
    format!("exit {code}\n--- stdout\n{}--- stderr\n{}", text(&output.stdout), text(&output.stderr))
}

/// Seeds, times and folders of runs have placeholders.
fn normal(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = match line.split_once(", seed ") {
            Some((before, _)) => format!("{before}, seed [seed]"),
            None => line.to_owned(),
        };
        // How many checks there are is no matter of these tests.
        let line = match line.split_once("; verdicts: ") {
            Some((before, after)) => format!("{before}; verdicts: [counts]{}", &after[after.find(';').unwrap_or(0)..]),
            None => line,
        };
        let line = match line.split_once(" s; exit ") {
            Some((before, after)) => {
                let at = before.rfind(' ').unwrap_or(0);
                format!("{} [time] s; exit {after}", &before[..at])
            }
            None => line,
        };
        let line = match line.split_once(".crossfade/runs/") {
            Some((before, after)) => {
                format!("{before}.crossfade/runs/[start]{}", &after[after.find('/').unwrap_or(after.len())..])
            }
            None => line,
        };
        lines.push(line + "\n");
    }
    lines.concat()
}

fn scenario(name: &str, text: &str) -> PathBuf {
    let folder = scratch(&format!("cli-{name}"));
    std::fs::write(folder.join("my-bug.yaml"), text).expect("it is written");
    folder
}

const BUG: &str = "scenario: my-bug\nclient: openai-chat\n\
    legs: {primary: {cut: {at: {texts: 5}, by: close}}, fallback: {}}\nvary: {legs.primary.cut.by: [close, eof]}\n";

#[test]
fn a_green_run_and_its_snapshot() {
    let folder = scenario("green", BUG);
    let args = ["run", "my-bug.yaml", "--proxy", "builtin"];
    insta::assert_snapshot!(told(&folder, &args), @r"
    exit 0
    --- stdout
    on builtin: 2 cases, seed [seed]

    scenario  pass
    my-bug       2

    snapshots: 1 new; look at them with `crossfade review`
    on builtin: 2 cases: 2 pass; verdicts: [counts]; [time] s; exit 0 (all as expected)
    --- stderr
    ");
    insta::assert_snapshot!(told(&folder, &["accept"]), @"
    exit 0
    --- stdout
    accepted ./snapshots/my-bug__builtin.snap
    --- stderr
    ");
    assert!(!told(&folder, &args).contains("snapshots:"), "accepted is accepted");
    let changed = told(&folder, &[&args[..], &["--defect", "system-prompt-edited"]].concat());
    assert!(changed.contains("changed snapshot of my-bug"), "{changed}");
    assert!(told(&folder, &["review"]).contains("[1/1] changed: ./snapshots/my-bug__builtin.snap"));
    assert!(told(&folder, &["reject"]).contains("rejected ./snapshots/my-bug__builtin.snap"));
    assert!(told(&folder, &["review"]).contains("no pending snapshots"));
    let ci = told_with(&folder, &args, &[("CI", "true")]);
    assert!(ci.starts_with("exit 0"), "{ci}");
    // Nothing of a green run stays.
    let runs = folder.join(".crossfade/runs");
    let kept = std::fs::read_dir(runs).map_or(0, Iterator::count);
    assert_eq!(kept, 1, "only the failing run is kept");
}

#[test]
fn a_failure_is_repeated_by_its_command() {
    let folder = scenario("repeat", BUG);
    let args = ["run", "my-bug.yaml", "--proxy", "builtin", "--policy", "error", "--defect", "truncation-finished"];
    let first = told(&folder, &args);
    assert!(first.starts_with("exit 1"), "{first}");
    let command = first.lines().find_map(|line| line.strip_prefix("repeat: ")).expect("a command is printed");
    let program = format!("{} {}", program().display(), command.strip_prefix("crossfade ").expect("ours"));
    let output =
        std::process::Command::new("sh").args(["-c", &program]).current_dir(&folder).output().expect("a shell starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("1 case: 1 failed"), "{text}");
    // What was kept is judged the same again.
    let kept = first.lines().find_map(|line| line.strip_prefix("kept:   ")).expect("a folder is kept");
    let start = std::fs::read_dir(folder.join(".crossfade/runs"))
        .expect("the scratch folder can be used")
        .flatten()
        .map(|entry| entry.file_name())
        .min();
    let kept = kept.replace("[start]", &start.expect("a run").to_string_lossy());
    for name in ["history.json", "client.sh", "configuration/config.json"] {
        assert!(folder.join(&kept).join(name).is_file(), "{name}");
    }
    let judged = told(&folder, &["judge", &kept]);
    assert!(judged.starts_with("exit 1"), "{judged}");
    assert!(judged.contains("fail          stream.truncation-visible"), "{judged}");
}

#[test]
fn usage_errors() {
    let folder = scenario("usage", BUG);
    let check = |args: &[&str], says: &str| {
        let told = told(&folder, args);
        assert!(told.starts_with("exit 2"), "{told}");
        assert!(told.contains(says), "{told}");
    };
    check(&["run", "my-bug.yaml"], "which proxy?");
    check(&["run", "my-bug.yaml", "--proxy", "bultin"], "builtin");
    check(&["run", "my-bug.yaml", "--proxy", "builtin", "--defect", "nothing"], "no defect is called `nothing`");
    check(&["run", "my-bug.yaml", "--proxy", "http://127.0.0.1:1", "--policy", "error"], "`--proxy builtin` alone");
    check(&["run", "my-bug.yaml", "--proxy", "builtin", "--listen", "127.0.0.1:1"], "runs already");
    check(&["run", "my-bug.yaml", "--proxy", "ftp://x"], "http://HOST:PORT");
    check(&["hold", "my-bug.yaml", "--proxy", "builtin"], "means 2 cases");
    check(&["explain", "fallback.acepted"], "fallback.accepted");
    check(&["new", "my-bug"], "is there already");
    check(&["new", "other", "--by", "stal"], "did you mean `stall`?");
    check(&["nothing"], "unrecognized subcommand");
}

#[test]
fn rules_are_tried_on_a_request() {
    let folder = scenario("rules", BUG);
    let write =
        |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("the scratch folder can be used");
    let of = |args: &[&str]| told(&folder, &[&["rules", "try"], args].concat());
    write(
        "prefill.json",
        r#"{"max_tokens": 9, "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}"#,
    );
    let refused = of(&["prefill.json", "--model", "anthropic/claude-sonnet-4-6"]);
    assert!(refused.starts_with("exit 1"), "{refused}");
    for part in [
        "refused by anthropic-prefill-unsupported\n  status    400\n  body      {\"type\":\"error\"",
        "  at        messages[1].role\n  evidence  recorded, 2026-11-22\n",
        "  source    https://github.com/BerriAI/litellm/issues/27967\n",
    ] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    insta::assert_snapshot!(of(&["prefill.json", "--model", "anthropic/claude-sonnet-4-5"]), @r"
    exit 0
    --- stdout
    no rule refuses it: anthropic/claude-sonnet-4-5 in anthropic-messages
    --- stderr
    ");
    let near = of(&["prefill.json", "--model", "anthropic/claude-sonet-4-6"]);
    assert!(near.starts_with("exit 0") && near.contains("did you mean `anthropic/claude-sonnet-4-6`?"), "{near}");
    let mistral = of(&["prefill.json", "--model", "mistral/mistral-large-latest"]);
    assert!(mistral.contains("refused by mistral-last-role") && mistral.contains(r#"{"object":"error""#), "{mistral}");
    let inferred = of(&["prefill.json", "--model", "anthropic/claude-opus-5"]);
    assert!(inferred.starts_with("exit 1") && inferred.contains("not certain for this model"), "{inferred}");
    assert!(of(&["prefill.json", "--model", "acme/m"]).starts_with("exit 2"));
    assert!(of(&["prefill.json", "--model", "acme/m", "--api", "openai-chat"]).contains("there are no rules for acme"));
    assert!(of(&["nowhere.json", "--model", "openai/gpt-5"]).starts_with("exit 3"));
    let version = of(&["prefill.json", "--model", "anthropic/claude-sonnet-4-5", "--header", "anthropic-version"]);
    assert!(version.starts_with("exit 2") && version.contains("NAME: VALUE"), "{version}");
    assert!(told(&folder, &["rules", "try", "--help"]).contains("1  it is refused"));

    // A rule switched off, and one of the user's own.
    let rules = "rules_format: 1\nvendor: acme\napi: openai-chat\nrules:\n  - id: acme-no-top-p\n    stage: parameters\n    \
                 models: ['*']\n    when: {exists: top_p}\n    error: {status: 422, kind: bad, message: 'no top_p'}\n    \
                 evidence: reported\n    exact: true\n    sources: [our wiki]\n    examples:\n      \
                 - refused: {model: m, body: {top_p: 1}}\n      - accepted: {model: m}\n";
    write("acme.yaml", rules);
    write("crossfade.yaml", "rules: {files: [acme.yaml], off: [anthropic-prefill-unsupported]}\n");
    assert!(of(&["prefill.json", "--model", "anthropic/claude-sonnet-4-6"]).starts_with("exit 0"));
    write("top.json", r#"{"top_p": 0.5, "messages": []}"#);
    let own = of(&["top.json", "--model", "acme/m", "--api", "openai-chat"]);
    assert!(own.starts_with("exit 1") && own.contains("acme-no-top-p") && own.contains("  at        top_p"), "{own}");
    assert!(told(&folder, &["explain", "acme-no-top-p"]).contains("source   our wiki"));
    assert!(told(&folder, &["lint", "acme.yaml"]).contains("1 other file loads"));
    write("acme.yaml", &rules.replace("body: {top_p: 1}", "body: {top_k: 1}"));
    let unproved = told(&folder, &["lint", "acme.yaml"]);
    assert!(unproved.starts_with("exit 3") && unproved.contains("acme-no-top-p example 1"), "{unproved}");
    write("crossfade.yaml", "rules: {off: [anthropic-prefil-unsupported]}\n");
    let unknown = told(&folder, &["lint", "my-bug.yaml"]);
    assert!(
        unknown.starts_with("exit 3") && unknown.contains("did you mean `anthropic-prefill-unsupported`?"),
        "{unknown}"
    );
}

#[test]
fn a_misspelt_model_is_told() {
    let folder = scenario("near", "legs: {primary: {model: anthropic/claude-sonet-4-6}, fallback: {}}\n");
    let told = told(&folder, &["lint", "my-bug.yaml"]);
    assert!(told.starts_with("exit 0"), "{told}");
    let hint =
        "my-bug.yaml:1:35: no rule knows `anthropic/claude-sonet-4-6`; did you mean `anthropic/claude-sonnet-4-6`?";
    assert!(told.contains(hint), "{told}");
}

#[test]
fn files_that_do_not_load() {
    let folder = scenario("load", "scenario: x\nlegs: {primary: {answr: text}}\n");
    insta::assert_snapshot!(told(&folder, &["lint", "my-bug.yaml"]), @r"
    exit 3
    --- stdout
    --- stderr
    error: unknown field `answr`
     --> my-bug.yaml:2:18
      |
    2 | legs: {primary: {answr: text}}
      |                  ^^^^^
      |
      = help: did you mean `answer`?
    ");
    assert!(told(&folder, &["run", "my-bug.yaml", "--proxy", "builtin"]).starts_with("exit 3"));
    assert!(told(&folder, &["run", "nowhere.yaml", "--proxy", "builtin"]).starts_with("exit 3"));
    std::fs::write(folder.join("b.yaml"), "- x: y\n").expect("the scratch folder can be used");
    std::fs::write(folder.join("my-bug.yaml"), BUG).expect("the scratch folder can be used");
    let args = ["run", "my-bug.yaml", "--proxy", "builtin", "--baseline", "b.yaml"];
    assert!(told(&folder, &args).starts_with("exit 3"));
    assert!(told(&folder, &["judge", "my-bug.yaml"]).starts_with("exit 3"));
}

#[test]
fn a_check_that_is_named_and_never_judged_is_told() {
    let folder = scenario("named", &format!("{BUG}checks: [stream.text, translate.tools]\n"));
    let run = told(&folder, &["run", "my-bug.yaml", "--proxy", "builtin"]);
    assert!(run.contains("\nnamed, and judged in none of these cases: my-bug/translate.tools\n"), "{run}");
    assert_eq!(run.matches("named, and").count(), 1, "{run}");
}

#[test]
fn nothing_judged_is_not_green() {
    let folder = scenario("nothing", &format!("{BUG}only: someone-else\n"));
    let told_run = told(&folder, &["run", "my-bug.yaml", "--proxy", "builtin"]);
    insta::assert_snapshot!(told_run, @r"
    exit 4
    --- stdout
    on builtin: 2 cases, seed [seed]

    scenario  skip
    my-bug       2

    skipped: 2 x only for someone-else
    on builtin: 2 cases: 2 skip; nothing judged; [time] s; exit 4 (nothing was judged)
    --- stderr
    ");
    let none = told(&folder, &["run", "my-bug.yaml", "--proxy", "builtin", "--filter", "zzz"]);
    assert!(none.starts_with("exit 4"), "{none}");
    assert!(none.contains("warn: none of the 2 cases is called zzz\n"), "{none}");
}

#[test]
fn one_case_of_a_file_by_its_address() {
    let folder = scenario("address", BUG);
    let of = |args: &[&str]| told(&folder, args);
    insta::assert_snapshot!(of(&["list", "my-bug.yaml[eof]"]), @r"
    exit 0
    --- stdout
    my-bug[eof]
    --- stderr
    ");
    let run = of(&["run", "my-bug.yaml[eof]", "--proxy", "builtin"]);
    assert!(run.contains("on builtin: 1 case: 1 pass"), "{run}");
    let hold = of(&["hold", "my-bug.yaml[close]", "--proxy", "builtin"]);
    assert!(hold.contains("pass my-bug[close]"), "{hold}");
    insta::assert_snapshot!(of(&["run", "my-bug.yaml[eoff]", "--proxy", "builtin"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: no file, folder or case is called `my-bug.yaml[eoff]`; did you mean `my-bug[eof]`?
    ");
    insta::assert_snapshot!(of(&["run", "my-bug[eof]", "--proxy", "builtin"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: no file, folder or case is called `my-bug[eof]`; a case of a file is written `FILE.yaml[case]`; `crossfade list` shows the cases
    ");
    let part = of(&["run", "stream", "--proxy", "builtin"]);
    assert!(part.starts_with("exit 2"), "part of a name is no name: {part}");
    let both = of(&["list", "truncation", "--filter", "eof"]);
    assert!(both.contains("\ntruncation[eof]\n") && !both.contains("reset"), "a filter narrows: {both}");
    assert!(of(&["run", "scenaris", "--proxy", "builtin"]).starts_with("exit 2"), "a folder that is not there");
    assert!(of(&["run", "nothing.yaml[eof]", "--proxy", "builtin"]).starts_with("exit 3"), "a file that is not there");
}

#[test]
fn what_cannot_be_written_or_found_is_said_at_once() {
    let folder = scenario("unwritable", BUG);
    let of = |args: &[&str]| told(&folder, args);
    let json = of(&["run", "my-bug.yaml", "--proxy", "builtin", "--json", "no/report.json"]);
    assert!(
        json.starts_with("exit 2\n--- stdout\n--- stderr\nerror: cannot write the report to no/report.json"),
        "{json}"
    );
    for command in ["accept", "reject", "review"] {
        let missing = of(&[command, "nowhere"]);
        assert!(missing.starts_with("exit 2"), "{missing}");
        assert!(missing.contains("there is no file or folder nowhere"), "{missing}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let serve = of(&["serve", "--port", &port]);
    assert!(serve.starts_with("exit 6") && serve.contains("or give another port"), "{serve}");
    assert!(of(&["judge", "."]).contains("holds no `history.json`"));
    assert!(of(&["judge", "my-bug.yaml"]).contains("this is no history of a case"));
    let unknown = of(&["explain", "nothing-like-it"]);
    assert!(unknown.contains("`crossfade show checks`, `show rules` and `show defects`"), "{unknown}");
    assert!(of(&["show", "defects"]).contains("text-doubled"));
    assert!(of(&["lint", "my-bug.yaml"]).contains("1 scenario file with 2 cases loads"));
}

#[test]
fn a_baseline_is_kept_honest() {
    let folder = scenario("baseline", BUG);
    let run = |defect: &[&str]| {
        let args = [&["run", "my-bug.yaml", "--proxy", "builtin", "--policy", "error", "--baseline", "b.yaml"], defect]
            .concat();
        told(&folder, &args)
    };
    let entry = |case: &str| {
        format!("- my-bug[{case}]/stream.truncation-visible: filed as 7\n- my-bug[{case}]/expect.outcome: filed as 7\n")
    };
    std::fs::write(folder.join("b.yaml"), entry("close") + &entry("eof")).expect("the scratch folder can be used");
    let known = run(&["--defect", "truncation-finished"]);
    assert!(known.starts_with("exit 0"), "{known}");
    assert!(known.contains("fails as known: filed as 7"), "{known}");
    let stale = run(&[]);
    assert!(stale.starts_with("exit 1"), "{stale}");
    assert!(stale.contains("stale baseline entry"), "{stale}");
    std::fs::write(folder.join("b.yaml"), "- my-bug[gone]/stream.text: filed as 8\n")
        .expect("the scratch folder can be used");
    let gone = run(&[]);
    assert!(gone.starts_with("exit 1") && gone.contains("my-bug[gone]/stream.text"), "{gone}");
}

#[test]
fn lists_and_explanations() {
    let folder = scenario("list", BUG);
    insta::assert_snapshot!(told(&folder, &["list", "my-bug.yaml"]), @r"
    exit 0
    --- stdout
    my-bug[close]
    my-bug[eof]
    --- stderr
    ");
    insta::assert_snapshot!(told(&folder, &["list", "my-bug.yaml", "--launches", "--filter", "my-bug[eof]"]), @r"
    exit 0
    --- stdout
    launch 1: nothing set; 1 cases
      control c1 openai/gpt-4o-mini in openai-chat
      1 slots: primary openai/gpt-4o-mini in openai-chat, then fallback openai/gpt-4o-mini in openai-chat
    1 cases run, 0 are skipped
    --- stderr
    ");
    for args in [
        &["explain", "fallback.accepted"][..],
        &["explain", "seam-blank-lost"],
        &["explain", "5"],
        &["show", "faults"],
        &["schema", "scenario"],
    ] {
        assert!(told(&folder, args).starts_with("exit 0"), "{args:?}");
    }
}

#[test]
fn new_writes_a_scenario_that_runs() {
    let folder = scratch("cli-new");
    assert!(told(&folder, &["new", "mine"]).starts_with("exit 0"));
    assert!(folder.join("scenario.schema.json").is_file());
    let lint = told(&folder, &["lint", "mine.yaml"]);
    assert!(lint.starts_with("exit 0"), "{lint}");
    let run = told(&folder, &["run", "mine.yaml", "--proxy", "builtin"]);
    assert!(run.starts_with("exit 0") && run.contains("4 pass"), "{run}");
}

#[test]
fn init_sets_up_a_repository_that_runs() {
    let folder = scratch("cli-init");
    insta::assert_snapshot!(told(&folder, &["init"]), @r"
    exit 0
    --- stdout
    wrote crossfade.yaml
    wrote crossfade-baseline.yaml
    wrote scenarios/example.yaml
    wrote scenarios/scenario.schema.json
    wrote .github/workflows/crossfade.yml

    next:
      crossfade run --proxy builtin         the scenarios on the reference proxy
      edit `proxy:` in crossfade.yaml       which proxy is yours
      crossfade new my-bug                  a scenario for a bug that you met
      edit .github/workflows/crossfade.yml  where Crossfade comes from, and how your proxy is built and run
    --- stderr
    ");
    let again = told(&folder, &["init", "--ci", "none"]);
    assert!(again.starts_with("exit 0") && !again.contains("wrote"), "{again}");
    assert!(again.contains("left crossfade.yaml as it is"), "{again}");
    let lint = told(&folder, &["lint", "crossfade.yaml", "crossfade-baseline.yaml", "scenarios"]);
    assert!(lint.starts_with("exit 0"), "{lint}");
    let list = told(&folder, &["list"]);
    assert!(list.starts_with("exit 0") && list.contains("example[close]"), "{list}");
    for args in [&["run", "--proxy", "builtin"][..], &["run", "scenarios"], &["run", "example", "--proxy", "builtin"]] {
        let run = told(&folder, args);
        assert!(run.starts_with("exit 0") && run.contains("on builtin: 4 cases: 4 pass"), "{run}");
    }
    let bundled = told(&folder, &["list", "truncation"]);
    assert!(bundled.starts_with("exit 0") && bundled.contains("truncation[eof]"), "{bundled}");
    let unknown = told(&folder, &["list", "exampel"]);
    assert!(unknown.starts_with("exit 2") && unknown.contains("did you mean `example`?"), "{unknown}");
}

#[test]
fn init_knows_the_repository_that_it_is_in() {
    let folder = scratch("cli-init-known");
    std::fs::write(folder.join("package.json"), r#"{"name": "@portkey-ai/gateway"}"#).expect("the folder can be used");
    std::fs::create_dir(folder.join("scenarios")).expect("the folder can be used");
    std::fs::write(folder.join("scenarios/mine.yaml"), BUG).expect("the folder can be used");
    let init = told(&folder, &["init", "--ci", "gitlab"]);
    assert!(init.contains("crossfade run --proxy portkey --from ."), "{init}");
    assert!(!folder.join("scenarios/example.yaml").exists(), "there are scenarios");
    let workflow = std::fs::read_to_string(folder.join(".gitlab/crossfade.yml")).expect("it was written");
    assert!(workflow.contains("- npm ci\n") && workflow.contains("run --proxy portkey --from . "), "{workflow}");
    let run = told(&folder, &["run", "--proxy", "builtin"]);
    assert!(run.starts_with("exit 0") && run.contains("2 pass"), "{run}");
    assert!(told(&folder, &["init", "--proxy", "portky"]).starts_with("exit 2"));
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_reports_what_it_has() {
    let folder = scenario(
        "interrupt",
        "scenario: my-bug\nsettings: {idle_timeout: 20s}\nlegs: {primary: {cut: {at: {texts: 2}, by: stall}}, fallback: {}}\n",
    );
    let mut command = crossfade(&folder);
    command.args(["run", "my-bug.yaml", "--proxy", "builtin"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let child = command.spawn().expect("the binary starts");
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    let killed =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.contains("interrupted: only what was done so far is counted"), "{text}");
}

/// A proxy that is up, and ends with the n-th request that it gets; until then it hands requests on to the leg. It hangs up
/// a moment before it ends, as whoever is slow to die.
const MORTAL: &str = r#"
import http.client, json, os, socket, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
port, config, lives = int(sys.argv[1]), json.load(open(sys.argv[2])), int(sys.argv[3])
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200); self.send_header("content-length", "0"); self.end_headers()
    def do_POST(self):
        global lives
        lives -= 1
        if lives < 0:
            print("out of lives", flush=True)
            self.server.socket.close(); self.connection.shutdown(socket.SHUT_RDWR)
            time.sleep(0.3); os._exit(9)
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        url = config[body["model"]]
        body["model"] = "gpt-4o-mini"
        host, path = url.removeprefix("http://").split("/", 1)
        leg = http.client.HTTPConnection(host)
        leg.request("POST", "/" + path + "/v1/chat/completions", json.dumps(body), {"content-type": "application/json", "authorization": "Bearer x"})
        answer = leg.getresponse(); text = answer.read()
        while answer.status == 503: time.sleep(1)
        self.send_response(answer.status); self.send_header("content-type", answer.getheader("content-type"))
        self.send_header("content-length", str(len(text))); self.end_headers(); self.wfile.write(text)
    def log_message(self, *_): pass
HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"#;

fn mortal(name: &str, lives: u32) -> String {
    mortal_on(name, lives, "scenario: my-bug\nlegs: {primary: {}, fallback: {}}\n")
}

fn mortal_on(name: &str, lives: u32, text: &str) -> String {
    let folder = mortal_in(name, lives, text);
    told(&folder, &["run", "my-bug.yaml", "--proxy", "mortal", "--time-limit", "1s"])
}

fn mortal_in(name: &str, lives: u32, text: &str) -> PathBuf {
    let folder = scenario(name, text);
    let profile = folder.join("profiles/mortal");
    std::fs::create_dir_all(&profile).expect("the scratch folder can be used");
    let script = folder.join("mortal.py");
    std::fs::write(&script, MORTAL).expect("the scratch folder can be used");
    let text = format!(
        "profile: mortal\nsummary: Dies\nget: {{system: {{bin: python3, hint: apt, version_args: [--version]}}}}\n\
         files: {{config.json: config.json.j2}}\n\
         command: [\"{{{{ bin }}}}\", {}, \"{{{{ port }}}}\", \"{{{{ run_dir }}}}/config.json\", \"{lives}\"]\n\
         ready: {{path: /ready, status: [200], within: 20s}}\n\
         endpoints: {{openai-chat: {{path: /v1/chat/completions, model: \"{{{{ route.name }}}}\"}}}}\n\
         case_by: model\nleg_by: prefix\n",
        script.display()
    );
    std::fs::write(profile.join("profile.yaml"), text).expect("the scratch folder can be used");
    let config = "{ {%- for r in routes %}\"{{ r.name }}\": \"{{ r.legs[0].base_url }}\"{% if not loop.last %},{% endif %}{% endfor -%} }\n";
    std::fs::write(profile.join("config.json.j2"), config).expect("the scratch folder can be used");
    folder
}

#[test]
fn a_case_that_makes_the_proxy_hang_is_told_and_the_others_run() {
    let text = "scenario: my-bug\nlegs: {primary: {}, fallback: {}}\n\
                vary: {legs.primary.status: [500, 503, 502, 501]}\n";
    let told = mortal_on("hangs", 1_000, text);
    assert!(told.starts_with("exit 1"), "{told}");
    assert!(told.contains("the proxy is gone; it is started again: it hangs"), "{told}");
    assert!(told.contains("4 cases: "), "{told}");
    assert!(told.contains("FAIL my-bug[503]"), "{told}");
    assert_eq!(told.matches("fail lifecycle.survives").count(), 1, "{told}");
}

#[test]
fn a_proxy_that_keeps_dying_is_no_proxy() {
    let told = mortal("mortal", 0);
    assert!(told.starts_with("exit 6"), "{told}");
    assert!(told.contains("it is started again"), "{told}");
    assert!(told.contains("it died twice: it ended with exit code 9"), "{told}");
    assert!(told.contains("  | out of lives"), "{told}");
}

#[test]
fn a_proxy_that_dies_of_a_control_is_no_finding() {
    let folder = mortal_in("mortal-explored", 0, "scenario: my-bug\nlegs: {primary: {}}\n");
    let told = told(&folder, &["explore", "--proxy", "mortal", "--cases", "4", "--seed", "7"]);
    assert!(told.starts_with("exit 6"), "{told}");
    assert!(told.contains("it ended with exit code 9") && !told.contains("lifecycle.survives"), "{told}");
}

#[test]
fn a_run_in_which_the_proxy_died_is_not_green() {
    let told = mortal("mortal-once", 1);
    assert!(told.starts_with("exit 5"), "{told}");
    assert!(told.contains("1 case: 1 pass"), "{told}");
    assert!(told.contains("the proxy died or hung 1 x and was started again"), "{told}");
}

#[test]
fn lint_reads_a_file_as_what_it_is() {
    let folder = mortal_in("linted", 0, "legs: {primary: {}}\n");
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("it is written");
    let check = |paths: &[&str], expect: &str| {
        let told = told(&folder, &[&["lint"], paths].concat());
        assert!(told.contains(expect), "{expect}: {told}");
    };
    write("answer.yaml", "summary: One word\nparts: [{text: {words: 1}}]\n");
    write("baseline.yaml", "# Known.\n\n  - my-bug/stream.text: filed as https://example.test/1\n");
    check(&["profiles/mortal/profile.yaml", "answer.yaml", "baseline.yaml", "my-bug.yaml"], "3 other files load");
    write("answer.yaml", "parts: [{txt: {words: 1}}]\n");
    check(&["answer.yaml"], "did you mean `text`");
    write("profiles/mortal/profile.yaml", "profile: mortal\nsummary: x\ncommandd: [x]\n");
    check(&["profiles/mortal/profile.yaml"], "unknown field `commandd`");
    check(&["profiles/mortal/profile.yaml"], "did you mean `command`");
    write("mine.yaml", "profile: mine\nsummary: x\n");
    check(&["mine.yaml"], "a profile is a folder of its name");
}

#[test]
fn a_profile_of_ones_own_beside_the_scenario() {
    let told = mortal("immortal", 100);
    assert!(told.contains("on mortal"), "{told}");
    assert!(told.contains("1 case: 1 "), "{told}");
    assert!(!told.contains("died"), "{told}");
}

/// `answer.yaml` in a folder of its own.
fn with_answer(name: &str, text: &str) -> PathBuf {
    let folder = scratch(&format!("cli-{name}"));
    std::fs::write(folder.join("answer.yaml"), text).expect("it is written");
    folder
}

const ANSWER: &str = "summary: Text, then a call\nparts:\n  - text: {words: 4}\n\
                      \u{20}\u{20}- text: {literal: 'and {word}!'}\n\
                      \u{20}\u{20}- tool_call: {name: look_up, arguments: {city: '{word}'}}\n";

#[test]
fn a_cassette_is_made_from_a_script_and_replays() {
    let folder = with_answer("synth", ANSWER);
    let synth = ["synth", "answer.yaml", "--model", "anthropic/claude-sonnet-4-6", "--out", "cassettes/mine.yaml"];
    insta::assert_snapshot!(told(&folder, &synth), @r"
    exit 0
    --- stdout
    wrote cassettes/mine.yaml: 20 events of anthropic/claude-sonnet-4-6 in anthropic-messages
    replay it: `answer: {cassette: cassettes/mine.yaml}` in a leg
    --- stderr
    ");
    insta::assert_snapshot!(told(&folder, &["lint", "cassettes/mine.yaml"]), @r"
    exit 0
    --- stdout
    1 other file loads
    --- stderr
    ");
    // What stands there is not lost by accident, and another run gives the same bytes.
    let read = || std::fs::read_to_string(folder.join("cassettes/mine.yaml")).expect("it is there");
    let first = read();
    insta::assert_snapshot!(told(&folder, &synth), @r"
    exit 2
    --- stdout
    --- stderr
    error: cassettes/mine.yaml is there already; `--force` overwrites it
    ");
    told(&folder, &[&synth[..], &["--force"]].concat());
    assert_eq!(read(), first);
    assert!(folder.join("cassettes/cassette.schema.json").is_file());
    assert!(first.starts_with("# yaml-language-server: $schema=cassette.schema.json\n"), "{first}");

    let scenario = "scenario: replayed\nclient: anthropic-messages\nlegs:\n  \
                    primary: {answer: {cassette: cassettes/mine.yaml}}\nexpect: {outcome: completed}\n";
    std::fs::write(folder.join("replayed.yaml"), scenario).expect("it is written");
    let run = told(&folder, &["run", "replayed.yaml", "--proxy", "builtin"]);
    assert!(run.starts_with("exit 0\n"), "{run}");
}

#[test]
fn a_script_that_is_wrong_is_shown_where_it_is() {
    let folder = with_answer("synth-wrong", "parts:\n  - text: {word: 4}\n");
    insta::assert_snapshot!(told(&folder, &["synth", "answer.yaml"]), @r"
    exit 3
    --- stdout
    --- stderr
    error: unknown field `word`
     --> answer.yaml:2:12
      |
    2 |   - text: {word: 4}
      |            ^^^^
      |
      = help: did you mean `words`?
    ");
    insta::assert_snapshot!(told(&folder, &["synth", "tool-cal"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: no answer is called `tool-cal`; did you mean `tool-call`?
    ");
    insta::assert_snapshot!(told(&folder, &["synth", "nothing.yaml"]), @r"
    exit 3
    --- stdout
    --- stderr
    error: nothing.yaml: there is no such file; `crossfade show answers` lists the bundled answers
    ");
    insta::assert_snapshot!(told(&folder, &["synth", "text", "--model", "acme/large"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: no API is known for the vendor `acme`; say it with `--api`, for example `--api openai-chat`
    ");
    insta::assert_snapshot!(told(&folder, &["synth", "text", "--force"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: the following required arguments were not provided:
      --out <FILE>

    Usage: crossfade synth --out <FILE> --force <ANSWER>

    For more information, try '--help'.
    ");
}

#[test]
fn every_bundled_answer_makes_a_cassette_in_every_api() {
    let folder = scratch("cli-synth-all");
    for api in crossfade::api::ApiId::ALL {
        for answer in crossfade::answer::Library::names() {
            let out = format!("{api}/{answer}.yaml");
            let made = told(&folder, &["synth", answer, "--api", api.name(), "--out", &out]);
            assert!(made.starts_with("exit 0\n"), "{made}");
        }
        let linted = told(&folder, &["lint", &format!("{api}/text.yaml"), &format!("{api}/tool-call.yaml")]);
        assert!(linted.contains("2 other files load"), "{linted}");
    }
    let unary = told(&folder, &["synth", "text", "--unary", "--seed", "2a"]);
    assert!(unary.contains("chunks:") && unary.matches("- data:").count() == 1, "{unary}");
}

#[test]
fn cassettes_are_shown_compared_and_verified() {
    let folder = scratch("cli-cassettes");
    let synth = told(&folder, &["synth", "text", "--out", "cassettes/a.yaml"]);
    assert!(synth.starts_with("exit 0"), "{synth}");
    let check = |args: &[&str], code: u8, says: &[&str]| {
        let told = told(&folder, &[&["cassette"], args].concat());
        assert!(told.starts_with(&format!("exit {code}\n")), "{args:?}: {told}");
        for word in says {
            assert!(told.contains(word), "{args:?}: {told}");
        }
    };
    let file = folder.join("cassettes/a.yaml");
    check(&["show", "cassettes/a.yaml"], 0, &["> POST /v1/chat/completions", "finish    stop", "ended properly"]);
    check(&["verify", "cassettes"], 0, &["ok    cassettes/a.yaml: 1 exchange of openai-chat", "1 fit, 0 not"]);
    let text = std::fs::read_to_string(&file).expect("it is there");
    // A key that no machine would give out.
    let key = format!("sk-ant-api03-{}", "Qz7".repeat(12));
    let leaky = text.replace("/v1/chat/completions", &format!("/v1/chat/completions?note={key}"));
    std::fs::write(folder.join("cassettes/b.yaml"), leaky).expect("it is written");
    check(&["diff", "cassettes/a.yaml", "cassettes/b.yaml"], 1, &["exchange 1, request: target", "- \"/v1/chat"]);
    check(&["diff", "--wire", "cassettes/a.yaml", "cassettes/a.yaml"], 0, &["they say the same"]);
    check(&["verify", "cassettes"], 1, &["bad   cassettes/b.yaml", "secret: Anthropic key", "1 fit, 1 not"]);
    let verified = told(&folder, &["cassette", "verify", "cassettes"]);
    assert!(!verified.contains("Qz7"), "a secret is never shown: {verified}");
    let old = text.replace("how: synthesized", "how: recorded");
    let date = old.lines().find(|line| line.contains("date:")).expect("a date").to_owned();
    std::fs::write(folder.join("cassettes/b.yaml"), old.replace(&date, "  date: \"2020-01-01\"")).expect("written");
    check(&["verify", "cassettes", "--max-age", "26w"], 1, &["recorded 2020-01-01", "more than 182"]);
    check(&["verify", "cassettes", "--max-age", "old"], 2, &["an age begins with a number"]);
    check(&["verify", "cassettes", "--unused"], 2, &["needs scenarios"]);
    let scenario = "scenario: uses\nclient: openai-chat\nlegs: {primary: {answer: {cassette: cassettes/a.yaml}}}\n";
    std::fs::write(folder.join("uses.yaml"), scenario).expect("written");
    check(&["verify", "cassettes/a.yaml", "--unused", "--scenarios", "uses.yaml"], 0, &["1 fit"]);
    check(
        &["verify", "cassettes", "--unused", "--scenarios", "uses.yaml"],
        1,
        &["no scenario uses it", "1 fit, 1 not"],
    );
    std::fs::write(folder.join("cassettes/b.yaml"), text.replace("sha256: ", "sha256: 0")).expect("written");
    check(&["verify", "cassettes"], 3, &["bad   cassettes/b.yaml:", "digest", "1 fit, 1 not"]);
    check(&["verify", "nowhere"], 3, &["nowhere"]);
}

#[test]
fn a_trace_shows_both_sides() {
    let folder = scenario("trace", BUG);
    let run = told(&folder, &["run", "my-bug.yaml[close]", "--proxy", "builtin", "--trace", "--keep"]);
    assert!(run.starts_with("exit 0"), "{run}");
    let at = |what: &str| run.find(what).unwrap_or_else(|| panic!("{what}: {run}"));
    let order =
        ["trace my-bug[close]", "client", "> POST /v1/chat/completions", "> #1 POST /s1/primary", "x cut: close"];
    assert!(order.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{run}");
    // The same of what was kept.
    let kept = folder.join(".crossfade/runs");
    let start = std::fs::read_dir(kept).expect("it was kept").flatten().next().expect("a run").path();
    let judged = told(&folder, &["judge", &start.join("my-bug/close").to_string_lossy(), "--trace"]);
    assert!(judged.contains("> #1 POST /s1/primary") && judged.contains("x cut: close"), "{judged}");
}
