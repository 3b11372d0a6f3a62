//! An API as a vendor speaks it: the API itself, but for what the vendor's file says.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::file::{Chat, HeaderLists, PrefillWhen, Speaks, StatusError};
use super::form::Ids;
use super::{chat, messages, route, unary};
use crate::answer::{Mark, Rendition, RenditionChunk, Spoken};
use crate::api::{
    Api, ApiError, ApiId, Completion, Conversation, EncodeContext, Features, Part, Role, SideCall, StreamReader,
    StreamWriter, Wrong, render, target,
};
use crate::framing::Framing;
use crate::wire::Headers;

/// An API as a vendor speaks it.
#[derive(Debug)]
pub(super) struct Dialect {
    base: &'static dyn Api,
    speaks: &'static Speaks,
}

impl Dialect {
    /// `None` where the API is not spoken.
    pub(super) fn new(speaks: &'static Speaks) -> Option<Self> {
        Some(Self { base: speaks.api.spoken()?, speaks })
    }

    fn paths(&self) -> impl Iterator<Item = &'static str> {
        self.speaks.paths.at.iter().chain(&self.speaks.paths.stream).map(String::as_str)
    }

    /// Whether the path asks for a stream, where it says that.
    fn asks_to_stream(&self, path: &str) -> Option<bool> {
        let paths = &self.speaks.paths;
        let fits = |form: &String| route::read(form, path).is_some();
        (!paths.stream.is_empty()).then(|| paths.stream.iter().any(fits))
    }

    /// The vendor's headers: those of a kind of answer, then those of every one.
    fn headers(&self, usual: &Headers, kind: fn(&HeaderLists) -> &[(String, String)], seed: u64) -> Headers {
        let ids = Ids { seed, created: 0 };
        let lists = &self.speaks.headers;
        let own = kind(lists).iter().chain(&lists.all);
        let mut headers: Headers = own.map(|(name, value)| (name.clone(), ids.fill(value))).collect();
        if headers.get("content-type").is_none() {
            headers.0.extend(usual.get("content-type").map(|value| ("content-type".to_owned(), value.to_owned())));
        }
        headers
    }

    /// The vendor's headers of an error.
    fn headers_of_error(&self, usual: &Headers, error: &ApiError, seed: u64) -> Headers {
        let mut headers = self.headers(usual, |lists| &lists.error, seed);
        let known = self.known(error);
        let form = self
            .speaks
            .errors
            .as_ref()
            .map(|errors| known.and_then(|known| known.form.as_ref()).unwrap_or(&errors.form));
        let content_type =
            form.and_then(|form| form.content_type.clone()).map(|value| ("content-type".to_owned(), value));
        let ids = Ids { seed, created: 0 };
        let more =
            known.into_iter().flat_map(|known| &known.headers).map(|(name, value)| (name.clone(), ids.fill(value)));
        for (name, value) in content_type.into_iter().chain(more) {
            headers.0.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
            headers.0.push((name, value));
        }
        headers
    }

    fn dressed(&self, rendition: Rendition, kind: fn(&HeaderLists) -> &[(String, String)], seed: u64) -> Rendition {
        Rendition { headers: self.headers(&rendition.headers, kind, seed), ..rendition }
    }

    fn chat(&self) -> Option<&'static Chat> {
        self.speaks.chat.as_ref()
    }

    /// What is known of an error of this status and kind.
    fn known(&self, error: &ApiError) -> Option<&'static StatusError> {
        let statuses = &self.speaks.errors.as_ref()?.statuses;
        statuses.iter().find(|known| known.status == error.status && known.kind == error.kind)
    }
}

impl Api for Dialect {
    fn id(&self) -> ApiId {
        self.base.id()
    }

    fn features(&self) -> Features {
        let usual = self.base.features();
        let prefill = self.speaks.prefill.as_ref().map_or(usual.prefill, |own| own.when == PrefillWhen::Always);
        Features { prefill, ..usual }
    }

    fn usual_model(&self) -> &'static str {
        self.base.usual_model()
    }

    fn model_key(&self) -> Option<&'static str> {
        self.base.model_key()
    }

    fn framing(&self) -> Framing {
        self.base.framing()
    }

    fn path(&self) -> &'static str {
        self.paths().next().unwrap_or_else(|| self.base.path())
    }

    fn target(&self, model: &str, stream: bool) -> String {
        let paths = &self.speaks.paths;
        let form = paths.stream.first().filter(|_| stream).or(paths.at.first());
        let Some(form) = form else { return self.base.target(model, stream) };
        let query = paths.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        route::write(form, model) + &query
    }

    fn fill(&self, path: &str, model: &str, stream: bool) -> String {
        self.base.fill(path, model, stream)
    }

    fn own_path<'p>(&self, path: &'p str) -> Option<&'p str> {
        // The API's own path may end in a vendor's: the longer one is meant.
        let own = self.paths().filter_map(|form| route::read(form, path)).map(|route| route.own);
        own.chain(self.base.own_path(path)).max_by_key(|own| own.len())
    }

    fn request_headers(&self, key: &str) -> Headers {
        let mut headers = self.base.request_headers(key);
        if let Some(own) = &self.speaks.key {
            let is_key = |name: &str| ["authorization", "x-api-key", "x-goog-api-key"].contains(&name);
            headers.0.retain(|(name, _)| !is_key(name));
            let scheme = own.scheme.as_ref().map(|scheme| format!("{scheme} ")).unwrap_or_default();
            headers.push(own.header.as_str(), scheme + key);
        }
        headers
    }

    fn presented_key(&self, target: &str, headers: &Headers) -> Option<String> {
        let own = self.speaks.key.as_ref().and_then(|own| {
            let shown = headers.get(&own.header)?;
            let Some(scheme) = &own.scheme else { return Some(shown.to_owned()) };
            let (said, key) = shown.split_once(' ')?;
            said.eq_ignore_ascii_case(scheme).then(|| key.trim().to_owned())
        });
        own.or_else(|| self.base.presented_key(target, headers))
    }

    fn read_request(&self, body: &Value) -> Conversation {
        self.base.read_request(body)
    }

    fn read_target(&self, target: &str, conversation: &mut Conversation) {
        self.base.read_target(target, conversation);
        let (path, _) = target::split(target);
        let Some(route) = self.paths().find_map(|form| route::read(form, path)) else { return };
        if let Some(model) = route.model {
            conversation.model = model;
        }
        if let Some(stream) = self.asks_to_stream(path) {
            conversation.stream = stream;
        }
    }

    fn write_request(&self, conversation: &Conversation, model: &str) -> Value {
        let mut body = self.base.write_request(conversation, model);
        if let (Some(body), Some(own)) = (body.as_object_mut(), &self.speaks.request) {
            for (name, value) in own.with.as_object().into_iter().flatten() {
                if value.is_null() {
                    body.shift_remove(name);
                } else {
                    body.insert(name.clone(), value.clone());
                }
            }
        }
        body
    }

    fn stream_reader(&self) -> Box<dyn StreamReader> {
        self.base.stream_reader()
    }

    fn stream_writer(&self, context: &EncodeContext) -> Box<dyn StreamWriter> {
        self.base.stream_writer(context)
    }

    fn read_unary(&self, body: &[u8]) -> Result<Completion, String> {
        self.base.read_unary(body)
    }

    fn render_stream(&self, spoken: &Spoken, context: &EncodeContext) -> Rendition {
        let mut rendition = match self.chat() {
            Some(chat) => {
                let written = chat::events(chat, spoken, context);
                let usual = [("content-type", "text/event-stream")].into_iter().collect();
                prepend(&chat::before(chat, spoken, context), render::stream_rendition(written, usual))
            }
            None => self.base.render_stream(spoken, context),
        };
        if let Some(own) = &self.speaks.messages {
            rendition = messages::stream(own, rendition);
        }
        self.dressed(rendition, |lists| &lists.stream, context.seed)
    }

    fn render_unary(&self, spoken: &Spoken, context: &EncodeContext) -> Rendition {
        let mut rendition = match self.chat() {
            Some(chat) => {
                let usual = [("content-type", "application/json")].into_iter().collect();
                render::unary_rendition(unary::body(chat, spoken, context), usual)
            }
            None => self.base.render_unary(spoken, context),
        };
        if let Some(own) = &self.speaks.messages {
            rendition = messages::marked(own, rendition);
        }
        self.dressed(rendition, |lists| &lists.answer, context.seed)
    }

    fn as_asked(&self, target: &str, rendition: Rendition) -> Rendition {
        self.base.as_asked(target, rendition)
    }

    fn marks(&self, body: &[u8]) -> Vec<Mark> {
        self.base.marks(body)
    }

    fn error_body(&self, error: &ApiError, seed: u64) -> Vec<u8> {
        if let Some(errors) = &self.speaks.errors {
            let form = self.known(error).and_then(|known| known.form.as_ref()).unwrap_or(&errors.form);
            return form.write(error, seed, |_| None).into_bytes();
        }
        let body = self.base.error_body(error, seed);
        self.speaks.messages.as_ref().map_or_else(|| body.clone(), |own| messages::mark(own, &body))
    }

    fn error_headers(&self, error: &ApiError, seed: u64) -> Headers {
        self.headers_of_error(&self.base.error_headers(error, seed), error, seed)
    }

    fn error_headers_for(&self, target: &str, error: &ApiError, seed: u64) -> Headers {
        self.headers_of_error(&self.base.error_headers_for(target, error, seed), error, seed)
    }

    fn error_type(&self, error: &ApiError) -> Option<(String, String)> {
        self.base.error_type(error)
    }

    fn ask_to_wait(&self, error: &mut ApiError, after: Duration) {
        self.base.ask_to_wait(error, after);
    }

    fn wait_of(&self, headers: &Headers, body: &[u8]) -> Option<Duration> {
        self.base.wait_of(headers, body)
    }

    fn error_event(&self, error: &ApiError, seed: u64, behind: &[u8]) -> Vec<u8> {
        match self.chat().and_then(|chat| chat.stream.error.as_ref()) {
            Some(event) => chat::error(event, error, behind),
            None => self.base.error_event(error, seed, behind),
        }
    }

    fn unknown_event(&self, next: &[u8]) -> Option<Vec<u8>> {
        self.base.unknown_event(next)
    }

    fn number_in(&self, event: &[u8]) -> Option<Range<usize>> {
        self.base.number_in(event)
    }

    fn read_error(&self, status: u16, body: &[u8]) -> Option<ApiError> {
        self.base.read_error(status, body)
    }

    fn status_error(&self, status: u16) -> ApiError {
        let Some(errors) = &self.speaks.errors else { return self.base.status_error(status) };
        if let Some(known) = errors.statuses.iter().find(|known| known.status == status) {
            let StatusError { kind, message, code, .. } = known.clone();
            return ApiError { status, kind, message, code, param: None };
        }
        // As in `refuse`.
        let usual = self.base.status_error(status);
        ApiError { message: reason(status).to_owned(), code: None, ..usual }
    }

    fn side(&self, call: &SideCall<'_>) -> Option<Value> {
        self.base.side(call)
    }

    fn refuse(&self, wrong: Wrong<'_>) -> ApiError {
        let usual = self.base.refuse(wrong);
        // The API's own words name its own vendor.
        if self.speaks.errors.is_some() { self.status_error(usual.status) } else { usual }
    }

    fn shows(&self, headers: &Headers, path: &str) -> bool {
        self.base.shows(headers, path)
    }

    fn ask_for_json(&self, body: &mut Value, schema: Option<&Value>) {
        self.base.ask_for_json(body, schema);
    }

    fn forget_usage(&self, body: &mut Value) {
        self.base.forget_usage(body);
    }

    fn tells_usage(&self, request: &Value) -> bool {
        self.chat().is_some_and(chat::always_tells_usage) || self.base.tells_usage(request)
    }

    fn prefill(&self, conversation: &Conversation) -> Option<String> {
        let Some(own) = &self.speaks.prefill else { return self.base.prefill(conversation) };
        let last = conversation.last().filter(|turn| turn.role == Role::Assistant)?;
        let marked = || {
            // The last turn is the last message that says this; joined turns have lost their numbers.
            let says = |key: &str| key.starts_with("/messages/") && key.ends_with("/prefix");
            conversation.rest.iter().any(|(key, value)| says(key) && value == &Value::Bool(true))
        };
        let calls = last.parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
        (!calls && (own.when == PrefillWhen::Always || marked())).then(|| last.text())
    }
}

/// A stream with something before it: bytes, and whether they are an event.
fn prepend(before: &[(Vec<u8>, bool)], mut rendition: Rendition) -> Rendition {
    let length: usize = before.iter().map(|(bytes, _)| bytes.len()).sum();
    for mark in &mut rendition.marks {
        mark.start += length;
        mark.end += length;
    }
    let mut at = 0;
    let mut marks = Vec::new();
    for (bytes, is_event) in before {
        let end = at + bytes.len();
        marks.extend(is_event.then_some(Mark { start: at, end, stage: crate::answer::Stage::Preamble, piece: None }));
        at = end;
    }
    let chunk =
        |(bytes, _): &(Vec<u8>, bool)| RenditionChunk { after: Duration::ZERO, data: Bytes::from(bytes.clone()) };
    rendition.chunks.splice(0..0, before.iter().map(chunk));
    rendition.marks.splice(0..0, marks);
    rendition
}

/// A status in the words of the protocol.
fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Payload Too Large",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Error",
    }
}
