use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::book::{Bundled, FILES};
use super::spelling::matches_glob;
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

#[test]
fn every_rule_is_proved_both_ways() {
    let book = RuleBook::bundled();
    let mut wrong: Vec<String> = book.packs().iter().flat_map(|pack| book.prove(pack)).collect();
    for rule in book.packs().iter().flat_map(|pack| &pack.rules) {
        let refused = rule.examples.iter().filter(|example| matches!(example, Example::Refused(_))).count();
        let accepted = rule.examples.len() - refused;
        if refused == 0 || accepted == 0 {
            wrong.push(format!("{}: {refused} refused, {accepted} accepted", rule.id));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn examples_that_prove_nothing_are_told() {
    let text = "rules_format: 1\nvendor: acme\napi: openai-chat\nrules:\n  - id: acme-top-p\n    stage: parameters\n    \
                models: ['*']\n    when: {exists: top_p}\n    error: {status: 400, kind: k, message: m}\n    \
                evidence: guess\n    exact: false\n    sources: [x]\n    examples:\n      - refused: {model: a}\n      \
                - accepted: {model: a, body: {top_p: 1}}\n";
    let book = RuleBook::new([SourceFile::new("acme.yaml", text)]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        book.prove(book.packs()[0]),
        ["acme-top-p example 1: it does not refuse this", "acme-top-p example 2: matches, though it should not"]
    );
}

#[test]
fn plain_requests_are_refused_by_nothing() {
    let book = RuleBook::bundled();
    for pack in book.packs() {
        let models = match pack.vendor.as_str() {
            "anthropic" => ["claude-opus-4-1", "claude-sonnet-4-5", "claude-sonnet-4-6", "claude-opus-4-7", "claude-x"],
            "vertex" | "gemini" => {
                ["gemini-2.5-pro", "gemini-3-flash-preview", "gemini-2.0-flash", "gemma-3", "gemini-x"]
            }
            "bedrock" => ["us.anthropic.claude-sonnet-4-6", "amazon.nova-lite-v1:0", "a", "b", "c"],
            _ => ["gpt-4o-mini", "gpt-4o", "gpt-5", "o3-mini", "gpt-4.1"],
        };
        for model in models {
            let ruling = book.ask(pack, &ExampleRequest { model: model.to_owned(), ..Default::default() });
            assert_eq!(ruling, Ruling::default(), "{} {model}", pack.vendor);
        }
    }
}

#[test]
fn ids_are_unique_and_carry_their_vendor() {
    let mut seen = BTreeSet::new();
    for pack in RuleBook::bundled().packs() {
        assert_eq!(pack.rules_format, 1);
        for rule in &pack.rules {
            let maker = pack.vendor.split('-').next().unwrap_or_default();
            assert!(rule.id.starts_with(&format!("{maker}-")), "{}", rule.id);
            assert!(pack.date_of(rule).is_some(), "{} has no date", rule.id);
            assert!(seen.insert(rule.id.clone()), "{} is there twice", rule.id);
            assert!(!rule.sources.is_empty(), "{} has no source", rule.id);
            assert!(!rule.models.is_empty() || !rule.inferred.is_empty(), "{} names no model", rule.id);
        }
        for what in pack.left_out.iter().flat_map(|left| &left.what) {
            assert!(seen.insert(what.clone()), "{what} is there twice");
        }
    }
}

#[test]
fn the_files_load_and_say_what_is_wrong() {
    for file in &FILES {
        let pack = Pack::parse(SourceFile::new(file.name, file.text));
        let pack = pack.unwrap_or_else(|error| panic!("{}", error.render(false)));
        let vendors: Vec<&str> = std::iter::once(&pack.vendor).chain(&pack.also).map(String::as_str).collect();
        assert_eq!((pack.api, vendors.as_slice()), file.about, "{}", file.name);
        assert_eq!(serde_json::from_str::<Pack>(file.json).unwrap(), pack, "{}", file.name);
    }
    let Bundled { name, text, .. } = &FILES[1];
    let broken = text.replacen("when: key_missing", "when: key_mising", 1);
    let error = Pack::parse(SourceFile::new(*name, broken)).unwrap_err().render(false);
    assert!(error.contains("key_missing"), "{error}");
}

#[test]
fn evidence_goes_before_inference_and_earlier_stages_before_later_ones() {
    let book = RuleBook::bundled();
    let pack = book.packs()[0];
    let prefill = json!([{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Once "}]);
    let ruling = |model: &str, extra: &[(&str, Value)]| {
        let mut body = std::collections::BTreeMap::from([("messages".to_owned(), prefill.clone())]);
        body.extend(extra.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        book.ask(pack, &ExampleRequest { model: model.to_owned(), body, ..Default::default() })
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
        model: &"acme/m".parse().unwrap(),
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
fn models_are_known_in_their_vendors_spellings() {
    let prefill = json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]);
    let converse =
        json!([{"role": "user", "content": [{"text": "a"}]}, {"role": "assistant", "content": [{"text": "b"}]}]);
    // The rule, and whether it was seen of this vendor and model.
    let check = |model: &str, api: ApiId, messages: &Value, expect: Option<(&str, bool)>| {
        let body = json!({"max_tokens": 64, "messages": messages}).to_string();
        let ruling = RuleBook::bundled().judge(&Incoming {
            api,
            model: &model.parse().unwrap(),
            models: &[],
            target: "/",
            headers: &usual_headers(api),
            body: body.as_bytes(),
            expected_key: None,
        });
        let refused = ruling.refusal.as_ref().map(|refusal| (refusal.rule.as_str(), refusal.certain));
        assert_eq!(refused, expect, "{model}");
    };
    let anthropic = Some(("anthropic-prefill-unsupported", true));
    check("anthropic/claude-sonnet-4-6-20260101", ApiId::AnthropicMessages, &prefill, anthropic);
    check("vertex/claude-sonnet-4-6@20260101", ApiId::AnthropicMessages, &prefill, anthropic);
    check("anthropic/us.anthropic.claude-sonnet-4-6-v1:0", ApiId::AnthropicMessages, &prefill, anthropic);
    check("vertex/claude-sonnet-4-5@20250929", ApiId::AnthropicMessages, &prefill, None);
    let bedrock = Some(("bedrock-prefill-unsupported", true));
    check("bedrock/eu.anthropic.claude-sonnet-4-6-20260101-v1:0", ApiId::BedrockConverse, &converse, bedrock);
    check("bedrock/anthropic.claude-opus-4-7", ApiId::BedrockConverse, &converse, bedrock);
    check("bedrock/anthropic.claude-opus-5", ApiId::BedrockConverse, &converse, bedrock.map(|(rule, _)| (rule, false)));
    check("bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0", ApiId::BedrockConverse, &converse, None);
    // It drops what Claude does not take, and continues on its own.
    check("openrouter/anthropic/claude-sonnet-4-6", ApiId::OpenaiChat, &prefill, None);
    check("mistral/mistral-large-2512", ApiId::OpenaiChat, &prefill, Some(("mistral-last-role", true)));
}

#[test]
fn vendors_that_serve_the_same_models_refuse_alike_but_it_is_inferred() {
    let body = json!({"model": "gpt-5", "max_tokens": 5, "messages": [{"role": "user", "content": "a"}]}).to_string();
    let ruling = |model: &str| {
        let incoming = Incoming {
            api: ApiId::OpenaiChat,
            model: &model.parse().unwrap(),
            models: &["another".to_owned()],
            target: "/v1/chat/completions",
            headers: &usual_headers(ApiId::OpenaiChat),
            body: body.as_bytes(),
            expected_key: None,
        };
        RuleBook::bundled().judge(&incoming)
    };
    let own = ruling("openai/gpt-5").refusal.expect("refused");
    assert_eq!((own.rule.as_str(), own.certain), ("openai-chat-model-not-found", true));
    let azure = ruling("azure-openai/gpt-5");
    let refusal = azure.refusal.expect("refused");
    assert_eq!((refusal.rule.as_str(), refusal.certain), ("azure-deployment-not-found", true));
    assert_eq!(azure.also, ["openai-max-tokens-unsupported"]);
    assert!(azure.body.is_some_and(|body| body.text.contains("\"code\": \"DeploymentNotFound\"")));
}

#[test]
fn an_error_is_written_as_its_vendor_writes_it() {
    let book = RuleBook::bundled();
    let ask = |vendor: &str, request: &ExampleRequest| {
        let pack = book.packs().into_iter().find(|pack| pack.vendor == vendor).expect("a pack");
        book.ask(pack, request).body.expect("a form of its own").text
    };
    let wrong = |model: &str| ExampleRequest {
        model: model.to_owned(),
        body: [("model".to_owned(), json!("x"))].into_iter().collect(),
        spellings: vec!["y".to_owned()],
        ..Default::default()
    };
    assert_eq!(
        ask("mistral", &wrong("m")),
        r#"{"object":"error","message":"Invalid model: x","type":"invalid_model","param":null,"code":"1500","raw_status_code":400}"#
    );
    assert_eq!(ask("xai", &wrong("grok-4")), r#"{"code":"invalid-argument","error":"Model not found: x"}"#);
    let openrouter = ask("openrouter", &wrong("a/b"));
    assert!(openrouter.starts_with(r#"{"error":{"message":"x is not a valid model ID","code":400},"user_id":"user_"#));
    assert!(serde_json::from_str::<Value>(&openrouter).is_ok(), "{openrouter}");
    assert_eq!(openrouter, ask("openrouter", &wrong("a/b")));
}

#[test]
fn every_match_is_told_with_its_place() {
    let check = |model: &str, api: ApiId, body: Value, expect: &[(&str, &[&str])]| {
        let body = body.to_string();
        let matched = RuleBook::bundled().explain(&Incoming {
            api,
            model: &model.parse().unwrap(),
            models: &[],
            target: "/",
            headers: &usual_headers(api),
            body: body.as_bytes(),
            expected_key: None,
        });
        let told: Vec<(&str, Vec<&str>)> = matched
            .iter()
            .map(|found| (found.rule.id.as_str(), found.places.iter().map(String::as_str).collect()))
            .collect();
        let expect: Vec<(&str, Vec<&str>)> = expect.iter().map(|(id, places)| (*id, places.to_vec())).collect();
        assert_eq!(told, expect, "{body}");
    };
    let prefill = json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]);
    check(
        "anthropic/claude-opus-4-7",
        ApiId::AnthropicMessages,
        json!({"max_tokens": 9, "temperature": 0.5, "messages": prefill}),
        &[
            ("anthropic-prefill-unsupported", &["messages[1].role"]),
            ("anthropic-sampling-deprecated-temperature", &["temperature"]),
        ],
    );
    let orphan = json!([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "tool_result", "tool_use_id": "t"}]}]);
    check(
        "anthropic/claude-sonnet-4-5",
        ApiId::AnthropicMessages,
        json!({"max_tokens": 9, "messages": orphan}),
        &[("anthropic-tool-result-orphan", &["messages[0].content[1]"])],
    );
    check(
        "anthropic/claude-sonnet-4-5",
        ApiId::AnthropicMessages,
        json!({"messages": [{"role": "user", "content": "a"}]}),
        &[("anthropic-max-tokens-missing", &["max_tokens"])],
    );
    check(
        "mistral/mistral-large",
        ApiId::OpenaiChat,
        json!({"messages": [{"role": "user", "content": "a"}, {"role": "tool", "tool_call_id": "x", "content": "b"}]}),
        &[("mistral-role-order", &["messages[1]"])],
    );
}

#[test]
fn a_model_that_is_nearly_known_is_a_near_miss() {
    let check = |model: &str, expect: Option<&str>| {
        assert_eq!(RuleBook::bundled().near_miss(&model.parse().unwrap()), expect, "{model}");
    };
    check("anthropic/claude-sonet-4-6", Some("claude-sonnet-4-6"));
    check("anthropic/claude-sonnet-4-6", None);
    check("anthropic/claude-sonnet-4-6-20260101", None);
    // Another number is another model.
    check("anthropic/claude-sonnet-4-8", None);
    check("openai/gpt-4o-mnii", None);
    check("openai/gtp-5", Some("gpt-5"));
    check("openai/gpt-4", None);
    check("openai/my-own-model", None);
    check("acme/gtp-5", None);
}

#[test]
fn a_user_adds_rules_and_switches_them() {
    let text = "rules_format: 1\nvendor: acme\napi: openai-chat\nrules:\n  - id: anthropic-text-empty\n    stage: structure\n    \
                models: ['*']\n    when: always\n    error: {status: 400, kind: k, message: m}\n    evidence: reported\n    \
                exact: true\n    sources: [x]\n";
    let files = |second: &str| {
        RuleBook::new([SourceFile::new(FILES[0].name, FILES[0].text), SourceFile::new("acme.yaml", second)])
    };
    let error = files(text).unwrap_err().render(false);
    assert!(
        error.contains("a rule is called `anthropic-text-empty` already") && error.contains("acme.yaml:5:9"),
        "{error}"
    );
    let book = files(&text.replace("anthropic-text-empty", "acme-all")).expect("it loads");
    let acme = book.packs().pop().expect("a pack");
    let request = ExampleRequest { model: "m".to_owned(), ..Default::default() };
    assert_eq!(book.ask(acme, &request).refusal.expect("refused").rule, "acme-all");
    let off = book.with(&acme.rules[0], false);
    assert_eq!(off.ask(acme, &request), Ruling::default());
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
    fn no_body_makes_the_rules_panic(body in any_json(), pack in 0_usize..64, model in 0_usize..8) {
        let models = [
            "claude-sonnet-4-6", "claude-3-haiku", "claude-opus-5", "gpt-4o", "gpt-5.5", "o1-mini", "deepseek-v4-pro",
            "gemini-3-pro",
        ];
        let book = RuleBook::bundled();
        let pack = book.packs()[pack % book.packs().len()];
        let body = body.to_string();
        book.ask(pack, &ExampleRequest { model: models[model].to_owned(), raw: Some(body.clone()), ..Default::default() });
        let target = "/v1/chat/completions";
        let model = ModelName { vendor: pack.vendor.clone(), model: models[model].to_owned() };
        book.explain(&Incoming {
            api: pack.api, model: &model, models: &[], target, headers: &Headers::default(), body: body.as_bytes(),
            expected_key: Some("k"),
        });
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
            "contents",
            "parts",
            "functionCall",
            "functionResponse",
            "functionDeclarations",
            "parameters",
            "properties",
            "enum",
            "strict",
            "input_schema",
            "toolUse",
            "toolResult",
            "image_url",
            "url",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())),
        ]
    })
}
