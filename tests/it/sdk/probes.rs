//! Installs the SDKs, serves what they are asked about, and asks them, each language in one process.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crossfade::api::ApiId;
use serde_json::Value;

use super::faults::{FAULTS, Where, write_legs};
use super::{ANSWERS, SDKS, STATUSES, WAYS, readers};
use crate::support::{Program, crossfade, proxies, real_alone, root, scratch};

/// Seconds after which an SDK is told to give up.
const PATIENCE: &str = "3";

/// One probe: whom, how, about what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) language: String,
    pub(super) api: String,
    /// The probe's name in the scripts.
    pub(super) way: String,
    /// The path of the base URL.
    pub(super) place: String,
}

impl Key {
    pub(super) fn new(language: &str, api: &str, way: &str, place: &str) -> Self {
        let [language, api, way, place] = [language, api, way, place].map(str::to_owned);
        Self { language, api, way, place }
    }

    pub(super) fn is(&self, language: &str, api: &str, way: &str) -> bool {
        (self.language.as_str(), self.api.as_str(), self.way.as_str()) == (language, api, way)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.language, self.api, self.way, self.place)
    }
}

/// What each SDK said of each probe.
pub(super) struct Seen(BTreeMap<Key, Value>);

impl Seen {
    #[track_caller]
    pub(super) fn get(&self, key: &Key) -> &Value {
        self.0.get(key).unwrap_or_else(|| panic!("{key} was not asked"))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&Key, &Value)> {
        self.0.iter()
    }
}

/// One run of all probes, for all tests that look at it.
pub(super) fn seen() -> Option<&'static Seen> {
    static SEEN: OnceLock<Seen> = OnceLock::new();
    let home = proxies()?;
    Some(SEEN.get_or_init(|| {
        let _alone = real_alone();
        let sdks = installed(&home);
        let folder = scratch("sdk");
        let answers = Served::start(&folder, None);
        let faults: BTreeMap<_, _> = [
            ApiId::OpenaiChat,
            ApiId::OpenaiResponses,
            ApiId::AnthropicMessages,
            ApiId::Gemini,
            ApiId::BedrockConverse,
        ]
        .map(|api| (api.name(), Served::start(&folder, Some(&write_legs(&folder, api)))))
        .into();
        let ask = |language: &str| {
            // Each connection begins with the first attempt: whoever is to recover must have it to itself.
            let alone: BTreeMap<_, _> = faults
                .keys()
                .map(|api| (*api, Served::start(&folder, Some(&folder.join(format!("{api}.yaml"))))))
                .collect();
            let lines = lines(language, &answers.base, |api| &faults[api].base, |api| &alone[api].base);
            asked(language, &sdks, &lines, &folder)
        };
        let all = std::thread::scope(|scope| {
            let ask = &ask;
            let asking = ["python", "js"].map(|language| scope.spawn(move || ask(language)));
            asking.map(|thread| thread.join().expect("the SDKs answer"))
        });
        Seen(all.into_iter().flatten().collect())
    }))
}

/// The folders with the SDKs of each language; where real proxies are at hand, they are installed beside them.
fn installed(home: &Path) -> [PathBuf; 2] {
    let output = Command::new(root().join("tests/sdk/install")).arg(home.join("sdks")).output().expect("bash is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut folders = told.lines().map(PathBuf::from);
    [folders.next().expect("Python's"), folders.next().expect("JavaScript's")]
}

/// `crossfade serve`, until it is dropped.
struct Served {
    base: String,
    _program: Program,
}

impl Served {
    fn start(folder: &Path, scenario: Option<&Path>) -> Self {
        let (program, base) = Program::serve(crossfade(folder).args(["serve", "--seed", "5d"]).args(scenario));
        Self { base, _program: program }
    }
}

/// What a language's SDKs are asked.
fn lines<'a>(
    language: &str,
    answers: &str,
    faults: impl Fn(&str) -> &'a str,
    alone: impl Fn(&str) -> &'a str,
) -> String {
    let mut lines = String::new();
    for (_, api) in SDKS.into_iter().filter(|(of, _)| *of == language) {
        let mut ask = |way: &str, base: &str, place: &str| {
            writeln!(lines, "{api} {way} {base}/{place}").expect("a string takes it");
        };
        for way in WAYS.into_iter().filter(|way| *way == "unary" || readers(api).contains(way)) {
            for answer in ANSWERS {
                ask(way, answers, answer);
            }
        }
        if api != "bedrock-converse" {
            ask("models", answers, "text");
        }
        ask("refused", answers, "text");
        if ["anthropic-messages", "gemini"].contains(&api) {
            ask("count", answers, "text");
        }
        for status in STATUSES {
            ask("retry", answers, &format!("text/status:{status}"));
        }
        ask("retry", alone(api), "recovers");
        for fault in FAULTS.iter().filter(|fault| fault.is_of(api)) {
            let base = if matches!(fault.at, Where::Path) { answers } else { faults(api) };
            for way in readers(api) {
                ask(way, base, &fault.place());
            }
        }
    }
    lines
}

/// Asks the SDKs of a language.
fn asked(language: &str, sdks: &[PathBuf; 2], lines: &str, scratch: &Path) -> BTreeMap<Key, Value> {
    let scripts = root().join("tests/sdk");
    let command = if language == "python" {
        python(sdks)
    } else {
        let mut command = Command::new("node");
        command.arg(scripts.join("js.mjs")).current_dir(&sdks[1]);
        command
    };
    let told = told(command, PATIENCE, lines, &scratch.join(format!("{language}.log")));
    let read = |value: Value| {
        let of = |key: &str| value[key].as_str().unwrap_or_default();
        let place = of("url").splitn(4, '/').last().unwrap_or_default();
        (Key::new(language, of("api"), of("probe"), place), value.clone())
    };
    told.into_iter().map(read).collect()
}

fn python(sdks: &[PathBuf; 2]) -> Command {
    let mut command = Command::new(sdks[0].join("bin/python"));
    command.args(["-W", "ignore"]).arg(root().join("tests/sdk/python.py")).current_dir(&sdks[0]);
    command
}

/// Asks Python's SDKs, with all the time that they need; what each line is answered.
pub(crate) fn ask_python(home: &Path, lines: &str, log: &Path) -> Vec<Value> {
    told(python(&installed(home)), "120", lines, log)
}

/// Gives a script its lines; an answer for each.
fn told(mut command: Command, patience: &str, lines: &str, log: &Path) -> Vec<Value> {
    command.env("SDK_TIMEOUT", patience).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(File::create(log).expect("it is made")).spawn().expect("the SDKs are there");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(lines.as_bytes()).expect("it is read");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(told.lines().count(), lines.lines().count(), "each line is answered, see {}", log.display());
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    told.lines().map(read).collect()
}
