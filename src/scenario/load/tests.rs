use serde_json::json;

use super::*;
use crate::api::{ApiId, Role};
use crate::scenario::{AnswerPlan, At, Barrier, By, Millis, Obeys, Pace, Pause, Toggle};

fn cases(text: &str) -> Vec<Case> {
    load_text("a.yaml", text, &Library::bundled()).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

#[track_caller]
fn names(text: &str) -> Vec<String> {
    cases(text).into_iter().map(|case| case.name).collect()
}

fn error(text: &str) -> String {
    let errors = load_text("a.yaml", text, &Library::bundled()).expect_err("an error");
    errors.iter().map(|error| error.render(false)).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_ten_minute_scenario_has_every_default() {
    let text =
        "scenario: my-bug\nclient: openai-chat\nlegs: {primary: {cut: {at: {texts: 5}, by: close}}, fallback: {}}\n";
    let cases = cases(text);
    let [case] = cases.as_slice() else { panic!("one case") };
    assert_eq!((case.id().as_str(), case.line, case.not_yet.as_ref()), ("my-bug", 3, None));
    assert_eq!((case.settings.retries, case.settings.cooldown), (Some(0), Some(Toggle::Off)));
    assert_eq!(case.time_limit, Millis(30_000));
    let shape: Vec<_> = case.shape.legs.iter().map(|l| (l.name.as_str(), l.model.to_string(), l.api)).collect();
    assert_eq!(
        shape,
        [
            ("primary", "openai/gpt-4o-mini".to_owned(), ApiId::OpenaiChat),
            ("fallback", "openai/gpt-4o-mini".to_owned(), ApiId::OpenaiChat),
        ]
    );
    let [step] = case.steps.as_slice() else { panic!("one step") };
    assert_eq!(step.client.api, ApiId::OpenaiChat);
    assert!(step.client.conversation.stream);
    assert_eq!(step.client.conversation.turns.len(), 1);
    assert_eq!(step.client.conversation.turns[0].text(), "Tell me about crossfades.");
    assert_eq!(step.client.conversation.params["max_tokens"], json!(256));
    let play = &step.legs[0].attempts[0];
    assert_eq!(play.cut.as_ref().map(|cut| (cut.at, cut.by.clone())), Some((At::Texts(5), By::Close)));
    assert_eq!((play.pace, play.barrier, play.obeys), (Pace::Instant, Barrier::Seen, Obeys::Exactly));
    assert!(matches!(&play.answer, AnswerPlan::Script { name, .. } if name == "text"));
    assert_eq!(step.legs[1].attempts.len(), 1);
}

#[test]
fn the_default_model_follows_the_client() {
    let cases = cases("client: anthropic-messages\nlegs: {primary: {}, other: {model: openai/gpt-4o}}\n");
    let legs: Vec<_> = cases[0].shape.legs.iter().map(|leg| (leg.model.to_string(), leg.api)).collect();
    assert_eq!(
        legs,
        [
            ("anthropic/claude-sonnet-4-5".to_owned(), ApiId::AnthropicMessages),
            ("openai/gpt-4o".to_owned(), ApiId::OpenaiChat),
        ]
    );
    assert_eq!(cases[0].scenario, "a");
}

#[test]
fn vary_is_a_product_less_except() {
    let text = "\
client: openai-chat
legs: {primary: {cut: {at: {texts: 5}, by: close}}, fallback: {}}
vary:
  client.api: [openai-chat, anthropic-messages]
  legs.primary.cut.by: [error_event, {stall: {for: 10s}}]
  legs.fallback.model: [openai/gpt-4o, {value: anthropic/claude-opus-4-6, name: opus}]
except:
  - {client.api: anthropic-messages, legs.fallback.model: opus}
  - {legs.primary.cut.by: stall, legs.fallback.model: openai/gpt-4o}
";
    assert_eq!(
        names(text),
        [
            "openai-chat,error_event,gpt-4o",
            "openai-chat,error_event,opus",
            "openai-chat,stall,opus",
            "anthropic-messages,error_event,gpt-4o",
        ]
    );
    let cases = cases(text);
    assert_eq!(cases[1].shape.legs[1].api, ApiId::AnthropicMessages);
    assert_eq!(cases[3].steps[0].client.api, ApiId::AnthropicMessages);
    assert_eq!(cases[3].shape.legs[0].model.to_string(), "anthropic/claude-sonnet-4-5");
}

#[test]
fn an_unknown_path_of_vary_is_shown_there() {
    let got = error("legs: {primary: {}}\nvary:\n  legs.primary.cutt.by: [close]\n");
    assert!(got.contains("a.yaml:3:3") && got.contains("did you mean `cut`"), "{got}");
    let got = error("legs: {primary: {}}\nvary:\n  legs.primry.model: [openai/x]\n");
    assert!(got.contains("a.yaml:3:3") && got.contains("did you mean `primary`"), "{got}");
}

#[test]
fn a_cut_past_the_end_does_not_load() {
    let cut = |at: &str| format!("legs: {{primary: {{cut: {{at: {at}, by: close}}}}}}\n");
    for good in
        ["{texts: 24}", "{pieces: 24}", "{events: 25}", "head", "preamble", "last_content", "finish", "terminator"]
    {
        cases(&cut(good));
    }
    for (bad, message) in
        [("{texts: 25}", "the answer has 24 texts"), ("{bytes: 9999999}", "bytes"), ("{texts: 0}", "count from 1")]
    {
        let got = error(&cut(bad));
        assert!(got.contains(message), "{got}");
    }
    let unary = "client: {stream: false}\nlegs: {primary: {cut: {at: {bytes: 9}, by: error_event}}}\n";
    assert!(error(unary).contains("`error_event` needs a streamed answer"), "{}", error(unary));
    let got = error("client: {stream: false}\nlegs: {primary: {cut: {at: {texts: 2}, by: close}}}\n");
    assert!(got.contains("a unary answer has no events"), "{got}");
    for place in [
        "legs: {primary: {cut: {at: {asked: 1}, by: close}}}\n",
        "client: {read: {pause: {at: {asked: 1}, for: 1s}}}\nlegs: {primary: {}}\n",
    ] {
        let got = error(place);
        assert!(got.contains("only a client that leaves can wait until the legs are asked"), "{got}");
    }
    let got = error("client: {leave: {at: {asked: 0}, by: close}}\nlegs: {primary: {}}\n");
    assert!(got.contains("requests count from 1"), "{got}");
}

#[test]
fn an_effect_of_the_other_http_does_not_load() {
    let script = |http2: &str, by: &str| {
        format!("settings: {{http2: {http2}}}\nlegs: {{primary: {{cut: {{at: {{texts: 5}}, by: {by}}}}}}}\n")
    };
    for good in ["rst_stream", "goaway", "{goaway: {code: cancel}}", "{rst_stream: http_1_1_required}", "close"] {
        cases(&script("on", good));
    }
    for (http2, by, message, help) in [
        ("off", "rst_stream", "`rst_stream` is a frame of HTTP/2", "settings: {http2: on}"),
        ("off", "{goaway: cancel}", "`goaway` is a frame of HTTP/2", "settings: {http2: on}"),
        ("on", "bad_chunk", "`bad_chunk` needs HTTP/1.1: HTTP/2 has no chunks", "`rst_stream` and `goaway`"),
    ] {
        let got = error(&script(http2, by));
        assert!(got.contains(message) && got.contains(help) && got.contains(":2:"), "{got}");
    }
    assert!(error(&script("on", "{rst_stream: never}")).contains("never"));
}

/// Examples of the format, each complete.
#[test]
fn every_example_of_the_format_loads() {
    let prefill = "\
# yaml-language-server: $schema=../scenario.schema.json
scenario: continue-on-a-model-without-prefill
summary: A stream that dies mid-answer falls back to a model that rejects assistant prefill
source: https://github.com/BerriAI/litellm/issues/27967
client:
  api: openai-chat
  stream: true
  conversation: [{system: You are terse.}, {user: Recite the pangram.}]
  params: {temperature: 0.5, max_tokens: 64}
legs:                                    # in the order in which the proxy shall try them
  primary:  {model: anthropic/claude-opus-4-1, answer: text, cut: {at: {texts: 5}, by: error_event}}
  fallback: {model: anthropic/claude-sonnet-4-6, answer: text}
vary:                                    # every path exists above; the file without `vary` is itself a case
  client.api: [openai-chat, anthropic-messages, openai-responses]
  legs.primary.cut.by: [error_event, close, eof, reset, {stall: {for: 10s}}]
  legs.fallback.model: [anthropic/claude-sonnet-4-6, anthropic/claude-opus-4-7, openai/gpt-4o-mini, {value: bedrock/anthropic.claude-opus-4-6-v1, name: bedrock-opus}]
except:
  - {legs.fallback.model: openai/gpt-4o-mini, client.api: anthropic-messages}
expect:
  outcome: [error, continued]
  requests: {fallback: 0..1}
";
    let all = cases(prefill);
    assert_eq!(all.len(), 3 * 5 * 4 - 5);
    assert_eq!(all[0].id(), "continue-on-a-model-without-prefill[openai-chat,error_event,claude-sonnet-4-6]");
    assert_eq!(all[19].name, "openai-chat,stall,bedrock-opus");
    assert_eq!(all[0].line, 11);
    assert_eq!(all[0].not_yet, None);
    assert_eq!(all[19].not_yet, None);
    assert_eq!(all[35].not_yet, None);
    let conversation = &all[0].steps[0].client.conversation;
    assert_eq!(conversation.turns.iter().map(|turn| turn.role).collect::<Vec<_>>(), [Role::System, Role::User]);
    assert!(all[0].steps[0].expect.requests["fallback"].holds(1));

    let leaves = cases(
        "\
client: {api: openai-chat, stream: true, conversation: [{user: Count to 500.}], leave: {at: {texts: 3}, by: close}}
legs: {primary: {model: openai/gpt-4o-mini, answer: long-text, pace: {every: 20ms}}}
expect: {cancelled: {primary: 2s}}
",
    );
    assert_eq!(leaves[0].steps[0].client.leave.as_ref().map(|leave| leave.at), Some(At::Texts(3)));
    assert_eq!(leaves[0].steps[0].legs[0].attempts[0].pace, Pace::Every(Millis(20)));
    let unary = cases("client: {stream: false, leave: {at: {asked: 1}, by: reset}}\nlegs: {primary: {}}\n");
    assert_eq!(unary[0].steps[0].client.leave.as_ref().map(|leave| leave.at), Some(At::Asked(1)));

    let steps = cases(
        "\
settings: {affinity: on, fallback_on: [429]}
client: {api: openai-chat, conversation: [{user: Hello.}], session: s1}
legs: {primary: {model: openai/gpt-4o-mini, answer: text}, fallback: {model: openai/gpt-4o, answer: text}}
steps:
  - expect: {requests: {primary: 1, fallback: 0}}
  - legs: {primary: {status: {code: 429, retry_after: 30s}}}        # patch of the base
    expect: {outcome: [restarted], requests: {fallback: 1}}
",
    );
    let [first, second] = steps[0].steps.as_slice() else { panic!("two steps") };
    assert_eq!(first.legs[0].attempts[0].status, None);
    assert_eq!(second.legs[0].attempts[0].status.as_ref().map(|status| status.code), Some(429));
    assert_eq!((first.expect.requests.len(), second.expect.requests.len()), (2, 1));
    assert_eq!(steps[0].settings.fallback_on, Some(vec!["429".to_owned()]));
    assert_eq!(second.client.session.as_deref(), Some("s1"));

    let only = cases(
        "\
only: litellm
proxy_config: {litellm: {router_settings: {enable_mid_stream_fallback_continuation: true}}}
client: {api: openai-chat, stream: true, conversation: [{user: Hi.}], body: {disable_fallbacks: true}}
legs: {primary: {cut: {at: {texts: 5}, by: close}}, fallback: {}}
expect: {requests: {fallback: 0}, outcome: [error]}
",
    );
    assert_eq!(only[0].only, ["litellm"]);
    assert_eq!(only[0].steps[0].client.body, Some(json!({"disable_fallbacks": true})));
    assert_eq!(
        only[0].proxy_config["litellm"]["router_settings"]["enable_mid_stream_fallback_continuation"],
        json!(true)
    );

    let pool = cases("pool: {workers: 2, model: openai/m, attempts: [{status: {code: 503}}, {answer: text}]}\n");
    assert_eq!((pool[0].not_yet.as_ref(), pool[0].shape.pool, pool[0].shape.legs.len()), (None, true, 2));
}

#[test]
fn attempts_patch_their_leg() {
    let cases = cases(
        "\
legs:
  primary:
    pace: {every: 5ms}
    cut: {at: {texts: 5}, by: close}
    attempts: [{status: 503}, {cut: {at: head, by: stall}}, {cut: null, answer: long-text}]
",
    );
    let plays = &cases[0].steps[0].legs[0].attempts;
    assert_eq!(plays.len(), 3);
    assert_eq!(plays[0].status.as_ref().map(|status| status.code), Some(503));
    assert_eq!(plays[1].cut.as_ref().map(|cut| cut.at), Some(At::Head));
    assert_eq!(plays[2].cut, None);
    assert!(plays.iter().all(|play| play.pace == Pace::Every(Millis(5))));
}

#[test]
fn a_step_replaces_what_names_one_of_several() {
    let cases = cases(
        "\
legs: {primary: {answer: text, cut: {at: {texts: 5}, by: {stall: {for: 1s}}}}}
steps:
  - legs: {primary: {cut: {at: {events: 3}, by: reset}, answer: long-text}}
  - legs: {primary: {cut: null}}
    client: {stream: false, conversation: Hello again.}
",
    );
    let first = cases[0].steps[0].legs[0].attempts[0].cut.clone().expect("a cut");
    assert_eq!((first.at, first.by), (At::Events(3), By::Reset));
    assert_eq!(cases[0].steps[1].legs[0].attempts[0].cut, None);
    assert!(!cases[0].steps[1].client.conversation.stream);
    assert_eq!(cases[0].steps[1].client.conversation.turns[0].text(), "Hello again.");
}

#[test]
fn a_conversation_says_all_that_is_neutral() {
    let cases = cases(
        "\
client:
  conversation:
    - system: Be terse.
    - user: [{text: Look., cache: true}, {image: \"https://example.com/a.png\"}]
    - assistant: [{thinking: {text: Hm., signature: abc}}, {tool_call: {name: find, arguments: {q: x}}}]
    - user: [{tool_result: found}, {text: And now?}]
    - assistant: It is
  params:
    max_tokens: null
    temperature: 0.5
    stop: [END]
    tools: [{name: find, description: Finds., parameters: {type: object}}]
    tool_choice: {tool: find}
legs: {primary: {}}
",
    );
    let conversation = &cases[0].steps[0].client.conversation;
    let turns = serde_json::to_value(&conversation.turns).expect("JSON");
    let parts: Vec<_> =
        turns.as_array().expect("turns").iter().map(|turn| json!([turn["role"], turn["parts"]])).collect();
    let url = "https://example.com/a.png";
    assert_eq!(
        json!(parts),
        json!([
            ["system", [{"text": {"text": "Be terse.", "cache": false}}]],
            ["user", [{"text": {"text": "Look.", "cache": true}}, {"image": {"digest": url, "media_type": "", "url": url}}]],
            ["assistant", [
                {"thinking": {"text": "Hm.", "signature": "abc"}},
                {"tool_call": {"id": "call_1", "name": "find", "arguments": {"q": "x"}}},
            ]],
            ["tool", [{"tool_result": {"id": "call_1", "parts": [{"text": {"text": "found", "cache": false}}], "cache": false, "error": false}}]],
            ["user", [{"text": {"text": "And now?", "cache": false}}]],
            ["assistant", [{"text": {"text": "It is", "cache": false}}]],
        ])
    );
    assert_eq!(json!(conversation.params), json!({"stop": ["END"], "temperature": 0.5}));
    assert_eq!(conversation.tools[0].name, "find");
    assert_eq!(conversation.tool_choice, Some(json!({"tool": "find"})));
}

#[test]
fn a_tool_is_offered_where_an_answer_calls_one() {
    let tools = |text: &str| cases(text)[0].steps[0].client.conversation.tools.len();
    assert_eq!(tools("legs: {primary: {answer: tool-call}, fallback: {}}\n"), 1);
    assert_eq!(tools("legs: {primary: {}, fallback: {}}\n"), 0);
}

#[test]
fn a_sweep_of_two_thousand_cases_loads_quickly() {
    let list = (1..=24).map(|n| format!("{{texts: {n}}}")).collect::<Vec<_>>().join(", ");
    let tokens = (1..=84).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    let text = format!(
        "legs: {{primary: {{cut: {{at: head, by: close}}}}, fallback: {{}}}}\nvary:\n  legs.primary.cut.at: [{list}]\n  \
         client.params.max_tokens: [{tokens}]\n"
    );
    let start = std::time::Instant::now();
    assert_eq!(cases(&text).len(), 2016);
    assert!(start.elapsed() < std::time::Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn a_sweep_makes_a_case_for_each_point() {
    let event = "sweep: event\nlegs: {primary: {answer: short-text, cut: {by: close}}, fallback: }\n";
    let cases = cases(event);
    let ats: Vec<_> = cases.iter().map(|case| case.steps[0].legs[0].attempts[0].cut.clone().unwrap().at).collect();
    assert_eq!(ats, (1..=cases.len() as u32).map(At::Events).collect::<Vec<_>>());
    let point = cases[2].sweep.as_ref().unwrap();
    assert_eq!((cases[2].name.as_str(), cases[2].id().as_str()), ("event-3", "a[event-3]"));
    assert_eq!((point.of.as_str(), point.leg.as_str(), point.at, point.points), ("a", "primary", 3, cases.len()));
    assert_eq!(cases.iter().map(|case| &case.shape).collect::<std::collections::HashSet<_>>().len(), 1);

    let some = "sweep: {every: byte, from: 10, to: 40, step: 15}\nlegs: {primary: {cut: {at: head, by: close}}}\n\
                vary: {legs.primary.cut.by: [close, eof]}\n";
    assert_eq!(
        names(some),
        ["close,byte-10", "close,byte-25", "close,byte-40", "eof,byte-10", "eof,byte-25", "eof,byte-40"]
    );
    let bytes = names("sweep: byte\nlegs: {primary: {cut: {by: close}}}\n").len();
    assert!((4_000..10_000).contains(&bytes), "{bytes}");

    let other = "sweep: {every: event, leg: fallback, to: 2}\nlegs: {primary: {cut: {at: {texts: 2}, by: close}}, \
                 fallback: {cut: {by: eof}}}\n";
    let cases = super::tests::cases(other);
    let cuts: Vec<_> = cases[1].steps[0].legs.iter().map(|leg| leg.attempts[0].cut.as_ref().unwrap().at).collect();
    assert_eq!(cuts, [At::Texts(2), At::Events(2)]);

    let steps = "sweep: {every: event, to: 2}\nlegs: {primary: {}}\nsteps: [{}, {legs: {primary: {cut: {at: head, by: close}}}}]\n";
    let cases = super::tests::cases(steps);
    assert_eq!(cases[1].steps[0].legs[0].attempts[0].cut, None);
    assert_eq!(cases[1].steps[1].legs[0].attempts[0].cut.as_ref().unwrap().at, At::Events(2));
}

#[test]
fn what_is_wrong_with_a_sweep_is_told_at_its_field() {
    #[track_caller]
    fn check(sweep: &str, expect: &str) {
        let text = error(&format!("sweep: {sweep}\nlegs: {{primary: {{cut: {{by: close}}}}, fallback: }}\n"));
        assert!(text.contains(expect), "{text}");
    }
    check("{every: byte, leg: primry}", "did you mean `primary`?");
    check("{every: byte, leg: fallback}", "`fallback` has no `cut` that a sweep could move");
    check("{every: byte, from: 0}", "a sweep counts from 1");
    check("{every: event, to: 900}", "the answer can be cut at event 1 to ");
    check("{every: event, from: 900}", "the answer can be cut at event 1 to ");
    check("{every: event, from: 9, to: 3}", "before it begins at 9");
    check("word", "one of `event`, `byte`");
    let many = "sweep: byte\nlegs: {primary: {answer: long-text, cut: {by: close}}}\n";
    assert!(error(many).contains("more than 10000 points"), "{}", error(many));
    let both = "sweep: byte\nlegs: {primary: {cut: {by: close}}}\nvary: {legs.primary.cut.by: [close, eof, reset]}\n";
    assert!(error(both).contains("more than 10000 cases"), "{}", error(both));
}

#[test]
fn a_neighbour_is_the_case_with_nothing_broken() {
    let text = "beside: 2\nclient: {leave: {at: head, by: close}}\nexpect: {outcome: left}\n\
                legs: {primary: {edits: crlf, attempts: [{status: 503}, {cut: {at: head, by: close}}]}, fallback: }\n";
    let case = cases(text).remove(0);
    let neighbour = case.neighbour();
    assert_eq!((case.beside, neighbour.beside, neighbour.name.as_str()), (2, 0, "beside"));
    assert_eq!((&neighbour.shape, &neighbour.settings), (&case.shape, &case.settings));
    let step = &neighbour.steps[0];
    assert_eq!((&step.client.leave, step.expect.outcome.len()), (&None, 0));
    let [play] = step.legs[0].attempts.as_slice() else { panic!("one attempt") };
    assert!(play.status.is_none() && play.cut.is_none() && play.edits.is_empty());
    assert_eq!(step.client.conversation, case.steps[0].client.conversation);
}

#[test]
fn a_client_may_stop_reading() {
    let case = cases("client: {read: {pause: {at: {texts: 3}, for: 500ms}}}\nlegs: {primary: {}}\n").remove(0);
    assert_eq!(case.steps[0].client.pause, Some(Pause { at: At::Texts(3), r#for: Millis(500) }));
}
