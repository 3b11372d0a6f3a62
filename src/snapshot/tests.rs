use proptest::prelude::*;

use super::*;
use crate::api::{Part, Role, Turn};
use crate::check::testing::{Lab, UNIQUE, key, whole, words};
use crate::history::Continuation;
use crate::scenario::By;
use crate::wire::Request;

/// The histories of the labs have voices under their numbers; in a run they have the leg's name.
fn named(lab: Lab) -> Lab {
    lab.with(|history| {
        for exchange in history.steps.iter_mut().flat_map(|step| &mut step.upstream) {
            if exchange.said.voice == "voice0" {
                exchange.said.voice = "primary".to_owned();
            }
        }
    })
}

fn prefilled() -> Lab {
    named(Lab::mixed().breaks("primary", 0, 5, &By::Close))
        .ask("fallback")
        .last(|exchange| {
            exchange.request.target = "/s3/fallback/v1/messages?beta=true".to_owned();
            exchange.request.headers.push("User-Agent", "p/1.2.3");
            exchange.request.headers.push("Content-Length", "681");
            exchange.request.headers.push("X-Trace", key("primary"));
        })
        .edited(|conversation| {
            conversation.turns.push(Turn {
                role: Role::Assistant,
                parts: vec![Part::text(words(0, 0..5))],
                place: String::new(),
            });
        })
        .last(|exchange| exchange.continuation = Continuation::Prefill { quoted: words(0, 0..5) })
}

#[test]
fn requests_are_stored_once_with_their_cases() {
    let prefilled = prefilled().history;
    let plain = named(Lab::mixed().breaks("primary", 0, 5, &By::Reset)).history;
    let none = Lab::mixed().history;
    let cases = [
        ("s[close]".to_owned(), &prefilled),
        ("s[eof]".to_owned(), &prefilled),
        ("s[reset]".to_owned(), &plain),
        ("s[off]".to_owned(), &none),
    ];
    insta::assert_snapshot!(render(&cases), @r#"
    == primary ==
    cases: 3 of 4: close; eof; reset
    POST /v1/messages
    anthropic-version: 2023-06-01
    content-type: application/json
    x-api-key: <key:primary>
    also: accept

    {
      "max_tokens": 256,
      "messages": [
        {
          "content": "Recite the pangram. <unique>",
          "role": "user"
        }
      ],
      "model": "claude-opus-4-1",
      "stream": true,
      "system": "You are terse."
    }

    == fallback ==
    cases: 2 of 4: close; eof
    POST /v1/messages?beta=true
    anthropic-version: 2023-06-01
    content-type: application/json
    x-api-key: <key:fallback>
    x-trace: <key:primary>
    also: accept, user-agent

    {
      "max_tokens": 256,
      "messages": [
        {
          "content": "Recite the pangram. <unique>",
          "role": "user"
        },
        {
          "content": "<primary:0..43>",
          "role": "assistant"
        }
      ],
      "model": "claude-sonnet-4-6",
      "stream": true,
      "system": "You are terse."
    }

    == no request ==
    cases: 1 of 4: off
    "#);
}

#[test]
fn what_was_said_is_a_range_of_a_voice() {
    let lab = prefilled();
    let step = &lab.history.steps[0];
    let mut redactor = Redactor::new(&lab.history, step, &step.upstream[1]);
    let mut check = |text: String, expect: &str| assert_eq!(redactor.text(&text), expect, "{text}");
    let five = words(0, 0..5).chars().count();
    check(words(0, 0..5), &format!("<primary:0..{five}>"));
    check(format!("{} ", words(0, 0..5)), &format!("<primary:0..{five}> "));
    check(format!("Go on after: \"{}\".", words(0, 0..5)), &format!("Go on after: \"<primary:0..{five}>\"."));
    check(format!("Go on after{}, please", words(0, 1..3)), "Go on after <primary:8..24>, please");
    let next = words(0, 5..6).chars().nth(1).expect("a letter");
    check(format!("{} {next}lease", words(0, 0..5)), &format!("<primary:0..{five}> {next}lease"));
    check(format!("Hello {UNIQUE}"), "Hello <unique>");
    check(format!("Bearer {}", key("fallback")), "Bearer <key:fallback>");
    check("sk-decoy-0123456789".to_owned(), "<decoy key>");
    check("the route route-own".to_owned(), "the route <route>");
    check("Tell me about crossfades.".to_owned(), "Tell me about crossfades.");
    // A text that is cut inside its first word is known by being the whole quotation.
    let short: String = whole(0).chars().take(3).collect();
    let quoted = short.clone();
    let lab = lab.last(|exchange| exchange.continuation = Continuation::Prefill { quoted });
    let step = &lab.history.steps[0];
    assert_eq!(Redactor::new(&lab.history, step, &step.upstream[1]).text(&short), "<primary:0..3>");
}

#[test]
fn the_same_request_of_another_run_is_the_same_text() {
    let one = prefilled();
    let renamed = |request: &mut Request| {
        let text = request.body.to_text().replace(UNIQUE, "otherword");
        request.body = text.as_str().into();
        request.target = request.target.replace("/s3/", "/s7/");
    };
    let other = prefilled().with(|history| {
        history.unique = "otherword".to_owned();
        for exchange in history.steps.iter_mut().flat_map(|step| &mut step.upstream) {
            renamed(&mut exchange.request);
        }
    });
    let text = |lab: &Lab| render(&[("s".to_owned(), &lab.history)]);
    assert_eq!(text(&one), text(&other));
}

#[test]
fn a_route_that_passes_through_stays_a_route() {
    // Every leg is asked for the name that the client gave the route, and may be.
    let lab = prefilled().with(|history| {
        for leg in &mut history.proxy.legs {
            leg.models.push("route-own".to_owned());
        }
    });
    let step = &lab.history.steps[0];
    let mut redactor = Redactor::new(&lab.history, step, &step.upstream[1]);
    assert_eq!(redactor.text("asked for route-own"), "asked for <route>");
}

/// Texts made of what is redacted, in pieces and whole.
fn texts() -> impl Strategy<Value = String> {
    let secrets = [
        UNIQUE.to_owned(),
        key("primary"),
        key("fallback"),
        whole(0),
        words(0, 3..7),
        words(0, 0..1),
        "call_abc123def456".to_owned(),
        "2026-11-23T10:20:30Z".to_owned(),
        "<primary:0..23>".to_owned(),
        "<unique>".to_owned(),
        "127.0.0.1:8080".to_owned(),
        "route-own".to_owned(),
    ];
    let piece = prop_oneof![
        4 => (0..secrets.len()).prop_map(move |n| secrets[n].clone()),
        2 => (0..2_u64, 0..40_usize).prop_map(|(voice, n)| whole(voice).chars().skip(n).take(n).collect()),
        3 => ".{0,12}",
        1 => "[<>:. a-z0-9]{0,8}",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn redaction_is_idempotent(text in texts()) {
        let lab = prefilled();
        let step = &lab.history.steps[0];
        let redactor = Redactor::new(&lab.history, step, &step.upstream[1]);
        let once = redactor.clone().text(&text);
        prop_assert_eq!(redactor.clone().text(&once), once);
    }

    #[test]
    fn no_secret_survives(before in ".{0,20}", after in ".{0,20}") {
        let lab = prefilled();
        let step = &lab.history.steps[0];
        let redactor = Redactor::new(&lab.history, step, &step.upstream[1]);
        for secret in [UNIQUE.to_owned(), key("primary"), key("fallback")] {
            let text = redactor.clone().text(&format!("{before}{secret}{after}"));
            prop_assert!(!text.contains(&secret), "{}", text);
        }
    }
}
