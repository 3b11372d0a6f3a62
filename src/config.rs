//! `crossfade.yaml`: what `run` takes where the command line says nothing.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, SourceFile};
use crate::redact::{RedactRules, Redactor};
use crate::rules::{ChoiceError, RuleBook, RuleChoice};
use crate::scenario::Millis;
use crate::wire::bad_header;
use crate::yaml::{Content, Document, Limits, Node, decode};

/// The file's name, looked for in the working folder and upwards.
pub const FILE_NAME: &str = "crossfade.yaml";

/// `crossfade.yaml`. Paths are relative to its folder in the file, and joined to it once loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Scenario files and folders.
    pub scenarios: Vec<PathBuf>,
    /// The proxy under test.
    pub proxy: Option<ProxyChoice>,
    /// File of the verdicts that are known to fail.
    pub baseline: Option<PathBuf>,
    /// Sub-folder of the snapshots.
    pub snapshots: Option<String>,
    /// Most cases at a time.
    pub jobs: Option<u32>,
    /// Limit of a case that gives none itself.
    pub time_limit: Option<Millis>,
    /// Whether a warning counts as a failure.
    pub strict: bool,
    /// Rejection rules of your own, and which are switched on and off.
    pub rules: RuleChoice,
    /// What is taken out of recordings besides what is always secret.
    pub redact: RedactRules,
}

/// The proxy under test: one of ours to start (`name`), or one that runs (`url`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProxyChoice {
    /// Profile, with a version if wanted: `litellm@1.84.0`.
    pub name: Option<String>,
    /// Checkout from which the proxy is started.
    pub from: Option<PathBuf>,
    /// Program that is started.
    pub bin: Option<PathBuf>,
    /// Address of a running proxy.
    pub url: Option<String>,
    /// Where the legs listen for it: `127.0.0.1:9100`.
    pub listen: Option<String>,
    /// Profile that lends endpoints and policy to a running proxy.
    pub r#as: Option<String>,
    /// Model for which the client asks.
    pub model: Option<String>,
    /// Key that the client presents.
    pub client_key: Option<String>,
    /// Headers that the client sends.
    pub headers: IndexMap<String, String>,
    /// Model under which the fallback alone is asked.
    pub control_model: Option<String>,
}

impl Config {
    /// Reads a configuration file.
    pub fn load(path: &Path) -> Result<Self, Diagnostic> {
        Self::read(Document::read(path, Limits::SCENARIO)?, path.parent().unwrap_or(Path::new("")))
    }

    /// Reads a configuration from text; paths stay as they are written.
    pub fn load_text(name: &str, text: &str) -> Result<Self, Diagnostic> {
        Self::read(Document::parse(SourceFile::new(name, text), Limits::SCENARIO)?, Path::new(""))
    }

    fn read(document: Document, folder: &Path) -> Result<Self, Diagnostic> {
        let (file, mut root) = document.into_parts();
        if root.is_null() {
            return Ok(Self::default());
        }
        shorthands(&mut root);
        let mut config: Self = decode(&root).map_err(|error| error.in_file(&file))?;
        let proxy = config.proxy.iter_mut().flat_map(|proxy| proxy.from.iter_mut().chain(&mut proxy.bin));
        let paths = config.scenarios.iter_mut().chain(&mut config.baseline).chain(&mut config.rules.files);
        for path in paths.chain(proxy) {
            *path = folder.join(&path);
        }
        let error = |path: &[&str], message: &str| {
            let span = root.at(path.iter().copied()).map_or(root.span, |node| node.span);
            Diagnostic::new(&file, span, message)
        };
        if config.jobs == Some(0) {
            return Err(error(&["jobs"], "`jobs` counts from 1").help("left out, it follows the proxy's pace"));
        }
        if config.time_limit == Some(Millis(0)) {
            return Err(error(&["time_limit"], "a time limit is longer than nothing"));
        }
        let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if config.snapshots.as_deref().is_some_and(|name| name.is_empty() || name.starts_with('.') || !plain(name)) {
            return Err(error(&["snapshots"], "`snapshots` names a sub-folder: letters, digits, `-`, `_` and `.`"));
        }
        if config.rules != RuleChoice::default()
            && let Err(wrong) = RuleBook::chosen(&config.rules)
        {
            return Err(match wrong {
                ChoiceError::File(error) => *error,
                ChoiceError::Unknown { list, index, help } => {
                    let id = if list == "off" { &config.rules.off[index] } else { &config.rules.on[index] };
                    let unknown = error(&["rules", list, &index.to_string()], &format!("no rule is called `{id}`"));
                    unknown.help(help.unwrap_or_else(|| "`crossfade show rules` lists them".to_owned()))
                }
            });
        }
        if config.redact != RedactRules::default()
            && let Err(wrong) = Redactor::new(&config.redact)
        {
            return Err(error(&["redact", wrong.list, &wrong.at.to_string()], &wrong.message));
        }
        if let Some(proxy) = &config.proxy {
            proxy.check(&|path, message| error(&[&["proxy"], path].concat(), message))?;
        }
        Ok(config)
    }
}

impl ProxyChoice {
    fn check(&self, error: &dyn Fn(&[&str], &str) -> Diagnostic) -> Result<(), Diagnostic> {
        let help = "`name: builtin` is started by us, `url: http://127.0.0.1:4000` runs already";
        match (&self.name, &self.url) {
            (None, None) => return Err(error(&[], "a proxy has a `name` or a `url`").help(help)),
            (Some(_), Some(_)) => return Err(error(&["url"], "a proxy has a `name` or a `url`, not both").help(help)),
            (Some(_), None) => {
                let attached = [
                    ("listen", self.listen.is_some()),
                    ("as", self.r#as.is_some()),
                    ("model", self.model.is_some()),
                    ("client_key", self.client_key.is_some()),
                    ("headers", !self.headers.is_empty()),
                    ("control_model", self.control_model.is_some()),
                ];
                if let Some((key, _)) = attached.iter().find(|(_, given)| *given) {
                    return Err(error(&[key], &format!("`{key}` is for a proxy that runs already, named by `url`")));
                }
            }
            (None, Some(url)) => {
                if !(url.starts_with("http://") || url.starts_with("https://")) {
                    return Err(error(&["url"], "a `url` begins with `http://` or `https://`"));
                }
                for (key, given) in [("from", self.from.is_some()), ("bin", self.bin.is_some())] {
                    if given {
                        return Err(error(
                            &[key],
                            &format!("`{key}` is for a proxy that is started by us, named by `name`"),
                        ));
                    }
                }
            }
        }
        if self.from.is_some() && self.bin.is_some() {
            return Err(error(&["bin"], "a proxy is started `from` a checkout or by its `bin`, not both"));
        }
        for (name, value) in &self.headers {
            if let Some(message) = bad_header(name, value) {
                return Err(error(&["headers", name], &message));
            }
        }
        let port = |listen: &str| {
            listen.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        if self.listen.as_deref().is_some_and(|listen| !port(listen)) {
            return Err(error(&["listen"], "`listen` is an address with a port, like `127.0.0.1:9100`"));
        }
        Ok(())
    }
}

/// `scenarios: x` for `[x]`; `proxy: litellm` for `{name: litellm}`, `proxy: http://...` for `{url: http://...}`.
fn shorthands(root: &mut Node) {
    if let Some(scenarios) = root.get_mut("scenarios")
        && scenarios.as_text().is_some()
    {
        let item = scenarios.clone();
        *scenarios = Node::new(item.span, Content::List(vec![item]));
    }
    if let Some(proxy) = root.get_mut("proxy")
        && let Some(text) = proxy.as_text()
    {
        let key = if text.contains("://") { "url" } else { "name" };
        *proxy = Node::tagged(key, proxy.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, Diagnostic> {
        Config::load_text("crossfade.yaml", text)
    }

    #[test]
    fn reads_both_forms_of_a_proxy() {
        let config =
            load("scenarios: cases\nproxy: litellm@1.84.0\njobs: 4\ntime_limit: 1m\nstrict: true\n").expect("it loads");
        assert_eq!(config.scenarios, [PathBuf::from("cases")]);
        assert_eq!(config.proxy.and_then(|proxy| proxy.name).as_deref(), Some("litellm@1.84.0"));
        let config = load("proxy: http://127.0.0.1:4000\n").expect("it loads");
        assert_eq!(config.proxy.and_then(|proxy| proxy.url).as_deref(), Some("http://127.0.0.1:4000"));
        let text = "proxy: {url: \"http://x\", listen: \"127.0.0.1:9100\", as: nginx, model: m, headers: {x-a: b}}\n";
        assert_eq!(load(text).expect("it loads").proxy.and_then(|proxy| proxy.r#as).as_deref(), Some("nginx"));
        assert_eq!(load("").expect("it loads"), Config::default());
    }

    #[test]
    fn refuses_what_does_not_go_together() {
        for (text, message) in [
            ("proxy: {name: a, url: \"http://x\"}\n", "not both"),
            ("proxy: {name: a, listen: \"x:1\"}\n", "`listen` is for a proxy that runs already"),
            ("proxy: {url: \"http://x\", listen: here}\n", "an address with a port"),
            ("proxy: {}\n", "has a `name` or a `url`"),
            ("jobs: 0\n", "counts from 1"),
            ("snapshots: ../x\n", "sub-folder"),
            ("stict: true\n", "unknown field `stict`"),
            ("rules: {off: [anthropic-prefill]}\n", "no rule is called `anthropic-prefill`"),
            ("rules: {on: [x]}\n", "no rule is called `x`"),
            ("rules: {files: [no/such.yaml]}\n", "no/such.yaml"),
            ("redact: {patterns: ['a{']}\n", "this is no pattern"),
            ("redact: {patterns: ['a*']}\n", "matches everywhere"),
            ("redact: {names: ['']}\n", "longer than nothing"),
        ] {
            let error = load(text).expect_err("refused");
            assert!(error.message.contains(message), "{text}: {error}");
        }
        let error = load("rules:\n  off:\n    - anthropic-prefil-unsupported\n").expect_err("refused").render(false);
        assert!(error.contains("3:7") && error.contains("did you mean `anthropic-prefill-unsupported`?"), "{error}");
    }

    #[test]
    fn switches_rules() {
        let config =
            load("rules: {off: [anthropic-prefill-unsupported], on: [vllm-auto-tool-choice]}\n").expect("it loads");
        let book = RuleBook::chosen(&config.rules).expect("a book");
        let asks = |id| book.rule(id).map(|rule| book.asks(rule));
        assert_eq!(asks("anthropic-prefill-unsupported"), Some(false));
        assert_eq!(asks("vllm-auto-tool-choice"), Some(true));
        assert_eq!(asks("anthropic-text-empty"), Some(true));
        let bundled = RuleBook::bundled();
        assert_eq!(bundled.rule("vllm-auto-tool-choice").map(|rule| bundled.asks(rule)), Some(false));
    }
}
