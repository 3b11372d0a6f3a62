//! What a correct proxy does when legs fail, under each policy.

use std::time::Duration;

use serde_json::json;

use super::bench::*;
use crate::api::{ApiId, Say};
use crate::history::ClientEnd;
use crate::proxy::AfterContent;
use crate::scenario::{At, By, Leave};
use crate::wire::{Blob, Request};

const BREAKS: [Then; 7] =
    [Then::Close, Then::Eof, Then::Reset, Then::Stall, Then::ErrorEvent, Then::BadJson, Then::Finish];

fn breaks() -> impl Iterator<Item = Then> {
    BREAKS.into_iter().filter(|then| *then != Then::Finish)
}

/// What the client is told when a stream breaks like this.
fn message(then: Then) -> &'static str {
    match then {
        Then::Close | Then::Reset => "The connection to the upstream model broke.",
        Then::Eof => "The upstream model's answer ended before it was complete.",
        Then::Stall => "The upstream model was silent for too long.",
        Then::ErrorEvent => "The real overload.",
        Then::BadJson => "The upstream model's answer could not be read.",
        Then::Finish | Then::FinishOnly => unreachable!(),
    }
}

#[tokio::test]
async fn a_break_after_content_is_continued_in_a_user_turn() {
    for api in [CHAT, MESSAGES] {
        for (primary, fallback) in [(MESSAGES, MESSAGES), (CHAT, MESSAGES), (MESSAGES, CHAT), (CHAT, CHAT)] {
            for then in breaks() {
                let bench = bench(
                    api,
                    (primary, vec![Play::Words(&["one", " <two>", " three"], then)]),
                    (fallback, vec![Play::Words(&[" four", " five"], Then::Finish)]),
                    |_| (),
                )
                .await;
                bench.ask().await.assert_whole("one <two> three four five");
                assert_eq!(bench.primary.seen().len(), 1);
                let seen = bench.fallback.seen();
                assert_eq!(seen.len(), 1);
                let (role, text) = seen[0].last_text();
                assert_eq!(role, "user");
                assert!(text.contains("<delivered>one &lt;two&gt; three</delivered>"), "{text}");
                assert_eq!(seen[0].body["messages"][0], json!({"role": "user", "content": "Tell me."}));
                assert_eq!(seen[0].body["messages"].as_array().unwrap().len(), 2);
                assert_eq!(seen[0].body["max_tokens"], 64);
            }
        }
    }
}

#[tokio::test]
async fn the_policy_error_shows_the_original_error() {
    for api in [CHAT, MESSAGES] {
        for then in breaks() {
            let bench = bench(
                api,
                (MESSAGES, vec![Play::Words(&["one", " two"], then)]),
                (MESSAGES, vec![Play::Words(&["never"], Then::Finish)]),
                |config| config.policy.after_content = AfterContent::Error,
            )
            .await;
            bench.ask().await.assert_error("one two", message(then));
            assert!(bench.fallback.seen().is_empty());
        }
    }
}

#[tokio::test]
async fn a_failure_before_content_restarts_unseen() {
    let plays = [
        Play::Status(529, "Overloaded"),
        Play::Status(429, "Slow down"),
        Play::Words(&[], Then::Close),
        Play::Words(&[], Then::Eof),
        Play::Words(&[], Then::Reset),
        Play::Words(&[], Then::Stall),
        Play::Words(&[], Then::ErrorEvent),
        Play::Words(&[], Then::BadJson),
        Play::Silence,
    ];
    for policy in
        [AfterContent::Error, AfterContent::ContinueUser, AfterContent::ContinuePrefill, AfterContent::BufferAll]
    {
        for play in plays.clone() {
            let bench = bench(
                MESSAGES,
                (MESSAGES, vec![play]),
                (CHAT, vec![Play::Words(&["all", " well"], Then::Finish)]),
                |config| config.policy.after_content = policy,
            )
            .await;
            bench.ask().await.assert_whole("all well");
            let seen = bench.fallback.seen();
            assert_eq!(seen[0].body["messages"], json!([{"role": "user", "content": "Tell me."}]));
            assert_eq!(seen[0].header("authorization"), Some("Bearer fallback-key"));
            assert_eq!(seen[0].body["model"], "gpt-4o-mini");
        }
    }
}

#[tokio::test]
async fn a_capable_target_is_prefilled_and_the_blank_is_heard_once() {
    for (model, role) in [("claude-sonnet-4-5", "assistant"), ("claude-sonnet-4-6", "user")] {
        for rest in [&[" two", " three"], &["two", " three"]] {
            // A user turn quotes the blank, so the rest begins behind it.
            if role == "user" && rest[0].starts_with(' ') {
                continue;
            }
            let bench = bench(
                CHAT,
                (CHAT, vec![Play::Words(&["one", " "], Then::Close)]),
                (MESSAGES, vec![Play::Words(rest, Then::Finish)]),
                |config| {
                    config.policy.after_content = AfterContent::ContinuePrefill;
                    config.routes[0].legs[1].model = model.to_owned();
                },
            )
            .await;
            bench.ask().await.assert_whole("one two three");
            let (got, text) = bench.fallback.seen()[0].last_text();
            assert_eq!(got, role);
            assert!(role == "user" || text == "one");
        }
    }
}

#[tokio::test]
async fn buffering_gives_one_speaker() {
    for then in breaks() {
        let bench = bench(
            MESSAGES,
            (MESSAGES, vec![Play::Words(&["one", " two"], then)]),
            (CHAT, vec![Play::Words(&["all", " new"], Then::Finish)]),
            |config| config.policy.after_content = AfterContent::BufferAll,
        )
        .await;
        bench.ask().await.assert_whole("all new");
        assert_eq!(bench.fallback.seen()[0].body["messages"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn what_cannot_be_continued_ends_in_the_error() {
    let call = || {
        vec![
            Say::ToolCall { id: "call_1".to_owned(), name: "look".to_owned() },
            Say::Arguments("{\"at\": \"th".to_owned()),
        ]
    };
    let thinks = || vec![Say::Thinking("hm".to_owned()), Say::Text("one".to_owned())];
    let tools = json!([{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]);
    let format = json!({"type": "json_object"});
    for (says, key, value) in [
        (call(), "tools", tools.clone()),
        (vec![Say::Text("one".to_owned())], "tools", tools),
        (vec![Say::Text("one".to_owned())], "response_format", format),
        (thinks(), "user", json!("me")),
    ] {
        for policy in [AfterContent::ContinueUser, AfterContent::ContinuePrefill] {
            let mut bench = bench(
                CHAT,
                (MESSAGES, vec![Play::Says(says.clone(), Then::ErrorEvent)]),
                (MESSAGES, vec![Play::Words(&["never"], Then::Finish)]),
                |config| config.policy.after_content = policy,
            )
            .await;
            bench.body[key] = value.clone();
            let outcome = bench.ask().await;
            assert_eq!(outcome.error(), Some("The real overload."));
            assert!(outcome.reading.completion.finishes.is_empty());
            assert!(bench.fallback.seen().is_empty());
        }
    }
}

#[tokio::test]
async fn all_lost_shows_the_first_error_with_its_status() {
    for api in [CHAT, MESSAGES] {
        for stream in [true, false] {
            for (first, second) in [(529, 400), (529, 529), (429, 401)] {
                let mut bench = bench(
                    api,
                    (MESSAGES, vec![Play::Status(first, "The first.")]),
                    (CHAT, vec![Play::Status(second, "The second.")]),
                    |_| (),
                )
                .await;
                bench.body["stream"] = stream.into();
                let outcome = bench.ask().await;
                assert_eq!(outcome.status(), first);
                assert_eq!(outcome.json()["error"]["message"], "The first.");
                let spoken = api.spoken().unwrap();
                assert!(spoken.read_error(first, &outcome.exchange.body()).is_some());
                assert_eq!(outcome.exchange.response.unwrap().headers.get("retry-after"), Some("7"));
                assert_eq!((bench.primary.seen().len(), bench.fallback.seen().len()), (1, 1));
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_for_good_is_shown_at_once() {
    for status in [400, 401, 404, 413] {
        let bench = bench(
            MESSAGES,
            (MESSAGES, vec![Play::Status(status, "Never.")]),
            (MESSAGES, vec![Play::Words(&["never"], Then::Finish)]),
            |config| config.retries = 2,
        )
        .await;
        let outcome = bench.ask().await;
        assert_eq!((outcome.status(), outcome.json()["error"]["message"].as_str()), (status, Some("Never.")));
        assert_eq!((bench.primary.seen().len(), bench.fallback.seen().len()), (1, 0));
    }
    let bench = bench(
        MESSAGES,
        (MESSAGES, vec![Play::Status(400, "Never.")]),
        (MESSAGES, vec![Play::Words(&["well"], Then::Finish)]),
        |config| config.fallback_on = Some(vec!["4xx".to_owned()]),
    )
    .await;
    bench.ask().await.assert_whole("well");
}

#[tokio::test]
async fn a_refused_continuation_ends_in_the_original_error() {
    let bench = bench(
        CHAT,
        (MESSAGES, vec![Play::Words(&["one", " two"], Then::ErrorEvent)]),
        (MESSAGES, vec![Play::Status(400, "This model does not support that.")]),
        |_| (),
    )
    .await;
    bench.ask().await.assert_error("one two", "The real overload.");
    assert_eq!(bench.fallback.seen().len(), 1);
}

#[tokio::test]
async fn retries_stay_on_their_leg() {
    for stream in [true, false] {
        let well = if stream { Play::Words(&["well"], Then::Finish) } else { Play::Unary("well") };
        let mut bench =
            bench(CHAT, (CHAT, vec![Play::HalfUnary, Play::HalfUnary, well]), (CHAT, vec![Play::Silence]), |config| {
                config.retries = 2;
            })
            .await;
        bench.body["stream"] = stream.into();
        let outcome = bench.ask().await;
        assert_eq!(outcome.progress, "well");
        assert_eq!((bench.primary.seen().len(), bench.fallback.seen().len()), (3, 0));
    }
}

#[tokio::test]
async fn another_key_takes_nothing_from_the_retries_that_are_set() {
    let bench = bench(
        CHAT,
        (CHAT, vec![Play::HalfUnary, Play::HalfUnary, Play::Words(&["well"], Then::Finish)]),
        (CHAT, vec![Play::Silence]),
        |config| {
            config.retries = 2;
            config.policy.retries.other_key = 1;
        },
    )
    .await;
    bench.ask().await.assert_whole("well");
    assert_eq!((bench.primary.seen().len(), bench.fallback.seen().len()), (3, 0));
}

#[tokio::test]
async fn fallbacks_are_bounded() {
    let bench = bench(
        CHAT,
        (CHAT, vec![Play::Status(500, "Lost.")]),
        (CHAT, vec![Play::Words(&["never"], Then::Finish)]),
        |config| config.max_fallbacks = Some(0),
    )
    .await;
    assert_eq!(bench.ask().await.status(), 500);
    assert!(bench.fallback.seen().is_empty());
}

#[tokio::test]
async fn a_chain_continues_what_all_legs_said() {
    let bench = bench(
        CHAT,
        (CHAT, vec![Play::Words(&["one", " two"], Then::Close)]),
        (CHAT, vec![Play::Words(&[" three"], Then::Reset), Play::Words(&[" four"], Then::Finish)]),
        |config| {
            let again = config.routes[0].legs[1].clone();
            config.routes[0].legs.push(again);
        },
    )
    .await;
    bench.ask().await.assert_whole("one two three four");
    let seen = bench.fallback.seen();
    assert!(seen[1].last_text().1.contains("<delivered>one two three</delivered>"));
}

#[tokio::test]
async fn a_finish_is_the_end_of_the_answer() {
    for api in [CHAT, MESSAGES] {
        let bench = bench(
            CHAT,
            (api, vec![Play::Words(&["one"], Then::FinishOnly)]),
            (api, vec![Play::Words(&["never"], Then::Finish)]),
            |_| (),
        )
        .await;
        bench.ask().await.assert_whole("one");
        assert!(bench.fallback.seen().is_empty());
    }
}

#[tokio::test]
async fn a_client_that_goes_takes_the_upstream_along() {
    for (stream, play, at) in [
        (true, Play::Words(&["one", " two"], Then::Stall), Some(At::Texts(2))),
        (true, Play::Silence, None),
        (false, Play::Silence, None),
    ] {
        for by in [By::Close, By::Reset] {
            let mut bench = bench(CHAT, (CHAT, vec![play.clone()]), (CHAT, vec![Play::Silence]), |config| {
                config.idle_timeout = crate::scenario::Millis(60_000);
                config.first_byte_timeout = crate::scenario::Millis(60_000);
            })
            .await;
            bench.body["stream"] = stream.into();
            match at {
                Some(at) => {
                    bench.leave = Some(Leave { at, by });
                    let outcome = bench.ask().await;
                    assert_eq!((outcome.exchange.end, outcome.progress.as_str()), (ClientEnd::Left, "one two"));
                }
                // Before the head nothing is there to leave at: the driver is dropped.
                None => {
                    let _ = tokio::time::timeout(Duration::from_millis(100), bench.ask()).await;
                }
            }
            assert!(bench.primary.left(Duration::from_secs(1)).await, "the upstream goes on");
            assert!(bench.fallback.seen().is_empty());
        }
    }
}

#[tokio::test]
async fn usage_is_the_sum_of_what_was_reported() {
    let mut bench = bench(
        CHAT,
        (MESSAGES, vec![Play::Words(&["one", " two"], Then::Close)]),
        (MESSAGES, vec![Play::Words(&[" three"], Then::Finish)]),
        |_| (),
    )
    .await;
    bench.body["stream_options"] = json!({"include_usage": true});
    let usage = bench.ask().await.reading.completion.usage.unwrap();
    // The primary reported 10 and, in its first event, 1; the fallback 10 and 1.
    assert_eq!((&usage["prompt_tokens"], &usage["completion_tokens"]), (&json!(20), &json!(2)));
}

#[tokio::test]
async fn clients_are_told_what_is_wrong_with_their_request() {
    for api in [CHAT, MESSAGES] {
        let bench = bench(api, (CHAT, vec![Play::Silence]), (CHAT, vec![Play::Silence]), |_| ()).await;
        let spoken = api.spoken().unwrap();
        let request = |key: &str, body: &str| Request {
            method: "POST".to_owned(),
            target: spoken.path().to_owned(),
            headers: spoken.request_headers(key),
            body: Blob::from(body),
        };
        for (key, body, status) in [
            ("wrong", "{}", 401),
            ("client-key", "not json", 400),
            ("client-key", "{}", 400),
            ("client-key", "{\"model\": \"unknown\", \"messages\": []}", 404),
            ("client-key", "{\"model\": \"decoy-route\", \"messages\": []}", 404),
        ] {
            let outcome = bench.send(request(key, body)).await;
            assert_eq!(outcome.status(), status, "{body}");
            let error = spoken.read_error(status, &outcome.exchange.body()).unwrap();
            assert!(!error.message.is_empty() && !error.kind.is_empty());
        }
        // Either scheme will do.
        let other = if api == CHAT { MESSAGES } else { CHAT };
        let mut swapped = request("client-key", "{}");
        swapped.headers = other.spoken().unwrap().request_headers("client-key");
        assert_eq!(bench.send(swapped).await.status(), 400);
        assert!(bench.primary.seen().is_empty());
    }
}

#[tokio::test]
async fn side_paths_answer() {
    let bench = bench(CHAT, (CHAT, vec![Play::Silence]), (CHAT, vec![Play::Silence]), |_| ()).await;
    let get = |target: &str, key: &str| Request {
        method: "GET".to_owned(),
        target: target.to_owned(),
        headers: ApiId::OpenaiChat.spoken().unwrap().request_headers(key),
        body: Blob::default(),
    };
    assert_eq!(bench.send(get("/health", "")).await.json(), json!({"status": "ok"}));
    assert_eq!(bench.send(get("/v1/models", "wrong")).await.status(), 401);
    let models = bench.send(get("/v1/models", "client-key")).await.json();
    assert_eq!(models["data"][0]["id"], "route");
    assert_eq!(models["data"].as_array().unwrap().len(), 1, "a decoy is no one's model");
    assert_eq!(bench.send(get("/v1/messages", "client-key")).await.status(), 404);
}
