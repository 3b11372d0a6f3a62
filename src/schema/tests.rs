use std::path::{Path, PathBuf};

use super::*;
use crate::diagnostic::SourceFile;
use crate::yaml::{Document, Limits};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `CROSSFADE_UPDATE=1` rewrites the files.
#[test]
fn the_schemas_beside_the_data_are_fresh() {
    let bless = std::env::var_os("CROSSFADE_UPDATE").is_some();
    let mut stale = Vec::new();
    for (kind, path) in KINDS {
        let schema = of_kind(kind).expect("every kind has a schema");
        let text = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
        let path = root().join(path);
        if bless {
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(&path, &text).expect("written");
        } else if std::fs::read_to_string(&path).ok() != Some(text) {
            stale.push(kind);
        }
    }
    assert!(stale.is_empty(), "stale: {stale:?}; run the tests with CROSSFADE_UPDATE=1");
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
}

fn validate(kind: &str, name: &str, text: &str) -> Result<(), String> {
    let schema = of_kind(kind).expect("a kind");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let document = Document::parse(SourceFile::new(name, text), Limits::CASSETTE).map_err(|error| error.to_string())?;
    let value = document.root().to_value();
    let errors: Vec<String> =
        validator.iter_errors(&value).map(|error| format!("{name}: {}: {error}", error.instance_path())).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("\n")) }
}

#[test]
fn every_bundled_file_is_valid_and_points_to_its_schema() {
    let folders = [
        ("scenario", "scenarios"),
        ("cassette", "cassettes"),
        ("answer", "src/answers"),
        ("rules", "src/rules"),
        ("profile", "src/profiles"),
        ("vendor", "src/vendors"),
    ];
    let mut wrong = Vec::new();
    for (kind, folder) in folders {
        let mut found = Vec::new();
        files(&root().join(folder), &mut found);
        for path in found {
            // Templates of configuration files are YAML of someone else.
            if kind == "profile" && path.file_name().is_none_or(|name| name != "profile.yaml") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("readable");
            let name = path.display().to_string();
            wrong.extend(validate(kind, &name, &text).err());
            let modeline = text.lines().next().and_then(|line| line.strip_prefix("# yaml-language-server: $schema="));
            let schema = modeline.map(|to| path.parent().expect("a folder").join(to));
            if !schema.is_some_and(|schema| schema.is_file()) {
                wrong.push(format!("{name}: the first line does not point to the schema"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn shorthands_and_vary_are_valid() {
    for good in [
        "client: openai-chat\nlegs: {primary: {cut: {at: {texts: 5}, by: close}}, fallback: }\n",
        "only: a\nchecks: route.reached\nclient: {conversation: Hello., params: {max_tokens: null}}\nlegs: {primary: {}}\n",
        "legs: {primary: {status: 503, edits: crlf, answer: {file: x.yaml}, cut: {at: head, by: {stall: 2s}}}}\nexpect: {outcome: error}\n",
        "settings: {affinity: on, cooldown: false, fallback_on: [429, 5xx, timeout], idle_timeout: 3s}\nlegs: {primary: {}}\n",
        "legs: {primary: {attempts: [{status: 503}, {}]}}\nexpect: {requests: {primary: 2}, cancelled: {primary: 2s}}\n",
        "legs: {primary: {}}\nvary:\n  client.api: [openai-chat]\n  legs.primary.cut.by: [close, stall, {stall: {for: 10s}}]\n  \
         legs.primary.model: [openai/x, {value: openai/y, name: why}]\n  legs.primary.cut.at: [head, {texts: 2}]\n  \
         legs.primary.status: [503, null]\n  settings.idle_timeout: [3s]\n  expect.requests.primary: [1, 0..1]\n  client.params.temperature: [0.5]\n",
        "legs: {primary: {}}\nsteps:\n  - legs: {primary: {cut: {by: reset}}}\n    expect: {outcome: error}\n  - client: anthropic-messages\n",
        "sweep: byte\nlegs: {primary: {cut: {by: close}}}\n",
        "sweep: {every: event, leg: primary, from: 2, to: 9, step: 3}\nlegs: {primary: {cut: {at: head, by: close}}}\n",
        "client: {read: {pause: {at: {texts: 3}, for: 500ms}}}\nbeside: 3\nlegs: {primary: {}}\n",
        "pool: {workers: 2, model: openai/m, attempts: [{status: {code: 503}}, {answer: text}]}\n",
        "client: {conversation: [{user: [{text: a, cache: true}, {image: x}]}, {assistant: [{tool_call: {name: f}}]}, {tool: [{tool_result: y}]}]}\nlegs: {primary: {}}\n",
    ] {
        validate("scenario", "good.yaml", good).unwrap_or_else(|errors| panic!("{good}\n{errors}"));
    }
    for bad in [
        "legs: {primary: {cutt: {}}}\n",
        "legs: {primary: {cut: {at: {texts: 5}, by: clse}}}\n",
        "legs: {primary: {}}\nvary:\n  legs.primary.cutt.by: [close]\n",
        "legs: {primary: {}}\nvary:\n  legs.primary.cut.by: [clse]\n",
        "client: openai\nlegs: {primary: {}}\n",
        "sweep: {every: word}\nlegs: {primary: {cut: {by: close}}}\n",
        "settings: {idle_timeout: 3}\nlegs: {primary: {}}\n",
        "checks: [route.reachd]\nlegs: {primary: {}}\n",
    ] {
        assert!(validate("scenario", "bad.yaml", bad).is_err(), "{bad}");
    }
    validate("config", "c.yaml", "scenarios: x\nproxy: builtin\ntime_limit: 1m\n").expect("valid");
    validate("config", "c.yaml", "proxy: {url: http://x, as: y, headers: {a: b}}\n").expect("valid");
    assert!(validate("config", "c.yaml", "prox: x\n").is_err());
    validate("baseline", "b.yaml", "- a[b,c]/route.reached: because\n").expect("valid");
    assert!(validate("baseline", "b.yaml", "- a/route.reachd: because\n").is_err());
}
