//! `isolation.*`, both ways.

use std::collections::BTreeMap;

use serde_json::json;

use crate::answer::{Lexicon, Library};
use crate::api::{Part, Role, Turn};
use crate::check::testing::{Bit, Lab, whole, words};
use crate::history::{ClientEnd, Control, History, RunWords, SharedId};
use crate::scenario::AnswerPlan;

/// Seed of the lexicon of histories made by hand.
const SEED: u64 = 7;
/// The case speaks with voices 1 and 2 and marks its requests with unique word 4; the run has 40 voices.
fn run() -> RunWords {
    RunWords {
        seed: SEED,
        voices: 40,
        others_from: 20_000,
        others_to: 20_010,
        uniques: 50,
        own_voices: vec![1, 2],
        own_uniques: vec![4, 5],
        owners: BTreeMap::from([("9".to_owned(), "s[nine]".to_owned()), ("0/6".to_owned(), "s[six]".to_owned())]),
    }
}

fn lab(heard: &str) -> Lab {
    let lab = Lab::chat().answers("primary", 1);
    lab.hears(&[Bit::Begin(9), Bit::Text(heard.to_owned()), Bit::Done], ClientEnd::Complete).with(|history| {
        history.words = Some(run());
        history.shared_ids = Some(Vec::new());
    })
}

fn unique(n: u64) -> String {
    Lexicon::new(SEED).voice(0).word(n)
}

#[track_caller]
fn check(lab: &Lab, expect: &str) {
    lab.check(&[("isolation.words", expect)]);
}

#[test]
fn a_word_of_another_case_reaches_the_client() {
    check(&lab(&whole(1)), "pass");
    check(&lab(&format!("{} {}", whole(1), words(9, 3..5))), "fail: a word of `s[nine]`");
    check(&lab(&format!("{} {}", whole(1), unique(6))), "fail: a word of `s[six]`");
    check(&lab(&words(11, 0..24)), "fail: a word of another case");
    check(&lab(&words(20_003, 0..24)), "fail: a word of a neighbour, a control");
    // Glued together, too.
    check(&lab(&format!("{}{}", words(9, 3..4).trim(), words(9, 4..5).trim())), "fail: a word of `s[nine]`");
    // One alone may be chance.
    check(&lab(&format!("{} {}", whole(1), words(9, 3..4))), "inconclusive: one alone may be chance");
    check(&lab(&format!("{}{}", words(9, 3..4), words(11, 3..4))), "inconclusive: one alone may be chance");
}

#[test]
fn words_of_the_case_itself_and_of_nobody() {
    check(&lab(&format!("{} {}", whole(1), words(2, 0..9))), "pass");
    check(&lab(&format!("{} {} {}", whole(1), unique(4), unique(5))), "pass");
    // Voices and unique words that the run does not have.
    check(&lab(&format!("{} {} {}", whole(1), words(41, 0..9), unique(60))), "pass");
    // The last that it has, and the first that it has not.
    check(&lab(&format!("{} {}", whole(1), words(39, 0..9))), "fail: a word of another case");
    check(&lab(&format!("{} {}", whole(1), words(40, 0..9))), "pass");
    check(&lab(&format!("{} {}", whole(1), unique(49))), "fail: a word of another case");
    check(&lab(&format!("{} {}", whole(1), unique(50))), "pass");
    check(&lab("the policies and families of believers publishes, verifies kaolinites"), "pass");
    // What the client itself asked with may come back.
    let asked = lab(&words(9, 0..9)).with(|history| {
        let client = &mut history.steps[0].client;
        let body = client.request.body.to_text().replace("Recite", &words(9, 0..9));
        client.request.body = body.into_bytes().into();
    });
    check(&asked, "pass");
    // What one of its legs said, whoever's words they are: a cassette.
    check(&Lab::chat().answers("primary", 9).hears_answer(&whole(9)).with(|h| h.words = Some(run())), "pass");
    // A case of an older format.
    check(&Lab::chat().answers("primary", 1).hears_answer(&whole(9)), "not-exercised: does not say");
}

#[test]
fn wherever_the_client_gets_it() {
    let two = words(9, 3..5);
    let error = |history: &mut History| history.words = Some(run());
    check(&Lab::chat().fails("primary", 500).hears_status(500, &two).with(error), "fail: client got");
    let header = |history: &mut History| {
        history.words = Some(run());
        let head = history.steps[0].client.response.as_mut().expect("a head");
        head.headers.push("x-note", two.clone());
    };
    check(&Lab::chat().answers("primary", 1).hears_answer(&whole(1)).with(header), "fail: client got");
    let thinking = Lab::messages().answers("primary", 1).with(error);
    let text: &'static str = Box::leak(two.clone().into_boxed_str());
    let bits = [Bit::Begin(1), Bit::Thinking(text), Bit::Text(whole(1)), Bit::Done];
    check(&thinking.hears(&bits, ClientEnd::Complete), "fail: client got");
}

#[test]
fn a_word_is_whole_however_it_comes() {
    let two = words(9, 3..5);
    let (begin, end) = two.split_at(two.trim_end().len() - 3);
    let bits = [Bit::Begin(9), Bit::Text(format!("{}{begin}", whole(1))), Bit::Text(end.to_owned()), Bit::Done];
    let cut = Lab::chat().answers("primary", 1).hears(&bits, ClientEnd::Complete);
    check(&cut.with(|history| history.words = Some(run())), "fail: client got");
    // In arguments it may stand behind an escape.
    for arguments in [json!({"city": format!("x\n{}", two.trim())}), json!([format!("x\n{}", two.trim())])] {
        let body = json!({"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [{
            "index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": arguments.to_string()}}]});
        let lab = Lab::chat().answers("primary", 1).hears_body(200, "application/json", &body.to_string());
        check(&lab.with(|history| history.words = Some(run())), "fail: client got");
    }
}

#[test]
fn what_a_control_got_is_the_cases_own() {
    let two = words(9, 3..5);
    let controlled = |words: &str| {
        let neutral = Lab::chat().answers("primary", 9).hears_answer(words).history.steps.remove(0);
        let control = Control::Done {
            request: neutral.upstream[0].request.clone(),
            unique: "zzcontrolzz".to_owned(),
            client: Box::new(neutral.client),
        };
        lab(&format!("{} {two}", whole(1))).control_is("primary", control)
    };
    check(&controlled(&two), "pass");
    check(&controlled(&whole(1)), "fail: client got");
}

#[test]
fn a_leg_is_asked_with_words_of_another_case() {
    let asked = |text: String| {
        Lab::chat()
            .answers("primary", 1)
            .edited(|conversation| {
                conversation.turns.push(Turn { role: Role::User, parts: vec![Part::text(text)], place: String::new() });
            })
            .hears_answer(&whole(1))
            .with(|history| history.words = Some(run()))
    };
    check(&asked(format!("Hello {}", unique(6))), "fail: upstream 1 got");
    check(&asked(format!("You said:{}", words(9, 0..8))), "fail: upstream 1 got");
    check(&asked(format!("You said:{}", words(1, 0..8))), "pass");
    // A late stray is listed, and no matter of this case.
    let stray = lab(&whole(1)).with(|history| {
        let mut request = history.steps[0].upstream[0].request.clone();
        request.body = words(9, 0..8).into_bytes().into();
        let reason = "of a finished case".to_owned();
        history.strays.push(crate::history::Stray { place: "s1/primary".to_owned(), request, reason });
    });
    check(&stray, "pass");
}

#[test]
fn a_neighbour_gets_words_of_the_case() {
    let beside = |heard: &str| {
        let neighbour = Lab::chat().answers("primary", 20_003).hears_answer(heard).history;
        lab(&whole(1)).with(|history| history.beside = vec![neighbour])
    };
    check(&beside(&whole(20_003)), "pass");
    check(&beside(&format!("{} {}", whole(20_003), words(1, 3..9))), "fail: neighbour 1: client got");
    check(&beside(&format!("{} {}", whole(20_003), unique(4))), "fail: neighbour 1: client got");
    let other = lab(&format!("{} {}", whole(1), words(20_003, 3..9)));
    check(&other, "fail: client got");
}

#[test]
fn ids_that_another_case_was_given() {
    let check = |lab: &Lab, expect: &str| {
        lab.check(&[("isolation.ids", expect)]);
    };
    check(&lab(&whole(1)), "pass");
    let shared = lab(&whole(1)).with(|history| {
        history.shared_ids = Some(vec![SharedId {
            id: "chatcmpl-77777777".to_owned(),
            what: "message id".to_owned(),
            owner: "s[six]".to_owned(),
        }]);
    });
    check(&shared, "warn: the message id `chatcmpl-77777777` was given to `s[six]`, too");
    check(&lab("").with(|history| history.shared_ids = None), "not-exercised: does not say");
    let nothing = Lab::chat().fails("primary", 500).hears_status(500, "no");
    check(&nothing.with(|history| history.shared_ids = Some(Vec::new())), "not-exercised: no id");
}

#[test]
fn ids_that_a_client_is_given() {
    let given = |lab: &Lab| super::given(&lab.history);
    // The leg's own id is handed on: it is no matter of the proxy's.
    let own = Lab::chat().answers("primary", 1).hears_answer(&whole(1));
    assert_eq!(given(&own).len(), 0, "{:?}", given(&own));
    let other = Lab::chat().answers("primary", 1);
    let other = other.hears(&[Bit::Begin(9), Bit::Text(whole(1)), Bit::Done], ClientEnd::Complete).with(|history| {
        let head = history.steps[0].client.response.as_mut().expect("a head");
        head.headers.push("X-Request-Id", "req_0123456789");
        head.headers.push("x-retry-id", "req_9876543210");
    });
    let kinds: Vec<String> = given(&other).into_values().collect();
    assert_eq!(kinds, ["message id", "request id in x-request-id"]);
    // What the client itself asked by is its own.
    let mut asked = other.clone();
    let request = &mut asked.history.steps[0].client.request;
    request.headers.push("x-retry-id", "req_9876543210");
    request.headers.push("x-session", "req_0123456789");
    assert_eq!(given(&asked).into_values().collect::<Vec<_>>(), ["message id"]);
    let mut asked = other.clone();
    asked.history.steps[0].client.request.body = "{\"retries\":\"req_0123456789\"}".into();
    assert_eq!(given(&asked).into_values().collect::<Vec<_>>(), ["message id"]);
    // Many cases may replay one recording, ids in its headers included.
    let cassette = Library::bundled().cassette(None, "openai/text.yaml").expect("it is bundled");
    let recorded = cassette.exchanges[0].response.headers.get("x-request-id").expect("it has one").to_owned();
    let replayed = Lab::chat()
        .play("primary", |play| play.answer = AnswerPlan::Cassette { path: "text".to_owned(), cassette })
        .answers("primary", 1)
        .hears_answer(&whole(1))
        .with(|history| {
            let head = history.steps[0].client.response.as_mut().expect("a head");
            head.headers.push("x-request-id", recorded);
        });
    assert_eq!(given(&replayed).len(), 0, "{:?}", given(&replayed));
}
