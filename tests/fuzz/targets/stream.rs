//! Server-sent events: however a body is cut, the same events, findings and readings come out, each in its place.
#![cfg_attr(not(test), no_main)]

use crossfade::api::ApiId;
use crossfade::sse::Decoder;

/// Cuts a body by the bits of `pattern`: pieces of 1 to 16 bytes.
fn pieces(mut body: &[u8], mut pattern: u64) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    while !body.is_empty() {
        let (piece, rest) = body.split_at(body.len().min(1 + (pattern & 15) as usize));
        pieces.push(piece);
        body = rest;
        pattern = pattern.rotate_right(4);
    }
    pieces
}

pub(crate) fn check(data: &[u8]) {
    let Some((pattern, body)) = data.split_first_chunk() else { return };
    let pattern = u64::from_le_bytes(*pattern);
    let pieces = pieces(body, pattern);

    let mut whole = Decoder::new();
    let expected = whole.feed(body);
    let mut cut = Decoder::new();
    let got: Vec<_> = pieces.iter().flat_map(|piece| cut.feed(piece)).collect();
    assert_eq!(got, expected);
    assert_eq!(cut.take_findings(), whole.take_findings());
    let (whole, cut) = (whole.finish(), cut.finish());
    assert_eq!((cut.unfinished, cut.findings), (whole.unfinished, whole.findings));
    let mut end = 0;
    for event in &expected {
        assert!(end <= event.span.start && event.span.start < event.span.end && event.span.end <= body.len());
        end = event.span.end;
    }

    for api in ApiId::ALL.into_iter().filter_map(ApiId::spoken) {
        let mut whole = api.stream_reader();
        let expected = whole.feed(body);
        let mut cut = api.stream_reader();
        let got: Vec<_> = pieces.iter().flat_map(|piece| cut.feed(piece)).collect();
        assert_eq!(got, expected, "{}", api.id());
        assert_eq!(cut.so_far(), whole.so_far(), "{}", api.id());
        let (got, expected) = (cut.finish(), whole.finish());
        assert_eq!(got, expected, "{}", api.id());
        // What was read can be kept and read again: histories are JSON.
        let kept = serde_json::to_string(&expected).expect("it is written");
        assert_eq!(
            serde_json::from_str::<crossfade::api::Reading>(&kept).expect("it is read"),
            expected,
            "{}",
            api.id()
        );
        let mut end = 0;
        for mark in api.marks(body) {
            assert!(end <= mark.start && mark.start < mark.end && mark.end <= body.len(), "{}: {mark:?}", api.id());
            end = mark.end;
        }
        // Bodies that are no streams.
        let _ = api.read_unary(body);
        let _ = api.read_error(400, body);
        let _ = api.wait_of(&crossfade::wire::Headers::default(), body);
    }
}

#[cfg(not(test))]
libfuzzer_sys::fuzz_target!(|data: &[u8]| check(data));
