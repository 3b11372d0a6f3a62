use proptest::prelude::*;

use super::*;

/// Events as `name|data|id`, findings as `rule@offset`, the unfinished event's data.
fn decode(chunks: impl IntoIterator<Item = impl AsRef<[u8]>>) -> (Vec<Event>, Tail) {
    let mut decoder = Decoder::new();
    let mut events = Vec::new();
    let mut findings = Vec::new();
    for chunk in chunks {
        events.extend(decoder.feed(chunk.as_ref()));
        findings.extend(decoder.take_findings());
    }
    let mut tail = decoder.finish();
    findings.append(&mut tail.findings);
    (events, Tail { findings, ..tail })
}

#[track_caller]
fn check(body: impl AsRef<[u8]>, events: &[&str], findings: &[&str]) {
    let body = body.as_ref();
    for size in [1, 2, 3, body.len().max(1)] {
        let (got, tail) = decode(body.chunks(size));
        let shown: Vec<String> = got
            .iter()
            .map(|event| {
                let name = event.name.as_deref().unwrap_or_default();
                match &event.id {
                    Some(id) => format!("{name}|{}|{id}", event.data),
                    None => format!("{name}|{}", event.data),
                }
            })
            .collect();
        assert_eq!(shown, events, "events, in chunks of {size}");
        // Comments are noted too, but are what most streams may have; a test of their own looks at them.
        let noted = tail.findings.iter().filter(|found| found.rule != Rule::Comment);
        let shown: Vec<String> = noted.map(|f| format!("{}@{}", f.rule.id(), f.offset)).collect();
        assert_eq!(shown, findings, "findings, in chunks of {size}");
        for event in &got {
            assert!(event.span.end <= body.len() && event.span.start < event.span.end);
        }
    }
}

#[test]
fn messages() {
    check("data: one\n\ndata: two\n\n", &["|one", "|two"], &[]);
    check("event: greeting\ndata: hello\n\n", &["greeting|hello"], &[]);
    check("data: hello\nevent: greeting\n\n", &["greeting|hello"], &[]);
    check("event: first\nevent: second\ndata: x\n\n", &["second|x"], &[]);
    check("event:\ndata: x\n\n", &["|x"], &[]);
    check("Data: x\n\ndata: y\n\n", &["|y"], &["S02@0"]);
    check("\n\n\ndata: x\n\n\n", &["|x"], &[]);
    check("data: 1\n\nevent: a\n\ndata: 2\n\n", &["|1", "|2"], &["S11@9"]);
    check(format!("data: {}\n\n", "x".repeat(1 << 16)), &[&format!("|{}", "x".repeat(1 << 16))], &[]);
}

#[test]
fn data() {
    check("data:x\n\n", &["|x"], &["S03@0"]);
    check("data:  x\n\n", &["| x"], &["S03@0"]);
    check("data:\tx\n\n", &["|\tx"], &["S03@0"]);
    check("data\n\n", &["|"], &["S12@0"]);
    check("data:\n\n", &["|"], &["S12@0"]);
    check("data:\ndata:\n\n", &["|\n"], &["S04@6"]);
    check("data: {\"a\":\ndata: 1}\n\n", &["|{\"a\":\n1}"], &["S04@12"]);
    check("data: a:b: c\n\n", &["|a:b: c"], &[]);
    check("data: {\"type\":\"x\"          }\n\n", &["|{\"type\":\"x\"          }"], &[]);
    check("data:[DONE]\n\ndata: [DONE]\n\n", &["|[DONE]", "|[DONE]"], &["S03@0"]);
    check("data: [DONE]\n\ndata: late\n\n", &["|[DONE]", "|late"], &[]);
    check("{\"error\":{}}\n\n", &[], &["S02@0"]);
    check("[{\"error\":{}}]\n", &[], &["S02@0"]);
    check("data: a\0b\n\n", &["|a\0b"], &[]);
}

#[test]
fn comments_are_noted() {
    let noted = |body: &str| {
        let (_, tail) = decode([body]);
        tail.findings.iter().map(|found| (found.rule, found.offset)).collect::<Vec<_>>()
    };
    assert_eq!(noted(": ping\n\ndata: x\n\n:\n"), [(Rule::Comment, 0), (Rule::Comment, 17)]);
    assert_eq!(noted("data: x\n\n: cut o"), []);
}

#[test]
fn a_line_that_is_cut_off_is_truncation_and_no_finding() {
    check("data: x\n\nev", &["|x"], &[]);
    check("data: x\n\ncolor\n", &["|x"], &["S02@9"]);
    let mut decoder = Decoder::new();
    decoder.feed("data: \u{e9}".as_bytes().split_last().expect("not empty").1);
    assert_eq!(decoder.finish().findings, []);
}

#[test]
fn an_unfinished_event_is_not_dispatched() {
    for (body, data) in [
        ("data: a\n\ndata: b", Some("b")),
        ("data: a\n\ndata: b\n", Some("b")),
        ("data: a\n\nevent: x\n", Some("")),
        ("data: a\n\n: comment", None),
        ("data: a\n\n", None),
        ("data: a\n\nunknown", None),
    ] {
        let (events, tail) = decode([body]);
        assert_eq!(events.len(), 1, "{body:?}");
        assert_eq!(tail.unfinished.map(|event| event.data).as_deref(), data, "{body:?}");
    }
}

#[test]
fn line_ends() {
    check("data: a\r\n\r\ndata: b\r\n\r\n", &["|a", "|b"], &["S05@7", "S05@9", "S05@18", "S05@20"]);
    check("data: a\r\rdata: b\r\r", &["|a", "|b"], &["S05@7", "S05@8", "S05@16", "S05@17"]);
    check("data: a\n\rdata: b\n\n", &["|a", "|b"], &["S05@8"]);
    check("data: a\n\ndata: b\r\n\n", &["|a", "|b"], &["S05@16"]);
    check("data: a\r\n\n\ndata: b\n\n", &["|a", "|b"], &["S05@7"]);
    // Line ends of Unicode and of Python's `splitlines` are none here.
    let odd = "data: a\u{2028}b\u{2029}c\u{85}d\u{b}e\u{c}f\u{1c}g\n\n";
    check(odd, &["|a\u{2028}b\u{2029}c\u{85}d\u{b}e\u{c}f\u{1c}g"], &[]);
}

#[test]
fn comments_and_unknown_fields() {
    check(": keep-alive\n\ndata: x\n\n", &["|x"], &[]);
    check(":\n\n:\n\ndata: x\n\n", &["|x"], &[]);
    check("event: a\n: between\ndata: x\n\n", &["a|x"], &[]);
    check("data: x\n: at the end\n\n", &["|x"], &[]);
    check("color: red\ndata: x\n\n", &["|x"], &["S02@0"]);
    check("justaname\n\n", &[], &["S02@0"]);
}

#[test]
fn ids_and_retries() {
    check("id: 1\ndata: a\n\ndata: b\n\n", &["|a|1", "|b|1"], &["S07@0"]);
    check("id: 1\ndata: a\n\nid\ndata: b\n\n", &["|a|1", "|b"], &["S07@0", "S07@15"]);
    check("id: 1\0\ndata: a\n\n", &["|a"], &["S07@0"]);
    check("retry: 100\n\ndata: a\n\n", &["|a"], &["S07@0", "S11@0"]);
    check("retry: bogus\ndata: a\n\n", &["|a"], &["S07@0"]);
}

#[test]
fn bytes() {
    check("\u{feff}data: a\n\ndata: b\n\n", &["|a", "|b"], &["S08@0"]);
    check("\u{feff}\u{feff}data: a\n\ndata: b\n\n", &["|b"], &["S08@0", "S02@3"]);
    check("data: \u{feff}a\n\n", &["|\u{feff}a"], &[]);
    check("data: Zoë 👩‍👩‍👧\n\n", &["|Zoë 👩‍👩‍👧"], &[]);
    check(b"data: \xff\n\n", &["|\u{fffd}"], &["S09@6"]);
    check(b"data: a\xe2\x82\n\n", &["|a\u{fffd}"], &["S09@7"]);
    check("", &[], &[]);
}

#[test]
fn spans_cover_an_event_from_its_first_field_to_its_blank_line() {
    let body = ": hello\n\nevent: a\ndata: x\n\n: ping\n\ndata: y\r\n\r\n";
    let (events, _) = decode([body]);
    let spans: Vec<&str> = events.iter().map(|event| &body[event.span.clone()]).collect();
    assert_eq!(spans, ["event: a\ndata: x\n\n", "data: y\r\n\r"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn cutting_bytes_anywhere_changes_nothing(
        lines in proptest::collection::vec("(data: ?|event: |id: |retry: |: |\u{feff}|x)?[ a-zé👩\"{}\0]{0,6}(\r\n|\n|\r|\n\n|\r\n\r\n)", 0..20),
        tail in proptest::collection::vec(any::<u8>(), 0..12),
        cuts in proptest::collection::vec(1_usize..9, 1..60),
    ) {
        let mut body = lines.concat().into_bytes();
        body.extend(tail);
        let mut pieces: Vec<&[u8]> = Vec::new();
        let mut rest = body.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, more) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = more;
        }
        prop_assert_eq!(decode(pieces), decode([body]));
    }
}
