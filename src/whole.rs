//! Files that are whole or not there, and for their owner alone: a cassette may hold what somebody said.
//!
//! A file is written beside its place under a name that nobody loads, is brought to the disk, and takes its place at
//! once. Whoever is killed on the way leaves a draft: [`sweep`] removes those.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// Beginning and end of the name of a draft.
const DRAFT: (&str, &str) = (".crossfade-", ".part");
/// One of that age was left behind by a program that was killed.
const STALE: Duration = Duration::from_mins(1);

/// Writes a file; one that is there is replaced if `replace`, and else left alone with [`io::ErrorKind::AlreadyExists`].
/// It is on the disk when this returns.
pub fn write(path: &Path, text: &str, replace: bool) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    if !replace && path.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let draft = folder.join(draft_name());
    let placed = fill(&draft, text.as_bytes())
        .and_then(|()| if replace { fs::rename(&draft, path) } else { link(&draft, path) });
    if placed.is_err() || !replace {
        // There may be none.
        let _ = fs::remove_file(&draft);
    }
    placed?;
    // The name is in the folder, which has to reach the disk too; where folders cannot be opened, they need not be.
    File::open(folder).and_then(|folder| folder.sync_all()).or(Ok(()))
}

/// Removes the drafts that programs which were killed have left in a folder.
pub fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let written = entry.metadata().and_then(|about| about.modified()).ok();
        let age = written.and_then(|written| SystemTime::now().duration_since(written).ok());
        if name.starts_with(DRAFT.0) && name.ends_with(DRAFT.1) && age.is_some_and(|age| age > STALE) {
            // Whatever removed it before us is welcome to it.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A name that no other write has, of this process or another.
fn draft_name() -> String {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let n = WRITES.fetch_add(1, Ordering::Relaxed);
    format!("{}{}-{n}{}", DRAFT.0, std::process::id(), DRAFT.1)
}

/// Writes a file that its owner alone reads, through to the disk.
fn fill(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // One that a process of the same number has left.
    let _ = fs::remove_file(path);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Gives a file a second name that no file has: a name that came to be meanwhile is not taken over, as a renaming would.
fn link(draft: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(draft, path) {
        // Not every file system has them.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => fs::rename(draft, path),
        linked => linked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_its_owners_and_replaced_only_if_asked() {
        let folder = std::env::temp_dir().join(format!("crossfade-write-{}", std::process::id()));
        let path = folder.join("deep/x.yaml");
        write(&path, "one", false).unwrap();
        assert_eq!(write(&path, "two", false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        write(&path, "three", true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "three");
        let left: Vec<_> = fs::read_dir(folder.join("deep")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["x.yaml"], "no draft is left");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn drafts_of_the_killed_are_swept_and_others_stay() {
        let folder = std::env::temp_dir().join(format!("crossfade-sweep-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let old = SystemTime::now() - STALE * 2;
        for (name, age) in [(".crossfade-1-0.part", old), (".crossfade-2-0.part", SystemTime::now()), ("x.part", old)] {
            File::create(folder.join(name)).unwrap().set_modified(age).unwrap();
        }
        sweep(&folder);
        let mut left: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".crossfade-2-0.part", "x.part"]);
        fs::remove_dir_all(&folder).unwrap();
    }
}
