//! What is started: llama.cpp's server, nginx in front of it, the recorder, the legs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crossfade::api::ApiId;
use crossfade::cassette::{self, Cassette};
use serde_json::json;

use crate::support::{Program, crossfade, root};

/// llama.cpp's server with the model that recites.
pub(super) struct Llama {
    pub(super) url: String,
    _program: Program,
}

impl Llama {
    /// Installed below `home` unless it is there; the model is made in `folder`.
    pub(super) fn start(home: &Path, folder: &Path, options: &[&str]) -> Self {
        let python = installed(home).join("bin/python");
        let scripts = root().join("tests/servers");
        let model = folder.join("recites.gguf");
        let made = Command::new(&python).arg(scripts.join("tiny_gguf.py")).arg(&model).status();
        assert!(made.is_ok_and(|status| status.success()), "the model is made");
        let mut command = Command::new(&python);
        command.arg(scripts.join("llama.py")).arg(&model).args(options).stderr(Stdio::null());
        let (program, url) = Program::telling(&mut command, "http://");
        let until = Instant::now() + Duration::from_secs(30);
        while !super::raw::is_ready(&url) {
            assert!(Instant::now() < until, "the model is never loaded");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { url, _program: program }
    }
}

/// The folder with llama.cpp's server; it is installed once.
fn installed(home: &Path) -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let install = root().join("tests/servers/install");
        let output = Command::new(install).arg(home.join("servers")).output().expect("bash is there");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().into()
    })
}

/// nginx with TLS and HTTP/2.
pub(super) struct Front {
    pub(super) url: String,
    /// The certificate that it is to be trusted by.
    pub(super) authority: PathBuf,
    _program: Program,
}

impl Front {
    pub(super) fn start(upstream: &str, folder: &Path) -> Self {
        std::fs::create_dir_all(folder).expect("it is made");
        let script = root().join("tests/servers/front.py");
        let (program, url) =
            Program::telling(Command::new("python3").arg(script).arg(upstream).arg(folder), "https://");
        Self { url, authority: folder.join("ca.pem"), _program: program }
    }
}

/// `crossfade record`.
pub(super) struct Recorder {
    pub(super) url: String,
    folder: PathBuf,
    program: Program,
}

impl Recorder {
    pub(super) fn start(folder: &Path, upstream: &str, authority: Option<&Path>) -> Self {
        let mut command = crossfade(folder.parent().expect("it has one"));
        command.args(["record", "--upstream", upstream, "--port", "0", "--out"]).arg(folder);
        if let Some(authority) = authority {
            command.arg("--ca").arg(authority);
        }
        let (program, line) = Program::telling(&mut command, "clients ask");
        let url = line.rsplit(' ').next().unwrap_or_default().to_owned();
        Self { url, folder: folder.to_owned(), program }
    }

    /// Ends it, and gives what it wrote.
    pub(super) fn finish(self) -> Vec<Cassette> {
        self.program.interrupt();
        let entries = std::fs::read_dir(&self.folder).expect("it wrote").map(|entry| entry.expect("readable").path());
        let mut files: Vec<PathBuf> =
            entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
        files.sort();
        files.iter().map(|file| cassette::load(file).unwrap_or_else(|error| panic!("{error}"))).collect()
    }
}

/// `crossfade serve` with a leg for each cassette, all of streams or none.
pub(super) fn legs(folder: &Path, api: ApiId, stream: bool, cassettes: Vec<(String, Cassette)>) -> Legs {
    let model = match api {
        ApiId::AnthropicMessages => "anthropic/claude-sonnet-4-6",
        _ => "openai/gpt-4o-mini",
    };
    let legs: serde_json::Map<_, _> = cassettes
        .into_iter()
        .map(|(leg, cassette)| {
            let file = format!("{api}-{leg}.yaml");
            std::fs::write(folder.join(&file), cassette::save(&cassette)).expect("it is written");
            (leg, json!({"api": api, "model": model, "answer": {"cassette": file}}))
        })
        .collect();
    let scenario = folder.join(format!("{api}-{stream}.yaml"));
    // JSON is YAML.
    let text = json!({"scenario": "legs", "client": {"stream": stream}, "legs": legs}).to_string();
    std::fs::write(&scenario, text).expect("it is written");
    let (program, base) = Program::serve(crossfade(folder).arg("serve").arg(&scenario));
    Legs { base, _program: program }
}

/// Legs that are being served.
pub(super) struct Legs {
    /// What the legs' names are put behind.
    pub(super) base: String,
    _program: Program,
}
