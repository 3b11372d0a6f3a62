//! Which recording a request is, and what a new one is called. No I/O.

use serde_json::Value;

use crate::api::{Api, ApiId};
use crate::cassette::{Exchange, RecordedEnd, RecordedRequest};
use crate::wire::{Blob, Request};

use super::upstream::path;

/// Longest part of a name that a model gives.
const MODEL: usize = 48;

/// What makes two requests the same: not their headers, nor how their JSON is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    method: String,
    path: String,
    /// Parameters of the query, sorted.
    query: Vec<String>,
    body: Body,
}

#[derive(Clone, Debug, PartialEq)]
enum Body {
    Json(Value),
    Bytes(Vec<u8>),
}

impl Key {
    /// Of a request from which secrets have been taken, as they are before a file has it.
    pub(super) fn of(request: &RecordedRequest) -> Self {
        let query = request.target.split_once('?').map_or("", |(_, query)| query);
        let mut query: Vec<String> = query.split('&').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        query.sort();
        let bytes = request.bytes();
        let body = serde_json::from_slice(&bytes).map_or(Body::Bytes(bytes), Body::Json);
        Self { method: request.method.clone(), path: path(&request.target).to_owned(), query, body }
    }
}

/// A recording, and how often it was played or recorded anew.
#[derive(Debug)]
pub(super) struct Kept<P> {
    pub(super) key: Key,
    /// Where it lies.
    pub(super) place: P,
    pub(super) exchange: Exchange,
    pub(super) times: usize,
}

/// The recordings that were there before, in order.
#[derive(Debug)]
pub(super) struct Shelf<P>(pub(super) Vec<Kept<P>>);

impl<P> Shelf<P> {
    /// Puts one behind the others.
    pub(super) fn put(&mut self, place: P, exchange: Exchange) {
        let key = Key::of(&exchange.request);
        self.0.push(Kept { key, place, exchange, times: 0 });
    }

    /// The recording to play for a request: the next of those that are the same, at last the last one again and again.
    pub(super) fn play(&mut self, key: &Key) -> Option<&Kept<P>> {
        let mut same = self.0.iter_mut().filter(|kept| kept.key == *key);
        let first = same.next()?;
        let chosen =
            std::iter::once(first).chain(same).reduce(|chosen, next| if chosen.times > 0 { next } else { chosen });
        let chosen = chosen?;
        chosen.times += 1;
        Some(chosen)
    }

    /// The recording that a new one of the same request replaces: each once.
    pub(super) fn replace(&mut self, key: &Key) -> Option<&Kept<P>> {
        let chosen = self.0.iter_mut().find(|kept| kept.key == *key && kept.times == 0)?;
        chosen.times += 1;
        Some(chosen)
    }
}

/// The API in which this is asked; `None` where it is none that Crossfade speaks.
pub(super) fn api(target: &str) -> Option<ApiId> {
    ApiId::of_path(path(target)).map(Api::id)
}

/// How files are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// By who was asked, and what is special about the answer.
    Api,
    /// By the leg of a proxy, and by the how manieth of its requests it is: whoever plays them can tell the name.
    Leg(String),
}

impl Names {
    /// The name of the `number`th file.
    pub(super) fn name(&self, api: ApiId, number: u32, exchange: &Exchange) -> String {
        if let Self::Leg(leg) = self {
            return format!("{leg}-{number}.yaml");
        }
        let mut name = format!("{api}-{number:02}");
        let model = model(api, &exchange.request);
        if !model.is_empty() {
            name = format!("{name}-{model}");
        }
        let response = &exchange.response;
        if !(200..300).contains(&response.status) {
            name = format!("{name}-{}", response.status);
        }
        match response.end {
            RecordedEnd::Complete => {}
            RecordedEnd::Close => name.push_str("-close"),
            RecordedEnd::Reset => name.push_str("-reset"),
        }
        format!("{name}.yaml")
    }

    /// The number in the name of a file.
    pub(super) fn number(&self, api: ApiId, file: &str) -> Option<u32> {
        let first = match self {
            Self::Api => api.name(),
            Self::Leg(leg) => leg,
        };
        let rest = file.strip_prefix(first)?.strip_prefix('-')?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..digits].parse().ok().filter(|_| *self == Self::Api || rest[digits..] == *".yaml")
    }

    /// Whether a file may be one of these: other people's files in the folder count as well, where nobody shares it.
    pub(super) fn has(&self, file: &str) -> bool {
        match self {
            Self::Api => !file.starts_with('.'),
            Self::Leg(_) => self.number(ApiId::OpenaiChat, file).is_some(),
        }
    }
}

/// The model that a request names, in letters that every file system takes.
fn model(api: ApiId, request: &RecordedRequest) -> String {
    let request = Request {
        method: request.method.clone(),
        target: request.target.clone(),
        headers: request.headers.clone(),
        body: Blob(request.bytes()),
    };
    let model = api.at(&request.target).and_then(|api| api.read(&request)).map(|asked| asked.model).unwrap_or_default();
    let mut slug = String::new();
    for c in model.chars().take(MODEL) {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => slug.push(c),
            '.' if !slug.is_empty() => slug.push('.'),
            _ if slug.ends_with('-') || slug.is_empty() => {}
            _ => slug.push('-'),
        }
    }
    slug.trim_end_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cassette::RecordedResponse;

    fn request(method: &str, target: &str, body: &str) -> RecordedRequest {
        let body = body.to_owned();
        RecordedRequest { method: method.to_owned(), target: target.to_owned(), body, ..RecordedRequest::default() }
    }

    fn exchange(body: &str, status: u16, end: RecordedEnd) -> Exchange {
        let response = RecordedResponse { status, end, ..RecordedResponse::default() };
        Exchange { request: request("POST", "/v1/chat/completions", body), response }
    }

    #[test]
    fn requests_are_the_same_by_their_meaning() {
        let key = |method, target, body| Key::of(&request(method, target, body));
        let one = key("POST", "/v1/x?a=1&b=2", "{\"a\": 1, \"b\": [1, 2]}");
        let check = |method, target, body, same: bool| {
            assert_eq!(key(method, target, body) == one, same, "{method} {target} {body}");
        };
        check("POST", "/v1/x?b=2&a=1", "{\"b\":[1,2],\"a\":1}", true);
        check("GET", "/v1/x?a=1&b=2", "{\"a\":1,\"b\":[1,2]}", false);
        check("POST", "/v1/y?a=1&b=2", "{\"a\":1,\"b\":[1,2]}", false);
        check("POST", "/v1/x?a=1", "{\"a\":1,\"b\":[1,2]}", false);
        check("POST", "/v1/x?a=1&b=2", "{\"a\":1,\"b\":[2,1]}", false);
        check("POST", "/v1/x?a=1&b=2", "{\"a\":1,\"b\":[1,2]", false);
        check("POST", "/v1/x?a=1&b=2", "", false);
    }

    #[test]
    fn recordings_are_played_in_order_and_the_last_one_again() {
        let mut shelf = Shelf(Vec::new());
        for (place, body) in [(1, "{}"), (2, "[]"), (3, "{}")] {
            shelf.put(place, exchange(body, 200, RecordedEnd::Complete));
        }
        let key = Key::of(&request("POST", "/v1/chat/completions", "{ }"));
        let played: Vec<_> = (0..4).filter_map(|_| shelf.play(&key).map(|kept| kept.place)).collect();
        assert_eq!(played, [1, 3, 3, 3]);
        assert!(shelf.play(&Key::of(&request("POST", "/v1/chat/completions", "1"))).is_none());
    }

    #[test]
    fn recordings_are_replaced_once_each() {
        let mut shelf = Shelf(Vec::new());
        shelf.put(1, exchange("{}", 200, RecordedEnd::Complete));
        shelf.put(2, exchange("{}", 200, RecordedEnd::Complete));
        let key = Key::of(&request("POST", "/v1/chat/completions", "{}"));
        let replaced: Vec<_> = (0..3).map(|_| shelf.replace(&key).map(|kept| kept.place)).collect();
        assert_eq!(replaced, [Some(1), Some(2), None]);
    }

    #[test]
    fn names_say_who_was_asked_and_what_is_special() {
        let check = |body: &str, status, end, expect: &str| {
            let name = Names::Api.name(ApiId::OpenaiChat, 3, &exchange(body, status, end));
            assert_eq!(name, expect);
            assert_eq!(Names::Api.number(ApiId::OpenaiChat, &name), Some(3));
        };
        let complete = RecordedEnd::Complete;
        check("{\"model\":\"gpt-4.1\"}", 200, complete, "openai-chat-03-gpt-4.1.yaml");
        check("{\"model\":\"../Meta Llama: 3\u{e9}\"}", 429, complete, "openai-chat-03-meta-llama-3-429.yaml");
        check("no json", 200, RecordedEnd::Close, "openai-chat-03-close.yaml");
        assert_eq!(Names::Api.number(ApiId::OpenaiChat, "openai-responses-03.yaml"), None);
        assert_eq!(Names::Api.number(ApiId::OpenaiChat, "openai-chat.yaml"), None);
    }

    #[test]
    fn names_of_a_leg_can_be_told_before() {
        let leg = Names::Leg("primary".to_owned());
        assert_eq!(leg.name(ApiId::OpenaiChat, 2, &exchange("{}", 503, RecordedEnd::Close)), "primary-2.yaml");
        let check = |file: &str, expect: Option<u32>| {
            assert_eq!(leg.number(ApiId::OpenaiChat, file), expect, "{file}");
            assert_eq!(leg.has(file), expect.is_some(), "{file}");
        };
        check("primary-2.yaml", Some(2));
        check("primary-2-old.yaml", None);
        check("primary-eu-2.yaml", None);
        check("fallback-2.yaml", None);
    }
}
