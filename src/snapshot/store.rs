//! Snapshot files: `<folder of the scenario>/snapshots/<scenario>__<proxy>.snap`, `.snap.new` for what waits.
//!
//! The format is insta's, so that its tools can show and accept them; comparing, writing and reviewing is done here,
//! for insta's own are bound to a cargo package and to the environment.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use similar::TextDiff;

/// What may be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nothing: compare alone.
    Check,
    /// What is new or changed waits as `.snap.new`.
    #[default]
    New,
    /// What is new or changed is accepted at once.
    Accept,
}

impl Mode {
    /// The mode that insta's variables ask for: `INSTA_UPDATE`, and `CI` for its default.
    pub fn of_insta(update: Option<&str>, ci: Option<&str>) -> Self {
        let ci = ci.is_some_and(|ci| !matches!(ci, "" | "0" | "false"));
        match update {
            Some("no") => Self::Check,
            Some("always" | "force") => Self::Accept,
            Some("new" | "unseen") => Self::New,
            _ => {
                if ci {
                    Self::Check
                } else {
                    Self::New
                }
            }
        }
    }
}

/// How a snapshot compares with the accepted one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// As accepted.
    Unchanged,
    /// There is none yet.
    New {
        /// A pending file was written.
        pending: bool,
    },
    /// Not as accepted.
    Changed {
        /// The difference, as a unified diff.
        diff: String,
        /// A pending file was written.
        pending: bool,
    },
    /// Accepted at once.
    Written,
}

/// The place of a snapshot, below the folder of its scenario; `sub` keeps those of several versions apart.
pub fn path(scenario_file: &Path, scenario: &str, proxy: &str, sub: Option<&str>) -> PathBuf {
    let mut folder = scenario_file.parent().unwrap_or(Path::new("")).join("snapshots");
    if let Some(sub) = sub {
        folder.push(safe(sub));
    }
    folder.join(format!("{}__{}.snap", safe(scenario), safe(proxy)))
}

/// A name that every file system takes, and that cannot leave its folder.
fn safe(name: &str) -> String {
    let keep = |c: char| if c.is_alphanumeric() || "-_.,=@".contains(c) { c } else { '_' };
    let name: String = name.chars().map(keep).take(120).collect();
    name.strip_prefix('.').map_or(name.clone(), |rest| format!("_{rest}"))
}

/// Compares `text` with what was accepted, and writes what the mode allows. `scenario_file` is named in the file.
pub fn settle(path: &Path, scenario_file: &str, text: &str, mode: Mode) -> io::Result<State> {
    let accepted = contents(path)?;
    let waiting = waiting(path);
    if accepted.as_deref().is_some_and(|accepted| same(accepted, text)) {
        if mode != Mode::Check {
            remove(&waiting)?;
        }
        return Ok(State::Unchanged);
    }
    if mode == Mode::Accept {
        write(path, scenario_file, text)?;
        remove(&waiting)?;
        return Ok(State::Written);
    }
    let pending = mode == Mode::New;
    if pending {
        write(&waiting, scenario_file, text)?;
    }
    Ok(match accepted {
        None => State::New { pending },
        Some(accepted) => State::Changed { diff: diff(&accepted, text), pending },
    })
}

fn same(one: &str, other: &str) -> bool {
    one.trim_end() == other.trim_end()
}

/// The difference of two snapshots, as a unified diff.
pub fn diff(accepted: &str, new: &str) -> String {
    let line = |text: &str| format!("{}\n", text.trim_end());
    let (accepted, new) = (line(accepted), line(new));
    TextDiff::from_lines(&accepted, &new).unified_diff().context_radius(3).header("accepted", "new").to_string()
}

fn waiting(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The text of a snapshot file, as insta reads it; `None` if there is no file.
fn contents(path: &Path) -> io::Result<Option<String>> {
    if !path.try_exists()? {
        return Ok(None);
    }
    let bad = |why: String| io::Error::new(ErrorKind::InvalidData, format!("{}: {why}", path.display()));
    let snapshot = insta::Snapshot::from_file(path).map_err(|error| bad(error.to_string()))?;
    let text = snapshot.as_text().ok_or_else(|| bad("no text snapshot".to_owned()))?;
    Ok(Some(text.to_string()))
}

fn write(path: &Path, scenario_file: &str, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // The name alone: the snapshot lies below its scenario, and whole paths differ from machine to machine.
    let name = Path::new(scenario_file).file_name().unwrap_or_default().to_string_lossy();
    let quoted = serde_json::Value::from(name.as_ref());
    let description = "Upstream requests, normalised by crossfade";
    let file =
        format!("---\nsource: {quoted}\ndescription: {description}\ninput_file: {quoted}\n---\n{}\n", text.trim_end());
    // Whole or not at all: a reader never sees half a file.
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    fs::write(&part, file)?;
    fs::rename(&part, path)
}

/// A snapshot that waits to be accepted or rejected.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pending {
    /// The `.snap` file that it would become.
    pub path: PathBuf,
}

impl Pending {
    /// The difference to what is accepted; of a first snapshot, its text as added lines.
    pub fn diff(&self) -> io::Result<String> {
        let accepted = contents(&self.path)?.unwrap_or_default();
        Ok(diff(&accepted, &contents(&waiting(&self.path))?.unwrap_or_default()))
    }

    /// Whether nothing was accepted before.
    pub fn is_first(&self) -> bool {
        !self.path.exists()
    }

    /// Accepts it.
    pub fn accept(&self) -> io::Result<()> {
        fs::rename(waiting(&self.path), &self.path)
    }

    /// Rejects it.
    pub fn reject(&self) -> io::Result<()> {
        remove(&waiting(&self.path))
    }
}

/// Folders below one another that are searched at most.
const DEEPEST: usize = 32;

/// Every pending snapshot at or below these places, in order. Hidden folders and `target` are left out.
pub fn pending(places: &[PathBuf]) -> io::Result<Vec<Pending>> {
    let mut found = Vec::new();
    for place in places {
        if place.is_dir() {
            search(place, DEEPEST, &mut found)?;
        } else {
            found.extend(of_file(place));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// A pending snapshot by its own name or by that of the `.snap` file.
fn of_file(file: &Path) -> Option<Pending> {
    let name = file.to_string_lossy();
    let path = PathBuf::from(name.strip_suffix(".new").unwrap_or(&name));
    let is_snapshot = path.extension().is_some_and(|extension| extension == "snap");
    (is_snapshot && waiting(&path).is_file()).then_some(Pending { path })
}

fn search(folder: &Path, depth: usize, found: &mut Vec<Pending>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 0 && !name.starts_with('.') && name != "target" && name != "node_modules" {
            search(&entry.path(), depth - 1, found)?;
        } else if kind.is_file() && name.ends_with(".snap.new") {
            found.extend(of_file(&entry.path()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("crossfade-snapshot-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn places() {
        let check = |file: &str, scenario: &str, sub: Option<&str>, expect: &str| {
            assert_eq!(path(Path::new(file), scenario, "p", sub), Path::new(expect));
        };
        check("a/b/prefill.yaml", "prefill", None, "a/b/snapshots/prefill__p.snap");
        check("prefill.yaml", "prefill", Some("1.2.3"), "snapshots/1.2.3/prefill__p.snap");
        check("x.yaml", "a/b:c[*]", Some(".."), "snapshots/_./a_b_c_____p.snap");
    }

    #[test]
    fn a_life_of_a_snapshot() {
        let folder = folder("life");
        let path = path(&folder.join("s.yaml"), "s", "p", None);
        let settle = |text: &str, mode| settle(&path, "s.yaml", text, mode).unwrap();
        let places = [folder.clone()];

        assert_eq!(settle("one\n", Mode::Check), State::New { pending: false });
        assert!(!path.parent().unwrap().exists());
        assert_eq!(settle("one\n", Mode::New), State::New { pending: true });
        let waiting = pending(&places).unwrap();
        assert!(waiting.len() == 1 && waiting[0].is_first());
        assert!(waiting[0].diff().unwrap().contains("+one"));
        waiting[0].accept().unwrap();
        assert_eq!(settle("one\n", Mode::Check), State::Unchanged);

        let State::Changed { diff, pending: true } = settle("one\ntwo\n", Mode::New) else { panic!("changed") };
        insta::assert_snapshot!(diff, @r"
        --- accepted
        +++ new
        @@ -1 +1,2 @@
         one
        +two
        ");
        pending(std::slice::from_ref(&path)).unwrap()[0].reject().unwrap();
        assert_eq!(pending(&places).unwrap(), []);
        assert_eq!(settle("one\n", Mode::Check), State::Unchanged);

        settle("one\ntwo\n", Mode::New);
        // What comes out as accepted leaves nothing to review.
        assert_eq!(settle("one\n", Mode::New), State::Unchanged);
        assert_eq!(pending(&places).unwrap(), []);
        assert_eq!(settle("three\n", Mode::Accept), State::Written);
        assert_eq!(settle("three\n", Mode::Check), State::Unchanged);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn insta_reads_what_is_written() {
        let folder = folder("insta");
        let path = folder.join("x.snap");
        let text = "== primary ==\ncases: 1 of 1\nPOST /v1/messages\n\n{\n  \"a\": \"---\"\n}\n\n---\nend";
        write(&path, "scenarios/odd \"name\".yaml", text).unwrap();
        let snapshot = insta::Snapshot::from_file(&path).unwrap();
        assert_eq!(snapshot.metadata().source(), Some("odd \"name\".yaml"));
        assert_eq!(contents(&path).unwrap().unwrap(), text);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn modes_as_insta_has_them() {
        let check = |update, ci, expect| assert_eq!(Mode::of_insta(update, ci), expect);
        check(None, None, Mode::New);
        check(None, Some("true"), Mode::Check);
        check(None, Some("false"), Mode::New);
        check(Some("auto"), Some("1"), Mode::Check);
        check(Some("always"), Some("1"), Mode::Accept);
        check(Some("new"), Some("1"), Mode::New);
        check(Some("no"), None, Mode::Check);
    }
}
