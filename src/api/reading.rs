//! Reading streams of server-sent events: what the APIs have in common.

use serde_json::Value;

use super::{Completion, Delta, Finding, FinishReason, Level, Part, PieceKind, Reading, Say, Start, StreamReader};
use crate::answer::{Mark, Piece, Stage};
use crate::sse;

/// The JSON object that one server-sent event carries.
pub(super) fn event_json(event: &[u8]) -> Option<serde_json::Map<String, Value>> {
    let event = sse::Decoder::new().feed(event).into_iter().next()?;
    serde_json::from_str(&event.data).ok()
}

/// Findings that are kept of one stream.
const MAX_FINDINGS: usize = 200;

/// The grammar of one API's stream: a state machine over events.
pub(super) trait Grammar: Default + Send + std::fmt::Debug {
    /// Takes one event.
    fn step(&mut self, event: &sse::Event, seen: &mut Seen) -> Vec<Say>;

    /// The body ended inside this event.
    fn unfinished(&mut self, event: &sse::Event, seen: &mut Seen);

    /// The body is over.
    fn end(&mut self, seen: &mut Seen);

    /// How strictly a rule of the SSE layer binds here: MUST where an official SDK of this API trips over it.
    fn level(rule: sse::Rule) -> Level;

    /// Whether what a rule of the SSE layer objects to is usual here.
    fn ignores(rule: sse::Rule) -> bool {
        rule == sse::Rule::Comment
    }
}

/// What was seen of a stream so far.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) completion: Completion,
    pub(super) findings: Vec<Finding>,
    /// How far the stream has got.
    pub(super) stage: Stage,
    /// What the event at hand carries.
    pub(super) piece: Option<Piece>,
}

impl Default for Seen {
    fn default() -> Self {
        Self { completion: Completion::default(), findings: Vec::new(), stage: Stage::Preamble, piece: None }
    }
}

impl Seen {
    /// Notes a deviation.
    pub(super) fn find(&mut self, rule: &str, level: Level, offset: usize, message: impl Into<String>) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(Finding { rule: rule.to_owned(), level, offset, message: message.into() });
        }
    }

    /// The stream has got this far; it never goes back.
    pub(super) fn reach(&mut self, stage: Stage) {
        self.stage = self.stage.max(stage);
    }

    /// A message begins.
    pub(super) fn start(&mut self, offset: usize, id: Option<&str>, model: Option<&str>) {
        self.completion.starts.push(Start { offset, id: id.map(str::to_owned), model: model.map(str::to_owned) });
        self.name(id, model);
    }

    /// An id and a model are named.
    pub(super) fn name(&mut self, id: Option<&str>, model: Option<&str>) {
        for (list, value) in [(&mut self.completion.ids, id), (&mut self.completion.models, model)] {
            if let Some(value) = value
                && !list.iter().any(|known| known == value)
                && list.len() < 100
            {
                list.push(value.to_owned());
            }
        }
    }

    /// Content: a delta that is not empty, added to the part with this number.
    pub(super) fn content(&mut self, offset: usize, kind: PieceKind, part: usize, more: &str) {
        self.reach(Stage::Content);
        self.completion.deltas.push(Delta { offset, kind, text: more.to_owned() });
        self.piece.get_or_insert_with(|| Piece { kind, text: more.to_owned() });
        if kind == PieceKind::Text {
            self.completion.text.push_str(more);
        }
        self.append(part, more);
    }

    /// Adds to a part what is no part of the answer that is followed (further choices).
    pub(super) fn append(&mut self, part: usize, more: &str) {
        match self.completion.parts.get_mut(part) {
            Some(Part::Text { text, .. } | Part::Thinking { text, .. } | Part::Refusal { text }) => text.push_str(more),
            Some(Part::ToolCall { arguments: Value::String(text), .. }) => text.push_str(more),
            _ => {}
        }
    }

    /// Begins a part and gives its number.
    pub(super) fn part(&mut self, part: Part) -> usize {
        self.completion.parts.push(part);
        self.completion.parts.len() - 1
    }

    /// The arguments of a tool call are whole; `false` if they are not JSON.
    pub(super) fn close_call(&mut self, part: usize) -> bool {
        if let Some(Part::ToolCall { arguments, .. }) = self.completion.parts.get_mut(part)
            && let Value::String(text) = &*arguments
        {
            *arguments = super::body::parse_arguments(text);
            return !arguments.is_string();
        }
        true
    }

    /// The answer says why it ended.
    pub(super) fn finish(&mut self, offset: usize, reason: FinishReason, raw: &str) {
        self.reach(Stage::Finish);
        self.completion.finishes.push(super::Finish { offset, reason, raw: raw.to_owned() });
    }

    /// The end mark came.
    pub(super) fn terminator(&mut self, offset: usize) {
        self.reach(Stage::Terminator);
        self.completion.terminator.get_or_insert(offset);
    }
}

/// Reads a stream by its grammar.
#[derive(Debug, Default)]
pub(super) struct SseReader<G> {
    decoder: sse::Decoder,
    grammar: G,
    seen: Seen,
}

impl<G: Grammar> SseReader<G> {
    fn take(&mut self, bytes: &[u8], mut each: impl FnMut(&sse::Event, Vec<Say>, &mut Seen)) {
        let events = self.decoder.feed(bytes);
        self.take_sse_findings();
        for event in events {
            let says = self.grammar.step(&event, &mut self.seen);
            each(&event, says, &mut self.seen);
            self.seen.piece = None;
        }
    }

    fn take_sse_findings(&mut self) {
        for finding in self.decoder.take_findings().into_iter().filter(|finding| !G::ignores(finding.rule)) {
            self.seen.find(finding.rule.id(), G::level(finding.rule), finding.offset, finding.message);
        }
    }
}

impl<G: Grammar + 'static> StreamReader for SseReader<G> {
    fn feed(&mut self, bytes: &[u8]) -> Vec<Say> {
        let mut said = Vec::new();
        self.take(bytes, |_, says, _| said.extend(says));
        said
    }

    fn so_far(&self) -> &Completion {
        &self.seen.completion
    }

    fn finish(self: Box<Self>) -> Reading {
        let Self { decoder, mut grammar, mut seen } = *self;
        let tail = decoder.finish();
        for finding in tail.findings.into_iter().filter(|finding| !G::ignores(finding.rule)) {
            seen.find(finding.rule.id(), G::level(finding.rule), finding.offset, finding.message);
        }
        if let Some(event) = &tail.unfinished {
            grammar.unfinished(event, &mut seen);
        }
        grammar.end(&mut seen);
        let mut findings = seen.findings;
        findings.sort_by_key(|finding| finding.offset);
        Reading { completion: seen.completion, findings }
    }
}

/// Where the events of a body stand and what they say.
pub(super) fn marks<G: Grammar>(body: &[u8]) -> Vec<Mark> {
    let mut reader = SseReader { decoder: sse::Decoder::new(), grammar: G::default(), seen: Seen::default() };
    let mut marks = Vec::new();
    reader.take(body, |event, _, seen| {
        let mut end = event.span.end;
        // The LF of a CR LF belongs to the blank line that it ends.
        if body.get(end.wrapping_sub(1)) == Some(&b'\r') && body.get(end) == Some(&b'\n') {
            end += 1;
        }
        marks.push(Mark { start: event.span.start, end, stage: seen.stage, piece: seen.piece.take() });
    });
    marks
}
