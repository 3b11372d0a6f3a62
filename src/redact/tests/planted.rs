//! Hundreds of secrets in every place, and nothing of them in the file.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::json;

use super::{Secret, redactor, secrets};
use crate::api::ApiId;
use crate::cassette::{
    Cassette, Exchange, FORMAT, How, Provenance, RecordedChunk, RecordedRequest, RecordedResponse, load_text, save,
};
use crate::eventstream;
use crate::wire::Headers;

/// Puts a secret somewhere.
type Place = fn(&str, &mut Exchange);

const PLACES: &[(&str, Place)] = &[
    ("request header", |text, e| e.request.headers.push("x-note", text.replace('\n', " "))),
    ("response header", |text, e| e.response.headers.push("x-note", text.replace('\n', " "))),
    ("trailer", |text, e| e.response.trailers.push("x-note", text.replace('\n', " "))),
    ("authorization", |text, e| e.request.headers.push("authorization", text.replace('\n', " "))),
    ("cookie", |text, e| e.response.headers.push("set-cookie", format!("a={}", text.replace('\n', " ")))),
    ("path", |text, e| e.request.target = format!("/v1/{}/x", escaped(text))),
    ("query", |text, e| e.request.target = format!("/v1?a=b&text={}&c=d", escaped(text))),
    ("secret parameter", |text, e| e.request.target = format!("/v1?alt=sse&key={}", escaped(text))),
    ("JSON", |text, e| e.request.body = json!({"messages": [{"role": "user", "content": text}]}).to_string()),
    ("JSON in JSON", |text, e| {
        let arguments = json!({"note": text}).to_string();
        e.request.body = json!({"function": {"arguments": arguments}}).to_string();
    }),
    ("escapes", |text, e| {
        e.request.body = json!({"content": text}).to_string().replace('/', "\\/").replace('-', "\\u002d");
    }),
    ("form", |text, e| e.request.body = format!("a=b&text={}&c=d", escaped(text))),
    ("multipart", |text, e| {
        e.request.body = format!("--b\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\n{text}\r\n--b--\r\n");
    }),
    ("multipart file", |text, e| {
        let head = b"--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n\x89PNG\xff\x00 ".as_slice();
        e.request.set_bytes(&[head, text.as_bytes(), b" \xff\x00\r\n--b--\r\n"].concat());
    }),
    ("base64", |text, e| {
        for (name, before) in ["a", "bc", "def", "user: "].into_iter().enumerate() {
            let plain = format!("{before} {text} and so on");
            let (a, b) = (STANDARD.encode(&plain), URL_SAFE_NO_PAD.encode(&plain));
            e.request.body +=
                &json!({name.to_string(): a, "safe": b, "url": format!("data:text/plain;base64,{a}")}).to_string();
        }
    }),
    ("base64 in a path", |text, e| {
        e.request.target = format!("/v1/files/{}/x", URL_SAFE_NO_PAD.encode(format!("{text} ")));
    }),
    ("answer", |text, e| one(&json!({"content": [{"type": "text", "text": text}]}).to_string(), e)),
    ("SSE", |text, e| {
        e.response.headers.push("content-type", "text/event-stream");
        one(&format!("event: a\ndata: {}\n\n", json!({"delta": {"text": text}})), e);
    }),
    ("SSE in small chunks", |text, e| {
        e.response.headers.push("content-type", "text/event-stream");
        pieces(format!("data: {}\n\n", json!({"delta": {"text": text}})).as_bytes(), 7, e);
    }),
    ("deltas", |text, e| {
        e.response.headers.push("content-type", "text/event-stream; charset=utf-8");
        let delta = |piece: String| json!({"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {"content": piece}}]});
        let events: Vec<String> = split(text).map(|piece| format!("data: {}\n\n", delta(piece))).collect();
        pieces(events.concat().as_bytes(), 40, e);
    }),
    ("argument deltas", |text, e| {
        let arguments = json!({"note": text}).to_string();
        let delta = |piece: String| json!({"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": piece}});
        let event = |piece: String| format!("event: content_block_delta\ndata: {}\n\n", delta(piece));
        one(&split(&arguments).map(event).collect::<String>(), e);
    }),
    ("NDJSON", |text, e| {
        e.response.headers.push("content-type", "application/x-ndjson");
        let line = |piece: String| json!({"message": {"role": "assistant", "content": piece}}).to_string() + "\n";
        pieces(split(text).map(line).collect::<String>().as_bytes(), 33, e);
    }),
    ("event stream", |text, e| {
        e.response.headers.push("content-type", eventstream::MEDIA_TYPE);
        let body: Vec<u8> = split(text)
            .flat_map(|piece| {
                let delta = json!({"contentBlockIndex": 0, "delta": {"text": piece}, "p": "abcdef"}).to_string();
                eventstream::json("event", "contentBlockDelta", delta.as_bytes())
            })
            .collect();
        pieces(&body, 50, e);
    }),
    ("event stream of base64", |text, e| {
        e.response.headers.push("content-type", eventstream::MEDIA_TYPE);
        let body: Vec<u8> = split(text)
            .flat_map(|piece| {
                let inner = json!({"type": "content_block_delta", "delta": {"type": "text_delta", "text": piece}});
                let chunk = json!({"bytes": STANDARD.encode(inner.to_string()), "p": "abc"}).to_string();
                eventstream::json("event", "chunk", chunk.as_bytes())
            })
            .collect();
        pieces(&body, 50, e);
    }),
    ("gzip", |text, e| {
        e.response.headers.push("content-encoding", "gzip");
        e.response.headers.push("content-length", "1");
        pieces(&gzip(&format!("data: {}\n\n", json!({"text": text}))), 20, e);
    }),
    ("gzip without a word", |text, e| pieces(&gzip(text), 20, e)),
    ("gzip of a request", |text, e| {
        e.request.headers.push("content-encoding", "gzip");
        e.request.set_bytes(&gzip(&json!({"text": text}).to_string()));
    }),
];

fn one(body: &str, exchange: &mut Exchange) {
    exchange.response.chunks = vec![RecordedChunk::new(None, body.as_bytes())];
}

fn pieces(body: &[u8], size: usize, exchange: &mut Exchange) {
    exchange.response.chunks = body.chunks(size).map(|piece| RecordedChunk::new(None, piece)).collect();
}

fn split(text: &str) -> impl Iterator<Item = String> {
    let chars: Vec<char> = format!("it is {text} indeed").chars().collect();
    chars.chunks(5).map(|piece| piece.iter().collect()).collect::<Vec<String>>().into_iter()
}

pub(super) fn gzip(text: &str) -> Vec<u8> {
    let mut coder = GzEncoder::new(Vec::new(), Compression::fast());
    coder.write_all(text.as_bytes()).expect("to memory");
    coder.finish().expect("to memory")
}

fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn cassette(exchanges: Vec<Exchange>) -> Cassette {
    let mut cassette = Cassette {
        cassette: FORMAT,
        summary: None,
        api: ApiId::OpenaiChat,
        provenance: Provenance {
            how: How::Recorded,
            source: "a test".to_owned(),
            date: "2026-11-26".to_owned(),
            tool: "crossfade 0.1.0".to_owned(),
            redacted: Vec::new(),
            lost: Vec::new(),
            sha256: String::new(),
        },
        exchanges,
    };
    cassette.provenance.sha256 = cassette.digest();
    cassette
}

fn planted(secret: &Secret, place: Place) -> Exchange {
    let mut exchange = Exchange {
        request: RecordedRequest { method: "POST".to_owned(), target: "/v1".to_owned(), ..RecordedRequest::default() },
        response: RecordedResponse { status: 200, headers: Headers::default(), ..RecordedResponse::default() },
    };
    place(&secret.text, &mut exchange);
    exchange
}

/// Everything that a file says, read by other means than those of the redactor: as it stands, chunk by chunk, joined,
/// unpacked, and what its streams say in pieces.
fn haystack(file: &str) -> Vec<Vec<u8>> {
    let cassette = load_text("x.yaml", file).expect("it loads");
    let mut all = vec![file.as_bytes().to_vec()];
    for exchange in &cassette.exchanges {
        let chunks: Vec<Vec<u8>> = exchange.response.chunks.iter().map(RecordedChunk::bytes).collect();
        let body = chunks.concat();
        for framing in
            [crate::framing::Framing::Sse, crate::framing::Framing::EventStream, crate::framing::Framing::Ndjson]
        {
            let events = framing.events(&body).into_iter().map(|event| event.data).collect::<Vec<_>>();
            let inner = events.iter().map(|data| {
                let json: serde_json::Value = serde_json::from_str(data).unwrap_or_default();
                let bytes = json["bytes"].as_str().and_then(|text| STANDARD.decode(text).ok());
                bytes.map_or(json, |bytes| serde_json::from_slice(&bytes).expect("JSON stays JSON"))
            });
            let paths = ["/choices/0/delta/content", "/delta/partial_json", "/delta/text", "/message/content"];
            let inner: Vec<_> = inner.collect();
            for path in paths {
                let texts = inner.iter().filter_map(|json| json.pointer(path)?.as_str());
                all.push(texts.collect::<String>().into_bytes());
            }
        }
        all.extend(chunks);
        all.extend([body, exchange.request.bytes(), exchange.request.target.clone().into_bytes()]);
    }
    let unpacked: Vec<Vec<u8>> = all.iter().flat_map(|text| unpacked(text)).collect();
    all.extend(unpacked);
    all
}

fn unpacked(bytes: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(bytes);
    let mut found: Vec<Vec<u8>> = Vec::new();
    for (engine, more) in [(&STANDARD_NO_PAD, "+/"), (&URL_SAFE_NO_PAD, "-_")] {
        let alphabet = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
        for run in text.split(|c| !alphabet(c)).filter(|run| run.len() >= 12) {
            for from in 0..4 {
                found.extend(engine.decode(&run[from..from + (run.len() - from) / 4 * 4]));
            }
        }
    }
    let plain = text.replace("\\/", "/").replace("\\u002d", "-").replace("\\\\", "\\").replace("\\\"", "\"");
    found.push(plain.into_bytes());
    let mut decoder = flate2::write::GzDecoder::new(Vec::new());
    // What is no gzip gives nothing.
    let _ = decoder.write_all(bytes).and_then(|()| decoder.flush());
    found.push(decoder.get_ref().clone());
    found
}

#[test]
fn nothing_is_left_of_two_hundred_secrets_in_any_place() {
    let redactor = redactor();
    let secrets = secrets(3);
    assert!(secrets.len() >= 200, "{}", secrets.len());
    let (mut count, mut left) = (0, Vec::new());
    for (index, (name, place)) in PLACES.iter().enumerate() {
        // Each kind in each place once, and each secret in a third of them.
        let each = secrets.len() / 3;
        let secrets = &secrets[each * (index % 3)..each * (index % 3 + 1)];
        let exchanges: Vec<Exchange> = secrets.iter().map(|secret| planted(secret, *place)).collect();
        let mut cassette = cassette(exchanges.clone());
        redactor.cassette(&mut cassette);
        assert_eq!(redactor.scan(save(&cassette).as_bytes()), [], "{name}");
        for ((secret, exchange), before) in secrets.iter().zip(&cassette.exchanges).zip(&exchanges) {
            count += 1;
            let mut one = self::cassette(vec![exchange.clone()]);
            one.provenance.redacted.clone_from(&cassette.provenance.redacted);
            let file = save(&one);
            if haystack(&file).iter().any(|text| secret.shows_in(text)) {
                left.push(format!("{name}: {}", secret.text));
            }
            let planted = haystack(&save(&self::cassette(vec![before.clone()])));
            assert!(
                planted.iter().any(|text| secret.shows_in(text)),
                "{name}: the secret was never there: {}",
                secret.text
            );
            if before.response.headers.get("content-type") == Some(eventstream::MEDIA_TYPE) {
                let mut decoder = eventstream::Decoder::new();
                let body: Vec<u8> = exchange.response.chunks.iter().flat_map(RecordedChunk::bytes).collect();
                assert!(!decoder.feed(&body).is_empty() && decoder.damage().is_none(), "{name}: checksums");
            }
        }
    }
    assert!(left.is_empty(), "{} of {count} are left:\n{}", left.len(), left[..left.len().min(40)].join("\n"));
}

#[test]
fn a_file_with_a_secret_is_refused() {
    for (name, place) in PLACES {
        if matches!(*name, "authorization" | "cookie" | "secret parameter") {
            continue;
        }
        for secret in secrets(1) {
            let file = save(&cassette(vec![planted(&secret, *place)]));
            assert_ne!(redactor().scan(file.as_bytes()), [], "{name}: {}", secret.text);
        }
    }
}

#[test]
fn what_looks_like_a_secret_in_one_chunk_alone_is_taken_out() {
    let mut exchange = planted(&Secret { text: String::new(), gaps: Vec::new() }, |_, exchange| {
        for chunk in ["data: {\"text\":\"ann.abcdefgh@example.te", "stya29 and so on\"}\n\n"] {
            exchange.response.chunks.push(RecordedChunk::new(None, chunk.as_bytes()));
        }
    });
    let redactor = redactor();
    redactor.exchange(&mut exchange);
    let file = save(&cassette(vec![exchange]));
    assert_eq!(redactor.scan(file.as_bytes()), [], "{file}");
    assert!(file.contains("stya29 and so on"), "{file}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn what_was_taken_out_is_not_found_again(
        picks in proptest::collection::vec((0_usize..200, 0_usize..7, 0_usize..40), 1..6),
        place in 0..PLACES.len(),
    ) {
        let all = secrets(3);
        let redactor = redactor();
        let mut text = String::new();
        for (pick, glue, cut) in picks {
            let secret = &all[pick].text;
            text += &secret[secret.len().min(cut) * usize::from(glue > 4)..];
            text += [" ", "", "@", "-", "\\", "%2", "\n"][glue];
        }
        let mut exchange = planted(&Secret { text, gaps: Vec::new() }, PLACES[place].1);
        redactor.exchange(&mut exchange);
        let once = exchange.clone();
        let again = redactor.exchange(&mut exchange);
        prop_assert_eq!(&exchange, &once);
        prop_assert_eq!(again, Vec::<String>::new());
        let mut cassette = cassette(vec![once]);
        cassette.provenance.sha256 = cassette.digest();
        prop_assert_eq!(redactor.scan(save(&cassette).as_bytes()), []);
    }
}
