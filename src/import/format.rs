//! The formats that are read, and how each is told from the others.

use std::fmt;
use std::str::FromStr;

use super::{bare, httprr, mitm};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::yaml::{Limits, Node, foreign, json};

macro_rules! formats {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $title:literal;)*) => {
        /// A format of recordings.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Format {
            $($(#[$doc])* $name,)*
        }

        impl Format {
            /// Every format.
            pub const ALL: [Self; [$($text),*].len()] = [$(Self::$name),*];

            /// Its name on the command line.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// What writes it.
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)*
                }
            }
        }
    };
}

formats! {
    /// `interactions:` with a `uri` each.
    VcrPy = "vcrpy", "VCR.py";
    /// `http_interactions:`.
    VcrRuby = "vcr-ruby", "VCR for Ruby";
    /// `http_interactions:`, recorded with `VCR-vcr/...`.
    VcrR = "vcr-r", "vcr for R";
    /// `interactions:` with a `code` each.
    GoVcr = "go-vcr", "go-vcr";
    /// Lengths, then HTTP/1 as text.
    Httprr = "httprr", "httprr";
    /// `{"log": {"entries": ...}}`.
    Har = "har", "HAR";
    /// A list of calls with a `scope`.
    Nock = "nock", "nock";
    /// `{"request": ..., "response": {"bodyFileName": ...}}`.
    WireMock = "wiremock", "WireMock";
    /// Documents with `when` and `then`.
    HttpMock = "httpmock", "httpmock";
    /// Typed netstrings.
    Mitmproxy = "mitmproxy", "mitmproxy";
    /// `{"Entries": ...}`.
    AzureTestProxy = "azure-test-proxy", "Azure's test proxy";
    /// `{"request": ..., "response": {"status": {"code": ...}}}`.
    Datadog = "datadog", "Datadog's test agent";
    /// `{"request": {"canonical_json": ...}, "chunks": ...}`.
    ReqLlm = "req-llm", "req_llm";
    /// `{"recordings": ...}`, or the list alone.
    Mastra = "mastra", "Mastra's recorder";
    /// `{"interactions": ..., "metadata": ...}`.
    Opencode = "opencode", "opencode's recorder";
    /// Server-sent events as text.
    Sse = "sse", "a bare stream";
    /// The data of each event on a line.
    JsonLines = "json-lines", "events in lines of JSON";
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names: Vec<&str> = Self::ALL.into_iter().map(Self::name).collect();
        let found = Self::ALL.into_iter().find(|format| format.name() == text);
        found.ok_or_else(|| format!("no format is called `{text}`; one of {}", names.join(", ")))
    }
}

/// What a file holds.
pub(super) enum Content {
    /// Bytes, for formats that are not text.
    Bytes(Vec<u8>),
    /// Lines of text.
    Lines(SourceFile),
    /// JSON, or the documents of YAML.
    Tree(SourceFile, Vec<Node>),
}

impl Format {
    /// Reads a file in this format, without asking whether it is.
    pub(super) fn open(self, name: &str, bytes: Vec<u8>) -> Result<Content, Diagnostic> {
        match self {
            Self::Mitmproxy | Self::Httprr | Self::Sse => Ok(Content::Bytes(bytes)),
            Self::JsonLines => SourceFile::from_bytes(name, bytes).map(Content::Lines),
            _ => tree(SourceFile::from_bytes(name, bytes)?),
        }
    }

    /// Reads a file, and tells its format by what it holds; `None` where it is no recording. One that cannot be read
    /// is damaged if it is called like a recording, and else something else.
    pub(super) fn recognise(name: &str, bytes: Vec<u8>) -> Result<Option<(Self, Content)>, Diagnostic> {
        match Self::told(name, bytes) {
            Err(_) if !is_named_so(name) => Ok(None),
            told => told,
        }
    }

    fn told(name: &str, bytes: Vec<u8>) -> Result<Option<(Self, Content)>, Diagnostic> {
        let of_bytes = match () {
            () if bytes.starts_with(httprr::MAGIC) => Some(Self::Httprr),
            () if bare::is_stream(&bytes) => Some(Self::Sse),
            () if mitm::is_flow(&bytes) => Some(Self::Mitmproxy),
            () => None,
        };
        if let Some(format) = of_bytes {
            return Ok(Some((format, Content::Bytes(bytes))));
        }
        let file = SourceFile::from_bytes(name, bytes)?;
        if bare::is_lines(file.text()) {
            return Ok(Some((Self::JsonLines, Content::Lines(file))));
        }
        let content = tree(file)?;
        let Content::Tree(_, documents) = &content else { return Ok(None) };
        Ok(documents.first().and_then(shape).map(|format| (format, content)))
    }
}

/// Whether a name has an end that recordings in JSON and YAML have.
fn is_named_so(name: &str) -> bool {
    let name = name.strip_suffix(".gz").unwrap_or(name);
    [".har", ".json", ".yaml", ".yml"].iter().any(|end| name.ends_with(end))
}

fn tree(file: SourceFile) -> Result<Content, Diagnostic> {
    let is_json = file.text().trim_start().starts_with(['{', '[']);
    let documents = if is_json { vec![json(&file, Limits::FOREIGN)?] } else { foreign(&file, Limits::FOREIGN)? };
    Ok(Content::Tree(file, documents))
}

/// The format whose files have this shape.
fn shape(root: &Node) -> Option<Format> {
    let has = |node: &Node, keys: &[&str]| keys.iter().all(|key| node.get(key).is_some());
    if let Some(first) = first(root) {
        return match () {
            () if has(first, &["scope", "path"]) => Some(Format::Nock),
            () if has(first, &["hash", "request", "response"]) => Some(Format::Mastra),
            () => None,
        };
    }
    if let Some(by) = root.get("http_interactions").and(Some(root.get("recorded_with"))) {
        let by_r = by.and_then(Node::as_text).is_some_and(|by| by.starts_with("VCR-vcr"));
        return Some(if by_r { Format::VcrR } else { Format::VcrRuby });
    }
    if let Some(interactions) = root.get("interactions") {
        let first = first(interactions);
        let in_go = first.and_then(|first| first.get("response")?.get("code"));
        let of_python = first.and_then(|first| first.get("request")?.get("uri"));
        return Some(match (in_go, of_python, root.get("version").is_some()) {
            (Some(_), ..) => Format::GoVcr,
            (None, None, true) => Format::Opencode,
            (None, ..) => Format::VcrPy,
        });
    }
    let pair = has(root, &["request", "response"]);
    let response = root.get("response");
    let in_request = |keys: &[&str]| keys.iter().any(|key| root.get("request").is_some_and(|at| at.get(key).is_some()));
    Some(match () {
        () if has(root, &["requests", "responses"]) => Format::VcrPy,
        () if has(root, &["when", "then"]) => Format::HttpMock,
        () if has(root, &["Entries"]) => Format::AzureTestProxy,
        () if root.get("log").is_some_and(|log| log.get("entries").is_some()) => Format::Har,
        () if has(root, &["mappings"]) => Format::WireMock,
        () if has(root, &["recordings"]) => Format::Mastra,
        () if pair && (root.get("chunks").is_some() || in_request(&["canonical_json"])) => Format::ReqLlm,
        () if pair && response.is_some_and(|at| at.at(["status", "code"]).is_some()) => Format::Datadog,
        () if pair && in_request(&["bodyPatterns", "urlPath", "urlPattern", "urlPathPattern", "method"]) => {
            Format::WireMock
        }
        () => return None,
    })
}

fn first(list: &Node) -> Option<&Node> {
    list.as_list()?.first()
}
