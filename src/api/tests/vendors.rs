//! Names, errors and forms that are a vendor's own.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

fn api(id: ApiId) -> &'static dyn Api {
    id.spoken().expect("a spoken API")
}

/// The JSON of the events of an answer.
fn events(id: ApiId, script: &AnswerScript) -> Vec<Value> {
    let spoken = speak(script, Lexicon::new(3).voice(1), &[], 5);
    read(&api(id).render_stream(&spoken, &context(true)).body())
}

fn read(body: &[u8]) -> Vec<Value> {
    if body.first() == Some(&0) {
        let events = crate::framing::Framing::EventStream.events(body);
        return events.iter().map(|event| serde_json::from_str(&event.data).expect("JSON")).collect();
    }
    let text = String::from_utf8(body.to_vec()).expect("text");
    text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect()
}

fn text() -> ScriptPart {
    ScriptPart::Text { words: Some(4), literal: None }
}

fn call() -> ScriptPart {
    ScriptPart::ToolCall { name: Some("weather".to_owned()), arguments: json!({"city": "{word}"}) }
}

#[test]
fn apis_are_known_by_name_and_path() {
    for id in ApiId::ALL {
        assert_eq!(id.name().parse(), Ok(id));
        assert_eq!(id.to_string(), id.name());
    }
    assert_eq!("openai".parse::<ApiId>(), Err("no API is called `openai`".to_owned()));
    let check = |vendor: &str, client, expect| assert_eq!(ApiId::of_vendor(vendor, client), expect, "{vendor}");
    check("openai", ApiId::OpenaiChat, Some(ApiId::OpenaiChat));
    check("openai", ApiId::AnthropicMessages, Some(ApiId::OpenaiChat));
    check("openai", ApiId::OpenaiResponses, Some(ApiId::OpenaiResponses));
    check("anthropic", ApiId::OpenaiResponses, Some(ApiId::AnthropicMessages));
    check("gemini", ApiId::OpenaiChat, Some(ApiId::Gemini));
    check("bedrock", ApiId::OpenaiChat, Some(ApiId::BedrockConverse));
    check("mistral", ApiId::AnthropicMessages, Some(ApiId::OpenaiChat));
    check("azure-openai", ApiId::OpenaiResponses, Some(ApiId::OpenaiResponses));
    check("vertex", ApiId::OpenaiChat, Some(ApiId::Gemini));
    check("acme", ApiId::OpenaiChat, None);
    for (path, expect) in [
        ("/v1/chat/completions", Some((ApiId::OpenaiChat, "/v1/chat/completions"))),
        ("/a/base/of/s1/primary/v1/messages", Some((ApiId::AnthropicMessages, "/v1/messages"))),
        ("/s1/v1/responses", Some((ApiId::OpenaiResponses, "/v1/responses"))),
        ("/s1/model/m/converse", Some((ApiId::BedrockConverse, "/model/m/converse"))),
        ("/s1/model/m/invoke", Some((ApiId::BedrockInvoke, "/model/m/invoke"))),
        ("/a/v2/chat", Some((ApiId::CohereChat, "/v2/chat"))),
        ("/a/api/chat", Some((ApiId::OllamaChat, "/api/chat"))),
        ("/v1/embeddings", None),
    ] {
        let found = ApiId::of_path(path).map(|api| (api.id(), api.own_path(path).expect("its path")));
        assert_eq!(found, expect);
    }
    assert_eq!(api(ApiId::AnthropicMessages).target("m", true), "/v1/messages");
    assert_eq!(api(ApiId::OpenaiChat).target("m", true), "/v1/chat/completions");
    assert_eq!(api(ApiId::OpenaiChat).fill("/of/{model}{method}", "m", true), "/of/m");
}

#[test]
fn a_model_has_a_vendor() {
    let name: ModelName = "openai/org/gpt-5".parse().expect("a model");
    assert_eq!((name.vendor.as_str(), name.model.as_str()), ("openai", "org/gpt-5"));
    assert_eq!((name.to_string(), String::from(name)), ("openai/org/gpt-5".to_owned(), "openai/org/gpt-5".to_owned()));
    for text in ["gpt-5", "/gpt-5", "openai/", "/", ""] {
        assert_eq!(text.parse::<ModelName>(), Err(format!("a model is written `vendor/model`, not `{text}`")));
    }
    let schema = schemars::schema_for!(Vec<ModelName>);
    assert_eq!(schema.as_value()["items"]["pattern"], "^[^/]+/.+$", "{schema:?}");
}

#[test]
fn a_bare_status_is_said_in_the_vendors_words() {
    let openai: &[(u16, &str, &str)] = &[
        (400, "invalid_request_error", "Invalid request."),
        (401, "invalid_request_error", "Incorrect API key provided."),
        (403, "invalid_request_error", "You are not allowed to sample from this model"),
        (404, "invalid_request_error", "The requested resource was not found."),
        (408, "server_error", "Request timed out."),
        (418, "invalid_request_error", "Invalid request."),
        (429, "requests", "Rate limit reached for requests."),
        (500, "server_error", "The server had an error while processing your request."),
        (502, "server_error", "Bad gateway."),
        (503, "server_error", "The engine is currently overloaded, please try again later"),
        (504, "server_error", "Gateway timeout."),
        (529, "server_error", "The server is overloaded, please try again later"),
    ];
    let anthropic: &[(u16, &str, &str)] = &[
        (400, "invalid_request_error", "Invalid request"),
        (401, "authentication_error", "invalid x-api-key"),
        (402, "billing_error", "There is an issue with your billing"),
        (403, "permission_error", "Your API key does not have permission"),
        (404, "not_found_error", "Not found"),
        (409, "conflict_error", "The request conflicts"),
        (413, "request_too_large", "Request exceeds the maximum size"),
        (418, "invalid_request_error", "Invalid request"),
        (429, "rate_limit_error", "This request would exceed your organization's rate limit."),
        (500, "api_error", "Internal server error"),
        (504, "timeout_error", "Request timed out"),
        (529, "overloaded_error", "Overloaded"),
    ];
    let gemini: &[(u16, &str, &str)] = &[
        (400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
        (401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
        (403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers"),
        (404, "NOT_FOUND", "Requested entity was not found."),
        (409, "ABORTED", "The operation was aborted."),
        (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota"),
        (500, "INTERNAL", "An internal error has occurred."),
        (502, "UNAVAILABLE", "The service is currently unavailable."),
        (503, "UNAVAILABLE", "The model is overloaded."),
        (504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
        (529, "UNAVAILABLE", "The model is overloaded."),
    ];
    let bedrock: &[(u16, &str, &str)] = &[
        (400, "ValidationException", "Malformed input request"),
        (401, "UnrecognizedClientException", "The security token included"),
        (403, "AccessDeniedException", "You don't have access to the model"),
        (404, "ResourceNotFoundException", "Could not resolve the foundation model"),
        (408, "ModelTimeoutException", "Model has timed out"),
        (409, "ConflictException", "The request conflicts"),
        (418, "ValidationException", "Malformed input request"),
        (424, "ModelErrorException", "The model returned an error"),
        (429, "ThrottlingException", "Too many requests"),
        (500, "InternalServerException", "The system encountered an unexpected error"),
        (503, "ServiceUnavailableException", "Bedrock is unable"),
        (529, "ServiceUnavailableException", "Bedrock is unable"),
    ];
    let ollama: &[(u16, &str, &str)] = &[
        (400, "bad_request", "invalid request"),
        (401, "unauthorized", "unauthorized"),
        (403, "unauthorized", "forbidden"),
        (404, "not_found", "model not found"),
        (418, "bad_request", "invalid request"),
        (429, "rate_limited", "too many requests"),
        (500, "server_error", "model runner has unexpectedly stopped"),
        (502, "server_error", "bad gateway"),
        (503, "overloaded", "server busy"),
        (504, "server_error", "gateway timeout"),
        (529, "overloaded", "server busy"),
    ];
    let cohere: &[(u16, &str, &str)] = &[
        (400, "bad_request", "invalid request"),
        (401, "unauthorized", "invalid api token"),
        (403, "forbidden", "this API key is not allowed"),
        (404, "not_found", "the requested resource was not found"),
        (418, "bad_request", "invalid request"),
        (422, "unprocessable_entity", "invalid request"),
        (429, "too_many_requests", "You are past the per minute request limit"),
        (500, "internal_server_error", "internal server error"),
        (502, "internal_server_error", "internal server error"),
        (503, "service_unavailable", "the service is currently unavailable"),
        (504, "gateway_timeout", "the request timed out"),
        (529, "service_unavailable", "the service is currently unavailable"),
    ];
    for (id, rows) in [
        (ApiId::OpenaiChat, openai),
        (ApiId::OpenaiResponses, openai),
        (ApiId::AnthropicMessages, anthropic),
        (ApiId::Gemini, gemini),
        (ApiId::BedrockConverse, bedrock),
        (ApiId::BedrockInvoke, bedrock),
        (ApiId::OllamaChat, ollama),
        (ApiId::CohereChat, cohere),
    ] {
        for (status, kind, message) in rows {
            let error = api(id).status_error(*status);
            assert_eq!((error.status, error.kind.as_str()), (*status, *kind), "{id}");
            assert!(error.message.starts_with(message), "{id} {status}: {}", error.message);
        }
    }
    // A code may be a number.
    let numbered = br#"{"error":{"message":"no","type":"x","code":429}}"#;
    let read = api(ApiId::OpenaiChat).read_error(429, numbered).expect("an error");
    assert_eq!(read.code.as_deref(), Some("429"));
}

#[test]
fn heads_are_the_vendors_own() {
    let number = |headers: &Headers, name: &str| headers.get(name).and_then(|value| value.parse::<u64>().ok());
    let head = |id, seed| {
        let spoken = speak(&script(vec![text()]), Lexicon::new(3).voice(1), &[], 5);
        api(id).render_stream(&spoken, &EncodeContext { seed, ..context(true) }).headers
    };
    for seed in 0..20 {
        for id in [ApiId::OpenaiChat, ApiId::OpenaiResponses] {
            let headers = head(id, seed);
            let millis = number(&headers, "openai-processing-ms").expect("a number");
            assert!((180..880).contains(&millis), "{millis}");
            assert_eq!(number(&headers, "x-envoy-upstream-service-time"), Some(millis + 24));
        }
        let headers = head(ApiId::Gemini, seed);
        let millis = headers.get("server-timing").and_then(|value| value.strip_prefix("gfet4t7; dur=")?.parse().ok());
        assert!(millis.is_some_and(|millis: u64| (120..1_020).contains(&millis)), "{headers:?}");
    }
    let headers = head(ApiId::AnthropicMessages, 1);
    assert_eq!(headers.get("anthropic-ratelimit-requests-remaining"), Some("19999"));
    assert!(headers.get("request-id").is_some_and(|id| id.starts_with("req_")));
    // Only a key that is refused is asked for.
    let refused = |status, code: &str| {
        let error = ApiError { code: Some(code.to_owned()), ..api(ApiId::OpenaiChat).status_error(status) };
        let headers = api(ApiId::OpenaiChat).error_headers_for("/v1/chat/completions", &error, 1);
        (headers.get("vary").is_some(), headers.get("www-authenticate").is_some())
    };
    assert_eq!(refused(401, "invalid_api_key"), (true, true));
    assert_eq!(refused(404, "model_not_found"), (true, false));
    assert_eq!(refused(503, "x"), (false, false));
    // An array of Gemini's has the head of its stream, but for what says that it is one.
    let spoken = speak(&script(vec![text()]), Lexicon::new(3).voice(1), &[], 5);
    let stream = api(ApiId::Gemini).render_stream(&spoken, &context(true));
    let array = api(ApiId::Gemini).as_asked("/v1beta/models/m:streamGenerateContent", stream.clone());
    assert_eq!(array.headers.get("content-type"), Some("application/json; charset=UTF-8"));
    assert_eq!(
        (array.headers.get("content-disposition"), array.headers.get("server")),
        (None, stream.headers.get("server"))
    );
    for query in ["alt=sse", "$alt=sse", "%24alt=sse", "key=k&alt=sse"] {
        let target = format!("/v1beta/models/m:streamGenerateContent?{query}");
        assert_eq!(api(ApiId::Gemini).as_asked(&target, stream.clone()), stream);
    }
    assert!(api(ApiId::AnthropicMessages).tells_usage(&json!({})));
}

/// Whether a text is a prefix and so many characters of these kinds.
fn is_id(text: &str, prefix: &str, length: usize, fits: fn(char) -> bool) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| rest.len() == length && rest.chars().all(fits))
}

#[test]
fn ids_have_the_vendors_form() {
    let hex = |c: char| c.is_ascii_hexdigit() && !c.is_ascii_uppercase();
    let word = |c: char| c.is_ascii_alphanumeric();
    let script = script(vec![call()]);
    let chat = events(ApiId::OpenaiChat, &script);
    let string = |value: &Value| value.as_str().expect("a text").to_owned();
    assert!(is_id(&string(&chat[0]["id"]), "chatcmpl-", 29, word));
    assert!(is_id(&string(&chat[0]["system_fingerprint"]), "fp_", 10, hex));
    assert!(is_id(&string(&chat[0]["choices"][0]["delta"]["tool_calls"][0]["id"]), "call_", 24, word));
    let messages = events(ApiId::AnthropicMessages, &script);
    assert!(is_id(&string(&messages[0]["message"]["id"]), "msg_01", 22, word));
    assert!(is_id(&string(&messages[1]["content_block"]["id"]), "toolu_01", 22, word));
    let gemini = events(ApiId::Gemini, &script);
    let id = string(&gemini[0]["responseId"]);
    let (first, second) = id.split_once('-').expect("two parts");
    assert!(is_id(first, "", 6, word) && is_id(second, "", 15, word), "{id}");
    let id = string(&gemini[0]["candidates"][0]["content"]["parts"][0]["functionCall"]["id"]);
    assert!(is_id(&id, "", 8, |c| c.is_ascii_alphanumeric() && !c.is_ascii_uppercase()), "{id}");
    let uuid =
        |text: &str| text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && is_id(&text.replace('-', ""), "", 32, hex);
    let cohere = events(ApiId::CohereChat, &script);
    assert!(uuid(&string(&cohere[0]["id"])), "{}", cohere[0]);
    let ollama =
        api(ApiId::OllamaChat).render_stream(&speak(&script, Lexicon::new(3).voice(1), &[], 5), &context(true));
    let line: Value = serde_json::from_slice(&ollama.chunks[0].data).expect("JSON");
    assert!(is_id(&string(&line["message"]["tool_calls"][0]["id"]), "call_", 8, |c| {
        c.is_ascii_alphanumeric() && !c.is_ascii_uppercase()
    }));
    let responses = events(ApiId::OpenaiResponses, &script);
    assert!(is_id(&string(&responses[0]["response"]["id"]), "resp_", 50, hex));
    let item = responses.iter().find(|event| event["item"].is_object()).expect("an item");
    assert!(is_id(&string(&item["item"]["call_id"]), "call_", 24, word), "{item}");
}

#[test]
fn letters_hide_how_long_a_delta_is() {
    let long = script(vec![ScriptPart::Text { words: Some(300), literal: None }]);
    for id in [ApiId::OpenaiChat, ApiId::OpenaiResponses] {
        let of = |event: &Value| event["obfuscation"].as_str().map(str::len);
        let lengths: BTreeSet<usize> = events(id, &long).iter().filter_map(of).collect();
        assert_eq!(lengths, (1..=16).collect(), "{id}");
    }
}

#[test]
fn an_answer_opens_as_the_vendor_opens_it() {
    let delta = |parts| events(ApiId::OpenaiChat, &script(parts))[0]["choices"][0]["delta"].clone();
    let text_first = json!({"role": "assistant", "content": "", "refusal": null});
    assert_eq!(delta(vec![text()]), text_first);
    assert_eq!(delta(vec![text(), call()]), text_first);
    assert_eq!(delta(Vec::new()), text_first);
    let refusal = ScriptPart::Refusal { words: 3 };
    assert_eq!(delta(vec![refusal]), json!({"role": "assistant", "content": null, "refusal": ""}));
    assert_eq!(delta(vec![call(), call()]), json!({"role": "assistant", "content": null}));
    // One call alone comes with the role, one before a text does not.
    let one = delta(vec![call()]);
    assert_eq!((&one["role"], &one["tool_calls"][0]["function"]["name"]), (&json!("assistant"), &json!("weather")));
    assert_eq!(delta(vec![call(), text()]), text_first);
    // Whoever does not know the answer yet says the role first.
    let say = Say::ToolCall { id: "c".to_owned(), name: "f".to_owned() };
    let opens = api(ApiId::OpenaiChat).stream_writer(&context(true)).say(&say);
    let opens: Vec<Value> = opens.iter().flat_map(|written| read(&written.bytes)).collect();
    assert_eq!(
        opens.iter().map(|event| event["choices"][0]["delta"]["role"].clone()).collect::<Vec<_>>(),
        [json!("assistant"), Value::Null]
    );
    // One ping, behind the first block.
    let blocks = script(vec![text(), call(), call()]);
    let kinds: Vec<Value> =
        events(ApiId::AnthropicMessages, &blocks).iter().map(|event| event["type"].clone()).collect();
    assert_eq!(kinds.iter().position(|kind| kind == "ping"), Some(2));
    assert_eq!(kinds.iter().filter(|kind| **kind == "ping").count(), 1);
}

#[test]
fn a_refusal_behind_a_text_is_a_part_of_the_same_message() {
    let spoken = speak(&script(vec![text(), ScriptPart::Refusal { words: 3 }]), Lexicon::new(3).voice(1), &[], 5);
    let mut reader = api(ApiId::OpenaiResponses).stream_reader();
    reader.feed(&api(ApiId::OpenaiResponses).render_stream(&spoken, &context(true)).body());
    let reading = reader.finish();
    assert_eq!(reading.findings, []);
    let parts = reading.completion.parts;
    assert!(matches!(parts.as_slice(), [Part::Text { .. }, Part::Refusal { .. }]), "{parts:?}");
    let places: BTreeSet<String> = reading.completion.finals.into_iter().map(|said| said.place).collect();
    assert!(places.contains("response.completed: output[0].content[1]"), "{places:?}");
}

/// How an answer in text ends in each API, and how a refusal.
type Ends = [(ApiId, [&'static str; 2]); 8];

#[test]
fn an_answer_ends_as_the_vendor_ends_it() {
    let raw = |id, parts: Vec<ScriptPart>, finish: FinishReason| {
        let script = AnswerScript { finish: Some(finish), ..script(parts) };
        let spoken = speak(&script, Lexicon::new(3).voice(1), &[], 5);
        let mut reader = api(id).stream_reader();
        reader.feed(&api(id).render_stream(&spoken, &context(true)).body());
        reader.finish().completion.finishes[0].raw.clone()
    };
    let refuses = || vec![ScriptPart::Refusal { words: 3 }];
    // By a reason, with an answer in text, in a refusal, in a call.
    let rows: [(FinishReason, Ends); 3] = [
        (
            FinishReason::Length,
            [
                (ApiId::OpenaiChat, ["length", "length"]),
                (ApiId::AnthropicMessages, ["max_tokens", "max_tokens"]),
                (ApiId::Gemini, ["MAX_TOKENS", "MAX_TOKENS"]),
                (ApiId::OpenaiResponses, ["max_output_tokens", "max_output_tokens"]),
                (ApiId::BedrockConverse, ["max_tokens", "max_tokens"]),
                (ApiId::BedrockInvoke, ["max_tokens", "max_tokens"]),
                (ApiId::OllamaChat, ["length", "length"]),
                (ApiId::CohereChat, ["MAX_TOKENS", "MAX_TOKENS"]),
            ],
        ),
        (
            FinishReason::Refusal,
            [
                (ApiId::OpenaiChat, ["content_filter", "stop"]),
                (ApiId::AnthropicMessages, ["refusal", "refusal"]),
                (ApiId::Gemini, ["SAFETY", "SAFETY"]),
                (ApiId::OpenaiResponses, ["content_filter", "completed"]),
                (ApiId::BedrockConverse, ["content_filtered", "content_filtered"]),
                (ApiId::BedrockInvoke, ["refusal", "refusal"]),
                (ApiId::OllamaChat, ["stop", "stop"]),
                (ApiId::CohereChat, ["COMPLETE", "COMPLETE"]),
            ],
        ),
        (
            FinishReason::Stop,
            [
                (ApiId::OpenaiChat, ["stop", "stop"]),
                (ApiId::AnthropicMessages, ["end_turn", "refusal"]),
                (ApiId::Gemini, ["STOP", "SAFETY"]),
                (ApiId::OpenaiResponses, ["completed", "completed"]),
                (ApiId::BedrockConverse, ["end_turn", "content_filtered"]),
                (ApiId::BedrockInvoke, ["end_turn", "refusal"]),
                (ApiId::OllamaChat, ["stop", "stop"]),
                (ApiId::CohereChat, ["COMPLETE", "COMPLETE"]),
            ],
        ),
    ];
    for (reason, apis) in rows {
        for (id, [told, refused]) in apis {
            assert_eq!(raw(id, vec![text()], reason), told, "{id} {reason:?}");
            assert_eq!(raw(id, refuses(), reason), refused, "{id} {reason:?}, refused");
        }
    }
    let last = |parts| events(ApiId::Gemini, &script(parts)).pop().expect("an event")["candidates"][0].clone();
    assert_eq!(last(vec![call()])["finishMessage"], "Model generated function call(s).");
    assert_eq!(last(vec![text()])["finishMessage"], Value::Null);
    let cut = AnswerScript { finish: Some(FinishReason::Length), ..script(vec![call()]) };
    assert_eq!(events(ApiId::Gemini, &cut).pop().expect("an event")["candidates"][0]["finishMessage"], Value::Null);
    let responses = events(ApiId::OpenaiResponses, &script(vec![text()]));
    let times = |event: &Value| (event["response"]["status"].clone(), event["response"]["completed_at"].clone());
    assert_eq!(times(&responses[0]), (json!("in_progress"), Value::Null));
    let last = responses.last().expect("an event");
    assert_eq!(times(last), (json!("completed"), json!(1_760_000_001_u64)));
    assert_eq!(last["response"]["usage"]["input_tokens"], 12);
    let part = &last["response"]["output"][0]["content"][0];
    assert_eq!((&part["type"], &part["annotations"]), (&json!("output_text"), &json!([])));
    for (part, key, done) in [
        (text(), "text", "response.output_text.done"),
        (ScriptPart::Refusal { words: 3 }, "refusal", "response.refusal.done"),
    ] {
        let events = events(ApiId::OpenaiResponses, &script(vec![part]));
        let done = events.iter().find(|event| event["type"] == done).expect("the end of the text");
        assert_eq!(done[key], events.last().expect("an event")["response"]["output"][0]["content"][0][key]);
        assert!(done[key].is_string(), "{done}");
    }
}

#[test]
fn a_writer_tells_errors_and_nothing_of_nothing() {
    for api in spoken_apis() {
        let mut writer = api.stream_writer(&context(true));
        writer.begin();
        for say in [Say::Text(String::new()), Say::Thinking(String::new()), Say::Refusal(String::new())] {
            assert_eq!(writer.say(&say).len(), 0, "{} {say:?}", api.id());
        }
        let mut body: Vec<u8> = writer.say(&Say::Text("Hm".to_owned())).into_iter().flat_map(|w| w.bytes).collect();
        body.extend(writer.error(&api.status_error(503)).into_iter().flat_map(|w| w.bytes));
        let mut reader = api.stream_reader();
        reader.feed(&body);
        assert_eq!(reader.so_far().text, "Hm", "{}", api.id());
        let seen = reader.finish().completion;
        let message = api.status_error(503).message;
        assert_eq!(seen.visible_error().map(|error| error.message.as_str()), Some(message.as_str()), "{}", api.id());
    }
    // A refusal is one, whatever is said behind it; of Gemini nothing precedes content.
    assert_eq!(api(ApiId::Gemini).stream_writer(&context(true)).begin().len(), 0);
    let refusals = [
        (ApiId::AnthropicMessages, "refusal"),
        (ApiId::Gemini, "SAFETY"),
        (ApiId::BedrockConverse, "content_filtered"),
    ];
    for (id, expect) in refusals {
        let mut writer = api(id).stream_writer(&context(true));
        let says = [Say::Refusal("No.".to_owned()), Say::Text("Really.".to_owned())];
        let mut body: Vec<u8> = writer.begin().into_iter().flat_map(|w| w.bytes).collect();
        body.extend(says.iter().flat_map(|say| writer.say(say)).flat_map(|w| w.bytes));
        body.extend(writer.finish(FinishReason::Stop, Usage::default()).into_iter().flat_map(|w| w.bytes));
        let mut reader = api(id).stream_reader();
        reader.feed(&body);
        assert_eq!(reader.finish().completion.finishes[0].raw, expect, "{id}");
    }
}

#[test]
fn a_call_that_is_whole_is_read_though_the_answer_breaks_off() {
    for id in spoken_apis().map(Api::id) {
        let spoken = speak(&script(vec![call()]), Lexicon::new(3).voice(1), &[], 5);
        let rendition = api(id).render_stream(&spoken, &context(true));
        let last = rendition
            .marks
            .iter()
            .rposition(|mark| mark.piece.as_ref().is_some_and(|piece| piece.kind == PieceKind::Arguments));
        let end = rendition.marks[last.expect("arguments")].end;
        let mut reader = api(id).stream_reader();
        reader.feed(&rendition.body()[..end]);
        let completion = reader.finish().completion;
        assert_eq!(completion.finishes, [], "{id}");
        let Some(Part::ToolCall { arguments, .. }) = completion.parts.last() else { panic!("{completion:?}") };
        assert!(arguments["city"].is_string(), "{id}: {arguments}");
    }
}

#[test]
fn reasons_are_read_in_every_word_that_the_vendor_has_for_them() {
    use FinishReason::{Length, Other, Refusal, Stop};

    let gemini = |raw: &Value| {
        let content = json!({"parts": [{"text": "a"}], "role": "model"});
        let candidate = json!({"content": content, "finishReason": raw, "index": 0});
        let chunk = json!({"candidates": [candidate], "modelVersion": "m", "responseId": "r", "usageMetadata": {}});
        let mut reader = api(ApiId::Gemini).stream_reader();
        reader.feed(format!("data: {chunk}\n\n").as_bytes());
        let reading = reader.finish();
        let known = !reading.findings.iter().any(|finding| finding.message.contains("finishReason"));
        (reading.completion.finishes.first().map(|finish| finish.reason), known)
    };
    for (reason, words) in [
        (Stop, &["STOP", "1"][..]),
        (Length, &["MAX_TOKENS", "2"]),
        (
            Refusal,
            &["SAFETY", "RECITATION", "SPII", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "3", "4", "6", "7", "8"],
        ),
        (Other, &["OTHER", "LANGUAGE", "MALFORMED_FUNCTION_CALL", "MISSING_THOUGHT_SIGNATURE", "NO_IMAGE", "5", "9"]),
    ] {
        for word in words {
            assert_eq!(gemini(&json!(word)), (Some(reason), true), "{word}");
        }
    }
    assert_eq!(gemini(&json!("FINISH_REASON_UNSPECIFIED")).0, None);
    assert_eq!(gemini(&json!(0)).0, None);
    assert!(!gemini(&json!("UNHEARD_OF")).1);
    let messages = |raw: &str| {
        let spoken = speak(&script(vec![text()]), Lexicon::new(3).voice(1), &[], 5);
        let body = api(ApiId::AnthropicMessages).render_stream(&spoken, &context(true)).body();
        let body = String::from_utf8(body).expect("text").replace("end_turn", raw);
        let mut reader = api(ApiId::AnthropicMessages).stream_reader();
        reader.feed(body.as_bytes());
        let reading = reader.finish();
        (reading.completion.finishes[0].reason, reading.findings.is_empty())
    };
    assert_eq!(messages("pause_turn"), (Other, true));
    assert_eq!(messages("model_context_window_exceeded"), (Length, true));
    assert!(!messages("unheard_of").1);
}

#[test]
fn an_image_is_known_by_what_it_shows() {
    let Part::Image { digest, media_type, url } = image("data:image/png;base64,aGk=") else { panic!("an image") };
    assert_eq!(digest, "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4");
    assert_eq!((media_type.as_str(), url.as_str()), ("image/png", "data:image/png;base64,aGk="));
}
