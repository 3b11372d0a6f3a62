//! Requests: whatever is asked is read in every API, judged by the rules of every vendor, and written in every other.
//!
//! The input is a target, lines of headers and, behind an empty line, a body.
#![cfg_attr(not(test), no_main)]

use crossfade::api::compare::{differences, normal, without_words};
use crossfade::api::{ApiId, Conversation, ModelName};
use crossfade::rules::{Incoming, RuleBook};
use crossfade::wire::{Headers, Request};

const MODELS: [&str; 6] = [
    "anthropic/claude-sonnet-4-6",
    "anthropic/claude-opus-4-7",
    "openai/gpt-5",
    "openai/gpt-4o-mini",
    "gemini/gemini-2.5-flash",
    "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0",
];

fn request(data: &[u8]) -> Request {
    let at = data.windows(2).position(|pair| pair == b"\n\n").unwrap_or(0);
    let (head, body) = data.split_at(at);
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let target = lines.next().unwrap_or_default().to_owned();
    let headers: Headers = lines.filter_map(|line| line.split_once(": ")).collect();
    Request { method: "POST".to_owned(), target, headers, body: body.to_vec().into() }
}

pub(crate) fn check(data: &[u8]) {
    let request = request(data);
    for api in ApiId::ALL.into_iter().filter_map(ApiId::spoken) {
        let _ = api.own_path(request.target.split('?').next().unwrap_or_default());
        let _ = api.presented_key(&request.target, &request.headers);
        for model in MODELS {
            let model: ModelName = model.parse().expect("a model");
            let incoming = Incoming {
                api: api.id(),
                model: &model,
                models: &[],
                target: &request.target,
                headers: &request.headers,
                body: &request.body.0,
                expected_key: Some("k"),
            };
            let ruling = RuleBook::bundled().judge(&incoming);
            let explained = RuleBook::bundled().explain(&incoming);
            assert_eq!(usize::from(ruling.refusal.is_some()) + ruling.also.len(), explained.len());
        }
        let Some(conversation) = api.read(&request) else { continue };
        assert!(differences(&conversation, &conversation).is_empty());
        let _ = (api.prefill(&conversation), without_words(&conversation, &["word".to_owned()]));
        let plain = normal(&conversation);
        assert_eq!(normal(&plain), plain, "{}", api.id());
        for other in ApiId::ALL.into_iter().filter_map(ApiId::spoken) {
            let body = other.write_request(&conversation, "m");
            let again: Conversation = other.read_request(&body);
            // What was written by us is read and written as it is, but for what another API does not say.
            if other.id() == api.id() {
                assert_eq!(other.write_request(&again, "m"), body, "{}", api.id());
            }
        }
    }
}

#[cfg(not(test))]
libfuzzer_sys::fuzz_target!(|data: &[u8]| check(data));
