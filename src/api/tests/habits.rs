//! What an API says of itself, and what its vendor says beside the answers.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::answer::Spoken;

fn api(id: ApiId) -> &'static dyn Api {
    id.spoken().expect("a spoken API")
}

fn spoken() -> Spoken {
    speak(&script(vec![ScriptPart::Text { words: Some(4), literal: None }]), Lexicon::new(3).voice(1), &[], 5)
}

#[test]
fn what_requests_can_say_is_said() {
    let names = [
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "stop",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "thinking",
        "parallel_tool_calls",
        "reasoning_effort",
    ];
    for id in [ApiId::OllamaChat, ApiId::CohereChat] {
        for name in names {
            let value = match name {
                "stop" => json!(["x"]),
                "thinking" => json!({"type": "enabled"}),
                _ => json!(1),
            };
            let asked = Conversation {
                api: Some(ApiId::OpenaiChat),
                params: [(name.to_owned(), value.clone())].into(),
                ..Conversation::default()
            };
            let read = api(id).read_request(&api(id).write_request(&asked, "m"));
            let expect = api(id).features().params.contains(&name).then_some(value);
            assert_eq!(read.params.get(name), expect.as_ref(), "{id} {name}");
        }
    }
    let turn = |role, text: &str| Turn { role, parts: vec![Part::text(text)], place: String::new() };
    let turns = vec![turn(Role::User, "Hi"), turn(Role::Assistant, "So")];
    let trailing = Conversation { turns, ..Conversation::default() };
    for api in spoken_apis() {
        let (id, features) = (api.id(), api.features());
        assert_eq!(api.prefill(&trailing), features.prefill.then(|| "So".to_owned()), "{id}");
        let mut body = json!({});
        api.ask_for_json(&mut body, None);
        // OpenAI's can ask without a schema too, and this harness never does.
        let asks = features.plain_json && !matches!(id, ApiId::OpenaiChat | ApiId::OpenaiResponses);
        assert_eq!(body != json!({}), asks, "{id}: {body}");
    }
    let features = |id| api(id).features();
    assert!(features(ApiId::CohereChat).short_temperature && !features(ApiId::OllamaChat).short_temperature);
    assert!(features(ApiId::OllamaChat).object_arguments && !features(ApiId::CohereChat).object_arguments);
}

#[test]
fn json_is_asked_for_with_its_schema() {
    let schema = json!({"type": "object", "properties": {}});
    for id in [ApiId::OllamaChat, ApiId::CohereChat, ApiId::BedrockInvoke] {
        let mut body = json!({"messages": []});
        api(id).ask_for_json(&mut body, Some(&schema));
        let format = api(id).read_request(&body).format.unwrap_or_default();
        assert_eq!(format["schema"], schema, "{id}: {body}");
    }
    for id in [ApiId::OllamaChat, ApiId::CohereChat] {
        let mut body = json!({"messages": []});
        api(id).ask_for_json(&mut body, None);
        assert_eq!(api(id).read_request(&body).format, Some(json!({"type": "json_object"})), "{id}: {body}");
    }
}

#[test]
fn answers_name_their_model_under_its_key() {
    for api in spoken_apis() {
        let body: Value = serde_json::from_slice(&api.render_unary(&spoken(), &context(false)).body()).expect("JSON");
        let named = ["model", "modelVersion"].into_iter().find(|key| body.get(key).is_some());
        assert_eq!(api.model_key(), named, "{}: {body}", api.id());
    }
}

#[test]
fn a_path_of_no_api_shows_whose_client_asks() {
    let check = |path: &str, expect: ApiId| {
        assert_eq!(ApiId::shown_by(&Headers::default(), path), expect, "{path}");
    };
    check("/v2/embed", ApiId::CohereChat);
    check("/api/pull", ApiId::OllamaChat);
    check("/api/v1/models", ApiId::OpenaiChat);
    check("/v1/embeddings", ApiId::OpenaiChat);
    check("/model//invoke", ApiId::BedrockInvoke);
    check("/m/invoke-with-response-stream", ApiId::BedrockInvoke);
    check("/m/converse", ApiId::BedrockConverse);
}

#[test]
fn what_is_asked_beside_generations() {
    let check = |id: ApiId, call: &str, pointer: &str, expect: Option<Value>| {
        let (method, path) = call.split_once(' ').expect("method and path");
        let answer = api(id).side(&SideCall { method, path, models: &["a-model"], tokens: 7 });
        assert_eq!(answer.as_ref().and_then(|answer| answer.pointer(pointer)), expect.as_ref(), "{id} {call}");
    };
    for id in [ApiId::BedrockConverse, ApiId::BedrockInvoke] {
        check(id, "POST /model/m/count-tokens", "/inputTokens", Some(json!(7)));
        check(id, "GET /model/m/count-tokens", "", None);
        check(id, "POST /model//count-tokens", "", None);
        check(id, "POST /model/m/n/count-tokens", "", None);
        check(id, "POST /model/m/guess-tokens", "", None);
    }
    check(ApiId::CohereChat, "GET /v1/models", "/models/0/name", Some(json!("a-model")));
    check(ApiId::CohereChat, "GET /v1/datasets", "", None);
    check(ApiId::OllamaChat, "GET /api/ps", "", Some(json!({"models": []})));
    check(ApiId::OllamaChat, "POST /api/show", "/details/format", Some(json!("gguf")));
    check(ApiId::OllamaChat, "GET /api/tags", "/models/0/details/format", Some(json!("gguf")));
}

#[test]
fn errors_have_the_vendors_head() {
    let head = |id: ApiId, status: u16| api(id).error_headers(&api(id).status_error(status), 1);
    assert_eq!(head(ApiId::OllamaChat, 400).get("content-type"), Some("application/json; charset=utf-8"));
    let cohere = head(ApiId::CohereChat, 400);
    assert_eq!((cohere.get("content-type"), cohere.get("server")), (Some("application/json"), Some("envoy")));
    let namespace = "http://internal.amazon.com/coral/com.amazon.bedrock/";
    for id in [ApiId::BedrockConverse, ApiId::BedrockInvoke] {
        let error = api(id).status_error(429);
        let kind = format!("ThrottlingException:{namespace}");
        assert_eq!(head(id, 429).get("x-amzn-errortype"), Some(kind.as_str()));
        assert_eq!(api(id).error_type(&error), Some(("x-amzn-errortype".to_owned(), kind)));
        // What no operation has is refused before one says a type.
        let unknown = api(id).refuse(Wrong::Method);
        let headers = api(id).error_headers(&unknown, 1);
        let told = ["x-amzn-requestid", "content-type", "x-amzn-errortype"].map(|name| headers.get(name).is_some());
        assert_eq!(told, [true, false, false], "{headers:?}");
        // A stream ends in the exception of the status, where the error is called by no name of its own.
        for (status, name) in [
            (400, "validationException"),
            (424, "modelStreamErrorException"),
            (429, "throttlingException"),
            (500, "internalServerException"),
            (503, "serviceUnavailableException"),
            (529, "serviceUnavailableException"),
        ] {
            let event = api(id).error_event(&ApiError::new(status, "odd", "No."), 1, b"");
            assert_eq!(Framing::EventStream.events(&event)[0].name.as_deref(), Some(name), "{status}");
        }
    }
}

#[test]
fn what_is_drawn_is_in_its_range() {
    let mut loads = BTreeSet::new();
    for seed in 0..40 {
        let context = EncodeContext { seed, ..context(false) };
        let unary = |id| api(id).render_unary(&spoken(), &context);
        let number =
            |headers: &Headers, name: &str| -> u64 { headers.get(name).expect(name).parse().expect("a number") };
        let latency = number(&unary(ApiId::BedrockInvoke).headers, "x-amzn-bedrock-invocation-latency");
        assert!((300..900).contains(&latency), "{latency}");
        let head = unary(ApiId::CohereChat).headers;
        assert!((120..520).contains(&number(&head, "x-envoy-upstream-service-time")));
        assert_eq!(number(&head, "num-tokens"), context.input_tokens + spoken().output_tokens);
        let body: Value = serde_json::from_slice(&unary(ApiId::OllamaChat).body()).expect("JSON");
        let nanos = |key: &str| body[key].as_u64().expect(key);
        let [load, prompt, eval] = ["load_duration", "prompt_eval_duration", "eval_duration"].map(nanos);
        assert!((100_000_000..200_000_000).contains(&load), "{load}");
        loads.insert(load / 10_000_000);
        assert!((100_000_000..300_000_000).contains(&prompt), "{prompt}");
        let rest = nanos("total_duration") - load - prompt - eval;
        assert!((1_000_000..9_000_000).contains(&rest), "{rest}");
        let rest = eval - 9_000_000 * spoken().output_tokens;
        assert!((1_000_000..5_000_000).contains(&rest), "{rest}");
    }
    assert!(loads.len() > 5, "all over the range: {loads:?}");
}
