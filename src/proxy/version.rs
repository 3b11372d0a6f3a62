//! Which version a program is, by what it says itself, and of which commit a checkout is.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Repository;

/// How long a program may take to say its version; some load everything that they have first.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of what it says that are read.
const MOST: u64 = 64 << 10;
/// Folders above a program in which a file of its project is looked for.
const ABOVE: usize = 4;

/// The commit of a checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) id: String,
    /// Whether files that git knows are not as they were committed.
    pub(super) dirty: bool,
}

/// What a program prints of its version, given these arguments.
pub(super) fn version_of(program: &Path, args: &[String]) -> Option<String> {
    first_version(&said(Command::new(program).args(args))?)
}

/// What the project says that a program is part of.
pub(super) fn version_in(program: &Path, project: &Repository) -> Option<String> {
    let folders = program.ancestors().skip(1).take(ABOVE);
    folders.into_iter().find_map(|folder| {
        let text = std::fs::read_to_string(folder.join(&project.file)).ok()?;
        first_version(&text[text.find(&project.says)? + project.says.len()..])
    })
}

/// The commit of a checkout, by git; `None` where it is no part of a repository.
pub(super) fn commit(root: &Path) -> Option<Commit> {
    let git = |args: &[&str]| {
        let output = Command::new("git").arg("-C").arg(root).args(args).stdin(Stdio::null()).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    // A folder that the repository around it ignores has nothing of its commits.
    if git(&["check-ignore", "--quiet", "."]).is_some() {
        return None;
    }
    let id = git(&["rev-parse", "HEAD"]).filter(|id| !id.is_empty())?;
    let dirty = git(&["status", "--porcelain", "--untracked-files=no", "--", "."]).is_some_and(|told| !told.is_empty());
    Some(Commit { id, dirty })
}

/// What a program prints within a while.
fn said(command: &mut Command) -> Option<String> {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    let pipe = |pipe: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            // What came before an error is what it said.
            let _ = pipe.map(|pipe| pipe.take(MOST).read_to_end(&mut text));
            text
        })
    };
    let out = pipe(child.stdout.take().map(|pipe| Box::new(pipe) as _));
    let err = pipe(child.stderr.take().map(|pipe| Box::new(pipe) as _));
    let until = Instant::now() + PATIENCE;
    while child.try_wait().ok()?.is_none() {
        if Instant::now() > until {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let text = [out.join().ok()?, err.join().ok()?].concat();
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// The first thing in a text that looks like a version.
fn first_version(text: &str) -> Option<String> {
    let words = text.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    words.map(|word| word.trim_matches('.')).find(|word| word.contains('.')).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_what_a_program_says() {
        let check = |text: &str, expect: Option<&str>| assert_eq!(first_version(text).as_deref(), expect);
        check("nginx version: nginx/1.22.1 (Debian)", Some("1.22.1"));
        check("HAProxy version 2.6.12-1+deb12u1 2023/12/16", Some("2.6.12"));
        check("no number", None);
        check("port 4000", None);
    }

    #[cfg(unix)]
    #[test]
    fn a_version_is_asked_or_read() {
        let folder = std::env::temp_dir().join(format!("crossfade-version-{}", std::process::id()));
        let bin = folder.join("build/bin");
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::write(folder.join("package.json"), r#"{"node": "1.1", "name": "p", "version": "4.5.6"}"#).unwrap();
        let project =
            |says: &str| Repository { file: "package.json".to_owned(), says: says.to_owned(), build: Vec::new() };
        let read = |says: &str| version_in(&bin.join("start.js"), &project(says));
        assert_eq!(read("\"name\": \"p\"").as_deref(), Some("4.5.6"));
        assert_eq!(read("\"name\": \"q\""), None, "another project");
        let args = ["it is 7.8".to_owned()];
        assert_eq!(version_of(Path::new("/bin/echo"), &args).as_deref(), Some("7.8"));
        assert_eq!(version_of(Path::new("/nowhere/echo"), &args), None);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_commit_says_whether_files_differ_from_it() {
        let folder = std::env::temp_dir().join(format!("crossfade-commit-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("built")).unwrap();
        assert_eq!(commit(&folder), None, "no repository");
        let git = |args: &[&str]| {
            let mut command = Command::new("git");
            command.arg("-C").arg(&folder).args(["-c", "user.name=x", "-c", "user.email=x@example.test"]).args(args);
            assert!(command.output().is_ok_and(|output| output.status.success()), "git {args:?}");
        };
        std::fs::write(folder.join("a"), "1").unwrap();
        std::fs::write(folder.join(".gitignore"), "built/\n").unwrap();
        git(&["init", "--quiet"]);
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "--no-gpg-sign", "--message", "x"]);
        let clean = commit(&folder).expect("a commit");
        assert_eq!((clean.id.len(), clean.dirty), (40, false));
        std::fs::write(folder.join("b"), "not known to git").unwrap();
        assert_eq!(commit(&folder), Some(clean.clone()));
        std::fs::write(folder.join("a"), "2").unwrap();
        assert_eq!(commit(&folder), Some(Commit { dirty: true, ..clean }));
        assert_eq!(commit(&folder.join("built")), None, "what is ignored is of no commit");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
