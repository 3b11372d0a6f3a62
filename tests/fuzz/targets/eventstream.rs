//! AWS event streams: however a body is cut, the same messages come out, and each is written again as it was.
//!
//! Checksums would keep the input out, so it may come without them: see [`body`].
#![cfg_attr(not(test), no_main)]

use crossfade::api::ApiId;
use crossfade::eventstream::{Decoder, encode};

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// What is fed: the input as it is, or messages made of its pieces (two lengths, headers, payload) with lengths and
/// checksums as they should be.
fn body(raw: bool, mut input: &[u8]) -> Vec<u8> {
    if raw {
        return input.to_vec();
    }
    let mut body = Vec::new();
    while let Some(([head, payload], rest)) = input.split_first_chunk() {
        let (headers, rest) = rest.split_at(rest.len().min((*head).into()));
        let (payload, rest) = rest.split_at(rest.len().min((*payload).into()));
        let start = body.len();
        body.extend(((16 + headers.len() + payload.len()) as u32).to_be_bytes());
        body.extend((headers.len() as u32).to_be_bytes());
        body.extend(crc32(&body[start..]).to_be_bytes());
        body.extend(headers);
        body.extend(payload);
        body.extend(crc32(&body[start..]).to_be_bytes());
        input = rest;
    }
    body
}

pub(crate) fn check(data: &[u8]) {
    let Some(([how, size], input)) = data.split_first_chunk() else { return };
    let body = body(how % 4 == 0, input);
    let pieces = || body.chunks((*size).max(1).into());

    let mut whole = Decoder::new();
    let expected = whole.feed(&body);
    let mut cut = Decoder::new();
    let got: Vec<_> = pieces().flat_map(|piece| cut.feed(piece)).collect();
    assert_eq!(got, expected);
    assert_eq!(cut.damage(), whole.damage());
    let mut end = 0;
    for message in &expected {
        assert_eq!(message.span.start, end);
        end = message.span.end;
        // A header without a name is read, and never written.
        if message.headers.iter().any(|(name, _)| name.is_empty()) {
            continue;
        }
        assert_eq!(encode(&message.headers, &message.payload).as_deref(), Some(&body[message.span.clone()]));
    }

    let api = ApiId::BedrockConverse.spoken().expect("it is spoken");
    let (mut whole, mut cut) = (api.stream_reader(), api.stream_reader());
    let expected = whole.feed(&body);
    let got: Vec<_> = pieces().flat_map(|piece| cut.feed(piece)).collect();
    assert_eq!(got, expected);
    assert_eq!(cut.finish(), whole.finish());
    let mut end = 0;
    for mark in api.marks(&body) {
        assert!(end <= mark.start && mark.start < mark.end && mark.end <= body.len(), "{mark:?}");
        end = mark.end;
    }
}

#[cfg(not(test))]
libfuzzer_sys::fuzz_target!(|data: &[u8]| check(data));
