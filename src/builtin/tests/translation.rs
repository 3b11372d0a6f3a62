//! Whole answers and requests, through every pair of APIs.

use serde_json::json;

use super::bench::*;
use crate::api::{Part, Say};

#[tokio::test]
async fn every_pair_of_apis_streams() {
    for api in [CHAT, MESSAGES] {
        for leg in [CHAT, MESSAGES] {
            let bench = bench(
                api,
                (leg, vec![Play::Words(&["one", " \u{1f600}", "\n\n", "two "], Then::Finish)]),
                (leg, vec![Play::Silence]),
                |_| (),
            )
            .await;
            let outcome = bench.ask().await;
            outcome.assert_whole("one \u{1f600}\n\ntwo ");
            assert_eq!(outcome.progress, outcome.text());
            // An event each, as they came.
            assert_eq!(outcome.reading.completion.deltas.len(), 4);
            let seen = &bench.primary.seen()[0];
            let (name, value) =
                if leg == CHAT { ("authorization", "Bearer primary-key") } else { ("x-api-key", "primary-key") };
            assert_eq!(seen.header(name), Some(value));
            assert!(seen.headers.iter().all(|(_, value)| !value.contains("client-key")));
            assert!(bench.fallback.seen().is_empty());
        }
    }
}

#[tokio::test]
async fn every_pair_of_apis_answers_in_one_piece() {
    for api in [CHAT, MESSAGES] {
        for leg in [CHAT, MESSAGES] {
            for plays in [vec![Play::Unary("All is well.")], vec![Play::HalfUnary], vec![Play::Silence]] {
                let mut bench = bench(api, (leg, plays), (CHAT, vec![Play::Unary("All is well.")]), |_| ()).await;
                bench.body["stream"] = false.into();
                let outcome = bench.ask().await;
                assert_eq!(outcome.status(), 200);
                assert_eq!(outcome.progress, "All is well.");
                assert_eq!(outcome.json()["model"], "route");
                let usage = &outcome.json()["usage"];
                let output = if api == CHAT { "completion_tokens" } else { "output_tokens" };
                assert_eq!(usage[output], 3, "{usage}");
            }
        }
    }
}

#[tokio::test]
async fn tool_calls_and_thoughts_cross() {
    let says = vec![
        Say::Thinking("hm".to_owned()),
        Say::Signature("sig".to_owned()),
        Say::Text("Let me see.".to_owned()),
        Say::ToolCall { id: "toolu_01A".to_owned(), name: "look".to_owned() },
        Say::Arguments("{\"at\":".to_owned()),
        Say::Arguments(" 1}".to_owned()),
    ];
    for (api, leg) in [(MESSAGES, MESSAGES), (CHAT, MESSAGES)] {
        let bench =
            bench(api, (leg, vec![Play::Says(says.clone(), Then::Finish)]), (leg, vec![Play::Silence]), |_| ()).await;
        let outcome = bench.ask().await;
        let parts = &outcome.reading.completion.parts;
        assert!(
            parts.iter().any(|part| matches!(part, Part::ToolCall { name, arguments, .. }
                if name == "look" && *arguments == json!({"at": 1}))),
            "{parts:?}"
        );
        assert!(parts.iter().any(|part| matches!(part, Part::Thinking { text, .. } if text == "hm")), "{parts:?}");
        assert_eq!(outcome.text(), "Let me see.");
    }
}

#[tokio::test]
async fn a_request_in_its_own_api_keeps_everything() {
    for api in [CHAT, MESSAGES] {
        let mut bench =
            bench(api, (api, vec![Play::Words(&["one"], Then::Finish)]), (api, vec![Play::Silence]), |_| ()).await;
        bench.body["temperature"] = json!(0.5);
        bench.body["metadata"] = json!({"user_id": "me", "team": "x"});
        bench.body["odd_key"] = json!({"a": [1, 2]});
        bench.ask().await;
        let mut expected = bench.body.clone();
        expected["model"] = if api == CHAT { "gpt-4o".into() } else { "claude-opus-4-1".into() };
        let body = &bench.primary.seen()[0].body;
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&body[key], value, "{key}");
        }
        assert_eq!(body.as_object().unwrap().len(), expected.as_object().unwrap().len());
    }
}

#[tokio::test]
async fn a_request_in_another_api_is_sensible() {
    let mut bench =
        bench(CHAT, (MESSAGES, vec![Play::Words(&["one"], Then::Finish)]), (CHAT, vec![Play::Silence]), |_| ()).await;
    bench.body = json!({
        "model": "route",
        "stream": true,
        "messages": [{"role": "system", "content": "Be terse."}, {"role": "user", "content": "Tell me."}],
        "temperature": 1.5,
        "logit_bias": {"1": 2},
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}},
    });
    bench.ask().await;
    let body = &bench.primary.seen()[0].body;
    assert_eq!(body["max_tokens"], 4096);
    assert_eq!(body["temperature"], 1);
    assert_eq!(body["system"], "Be terse.");
    assert_eq!(body["output_config"], json!({"format": {"type": "json_schema", "schema": {"type": "object"}}}));
    assert_eq!(body.get("logit_bias"), None);
    assert_eq!(bench.primary.seen()[0].header("anthropic-version"), Some("2023-06-01"));
}
