//! Runs the binary as a user does, and reads its JSON report.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// One run of the binary.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) report: Value,
    pub(crate) took: Duration,
}

/// Tests that hold this run one after the other: what many runs at a time would show is the machine.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same for tests of real programs. They wait more than they work: one of them may run beside one of [`alone`].
pub(crate) fn real_alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the tests that run the suite a hundred times over do all of it: in CI, or when the program is given as it is
/// released. A plain `cargo test` takes a slice of them.
pub(crate) fn thorough() -> bool {
    ["CI", "CROSSFADE_TEST_BIN"].iter().any(|name| std::env::var_os(name).is_some())
}

/// A fresh folder below the target folder, emptied first.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the scratch folder is made");
    folder
}

/// The checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The program under test: as it was built with the tests, or the one that `CROSSFADE_TEST_BIN` names.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("CROSSFADE_TEST_BIN").map_or_else(|| env!("CARGO_BIN_EXE_crossfade").into(), PathBuf::from)
}

/// The binary, with a clean environment, in a scratch folder of its own.
pub(crate) fn crossfade(folder: &Path) -> Command {
    let mut command = Command::new(program());
    // On GitHub Actions the program would say more.
    for name in ["INSTA_UPDATE", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"] {
        command.env_remove(name);
    }
    command.current_dir(folder).env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// `crossfade run ARGS`, with a JSON report. Snapshots go to the scratch folder's own sub-folder name.
pub(crate) fn run(name: &str, args: &[&str]) -> Run {
    let folder = scratch(name);
    let report = folder.join("report.json");
    let started = Instant::now();
    let output =
        crossfade(&folder).arg("run").args(args).arg("--json").arg(&report).output().expect("the binary starts");
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        report: std::fs::read(&report).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default(),
        took: started.elapsed(),
    }
}

/// The verdict of one check on one case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    pub(crate) scenario: String,
    pub(crate) case: String,
    pub(crate) check: String,
    pub(crate) verdict: String,
    pub(crate) reason: String,
}

impl Run {
    fn cases(&self) -> &[Value] {
        self.report["cases"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Every verdict of the run.
    pub(crate) fn cells(&self) -> Vec<Cell> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.cases()
            .iter()
            .flat_map(|case| {
                case["verdicts"].as_array().into_iter().flatten().map(move |verdict| Cell {
                    scenario: text(&case["scenario"]),
                    case: text(&case["case"]),
                    check: text(&verdict["check"]),
                    verdict: text(&verdict["verdict"]),
                    reason: text(&verdict["reason"]),
                })
            })
            .collect()
    }

    /// Every verdict by its address.
    pub(crate) fn verdicts(&self) -> BTreeMap<String, String> {
        let address = |cell: &Cell| format!("{}[{}]/{}", cell.scenario, cell.case, cell.check);
        self.cells().into_iter().map(|cell| (address(&cell), cell.verdict)).collect()
    }

    /// The verdicts of one check, by case, of the cases whose name contains all of `parts`.
    pub(crate) fn of(&self, scenario: &str, parts: &[&str], check: &str) -> BTreeMap<String, String> {
        let found: BTreeMap<_, _> = self
            .cells()
            .into_iter()
            .filter(|cell| cell.scenario == scenario && cell.check == check)
            .filter(|cell| parts.iter().all(|part| cell.case.split(',').any(|value| value == *part)))
            .map(|cell| (cell.case, cell.verdict))
            .collect();
        assert!(!found.is_empty(), "no verdict of {check} on {scenario}{parts:?}\n{}", self.told());
        found
    }

    /// Asserts the verdict of one check on every case of `scenario` whose name contains all of `parts`.
    #[track_caller]
    pub(crate) fn expect(&self, scenario: &str, parts: &[&str], check: &str, verdict: &str) {
        for (case, got) in self.of(scenario, parts, check) {
            assert_eq!(got, verdict, "{scenario}[{case}]/{check}\n{}", self.told());
        }
    }

    /// How many requests reached the legs, of the cases whose name contains all of `parts`.
    pub(crate) fn requests(&self, scenario: &str, parts: &[&str]) -> BTreeSet<usize> {
        self.named(scenario, parts).map(|case| case["requests"].as_array().map_or(0, Vec::len)).collect()
    }

    fn named<'a>(&'a self, scenario: &'a str, parts: &'a [&str]) -> impl Iterator<Item = &'a Value> {
        self.cases().iter().filter(move |case| case["scenario"] == scenario).filter(move |case| {
            let name = case["case"].as_str().unwrap_or_default();
            parts.iter().all(|part| name.split(',').any(|value| value == *part))
        })
    }

    /// The outcomes of the cases whose name contains all of `parts`.
    pub(crate) fn outcomes(&self, scenario: &str, parts: &[&str]) -> BTreeSet<String> {
        self.named(scenario, parts).map(|case| case["outcome"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Reasons of the cases that were left out.
    pub(crate) fn skips(&self) -> Vec<String> {
        self.cases().iter().filter_map(|case| case["skipped"].as_str().map(str::to_owned)).collect()
    }

    /// Scenarios and checks that were judged at some point of a sweep.
    pub(crate) fn swept(&self) -> BTreeSet<(String, String)> {
        let sweeps = self.report["sweeps"].as_array().into_iter().flatten();
        sweeps
            .flat_map(|sweep| {
                let address = sweep["address"].as_str().unwrap_or_default();
                let scenario = address.split('[').next().unwrap_or_default().to_owned();
                let judged = |counts: &Value| counts["pass"].is_u64() || counts["fail"].is_u64();
                let checks = sweep["verdicts"].as_object().into_iter().flatten();
                checks
                    .filter(move |(_, counts)| judged(counts))
                    .map(move |(check, _)| (scenario.clone(), check.clone()))
            })
            .collect()
    }

    /// Whether every case of a scenario was left out.
    pub(crate) fn all_skipped(&self, scenario: &str) -> bool {
        self.named(scenario, &[]).all(|case| case["skipped"].is_string())
    }

    /// Number of cases.
    pub(crate) fn len(&self) -> usize {
        self.cases().len()
    }

    /// What the run said, for messages.
    pub(crate) fn told(&self) -> String {
        let tail = |text: &str| {
            let from = text.len().saturating_sub(6_000);
            text.get(from..).unwrap_or(text).to_owned()
        };
        format!("exit {}\n--- stdout\n{}\n--- stderr\n{}", self.code, tail(&self.stdout), tail(&self.stderr))
    }
}

/// Asserts that two runs came to the same verdicts, and says where they did not.
#[track_caller]
pub(crate) fn assert_same(first: &BTreeMap<String, String>, again: &BTreeMap<String, String>, which: &str) {
    let addresses: BTreeSet<_> = first.keys().chain(again.keys()).collect();
    let differ: Vec<_> = addresses
        .into_iter()
        .filter(|address| first.get(*address) != again.get(*address))
        .map(|address| (address, first.get(address), again.get(address)))
        .collect();
    assert!(differ.is_empty() && !first.is_empty(), "{which}: {differ:#?}");
}

/// The folder with the installed proxies, or `None` with a loud word. Missing ones are an error where they are required.
pub(crate) fn proxies() -> Option<PathBuf> {
    let home = std::env::var_os("CROSSFADE_HOME").map(PathBuf::from);
    let home = home.filter(|home| home.join("proxies").is_dir());
    let required = std::env::var_os("CROSSFADE_TEST_PROXIES").is_some_and(|value| value == "required");
    match home {
        Some(home) => Some(home),
        None if required => panic!("real proxies are required, but $CROSSFADE_HOME has none"),
        None => {
            let name = std::thread::current().name().unwrap_or_default().to_owned();
            let _ =
                writeln!(std::io::stderr(), "SKIPPED {name}: set CROSSFADE_HOME to a folder with installed proxies");
            None
        }
    }
}

/// Whether a proxy that takes minutes to build stands in the folder of installed ones, else a loud word.
pub(crate) fn is_built(home: &Path, proxy: &str) -> bool {
    let mut folders = std::fs::read_dir(home.join("proxies")).into_iter().flatten().flatten();
    let ours = format!("{proxy}-");
    let built = folders.any(|folder| {
        folder.file_name().to_string_lossy().starts_with(&ours) && folder.path().join(".crossfade-complete").is_file()
    });
    if !built {
        let why = format!("`crossfade proxy install {proxy}` takes minutes, and nobody ran it");
        let _ = writeln!(std::io::stderr(), "SKIPPED {proxy}: {why}");
    }
    built
}

/// A server in the test: `serve` is called with each connection, on a thread of its own.
pub(crate) fn server(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let serve = std::sync::Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Reads one HTTP request with a content length: head and body.
pub(crate) fn read_request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 => bytes.extend_from_slice(&buffer[..n]),
            _ => return None,
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0);
    let mut body = bytes.split_off(head_end);
    while body.len() < length {
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 => body.extend_from_slice(&buffer[..n]),
            _ => return None,
        }
    }
    Some((head, body))
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port is free").port()
}

/// A program that is killed with the test.
pub(crate) struct Program {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
}

impl Program {
    /// Starts it and waits until `port` answers.
    pub(crate) fn start(command: &mut Command, port: u16) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the program starts");
        let program = Self { child, stdout: None };
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "the program never listened");
            std::thread::sleep(Duration::from_millis(20));
        }
        program
    }

    /// Starts it and gives the first line that holds `mark`. It may go on to tell: the reader is kept.
    pub(crate) fn telling(command: &mut Command, mark: &str) -> (Self, String) {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the program starts");
        let stdout = child.stdout.take().map(BufReader::new);
        let mut program = Self { child, stdout };
        let line = program.until(mark).pop().unwrap_or_default();
        (program, line)
    }

    /// What it goes on to tell, up to the first line that holds `mark`.
    pub(crate) fn until(&mut self, mark: &str) -> Vec<String> {
        let stdout = self.stdout.as_mut().expect("it is piped");
        let mut lines: Vec<String> = Vec::new();
        while !lines.last().is_some_and(|line| line.contains(mark)) {
            let mut line = String::new();
            assert_ne!(stdout.read_line(&mut line).expect("it tells"), 0, "it ended without {mark:?}: {lines:#?}");
            lines.push(line.trim_end().to_owned());
        }
        lines
    }

    /// `crossfade serve` with these arguments, and what its legs' names are put behind.
    pub(crate) fn serve(command: &mut Command) -> (Self, String) {
        let (program, first) = Self::telling(command, "://");
        let url = first.split(' ').next().unwrap_or_default();
        let base = url.rsplit_once('/').unwrap_or_else(|| panic!("no URL in {first:?}")).0.to_owned();
        (program, base)
    }

    /// Asks it to end, as Ctrl-C does.
    pub(crate) fn ask_to_end(&self) {
        let asked = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(asked.is_ok_and(|status| status.success()), "it is still there");
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn interrupt(mut self) {
        self.ask_to_end();
        let until = Instant::now() + Duration::from_secs(20);
        while self.child.try_wait().expect("it is ours").is_none() {
            assert!(Instant::now() < until, "the program never ended");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
