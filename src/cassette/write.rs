//! A cassette on the disk: all of it or nothing, and for its owner alone, for it may hold what somebody said.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes a file; one that is there is replaced if `replace`, and else left alone with [`io::ErrorKind::AlreadyExists`].
///
/// The text is written to a file beside it first, so that whoever reads this path sees all of it or nothing.
pub fn write(path: &Path, text: &str, replace: bool) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    if !replace && path.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let draft = folder.join(format!(".{name}.draft"));
    // One that is left of a program that was stopped is nobody's.
    let _ = fs::remove_file(&draft);
    let done = fresh(&draft).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        if replace {
            return fs::rename(&draft, path);
        }
        // A name that came to be meanwhile is not taken over: a link fails where a renaming would not.
        match fs::hard_link(&draft, path) {
            // Not every file system has them.
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => fs::rename(&draft, path),
            linked => linked,
        }
    });
    if done.is_err() || !replace {
        let _ = fs::remove_file(&draft);
    }
    done
}

/// A new file that its owner alone reads.
fn fresh(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
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
}
