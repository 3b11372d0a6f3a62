use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::answer::{AnswerScript, Mark, Piece, Rendition, RenditionChunk, Stage};
use crate::api::{Api, ApiId, PieceKind};
use crate::scenario::{AnswerPlan, At, Barrier, By, Cut, Edit, Millis, Obeys, Pace, Play, Stall};
use crate::wire::Headers;

const ERROR: &[u8] = b"event: error\ndata: {\"error\":\"overloaded\"}\n\n";

/// Any API: what a test says is no vendor's.
fn api() -> &'static dyn Api {
    ApiId::OpenaiChat.spoken().unwrap()
}

fn play(cut: Option<(At, By)>) -> Play {
    let script =
        AnswerScript { summary: None, parts: Vec::new(), repeat: None, chunk: None, finish: None, output_tokens: None };
    Play {
        answer: AnswerPlan::Script { name: "text".to_owned(), script: Arc::new(script) },
        status: None,
        cut: cut.map(|(at, by)| Cut { at, by }),
        edits: Vec::new(),
        pace: Pace::Instant,
        barrier: Barrier::Seen,
        obeys: Obeys::Exactly,
    }
}

/// An event: its stage, and the text that it carries.
fn event(stage: Stage, piece: Option<(PieceKind, &str)>) -> (Vec<u8>, Stage, Option<Piece>) {
    let data = match (stage, piece) {
        (Stage::Terminator, _) => "[DONE]".to_owned(),
        (_, Some((_, text))) => format!("{{\"delta\":{}}}", serde_json::json!(text)),
        (stage, None) => format!("{{\"stage\":\"{stage:?}\"}}"),
    };
    let piece = piece.map(|(kind, text)| Piece { kind, text: text.to_owned() });
    (format!("data: {data}\n\n").into_bytes(), stage, piece)
}

/// A stream with one chunk per event, 10 ms apart.
fn stream(events: &[(Vec<u8>, Stage, Option<Piece>)]) -> Rendition {
    let (mut marks, mut chunks, mut at) = (Vec::new(), Vec::new(), 0);
    for (bytes, stage, piece) in events {
        marks.push(Mark { start: at, end: at + bytes.len(), stage: *stage, piece: piece.clone() });
        chunks.push(RenditionChunk { after: Duration::from_millis(10), data: Bytes::from(bytes.clone()) });
        at += bytes.len();
    }
    Rendition { status: 200, headers: Headers::default(), stream: true, chunks, marks }
}

/// A preamble, five words of which one is reasoning, a finish reason, usage, an end mark.
fn usual() -> Rendition {
    stream(&[
        event(Stage::Preamble, None),
        event(Stage::Content, Some((PieceKind::Thinking, "hm"))),
        event(Stage::Content, Some((PieceKind::Text, "one"))),
        event(Stage::Content, Some((PieceKind::Text, " two"))),
        event(Stage::Content, None),
        event(Stage::Content, Some((PieceKind::Text, " thr\u{1F600}e"))),
        event(Stage::Content, Some((PieceKind::Text, " four"))),
        event(Stage::Finish, None),
        event(Stage::Tail, None),
        event(Stage::Terminator, None),
    ])
}

/// The same bytes and marks with chunks that end at other places.
fn rechunked(rendition: &Rendition, borders: &[usize]) -> Rendition {
    let body = rendition.body();
    let mut ends: Vec<usize> = borders.iter().map(|border| border % (body.len() + 1)).collect();
    ends.push(body.len());
    ends.sort_unstable();
    ends.dedup();
    let mut start = 0;
    let mut chunks = Vec::new();
    for end in ends {
        let data = Bytes::copy_from_slice(&body[start..end]);
        chunks.push(RenditionChunk { after: Duration::from_millis(10), data });
        start = end;
    }
    Rendition { chunks, ..rendition.clone() }
}

/// A plan in short: `+n` sends an event's bytes, `*` is a gate, and so on.
fn outline(plan: &Plan) -> String {
    let mut words: Vec<String> = plan
        .steps
        .iter()
        .map(|step| match step {
            Step::Send { at, text, .. } => format!("{}ms:{text}", at.as_millis()),
            Step::Gate => "gate".to_owned(),
            Step::Barrier { settle, .. } => format!("barrier({}ms)", settle.as_millis()),
            Step::Stall(None) => "stall".to_owned(),
            Step::Stall(Some(time)) => format!("stall({}ms)", time.as_millis()),
        })
        .collect();
    words.push(format!("{:?}", plan.end).to_lowercase());
    words.join(" ")
}

fn sends(plan: &Plan) -> Vec<Bytes> {
    plan.steps
        .iter()
        .filter_map(|step| if let Step::Send { data, .. } = step { Some(data.clone()) } else { None })
        .collect()
}

#[test]
fn positions_mean_after() {
    let rendition = usual();
    let check = |at: At, events: usize, text: &str| {
        let plan = compile(&rendition, &play(Some((at, By::Close))), api(), ERROR).unwrap();
        let bytes = events.checked_sub(1).map_or(0, |last| rendition.marks[last].end);
        assert_eq!(plan.body(), rendition.body()[..bytes], "{at:?}");
        assert_eq!(plan.text, text, "{at:?}");
        assert_eq!(plan.end, End::Close);
    };
    check(At::Head, 0, "");
    check(At::Preamble, 1, "");
    check(At::Pieces(1), 2, "");
    check(At::Pieces(2), 3, "one");
    check(At::Texts(1), 3, "one");
    check(At::Texts(2), 4, "one two");
    check(At::Texts(3), 6, "one two thr\u{1F600}e");
    check(At::Texts(4), 7, "one two thr\u{1F600}e four");
    check(At::Events(5), 5, "one two");
    check(At::Bytes(0), 0, "");
    check(At::LastContent, 7, "one two thr\u{1F600}e four");
    check(At::Finish, 8, "one two thr\u{1F600}e four");
    check(At::Terminator, 10, "one two thr\u{1F600}e four");
}

#[test]
fn a_cut_past_the_end_says_what_there_is() {
    let check = |rendition: &Rendition, at: At, expect: &str| {
        let error = compile(rendition, &play(Some((at, By::Close))), api(), ERROR).unwrap_err();
        assert_eq!(error.to_string(), expect);
    };
    let rendition = usual();
    check(&rendition, At::Texts(5), "the cut at `{texts: 5}` lies past the end: the answer has 4 texts");
    check(&rendition, At::Pieces(6), "the cut at `{pieces: 6}` lies past the end: the answer has 5 pieces");
    check(&rendition, At::Events(11), "the cut at `{events: 11}` lies past the end: the answer has 10 events");
    let bytes = rendition.body().len();
    let expect = format!("the cut at `{{bytes: 9999}}` lies past the end: the answer has {bytes} bytes");
    check(&rendition, At::Bytes(9999), &expect);
    let bare = stream(&[event(Stage::Content, Some((PieceKind::Text, "a")))]);
    check(&bare, At::Texts(2), "the cut at `{texts: 2}` lies past the end: the answer has 1 text");
    check(&bare, At::Finish, "the cut at `finish` lies past the end: the answer has no finish reason");
    check(&bare, At::Terminator, "the cut at `terminator` lies past the end: the answer has no end mark");
    check(&stream(&[]), At::LastContent, "the cut at `last_content` lies past the end: the answer has no content");
    check(&stream(&[]), At::Texts(1), "the cut at `{texts: 1}` lies past the end: the answer has no text");
}

#[test]
fn effects() {
    let stall = |time: Option<u64>| By::Stall(Stall { r#for: time.map(Millis) });
    let check = |at: At, by: By, expect: &str| {
        let plan = compile(&usual(), &play(Some((at, by.clone()))), api(), ERROR).unwrap();
        assert_eq!(outline(&plan), expect, "{at:?} {by:?}");
    };
    check(At::Texts(1), By::Close, "0ms:0 0ms:0 0ms:3 barrier(50ms) close");
    check(At::Texts(1), By::Eof, "0ms:0 0ms:0 0ms:3 barrier(50ms) complete");
    check(At::Texts(1), By::Reset, "0ms:0 0ms:0 0ms:3 barrier(50ms) reset");
    check(At::Texts(1), stall(None), "0ms:0 0ms:0 0ms:3 barrier(50ms) stall close");
    check(At::Head, By::Close, "close");
    check(At::Head, By::ErrorEvent, "0ms:0 complete");
    check(At::Texts(1), By::ErrorEvent, "0ms:0 0ms:0 0ms:3 barrier(50ms) 0ms:3 complete");
    check(
        At::Texts(2),
        stall(Some(2000)),
        "0ms:0 0ms:0 0ms:3 0ms:7 barrier(50ms) stall(2000ms) 2000ms:7 2000ms:13 2000ms:18 2000ms:18 2000ms:18 \
         2000ms:18 complete",
    );
    let race = Play { barrier: Barrier::None, ..play(Some((At::Texts(1), By::Close))) };
    assert_eq!(outline(&compile(&usual(), &race, api(), ERROR).unwrap()), "0ms:0 0ms:0 0ms:3 close");
}

#[test]
fn bad_json_damages_the_next_event_with_json() {
    let plan = compile(&usual(), &play(Some((At::Texts(2), By::BadJson))), api(), ERROR).unwrap();
    // The event behind the second text carries none, so the text stays whole.
    assert_eq!(plan.text, "one two thr\u{1F600}e four");
    let damaged = String::from_utf8(sends(&plan)[4].to_vec()).unwrap();
    assert_eq!(damaged, "data: {\"stage\":\n\n");

    let plan = compile(&usual(), &play(Some((At::Texts(3), By::BadJson))), api(), ERROR).unwrap();
    assert_eq!(plan.text, "one two thr\u{1F600}e");
    assert!(matches!(plan.steps[6], Step::Barrier { .. }), "{:?}", plan.steps);
    assert_eq!(plan.end, End::Complete);

    // Only the end mark is left, and that is no JSON.
    let error = compile(&usual(), &play(Some((At::Events(9), By::BadJson))), api(), ERROR).unwrap_err();
    assert_eq!(error.to_string(), "`bad_json` at `{events: 9}`: no event with JSON follows");
}

/// The effects that change what is sent, each byte by byte, at the second of three words.
#[test]
fn effects_that_change_the_stream() {
    let events = || {
        [
            event(Stage::Content, Some((PieceKind::Text, "a"))),
            event(Stage::Content, Some((PieceKind::Text, " b"))),
            event(Stage::Content, Some((PieceKind::Text, " \u{e9}"))),
            event(Stage::Finish, None),
            event(Stage::Terminator, None),
        ]
    };
    let data = |text: &str| format!("data: {{\"delta\":\"{text}\"}}\n\n");
    let (a, b, e) = (data("a"), data(" b"), data(" \u{e9}"));
    let (finish, done) = ("data: {\"stage\":\"Finish\"}\n\n", "data: [DONE]\n\n");
    let check = |by: By, body: &str, text: &str, end: End| {
        let plan = compile(&stream(&events()), &play(Some((At::Texts(2), by.clone()))), api(), ERROR).unwrap();
        assert_eq!(String::from_utf8_lossy(&plan.body()), body, "{by:?}");
        assert_eq!((plan.text.as_str(), plan.end), (text, end), "{by:?}");
        plan
    };
    let half = &e[..e.len() / 2];
    let (all, whole) = (format!("{a}{b}{e}{finish}{done}"), "a b \u{e9}");
    check(By::CutEvent, &format!("{a}{b}{half}"), "a b", End::Complete);
    check(By::CutUtf8, &format!("{a}{b}data: {{\"delta\":\" \u{FFFD}"), "a b", End::Close);
    check(By::BadChunk, &format!("{a}{b}"), "a b", End::BadChunk);
    check(By::NoTerminator, &format!("{a}{b}{e}{finish}"), whole, End::Complete);
    check(By::AfterTerminator, &format!("{all}{b}"), whole, End::Complete);
    check(By::Duplicate, &format!("{a}{b}{b}{e}{finish}{done}"), "a b b \u{e9}", End::Complete);
    check(By::Drop, &format!("{a}{b}{finish}{done}"), "a b", End::Complete);
    check(By::Slow, &all, whole, End::Complete);
    let plan = check(By::ContentLength, &format!("{a}{b}"), "a b", End::Close);
    assert_eq!((plan.chunked, plan.length), (false, all.len()));

    let plan = compile(&stream(&events()), &play(Some((At::Texts(2), By::Oversize))), api(), ERROR).unwrap();
    let body = String::from_utf8(plan.body()).unwrap();
    assert_eq!(body.replacen(&" ".repeat(1 << 20), "", 1), all);
    assert_eq!(plan.text, whole);

    let plan = compile(&stream(&events()), &play(Some((At::Texts(2), By::Slow))), api(), ERROR).unwrap();
    let times: Vec<u64> = plan
        .steps
        .iter()
        .filter_map(|step| if let Step::Send { at, .. } = step { Some(at.as_millis() as u64) } else { None })
        .collect();
    assert_eq!(times[..2], [0, 0]);
    assert!(times[2..].iter().zip(1..).all(|(time, piece)| *time <= 5 * piece), "{times:?}");
    assert_eq!(times.last(), Some(&(5 * (all.len() - a.len() - b.len()).div_ceil(16) as u64)));
}

#[test]
fn effects_say_what_they_lack() {
    let check = |at: At, by: By, expect: &str| {
        let error = compile(&usual(), &play(Some((at, by))), api(), ERROR).unwrap_err();
        assert_eq!(error.to_string(), expect);
    };
    check(At::Terminator, By::CutEvent, "`cut_event` at `terminator`: no event follows");
    check(At::Terminator, By::Drop, "`drop` at `terminator`: no event follows");
    check(At::Texts(3), By::CutUtf8, "`cut_utf8` at `{texts: 3}`: no character of several bytes follows");
    check(At::Head, By::Duplicate, "`duplicate` at `head`: no event comes before");
    check(At::Preamble, By::AfterTerminator, "`after_terminator` at `preamble`: no event with content comes before");
    check(At::Terminator, By::NoTerminator, "`no_terminator` at `terminator`: no end mark follows");
    check(At::Events(9), By::Oversize, "`oversize` at `{events: 9}`: no event with JSON follows");
    check(
        At::Request,
        By::Eof,
        "before the response head, a leg can `close`, `reset` or `stall` (over HTTP/2 also `rst_stream` and `goaway`), not `eof`",
    );
}

#[test]
fn before_the_head() {
    let check = |by: By, opening: Opening, expect: &str| {
        let plan = compile(&usual(), &play(Some((At::Request, by))), api(), ERROR).unwrap();
        assert_eq!((plan.opening, outline(&plan).as_str()), (opening, expect));
    };
    let stall = |time: Option<u64>| By::Stall(Stall { r#for: time.map(Millis) });
    check(By::Close, Opening::Never, "close");
    check(By::Reset, Opening::Never, "reset");
    check(stall(None), Opening::Never, "stall close");
    let whole = outline(&compile(&usual(), &play(None), api(), ERROR).unwrap());
    check(stall(Some(20)), Opening::After(Duration::from_millis(20)), &whole);
}

#[test]
fn bad_json_spans_lines() {
    let events = [(b"event: x\r\ndata: {\"a\":\r\ndata: \"b\"}\r\nid: 1\r\n\r\n".to_vec(), Stage::Content, None)];
    let plan = compile(&stream(&events), &play(Some((At::Head, By::BadJson))), api(), ERROR).unwrap();
    assert_eq!(String::from_utf8(plan.body()).unwrap(), "event: x\r\ndata: {\"\r\nid: 1\r\n\r\n");
}

#[test]
fn paces() {
    let check = |pace: Pace, edits: &[Edit], expect: &str| {
        let script = Play { pace, edits: edits.to_vec(), ..play(None) };
        assert_eq!(outline(&compile(&usual(), &script, api(), ERROR).unwrap()), expect, "{pace:?} {edits:?}");
    };
    check(Pace::Instant, &[], "0ms:0 0ms:0 0ms:3 0ms:7 0ms:7 0ms:13 0ms:18 0ms:18 0ms:18 0ms:18 complete");
    check(
        Pace::Every(Millis(20)),
        &[],
        "0ms:0 20ms:0 40ms:3 60ms:7 80ms:7 100ms:13 120ms:18 140ms:18 160ms:18 180ms:18 complete",
    );
    check(Pace::Recorded, &[], "10ms:0 20ms:0 30ms:3 40ms:7 50ms:7 60ms:13 70ms:18 80ms:18 90ms:18 100ms:18 complete");
    check(Pace::Scale(0.5), &[Edit::Merge(4)], "20ms:7 40ms:18 50ms:18 complete");
    check(Pace::Scale(-1.0), &[Edit::Merge(99)], "0ms:18 complete");
    check(Pace::Every(Millis(5)), &[Edit::Merge(5)], "20ms:7 45ms:18 complete");
    check(
        Pace::LockStep,
        &[],
        "0ms:0 0ms:0 0ms:3 gate 0ms:7 0ms:7 gate 0ms:13 gate 0ms:18 0ms:18 0ms:18 0ms:18 complete",
    );
    check(Pace::LockStep, &[Edit::Merge(3)], "0ms:3 gate 0ms:13 gate 0ms:18 0ms:18 complete");
}

#[test]
fn paced_events_leave_recorded_chunks() {
    let one = rechunked(&usual(), &[]);
    let check = |pace: Pace, sends: usize, gates: usize| {
        let plan = compile(&one, &Play { pace, ..play(None) }, api(), ERROR).unwrap();
        let count = |wanted: fn(&Step) -> bool| plan.steps.iter().filter(|step| wanted(step)).count();
        assert_eq!(count(|step| matches!(step, Step::Send { .. })), sends, "{pace:?}");
        assert_eq!(count(|step| matches!(step, Step::Gate)), gates, "{pace:?}");
    };
    check(Pace::Instant, 1, 0);
    check(Pace::Recorded, 1, 0);
    check(Pace::Every(Millis(1)), 10, 0);
    check(Pace::LockStep, 4, 3);
}

#[test]
fn edits_keep_positions() {
    let check = |edits: &[Edit], body: &str| {
        let events = [
            event(Stage::Preamble, None),
            event(Stage::Content, Some((PieceKind::Text, "a"))),
            event(Stage::Content, Some((PieceKind::Text, " b"))),
        ];
        let script = Play { edits: edits.to_vec(), ..play(Some((At::Texts(1), By::ErrorEvent))) };
        let plan = compile(&stream(&events), &script, api(), b"data: {}\n\n").unwrap();
        assert_eq!(String::from_utf8(plan.body()).unwrap(), body);
        assert_eq!(plan.text, "a");
    };
    let (first, second) = ("data: {\"stage\":\"Preamble\"}\n\n", "data: {\"delta\":\"a\"}\n\n");
    check(&[], &format!("{first}{second}data: {{}}\n\n"));
    check(&[Edit::Comments], &format!("{first}: keep-alive\n\n{second}data: {{}}\n\n"));
    let crlf = |text: &str| text.replace('\n', "\r\n");
    check(&[Edit::Crlf], &crlf(&format!("{first}{second}data: {{}}\n\n")));
    check(&[Edit::Crlf, Edit::Comments], &crlf(&format!("{first}: keep-alive\n\n{second}data: {{}}\n\n")));
}

#[test]
fn unary_answers_know_head_and_bytes() {
    let rendition = Rendition {
        stream: false,
        marks: Vec::new(),
        chunks: vec![RenditionChunk { after: Duration::from_millis(40), data: Bytes::from_static(b"{\"a\":\"bcd\"}") }],
        ..usual()
    };
    let check = |cut: Option<(At, By)>, body: &str, end: End, length: usize| {
        let plan = compile(&rendition, &play(cut), api(), ERROR).unwrap();
        assert_eq!((plan.body(), plan.end, plan.length), (body.as_bytes().to_vec(), end, length));
        assert!(!plan.chunked);
    };
    check(None, "{\"a\":\"bcd\"}", End::Complete, 11);
    check(Some((At::Head, By::Close)), "", End::Close, 11);
    check(Some((At::Bytes(4), By::Reset)), "{\"a\"", End::Reset, 11);
    check(Some((At::Bytes(4), By::Eof)), "{\"a\"", End::Complete, 4);
    check(Some((At::Bytes(4), By::Stall(Stall { r#for: Some(Millis(5)) }))), "{\"a\":\"bcd\"}", End::Complete, 11);

    let error = |at, by| compile(&rendition, &play(Some((at, by))), api(), ERROR).unwrap_err().to_string();
    assert_eq!(error(At::Texts(1), By::Close), "a unary answer knows `head` and `{bytes: n}`, not `{texts: 1}`");
    assert_eq!(error(At::Head, By::ErrorEvent), "`error_event` needs a streamed answer");
    assert_eq!(error(At::Bytes(1), By::BadJson), "`bad_json` needs a streamed answer");
}

/// Streams of any shape: events of any kind, bytes between them that belong to none, any chunk borders.
fn any_stream() -> impl Strategy<Value = Rendition> {
    let text = prop::sample::select(vec!["a", " word", "\u{1F600}", " \"q\"\n", "{}"]);
    let kind = prop::sample::select(vec![PieceKind::Text, PieceKind::Arguments, PieceKind::Thinking]);
    let piece = prop::option::weighted(0.7, (kind, text));
    let gap = prop::sample::select(vec!["", "", "", ": ping\n\n", "\n"]);
    let middle = prop::collection::vec((piece, gap), 0..12);
    (middle, any::<bool>(), prop::collection::vec(any::<usize>(), 0..10)).prop_map(|(middle, ends, borders)| {
        let (mut marks, mut body) = (Vec::new(), Vec::new());
        let mut push = |event: (Vec<u8>, Stage, Option<Piece>), gap: &str| {
            let start = body.len();
            body.extend_from_slice(&event.0);
            marks.push(Mark { start, end: body.len(), stage: event.1, piece: event.2 });
            body.extend_from_slice(gap.as_bytes());
        };
        push(event(Stage::Preamble, None), "");
        for (piece, gap) in middle {
            push(event(Stage::Content, piece), gap);
        }
        if ends {
            push(event(Stage::Finish, None), "");
            push(event(Stage::Terminator, None), "");
        }
        let chunks = vec![RenditionChunk { after: Duration::ZERO, data: Bytes::from(body) }];
        let whole = Rendition { status: 200, headers: Headers::default(), stream: true, chunks, marks };
        rechunked(&whole, &borders)
    })
}

fn any_at() -> impl Strategy<Value = At> {
    prop_oneof![
        Just(At::Head),
        Just(At::Preamble),
        (1_u32..8).prop_map(At::Texts),
        (1_u32..8).prop_map(At::Pieces),
        (1_u32..12).prop_map(At::Events),
        (0_u64..400).prop_map(At::Bytes),
        Just(At::LastContent),
        Just(At::Finish),
        Just(At::Terminator),
    ]
}

fn any_by() -> impl Strategy<Value = By> {
    prop_oneof![
        Just(By::Close),
        Just(By::Eof),
        Just(By::Reset),
        Just(By::ErrorEvent),
        Just(By::BadJson),
        Just(By::Stall(Stall { r#for: None })),
        Just(By::Stall(Stall { r#for: Some(Millis(7)) })),
    ]
}

fn any_pace() -> impl Strategy<Value = Pace> {
    prop_oneof![
        Just(Pace::Instant),
        Just(Pace::Recorded),
        Just(Pace::Scale(0.1)),
        Just(Pace::Every(Millis(20))),
        Just(Pace::LockStep),
    ]
}

fn any_edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        (0_u32..40).prop_map(Edit::Split),
        (0_u32..5).prop_map(Edit::Merge),
        Just(Edit::Crlf),
        Just(Edit::Comments),
        Just(Edit::Bom),
        Just(Edit::UnknownEvent),
        Just(Edit::Gzip),
    ];
    prop::collection::vec(edit, 0..3)
}

/// Where a position stands, worked out from the marks alone.
fn expected_offset(rendition: &Rendition, at: At) -> Option<usize> {
    let marks = &rendition.marks;
    let nth = |n: u32, wanted: &dyn Fn(&Mark) -> bool| {
        marks.iter().filter(|mark| wanted(mark)).nth(n as usize - 1).map(|mark| mark.end)
    };
    let last = |wanted: &dyn Fn(&Mark) -> bool| marks.iter().filter(|mark| wanted(mark)).map(|mark| mark.end).max();
    match at {
        At::Request | At::Head => Some(0),
        At::Preamble => last(&|mark| mark.stage == Stage::Preamble),
        At::Texts(n) => nth(n, &|mark| mark.piece.as_ref().is_some_and(|piece| piece.kind == PieceKind::Text)),
        At::Pieces(n) => nth(n, &|mark| mark.piece.is_some()),
        At::Events(n) => nth(n, &|_| true),
        At::Bytes(n) => Some(n as usize).filter(|n| *n <= rendition.body().len()),
        At::LastContent => last(&|mark| mark.piece.is_some()),
        At::Finish => last(&|mark| mark.stage == Stage::Finish),
        At::Terminator => last(&|mark| mark.stage == Stage::Terminator),
        At::Asked(_) => None,
    }
}

/// The text of the marks that are whole at an offset.
fn text_at(rendition: &Rendition, offset: usize) -> String {
    let whole = rendition.marks.iter().filter(|mark| mark.end <= offset).filter_map(|mark| mark.piece.as_ref());
    whole.filter(|piece| piece.kind == PieceKind::Text).map(|piece| piece.text.as_str()).collect()
}

/// The stream as a lenient client reads it: data of each event, comments and line ends aside.
fn data_of(body: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(body).replace("\r\n", "\n");
    let lines = text.lines().map(|line| line.trim_start_matches('\u{FEFF}'));
    let data = lines.filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| !data.contains("\"heartbeat\":{}")).map(str::to_owned).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_cut_is_a_prefix_or_its_stated_edit(
        rendition in any_stream(),
        at in any_at(),
        by in any_by(),
        pace in any_pace(),
        barrier in prop::sample::select(vec![Barrier::Seen, Barrier::None]),
    ) {
        let script = Play { pace, barrier, ..play(Some((at, by.clone()))) };
        let body = rendition.body();
        let plan = match (compile(&rendition, &script, api(), ERROR), expected_offset(&rendition, at)) {
            (Ok(plan), Some(_)) => plan,
            (Err(CompileError::NothingThere { .. }), Some(offset)) => {
                let left = rendition.marks.iter().filter(|mark| mark.start >= offset);
                prop_assert!(left.into_iter().all(|mark| mark.stage == Stage::Terminator));
                return Ok(());
            }
            (Err(CompileError::PastTheEnd { .. }), None) => return Ok(()),
            (result, offset) => return Err(TestCaseError::fail(format!("{result:?} at {offset:?}"))),
        };
        let offset = expected_offset(&rendition, at).unwrap();
        match by {
            By::Close | By::Eof | By::Reset | By::Stall(Stall { r#for: None }) => {
                prop_assert_eq!(plan.body(), &body[..offset]);
                prop_assert_eq!(&plan.text, &text_at(&rendition, offset));
            }
            By::ErrorEvent => {
                prop_assert_eq!(plan.body(), [&body[..offset], ERROR].concat());
                prop_assert_eq!(&plan.text, &text_at(&rendition, offset));
            }
            By::Stall(_) => {
                prop_assert_eq!(plan.body(), body);
                prop_assert_eq!(&plan.text, &rendition.text());
            }
            By::BadJson => {
                // Equal but for one event, which is no JSON any more.
                let damaged = rendition.marks.iter().find(|mark| mark.start >= offset).unwrap();
                let sent = plan.body();
                prop_assert_eq!(&sent[..damaged.start], &body[..damaged.start]);
                let behind = body.len() - damaged.end;
                prop_assert_eq!(&sent[sent.len() - behind..], &body[damaged.end..]);
                let event = &sent[damaged.start..sent.len() - behind];
                let data = data_of(event);
                prop_assert_eq!(data.len(), 1);
                prop_assert!(serde_json::from_str::<serde_json::Value>(&data[0]).is_err(), "{}", data[0]);
                prop_assert!(event.ends_with(b"\n\n"));
            }
            other => unreachable!("{other:?} is not drawn"),
        }

        // Recorded borders of the prefix are kept, and the cut is one.
        let mut borders = vec![0];
        for data in sends(&plan) {
            borders.push(borders[borders.len() - 1] + data.len());
        }
        if !matches!(by, By::BadJson) {
            let mut recorded = 0;
            for chunk in &rendition.chunks {
                recorded += chunk.data.len();
                prop_assert!(recorded > offset || borders.contains(&recorded), "{recorded} in {borders:?}");
            }
        }
        prop_assert!(borders.contains(&offset), "{} in {:?}", offset, borders);

        // Steps: text never shrinks, deadlines are in order, the barrier stands where the cut does.
        let (mut sent, mut text, mut due) = (0, 0, Duration::ZERO);
        for step in &plan.steps {
            match step {
                Step::Send { at, data, text: now, .. } => {
                    prop_assert!(!data.is_empty());
                    prop_assert!(*at >= due && *now >= text);
                    (sent, text, due) = (sent + data.len(), *now, *at);
                    if !matches!(by, By::BadJson) && sent <= offset {
                        prop_assert_eq!(text, text_at(&rendition, sent).chars().count());
                    }
                }
                Step::Barrier { .. } => {
                    prop_assert_eq!(sent, offset);
                    prop_assert!(offset > 0 && barrier == Barrier::Seen);
                }
                Step::Stall(_) => prop_assert_eq!(sent, offset),
                Step::Gate => prop_assert_eq!(pace, Pace::LockStep),
            }
        }
        let barriers = plan.steps.iter().filter(|step| matches!(step, Step::Barrier { .. })).count();
        prop_assert_eq!(barriers, usize::from(offset > 0 && barrier == Barrier::Seen));
        prop_assert_eq!(text, plan.text.chars().count());
    }

    #[test]
    fn edits_say_the_same(rendition in any_stream(), edits in any_edits(), pace in any_pace()) {
        let script = Play { pace, edits: edits.clone(), ..play(None) };
        let plan = compile(&rendition, &script, api(), ERROR).unwrap();
        prop_assert_eq!(data_of(&plan.body()), data_of(&rendition.body()));
        prop_assert_eq!(&plan.text, &rendition.text());
        prop_assert_eq!(plan.length, plan.body().len());
        if !edits.iter().any(|edit| matches!(edit, Edit::Crlf | Edit::Comments | Edit::Bom | Edit::UnknownEvent)) {
            prop_assert_eq!(plan.body(), rendition.body());
        }
        if edits.contains(&Edit::Crlf) {
            let text = String::from_utf8(plan.body()).unwrap();
            prop_assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
        }
        let split = edits.iter().find_map(|edit| if let Edit::Split(n) = edit { Some((*n).max(1) as usize) } else { None });
        if let Some(n) = split {
            prop_assert!(sends(&plan).iter().all(|data| data.len() <= n));
        }
        let texts = rendition.marks.iter().filter(|mark| {
            mark.piece.as_ref().is_some_and(|piece| piece.kind == PieceKind::Text)
        });
        let merges = edits.iter().any(|edit| matches!(edit, Edit::Merge(_)));
        let gates = plan.steps.iter().filter(|step| matches!(step, Step::Gate)).count();
        match pace {
            Pace::LockStep if !merges => prop_assert_eq!(gates, texts.count().saturating_sub(1)),
            Pace::LockStep => prop_assert!(gates <= texts.count().saturating_sub(1)),
            _ => prop_assert_eq!(gates, 0),
        }
    }

    #[test]
    fn edits_and_cuts_compose(rendition in any_stream(), edits in any_edits(), at in any_at()) {
        let plain = compile(&rendition, &play(Some((at, By::Close))), api(), ERROR);
        let edited = compile(&rendition, &Play { edits, ..play(Some((at, By::Close))) }, api(), ERROR);
        match (plain, edited) {
            (Ok(plain), Ok(edited)) => {
                prop_assert_eq!(data_of(&plain.body()), data_of(&edited.body()));
                prop_assert_eq!(plain.text, edited.text);
            }
            (Err(plain), Err(edited)) => prop_assert_eq!(plain, edited),
            (plain, edited) => return Err(TestCaseError::fail(format!("{plain:?} but {edited:?}"))),
        }
    }
}

#[test]
fn events_that_nobody_knows_are_passed_over_by_every_reader() {
    let check = |id: ApiId, first: &str, own_rules: &[&str]| {
        let api = id.spoken().unwrap();
        let words = ["one", " two", " three"].map(str::to_owned).to_vec();
        let parts = vec![crate::answer::SpokenPart::Text(words)];
        let finish = Some(crate::api::FinishReason::Stop);
        let spoken = crate::answer::Spoken { parts, finish, output_tokens: 3 };
        let context = crate::api::EncodeContext {
            model: "m".to_owned(),
            include_usage: true,
            seed: 1,
            created: 7,
            input_tokens: 1,
        };
        let rendition = api.render_stream(&spoken, &context);
        let script = Play { edits: vec![Edit::UnknownEvent], ..play(None) };
        let body = compile(&rendition, &script, api, ERROR).unwrap().body();

        let plain = rendition.framing().events(&rendition.body());
        let events = rendition.framing().events(&body);
        let contents = rendition.marks.iter().filter(|mark| mark.piece.as_ref().is_some_and(|p| !p.text.is_empty()));
        assert_eq!(events.len(), plain.len() + contents.count(), "{id}");
        let unknown = events.iter().find(|event| event.data == "{}" || event.data.contains("heartbeat")).unwrap();
        let bytes = String::from_utf8_lossy(&body[unknown.span.clone()]).into_owned();
        assert!(bytes.contains(first), "{id}: {bytes}");

        let mut reader = api.stream_reader();
        reader.feed(&body);
        let read = reader.finish();
        assert_eq!(read.completion.text, "one two three", "{id}");
        let mut rules: Vec<_> = read.findings.iter().map(|finding| finding.rule.clone()).collect();
        rules.dedup();
        assert_eq!(rules, own_rules, "{id}: {:?}", read.findings);

        // The same up to a cut, and nothing that nobody knows behind it.
        let script = Play { edits: vec![Edit::UnknownEvent], ..play(Some((At::Texts(1), By::Eof))) };
        let cut = compile(&rendition, &script, api, ERROR).unwrap().body();
        assert!(body.starts_with(&cut), "{id}");
        assert_eq!(before_the_cut(&rendition, &script, api), cut, "{id}");
    };
    check(ApiId::AnthropicMessages, "event: heartbeat\ndata: {\"type\": \"heartbeat\"}\n\n", &["A05"]);
    check(ApiId::OpenaiChat, "\"choices\":[],\"usage\":null,\"heartbeat\":{}}\n\n", &["C33"]);
    check(
        ApiId::OpenaiResponses,
        "event: response.heartbeat\ndata: {\"type\":\"response.heartbeat\",\"sequence_number\":4}\n\n",
        &["R05"],
    );
    check(ApiId::Gemini, "\"heartbeat\": {}}\r\n", &["G09"]);
    check(ApiId::BedrockConverse, ":event-type\u{7}\0\theartbeat", &["B04"]);
}

/// An answer in binary frames: damage goes into a payload under checksums that are right, and there are no lines.
#[test]
fn frames_stay_whole_around_what_is_damaged() {
    use crate::api::EncodeContext;
    use crate::framing::Framing;

    let api = ApiId::BedrockConverse.spoken().unwrap();
    let spoken = crate::answer::Spoken {
        parts: vec![crate::answer::SpokenPart::Text(["one", " two", " thr\u{1F600}e"].map(str::to_owned).to_vec())],
        ..crate::answer::Spoken::default()
    };
    let context = EncodeContext { model: "m".to_owned(), include_usage: false, seed: 1, created: 0, input_tokens: 1 };
    let rendition = api.render_stream(&spoken, &context);
    let is_json = |data: &str| serde_json::from_str::<serde_json::Value>(data).is_ok();

    let plan = compile(&rendition, &play(Some((At::Texts(2), By::BadJson))), api, ERROR).unwrap();
    let mut decoder = Framing::EventStream.decoder();
    let events = decoder.feed(&plan.body());
    assert_eq!(decoder.damage(), None);
    assert_eq!(events.len(), rendition.marks.len());
    let damaged: Vec<usize> = (0..events.len()).filter(|at| !is_json(&events[*at].data)).collect();
    assert_eq!(damaged, [3], "{events:?}");
    assert_eq!(plan.text, "one two");

    let edited = |edits: &[Edit]| {
        let play = Play { edits: edits.to_vec(), ..play(None) };
        let plan = compile(&rendition, &play, api, ERROR).unwrap();
        assert_eq!(plan.body(), rendition.body(), "{edits:?}");
        sends(&plan).len()
    };
    assert_eq!(edited(&[Edit::Crlf, Edit::Comments]), rendition.chunks.len());
    assert_eq!(edited(&[Edit::Merge(2)]), rendition.marks.len().div_ceil(2));
    assert_eq!(edited(&[Edit::Split(7)]), rendition.body().len().div_ceil(7));
    // What is too long is so inside its JSON, and a character is one of the text.
    let plan = compile(&rendition, &play(Some((At::Texts(1), By::Oversize))), api, ERROR).unwrap();
    let events = Framing::EventStream.events(&plan.body());
    assert!(events[2].data.len() > 1 << 20 && is_json(&events[2].data));
    assert_eq!(events.len(), rendition.marks.len());
    let plan = compile(&rendition, &play(Some((At::Head, By::CutUtf8))), api, ERROR).unwrap();
    assert_eq!(plan.body().last(), Some(&0xF0));
    assert_eq!(Framing::EventStream.events(&plan.body()).len(), 3);
    // A cut inside a frame leaves half a message behind.
    let plan = compile(&rendition, &play(Some((At::Bytes(200), By::Close))), api, ERROR).unwrap();
    assert_eq!(plan.body(), rendition.body()[..200]);
}

/// What each effect leaves of an answer, in whatever API and framing.
#[test]
fn every_api_can_be_broken() {
    use crate::api::{Api, ApiId, EncodeContext, Reading};

    let words = ["one", " two", " three", " four"];
    let spoken = crate::answer::Spoken {
        parts: vec![crate::answer::SpokenPart::Text(words.map(str::to_owned).to_vec())],
        ..crate::answer::Spoken::default()
    };
    let context = EncodeContext { model: "m".to_owned(), include_usage: false, seed: 1, created: 0, input_tokens: 1 };
    let broken = |api: &dyn Api, by: By| -> Reading {
        let rendition = api.render_stream(&spoken, &context);
        let error = api.error_event(&api.status_error(503), 1, b"");
        let plan = compile(&rendition, &play(Some((At::Texts(2), by))), api, &error).unwrap();
        let mut reader = api.stream_reader();
        reader.feed(&plan.body());
        reader.finish()
    };
    for api in ApiId::ALL.into_iter().filter_map(ApiId::spoken) {
        let check = |by: By, text: &str, ends: bool| {
            let what = format!("{} {}", api.id(), by.name());
            let reading = broken(api, by);
            assert_eq!(reading.completion.text, text, "{what}");
            assert_eq!(reading.completion.terminator.is_some(), ends, "{what}");
            reading
        };
        check(By::Close, "one two", false);
        let failed = check(By::ErrorEvent, "one two", false).completion;
        let message = api.status_error(503).message;
        assert_eq!(failed.visible_error().map(|error| &error.message), Some(&message), "{}", api.id());
        assert!(!check(By::BadJson, "one two four", true).findings.is_empty(), "{}", api.id());
        check(By::Drop, "one two four", true);
        check(By::Duplicate, "one two two three four", true);
        check(By::Oversize, "one two three four", true);
        check(By::CutEvent, "one two", false);
        check(By::NoTerminator, "one two three four", false);
    }
}
