//! Embeds the data files that people add to: a new scenario, cassette or answer needs no line of code.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    println!("cargo:rerun-if-changed=build.rs");
    for (folder, list) in [("scenarios", "scenarios.rs"), ("cassettes", "cassettes.rs"), ("src/answers", "answers.rs")]
    {
        println!("cargo:rerun-if-changed={folder}");
        fs::write(out.join(list), embed(&root.join(folder))).expect("the output folder is writable");
    }
}

/// A slice of paths below the folder and texts, sorted by path, as Rust.
fn embed(folder: &Path) -> String {
    let mut files = Vec::new();
    collect(folder, &mut files);
    let name = |file: &Path| {
        let below = file.strip_prefix(folder).expect("below the folder");
        below.iter().map(|part| part.to_str().expect("plain names")).collect::<Vec<_>>().join("/")
    };
    let mut named: Vec<(String, PathBuf)> = files.into_iter().map(|file| (name(&file), file)).collect();
    named.sort();
    let mut code = "&[\n".to_owned();
    for (name, file) in named {
        let file = file.to_str().expect("plain names");
        writeln!(code, "    ({name:?}, include_str!({file:?})),").expect("a string takes all");
    }
    code.push(']');
    code
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the folder is readable").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
}
