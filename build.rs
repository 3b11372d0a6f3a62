//! Embeds the data files that people add to: a new scenario, cassette or answer needs no line of code. Rule files are
//! embedded as JSON too, for a leg reads them before it can answer, and JSON is read ten times as fast.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use saphyr_parser::{Event, Parser, ScalarStyle};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    println!("cargo:rerun-if-changed=build.rs");
    for (folder, list) in [
        ("scenarios", "scenarios.rs"),
        ("cassettes", "cassettes.rs"),
        ("src/answers", "answers.rs"),
        ("src/vendors", "vendors.rs"),
    ] {
        println!("cargo:rerun-if-changed={folder}");
        fs::write(out.join(list), embed(&root.join(folder), is_yaml)).expect("the output folder is writable");
    }
    // A profile is all that its folder holds.
    println!("cargo:rerun-if-changed=src/profiles");
    let profiles = embed(&root.join("src/profiles"), |file| !file.ends_with("profile.schema.json"));
    fs::write(out.join("profiles.rs"), profiles).expect("the output folder is writable");
    println!("cargo:rerun-if-changed=src/rules");
    let mut rules = Vec::new();
    collect(&root.join("src/rules"), is_yaml, &mut rules);
    fs::create_dir_all(out.join("rules")).expect("the output folder is writable");
    for file in rules {
        let yaml = fs::read_to_string(&file).expect("rules are readable");
        let name = file.file_name().expect("a file");
        fs::write(out.join("rules").join(name), json(&yaml, &file)).expect("the output folder is writable");
    }
}

/// A YAML document of ours as JSON. A test compares what is read of both, and tells what is wrong with a file.
fn json(yaml: &str, file: &Path) -> String {
    let mut json = String::new();
    // Of each open list or map: whether it is a map, and how many values and keys it has.
    let mut open: Vec<(bool, usize)> = Vec::new();
    for event in Parser::new_from_str(yaml) {
        let Ok((event, _)) = event else {
            println!("cargo:warning={}: not YAML", file.display());
            return "null".to_owned();
        };
        let is_key = open.last().is_some_and(|(map, count)| *map && count % 2 == 0);
        if matches!(event, Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..))
            && let Some((map, count)) = open.last_mut()
        {
            json.push_str(if *map && *count % 2 == 1 {
                ":"
            } else if *count > 0 {
                ","
            } else {
                ""
            });
            *count += 1;
        }
        match event {
            Event::Scalar(text, style, ..) if is_key || style != ScalarStyle::Plain => json.push_str(&quoted(&text)),
            Event::Scalar(text, ..) => json.push_str(&plain(&text)),
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                let map = matches!(event, Event::MappingStart(..));
                json.push(if map { '{' } else { '[' });
                open.push((map, 0));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                open.pop();
                json.push(if matches!(event, Event::MappingEnd) { '}' } else { ']' });
            }
            _ => {}
        }
    }
    json
}

/// What a plain scalar says.
fn plain(text: &str) -> String {
    match text {
        "" | "~" | "null" => "null".to_owned(),
        "true" | "false" => text.to_owned(),
        _ if text.starts_with('0') && text != "0" && !text.starts_with("0.") => quoted(text),
        _ if !text.starts_with(|first: char| first.is_ascii_digit() || first == '-') => quoted(text),
        _ => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(whole), _) => whole.to_string(),
            (_, Ok(number)) => format!("{number:?}"),
            _ => quoted(text),
        },
    }
}

fn quoted(text: &str) -> String {
    let mut json = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            c if c.is_control() => write!(json, "\\u{:04x}", u32::from(c)).expect("a string takes all"),
            c => json.push(c),
        }
    }
    json.push('"');
    json
}

/// A slice of paths below the folder and texts, sorted by path, as Rust.
fn embed(folder: &Path, takes: fn(&Path) -> bool) -> String {
    let mut files = Vec::new();
    collect(folder, takes, &mut files);
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

fn is_yaml(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "yaml")
}

fn collect(folder: &Path, takes: fn(&Path) -> bool, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the folder is readable").path();
        if path.is_dir() {
            collect(&path, takes, found);
        } else if takes(&path) {
            found.push(path);
        }
    }
}
