//! Every recorded file through the importer: read or refused with the reason, and compared with what another reader
//! makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crossfade::api::ApiId;
use crossfade::cassette::{self, RecordedChunk};
use crossfade::import::{Format, Loss, Options, Source, import, read};
use serde_json::Value;

use super::exchange::Exchange;
use super::files::{self, Row};
use super::folder::{folder, recorded, say};
use super::inflate::is_gzip;
use super::table::Table;

/// The format of a file of the index.
fn format_of(row: &Row) -> Format {
    if row.file.contains("/__files/") {
        return Format::Sse;
    }
    match row.format.as_str() {
        "azure-test-proxy-json" => Format::AzureTestProxy,
        "dd-apm-test-agent-json" => Format::Datadog,
        "go-vcr-v2" => Format::GoVcr,
        "har" => Format::Har,
        "httpmock-yaml" => Format::HttpMock,
        "httprr" => Format::Httprr,
        "json-lines-chunks" => Format::JsonLines,
        "mastra-llm-recorder-json" => Format::Mastra,
        "nock-json" => Format::Nock,
        "opencode-http-recorder-json" => Format::Opencode,
        "raw-sse" => Format::Sse,
        "reqllm-json" => Format::ReqLlm,
        "vcr-r" => Format::VcrR,
        "vcr-ruby" => Format::VcrRuby,
        "vcrpy-json" | "vcrpy-yaml" | "vcrpy-yaml-gz" | "vcrpy-yaml-parsed" => Format::VcrPy,
        "wiremock-json" => Format::WireMock,
        other => panic!("{other}: a format that this test does not know"),
    }
}

fn bodies(path: &Path, name: &str) -> Result<Vec<u8>, String> {
    let folder = path.parent().and_then(Path::parent).expect("a mapping lies in a folder of mappings");
    std::fs::read(folder.join("__files").join(name)).map_err(|error| error.to_string())
}

#[test]
fn every_file_is_imported_or_refused_with_the_reason() {
    let (Some(folder), Some(recorded)) = (folder(), recorded()) else { return };
    let mut by_file: BTreeMap<&str, Vec<&Exchange>> = BTreeMap::new();
    for exchange in recorded {
        by_file.entry(&exchange.file).or_default().push(exchange);
    }
    let mut table = Table::new(["files", "exchanges", "imported", "refused", "cassettes", "lost"]);
    let (mut reasons, mut wrong): (BTreeMap<String, usize>, Vec<String>) = (BTreeMap::new(), Vec::new());
    for row in files::index(&folder) {
        let beside = |name: &str| bodies(&row.path, name);
        let source = || Source { name: &row.file, bytes: std::fs::read(&row.path).expect("readable"), beside: &beside };
        let reading = match read(source(), None) {
            Ok(reading) => reading,
            Err(error) => {
                wrong.push(error.to_string());
                continue;
            }
        };
        assert_eq!(reading.format, format_of(&row), "{}", row.file);
        assert_eq!(reading.exchanges.len(), row.interactions, "{}", row.file);
        for (told, other) in reading.exchanges.iter().zip(&by_file[row.file.as_str()]) {
            match told {
                Ok(told) => wrong.extend(differs(told, other).map(|why| format!("{}: {why}", other.name()))),
                Err(why) => wrong.push(format!("{}: {why}", other.name())),
            }
        }
        let options = Options { date: "2026-01-01".to_owned(), ..Options::default() };
        let imported = import(source(), &options).expect("it was read before");
        for cassette in &imported.cassettes {
            let loaded = cassette::load_text(&row.file, &cassette::save(cassette));
            assert_eq!(loaded.as_ref().map_err(ToString::to_string), Ok(cassette), "{}", row.file);
        }
        for (_, why) in &imported.skipped {
            // Names of the path are left out: reasons are counted.
            *reasons.entry(format!("{}: {why}", imported.format)).or_default() += 1;
        }
        let exchanges = imported.cassettes.iter().map(|cassette| cassette.exchanges.len()).sum();
        let lost: BTreeSet<&String> =
            imported.cassettes.iter().flat_map(|cassette| &cassette.provenance.lost).collect();
        let (refused, cassettes) = (imported.skipped.len(), imported.cassettes.len());
        table.add(&row.format, [1, row.interactions, exchanges, refused, cassettes, lost.len()]);
    }
    say(&format!("\nimported:\n{table}\nrefused:\n"));
    for (why, count) in &reasons {
        say(&format!("  {count:3} {why}\n"));
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(table.sum(2) > 150, "too few exchanges were imported");
}

/// What two readers make of an exchange, where it is not the same.
fn differs(told: &crossfade::import::Told, other: &Exchange) -> Option<String> {
    let (request, response) = (&told.exchange.request, &told.exchange.response);
    let body: Vec<u8> = response.chunks.iter().flat_map(RecordedChunk::bytes).collect();
    let json: Option<Value> = serde_json::from_slice(&request.bytes()).ok();
    let asked = json.filter(Value::is_object).unwrap_or_default();
    let header = |name: &str| other.answer_headers.get(name).map(|value| value.trim().to_owned());
    let own = |name: &str| response.headers.get(name).map(|value| value.trim().to_owned());
    Some(match () {
        () if response.status != other.status => format!("status {} and {}", response.status, other.status),
        () if body != other.body() => {
            let (own, theirs) = (String::from_utf8_lossy(&body), String::from_utf8_lossy(&other.body()).into_owned());
            let at = own.bytes().zip(theirs.bytes()).take_while(|(a, b)| a == b).count();
            format!("bodies of {} and {} bytes part at {at}", own.len(), theirs.len())
        }
        () if asked != other.request => format!("requests {asked} and {}", other.request),
        () if request.method != other.method => format!("methods {} and {}", request.method, other.method),
        () if told.url.as_deref().unwrap_or_default() != other.url => format!("{:?} and {}", told.url, other.url),
        () if own("content-type") != header("content-type") => {
            format!("content types {:?} and {:?}", own("content-type"), header("content-type"))
        }
        () if told.lost.contains(&Loss::ChunkBorders) == (other.pieces.len() > 1) && other.framing().is_some() => {
            format!("{} pieces, and {:?}", other.pieces.len(), told.lost)
        }
        () if !told.lost.contains(&Loss::ChunkBorders)
            && other.pieces.len() > 1
            && !other.pieces.iter().any(|piece| is_gzip(&piece.bytes))
            && other
                .pieces
                .iter()
                .filter(|piece| !piece.bytes.is_empty())
                .map(|piece| piece.bytes.clone())
                .ne(response.chunks.iter().map(RecordedChunk::bytes)) =>
        {
            "other borders of chunks".to_owned()
        }
        () if told.api.as_ref().ok().copied() != other.spoken().filter(|_| other.method == "POST") => {
            format!("{:?} and {:?} of {}", told.api, other.spoken().map(ApiId::name), other.url)
        }
        () => return None,
    })
}
