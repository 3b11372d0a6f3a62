use serde_json::Value;

use super::*;
use crate::answer::Library;
use crate::answer::{Lexicon, Rendition, Spoken, Stage, speak};
use crate::api::{ApiError, EncodeContext, Level};
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
            assert_eq!(api.presented_key(&target, &headers).as_deref(), Some("sk-1"), "{}", vendor.vendor);
            let base = api.id().spoken().expect("spoken");
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
