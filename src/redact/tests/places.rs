//! Every place in which a secret may stand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::Found;
use super::planted::gzip;
use super::redactor;
use crate::cassette::{Exchange, RecordedChunk, RecordedRequest, RecordedResponse};
use crate::scenario::Millis;

const KEY: &str = "sk-ant-api03-Qz7wKp2LmX9vBn4TfRy8JdHs5GaUe6Ci";

fn exchange() -> Exchange {
    Exchange {
        request: RecordedRequest { method: "POST".to_owned(), target: "/v1".to_owned(), ..RecordedRequest::default() },
        response: RecordedResponse { status: 200, ..RecordedResponse::default() },
    }
}

fn headers(pairs: &[(&str, &str)]) -> crate::wire::Headers {
    pairs.iter().copied().collect()
}

#[test]
fn headers_go_or_lose_their_values() {
    let mut exchange = exchange();
    exchange.request.headers = headers(&[
        ("Authorization", "Bearer x"),
        ("x-api-key", "k"),
        ("Cookie", "a=b"),
        ("X-Portkey-Api-Key", "k"),
        ("OpenAI-Organization", "acme-1"),
        ("content-type", "application/json"),
        ("x-note", KEY),
    ]);
    exchange.response.headers = headers(&[
        ("set-cookie", "__cf_bm=x"),
        ("anthropic-organization-id", "96164522-08b2"),
        ("x-ratelimit-remaining-tokens", "100"),
        ("x-request-id", "req_6b29ffd1a1e04c5ca8a2bd1a3b2f0a1c"),
    ]);
    exchange.response.trailers = headers(&[("x-auth-token", "k")]);
    let said = redactor().exchange(&mut exchange);
    let told = |headers: &crate::wire::Headers| {
        headers.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>()
    };
    let filled = "x".repeat(KEY.len());
    let note = format!("x-note: {filled}");
    assert_eq!(
        told(&exchange.request.headers),
        ["OpenAI-Organization: xxxxxx", "content-type: application/json", &note]
    );
    assert_eq!(
        told(&exchange.response.headers),
        [
            "anthropic-organization-id: xxxxxxxxxxxxx",
            "x-ratelimit-remaining-tokens: 100",
            "x-request-id: req_6b29ffd1a1e04c5ca8a2bd1a3b2f0a1c",
        ]
    );
    assert!(exchange.response.trailers.is_empty());
    assert_eq!(
        said,
        [
            "request header authorization",
            "request header x-api-key",
            "request header cookie",
            "request header x-portkey-api-key",
            "value of the request header openai-organization",
            "Anthropic key in the request header x-note",
            "response header set-cookie",
            "value of the response header anthropic-organization-id",
            "response header x-auth-token",
        ]
    );
    assert_eq!(redactor().exchange(&mut exchange), Vec::<String>::new());
}

#[test]
fn addresses_lose_parameters_and_keys() {
    let check = |target: &str, expect: &str| {
        let mut exchange = exchange();
        exchange.request.target = target.to_owned();
        redactor().exchange(&mut exchange);
        assert_eq!(exchange.request.target, expect);
    };
    check(
        "/v1beta/models/g:generateContent?alt=sse&key=abc&x=1",
        "/v1beta/models/g:generateContent?alt=sse&key=xxx&x=1",
    );
    check("/v1?API-KEY=%61bc&b", "/v1?API-KEY=xxxxx&b");
    check(&format!("/{KEY}/v1"), &format!("/{}/v1", "x".repeat(KEY.len())));
    check("/u/ann%40mail.test/x", "/u/xxx%78xxxxxxxxx/x");
    check(
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ax/converse",
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3Axxxxxxxxxxxx%3Ax/converse",
    );
    check("/v1/messages?beta=true", "/v1/messages?beta=true");
}

#[test]
fn chunk_borders_and_times_hold() {
    let body = format!("data: {{\"text\":\"my key {KEY}, yours?\"}}\n\n");
    for size in 1..body.len() {
        let mut exchange = exchange();
        let pieces = body.as_bytes().chunks(size).map(|piece| RecordedChunk::new(Some(Millis(3)), piece));
        exchange.response.chunks = pieces.collect();
        let lengths = |exchange: &Exchange| {
            exchange.response.chunks.iter().map(|c| (c.after, c.bytes().len())).collect::<Vec<_>>()
        };
        let before = lengths(&exchange);
        assert_eq!(redactor().exchange(&mut exchange), ["Anthropic key in the response body"]);
        assert_eq!(lengths(&exchange), before);
        let after: Vec<u8> = exchange.response.chunks.iter().flat_map(RecordedChunk::bytes).collect();
        assert_eq!(String::from_utf8(after).expect("text"), body.replace(KEY, &"x".repeat(KEY.len())));
    }
}

#[test]
fn what_cannot_be_read_is_never_called_clean() {
    let mut exchange = exchange();
    exchange.response.headers = headers(&[("content-encoding", "zstd")]);
    exchange.response.chunks = vec![RecordedChunk::new(None, b"(\xb5/\xfd")];
    let mut found = Found::default();
    redactor().response(&mut exchange.response, &mut found);
    assert_eq!((found.words.len(), found.unread.len()), (0, 1));
    assert!(found.unread[0].contains("zstd"), "{found:?}");
    // A header that a recorder kept over a body that it decoded says nothing.
    exchange.response.headers = headers(&[("content-encoding", "gzip")]);
    exchange.response.chunks = vec![RecordedChunk::new(None, KEY.as_bytes())];
    assert_eq!(redactor().exchange(&mut exchange), ["Anthropic key in the response body"]);
}

#[test]
fn a_compressed_body_is_searched_and_kept_without_its_coding_if_need_be() {
    // `data: {"text":"my key KEY, yours?"}`, by the reference implementation.
    let coded = STANDARD.decode("CyeAZGF0YTogeyJ0ZXh0IjoibXkga2V5IHNrLWFudC1hcGkwMy1Rejd3S3AyTG1YOXZCbjRUZlJ5OEpkSHM1R2FVZTZDaSwgeW91cnM/In0KCgM=").expect("base64");
    let mut exchange = exchange();
    exchange.response.headers = headers(&[("content-encoding", "br"), ("content-length", "100")]);
    let pieces = coded.chunks(30).map(|piece| RecordedChunk::new(Some(Millis(5)), piece));
    exchange.response.chunks = pieces.collect();
    let told = redactor().exchange(&mut exchange);
    assert_eq!(
        told,
        ["Anthropic key in the response body", "the br coding of the response body, for what was found in it"]
    );
    let body: Vec<u8> = exchange.response.chunks.iter().flat_map(RecordedChunk::bytes).collect();
    let expect = format!("data: {{\"text\":\"my key {}, yours?\"}}\n\n", "x".repeat(KEY.len()));
    assert_eq!(String::from_utf8(body).expect("text"), expect);
    assert_eq!(exchange.response.headers, headers(&[("content-length", &expect.len().to_string())]));
    let time: u64 = exchange.response.chunks.iter().filter_map(|chunk| chunk.after).map(|after| after.0).sum();
    assert!(time <= 5 * coded.len().div_ceil(30) as u64 && time > 0);
    // What holds no secret stays as it came.
    let plain = gzip("data: nothing\n\n");
    exchange.response.headers = headers(&[("content-encoding", "gzip")]);
    exchange.response.chunks = vec![RecordedChunk::new(None, &plain)];
    let before = exchange.clone();
    assert_eq!(redactor().exchange(&mut exchange), Vec::<String>::new());
    assert_eq!(exchange, before);
}

#[test]
fn a_leak_is_told_by_its_line_and_never_shown() {
    let leaks = redactor().scan(format!("a: 1\nb: {KEY}\n").as_bytes());
    assert_eq!(leaks.len(), 1);
    assert_eq!((leaks[0].line, leaks[0].what.as_str()), (Some(2), "Anthropic key in the file"));
    assert_eq!(redactor().scan(b"a: 1\nb: 2\n"), []);
}
