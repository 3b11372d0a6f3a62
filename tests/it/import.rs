//! `crossfade import`: what it says, and what it writes.

use std::fs;
use std::path::Path;

use crate::support::{crossfade, root, scratch};

fn told(folder: &Path, args: &[&str]) -> String {
    let output = crossfade(folder).arg("import").args(args).output().expect("the binary starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = output.status.code().unwrap_or(-1);
    format!("exit {code}\n--- stdout\n{}--- stderr\n{}", text(&output.stdout), text(&output.stderr))
}

/// A folder with a recording of each of these names, below `rec`.
fn with(name: &str, files: &[(&str, &str)]) -> std::path::PathBuf {
    let folder = scratch(name);
    for (path, fixture) in files {
        let path = folder.join("rec").join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::copy(root().join("src/import/fixtures").join(fixture), path).expect("copied");
    }
    folder
}

#[test]
fn a_file_becomes_a_cassette() {
    let folder = with("import-file", &[("test_tools.yaml", "vcrpy.yaml")]);
    let args = ["rec/test_tools.yaml", "--out", "cassettes/tools.yaml"];
    insta::assert_snapshot!(told(&folder, &args), @r"
    exit 0
    --- stdout
    wrote cassettes/tools.yaml: 2 exchanges in openai-chat, from test_tools.yaml (VCR.py)
    imported 2 of 3 exchanges into 1 cassette; `-v` says why the others are left out
    --- stderr
    ");
    let written = fs::read_to_string(folder.join("cassettes/tools.yaml")).expect("written");
    assert!(written.starts_with("# yaml-language-server: $schema=cassette.schema.json\ncassette: 1\n"), "{written}");
    assert!(folder.join("cassettes/cassette.schema.json").is_file());
    crossfade::cassette::load(&folder.join("cassettes/tools.yaml")).expect("it loads");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(folder.join("cassettes/tools.yaml")).expect("written").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    insta::assert_snapshot!(told(&folder, &args), @r"
    exit 2
    --- stdout
    --- stderr
    error: cassettes/tools.yaml is there already; `--force` overwrites it
    ");
    assert!(told(&folder, &[&args[..], &["--force"]].concat()).starts_with("exit 0\n"));
    assert!(told(&folder, &[&args[..], &["--force", "-v"]].concat()).contains("`GET /v1/models` generates nothing"));
}

#[test]
fn a_folder_becomes_a_folder() {
    let files = [
        ("a/test.yaml", "vcrpy.yaml"),
        ("a/test.json", "mastra.json"),
        ("b.flow", "mitmproxy.flow"),
        ("w/mappings/m.json", "wiremock.json"),
        ("w/__files/stream.txt", "stream.sse"),
    ];
    let folder = with("import-folder", &files);
    fs::write(folder.join("rec/README.md"), "# No: recording\n- [it: is\n").expect("written");
    fs::write(folder.join("rec/x.png"), b"\x89PNG\xff").expect("written");
    insta::assert_snapshot!(told(&folder, &["rec", "--out", "out"]), @r"
    exit 0
    --- stdout
    wrote out/a/test.yaml: 2 exchanges in openai-chat, from a/test.json (Mastra's recorder)
    wrote out/a/test-2.yaml: 2 exchanges in openai-chat, from a/test.yaml (VCR.py)
    wrote out/b.yaml: 2 exchanges in openai-chat, from b.flow (mitmproxy)
    wrote out/w/mappings/m.yaml: 2 exchanges in openai-chat, from w/mappings/m.json (WireMock)
    imported 8 of 10 exchanges into 4 cassettes; `-v` says why the others are left out; files that are no recordings: 2
    --- stderr
    ");
    let written = fs::read_to_string(folder.join("out/w/mappings/m.yaml")).expect("written");
    assert!(written.starts_with("# yaml-language-server: $schema=../../cassette.schema.json\n"), "{written}");
    insta::assert_snapshot!(told(&folder, &["rec", "--out", "one.yaml"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: these recordings make 4 cassettes, and one.yaml is one file; name a folder
    ");
}

#[test]
fn what_is_refused_is_said_with_its_place() {
    let folder = scratch("import-refused");
    fs::write(folder.join("bad.yaml"), "interactions:\n- request: {uri: /v1/messages}\n  response: {body: {}}\n")
        .expect("written");
    insta::assert_snapshot!(told(&folder, &["bad.yaml", "--out", "x.yaml"]), @r"
    exit 3
    --- stdout
    imported 0 of 0 exchanges into 0 cassettes
    --- stderr
    error: `status` is missing here
     --> bad.yaml:3:13
      |
    3 |   response: {body: {}}
      |             ^^^^^^^^^^
    ");
    fs::write(folder.join("notes.txt"), "nothing\n").expect("written");
    let said = told(&folder, &["notes.txt", "--out", "x.yaml"]);
    assert!(said.starts_with("exit 3\n") && said.contains("this is no recording of a known format"), "{said}");
    let said = told(&folder, &["gone.har", "--out", "x.yaml"]);
    assert!(said.starts_with("exit 3\n") && said.contains("cannot read this file"), "{said}");
    let mapping = r#"{"request": {"method": "POST"}, "response": {"status": 200, "bodyFileName": "../secret"}}"#;
    fs::create_dir_all(folder.join("mappings")).expect("made");
    fs::write(folder.join("mappings/m.json"), mapping).expect("written");
    let said = told(&folder, &["mappings/m.json", "--out", "x.yaml"]);
    assert!(said.contains("a body lies in `__files` and nowhere else"), "{said}");
    assert!(!folder.join("x.yaml").exists());
}
