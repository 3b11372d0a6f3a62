//! Histories that older versions kept are still read, and judged the same.
//!
//! Beside each stands what every check says of it. `CROSSFADE_UPDATE=1` writes that anew, for checks that are new.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crossfade::{check, history};

use crate::support::{crossfade, root, scratch};

fn kept() -> Vec<PathBuf> {
    let formats = std::fs::read_dir(root().join("tests/it/histories")).expect("the folder is there");
    let files = formats.flat_map(|format| std::fs::read_dir(format.expect("readable").path()).expect("a folder"));
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("readable").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    assert!(files.len() >= 10, "{files:?}");
    files
}

/// Check by check, `value` of each verdict.
fn verdicts(path: &Path) -> BTreeMap<String, String> {
    let bytes = std::fs::read(path).expect("readable");
    let history = history::read(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let verdicts = check::judge(&history).verdicts;
    verdicts.into_iter().map(|verdict| (verdict.check, verdict.value.name().to_owned())).collect()
}

#[test]
fn kept_histories_are_judged_the_same() {
    let update = std::env::var_os("CROSSFADE_UPDATE").is_some();
    for path in kept() {
        let beside = path.with_extension("verdicts");
        let got = verdicts(&path);
        let text = std::fs::read_to_string(&beside).unwrap_or_default();
        let known: BTreeMap<String, String> = text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(value, check)| (check.to_owned(), value.to_owned()))
            .collect();
        for (check, value) in &known {
            assert_eq!(got.get(check), Some(value), "{}: {check}", path.display());
        }
        if update {
            let text = got.iter().fold(String::new(), |mut text, (check, value)| {
                let _ = writeln!(text, "{value} {check}");
                text
            });
            std::fs::write(&beside, text).expect("writable");
        } else {
            assert_eq!(got, known, "{}: run with CROSSFADE_UPDATE=1 for checks that are new", beside.display());
        }
    }
}

#[test]
fn a_newer_history_is_refused_with_one_message() {
    let folder = scratch("newer-history");
    let text = std::fs::read_to_string(&kept()[0]).expect("readable");
    let newer = text.replacen("\"format\":1", "\"format\":99", 1);
    std::fs::write(folder.join("history.json"), newer).expect("writable");
    let output = crossfade(&folder).args(["judge", "history.json"]).output().expect("the binary starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("a history of format 99, written by Crossfade 0.1.0"), "{told}");
    assert_eq!(told.trim().lines().count(), 1, "{told}");
}
