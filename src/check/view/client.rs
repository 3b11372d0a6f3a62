//! What the client got, as an official SDK would read it.

use crate::api::{Api, ApiError, Completion, Finding, Level};
use crate::framing::Framing;
use crate::history::{ClientEnd, ClientExchange};

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Form {
    /// No head.
    Nothing,
    /// Another status than 2xx.
    ErrorStatus,
    /// A stream of events.
    Stream,
    /// A JSON answer.
    Unary,
    /// A 2xx with an error for a body.
    ErrorBody,
    /// A 2xx with something that is no answer of this API.
    Unreadable,
}

/// The client's side of a step.
#[derive(Debug)]
pub(in crate::check) struct ClientView<'a> {
    pub(in crate::check) exchange: &'a ClientExchange,
    pub(in crate::check) api: Option<&'static dyn Api>,
    pub(in crate::check) body: Vec<u8>,
    pub(in crate::check) form: Form,
    /// The answer, as far as there is one.
    pub(in crate::check) answer: Completion,
    pub(in crate::check) findings: Vec<Finding>,
    /// The error of an error body, if it has the API's shape.
    pub(in crate::check) error: Option<ApiError>,
    /// Where an SDK raises inside a stream, and why.
    pub(in crate::check) raises: Option<(usize, String)>,
}

impl<'a> ClientView<'a> {
    pub(super) fn of(exchange: &'a ClientExchange) -> Self {
        let mut view = Self {
            exchange,
            api: exchange.api.spoken(),
            body: exchange.body(),
            form: Form::Nothing,
            answer: Completion::default(),
            findings: Vec::new(),
            error: None,
            raises: None,
        };
        if let (Some(head), Some(api)) = (&exchange.response, view.api) {
            view.read(head.status, api);
        }
        view
    }

    fn read(&mut self, status: u16, api: &'static dyn Api) {
        if !(200..300).contains(&status) {
            self.form = Form::ErrorStatus;
            self.error = api.read_error(status, &self.body);
        } else if self.is_stream() {
            self.form = Form::Stream;
            let mut reader = api.stream_reader();
            reader.feed(&self.body);
            let reading = reader.finish();
            self.findings = reading.findings;
            self.raises = self.first_raise(&reading.completion);
            self.answer = reading.completion;
        } else if let Ok(answer) = api.read_unary(&self.body) {
            self.form = Form::Unary;
            self.answer = answer;
        } else if let Some(error) = api.read_error(status, &self.body) {
            self.form = Form::ErrorBody;
            self.error = Some(error);
        } else {
            self.form = Form::Unreadable;
        }
    }

    /// By what came, not by what was asked for or announced: SDKs parse events under any content type. A line of JSON
    /// is both a stream and none.
    fn is_stream(&self) -> bool {
        let has_lines = self.api.is_some_and(|api| api.framing() == Framing::Ndjson);
        let first = self.body.iter().find(|byte| !byte.is_ascii_whitespace());
        match first {
            Some(b'{') if has_lines => self.exchange.stream,
            Some(b'{' | b'[' | b'<') => false,
            Some(_) => true,
            None => self.exchange.stream,
        }
    }

    /// The first event on which an official SDK of this API raises: a visible error, or data that is no JSON.
    fn first_raise(&self, answer: &Completion) -> Option<(usize, String)> {
        let error = answer.visible_error().map(|error| (error.offset, error.message.clone()));
        let first = error.into_iter().chain(self.damaged_event()).min_by_key(|(offset, _)| *offset);
        // Behind the end mark nobody reads.
        first.filter(|(offset, _)| answer.terminator.is_none_or(|end| *offset <= end))
    }

    /// Data that is no JSON, in an event that the SDKs of this API parse, or a frame that they cannot read.
    fn damaged_event(&self) -> Option<(usize, String)> {
        let mut decoder = self.api.map_or(Framing::Sse, Api::framing).decoder();
        let events = decoder.feed(&self.body);
        let damaged = events.iter().find(|event| {
            let data = event.data.trim();
            let at = event.span.start;
            !data.is_empty()
                && !data.starts_with("[DONE]")
                && serde_json::from_str::<serde::de::IgnoredAny>(data).is_err()
                && self.findings.iter().any(|finding| finding.offset == at && finding.level == Level::Must)
        });
        let frame = || decoder.damage().map(|damage| (damage.offset, damage.message.clone()));
        damaged.map(|event| (event.span.start, "an event that is not JSON".to_owned())).or_else(frame)
    }

    pub(in crate::check) fn status(&self) -> Option<u16> {
        self.exchange.response.as_ref().map(|head| head.status)
    }

    /// Whether the client sees an error, on whatever way.
    pub(in crate::check) fn sees_error(&self) -> bool {
        match self.form {
            Form::ErrorStatus | Form::ErrorBody => true,
            // An SDK cannot parse it, and raises.
            Form::Unreadable => !self.exchange.stream,
            Form::Stream => self.raises.is_some(),
            Form::Unary | Form::Nothing => false,
        }
    }

    /// Whether the client takes what it got for a finished answer.
    pub(in crate::check) fn looks_finished(&self) -> bool {
        match self.form {
            Form::Unary => true,
            Form::Stream => !self.answer.finishes.is_empty() || self.answer.terminator.is_some(),
            _ => false,
        }
    }

    pub(in crate::check) fn ended(&self, end: &ClientEnd) -> bool {
        self.exchange.end == *end
    }

    pub(in crate::check) fn broke(&self) -> bool {
        matches!(self.exchange.end, ClientEnd::Broken(_) | ClientEnd::NoResponse(_))
    }

    /// Everything that the client was told in an error: the whole error body, or the messages in the stream.
    pub(in crate::check) fn error_text(&self) -> String {
        match self.form {
            Form::ErrorStatus | Form::ErrorBody => String::from_utf8_lossy(&self.body).into_owned(),
            Form::Unreadable => String::from_utf8_lossy(&self.body).into_owned(),
            Form::Stream => {
                let messages = self.answer.errors.iter().map(|error| error.message.as_str());
                messages.collect::<Vec<_>>().join("\n")
            }
            Form::Unary | Form::Nothing => String::new(),
        }
    }
}
