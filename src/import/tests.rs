//! The same two exchanges, told by each format, and files that are damaged.

use super::*;
use crate::cassette::RecordedChunk;
use crate::redact::RedactRules;

const ASKED: &str = r#"{"model": "gpt-4o-mini", "stream": true, "messages": [{"role": "user", "content": "Hé"}]}"#;
const EVENTS: [&str; 2] =
    ["data: {\"id\": \"a\", \"choices\": [{\"index\": 0, \"delta\": {\"content\": \"Hé\"}}]}\n\n", "data: [DONE]\n\n"];
const REFUSED: &str =
    r#"{"error": {"message": "Bad é", "type": "invalid_request_error", "param": null, "code": null}}"#;

/// Name, content and format of a file, and what it had lost: of both exchanges, of the stream, of the refusal.
type File = (&'static str, &'static [u8], Format, &'static [Loss], &'static [Loss], &'static [Loss]);

const FILES: &[File] = {
    use Loss::{
        ChunkBorders, Coding, ContentType, Date, HeaderCase, HeaderOrder, Http, Ids, Masked, RequestBody, RequestBytes,
        RequestHeaders, RequestLine, ResponseBytes, ResponseHeaders, SomeHeaders, Status, StreamBytes, Times,
    };
    &[
        ("vcrpy.yaml", include_bytes!("fixtures/vcrpy.yaml"), Format::VcrPy, &[Date, HeaderOrder, Http], STREAM, GZIP),
        (
            "vcrpy-aiohttp.yaml",
            include_bytes!("fixtures/vcrpy-aiohttp.yaml"),
            Format::VcrPy,
            &[Date, HeaderOrder, Http],
            STREAM,
            GZIP_ONLY,
        ),
        (
            "vcrpy-lists.yaml.gz",
            include_bytes!("fixtures/vcrpy-lists.yaml.gz"),
            Format::VcrPy,
            &[Date, HeaderOrder, Http],
            STREAM,
            &[],
        ),
        (
            "vcrpy-parsed.yaml",
            include_bytes!("fixtures/vcrpy-parsed.yaml"),
            Format::VcrPy,
            &[Date, HeaderOrder, HeaderCase, SomeHeaders, Http, RequestBytes],
            STREAM,
            &[ResponseBytes],
        ),
        ("vcrpy.json", include_bytes!("fixtures/vcrpy.json"), Format::VcrPy, &[Date, HeaderOrder, Http], STREAM, &[]),
        ("vcr-ruby.yml", include_bytes!("fixtures/vcr-ruby.yml"), Format::VcrRuby, &[HeaderCase], STREAM_HTTP, &[]),
        (
            "vcr-r.yml",
            include_bytes!("fixtures/vcr-r.yml"),
            Format::VcrR,
            &[HeaderCase, Http, RequestHeaders],
            STREAM,
            &[Coding(String::new()), Date],
        ),
        (
            "go-vcr.yaml",
            include_bytes!("fixtures/go-vcr.yaml"),
            Format::GoVcr,
            &[Date, HeaderOrder, HeaderCase, SomeHeaders],
            STREAM,
            &[Http],
        ),
        (
            "httprr.httprr",
            include_bytes!("fixtures/httprr.httprr"),
            Format::Httprr,
            &[Date, HeaderOrder, HeaderCase],
            STREAM,
            &[],
        ),
        ("browser.har", include_bytes!("fixtures/browser.har"), Format::Har, &[], STREAM, &[]),
        ("polly.har", include_bytes!("fixtures/polly.har"), Format::Har, &[HeaderOrder, HeaderCase], STREAM, GZIP_ONLY),
        (
            "nock.json",
            include_bytes!("fixtures/nock.json"),
            Format::Nock,
            &[Date, SomeHeaders, Http, RequestBytes],
            STREAM,
            &[Coding(String::new()), HeaderOrder, RequestHeaders],
        ),
        (
            "wiremock.json",
            include_bytes!("fixtures/wiremock.json"),
            Format::WireMock,
            &[Date, HeaderOrder, SomeHeaders, Http],
            STREAM,
            &[RequestBytes],
        ),
        (
            "httpmock.yaml",
            include_bytes!("fixtures/httpmock.yaml"),
            Format::HttpMock,
            &[Date, SomeHeaders, Ids, Http],
            &[ChunkBorders, Times, StreamBytes],
            &[ResponseBytes],
        ),
        (
            "azure.json",
            include_bytes!("fixtures/azure.json"),
            Format::AzureTestProxy,
            &[Date, HeaderOrder, Masked, Http, RequestBytes],
            STREAM,
            &[ResponseBytes],
        ),
        (
            "datadog.json",
            include_bytes!("fixtures/datadog.json"),
            Format::Datadog,
            &[Date, HeaderOrder, SomeHeaders, Http],
            STREAM,
            &[],
        ),
        (
            "datadog-brotli.json",
            include_bytes!("fixtures/datadog-brotli.json"),
            Format::Datadog,
            &[Date, HeaderOrder, SomeHeaders, Http],
            &[],
            &[Coding(String::new())],
        ),
        (
            "req-llm.json",
            include_bytes!("fixtures/req-llm.json"),
            Format::ReqLlm,
            &[HeaderOrder, HeaderCase, Http],
            &[Times],
            &[],
        ),
        (
            "req-llm-error.json",
            include_bytes!("fixtures/req-llm-error.json"),
            Format::ReqLlm,
            &[Date, HeaderOrder, HeaderCase, Http],
            &[],
            &[ResponseBytes],
        ),
        (
            "mastra.json",
            include_bytes!("fixtures/mastra.json"),
            Format::Mastra,
            &[HeaderOrder, HeaderCase, Http, RequestHeaders, RequestBytes],
            &[],
            &[ResponseBytes],
        ),
        (
            "opencode.json",
            include_bytes!("fixtures/opencode.json"),
            Format::Opencode,
            &[SomeHeaders, Http],
            STREAM,
            &[],
        ),
        (
            "mitmproxy.flow",
            include_bytes!("fixtures/mitmproxy.flow"),
            Format::Mitmproxy,
            &[],
            STREAM,
            &[Coding(String::new()), Date],
        ),
        (
            "stream.sse",
            include_bytes!("fixtures/stream.sse"),
            Format::Sse,
            &[Status, ResponseHeaders, ContentType, Http, RequestLine, RequestHeaders, RequestBody, Date],
            STREAM,
            &[],
        ),
    ]
};
/// What is lost of a stream that is kept in one piece.
const STREAM: &[Loss] = &[Loss::ChunkBorders, Loss::Times];
const STREAM_HTTP: &[Loss] = &[Loss::ChunkBorders, Loss::Times, Loss::Http];
/// What is lost of a body that was compressed; the name is that of the file.
const GZIP: &[Loss] = &[Loss::Coding(String::new()), Loss::ContentLength];
const GZIP_ONLY: &[Loss] = &[Loss::Coding(String::new())];

fn source<'a>(name: &'a str, bytes: &[u8]) -> Source<'a> {
    let beside: &dyn Fn(&str) -> Result<Vec<u8>, String> = &|name| match name {
        "stream.txt" => Ok(EVENTS.concat().into_bytes()),
        _ => Err(format!("there is no {name}")),
    };
    Source { name, origin: name, bytes: bytes.to_vec(), beside }
}

fn redactor() -> Redactor {
    Redactor::new(&RedactRules::default()).expect("no rules are good rules")
}

fn options(redactor: &Redactor) -> Options<'_> {
    Options { format: None, api: None, date: "2026-11-26".to_owned(), redactor }
}

fn body(exchange: &Exchange) -> Vec<u8> {
    exchange.response.chunks.iter().flat_map(RecordedChunk::bytes).collect()
}

/// The list of losses, the name of a coding left out.
fn nameless(lost: &BTreeSet<Loss>) -> BTreeSet<Loss> {
    let nameless = |loss: &Loss| match loss {
        Loss::Coding(name) if !name.is_empty() => Loss::Coding(String::new()),
        other => other.clone(),
    };
    lost.iter().map(nameless).collect()
}

#[test]
fn each_format_tells_the_same() {
    for (name, bytes, format, both, of_stream, of_refusal) in FILES {
        let reading = read(source(name, bytes), None).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(reading.format, *format, "{name}");
        let told: Vec<&Told> = reading.exchanges.iter().flatten().filter(|told| told.api.is_ok()).collect();
        assert!(!told.is_empty() && told.len() <= 2, "{name}: {told:?}");
        for told in told {
            let Exchange { request, response } = &told.exchange;
            assert_eq!(told.api, Ok(ApiId::OpenaiChat), "{name}");
            assert_eq!(request.method, "POST", "{name}");
            assert!(request.target.starts_with("/v1/chat/completions"), "{name}: {}", request.target);
            let own = if response.status == 200 { of_stream } else { of_refusal };
            let expect: BTreeSet<Loss> = both.iter().chain(*own).cloned().collect();
            assert_eq!(nameless(&told.lost), expect, "{name} {}", response.status);
            let has = |loss: &Loss| told.lost.contains(loss);
            let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).expect("JSON");
            if !has(&Loss::RequestBody) {
                assert_eq!(json(&request.bytes()), json(ASKED.as_bytes()), "{name}");
                assert!(has(&Loss::RequestBytes) || request.body == ASKED, "{name}: {}", request.body);
            }
            match response.status {
                200 => {
                    assert_eq!(String::from_utf8_lossy(&body(&told.exchange)), EVENTS.concat(), "{name}");
                    let kind = response.headers.get("content-type").unwrap_or_default();
                    assert!(kind.starts_with("text/event-stream"), "{name}: {kind}");
                    let id = response.headers.get("x-request-id");
                    assert!(
                        id == Some("req_1") || *format == Format::Opencode || has(&Loss::ResponseHeaders),
                        "{name}"
                    );
                }
                400 => {
                    let got = body(&told.exchange);
                    assert_eq!(json(&got), json(REFUSED.as_bytes()), "{name}");
                    let same = String::from_utf8_lossy(&got) == REFUSED;
                    let anew = has(&Loss::ResponseBytes) && *format != Format::HttpMock;
                    assert_eq!(same, !anew, "{name}: what is written anew says so");
                    assert_eq!(response.headers.get("content-encoding"), None, "{name}");
                }
                other => panic!("{name}: {other}"),
            }
        }
    }
}

#[test]
fn borders_and_times_are_kept_where_they_are_known() {
    let check = |name: &str, expect: &[(Option<u64>, &str)]| {
        let (_, bytes, ..) = FILES.iter().find(|(file, ..)| *file == name).expect("a file of the table");
        let reading = read(source(name, bytes), None).expect("read");
        let told = reading.exchanges[0].as_ref().expect("an exchange");
        let chunks: Vec<(Option<u64>, String)> = told
            .exchange
            .response
            .chunks
            .iter()
            .map(|chunk| (chunk.after.map(|after| after.0), String::from_utf8(chunk.bytes()).expect("text")))
            .collect();
        let expect: Vec<(Option<u64>, String)> = expect.iter().map(|(at, text)| (*at, (*text).to_owned())).collect();
        assert_eq!(chunks, expect, "{name}");
    };
    let whole = EVENTS.concat();
    check("mastra.json", &[(Some(2), &whole[..10]), (Some(40), &whole[10..])]);
    check("req-llm.json", &[(None, &whole[..10]), (None, &whole[10..])]);
    check("vcrpy.yaml", &[(None, EVENTS[0]), (None, EVENTS[1])]);
    // The first piece of the gzip says nothing whole yet, or some of it.
    let nock = read(source("nock.json", include_bytes!("fixtures/nock.json")), None).expect("read");
    assert_eq!(body(&nock.exchanges[1].as_ref().expect("an exchange").exchange), REFUSED.as_bytes());
    let httprr = read(source("x", include_bytes!("fixtures/httprr.httprr")), None).expect("read");
    let told = httprr.exchanges[1].as_ref().expect("an exchange");
    assert_eq!(told.exchange.response.chunks.len(), 2, "chunks that were kept with their frames");
}

#[test]
fn a_file_becomes_a_cassette_without_its_credentials() {
    let redactor = redactor();
    let options = options(&redactor);
    for (name, bytes, ..) in FILES {
        let imported = import(source(name, bytes), &options).unwrap_or_else(|error| panic!("{error}"));
        let [cassette] = imported.cassettes.as_slice() else { panic!("{name}: {imported:?}") };
        let text = cassette::save(cassette);
        let loaded = cassette::load_text(name, &text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(&loaded, cassette, "{name}");
        assert!(!text.contains("sk-secret") && !text.to_lowercase().contains("bearer"), "{name}: {text}");
        assert_eq!(redactor.scan(text.as_bytes()), [], "{name}");
    }
    let (name, bytes, ..) = FILES[0];
    let imported = import(source(name, bytes), &options).expect("imported");
    assert_eq!(imported.skipped, [(2, "`GET /v1/models` generates nothing in an API that is spoken here".to_owned())]);
    insta::assert_snapshot!(cassette::save(&imported.cassettes[0]));
}

#[test]
fn lines_of_data_get_their_framing_back() {
    let check = |line: &str, api: ApiId, expect: &str| {
        let text = format!("{line}\n{line}\n");
        let reading = read(source("x.chunks.txt", text.as_bytes()), None).expect("read");
        assert_eq!(reading.format, Format::JsonLines);
        let told = reading.exchanges[0].as_ref().expect("an exchange");
        assert_eq!(told.api, Ok(api));
        assert_eq!(String::from_utf8_lossy(&body(&told.exchange)), format!("{expect}{expect}"));
        assert!(told.lost.contains(&Loss::Framing));
    };
    check(
        r#"{"type":"message_start"}"#,
        ApiId::AnthropicMessages,
        "event: message_start\ndata: {\"type\":\"message_start\"}\n\n",
    );
    check(r#"{"choices": []}"#, ApiId::OpenaiChat, "data: {\"choices\": []}\n\n");
    let one = include_bytes!("fixtures/lines.chunks.txt");
    assert!(read(source("one", one), None).is_err(), "one line of JSON may be anything");
    assert!(read(source("one", one), Some(Format::JsonLines)).is_ok());
}

#[test]
fn an_api_that_no_path_tells_can_be_told() {
    let file =
        String::from_utf8_lossy(include_bytes!("fixtures/datadog.json")).replace("/v1/chat/completions", "/my/own");
    let redactor = redactor();
    let options = options(&redactor);
    let imported = import(source("x", file.as_bytes()), &options).expect("read");
    assert!(imported.cassettes.is_empty());
    assert_eq!(imported.skipped[0].1, "`POST /my/own` generates nothing in an API that is spoken here");
    let options = Options { api: Some(ApiId::OpenaiChat), ..options };
    let imported = import(source("x", file.as_bytes()), &options).expect("read");
    assert_eq!(imported.cassettes.len(), 1);
    assert_eq!(imported.cassettes[0].exchanges[0].request.target, "/my/own");
}

#[test]
fn exchanges_of_several_apis_become_several_cassettes() {
    let two = |path: &str| {
        format!(
            "- request: {{method: POST, uri: 'https://x.test{path}', body: '{{}}', headers: {{}}}}\n  \
             response: {{status: {{code: 500}}, headers: {{}}, body: {{string: 'no'}}}}\n"
        )
    };
    let file = format!("interactions:\n{}{}{}", two("/v1/messages"), two("/v1/responses"), two("/v1/messages"));
    let imported = import(source("x", file.as_bytes()), &options(&redactor())).expect("read");
    let told: Vec<(ApiId, usize)> =
        imported.cassettes.iter().map(|cassette| (cassette.api, cassette.exchanges.len())).collect();
    assert_eq!(told, [(ApiId::OpenaiResponses, 1), (ApiId::AnthropicMessages, 2)]);
}

#[test]
fn what_is_damaged_is_refused_with_its_place() {
    let check = |text: &str, line: Option<usize>, says: &str| {
        let error = read(source("x.json", text.as_bytes()), None).expect_err(text);
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(error.line(), line, "{error}");
    };
    let program = read(source("x.py", b"def f():\n  return {'a': [1}\n"), None).expect_err("a program");
    assert_eq!(program.message, "this is no recording of a known format");
    check("", None, "no recording of a known format");
    check("a: 1\n", None, "no recording of a known format");
    check("{\"a\": 1}", None, "no recording of a known format");
    check("{\"a\":\n oops}", Some(2), "this is not JSON");
    check("interactions: [\n", Some(2), "this is not YAML");
    check("interactions: []\n", None, "no exchange is in this file");
    check("interactions:\n- request: {uri: x}\n", Some(2), "`response` is missing here");
    let pair = |response: &str| format!("interactions:\n- request: {{uri: /v1/messages}}\n  response: {response}\n");
    check(&pair("{body: {string: x}}"), Some(3), "`status` is missing here");
    check(&pair("{status: {code: 99}}"), Some(3), "`99` is no HTTP status");
    check(&pair("{status: 200, body: {file: x}}"), Some(3), "a body of an unknown form");
    check(&pair("{status: 200, body: {string: !!binary '*'}}"), Some(3), "this is not base64");
    check(&pair("{status: 200, headers: 1}"), Some(3), "this is a number, not a map or a list of headers");
    check("requests: [{uri: /}]\nresponses: []\n", Some(2), "0 responses to 1 requests");
    check("httprr trace v1\n1 x\n", Some(2), "here stand the two lengths");
    check("httprr trace v1\n10 10\nabc", Some(2), "shorter than these lengths");
    check("httprr trace v1\n3 3\nabcabc", Some(3), "no request of HTTP");
    check("[{\"scope\": \"a\", \"path\": \"b\", \"status\": 200, \"response\": [\"xy\"]}]", Some(1), "not hexadecimal");
    check("{\"log\": {\"entries\": [\n{}]}}", Some(2), "`request` is missing here");
    let mapping = "{\"request\": {\"method\": \"POST\"},\n \"response\": {\"bodyFileName\": \"gone\"}}";
    check(mapping, Some(2), "there is no gone");
    check("{\"a\": 1}\n{\"b\":\n", Some(2), "this line is not JSON");
    let timed = "{\"recordings\": [{\"request\": {}, \"response\": {\"status\": 200, \"chunks\": [\"a\"], \"chunkTimings\": []}}]}";
    check(timed, Some(1), "0 times for 1 chunks");
    check("9:2:ab,", None, "flow 1, byte 0: the file ends before");
    check("14:7:version;1:3#}", None, "this is no flow of mitmproxy");
}

#[test]
fn what_cannot_be_replayed_says_why() {
    let check = |text: &str, says: &str| {
        let reading = read(source("x", text.as_bytes()), None).expect("read");
        let why = reading.exchanges[0].as_ref().expect_err(text);
        assert!(why.contains(says), "{why}");
    };
    let pair = |headers: &str, body: &str| {
        format!(
            "interactions:\n- request: {{uri: /v1/messages}}\n  response: {{status: 200, headers: {headers}, body: {body}}}\n"
        )
    };
    check(&pair("{content-encoding: gzip}", "{string: !!binary H4sI}"), "the gzip of the body has no end");
    check(&pair("{content-encoding: zstd}", "{string: !!binary /w==}"), "the content coding `zstd` is not known");
    check(&pair("{content-encoding: br}", "{string: !!binary /w==}"), "is no whole br");
    check(&pair("{content-encoding: gzip}", "{string: !!binary H4sIAAAAAAACA/////8=}"), "its response");
    let har = "{\"log\": {\"entries\": [{\"request\": {}, \"response\": {\"status\": 0}}]}}";
    check(har, "no response came");
    let har =
        "{\"log\": {\"entries\": [{\"request\": {}, \"response\": {\"status\": 200, \"content\": {\"size\": 9}}}]}}";
    check(har, "the source has no body of the response");
    check(
        "interactions:\n- {request: {uri: /v1/messages}, response: {status: 200}}\n",
        "the source has no body of the response",
    );
}

#[test]
fn bytes_that_are_no_text_are_kept() {
    let check = |bytes: &[u8]| {
        let reading = read(source("x", bytes), None).expect("read");
        assert_eq!(body(&reading.exchanges[0].as_ref().expect("an exchange").exchange), bytes);
    };
    check(b"data: {\"choices\": \"\xc3");
    check(b"\xef\xbb\xbfdata: {}\r\n\r\ndata: [DONE]\r\n\r\n");
    check(b": ping\n\n\n\ndata: x");
    let trace = b"httprr trace v1\n28 20\nPOST /v1/messages HTTP/1\r\n\r\nHTTP/2 200 OK\r\n\r\n\0\xff\n";
    let reading = read(source("x", trace), None).expect("read");
    assert_eq!(body(&reading.exchanges[0].as_ref().expect("an exchange").exchange), b"\0\xff\n");
}

#[test]
fn sizes_are_limited() {
    let large = vec![b'#'; Limits::FOREIGN.bytes + 1];
    let error = read(source("x", &large), None).expect_err("too large");
    assert!(error.message.contains("larger than 64 MiB"), "{error}");
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut bomb, &large).expect("memory");
    let error = read(source("x", &bomb.finish().expect("memory")), None).expect_err("too large");
    assert_eq!(error.message, "the file unfolds to more than 64 MiB");
}

#[test]
fn formats_are_named() {
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(format));
    }
    assert!("x".parse::<Format>().unwrap_err().starts_with("no format is called `x`; one of vcrpy,"));
}

#[test]
fn days_stand_for_the_date_where_they_are_told() {
    let redactor = redactor();
    let options = options(&redactor);
    let check = |name: &str, expect: &str| {
        let (_, bytes, ..) = FILES.iter().find(|(file, ..)| *file == name).expect("a file of the table");
        let imported = import(source(name, bytes), &options).expect("imported");
        assert_eq!(imported.cassettes[0].provenance.date, expect, "{name}");
    };
    check("vcr-ruby.yml", "2026-07-13");
    check("mastra.json", "2026-07-13");
    check("browser.har", "2026-07-13");
    check("mitmproxy.flow", "2026-07-13");
    check("vcrpy.yaml", "2026-11-26");
}
