//! Every recorded file through the importer: read or refused with the reason, and held to what another program read.

use std::collections::{BTreeMap, BTreeSet};

use crossfade::cassette::{self, RecordedChunk};
use crossfade::import::{Format, Loss};
use crossfade::redact::{RedactRules, Redactor};
use sha2::{Digest as _, Sha256};

use super::files::{self, Row};
use super::folder::{folder, recorded, say};
use super::table::Table;

/// Length and digest of every answer that was kept in bytes, its compression taken off: read in Python, with its own
/// readers of YAML, JSON, gzip and brotli.
const BODIES: &str = include_str!("bodies.tsv");

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

#[test]
fn every_file_is_imported_or_refused_with_the_reason() {
    let Some(folder) = folder() else { return };
    let mut table = Table::new(["files", "exchanges", "imported", "refused", "cassettes", "lost"]);
    let redactor = Redactor::new(&RedactRules::default()).expect("no rules are good rules");
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for row in files::index(&folder) {
        let imported = row.import(&redactor).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(imported.format, format_of(&row), "{}", row.file);
        for cassette in &imported.cassettes {
            let text = cassette::save(cassette);
            assert_eq!(redactor.scan(text.as_bytes()), [], "{}", row.file);
            let loaded = cassette::load_text(&row.file, &text);
            assert_eq!(loaded.as_ref().map_err(ToString::to_string), Ok(cassette), "{}", row.file);
        }
        for (_, why) in &imported.skipped {
            *reasons.entry(format!("{}: {why}", imported.format)).or_default() += 1;
        }
        let exchanges: usize = imported.cassettes.iter().map(|cassette| cassette.exchanges.len()).sum();
        let lost: BTreeSet<&String> =
            imported.cassettes.iter().flat_map(|cassette| &cassette.provenance.lost).collect();
        let (refused, cassettes) = (imported.skipped.len(), imported.cassettes.len());
        assert_eq!(exchanges + refused, row.interactions, "{}", row.file);
        table.add(&row.format, [1, row.interactions, exchanges, refused, cassettes, lost.len()]);
    }
    say(&format!("\nimported:\n{table}\nrefused:\n"));
    for (why, count) in &reasons {
        say(&format!("  {count:3} {why}\n"));
    }
    assert!(table.sum(2) > 150, "too few exchanges were imported");
}

#[test]
fn every_body_is_what_another_program_read() {
    let Some(recorded) = recorded() else { return };
    let mut known: BTreeMap<(&str, usize), [&str; 3]> = BTreeMap::new();
    for line in BODIES.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        known.insert((cells[0], cells[1].parse().expect("a number")), [cells[2], cells[3], cells[4]]);
    }
    let mut compared = 0;
    for exchange in recorded {
        let [status, bytes, digest] = known[&(exchange.file.as_str(), exchange.number)];
        assert_eq!(exchange.status.to_string(), status, "{}", exchange.name());
        let is_anew = exchange.told.lost.contains(&Loss::ResponseBytes) && !exchange.file.starts_with("httpmock");
        assert_eq!(digest == "-", is_anew, "{}: what is written anew says so", exchange.name());
        if is_anew {
            continue;
        }
        let body: Vec<u8> = exchange.recorded().response.chunks.iter().flat_map(RecordedChunk::bytes).collect();
        let own = Sha256::digest(&body).iter().take(16).fold(String::new(), |own, byte| format!("{own}{byte:02x}"));
        assert_eq!((body.len().to_string().as_str(), own.as_str()), (bytes, digest), "{}", exchange.name());
        compared += 1;
    }
    assert!(compared > 150, "only {compared} bodies were compared");
}
