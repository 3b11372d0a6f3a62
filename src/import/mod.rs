//! From recordings of other tools to cassettes.
//!
//! A [`Format`] is told by what a file holds. Its reader gives each exchange as far as the file knows it (`recorded`);
//! `settle` makes of that an exchange which can be replayed, and lists as [`Loss`] whatever is not as it was on the
//! wire. Nothing is made up in silence: what stands in the place of something lost is in the list.

mod bare;
mod date;
mod detect;
mod format;
mod har;
mod httprr;
mod look;
mod loss;
mod mitm;
mod nock;
mod pairs;
mod recorded;
mod settle;
mod stubs;
#[cfg(test)]
mod tests;
mod tnetstring;
mod vcr;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use format::Format;
pub use loss::Loss;

use crate::api::ApiId;
use crate::cassette::{self, Cassette, Exchange, How, Provenance};
use crate::coding::Coding;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::framing::Framing;
use crate::redact::Redactor;
use crate::wire::{Blob, Request};
use crate::yaml::Limits;
use format::Content;
use look::At;
use recorded::Recorded;

/// A file of recordings.
pub struct Source<'a> {
    /// What it is called in messages.
    pub name: &'a str,
    /// What it is called in the cassette: no path of somebody's machine.
    pub origin: &'a str,
    /// All of it, as it lies on the disk.
    pub bytes: Vec<u8>,
    /// Gives a file of this name from the folder `__files` that belongs to the file; `Err` says why not.
    pub beside: &'a dyn Fn(&str) -> Result<Vec<u8>, String>,
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.name).field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// What is not left to the file.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// The format, where it is not to be told by what the file holds.
    pub format: Option<Format>,
    /// The API of every request that was posted, whatever its path.
    pub api: Option<ApiId>,
    /// Today, for exchanges that tell no day: `YYYY-MM-DD`.
    pub date: String,
    /// What takes secrets out.
    pub redactor: &'a Redactor,
}

/// An exchange of a file.
#[derive(Clone, Debug)]
pub struct Told {
    /// The address as the file has it.
    pub url: Option<String>,
    /// The exchange, secrets still in it.
    pub exchange: Exchange,
    /// What is not as it was on the wire.
    pub lost: BTreeSet<Loss>,
    /// The API, or what it is instead.
    pub api: Result<ApiId, String>,
    /// The day: `YYYY-MM-DD`.
    pub day: Option<String>,
}

/// What a file holds, exchange by exchange; `Err` says why one cannot be replayed.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Its format.
    pub format: Format,
    /// Its exchanges.
    pub exchanges: Vec<Result<Told, String>>,
}

/// What became of a file.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Its format.
    pub format: Format,
    /// A cassette for each API.
    pub cassettes: Vec<Cassette>,
    /// Which exchanges, from 1, are in none, and why.
    pub skipped: Vec<(usize, String)>,
}

/// Reads a file.
pub fn read(source: Source<'_>, format: Option<Format>) -> Result<Reading, Diagnostic> {
    let Source { name, bytes, beside, .. } = source;
    let bytes = unpacked(name, bytes)?;
    let (format, content) = match format {
        Some(format) => (format, format.open(name, bytes)?),
        None => Format::recognise(name, bytes)?.ok_or_else(|| {
            let names: Vec<&str> = Format::ALL.into_iter().map(Format::name).collect();
            Diagnostic::of_file(name, "this is no recording of a known format")
                .help(format!("`--format` says which it is: {}", names.join(", ")))
        })?,
    };
    let exchanges = recorded(format, name, &content, beside)?.into_iter().map(told).collect();
    Ok(Reading { format, exchanges })
}

/// The content of a file that may be compressed.
fn unpacked(name: &str, bytes: Vec<u8>) -> Result<Vec<u8>, Diagnostic> {
    if bytes.len() > Limits::FOREIGN.bytes {
        let most = Limits::FOREIGN.bytes >> 20;
        return Err(Diagnostic::of_file(name, format!("the file is larger than {most} MiB")));
    }
    if !Coding::is_gzip(&bytes) {
        return Ok(bytes);
    }
    let plain = Coding::Gzip.undo(&bytes, Limits::FOREIGN.bytes);
    plain.map_err(|error| Diagnostic::of_file(name, error.to_string().replace("the body", "the file")))
}

fn recorded(
    format: Format,
    name: &str,
    content: &Content,
    beside: &dyn Fn(&str) -> Result<Vec<u8>, String>,
) -> Result<Vec<Recorded>, Diagnostic> {
    let (file, documents) = match content {
        Content::Bytes(bytes) => {
            return match format {
                Format::Httprr => httprr::read(name, bytes),
                Format::Mitmproxy => mitm::read(name, bytes),
                _ => Ok(bare::stream(bytes)),
            };
        }
        Content::Lines(file) => return bare::lines(file),
        Content::Tree(file, documents) => (file, documents),
    };
    let mut found = Vec::new();
    for node in documents {
        let root = At { file, node };
        found.extend(match format {
            Format::VcrPy => vcr::read(root, vcr::Member::Python)?,
            Format::VcrRuby | Format::VcrR => vcr::read(root, vcr::Member::Ruby)?,
            Format::GoVcr => vcr::read(root, vcr::Member::Go)?,
            Format::Har => har::read(root)?,
            Format::Nock => nock::read(root)?,
            Format::WireMock => stubs::wiremock(root, beside)?,
            Format::HttpMock => vec![stubs::httpmock(root)?],
            Format::AzureTestProxy => pairs::azure(root)?,
            Format::Datadog => pairs::datadog(root)?,
            Format::ReqLlm => pairs::req_llm(root)?,
            Format::Mastra => pairs::mastra(root)?,
            Format::Opencode => pairs::opencode(root)?,
            Format::Httprr | Format::Mitmproxy | Format::Sse | Format::JsonLines => Vec::new(),
        });
    }
    if found.is_empty() {
        return Err(nothing(file));
    }
    Ok(found)
}

fn nothing(file: &SourceFile) -> Diagnostic {
    Diagnostic::of_file(file.name(), "no exchange is in this file")
}

fn told(recorded: Recorded) -> Result<Told, String> {
    let header = |recorded: &Recorded| recorded.response.headers.as_ref()?.get("date").and_then(date::day);
    let day = recorded.when.as_deref().and_then(date::day).or_else(|| header(&recorded));
    let url = recorded.url.clone();
    let (mut exchange, mut lost) = settle::settle(recorded)?;
    let api = if url.is_some() { detect::by_request(&exchange) } else { detect::by_answer(&exchange) };
    if day.is_none() {
        lost.insert(Loss::Date);
    }
    if let (None, Ok(api)) = (&url, &api) {
        assume_request(&mut exchange, *api);
    }
    Ok(Told { url, exchange, lost, api, day })
}

/// The request of an answer that stands alone is asked where its API is asked.
fn assume_request(exchange: &mut Exchange, api: ApiId) {
    let is_stream = exchange.response.headers.get("content-type").and_then(Framing::of).is_some();
    if let Some(api) = api.spoken() {
        exchange.request.target = api.target("model", is_stream);
    }
}

/// Imports a file.
pub fn import(source: Source<'_>, options: &Options<'_>) -> Result<Imported, Diagnostic> {
    let origin = source.origin.to_owned();
    let Reading { format, exchanges } = read(source, options.format)?;
    let mut parts: BTreeMap<ApiId, Vec<(usize, Told)>> = BTreeMap::new();
    let mut skipped = Vec::new();
    for (index, told) in exchanges.into_iter().enumerate() {
        let api = told.as_ref().map_err(Clone::clone).and_then(|told| chosen(told, options.api));
        match (api, told) {
            (Ok(api), Ok(mut told)) => {
                if told.url.is_none() {
                    assume_request(&mut told.exchange, api);
                }
                parts.entry(api).or_default().push((index + 1, told));
            }
            (Err(why), _) | (Ok(_), Err(why)) => skipped.push((index + 1, why)),
        }
    }
    let source = format!("{origin} ({})", format.title());
    let cassettes = parts.into_iter().map(|(api, part)| cassette(api, &source, part, options)).collect();
    Ok(Imported { format, cassettes, skipped })
}

fn chosen(told: &Told, forced: Option<ApiId>) -> Result<ApiId, String> {
    match forced {
        Some(api) if told.exchange.request.method == "POST" => Ok(api),
        _ => told.api.clone(),
    }
}

fn cassette(api: ApiId, source: &str, part: Vec<(usize, Told)>, options: &Options<'_>) -> Cassette {
    let days: BTreeSet<&str> = part.iter().filter_map(|(_, told)| told.day.as_deref()).collect();
    let date = days.first().map_or(options.date.as_str(), |day| *day).to_owned();
    let mut cassette = Cassette {
        cassette: cassette::FORMAT,
        summary: Some(summary(api, &part)),
        api,
        provenance: Provenance {
            how: How::Imported,
            source: source.to_owned(),
            date,
            tool: concat!("crossfade ", env!("CARGO_PKG_VERSION")).to_owned(),
            redacted: Vec::new(),
            lost: lost(&part),
            sha256: String::new(),
        },
        exchanges: part.into_iter().map(|(_, told)| told.exchange).collect(),
    };
    options.redactor.cassette(&mut cassette);
    cassette
}

/// Who answered, and with what: `claude-haiku-4-5: 200 stream, 400`.
fn summary(api: ApiId, part: &[(usize, Told)]) -> String {
    let mut models = BTreeSet::new();
    let mut answers = Vec::new();
    for (_, Told { exchange, .. }) in part {
        let (request, response) = (&exchange.request, &exchange.response);
        let asked = Request {
            method: request.method.clone(),
            target: request.target.clone(),
            headers: request.headers.clone(),
            body: Blob(request.bytes()),
        };
        let conversation = api.at(&request.target).and_then(|api| api.read(&asked));
        models.extend(conversation.map(|conversation| conversation.model).filter(|model| !model.is_empty()));
        let framing = response.headers.get("content-type").and_then(Framing::of);
        let is_stream = framing.is_some() && (200..300).contains(&response.status);
        answers.push(format!("{}{}", response.status, if is_stream { " stream" } else { "" }));
    }
    let answers = answers.join(", ");
    match models.into_iter().collect::<Vec<String>>().join(", ") {
        none if none.is_empty() => answers,
        models => format!("{models}: {answers}"),
    }
}

/// What was lost, in words; of which exchanges, where it is not of all.
fn lost(part: &[(usize, Told)]) -> Vec<String> {
    let all: BTreeSet<&Loss> = part.iter().flat_map(|(_, told)| &told.lost).collect();
    let words = |loss: &Loss| {
        let has = |(_, (_, told)): &(usize, &(usize, Told))| told.lost.contains(loss);
        let of: Vec<String> = part.iter().enumerate().filter(has).map(|(index, _)| (index + 1).to_string()).collect();
        if of.len() == part.len() {
            return loss.to_string();
        }
        let exchanges = if of.len() == 1 { "exchange" } else { "exchanges" };
        format!("{loss} ({exchanges} {})", of.join(", "))
    };
    all.into_iter().map(words).collect()
}
