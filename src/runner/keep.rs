//! Kept folders: what a reader needs after a failure.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::CaseReport;
use crate::history::History;
use crate::proxy::Running;
use crate::wire::Request;

/// Runs that stay; older ones are removed.
const RUNS: usize = 5;
/// Bytes of a proxy's log that are kept of one case.
const LOG: u64 = 256 << 10;

/// Keeps the folders of one run: `<folder>/<scenario>/<case>/`.
#[derive(Debug)]
pub(super) struct Keeper {
    folder: PathBuf,
    all: bool,
}

impl Keeper {
    pub(super) fn new(folder: PathBuf, all: bool) -> Self {
        Self { folder, all }
    }

    /// Keeps a case if it failed or could not be judged, or if all are kept; `play` counts its plays, where there are
    /// several. `log`: from which byte to which.
    pub(super) fn keep(
        &mut self,
        report: &CaseReport,
        play: Option<usize>,
        proxy: &Running,
        log: (u64, u64),
    ) -> io::Result<Option<PathBuf>> {
        let Some(history) = &report.history else { return Ok(None) };
        if !self.all && !report.failed() && !report.inconclusive() && report.flaky.is_empty() {
            return Ok(None);
        }
        let case = if report.case.name.is_empty() { "case".to_owned() } else { file_name(&report.case.name) };
        let case = play.map_or_else(|| case.clone(), |play| format!("{case}.play-{play}"));
        let folder = self.folder.join(file_name(&report.case.scenario)).join(case);
        fs::create_dir_all(&folder)?;
        let text = serde_json::to_vec_pretty(&**history).map_err(io::Error::other)?;
        fs::write(folder.join("history.json"), text)?;
        fs::write(folder.join("client.sh"), script(history))?;
        copy_configuration(proxy.run_dir(), &folder.join("configuration"))?;
        if let Some(path) = proxy.log_path() {
            fs::write(folder.join("proxy.log"), part(path, log)?)?;
        }
        Ok(Some(folder))
    }
}

/// Makes the folder of a new run below `runs`, ignored by git, and removes all but the last runs.
pub fn new_run(runs: &Path, name: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(runs)?;
    if let Some(parent) = runs.parent() {
        let ignore = parent.join(".gitignore");
        if !ignore.exists() {
            fs::write(ignore, "*\n")?;
        }
    }
    let mut old: Vec<PathBuf> =
        fs::read_dir(runs)?.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    old.sort();
    let surplus = (old.len() + 1).saturating_sub(RUNS);
    for path in old.iter().take(surplus) {
        // Another run may be using it; then it goes next time.
        let _ = fs::remove_dir_all(path);
    }
    let mut folder = runs.join(name);
    for n in 2.. {
        match fs::create_dir(&folder) {
            Ok(()) => break,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => folder = runs.join(format!("{name}-{n}")),
            Err(error) => return Err(error),
        }
    }
    Ok(folder)
}

/// The rendered configuration: the files of the launch's folder, its log and the proxy's home apart.
fn copy_configuration(from: &Path, to: &Path) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(from) else { return Ok(()) };
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()) {
        let Some(name) = path.file_name().filter(|name| *name != "proxy.log") else { continue };
        fs::create_dir_all(to)?;
        fs::copy(&path, to.join(name))?;
    }
    Ok(())
}

/// A part of a file; its end, where it is long.
fn part(path: &Path, (from, to): (u64, u64)) -> io::Result<Vec<u8>> {
    let mut file = fs::File::open(path)?;
    let from = from.max(to.saturating_sub(LOG));
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(to.saturating_sub(from)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A name that every file system takes, and that no snapshot tool misreads.
pub(super) fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || "-_.,=".contains(c) { c } else { '_' };
    let name: String = name.chars().map(safe).take(120).collect();
    if name.starts_with('.') { format!("_{name}") } else { name }
}

/// The client's requests as curl commands; the key is a variable.
fn script(history: &History) -> String {
    let mut text =
        String::from("#!/bin/sh\n# The client's requests of this case. KEY is the key that the proxy asks for.\n");
    text.push_str(": \"${PROXY:=http://127.0.0.1:4000}\" \"${KEY:=}\"\n");
    for step in &history.steps {
        text.push('\n');
        text.push_str(&curl(&step.client.request));
    }
    text
}

fn curl(request: &Request) -> String {
    let mut text = format!("curl -sS -N -X {} \"$PROXY\"{} \\\n", request.method, single(&request.target));
    for (name, value) in request.headers.iter() {
        let lower = name.to_ascii_lowercase();
        let header = match lower.as_str() {
            "host" | "content-length" => continue,
            "authorization" => format!("\"{name}: Bearer $KEY\""),
            _ if lower.contains("key") || lower.contains("token") => format!("\"{name}: $KEY\""),
            _ => single(&format!("{name}: {value}")),
        };
        let _ = writeln!(text, "  -H {header} \\");
    }
    let body = request.body.to_text();
    let mut mark = "BODY".to_owned();
    while body.contains(&mark) {
        mark.push('_');
    }
    let _ = writeln!(text, "  --data-binary @- <<'{mark}'\n{body}\n{mark}");
    text
}

/// In single quotes for a POSIX shell.
fn single(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_folders() {
        let check = |name: &str, expect: &str| assert_eq!(file_name(name), expect);
        check("openai-chat,close,claude-sonnet-4-6", "openai-chat,close,claude-sonnet-4-6");
        check("a/b[c]:*", "a_b_c___");
        check("../x", "_.._x");
        check("", "");
    }

    #[test]
    fn the_key_is_a_variable() {
        let request = Request {
            method: "POST".to_owned(),
            target: "/v1/messages".to_owned(),
            headers: [("x-api-key", "sk-secret"), ("content-type", "application/json"), ("host", "h")]
                .into_iter()
                .collect(),
            body: r#"{"a":"it's"}"#.into(),
        };
        let text = curl(&request);
        assert!(!text.contains("sk-secret"));
        insta::assert_snapshot!(text, @r#"
        curl -sS -N -X POST "$PROXY"'/v1/messages' \
          -H "x-api-key: $KEY" \
          -H 'content-type: application/json' \
          --data-binary @- <<'BODY'
        {"a":"it's"}
        BODY
        "#);
    }

    #[test]
    fn five_runs_stay() {
        let base = std::env::temp_dir().join(format!("crossfade-keep-{}", std::process::id()));
        let runs = base.join("runs");
        for n in 0..8 {
            new_run(&runs, &format!("2026-{n}")).unwrap();
        }
        let mut left: Vec<_> = fs::read_dir(&runs).unwrap().flatten().map(|entry| entry.file_name()).collect();
        left.sort();
        assert_eq!(left, ["2026-3", "2026-4", "2026-5", "2026-6", "2026-7"]);
        assert_eq!(fs::read_to_string(base.join(".gitignore")).unwrap(), "*\n");
        fs::remove_dir_all(base).unwrap();
    }
}
