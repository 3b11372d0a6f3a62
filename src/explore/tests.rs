//! Drawing and shrinking, without a proxy.

use std::collections::BTreeSet;

use super::draft::{Draft, Place, Reply, Trouble, share};
use super::phase::Phase;
use super::pool::Pool;
use super::shrink::Shrinker;
use super::{Failure, draw, finding, write};
use crate::answer::Library;
use crate::scenario::{self, By, Outcome, Toggle};

const SEED: u64 = 7;

fn pool() -> Pool {
    Pool::new(Phase::Plain, usize::MAX, |_, _| true)
}

fn drawn(number: usize) -> Draft {
    draw::tree(SEED, number).expect("it is drawn").current()
}

fn text(pool: &Pool, draft: &Draft) -> Option<String> {
    write::scenario(draft, pool, &Library::bundled()).map(|tree| write::text(&tree))
}

#[test]
fn every_drawn_case_loads_and_every_reader_reads_the_same() {
    let (pool, library) = (pool(), Library::bundled());
    let failure = Failure { checks: vec!["stream.text".to_owned()], outcome: Some(Outcome::Doubled) };
    for number in 0..400 {
        let tree = write::scenario(&drawn(number), &pool, &library).expect("it is written");
        let text = write::text(&tree);
        let case = scenario::load_text("explore.yaml", &text, &library).unwrap_or_else(|errors| {
            panic!("case {number}: {}\n{text}", errors[0].render(false));
        });
        let other: serde_json::Value = serde_yaml::from_str(&text).expect("another reader reads it");
        assert_eq!(other, serde_json::Value::Object(tree.clone()), "case {number}");
        // The file of a finding is the same case, under its name.
        let name = finding::name(&failure, number);
        let written = finding::scenario(&name, &finding::summary(&tree), &failure, &tree, &["Found.".to_owned()]);
        let loaded = scenario::load_text("found.yaml", &written, &library).expect("it loads").remove(0);
        assert_eq!((&loaded.scenario, &loaded.checks), (&name, &failure.checks));
        let same = scenario::Case {
            scenario: case[0].scenario.clone(),
            file: case[0].file.clone(),
            line: case[0].line,
            summary: None,
            checks: Vec::new(),
            ..loaded
        };
        assert_eq!(same, case[0]);
    }
}

#[test]
fn a_seed_draws_the_same_cases_in_any_order_and_another_seed_others() {
    let forth: Vec<Draft> = (0..40).map(drawn).collect();
    let back: Vec<Draft> = (0..40).rev().map(drawn).collect();
    assert!(forth.iter().eq(back.iter().rev()));
    let distinct: BTreeSet<String> = forth.iter().filter_map(|draft| text(&pool(), draft)).collect();
    assert!(distinct.len() > 35, "{} distinct cases", distinct.len());
    let other: Vec<Draft> = (0..40).filter_map(|n| draw::tree(SEED + 1, n)).map(|tree| tree.current()).collect();
    assert!(forth.iter().zip(&other).filter(|(a, b)| a == b).count() < 5);
}

/// Whether a leg falls silent for good.
fn stalls(case: &scenario::Case) -> bool {
    let plays = case.steps.iter().flat_map(|step| &step.legs).flat_map(|leg| &leg.attempts);
    plays.filter_map(|play| play.cut.as_ref()).any(|cut| matches!(&cut.by, By::Stall(stall) if stall.r#for.is_none()))
}

#[test]
fn a_phase_has_settings_and_troubles_of_its_own() {
    let library = Library::bundled();
    for phase in Phase::ALL {
        let pool = Pool::new(phase, usize::MAX, |_, _| true);
        let mut numbers = (0..300).filter(|number| Phase::of(*number) == phase);
        let texts: Vec<String> = numbers.by_ref().filter_map(|number| text(&pool, &drawn(number))).collect();
        assert!(texts.len() >= 30, "{phase:?}");
        let mut silent = 0;
        for text in &texts {
            let case = scenario::load_text("explore.yaml", text, &library).unwrap_or_else(|errors| {
                panic!("{phase:?}: {}\n{text}", errors[0].render(false));
            });
            let settings = &case[0].settings;
            let of = (settings.idle_timeout.is_some(), settings.retries, settings.max_fallbacks, settings.affinity);
            let expected = match phase {
                Phase::Plain => (false, Some(0), None, None),
                Phase::Silence => (true, Some(0), None, None),
                Phase::Retries => (false, Some(1), None, None),
                Phase::OneFallback => (false, Some(0), Some(1), None),
                Phase::Affinity => (false, Some(0), None, Some(Toggle::On)),
            };
            assert_eq!(case[0].steps.len(), if phase == Phase::Affinity { 2 } else { 1 }, "{text}");
            assert_eq!(of, expected, "{text}");
            silent += usize::from(stalls(&case[0]));
        }
        assert_eq!(silent > 3, phase == Phase::Silence, "{phase:?}: {silent}");
    }
}

#[test]
fn everything_that_is_there_to_be_drawn_is_drawn() {
    let pool = pool();
    let drafts: Vec<Draft> = (0..1_000).map(drawn).collect();
    let texts: String = drafts.iter().filter_map(|draft| text(&pool, draft)).collect();
    for word in [
        "anthropic-messages",
        "claude-opus-4-7",
        "third:",
        "stream: false",
        "system:",
        "tool_result",
        "tool_choice",
        "retry_after",
        "attempts:",
        "leave:",
        "thinking:",
        "finish: length",
        "refusal",
        "by: close",
        "by: reset",
        "by: eof",
        "by: error_event",
        "by: bad_json",
        "stall:",
        "at: head",
        "at: preamble",
        "at: last_content",
        "at: finish",
        "at: terminator",
        "bytes:",
        "events:",
        "pieces:",
        "texts:",
        "split:",
        "merge:",
        "crlf",
        "comments",
        "lock_step",
        "image:",
        "cache: true",
        "json_schema",
        "include_usage",
    ] {
        assert!(texts.contains(word), "nothing has `{word}`");
    }
    let pairs: BTreeSet<usize> = drafts
        .iter()
        .filter_map(|draft| pool.pairs.iter().position(|pair| Some(pair) == pool.pair(draft.story.pair)))
        .collect();
    assert_eq!(pairs.len(), pool.pairs.len());
}

#[test]
fn shares_are_of_what_there_is() {
    for (raw, count, expect) in
        [(0, 10, 1), (u16::MAX, 10, 10), (u16::MAX, 1, 1), (0, 0, 1), (u16::MAX / 2, 3, 1), (u16::MAX / 2 + 1, 3, 2)]
    {
        assert_eq!(share(raw, count), expect, "{raw} of {count}");
    }
    let pool = pool();
    assert_eq!(pool.pair(0), pool.pairs.first());
    assert_eq!(pool.pair(u16::MAX), pool.pairs.last());
    assert_eq!(Pool::default().pair(0), None);
}

/// Shrinks the first drawn case that `fails`; gives the number of plays and what is left.
fn shrunk(plays: usize, fails: impl Fn(&Draft, &str) -> bool) -> (usize, Draft) {
    let written = |draft: &Draft| text(&pool(), draft).expect("it is written");
    let fails = |draft: &Draft| fails(draft, &written(draft));
    let number = (0..2_000).find(|number| fails(&drawn(*number))).expect("one fails");
    let tree = draw::tree(SEED, number).expect("it is drawn");
    let mut shrinker = Shrinker::new(tree, pool(), text, plays).expect("it is written");
    let mut played = 0;
    let mut seen = BTreeSet::new();
    while let Some((draft, text)) = shrinker.next() {
        played += 1;
        assert!(seen.insert(text.clone()), "no case is played twice");
        let fails = fails(&draft);
        shrinker.told(&draft, text, fails);
    }
    assert!(fails(shrinker.best()), "what is left fails");
    (played, shrinker.best().clone())
}

#[test]
fn what_does_not_matter_goes() {
    let reset = |draft: &Draft| matches!(draft.story.legs[0].first.trouble, Trouble::Cut(_, By::Reset));
    let (_, left) = shrunk(200, |draft, _| reset(draft) && !draft.request.rounds.is_empty());
    assert_eq!(left.request.rounds.len(), 1);
    assert!(matches!(&left.request.rounds[0].reply, Reply::Text(text) if text == "Well."));
    let plain = Draft::plain();
    assert_eq!(left.request.params, plain.request.params);
    assert_eq!(left.request.tools, plain.request.tools);
    assert_eq!(left.story.pair, 0);
    assert_eq!(left.story.legs[0].first.answer, plain.story.legs[0].first.answer);
    assert_eq!(left.story.legs[1], plain.story.legs[1]);
    assert!(matches!(left.story.legs[0].first.trouble, Trouble::Cut(Place::Head, By::Reset)));
}

#[test]
fn a_position_goes_to_the_smallest_that_fails() {
    let texts = |text: &str| text.split("texts: ").nth(1)?.lines().next()?.parse::<u32>().ok();
    let late = |_: &Draft, text: &str| texts(text).is_some_and(|n| n >= 5);
    let (_, left) = shrunk(400, late);
    let left = text(&pool(), &left).expect("it is written");
    assert_eq!(texts(&left), Some(5), "{left}");
}

#[test]
fn plays_are_counted() {
    let (played, _) = shrunk(10, |draft, _| draft.story.legs[0].first.trouble != Trouble::None);
    assert!(played <= 10, "{played}");
}

#[test]
fn a_summary_tells_what_happens() {
    let check = |yaml: &str, expect: &str| {
        let tree: write::Tree = serde_yaml::from_str(yaml).expect("a map");
        assert_eq!(finding::summary(&tree), expect);
    };
    check("legs: {primary: {}, fallback: {}}", "Every leg would answer whole");
    check("legs: {primary: {status: 503}, fallback: {}}", "`primary` answers 503");
    check(
        "legs: {primary: {cut: {at: {texts: 5}, by: close}}, fallback: {status: {code: 429, retry_after: 1s}}}",
        "`primary` is cut by close at texts 5; `fallback` answers 429",
    );
    check(
        "legs: {primary: {attempts: [{status: 500}, {cut: {at: head, by: {stall: {for: 50ms}}}}]}}",
        "`primary` answers 500, then is cut by stall at head",
    );
    check(
        "{client: {leave: {at: {texts: 3}, by: reset}}, legs: {primary: {}}}",
        "Every leg would answer whole; the client leaves by reset at texts 3",
    );
}
