//! Where the recordings are.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::exchange::{Exchange, exchanges};

/// Every exchange of the recordings, read once; `None` where there are none, which was said.
pub(crate) fn recorded() -> Option<&'static [Exchange]> {
    static ALL: OnceLock<Vec<Exchange>> = OnceLock::new();
    let folder = folder()?;
    Some(ALL.get_or_init(|| exchanges(&folder).collect()))
}

/// The folder of recordings: `CROSSFADE_RECORDINGS`, else beside the checkout. Without it the test that asks is skipped
/// loudly, and fails where `CI` is set.
pub(crate) fn folder() -> Option<PathBuf> {
    let given = std::env::var_os("CROSSFADE_RECORDINGS").map(PathBuf::from);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = ["../shared/recordings", "../../shared/recordings"].map(|path| root.join(path));
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
    match locate(given.as_deref(), &beside, is_ci) {
        Located::Here(folder) => Some(folder),
        Located::Missing(said) => {
            say(said);
            None
        }
        Located::Refused(why) => panic!("{why}"),
    }
}

#[derive(Debug, PartialEq)]
enum Located {
    Here(PathBuf),
    /// The test is skipped, and says so.
    Missing(&'static str),
    /// The test fails.
    Refused(String),
}

/// A folder that was named must be one; one beside the checkout may be missing, but not in CI.
fn locate(given: Option<&Path>, beside: &[PathBuf], is_ci: bool) -> Located {
    let is_one = |folder: &Path| folder.join("INDEX.tsv").is_file();
    match given {
        Some(given) if is_one(given) => Located::Here(given.to_owned()),
        Some(given) => Located::Refused(format!("CROSSFADE_RECORDINGS: no recordings are in {}", given.display())),
        None => match beside.iter().find(|folder| is_one(folder)) {
            Some(folder) => Located::Here(folder.clone()),
            None if is_ci => Located::Refused("CI is set, but there are no recordings of real providers".to_owned()),
            None => Located::Missing(
                "SKIPPED: there are no recordings of real providers; CROSSFADE_RECORDINGS names their folder\n",
            ),
        },
    }
}

/// Says something even where the output of tests is captured.
pub(crate) fn say(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stderr().write_all(text.as_bytes());
}

#[test]
fn a_missing_folder_is_said_and_fails_in_ci() {
    let here = crate::support::scratch("recordings-here");
    std::fs::write(here.join("INDEX.tsv"), "").expect("written");
    let gone = here.join("gone");
    let found = || Located::Here(here.clone());
    let beside = [gone.clone(), here.clone()];
    for is_ci in [false, true] {
        assert_eq!(locate(Some(&here), &[], is_ci), found());
        assert_eq!(locate(None, &beside, is_ci), found());
        assert!(matches!(locate(Some(&gone), &beside, is_ci), Located::Refused(why) if why.contains("gone")));
    }
    assert!(matches!(locate(None, &beside[..1], false), Located::Missing(said) if said.starts_with("SKIPPED")));
    assert!(matches!(locate(None, &beside[..1], true), Located::Refused(_)));
}
