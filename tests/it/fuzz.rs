//! The fuzz targets, compiled with the tests and run on seeds: nobody else builds them but who fuzzes.

use std::path::Path;

use crate::support::root;

#[path = "../fuzz/targets/answer.rs"]
mod answer;
#[path = "../fuzz/targets/cassette.rs"]
mod cassette;
#[path = "../fuzz/targets/eventstream.rs"]
mod eventstream;
#[path = "../fuzz/targets/leg.rs"]
mod leg;
#[path = "../fuzz/targets/request.rs"]
mod request;
#[path = "../fuzz/targets/scenario.rs"]
mod scenario;
#[path = "../fuzz/targets/stream.rs"]
mod stream;
#[path = "../fuzz/targets/yaml.rs"]
mod yaml;

/// Files of a folder that are tried.
const SOME: usize = 12;

/// A target, what it checks, and folders with seeds.
type Target = (&'static str, fn(&[u8]), &'static [&'static str]);

const TARGETS: [Target; 8] = [
    ("answer", answer::check, &["tests/broken/answer", "src/answers"]),
    ("cassette", cassette::check, &["tests/broken/cassette", "cassettes/openai"]),
    ("eventstream", eventstream::check, &["tests/fuzz/seeds/eventstream"]),
    ("leg", leg::check, &["tests/fuzz/seeds/leg"]),
    ("request", request::check, &["tests/fuzz/seeds/request"]),
    ("scenario", scenario::check, &["tests/broken/scenario", "scenarios/fallback"]),
    ("stream", stream::check, &["tests/fuzz/seeds/stream"]),
    ("yaml", yaml::check, &["tests/broken/scenario", "src/rules"]),
];

/// Some files of a folder, from all over it.
fn some(folder: &Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    let step = files.len().div_ceil(SOME).max(1);
    files.iter().step_by(step).map(|file| std::fs::read(file).expect("it is read")).collect()
}

#[test]
fn every_target_holds_on_seeds() {
    for (name, check, folders) in TARGETS {
        for folder in folders {
            let seeds = some(&root().join(folder));
            assert!(!seeds.is_empty(), "{name}: {folder} has no seeds");
            for seed in seeds {
                check(&seed);
                // What a fuzzer makes of it first.
                check(&seed[..seed.len() / 2]);
            }
        }
    }
}

#[test]
fn every_target_is_built_and_tried() {
    let manifest = std::fs::read_to_string(root().join("tests/fuzz/Cargo.toml")).expect("it is read");
    let files = std::fs::read_dir(root().join("tests/fuzz/targets")).expect("it is there").flatten();
    for file in files {
        let name = file.file_name().to_string_lossy().replace(".rs", "");
        assert!(TARGETS.iter().any(|(target, ..)| *target == name), "{name} is tried here");
        let bin = format!("[[bin]]\nname = \"{name}\"\npath = \"targets/{name}.rs\"\n");
        assert!(manifest.contains(&bin), "tests/fuzz/Cargo.toml builds {name}");
    }
}
