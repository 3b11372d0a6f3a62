use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::answer::{Lexicon, Library, Rendition, Spoken, SpokenPart, Stage, speak};
use crate::api::{ApiError, EncodeContext, FinishReason, Level, Part, SideCall, Wrong};
use crate::wire::{Headers, Request};

#[test]
fn every_file_loads_and_is_called_as_its_vendor() {
    for (file, text) in FILES {
        let source = SourceFile::new(format!("src/vendors/{file}"), *text);
        let vendor = Vendor::parse(source).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(format!("{}.yaml", vendor.vendor), *file);
        assert_eq!(Vendor::named(&vendor.vendor), Some(&vendor));
    }
}

/// Every dialect, with whose it is.
fn dialects() -> impl Iterator<Item = (&'static Vendor, &'static dyn Api)> {
    let known = Vendor::names().filter_map(known);
    known.flat_map(|known| known.dialects.iter().map(|dialect| (known.vendor, dialect as &dyn Api)))
}

fn dialect(vendor: &str) -> &'static dyn Api {
    let vendor = Vendor::named(vendor).expect("a vendor");
    vendor.usual().spoken_by(&vendor.vendor).expect("spoken")
}

fn context(include_usage: bool, seed: u64) -> EncodeContext {
    EncodeContext { model: "a-model".to_owned(), include_usage, seed, created: 1_700_000_000, input_tokens: 40 }
}

/// The bundled answers, spoken.
fn answers() -> impl Iterator<Item = (&'static str, Spoken)> {
    Library::names().map(|name| {
        let script = Library::bundled().answer(name).expect("a bundled answer");
        (name, speak(&script, Lexicon::new(3).voice(1), &[], 5))
    })
}

fn answer(name: &str) -> Spoken {
    answers().find(|(known, _)| *known == name).expect("a bundled answer").1
}

fn stream(vendor: &str, name: &str, include_usage: bool) -> Rendition {
    dialect(vendor).render_stream(&answer(name), &context(include_usage, 1))
}

/// The JSON of a stream's events.
fn events(rendition: &Rendition) -> Vec<Value> {
    let text = String::from_utf8(rendition.body()).expect("text");
    text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect()
}

#[test]
fn every_stream_keeps_to_the_grammar_and_says_what_it_should() {
    for (vendor, api) in dialects() {
        for (name, spoken) in answers() {
            for asked in [false, true] {
                let rendition = api.render_stream(&spoken, &context(asked, 1));
                let mut reader = api.stream_reader();
                reader.feed(&rendition.body());
                let reading = reader.finish();
                let found: Vec<_> = reading
                    .findings
                    .iter()
                    // Some vendors name the role in each delta, and one the reason of the end twice; OpenAI does neither.
                    .filter(|finding| finding.level == Level::Must || !["C19", "C20"].contains(&finding.rule.as_str()))
                    .collect();
                let place = format!("{} {} {name}", vendor.vendor, api.id());
                assert!(found.is_empty(), "{place}: {found:?}");
                assert!(reading.completion.errors.is_empty() && reading.completion.starts.len() == 1, "{place}");
                assert!(reading.completion.text.contains(&spoken.text()), "{place}");
                assert_eq!(
                    api.marks(&rendition.body()),
                    rendition.marks,
                    "{place}: the marks are those of the grammar"
                );
                assert_eq!(rendition.marks.last().map(|mark| mark.stage), Some(Stage::Terminator), "{place}");
            }
        }
    }
}

#[test]
fn every_whole_answer_is_one_of_its_api() {
    for (vendor, api) in dialects() {
        for (name, spoken) in answers() {
            let rendition = api.render_unary(&spoken, &context(false, 1));
            let completion = api.read_unary(&rendition.body());
            let completion = completion.unwrap_or_else(|error| panic!("{} {name}: {error}", vendor.vendor));
            assert!(completion.text.contains(&spoken.text()), "{} {name}", vendor.vendor);
        }
    }
}

#[test]
fn a_seed_changes_bytes_but_no_place() {
    for (vendor, api) in dialects() {
        let spoken = answer("text");
        let [one, again, other] = [1, 1, 2].map(|seed| api.render_stream(&spoken, &context(true, seed)));
        assert_eq!(one, again, "{}", vendor.vendor);
        assert_ne!(one.body(), other.body(), "{}", vendor.vendor);
        assert_eq!(one.marks, other.marks, "{}", vendor.vendor);
    }
}

#[test]
fn a_request_is_found_and_read_where_the_vendor_is_asked() {
    for (vendor, api) in dialects() {
        for stream in [false, true] {
            let target = api.target("the-model", stream);
            let (path, _) = crate::api::target::split(&target);
            assert_eq!(api.own_path(path), Some(path), "{}", vendor.vendor);
            assert_eq!(ApiId::of_path(path).map(Api::id), Some(api.id()), "{} {path}", vendor.vendor);
            let headers = api.request_headers("sk-1");
            let base = api.id().spoken().expect("spoken");
            assert_eq!(api.fill("/x/{model}", "m", stream), base.fill("/x/{model}", "m", stream));
            assert_eq!(api.presented_key(&target, &headers).as_deref(), Some("sk-1"), "{}", vendor.vendor);
            assert_eq!(api.own_path(base.path()), Some(base.path()), "the API's own path is open too");
            let asked = crate::api::Conversation { stream, ..Default::default() };
            let body = api.write_request(&asked, "the-model").to_string();
            let request = Request { method: "POST".to_owned(), target, headers, body: body.as_str().into() };
            let read = api.id().at(&request.target).and_then(|api| api.read(&request)).expect("JSON");
            assert_eq!((read.model.as_str(), read.stream), ("the-model", stream), "{}", vendor.vendor);
        }
    }
}

#[test]
fn what_a_vendor_does_otherwise_is_seen() {
    let check = |vendor: &str, name: &str, at: usize, pointer: &str, expect: Value| {
        let events = events(&stream(vendor, name, true));
        let event = if at < 90 { &events[at] } else { &events[events.len() + at - 100] };
        assert_eq!(event.pointer(pointer).unwrap_or(&Value::Null), &expect, "{vendor} {name} {at}: {event}");
    };
    // From 100 backwards: 99 is the last event but for `[DONE]`.
    check("azure-openai", "text", 0, "/prompt_filter_results/0/prompt_index", 0.into());
    check("azure-openai", "text", 1, "/choices/0/delta/role", "assistant".into());
    check("azure-openai", "text", 99, "/choices", Value::Array(Vec::new()));
    check("groq", "text", 0, "/choices/0/delta/content", "".into());
    check("groq", "text", 98, "/choices/0/finish_reason", "stop".into());
    check("mistral", "text", 99, "/choices/0/delta/content", "".into());
    check("mistral", "parallel-tools", 99, "/choices/0/finish_reason", "tool_calls".into());
    check("mistral", "parallel-tools", 99, "/choices/0/delta/tool_calls/1/index", 1.into());
    check("deepseek", "text", 1, "/usage", Value::Null);
    check("deepseek", "text", 99, "/choices/0/finish_reason", "stop".into());
    check("openrouter", "text", 3, "/choices/0/delta/role", "assistant".into());
    check("openrouter", "text", 99, "/choices/0/native_finish_reason", "stop".into());
    check("openrouter", "text", 98, "/choices/0/native_finish_reason", "stop".into());
    check("xai", "text", 0, "/choices/0/delta/role", "assistant".into());
    check("xai", "text", 1, "/choices/0/delta/role", Value::Null);
    check("vllm", "text", 99, "/choices", Value::Array(Vec::new()));
    check("llamacpp", "text", 0, "/choices/0/delta/content", Value::Null);
    check("vertex-anthropic", "text", 1, "/type", "ping".into());

    let id = |event: &Value, pointer: &str| event.pointer(pointer).and_then(Value::as_str).expect("an id").to_owned();
    let calls = events(&stream("mistral", "parallel-tools", false));
    assert_eq!(id(calls.last().expect("one"), "/choices/0/delta/tool_calls/0/id").len(), 9);
    let start = &events(&stream("vertex-anthropic", "text", false))[0];
    assert!(id(start, "/message/id").starts_with("msg_vrtx_01"), "{start}");
    let first = &events(&stream("groq", "text", false))[0];
    assert!(id(first, "/x_groq/id").starts_with("req_01k"), "{first}");
    assert!(stream("openrouter", "text", false).body().starts_with(b": OPENROUTER PROCESSING\n\n"));
}

#[test]
fn errors_are_in_the_vendors_serialisation() {
    let check = |vendor: &str, status: u16, expect: &str| {
        let api = dialect(vendor);
        let body = api.error_body(&api.status_error(status), 1);
        assert_eq!(String::from_utf8_lossy(&body), expect, "{vendor} {status}");
    };
    check("groq", 503, r#"{"error":{"message":"Service Unavailable","type":"server_error","code":null}}"#);
    check("mistral", 401, "{\"detail\":\"Invalid API Key\"}\n");
    check("xai", 429, r#"{"code":"requests","error":"Too Many Requests"}"#);
    check("vllm", 404, r#"{"detail":"Not Found"}"#);
    check("llamacpp", 404, r#"{"error":{"message":"File Not Found","type":"not_found_error","code":404}}"#);
    check("openrouter", 502, r#"{"error":{"message":"Bad Gateway","code":502}}"#);
    check("azure-openai", 404, r#"{"error":{"code":"404","message": "Resource not found"}}"#);
    let azure = dialect("azure-openai");
    let headers = azure.error_headers(&azure.status_error(429), 1);
    assert_eq!((headers.get("retry-after"), headers.get("retry-after-ms")), (Some("1"), Some("0")));
    let vertex = dialect("vertex-anthropic");
    let body = vertex.error_body(&vertex.status_error(529), 1);
    assert!(String::from_utf8_lossy(&body).contains(r#""request_id":"req_vrtx_011C"#));
}

#[test]
fn an_error_in_the_stream_ends_it_as_the_vendor_does() {
    let error = ApiError {
        status: 500,
        kind: "server_error".to_owned(),
        message: "Broken".to_owned(),
        code: None,
        param: None,
    };
    let check = |vendor: &str, expect: &str| {
        let body = stream(vendor, "text", false).body();
        let got = String::from_utf8(dialect(vendor).error_event(&error, 1, &body)).expect("text");
        assert_eq!(got, expect, "{vendor}");
    };
    check(
        "groq",
        "event: error\ndata: {\"error\":{\"message\":\"Broken\",\"type\":\"server_error\",\"code\":null,\"status_code\":500}}\n\n",
    );
    check(
        "vllm",
        "data: {\"error\": {\"message\": \"Broken\", \"type\": \"server_error\", \"param\": null, \"code\": 500}}\n\ndata: [DONE]\n\n",
    );
    let body = stream("openrouter", "text", false).body();
    let got = dialect("openrouter").error_event(&error, 1, &body);
    let got = String::from_utf8(got).expect("text");
    let id = events(&stream("openrouter", "text", false))[0]["id"].to_string();
    assert!(
        got.contains(&format!("\"id\":{id}")) && got.contains(r#""error":{"code":500,"message":"Broken"}"#),
        "{got}"
    );
    assert!(got.ends_with("data: [DONE]\n\n"), "{got}");
}

#[test]
fn a_prefill_is_what_the_vendor_takes_for_one() {
    let check = |vendor: &str, message: &str, expect: Option<&str>| {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"Hello."}},{message}]}}"#);
        let asked = dialect(vendor).read_request(&serde_json::from_str(&body).expect("JSON"));
        assert_eq!(dialect(vendor).prefill(&asked).as_deref(), expect, "{vendor} {message}");
    };
    let marked = r#"{"role":"assistant","content":"So ","prefix":true}"#;
    let plain = r#"{"role":"assistant","content":"So "}"#;
    check("mistral", marked, Some("So "));
    check("mistral", plain, None);
    check("deepseek", marked, Some("So "));
    check("groq", marked, None);
    // It is the key that marks it, and only if it is true.
    check("mistral", r#"{"role":"assistant","content":"So ","prefix":false}"#, None);
    check("mistral", r#"{"role":"assistant","content":"So ","cached":true}"#, None);
    check("llamacpp", plain, Some("So "));
    check("llamacpp", r#"{"role":"user","content":"So "}"#, None);
}

#[test]
fn a_flaw_has_a_place() {
    let groq = FILES.iter().find(|(file, _)| *file == "groq.yaml").expect("there").1;
    let check = |from: &str, to: &str, says: &str| {
        assert!(groq.contains(from), "{from}");
        let error = Vendor::parse(SourceFile::new("v.yaml", groq.replacen(from, to, 1))).expect_err(to);
        assert!(error.message.contains(says), "{}", error.message);
        assert!(error.span.is_some(), "{}", error.message);
    };
    check("vendor_format: 1", "vendor_format: 2", "format 1");
    check("{content: $text}", "{content: $words}", "no value is called `words`");
    check("chatcmpl-<uuid>", "chatcmpl-<guid>", "asks for `guid`");
    check("at: [/openai", "at: [openai", "begins with `/`");
    check("api: openai-chat", "api: gemini", "only openai-chat");
    check("[vary, Origin]", "['va ry', Origin]", "no header name");
    check("summary:", "sumary:", "sumary");
}

#[test]
fn no_answer_is_called_as_a_vendor() {
    let names: Vec<_> = Vendor::names().collect();
    assert!(Library::names().all(|name| !names.contains(&name)));
}

#[test]
fn headers_are_the_vendors_own() {
    for (vendor, api) in dialects() {
        let has_openai = |headers: &Headers| headers.iter().any(|(name, _)| name.starts_with("openai-"));
        let spoken = answer("text");
        let rendition = api.render_stream(&spoken, &context(false, 1));
        assert!(!has_openai(&rendition.headers), "{}", vendor.vendor);
        assert!(rendition.headers.get("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")));
        let unary = api.render_unary(&spoken, &context(false, 1));
        assert!(unary.headers.get("content-type").is_some_and(|kind| kind.starts_with("application/json")));
        assert!(!has_openai(&api.error_headers(&api.status_error(500), 1)), "{}", vendor.vendor);
    }
}

#[test]
fn the_reason_of_the_end_is_told() {
    use FinishReason::{Length, Refusal, Stop, ToolCalls};
    for (vendor, api) in dialects().filter(|(_, api)| api.id() == ApiId::OpenaiChat) {
        for (reason, told) in [(Stop, Stop), (Length, Length), (ToolCalls, ToolCalls), (Refusal, Stop)] {
            let spoken = Spoken { finish: Some(reason), ..answer("one-word") };
            let mut reader = api.stream_reader();
            reader.feed(&api.render_stream(&spoken, &context(false, 1)).body());
            let stream = reader.finish().completion;
            let unary = api.read_unary(&api.render_unary(&spoken, &context(false, 1)).body()).expect("an answer");
            for finishes in [stream.finishes, unary.finishes] {
                assert_eq!(finishes.last().map(|finish| finish.reason), Some(told), "{} {reason:?}", vendor.vendor);
            }
        }
    }
}

#[test]
fn numbers_are_in_their_range() {
    for seed in 0..20 {
        let rendition = dialect("groq").render_unary(&answer("text"), &context(false, seed));
        let body: Value = serde_json::from_slice(&rendition.body()).expect("JSON");
        let number = body["x_groq"]["seed"].as_u64().expect("a number");
        assert!((10_000_000..100_000_000).contains(&number), "{number}");
        let tokens = |key: &str| body["usage"][key].as_u64().expect("a number");
        assert_eq!((tokens("prompt_tokens"), tokens("total_tokens")), (40, 40 + tokens("completion_tokens")));
    }
}

#[test]
fn padding_is_of_every_length() {
    let lengths = |vendor: &str, key: &str| -> BTreeSet<usize> {
        let deltas = (0..400).map(|n| format!("w{n} ")).collect();
        let spoken = Spoken { parts: vec![SpokenPart::Text(deltas)], finish: None, output_tokens: 400 };
        let rendition = dialect(vendor).render_stream(&spoken, &context(false, 1));
        events(&rendition).iter().filter_map(|event| event[key].as_str().map(str::len)).collect()
    };
    assert_eq!(lengths("mistral", "p"), (1..=36).collect());
    assert_eq!(lengths("azure-openai", "obfuscation"), (1..=16).collect());
}

#[test]
fn a_status_that_the_file_does_not_have_is_said_in_the_words_of_the_protocol() {
    for (status, words) in [
        (400, "Bad Request"),
        (401, "Unauthorized"),
        (402, "Payment Required"),
        (403, "Forbidden"),
        (404, "Not Found"),
        (405, "Method Not Allowed"),
        (408, "Request Timeout"),
        (409, "Conflict"),
        (413, "Payload Too Large"),
        (418, "Error"),
        (422, "Unprocessable Entity"),
        (429, "Too Many Requests"),
        (500, "Internal Server Error"),
        (502, "Bad Gateway"),
        (503, "Service Unavailable"),
        (504, "Gateway Timeout"),
    ] {
        let error = dialect("groq").status_error(status);
        assert_eq!((error.status, error.message.as_str(), error.code), (status, words, None));
    }
    let refused = dialect("groq").refuse(Wrong::Method);
    assert_eq!((refused.status, refused.message.as_str()), (405, "Method Not Allowed"));
}

/// The dialect of a file that says nothing of its API.
fn plain(api: ApiId) -> Dialect {
    let file = format!(
        "vendor_format: 1\nvendor: x\nsummary: x\napis: [{{api: {api}, paths: {{at: [/x], source: []}}, headers: {{source: []}}}}]"
    );
    let mut vendor = Vendor::parse(SourceFile::new("x.yaml", file)).expect("a vendor");
    vendor.apis[0].paths.at.clear();
    Dialect::new(Box::leak(Box::new(vendor.apis.remove(0)))).expect("spoken")
}

#[test]
fn what_a_file_does_not_say_is_the_apis_own() {
    for base in ApiId::ALL.into_iter().filter_map(ApiId::spoken) {
        let (id, own) = (base.id(), plain(base.id()));
        assert_eq!(own.features().prefill, base.features().prefill, "{id}");
        assert_eq!(own.features().params, base.features().params, "{id}");
        assert_eq!(own.usual_model(), base.usual_model(), "{id}");
        assert_eq!((own.model_key(), own.framing()), (base.model_key(), base.framing()), "{id}");
        assert_eq!((own.path(), own.target("m:1", true)), (base.path(), base.target("m:1", true)), "{id}");
        let fill = |api: &dyn Api| api.fill("/a/{model}/{method}", "m:1", true);
        assert_eq!(fill(&own), fill(base), "{id}");
        let headers = base.request_headers("k");
        assert_eq!(
            (own.request_headers("k"), own.presented_key("/", &headers)),
            (headers, Some("k".to_owned())),
            "{id}"
        );
        // Of an error.
        let error = base.status_error(429);
        assert_eq!((own.status_error(429), own.error_type(&error)), (error.clone(), base.error_type(&error)), "{id}");
        let body = base.error_body(&error, 1);
        assert_eq!(
            (own.error_body(&error, 1), own.read_error(429, &body)),
            (body.clone(), Some(error.clone())),
            "{id}"
        );
        let event = base.error_event(&error, 1, b"");
        assert_eq!(own.error_event(&error, 1, b""), event, "{id}");
        assert_eq!(own.refuse(Wrong::Method), base.refuse(Wrong::Method), "{id}");
        let (usual, told) = (base.error_headers_for("/", &error, 1), own.error_headers_for("/", &error, 1));
        assert_eq!((told.get("content-type"), told.get("content-type").is_some()), (usual.get("content-type"), true));
        // Of waiting.
        let waits = |api: &dyn Api| {
            let mut error = error.clone();
            api.ask_to_wait(&mut error, Duration::from_secs(9));
            error
        };
        assert_eq!(waits(&own), waits(base), "{id}");
        let asks: Headers = [("retry-after", "7")].into_iter().collect();
        let body = base.error_body(&waits(base), 1);
        assert!(base.wait_of(&asks, &body).is_some(), "{id}");
        assert_eq!(own.wait_of(&asks, &body), base.wait_of(&asks, &body), "{id}");
        // Of a stream.
        let context = context(true, 1);
        let stream = base.render_stream(&answer("text"), &context);
        let next = &stream.chunks[1].data;
        assert_eq!(own.unknown_event(next), base.unknown_event(next), "{id}");
        assert_eq!(own.number_in(next), base.number_in(next), "{id}");
        assert_eq!(
            (own.marks(&stream.body()), own.render_stream(&answer("text"), &context).body()),
            (stream.marks.clone(), stream.body()),
            "{id}"
        );
        assert_eq!(
            own.as_asked("/m:streamGenerateContent", stream.clone()),
            base.as_asked("/m:streamGenerateContent", stream),
            "{id}"
        );
        // Of requests and what is asked beside them.
        for path in ["/api/tags", "/v1/models", "/v1beta/models", "/x"] {
            let call = SideCall { method: "GET", path, models: &["m"], tokens: 1 };
            assert_eq!(own.side(&call), base.side(&call), "{id} {path}");
            let headers = Headers::default();
            assert_eq!(own.shows(&headers, path), base.shows(&headers, path), "{id} {path}");
        }
        for request in [json!({"stream_options": {"include_usage": true}}), json!({})] {
            assert_eq!(own.tells_usage(&request), base.tells_usage(&request), "{id} {request}");
        }
        let edited = |edit: &dyn Fn(&dyn Api, &mut Value), of: &Value| {
            [&own as &dyn Api, base].map(|api| {
                let mut value = of.clone();
                edit(api, &mut value);
                value
            })
        };
        let [ours, theirs] = edited(&|api, body| api.ask_for_json(body, Some(&json!({"type": "object"}))), &json!({}));
        assert_eq!(ours, theirs, "{id}");
        let unary: Value = serde_json::from_slice(&base.render_unary(&answer("text"), &context).body()).expect("JSON");
        let [ours, theirs] = edited(&|api, body| api.forget_usage(body), &unary);
        assert_eq!(ours, theirs, "{id}");
    }
}

#[test]
fn usage_is_told_as_the_vendor_tells_it() {
    for (vendor, api) in dialects().filter(|(_, api)| api.id() == ApiId::OpenaiChat) {
        for asked in [false, true] {
            let request = if asked {
                json!({"stream": true, "stream_options": {"include_usage": true}})
            } else {
                json!({"stream": true})
            };
            let mut reader = api.stream_reader();
            reader.feed(&api.render_stream(&answer("text"), &context(asked, 1)).body());
            let told = reader.finish().completion.usage.is_some();
            assert_eq!(api.tells_usage(&request), told, "{} {request}", vendor.vendor);
        }
    }
}

#[test]
fn calls_have_their_arguments() {
    let calls = |spoken: &Spoken| spoken.parts.iter().any(|part| matches!(part, SpokenPart::ToolCall { .. }));
    let answers: Vec<_> = answers().filter(|(_, spoken)| calls(spoken)).collect();
    assert!(answers.len() > 2);
    for (vendor, api) in dialects() {
        for (name, spoken) in &answers {
            let expect: Vec<Value> = spoken
                .parts
                .iter()
                .filter_map(|part| match part {
                    SpokenPart::ToolCall { arguments, .. } => serde_json::from_str(&arguments.concat()).ok(),
                    _ => None,
                })
                .collect();
            let mut reader = api.stream_reader();
            reader.feed(&api.render_stream(spoken, &context(false, 1)).body());
            let unary = api.read_unary(&api.render_unary(spoken, &context(false, 1)).body()).expect("an answer");
            for parts in [reader.finish().completion.parts, unary.parts] {
                let read = parts.into_iter().filter_map(|part| match part {
                    Part::ToolCall { arguments, .. } => Some(arguments),
                    _ => None,
                });
                assert_eq!(read.collect::<Vec<_>>(), expect, "{} {name}", vendor.vendor);
            }
        }
    }
}

#[test]
fn a_fingerprint_is_the_models() {
    let fingerprint = |model: &str, seed: u64| {
        let context = EncodeContext { model: model.to_owned(), ..context(false, seed) };
        let body = dialect("groq").render_unary(&answer("text"), &context).body();
        serde_json::from_slice::<Value>(&body).expect("JSON")["system_fingerprint"].clone()
    };
    assert_eq!(fingerprint("a", 1), fingerprint("a", 2));
    assert_ne!(fingerprint("a", 1), fingerprint("b", 1));
}

/// The events of an answer in Groq's form, with something changed.
fn changed(name: &str, change: impl Fn(&mut Chat)) -> Vec<crate::api::Written> {
    let mut chat = Vendor::named("groq").and_then(|groq| groq.apis[0].chat.clone()).expect("its chat");
    change(&mut chat);
    chat::events(&chat, &answer(name), &context(false, 1))
}

#[test]
fn some_answers_begin_otherwise() {
    let marked = |name: &str, of: fn(&mut Chat) -> &mut Variant| {
        let events = changed(name, |chat| {
            let start = Event { chunk: json!({"marked": true}), ..chat.stream.start.clone().expect("its start") };
            of(chat).start = Some(start);
        });
        String::from_utf8_lossy(&events[0].bytes).contains("\"marked\":true")
    };
    let check = |name: &str, thinking: bool, calls: bool| {
        assert_eq!(marked(name, |chat| &mut chat.stream.if_thinking), thinking, "{name}");
        assert_eq!(marked(name, |chat| &mut chat.stream.if_calls), calls, "{name}");
    };
    check("text", false, false);
    check("thinking", true, false);
    check("thinking-and-tool", true, false);
    check("tool-call", false, true);
    check("text-and-tool", false, false);
    // Where thinking is not written, an answer begins with what follows it.
    let silent = |chat: &mut Chat| {
        chat.stream.thinking = None;
        chat.stream.if_calls.start = Some(Event { chunk: json!({"marked": true}), ..Event::default() });
        chat.stream.if_thinking.start = Some(Event::default());
    };
    assert!(String::from_utf8_lossy(&changed("thinking-and-tool", silent)[0].bytes).contains("\"marked\":true"));
}

#[test]
fn the_last_event_may_be_the_end() {
    let last = |end: End| changed("text", |chat| chat.stream.end = end).pop().expect("an event");
    let (done, nothing) = (last(End::Done), last(End::Nothing));
    assert_eq!((done.stage, nothing.stage), (Stage::Terminator, Stage::Terminator));
    assert_eq!(done.bytes, b"data: [DONE]\n\n");
    assert_ne!(nothing.bytes, done.bytes);
}

#[test]
fn a_vendor_tells_of_itself() {
    let groq = Vendor::named("groq").expect("a vendor");
    assert_eq!(groq.told(), "any answer as groq gives it, at /openai/v1/chat/completions");
    let found = |path: &str| groq.of_path(path).map(Api::id);
    assert_eq!(found("/openai/v1/chat/completions"), Some(ApiId::OpenaiChat));
    assert_eq!((found("/a/openai/v1/chat/completions"), found("/v1/messages")), (None, None));
}

#[test]
fn what_only_some_files_say() {
    // The path asks to stream.
    let vertex = dialect("vertex-anthropic");
    for stream in [false, true] {
        let target = vertex.target("m", stream);
        let request = Request { method: "POST".to_owned(), target, headers: Headers::default(), body: "{}".into() };
        assert_eq!(vertex.read(&request).map(|asked| asked.stream), Some(stream));
    }
    // An error is known by status and kind.
    let mistral = dialect("mistral");
    let known = mistral.status_error(401);
    let is_bare = |error: &ApiError| mistral.error_body(error, 1).starts_with(b"{\"detail\":");
    assert!(is_bare(&known));
    assert!(!is_bare(&ApiError { kind: "other".to_owned(), ..known.clone() }));
    assert!(!is_bare(&ApiError { status: 400, ..known }));
    assert_eq!(dialect("azure-openai").status_error(401).code.as_deref(), Some("401"));
    // A key in a header of its own stands beside the others.
    let headers = dialect("azure-openai").request_headers("k");
    assert_eq!((headers.get("content-type"), headers.get("authorization")), (Some("application/json"), None));
    let prefill = |vendor: &str| dialect(vendor).features().prefill;
    assert_eq!(["llamacpp", "mistral", "groq", "vertex-anthropic"].map(prefill), [true, false, false, true]);
}
