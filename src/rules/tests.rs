use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::condition::matches_glob;
use super::judge::FILES;
use super::*;
use crate::api::{ApiId, ModelName};
use crate::diagnostic::SourceFile;
use crate::wire::Headers;

fn usual_headers(api: ApiId) -> Headers {
    match api {
        ApiId::AnthropicMessages => {
            [("content-type", "application/json"), ("x-api-key", "sk-any"), ("anthropic-version", "2023-06-01")]
                .into_iter()
                .collect()
        }
        ApiId::Gemini => [("content-type", "application/json"), ("x-goog-api-key", "any")].into_iter().collect(),
        _ => [("content-type", "application/json"), ("authorization", "Bearer sk-any")].into_iter().collect(),
    }
}

fn ask(book: &RuleBook, pack: &Pack, request: &ExampleRequest) -> Ruling {
    let mut body = pack.base.clone();
    let target = pack.api.spoken().expect("spoken").target(&request.model, false);
    if !target.contains(&request.model) {
        body["model"] = request.model.clone().into();
    }
    for (key, value) in &request.body {
        if value.is_null() {
            body.as_object_mut().unwrap().shift_remove(key);
        } else {
            body[key] = value.clone();
        }
    }
    let body = request.raw.clone().unwrap_or_else(|| body.to_string());
    let changed: BTreeSet<&String> = request.headers.keys().collect();
    let mut headers: Headers = usual_headers(pack.api)
        .iter()
        .filter(|(name, _)| !changed.iter().any(|changed| changed.eq_ignore_ascii_case(name)))
        .collect();
    for (name, value) in &request.headers {
        if let Some(value) = value {
            headers.push(name, value);
        }
    }
    book.judge(&Incoming {
        api: pack.api,
        model: &ModelName { vendor: pack.vendor.clone(), model: request.model.clone() },
        models: &request.spellings,
        target: &target,
        headers: &headers,
        body: body.as_bytes(),
        expected_key: request.expected_key.as_deref(),
    })
}

#[test]
fn every_rule_is_proved_both_ways() {
    let book = RuleBook::bundled();
    let mut wrong = Vec::new();
    for pack in book.packs() {
        for rule in &pack.rules {
            let (mut refused, mut accepted) = (0, 0);
            for (number, example) in rule.examples.iter().enumerate() {
                let mut complain = |what: String| wrong.push(format!("{} example {}: {what}", rule.id, number + 1));
                match example {
                    Example::Refused(request) => {
                        refused += 1;
                        let ruling = ask(book, pack, request);
                        let refusal = ruling.refusal.as_ref().filter(|refusal| refusal.rule == rule.id);
                        match (refusal, rule.evidence) {
                            (None, Evidence::Guess) if ruling.also.contains(&rule.id) => {}
                            (None, _) => complain(format!("not refused by it: {ruling:?}")),
                            (Some(refusal), _) => {
                                if refusal.certain != rule.certain(rule.covers(&request.model) == Some(true)) {
                                    complain(format!("certain: {}", refusal.certain));
                                }
                                if refusal.error.message.contains("${") {
                                    complain(format!("not filled in: {}", refusal.error.message));
                                }
                                if request.message.as_ref().is_some_and(|message| *message != refusal.error.message) {
                                    complain(format!("says: {}", refusal.error.message));
                                }
                            }
                        }
                    }
                    Example::Accepted(request) => {
                        accepted += 1;
                        let ruling = ask(book, pack, request);
                        if ruling.also.contains(&rule.id) || ruling.refusal.is_some_and(|r| r.rule == rule.id) {
                            complain("matches, though it should not".to_owned());
                        }
                    }
                }
            }
            if refused == 0 || accepted == 0 {
                wrong.push(format!("{}: {refused} refused, {accepted} accepted", rule.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn plain_requests_are_refused_by_nothing() {
    let book = RuleBook::bundled();
    for pack in book.packs() {
        let models = match pack.vendor.as_str() {
            "anthropic" => ["claude-opus-4-1", "claude-sonnet-4-5", "claude-sonnet-4-6", "claude-opus-4-7", "claude-x"],
            _ => ["gpt-4o-mini", "gpt-4o", "gpt-5", "o3-mini", "gpt-4.1"],
        };
        for model in models {
            let ruling = ask(book, pack, &ExampleRequest { model: model.to_owned(), ..Default::default() });
            assert_eq!(ruling, Ruling::default(), "{model}");
        }
    }
}

#[test]
fn ids_are_unique_and_carry_their_vendor() {
    let mut seen = BTreeSet::new();
    for pack in RuleBook::bundled().packs() {
        assert_eq!(pack.rules_format, 1);
        for rule in &pack.rules {
            assert!(rule.id.starts_with(&format!("{}-", pack.vendor)), "{}", rule.id);
            assert!(seen.insert(rule.id.clone()), "{} is there twice", rule.id);
            assert!(!rule.sources.is_empty(), "{} has no source", rule.id);
            assert!(!rule.models.is_empty(), "{} names no model", rule.id);
        }
    }
}

#[test]
fn the_files_load_and_say_what_is_wrong() {
    for (name, text) in FILES {
        Pack::parse(SourceFile::new(name, text)).unwrap_or_else(|error| panic!("{}", error.render(false)));
    }
    let (name, text) = FILES[1];
    let broken = text.replacen("when: key_missing", "when: key_mising", 1);
    let error = Pack::parse(SourceFile::new(name, broken)).unwrap_err().render(false);
    assert!(error.contains("key_missing"), "{error}");
}

#[test]
fn evidence_goes_before_inference_and_earlier_stages_before_later_ones() {
    let book = RuleBook::bundled();
    let pack = &book.packs()[0];
    let prefill = json!([{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Once "}]);
    let ruling = |model: &str, extra: &[(&str, Value)]| {
        let mut body = std::collections::BTreeMap::from([("messages".to_owned(), prefill.clone())]);
        body.extend(extra.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        ask(book, pack, &ExampleRequest { model: model.to_owned(), body, ..Default::default() })
    };

    // Structure goes before parameters.
    let both = ruling("claude-opus-4-7", &[("temperature", json!(0.5))]);
    let refusal = both.refusal.expect("refused");
    assert_eq!((refusal.rule.as_str(), refusal.certain), ("anthropic-prefill-unsupported", true));
    assert_eq!(both.also, ["anthropic-sampling-deprecated-temperature"]);

    // The prefill of this model is inferred, its refusal of `thinking.type: enabled` was seen.
    let thinking = json!({"type": "enabled", "budget_tokens": 1024});
    let both = ruling("claude-opus-5", &[("thinking", thinking), ("max_tokens", json!(2048))]);
    let refusal = both.refusal.expect("refused");
    assert_eq!((refusal.rule.as_str(), refusal.certain), ("anthropic-thinking-enabled-unsupported", true));
    assert!(both.also.contains(&"anthropic-prefill-unsupported".to_owned()), "{:?}", both.also);

    // Alone, the inferred rule refuses and is marked.
    let refusal = ruling("claude-opus-5", &[]).refusal.expect("refused");
    assert_eq!((refusal.rule.as_str(), refusal.certain), ("anthropic-prefill-unsupported", false));
}

#[test]
fn another_vendor_or_api_has_no_rules() {
    let incoming = Incoming {
        api: ApiId::OpenaiChat,
        model: &"mistral/mistral-large".parse().unwrap(),
        models: &[],
        target: "/",
        headers: &Headers::default(),
        body: b"not json",
        expected_key: None,
    };
    assert_eq!(RuleBook::bundled().judge(&incoming), Ruling::default());
}

#[test]
fn the_seed_bug_is_refused_word_by_word() {
    let body = json!({"model": "claude-sonnet-4-6", "max_tokens": 64, "stream": true, "messages": [
        {"role": "user", "content": "Recite the pangram."},
        {"role": "assistant", "content": "The quick brown"},
    ]});
    let refusal = RuleBook::bundled()
        .judge(&Incoming {
            api: ApiId::AnthropicMessages,
            model: &"anthropic/claude-sonnet-4-6".parse().unwrap(),
            models: &["claude-sonnet-4-6".to_owned()],
            target: "/v1/messages",
            headers: &usual_headers(ApiId::AnthropicMessages),
            body: body.to_string().as_bytes(),
            expected_key: None,
        })
        .refusal
        .expect("refused");
    assert_eq!(refusal.rule, "anthropic-prefill-unsupported");
    assert!(refusal.certain);
    assert_eq!((refusal.error.status, refusal.error.kind.as_str()), (400, "invalid_request_error"));
    assert_eq!(
        refusal.error.message,
        "This model does not support assistant message prefill. The conversation must end with a user message."
    );
}

#[test]
fn globs() {
    let check = |glob: &str, name: &str, expect: bool| assert_eq!(matches_glob(glob, name), expect, "{glob} {name}");
    check("*", "", true);
    check("gpt-4o", "gpt-4o", true);
    check("gpt-4o", "gpt-4o-mini", false);
    check("gpt-4*", "gpt-4o-mini", true);
    check("claude-*-4-5*", "claude-sonnet-4-5-20250929", true);
    check("claude-*-4-5*", "claude-4-5", false);
    check("*-codex*", "gpt-5-codex-max", true);
    check("*-pro*", "gpt-5.2", false);
    check("a*a", "a", false);
    check("a*b*c", "a-b-b-c", true);
}

#[test]
fn paths() {
    let body = json!({
        "messages": [{"role": "user", "content": "one"}, {"role": "assistant", "content": [
            {"type": "text", "text": "two"}, {"type": "tool_use"},
        ]}],
        "top_p": null, "tools": [{"name": "a"}, {"name": "b"}],
    });
    let headers: Headers = [("Anthropic-Beta", "x")].into_iter().collect();
    let path = |written: &str| Path::try_from(written.to_owned()).unwrap();
    let check = |written: &str, values: Value, absent: bool| {
        assert_eq!(json!(path(written).values(&body, &headers)), values, "{written}");
        assert_eq!(path(written).is_absent(&body, &headers), absent, "{written}");
    };
    check("messages[-1].role", json!(["assistant"]), false);
    check("messages[0].content.last_text", json!(["one"]), false);
    check("messages[1].content.last_text", json!([]), true);
    check("messages[*].role", json!(["user", "assistant"]), false);
    check("messages[9].role", json!([]), false);
    check("top_p", json!([]), true);
    check("thinking.type", json!([]), false);
    check("tools[0].input_schema", json!([]), true);
    check("header:anthropic-beta", json!(["x"]), false);
    check("header:x-other", json!([]), true);
    for bad in ["", "a..b", "a[x]", "a[1", "header:"] {
        Path::try_from(bad.to_owned()).expect_err(bad);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_body_makes_the_rules_panic(body in any_json(), anthropic in any::<bool>(), model in 0_usize..6) {
        let models = ["claude-sonnet-4-6", "claude-3-haiku", "claude-opus-5", "gpt-4o", "gpt-5.5", "o1-mini"];
        let pack = &RuleBook::bundled().packs()[usize::from(!anthropic)];
        let request = ExampleRequest { model: models[model].to_owned(), raw: Some(body.to_string()), ..Default::default() };
        ask(RuleBook::bundled(), pack, &request);
    }
}

/// Requests with the right keys and anything in them.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec!["user", "assistant", "tool", "text", "tool_use", "thinking", "tool_result", "", " "])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        let key = prop::sample::select(vec![
            "messages",
            "role",
            "content",
            "type",
            "text",
            "tool_calls",
            "tools",
            "system",
            "id",
            "tool_use_id",
            "thinking",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())),
        ]
    })
}
