use super::*;

fn bundled(name: &str) -> Cassette {
    let text = BUNDLED.iter().find(|(file, _)| *file == name).expect("a bundled cassette").1;
    load_text(name, text).expect("it loads")
}

fn differences(left: &Cassette, right: &Cassette, wire: bool) -> Vec<String> {
    diff(left, right, wire).into_iter().map(|difference| difference.place).collect()
}

#[test]
fn a_transcript_reads_like_a_conversation() {
    insta::assert_snapshot!(transcript(&bundled("anthropic/thinking-and-tool.yaml")));
    insta::assert_snapshot!(transcript(&bundled("bedrock/short-text.yaml")));
    insta::assert_snapshot!(transcript(&bundled("openai/broken.yaml")));
}

#[test]
fn every_bundled_cassette_has_a_transcript_is_itself_and_keeps_its_grammar() {
    let mut broken = Vec::new();
    for (name, text) in BUNDLED {
        let cassette = load_text(name, text).expect("it loads");
        let shown = transcript(&cassette);
        assert!(shown.contains("\n< ") && !shown.contains("not read:"), "{name}: {shown}");
        assert_eq!(differences(&cassette, &cassette, true), Vec::<String>::new(), "{name}");
        let wrong = grammar(&cassette).into_iter().find(|remark| remark.wrong);
        if cassette.provenance.how != How::Recorded {
            assert_eq!(wrong, None, "{name}");
        } else if wrong.is_some() {
            broken.push(*name);
        }
    }
    // Real servers send what they send: llama.cpp leaves `output_index` out, on which OpenAI's accumulators raise.
    insta::assert_snapshot!(broken.join("\n"));
}

#[test]
fn a_difference_is_told_where_it_is() {
    let original = bundled("openai/text.yaml");
    let check = |change: &dyn Fn(&mut Exchange), wire: bool, expect: &[&str]| {
        let mut changed = original.clone();
        change(&mut changed.exchanges[0]);
        assert_eq!(differences(&original, &changed, wire), expect);
    };
    let replaced = |exchange: &mut Exchange, from: &str, to: &str| {
        for chunk in &mut exchange.response.chunks {
            chunk.data = chunk.data.take().map(|data| data.replace(from, to));
        }
    };
    check(&|exchange| exchange.response.status = 201, false, &["exchange 1, answer: status"]);
    check(&|exchange| replaced(exchange, "\"stop\"", "\"length\""), false, &["exchange 1, answer: finish"]);
    check(&|exchange| exchange.response.headers.push("retry-after", "1"), false, &["exchange 1, answer: retry-after"]);
    check(&|exchange| exchange.response.headers.push("x-other", "1"), false, &[]);
    check(&|exchange| replaced(exchange, "chatcmpl-", "chatcmpl-0"), false, &[]);
    check(&|exchange| exchange.response.end = RecordedEnd::Reset, false, &["exchange 1, answer: end"]);
    check(&|exchange| exchange.request.target = "/v2".to_owned(), false, &["exchange 1, request: target"]);
    let merged = |exchange: &mut Exchange| {
        let second = exchange.response.chunks.remove(1).data.expect("text");
        exchange.response.chunks[0].data.as_mut().expect("text").push_str(&second);
    };
    check(&merged, false, &[]);
    check(
        &merged,
        true,
        &["exchange 1, answer: bytes of each chunk", "exchange 1, answer: milliseconds before each chunk"],
    );
}

#[test]
fn an_answer_that_lost_its_end_is_no_break_of_the_grammar_but_a_second_start_is() {
    let mut cassette = bundled("anthropic/text.yaml");
    let first = cassette.exchanges[0].response.chunks[0].clone();
    cassette.exchanges[0].response.chunks.insert(1, first);
    assert!(grammar(&cassette).iter().any(|remark| remark.wrong));
    cassette.exchanges[0].response.end = RecordedEnd::Close;
    assert!(!grammar(&cassette).iter().any(|remark| remark.wrong));
}
