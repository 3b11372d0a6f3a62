//! Malformed files: each is refused with the error beside it, at once, in little memory.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossfade::answer::{self, Library};
use crossfade::baseline::Baseline;
use crossfade::config::Config;
use crossfade::diagnostic::Diagnostic;
use crossfade::{cassette, scenario};

const MEBI: usize = 1 << 20;

/// Loads a file as what its folder says, and gives back what is wrong with it.
fn errors(kind: &str, path: &Path) -> Vec<Diagnostic> {
    fn one<T>(loaded: Result<T, Diagnostic>) -> Vec<Diagnostic> {
        loaded.err().into_iter().collect()
    }
    match kind {
        "scenario" => scenario::load(path, &Library::bundled()).err().unwrap_or_default(),
        "cassette" => one(cassette::load(path)),
        "answer" => one(answer::load(path)),
        "baseline" => one(Baseline::load(path)),
        "config" => one(Config::load(path)),
        kind => panic!("unknown kind {kind}"),
    }
}

fn render(errors: &[Diagnostic]) -> String {
    errors.iter().map(|error| error.render(false)).collect::<Vec<_>>().join("\n")
}

fn folders() -> impl Iterator<Item = (String, PathBuf)> {
    let kinds = ["scenario", "cassette", "answer", "baseline", "config"];
    kinds.into_iter().map(|kind| (kind.to_owned(), PathBuf::from("tests/broken").join(kind)))
}

/// `CROSSFADE_UPDATE=1` rewrites the errors.
#[test]
fn every_malformed_file_has_its_error() {
    let bless = std::env::var_os("CROSSFADE_UPDATE").is_some();
    let mut wrong = String::new();
    let mut count = 0;
    for (kind, folder) in folders() {
        let entries = std::fs::read_dir(&folder).expect("the folder is there");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
        paths.sort();
        for path in paths {
            count += 1;
            let start = Instant::now();
            let found = errors(&kind, &path);
            let took = start.elapsed();
            if found.is_empty() {
                let _ = writeln!(wrong, "{} loads", path.display());
                continue;
            }
            if took > Duration::from_secs(15) {
                let _ = writeln!(wrong, "{} took {took:?}", path.display());
            }
            // Paths are those of one system everywhere.
            let shown = path.display().to_string();
            let text = render(&found).replace(&shown, &shown.replace('\\', "/"));
            let golden = path.with_extension("err");
            if bless {
                std::fs::write(&golden, &text).expect("written");
            } else if std::fs::read_to_string(&golden).unwrap_or_default() != text {
                let _ = writeln!(wrong, "{}: another error:\n{text}", path.display());
            }
        }
    }
    assert!(count >= 40, "{count} files");
    assert!(wrong.is_empty(), "{wrong}");
    assert!(peak_memory() < 100 * MEBI, "{} MiB", peak_memory() >> 20);
}

type Make = fn() -> Vec<u8>;

/// What is too large to lie in the repository.
#[test]
fn enormous_files_are_refused_at_once() {
    let folder = std::env::temp_dir().join(format!("crossfade-broken-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let files: &[(&str, &str, Make, &str)] = &[
        ("scenario", "huge", || vec![b'#'; 3 * MEBI], "larger than 1 MiB"),
        ("cassette", "huge", || vec![b'#'; 40 * MEBI], "larger than 32 MiB"),
        ("scenario", "brackets", || vec![b'['; MEBI], "more than 64 lists and maps"),
        ("scenario", "braces", || vec![b'{'; MEBI], "more than 64 lists and maps"),
        ("scenario", "items", || b"[".iter().chain(&b"a,".repeat(MEBI / 2 - 10)).copied().collect(), "too much stands"),
        ("scenario", "legs", || [&b"legs: ["[..], &b"a,".repeat(MEBI / 2 - 10)].concat(), "more than 50000 values"),
        ("cassette", "items", || b"[".iter().chain(&b"a,".repeat(4 * MEBI)).copied().collect(), "too much stands"),
        ("cassette", "maps", || b"{a,".repeat(3 * MEBI), "inside each other"),
        ("scenario", "dashes", || b"- ".repeat(MEBI / 2), "more than 64 lists and maps"),
        ("scenario", "questions", || b"? ".repeat(MEBI / 2), "error"),
        ("scenario", "colons", || b"a: ".repeat(MEBI / 3), "error"),
        ("scenario", "quotes", || b"\"a\" ".repeat(MEBI / 4), "error"),
        ("scenario", "keys", many_keys, "more than 50000 values"),
        ("scenario", "line", long_line, "unknown field"),
    ];
    let mut wrong = String::new();
    for (kind, name, make, message) in files.iter().copied() {
        let path = folder.join(format!("{name}.yaml"));
        std::fs::write(&path, make()).expect("written");
        let start = Instant::now();
        let text = render(&errors(kind, &path));
        let took = start.elapsed();
        if !text.contains(message) || took > Duration::from_secs(15) || text.len() > 2_000 {
            let _ = writeln!(wrong, "{kind} {name}, {took:?}:\n{}", text.chars().take(600).collect::<String>());
        }
    }
    std::fs::remove_dir_all(&folder).expect("removed");
    assert!(wrong.is_empty(), "{wrong}");
    assert!(peak_memory() < 100 * MEBI, "{} MiB", peak_memory() >> 20);
}

fn many_keys() -> Vec<u8> {
    (0..70_000).map(|n| format!("k{n}: 1")).collect::<Vec<_>>().join("\n").into_bytes()
}

fn long_line() -> Vec<u8> {
    [&b"summary: "[..], &vec![b'x'; MEBI - 100], b"\nlegs: {a: {b: 1}}\n"].concat()
}

/// Most memory that this process ever had, in bytes; 0 where the system does not say.
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<usize>().ok());
    kib.unwrap_or_default() << 10
}

/// The program says so in one breath: exit 3, nothing on stdout, within its memory.
#[test]
fn the_program_refuses_each_malformed_scenario() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken/scenario");
    let scratch = crate::support::scratch("refused");
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("readable").path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        count += 1;
        let start = Instant::now();
        // 100 MB of address space would not hold the program's threads; the limit is on data.
        let output = std::process::Command::new("sh")
            .args([
                "-c",
                "ulimit -d 102400 || true; exec \"$0\" run \"$1\" --proxy builtin",
                crate::support::program().to_str().expect("a plain path"),
            ])
            .arg(&path)
            .current_dir(&scratch)
            .output()
            .expect("a shell starts");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{}: {told}", path.display());
        assert!(output.stdout.is_empty() && told.starts_with("error: "), "{}: {told}", path.display());
        assert!(start.elapsed() < Duration::from_secs(10), "{}: {:?}", path.display(), start.elapsed());
    }
    assert!(count >= 40, "{count} files");
}
